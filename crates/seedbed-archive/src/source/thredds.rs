//! THREDDS catalogs (`InvCatalog` XML).

use super::Web;
use crate::CrawlError;
use crate::granule::{Granule, excerpt};
use crate::page::{Page, Step};
use crate::root::{Level, captures_of};
use crate::source::{decode, xml::Element};
use crate::template::Captures;
use seedbed_storage::{Location, Response};
use std::collections::{BTreeMap, BTreeSet};
use url::{Origin, Url};

/// How deep catalogs are followed where the definition has no template for them.
const DEEPEST: usize = 12;

/// A catalog document.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// The files.
    pub datasets: Vec<Dataset>,
    /// Names and hrefs of further catalogs.
    pub refs: Vec<(String, String)>,
}

/// A dataset with access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub name: String,
    /// Service base and path: an address relative to the server's root or to
    /// the catalog; or why there is none.
    pub access: Result<(String, String), String>,
    /// The size in bytes, if it is stated in bytes.
    pub size: Option<u64>,
    /// The last change, if it is stated with its time zone.
    pub modified: Option<String>,
}

/// The definition's catalog.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    Ok(vec![Step::at(web.start(root)?)])
}

/// A catalog's datasets, and the catalogs it refers to.
pub(crate) fn read(web: &Web<'_>, step: &Step, response: &Response) -> Result<Page, String> {
    let catalog = read_catalog(&response.body, &web.source.service)?;
    let at = &response.url;
    let levels = web.levels.as_deref();
    let deepest = levels.map_or(DEEPEST, <[Level]>::len);
    // The archive's own host and the one in use; others' catalogs are not this archive's. A first
    // catalog may redirect to another host, and then its references count from there.
    let mut origins = BTreeSet::from([text(&at.origin())]);
    origins.extend(Url::parse(&step.at).ok().map(|u| text(&u.origin())));
    if let Some(Location::Http(own)) = &web.definition.root {
        origins.insert(text(&own.origin()));
    }
    let mut page = Page::default();
    for (name, href) in catalog.refs {
        let Ok(url) = at.join(&href) else {
            page.lose(&*href, format!("a catalog reference in {at} that is no address"));
            continue;
        };
        if !origins.contains(&text(&url.origin())) {
            continue;
        }
        let captures = match levels.map(|l| l.get(step.depth)) {
            None => Some(step.captures.clone()),
            Some(None) => None,
            Some(Some(level)) => choose(level, &step.captures, &[folder_of(&url), name]),
        };
        let Some(captures) = captures.filter(|c| web.may_be_under(c)) else { continue };
        if step.depth == deepest {
            page.lose(url.to_string(), "the catalogs don't end: it is too deep");
        } else {
            page.folders.push(Step { captures, depth: step.depth + 1, ..Step::at(url) });
        }
    }
    for dataset in catalog.datasets {
        place(dataset, at, &mut page);
    }
    Ok(page)
}

fn text(origin: &Origin) -> String {
    origin.ascii_serialization()
}

/// The folder that a catalog's address is in: `…/MACAV2/CCSM4/catalog.xml` → `CCSM4`.
fn folder_of(url: &Url) -> String {
    decode(url.path().rsplit('/').nth(1).unwrap_or_default())
}

/// The captures of a reference whose folder or title a level names.
fn choose(level: &Level, captures: &Captures, names: &[String; 2]) -> Option<Captures> {
    match level {
        Level::Named(name) => names.contains(name).then(|| captures.clone()),
        Level::Chosen { pattern } => {
            let found = names.iter().find_map(|name| captures_of(pattern, name))?;
            Some(captures.iter().map(|(k, v)| (k.clone(), v.clone())).chain(found).collect())
        }
    }
}

/// A dataset as a granule: host + base + urlPath.
fn place(dataset: Dataset, at: &Url, page: &mut Page) {
    let address = dataset.access.and_then(|(base, path)| {
        let base = at.join(&base).map_err(|e| format!("its service's base `{base}` is no address: {e}"))?;
        Url::parse(&format!("{base}{path}")).map_err(|e| format!("its path `{path}` is no address: {e}"))
    });
    match address {
        Ok(url) => page.granules.push(Granule {
            name: super::file_name(url.as_str()),
            href: url.to_string(),
            size: dataset.size,
            updated: dataset.modified,
            ..Granule::default()
        }),
        Err(reason) => page.reject(dataset.name, reason),
    }
}

