//! The sites' listings and what leads from them to data.

use seedbed_fixture::{Server, ServerOptions};

use super::client::{get, get_with, send};
use super::{archives, python, run_python};

fn server() -> Server {
    Server::start(archives(), ServerOptions::default()).unwrap()
}

const DAYMET: &str = "/search/granules.json?short_name=Daymet_Daily_V4R1_2129";
const PROTECTED: &str = "/protected/daymet/Daymet_Daily_V4R1/data/daymet_v4_daily_na_tmax_2004.nc";

#[test]
fn cmr_pages_by_search_after_until_a_page_is_empty() {
    let server =
        Server::start(archives(), ServerOptions { cmr_page: 2, ..ServerOptions::default() }).unwrap();
    let url = format!("{}{DAYMET}&page_size=2000", server.base_url());
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let headers = [("CMR-Search-After", after.as_str())];
        let answer = get_with(&url, if after.is_empty() { &[] } else { &headers });
        assert_eq!((answer.status, answer.header("cmr-hits")), (200, "3"));
        let entries = answer.json()["feed"]["entry"].as_array().unwrap().clone();
        names.extend(entries.iter().map(|entry| entry["title"].as_str().unwrap().to_owned()));
        after = answer.header("cmr-search-after").to_owned();
        if after.is_empty() {
            assert!(entries.is_empty());
            break;
        }
    }
    names.sort();
    let wanted =
        ["prcp", "tmax", "tmin"].map(|v| format!("Daymet_Daily_V4R1.daymet_v4_daily_na_{v}_2004.nc"));
    assert_eq!(names, wanted);
}

#[test]
fn cmr_filters_by_time_box_and_name_and_names_an_unknown_parameter() {
    let server = server();
    let hits = |more: &str| {
        let answer = get(&format!("{}{DAYMET}{more}", server.base_url()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("cmr-hits").parse::<usize>().unwrap()
    };
    assert_eq!(hits("&temporal=2004-06-01T00:00:00Z,2004-06-30T00:00:00Z"), 3);
    assert_eq!(hits("&temporal=2005-01-01T00:00:00Z,"), 0);
    assert_eq!(hits("&bounding_box=-75.2,41.1,-75.1,41.2"), 3);
    assert_eq!(hits("&bounding_box=-120,40,-119,41"), 0);
    assert_eq!(hits("&readable_granule_name[]=*_tmax_*&options[readable_granule_name][pattern]=true"), 1);
    let refused = get(&format!("{}{DAYMET}&pagesize=3", server.base_url()));
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("pagesize"));
}

#[test]
fn protected_data_redirect_to_a_store_that_wants_no_credential() {
    let server = server();
    let url = format!("{}{PROTECTED}", server.base_url());
    let answer = get_with(&url, &[("Authorization", "Bearer secret")]);
    assert_eq!(answer.status, 303);
    let signed = answer.header("location").to_owned();
    assert!(signed.starts_with(server.object_store_url()) && signed.contains("X-Amz-Signature="));
    let good = get_with(&signed, &[("Range", "bytes=0-7")]);
    assert_eq!((good.status, good.body.as_slice()), (206, b"\x89HDF\r\n\x1a\n".as_slice()));
    assert!(server.violations().is_empty());
    assert_eq!(get_with(&signed, &[("Authorization", "Bearer secret")]).status, 400);
    assert_eq!(server.violations().len(), 1);
    let unsigned = signed.split('?').next().unwrap();
    assert_eq!(get(unsigned).status, 403);
}

#[test]
fn where_a_token_is_demanded_others_are_sent_to_log_in() {
    let options = ServerOptions { token: Some("right".into()), ..ServerOptions::default() };
    let server = Server::start(archives(), options).unwrap();
    let url = format!("{}{PROTECTED}", server.base_url());
    for headers in [&[][..], &[("Authorization", "Bearer wrong")]] {
        let answer = get_with(&url, headers);
        assert_eq!(answer.status, 302);
        assert_eq!(get(answer.header("location")).status, 401);
    }
    assert_eq!(get_with(&url, &[("Authorization", "Bearer right")]).status, 303);
    // The checksum needs no login.
    let public = url.replace("/protected/", "/public/") + ".sha256";
    assert_eq!(get(&public).body.len(), 64);
}

#[test]
fn files_have_tags_dates_ranges_and_conditions() {
    let server = server();
    let url = format!("{}/statics/whc.tif", server.base_url());
    let whole = get(&url);
    let tag = whole.header("etag").to_owned();
    assert!(whole.complete && tag.starts_with('"') && whole.header("last-modified").ends_with("GMT"));
    let tail = get_with(&url, &[("Range", "bytes=-100"), ("If-Range", &tag)]);
    assert_eq!((tail.status, tail.body.as_slice()), (206, &whole.body[whole.body.len() - 100..]));
    let changed = get_with(&url, &[("Range", "bytes=-100"), ("If-Range", "\"other\"")]);
    assert_eq!((changed.status, changed.body.len()), (200, whole.body.len()));
    assert_eq!(get_with(&url, &[("If-None-Match", &tag)]).status, 304);
    let beyond = get_with(&url, &[("Range", "bytes=999999999-")]);
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, format!("bytes */{}", whole.body.len()).as_str())
    );
    let head = send("HEAD", &url, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, whole.body.len().to_string().as_str()));
    assert!(head.body.is_empty());
}

