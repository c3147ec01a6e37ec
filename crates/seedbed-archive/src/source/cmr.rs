//! NASA's Common Metadata Repository: `granules.json` and `granules.umm_json`.

use super::{Web, file_name, web::MOST_PAGES};
use crate::CrawlError;
use crate::granule::{Found, Granule, excerpt};
use seedbed_storage::{Checksum, Function, Request};
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;

/// The header that a page hands on to the next.
const CURSOR: &str = "cmr-search-after";

/// Pages through the granules of the definition's collection.
pub(crate) async fn crawl(web: &Web<'_>, root: &Url) -> Result<Found, CrawlError> {
    let source = &web.definition.source;
    let url = query(web, Web::address(root, &source.address)?);
    let mut found = Found::default();
    let (mut listed, mut announced) = (0, None);
    let mut seen = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for page in 1..=MOST_PAGES {
        let mut request = Request::get(url.clone());
        if let Some(cursor) = &cursor {
            request = request.header(CURSOR, cursor);
        }
        let response = match page {
            1 => web.ask(request).await?,
            _ => match web.ask_for_part(request).await? {
                Ok(response) => response,
                Err(rejected) => {
                    found.rejected.push(rejected);
                    break;
                }
            },
        };
        let at = format!("{url} (page {page})");
        match read_page(&response.body, &source.suffix) {
            Ok((entries, more)) => {
                listed += entries;
                web.progress.page(&at, more.granules.len());
                found.absorb(more);
                announced =
                    response.headers.get("cmr-hits").and_then(|h| h.parse::<usize>().ok()).or(announced);
                if entries == 0 {
                    break;
                }
            }
            Err(reason) => {
                found.reject(at, reason);
                announced = None;
                break;
            }
        }
        let Some(next) = response.headers.get(CURSOR).filter(|c| !c.is_empty()).map(str::to_owned) else {
            break;
        };
        if !seen.insert(next.clone()) {
            found.reject(at, "the paging repeats itself: it has this page's cursor already");
            announced = None;
            break;
        }
        cursor = Some(next);
    }
    if let Some(announced) = announced.filter(|a| *a != listed) {
        found.reject(url.to_string(), format!("{announced} granules were announced, {listed} came"));
    }
    Ok(found)
}

/// The search with the definition's parameters and what of the filters CMR knows.
fn query(web: &Web<'_>, mut url: Url) -> Url {
    let source = &web.definition.source;
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &source.parameters {
            pairs.append_pair(name, value);
        }
        pairs.append_pair("page_size", &source.page_size.to_string());
        if let Some(interval) = web.wanted.interval("", ",") {
            pairs.append_pair("temporal", &interval);
        }
        if let Some(b) = web.wanted.bbox {
            pairs.append_pair("bounding_box", &format!("{},{},{},{}", b.west, b.south, b.east, b.north));
        }
        if let Some(names) = source.granule_names.as_ref().and_then(|t| web.wanted.names(t)) {
            for name in names {
                pairs.append_pair("readable_granule_name[]", &name);
            }
            pairs.append_pair("options[readable_granule_name][pattern]", "true");
        }
    }
    url
}

/// One page, in either format: how many entries it has, and the files whose
/// names end in `suffix`.
pub(crate) fn read_page(body: &[u8], suffix: &str) -> Result<(usize, Found), String> {
    let page: Value =
        serde_json::from_slice(body).map_err(|e| format!("no JSON but {} ({e})", excerpt(body)))?;
    let json = page["feed"]["entry"].as_array();
    let umm = page["items"].as_array();
    let mut found = Found::default();
    let entries = match (json, umm) {
        (Some(entries), _) => {
            for entry in entries {
                read_entry(entry, suffix, &mut found);
            }
            entries.len()
        }
        (None, Some(items)) => {
            for item in items {
                read_umm(item, suffix, &mut found);
            }
            items.len()
        }
        (None, None) => return Err("JSON, but no list of granules".to_owned()),
    };
    Ok((entries, found))
}

/// An entry of `granules.json`.
fn read_entry(entry: &Value, suffix: &str, found: &mut Found) {
    let title =
        entry["title"].as_str().or_else(|| entry["id"].as_str()).unwrap_or("an entry without a title");
    let links: Vec<(&str, &str)> = entry["links"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|link| link["inherited"] != true)
        .filter_map(|link| Some((link["rel"].as_str()?.rsplit('/').next()?, link["href"].as_str()?)))
        .collect();
    let with_rel = |wanted: &str| -> Vec<&str> {
        links.iter().filter(|(rel, _)| *rel == wanted).map(|(_, href)| *href).collect()
    };
    read_links(title, &with_rel("data#"), &with_rel("s3#"), suffix, found, |_| (None, None));
}

