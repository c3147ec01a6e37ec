//! NASA's Common Metadata Repository: `granules.json` and `granules.umm_json`.

mod outline;

use super::{Web, file_name};
use crate::CrawlError;
use crate::calendar::Strategy;
use crate::definition::Definition;
use crate::granule::{Granule, excerpt};
use crate::item;
use crate::page::{Page, Step};
use seedbed_storage::{Checksum, Function, Response};
use serde_json::Value;
use url::Url;

/// The header that a page hands on to the next.
pub(super) const CURSOR: &str = "cmr-search-after";

/// The search with the definition's parameters and what of the filters CMR knows.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    let (source, given) = (&web.source, web.given());
    let mut url = web.start(root)?;
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &source.parameters {
            if let Some(value) = value.render_whole(&given) {
                pairs.append_pair(name, &value);
            }
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
    Ok(vec![Step::at(url)])
}

/// A page of granules. At the end of the paging there have to be as many as were announced.
pub(crate) fn read(web: &Web<'_>, step: &Step, response: &Response) -> Result<Page, String> {
    let manner = Manner::of(web.definition, &web.source.suffix);
    let (entries, mut page) = read_page(&response.body, &manner)?;
    let listed = step.listed + entries;
    let announced = response.headers.get("cmr-hits").and_then(|h| h.trim().parse::<usize>().ok());
    let cursor = response.headers.get(CURSOR).filter(|c| !c.is_empty() && entries > 0);
    let too_many = announced.is_some_and(|a| listed > a);
    if let Some(cursor) = cursor.filter(|_| !too_many) {
        page.next = Some(Step { cursor: Some(cursor.to_owned()), ..step.following(&page, entries) });
    } else if let Some(announced) = announced.filter(|a| *a != listed) {
        page.lose(step.at.clone(), format!("{announced} granules were announced, {listed} came"));
    }
    Ok(page)
}

/// What of a granule's metadata is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// How the names of data links end.
    pub suffix: &'a str,
    /// An entry becomes an item, since no pattern reads its files' names.
    pub whole: bool,
    /// Begin and end are used.
    pub times: bool,
    /// The outline is used.
    pub outline: bool,
}

impl<'a> Manner<'a> {
    fn of(definition: &Definition, suffix: &'a str) -> Self {
        let group = &definition.group;
        Self {
            suffix,
            whole: definition.names.is_empty(),
            times: group.strategy == Strategy::Listed,
            outline: group.grid.is_none(),
        }
    }
}

/// One page, in either format: how many entries it has, and the files whose
/// names end in the suffix.
pub(crate) fn read_page(body: &[u8], manner: &Manner<'_>) -> Result<(usize, Page), String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|e| format!("no JSON but {} ({e})", excerpt(body)))?;
    let json = answer["feed"]["entry"].as_array();
    let umm = answer["items"].as_array();
    let mut page = Page::default();
    let entries = match (json, umm) {
        (Some(entries), _) => {
            for entry in entries {
                read_entry(entry, manner, &mut page);
            }
            entries.len()
        }
        (None, Some(items)) => {
            for item in items {
                read_umm(item, manner, &mut page);
            }
            items.len()
        }
        (None, None) => return Err("JSON, but no list of granules".to_owned()),
    };
    Ok((entries, page))
}

/// An entry of `granules.json`.
fn read_entry(entry: &Value, manner: &Manner<'_>, page: &mut Page) {
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
    let granule = Entry {
        title,
        data: with_rel("data#"),
        s3: with_rel("s3#"),
        times: (entry["time_start"].as_str(), entry["time_end"].as_str()),
        outline: manner.outline.then(|| outline::of_json(entry)),
    };
    granule.list(manner, page, |_| Told::default());
}

