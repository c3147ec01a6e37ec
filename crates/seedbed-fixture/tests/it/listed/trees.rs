//! Folders as Apache and nginx list them, LP DAAC's old Data Pool, and the same on disk.

use seedbed_fixture::listing::content;
use seedbed_fixture::{Listings, ServerOptions};

use super::super::client::{get, get_with, send};
use super::super::{python, run_python};
use super::{small, values, wide};

/// The links of a page that lead down.
fn names(page: &str) -> Vec<String> {
    let links = values(page, "href").into_iter();
    links.filter(|link| !link.starts_with(['?', '/', '.'])).collect()
}

#[test]
fn the_old_data_pool_leads_from_products_to_dates_to_granules_with_records() {
    let (server, listings) = (wide(), Listings::default());
    let base = server.base_url();
    assert_eq!(
        names(&get(&format!("{base}/MOLA/")).text()),
        ["MYD13A1.061/", "MYD13A2.061/", "MYD13A3.061/", "MYD13Q1.061/"]
    );
    let dates = names(&get(&format!("{base}/MOLT/MOD13Q1.061/")).text());
    assert_eq!(dates.len(), 69);
    assert_eq!(dates[..2], ["2002.01.01/", "2002.01.17/"]);
    let mut granules = 0;
    for date in &dates {
        let page = get(&format!("{base}/MOLT/MOD13Q1.061/{date}")).text();
        granules += names(&page).iter().filter(|name| name.ends_with(".hdf")).count();
    }
    assert_eq!(granules, listings.modis_granules("MOD13Q1"));
    let folder = format!("{base}/MOLT/MOD13Q1.061/2002.01.01/");
    let page = get(&folder).text();
    let names = names(&page);
    assert_eq!(names.len(), 5 * 4);
    assert!(page.contains("alt=\"[   ]\"> <a href=\"BROWSE.MOD13Q1."), "{page}");
    let name = names.iter().find(|name| name.ends_with(".hdf")).unwrap();
    let (data, record) = (get(&format!("{folder}{name}")), get(&format!("{folder}{name}.xml")));
    assert!(record.text().contains(&format!("<FileSize>{}</FileSize>", data.body.len())));
    assert!(record.text().contains(&format!("<Checksum>{}</Checksum>", content::cksum(&data.body))));
    assert!(record.text().contains("<RangeEndingDate>2002-01-16</RangeEndingDate>"));
    assert_eq!(get(&format!("{base}/MOLT/MOD13Q1.061/2002.01.02/")).status, 404);
}

#[test]
fn a_record_of_the_data_pool_is_well_formed_and_tells_its_granule() {
    let Some(python) = python() else { return };
    let server = small(ServerOptions::wide());
    let script = r"
import sys, re, urllib.request, xml.etree.ElementTree as ET
base = sys.argv[1] + '/MOLA/MYD13A3.061/2003.02.01/'
page = urllib.request.urlopen(base).read().decode()
names = re.findall(r'href=.([^?/.][^ >]*?\.hdf\.xml).>', page)
assert len(names) == 2, names
root = ET.fromstring(urllib.request.urlopen(base + names[0]).read())
text = lambda tag: root.find('.//' + tag).text
assert text('RangeBeginningDate') == '2003-02-01' and text('RangeEndingDate') == '2003-02-28'
assert text('DistributedFileName') + '.xml' == names[0] and text('PlatformShortName') == 'Aqua'
parameters = [p.text for p in root.iter('ParameterName')]
assert '1 km monthly NDVI' in parameters and not any('composite day' in p for p in parameters)
assert len(list(root.iter('Point'))) == 4
print('fine')
";
    assert_eq!(run_python(&python, script, server.base_url()), "fine\n");
}