/// Reads a catalog; access is by services of that type, whatever its case.
pub(crate) fn read_catalog(body: &[u8], service_type: &str) -> Result<Catalog, String> {
    let xml = String::from_utf8_lossy(body);
    let root = Element::read(&xml).map_err(|e| format!("no XML but {} ({e})", excerpt(body)))?;
    if root.name != "catalog" {
        return Err(format!("XML, but a `{}` and no THREDDS catalog", root.name));
    }
    let mut services = BTreeMap::new();
    collect_services(&root, service_type, &mut services);
    let mut catalog = Catalog::default();
    walk(&root, None, &services, &mut catalog);
    Ok(catalog)
}

/// For each service's name the base of the service of the wanted type that it is or holds.
fn collect_services(element: &Element, wanted: &str, services: &mut BTreeMap<String, Option<String>>) {
    for service in element.children.iter().filter(|c| c.name == "service") {
        if let Some(name) = service.attribute("name") {
            services.entry(name.to_owned()).or_insert_with(|| base_of(service, wanted));
        }
        collect_services(service, wanted, services);
    }
    // Services may stand inside a dataset.
    for dataset in element.children.iter().filter(|c| c.name == "dataset") {
        collect_services(dataset, wanted, services);
    }
}

fn base_of(service: &Element, wanted: &str) -> Option<String> {
    if service.attribute("serviceType").is_some_and(|t| t.eq_ignore_ascii_case(wanted)) {
        return Some(service.attribute("base").unwrap_or_default().to_owned());
    }
    service.children.iter().filter(|c| c.name == "service").find_map(|s| base_of(s, wanted))
}

/// Collects datasets and references; `inherited` is the service name from the metadata above.
fn walk(
    element: &Element,
    inherited: Option<&str>,
    services: &BTreeMap<String, Option<String>>,
    catalog: &mut Catalog,
) {
    let metadata = element.children.iter().filter(|c| c.name == "metadata");
    let told = |m: &Element| m.child("serviceName").map(|s| s.text.trim().to_owned());
    let hands_on = metadata.clone().filter(|m| m.attribute("inherited") == Some("true")).find_map(told);
    let own = metadata.filter(|m| m.attribute("inherited") != Some("true")).find_map(told);
    let below = hands_on.as_deref().or(inherited);
    if element.name == "dataset" {
        let direct = element.child("serviceName").map(|s| s.text.trim());
        let service = element.attribute("serviceName").or(direct).or(own.as_deref()).or(below);
        if let Some(dataset) = dataset(element, service, services) {
            catalog.datasets.push(dataset);
        }
    }
    for child in &element.children {
        match child.name.as_str() {
            "dataset" => walk(child, below, services, catalog),
            "catalogRef" => {
                if let Some(href) = child.attribute("href").map(str::trim).filter(|h| !h.is_empty()) {
                    let name =
                        child.attribute("title").or_else(|| child.attribute("name")).unwrap_or_default();
                    catalog.refs.push((name.to_owned(), href.to_owned()));
                }
            }
            _ => {}
        }
    }
}

/// A dataset that has a path of its own or in an `access` element.
fn dataset(
    element: &Element,
    service: Option<&str>,
    services: &BTreeMap<String, Option<String>>,
) -> Option<Dataset> {
    let direct = element.attribute("urlPath").map(|path| (service, path));
    let accesses = element
        .children
        .iter()
        .filter(|c| c.name == "access")
        .filter_map(|a| Some((a.attribute("serviceName").or(service), a.attribute("urlPath")?)));
    let ways: Vec<(Option<&str>, &str)> = direct.into_iter().chain(accesses).collect();
    if ways.is_empty() {
        return None;
    }
    let base = |service: &str| services.get(service).cloned().flatten();
    let access = ways.iter().find_map(|(service, path)| Some((base((*service)?)?, (*path).to_owned())));
    let access = access.ok_or_else(|| {
        let named: Vec<&str> = ways.iter().filter_map(|(service, _)| *service).collect();
        if named.is_empty() {
            "no service is named for it".to_owned()
        } else {
            format!("none of its services ({}) gives the file itself", named.join(", "))
        }
    });
    Some(Dataset {
        name: element.attribute("name").unwrap_or_default().to_owned(),
        access,
        size: element.child("dataSize").and_then(exact_size),
        modified: element
            .children
            .iter()
            .find(|c| c.name == "date" && c.attribute("type") == Some("modified"))
            .and_then(|d| d.text.trim().parse::<jiff::Timestamp>().ok())
            .map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    })
}