#[test]
fn an_index_lists_folders_and_files_as_apache_does() {
    let server = server();
    let base = server.base_url();
    let bare = get(&format!("{base}/time_series/us/an/4km"));
    assert_eq!(
        (bare.status, bare.header("location")),
        (301, format!("{base}/time_series/us/an/4km/").as_str())
    );
    let folders = get(&format!("{base}/time_series/us/an/4km/")).text();
    assert!(folders.contains("<a href=\"ppt/\">ppt/</a>"), "{folders}");
    let files = get(&format!("{base}/time_series/us/an/4km/ppt/daily/2004/")).text();
    assert!(files.contains("href=\"prism_ppt_us_25m_20040229.zip\""), "{files}");
    assert!(files.contains("?C=N;O=D") && files.contains("Parent Directory"));
    let zip = get(&format!("{base}/time_series/us/an/4km/ppt/daily/2004/prism_ppt_us_25m_20040229.zip"));
    assert!(zip.body.starts_with(b"PK\x03\x04"));
    let old = get(&format!("{base}/daily/tmin/2004/")).text();
    assert!(old.contains("PRISM_tmin_stable_4kmD2_20040301_bil.zip"), "{old}");
}

#[test]
fn prism_refuses_a_third_download_in_words() {
    let options = ServerOptions { prism_allowance: Some(2), ..ServerOptions::default() };
    let server = Server::start(archives(), options).unwrap();
    let url = format!("{}/daily/tmin/2004/PRISM_tmin_stable_4kmD2_20040301_bil.zip", server.base_url());
    assert!(get(&url).body.starts_with(b"PK") && get(&url).body.starts_with(b"PK"));
    let third = get(&url);
    assert_eq!(third.status, 200);
    assert!(third.text().contains("more than twice in one day"));
}

#[test]
fn thredds_catalogs_lead_to_the_files() {
    let server = server();
    let base = server.base_url();
    let top = get(&format!("{base}/thredds/catalog.xml"));
    assert_eq!(top.status, 302);
    assert!(get(top.header("location")).text().contains("xlink:href=\"MACAV2/catalog.xml\""));
    let models = get(&format!("{base}/thredds/catalog/MACAV2/catalog.xml")).text();
    assert!(models.contains("xlink:href=\"CCSM4/catalog.xml\""), "{models}");
    let files = get(&format!("{base}/thredds/catalog/MACAV2/CCSM4/catalog.xml")).text();
    let (_, rest) = files.split_once("urlPath=\"").unwrap();
    let url_path = rest.split('"').next().unwrap();
    let head = send("HEAD", &format!("{base}/thredds/fileServer/{url_path}"), &[], b"");
    assert_eq!(head.status, 200);
}

#[test]
fn pystac_client_finds_the_composites_page_by_page() {
    let Some(python) = python() else { return };
    let server = server();
    let script = r"
import sys, pystac_client, rasterio
client = pystac_client.Client.open(sys.argv[1] + '/api/stac/v1')
assert [c.id for c in client.get_collections()] == ['modis-13A1-061']
for method in ('POST', 'GET'):
    found = client.search(method=method, collections=['modis-13A1-061'], bbox=[-75.2, 41.1, -75.0, 41.3],
                          datetime='2004-01-01T00:00:00Z/2004-12-31T23:59:59Z')
    ids = [item.id for item in found.items()]
    terra = [i for i in ids if i.startswith('MOD13A1.A2004')]
    # The composite before the year reaches into it, and Aqua is mixed in.
    assert len(terra) == 23 and len(ids) == 26 and len(set(ids)) == 26, (method, ids)
assert not list(client.search(bbox=[10, 10, 11, 11]).items())
one = list(client.search(ids=[terra[3]]).items())
assert [i.id for i in one] == [terra[3]] and one[0].properties['modis:horizontal-tile'] == 12
item = client.get_collection('modis-13A1-061').get_item(terra[3])
with rasterio.open(item.assets['500m_16_days_NDVI'].href) as r:
    assert list(r.transform)[:6] == item.properties['proj:transform'] and list(r.shape) == item.properties['proj:shape']
print('fine')
";
    assert_eq!(run_python(&python, script, server.base_url()), "fine\n");
}

#[test]
fn a_stac_page_links_to_the_next_one_by_its_own_method() {
    let server = server();
    let url = format!("{}/api/stac/v1/search", server.base_url());
    let page = get(&format!("{url}?collections=modis-13A1-061&limit=2")).json();
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    let second = get(next["href"].as_str().unwrap()).json();
    assert_ne!(page["features"][0]["id"], second["features"][0]["id"]);
    let page = send("POST", &url, &[("Content-Type", "application/json")], b"{\"limit\": 2}").json();
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap();
    assert_eq!(next["method"], "POST");
    let body = next["body"].to_string();
    let again = send("POST", next["href"].as_str().unwrap(), &[], body.as_bytes()).json();
    assert_eq!(again["features"], second["features"]);
}