#[test]
fn one_tree_is_listed_in_the_manner_of_four_servers() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let folder = "daymet/Daymet_Daily_V4R1/data/";
    let listings =
        ["daacdata", "apache", "nginx", "plain"].map(|style| get(&format!("{base}/{style}/{folder}")).text());
    // Three regions, three years, seven variables, a checksum beside each file.
    for page in &listings {
        assert_eq!(names(page).len(), 3 * 3 * 7 * 2);
        assert!(page.contains("href=\"daymet_v4_daily_pr_tmax_2020.nc\""));
    }
    assert!(
        listings[0].contains("<pre>")
            && listings[1].contains("<table>")
            && listings[2].contains("<hr><pre><a href=\"../\">")
    );
    let bare = get(&format!("{base}/nginx/daymet/Daymet_Daily_V4R1"));
    assert_eq!(
        (bare.status, bare.header("location")),
        (301, format!("{base}/nginx/daymet/Daymet_Daily_V4R1/").as_str())
    );
    let file = get(&format!("{base}/apache/{folder}daymet_v4_daily_pr_tmax_2020.nc"));
    let sum = get(&format!("{base}/nginx/{folder}daymet_v4_daily_pr_tmax_2020.nc.sha256"));
    assert_eq!(sum.text(), content::sha256(&file.body));
    let size = format!(" {}\n", file.body.len());
    assert!(
        listings[2]
            .lines()
            .any(|line| line.contains("pr_tmax_2020.nc\"") && format!("{line}\n").ends_with(&size))
    );
}

#[test]
fn the_links_in_a_pages_head_sort_it() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/apache/MET/pr/", server.base_url());
    assert_eq!(names(&get(&url).text()), ["pr_2019.nc", "pr_2020.nc", "pr_2021.nc"]);
    assert_eq!(names(&get(&format!("{url}?C=N;O=D")).text()), ["pr_2021.nc", "pr_2020.nc", "pr_2019.nc"]);
    let by_size = names(&get(&format!("{url}?C=S;O=A")).text());
    let sizes: Vec<usize> = by_size.iter().map(|name| get(&format!("{url}{name}")).body.len()).collect();
    assert!(sizes.is_sorted(), "{sizes:?}");
}

#[test]
fn listings_are_not_sent_again_to_those_who_know_them() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    for path in ["/MOLT/", "/nginx/MET/pr/", "/thredds/catalog/MET/catalog.xml", "/api/stac/v1/collections"] {
        let url = format!("{base}{path}");
        let first = get(&url);
        let (tag, date) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
        assert!(!tag.is_empty() && date.ends_with("GMT"), "{path}");
        let known = get_with(&url, &[("If-None-Match", &tag)]);
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        assert_eq!(get_with(&url, &[("If-None-Match", "\"other\"")]).status, 200);
        assert_eq!(get_with(&url, &[("If-Modified-Since", &date)]).status, 304, "{path}");
        assert_eq!(get_with(&url, &[("If-Modified-Since", "Mon, 30 Nov 2020 12:00:00 GMT")]).status, 200);
    }
    let search = get(&format!("{base}/search/granules.json?short_name=MOD13Q1"));
    assert_eq!((search.header("etag"), search.header("last-modified")), ("", ""));
    let bare = small(ServerOptions { validators: false, ..ServerOptions::wide() });
    assert_eq!(get(&format!("{}/MOLT/", bare.base_url())).header("etag"), "");
}

#[test]
fn robots_are_told_what_the_options_say() {
    let robots = "User-agent: *\nDisallow: /MOLT/\n";
    let server = small(ServerOptions { robots: Some(robots.into()), ..ServerOptions::wide() });
    assert_eq!(get(&format!("{}/robots.txt", server.base_url())).text(), robots);
    let server = small(ServerOptions::default());
    assert_eq!(get(&format!("{}/robots.txt", server.base_url())).status, 404);
}

#[test]
fn a_tree_on_disk_has_the_bytes_that_are_served() {
    let server = small(ServerOptions::wide());
    let dir = tempfile::tempdir().unwrap();
    let listings = Listings::small();
    let folder = "daymet/Daymet_Annual_V4R1";
    assert_eq!(listings.write(dir.path(), &[folder]).unwrap(), 3 * 3 * 10 * 2);
    let path = format!("{folder}/data/daymet_v4_swe_annavg_hi_2019.tif");
    let served = get(&format!("{}/apache/{path}", server.base_url()));
    assert_eq!(std::fs::read(dir.path().join(path)).unwrap(), served.body);
    let error = listings.write(dir.path(), &["daymt"]).unwrap_err().to_string();
    assert!(error.contains("`daymt`") && error.contains("daymet"), "{error}");
}

#[test]
fn a_file_of_a_listing_has_ranges_and_conditions_as_any_other() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/apache/MET/pr/pr_2019.nc", server.base_url());
    let whole = get(&url);
    let part = get_with(&url, &[("Range", "bytes=10-19")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[10..20]));
    assert_eq!(get_with(&url, &[("If-None-Match", whole.header("etag"))]).status, 304);
    let head = send("HEAD", &url, &[], b"");
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
}