/// An item of `granules.umm_json`, which tells sizes and checksums too.
fn read_umm(item: &Value, manner: &Manner<'_>, page: &mut Page) {
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
    let files = umm["DataGranule"]["ArchiveAndDistributionInformation"].as_array();
    let known = |name: &str| {
        let files = files.map(Vec::as_slice).unwrap_or_default();
        let named = files.iter().find(|f| f["Name"] == name);
        let file = match (named, files) {
            (Some(file), _) => file,
            // ORNL names its only file `Not provided`.
            (None, [only]) if only["Name"].as_str().is_none_or(|n| n == "Not provided") => only,
            _ => return Told::default(),
        };
        Told::of(file)
    };
    let time = &umm["TemporalExtent"];
    let (range, single) = (&time["RangeDateTime"], time["SingleDateTime"].as_str());
    let granule = Entry {
        title,
        data: of_type("GET DATA"),
        s3: of_type("GET DATA VIA DIRECT ACCESS"),
        times: (range["BeginningDateTime"].as_str().or(single), range["EndingDateTime"].as_str().or(single)),
        outline: manner.outline.then(|| outline::of_umm(&umm["SpatialExtent"])),
    };
    granule.list(manner, page, known);
}

/// What UMM tells of a file.
#[derive(Debug, Default)]
struct Told {
    size: Option<u64>,
    checksum: Option<String>,
    cksum: Option<u32>,
}

impl Told {
    fn of(file: &Value) -> Self {
        let mut told = Self { size: file["SizeInBytes"].as_u64(), ..Self::default() };
        let (algorithm, value) = (&file["Checksum"]["Algorithm"], &file["Checksum"]["Value"]);
        let (Some(algorithm), Some(value)) = (algorithm.as_str(), value.as_str()) else { return told };
        let function = match algorithm.to_ascii_uppercase().replace('-', "").as_str() {
            "SHA256" => Function::Sha256,
            "SHA512" => Function::Sha512,
            "MD5" => Function::Md5,
            "POSIX" | "CKSUM" => {
                told.cksum = value.trim().parse().ok();
                return told;
            }
            _ => return told,
        };
        told.checksum = Checksum::from_hex(function, value).ok().map(|c| c.multihash());
        told
    }
}

/// A granule of either format.
struct Entry<'a> {
    title: &'a str,
    data: Vec<&'a str>,
    s3: Vec<&'a str>,
    times: (Option<&'a str>, Option<&'a str>),
    /// Where it is; `Ok(None)` if nothing is said of that.
    outline: Option<Result<Option<crate::outline::Outline>, String>>,
}