/// A size, if it is stated in bytes: others are rounded to four digits.
fn exact_size(size: &Element) -> Option<u64> {
    let whole = size.text.trim();
    let whole = whole.strip_suffix(".0").unwrap_or(whole);
    size.attribute("units").filter(|u| *u == "bytes").and_then(|_| whole.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACA: &str = r#"<?xml version="1.0"?>
<catalog xmlns="http://www.unidata.ucar.edu/namespaces/thredds/InvCatalog/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink">
  <service name="all" serviceType="Compound" base="">
    <service name="odap" serviceType="OpenDAP" base="/thredds/dodsC/"/>
    <service name="inner" serviceType="compound" base=""><service name="file" serviceType="HttpServer" base="/thredds/fileServer/"/></service>
  </service>
  <catalogRef xlink:href="CCSM4/catalog.xml" xlink:title="CCSM4" name=""/>
  <dataset name="CCSM4">
    <dataset name="a.nc" urlPath="MACAV2/CCSM4/a.nc"><dataSize units="Mbytes">1.5</dataSize></dataset>
    <metadata inherited="true"><serviceName>all</serviceName></metadata>
    <dataset name="b &amp; c" serviceName="odap" urlPath="b.nc"/>
    <dataset name="d"><access serviceName="odap" urlPath="d.nc"/><access serviceName="file" urlPath="d&#46;nc"/>
      <dataSize units="bytes">12</dataSize><date type="modified">2017-07-19T23:43:31Z</date></dataset>
  </dataset>
  <dataset name="e" urlPath="e.nc"/>
</catalog>"#;

    #[test]
    fn services_are_found_through_compounds_inheritance_and_case() {
        let c = read_catalog(MACA.as_bytes(), "HTTPServer").unwrap();
        assert_eq!(c.refs, [("CCSM4".to_owned(), "CCSM4/catalog.xml".to_owned())]);
        let base = "/thredds/fileServer/".to_owned();
        assert_eq!(c.datasets[0].access, Ok((base.clone(), "MACAV2/CCSM4/a.nc".to_owned())));
        assert_eq!(c.datasets[0].size, None);
        assert_eq!(c.datasets[1].name, "b & c");
        assert!(c.datasets[1].access.as_ref().unwrap_err().contains("odap"));
        assert_eq!(c.datasets[2].access, Ok((base, "d.nc".to_owned())));
        assert_eq!(c.datasets[2].size, Some(12));
        assert_eq!(c.datasets[2].modified.as_deref(), Some("2017-07-19T23:43:31Z"));
        assert!(c.datasets[3].access.as_ref().unwrap_err().contains("no service"));
    }

    #[test]
    fn bases_count_from_the_servers_root() {
        let at = Url::parse("http://127.0.0.1:1/thredds/catalog/MACAV2/catalog.xml").unwrap();
        let mut found = Page::default();
        for dataset in read_catalog(MACA.as_bytes(), "HTTPServer").unwrap().datasets {
            place(dataset, &at, &mut found);
        }
        assert_eq!(found.granules[0].href, "http://127.0.0.1:1/thredds/fileServer/MACAV2/CCSM4/a.nc");
        assert_eq!((found.granules.len(), found.rejected.len()), (2, 2));
    }

    #[test]
    fn what_is_no_catalog_is_refused() {
        for (bad, why) in [
            (MACA.strip_suffix("</catalog>").unwrap(), "ends inside"),
            ("<html><body><p>no</body></html>", "no XML"),
            ("<html></html>", "`html`"),
            ("", "nothing"),
            ("<catalog a=\"1", "no XML"),
        ] {
            let reason = read_catalog(bad.as_bytes(), "HTTPServer").unwrap_err();
            assert!(reason.contains(why), "{reason}");
        }
        let deep = "<catalog>".repeat(100_000);
        assert!(read_catalog(deep.as_bytes(), "HTTPServer").unwrap_err().contains("too deep"));
    }
}