/// An item of `granules.umm_json`, which tells sizes and checksums too.
fn read_umm(item: &Value, suffix: &str, found: &mut Found) {
    let umm = &item["umm"];
    let title = umm["GranuleUR"].as_str().unwrap_or("an item without a GranuleUR");
    let of_type = |wanted: &str| -> Vec<&str> {
        umm["RelatedUrls"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|url| url["Type"] == wanted)
            .filter_map(|url| url["URL"].as_str())
            .collect()
    };
    let (data, s3) = (of_type("GET DATA"), of_type("GET DATA VIA DIRECT ACCESS"));
    let files = umm["DataGranule"]["ArchiveAndDistributionInformation"].as_array();
    let known = |name: &str| {
        let files = files.map(Vec::as_slice).unwrap_or_default();
        let named = files.iter().find(|f| f["Name"] == name);
        let file = match (named, files) {
            (Some(file), _) => file,
            // ORNL names its only file `Not provided`.
            (None, [only]) if only["Name"].as_str().is_none_or(|n| n == "Not provided") => only,
            _ => return (None, None),
        };
        (file["SizeInBytes"].as_u64(), read_checksum(&file["Checksum"]))
    };
    read_links(title, &data, &s3, suffix, found, known);
}

fn read_checksum(checksum: &Value) -> Option<Checksum> {
    let function = match checksum["Algorithm"].as_str()?.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA256" => Function::Sha256,
        "MD5" => Function::Md5,
        _ => return None,
    };
    Checksum::from_hex(function, checksum["Value"].as_str()?).ok()
}

/// The data files among a granule's links, with what belongs to each.
fn read_links(
    title: &str,
    data: &[&str],
    s3: &[&str],
    suffix: &str,
    found: &mut Found,
    known: impl Fn(&str) -> (Option<u64>, Option<Checksum>),
) {
    let before = found.granules.len();
    for href in data {
        let name = file_name(href);
        if !href.starts_with("http")
            || !name.ends_with(suffix)
            || name.ends_with(".sha256")
            || name.is_empty()
        {
            continue;
        }
        let same =
            |links: &[&str], name: &str| links.iter().find(|l| file_name(l) == name).map(|l| (*l).to_owned());
        let (size, checksum) = known(&name);
        found.granules.push(Granule {
            href: (*href).to_owned(),
            size,
            checksum,
            checksum_href: same(data, &format!("{name}.sha256")),
            s3: same(s3, &name),
            name,
            ..Granule::default()
        });
    }
    if found.granules.len() == before {
        found.reject(title, format!("no data link of it ends in `{suffix}`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn data_links_are_told_from_checksums_and_inherited_folders() {
        let data = "http://esipfed.org/ns/fedsearch/1.1/data#";
        let page = json!({"feed": {"entry": [
            {"title": "A", "links": [
                {"rel": data, "href": "https://h/protected/a.nc"},
                {"rel": data, "href": "https://h/public/a.nc.sha256"},
                {"rel": "http://esipfed.org/ns/fedsearch/1.1/s3#", "href": "s3://b/a.nc"},
                {"rel": data, "href": "https://h/folder/", "inherited": true}]},
            {"title": "B", "links": [{"rel": data, "href": "https://h/folder/", "inherited": true}]},
            {"title": "C"}, 3]}});
        let (entries, found) = read_page(page.to_string().as_bytes(), ".nc").unwrap();
        assert_eq!((entries, found.granules.len(), found.rejected.len()), (4, 1, 3));
        let g = &found.granules[0];
        assert_eq!((g.name.as_str(), g.href.as_str()), ("a.nc", "https://h/protected/a.nc"));
        assert_eq!(g.checksum_href.as_deref(), Some("https://h/public/a.nc.sha256"));
        assert_eq!(g.s3.as_deref(), Some("s3://b/a.nc"));
        assert_eq!(found.rejected[0].name, "B");
    }

    #[test]
    fn umm_tells_size_and_checksum() {
        let sum = "449827b2ede5fe14d716f39d06d6338c96032b26ec0fb3225a73d9ed45f0409f";
        let page = json!({"items": [{"umm": {"GranuleUR": "A",
            "RelatedUrls": [{"URL": "https://h/a.nc", "Type": "GET DATA"}],
            "DataGranule": {"ArchiveAndDistributionInformation": [
                {"Name": "Not provided", "SizeInBytes": 7, "Checksum": {"Value": sum, "Algorithm": "SHA-256"}}]}}}]});
        let (_, found) = read_page(page.to_string().as_bytes(), ".nc").unwrap();
        assert_eq!(found.granules[0].size, Some(7));
        assert_eq!(found.granules[0].checksum.as_ref().unwrap().multihash(), format!("1220{sum}"));
    }

    #[test]
    fn answers_of_another_kind_are_named() {
        assert!(
            read_page(b"<html><body>Sorry</body></html>", "").unwrap_err().contains("`<html><body>Sorry")
        );
        assert!(read_page(b"{\"errors\": [\"no\"]}", "").unwrap_err().contains("no list of granules"));
        assert!(read_page(b"{\"feed\": {\"entry\": [{", "").is_err());
    }
}