impl Entry<'_> {
    /// The data files among the links, with what belongs to each; or one item of all of them.
    fn list(self, manner: &Manner<'_>, page: &mut Page, known: impl Fn(&str) -> Told) {
        let outline = match self.outline.transpose() {
            Ok(outline) => outline.flatten(),
            Err(reason) => return page.reject(self.title, reason),
        };
        let times = self.times.0.map(|start| {
            let end = self.times.1.unwrap_or(start);
            (start.to_owned(), end.to_owned())
        });
        let mut files = Vec::new();
        for href in &self.data {
            let name = file_name(href);
            let sum = [".sha256", ".md5", ".sha512"].iter().any(|end| name.ends_with(end));
            if !href.starts_with("http") || !name.ends_with(manner.suffix) || sum || name.is_empty() {
                continue;
            }
            let same = |links: &[&str], name: &str| {
                links.iter().find(|l| file_name(l) == name).map(|l| (*l).to_owned())
            };
            let Told { size, checksum, cksum } = known(&name);
            files.push(Granule {
                href: (*href).to_owned(),
                size,
                checksum,
                cksum,
                checksum_href: same(&self.data, &format!("{name}.sha256")),
                s3: same(&self.s3, &name),
                times: times.clone().filter(|_| manner.times && !manner.whole),
                outline: outline.clone().filter(|_| manner.outline && !manner.whole),
                name,
                ..Granule::default()
            });
        }
        if files.is_empty() {
            page.reject(self.title, format!("no data link of it ends in `{}`", manner.suffix));
        } else if manner.whole {
            match item::of_files(self.title, times.as_ref(), outline.as_ref(), &files) {
                Ok(item) => page.granules.push(Granule {
                    name: self.title.to_owned(),
                    item: Some(item),
                    ..Granule::default()
                }),
                Err(reason) => page.reject(self.title, reason),
            }
        } else {
            page.granules.append(&mut files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: Manner<'_> = Manner { suffix: ".nc", whole: false, times: false, outline: false };
    const WHOLE: Manner<'_> = Manner { suffix: "", whole: true, times: true, outline: true };

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
        let (entries, found) = read_page(page.to_string().as_bytes(), &NAMES).unwrap();
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
        let (_, found) = read_page(page.to_string().as_bytes(), &NAMES).unwrap();
        assert_eq!(found.granules[0].size, Some(7));
        assert_eq!(found.granules[0].checksum.as_deref(), Some(format!("1220{sum}").as_str()));
    }

    #[test]
    fn answers_of_another_kind_are_named() {
        assert!(
            read_page(b"<html><body>Sorry</body></html>", &NAMES).unwrap_err().contains("`<html><body>Sorry")
        );
        assert!(read_page(b"{\"errors\": [\"no\"]}", &NAMES).unwrap_err().contains("no list of granules"));
        assert!(read_page(b"{\"feed\": {\"entry\": [{", &NAMES).is_err());
    }

    #[test]
    fn without_a_pattern_an_entry_is_an_item() {
        let page = json!({"items": [{"umm": {"GranuleUR": "HLS.T10.2021", "RelatedUrls": [
                {"URL": "https://h/HLS.T10.2021.B01.tif", "Type": "GET DATA"},
                {"URL": "https://h/HLS.T10.2021.B02.tif", "Type": "GET DATA"},
                {"URL": "https://h/HLS.T10.2021.json", "Type": "GET DATA"}],
            "DataGranule": {"ArchiveAndDistributionInformation": [{"Name": "HLS.T10.2021.B02.tif", "SizeInBytes": 9,
                "Checksum": {"Value": "4294775258", "Algorithm": "POSIX"}}]},
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": "2021-01-01T10:00:00.000Z", "EndingDateTime": "2021-01-01T10:05:00.000Z"}},
            "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": [
                {"Longitude": 179.0, "Latitude": 10.0}, {"Longitude": 179.0, "Latitude": 0.0},
                {"Longitude": -179.0, "Latitude": 0.0}, {"Longitude": -179.0, "Latitude": 10.0}, {"Longitude": 179.0, "Latitude": 10.0}]}}]}}}}},
            {"umm": {"GranuleUR": "bad", "RelatedUrls": [{"URL": "https://h/a.tif", "Type": "GET DATA"}],
            "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {"BoundingRectangles": [
                {"WestBoundingCoordinate": 0, "EastBoundingCoordinate": 1, "NorthBoundingCoordinate": 95, "SouthBoundingCoordinate": 0}]}}}}}]});
        let (entries, page) = read_page(page.to_string().as_bytes(), &WHOLE).unwrap();
        assert_eq!((entries, page.granules.len(), page.rejected.len()), (2, 1, 1), "{:?}", page.rejected);
        let item = page.granules[0].item.as_ref().unwrap();
        let keys: Vec<&String> = item["assets"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["B01", "B02", "json"]);
        assert_eq!(item["bbox"], json!([179.0, 0.0, -179.0, 10.0]));
        assert_eq!(item["geometry"]["type"], "MultiPolygon");
        assert_eq!(item["properties"]["start_datetime"], "2021-01-01T10:00:00.000Z");
        assert_eq!(item["assets"]["B02"]["file:size"], 9);
        assert_eq!(item["assets"]["B02"]["seedbed:cksum"], 4_294_775_258_u32);
    }
}
