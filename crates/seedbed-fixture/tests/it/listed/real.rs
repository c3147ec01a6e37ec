//! The shapes of answers against those of the real sites.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use seedbed_fixture::{Server, ServerOptions};
use serde_json::Value;

use super::super::client::get;
use super::super::{python, run_python};
use super::{small, wide};

/// A file of real samples, or nothing and a line that says so.
fn real(path: &str) -> Option<PathBuf> {
    let Ok(root) = std::env::var("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join(path))
}

/// The paths of keys in a document, lists by their elements, and the kind of each value.
fn shape(value: &Value, at: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| shape(value, &format!("{at}/{key}"), out)),
        Value::Array(list) => list.iter().for_each(|value| shape(value, &format!("{at}/[]"), out)),
        Value::String(_) => drop(out.insert(format!("{at}: text"))),
        Value::Number(_) => drop(out.insert(format!("{at}: number"))),
        Value::Bool(_) => drop(out.insert(format!("{at}: boolean"))),
        Value::Null => drop(out.insert(format!("{at}: null"))),
    }
}

fn shape_of(value: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    shape(value, "", &mut out);
    out
}

fn daymet(server: &Server, form: &str) -> Value {
    get(&format!("{}/search/granules.{form}?short_name=Daymet_Daily_V4R1_2129", server.base_url())).json()
}

#[test]
fn real_granules_of_daymet_have_the_same_keys_links_and_order() {
    let Some(path) = real("listings/cmr_granules_Daymet_Daily_V4R1_2129.json") else { return };
    let theirs: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let ours = daymet(&wide(), "json");
    assert_eq!(shape_of(&theirs), shape_of(&ours));
    let links = |page: &Value| -> Vec<(Value, Value, Value)> {
        let links = page["feed"]["entry"][0]["links"].as_array().unwrap().clone();
        links.into_iter().map(|l| (l["rel"].clone(), l["inherited"].clone(), l["title"].clone())).collect()
    };
    assert_eq!(links(&theirs), links(&ours));
    let keys =
        |page: &Value| page["feed"]["entry"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&theirs), keys(&ours));
    // The first page of both is Puerto Rico in 1950.
    let titles = |page: &Value| -> BTreeSet<String> {
        let entries = page["feed"]["entry"].as_array().unwrap();
        entries.iter().take(7).map(|entry| entry["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&theirs), titles(&ours));
    assert_eq!(theirs["feed"]["entry"][0]["boxes"], ours["feed"]["entry"][0]["boxes"]);
}

#[test]
fn real_umm_of_daymet_has_the_same_keys_and_related_urls() {
    let Some(path) = real("listings/cmr_granules_Daymet_Daily_V4R1_2129_umm.json") else { return };
    let theirs: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let ours = daymet(&wide(), "umm_json");
    assert_eq!(shape_of(&theirs), shape_of(&ours));
    let urls = |page: &Value| -> Vec<(Value, Value)> {
        let urls = page["items"][0]["umm"]["RelatedUrls"].as_array().unwrap().clone();
        urls.into_iter().map(|url| (url["Type"].clone(), url["Subtype"].clone())).collect()
    };
    assert_eq!(urls(&theirs), urls(&ours));
    assert_eq!(theirs["items"][0]["umm"]["SpatialExtent"], ours["items"][0]["umm"]["SpatialExtent"]);
}

#[test]
fn real_names_of_modis_are_read_by_what_makes_ours() {
    let Some(path) = real("listings/mod13q1_061_h09v05_earthdata_cloud_urls.txt") else { return };
    let mut count = 0;
    for url in fs::read_to_string(path).unwrap().lines() {
        let name = url.rsplit('/').next().unwrap().trim_end_matches(".hdf");
        let named = seedbed_fixture::listing::modis::Named::parse(name).unwrap();
        let year = named.composite.start.year();
        assert!(
            named.composite.product.composites(year).contains(&named.composite),
            "{name} is on the schedule"
        );
        assert!(url.ends_with(&format!("/lp-prod-protected/MOD13Q1.061/{name}/{name}.hdf")));
        count += 1;
    }
    assert_eq!(count, 28);
}

#[test]
fn real_records_of_the_data_pool_have_the_same_elements() {
    let Some(folder) = real("modis/sidecar_xml") else { return };
    let Some(python) = python() else { return };
    let server = small(ServerOptions::wide());
    let script = r"
import sys, glob, re, urllib.request, xml.etree.ElementTree as ET
folder, server = sys.argv[1].split(' ')
def paths(node, at=''):
    at += '/' + node.tag
    return {at}.union(*(paths(inner, at) for inner in node))
count = 0
for product, root in (('MOD13Q1', 'MOLT'), ('MYD13Q1', 'MOLA'), ('MOD13A1', 'MOLT'), ('MYD13A1', 'MOLA')):
    base = f'{server}/{root}/{product}.061/'
    date = re.findall(r'href=.(\d{4}\.\d\d\.\d\d/)', urllib.request.urlopen(base).read().decode())[3]
    page = urllib.request.urlopen(base + date).read().decode()
    name = re.findall(r'href=.([A-Z][A-Za-z0-9.]*\.hdf\.xml)', page)[0]
    ours = ET.fromstring(urllib.request.urlopen(base + date + name).read())
    for path in glob.glob(f'{folder}/{product}*.061.*.xml'):
        theirs = ET.parse(path).getroot()
        assert paths(theirs) == paths(ours), paths(theirs) ^ paths(ours)
        order = lambda root: [node.tag for node in root.find('GranuleURMetaData')]
        assert order(theirs) == order(ours), (order(theirs), order(ours))
        names = lambda root: [node.text for node in root.iter('ParameterName')]
        assert names(theirs) == names(ours)
        count += 1
assert count == 4, count
print('fine')
";
    let argument = format!("{} {}", folder.display(), server.base_url());
    assert_eq!(run_python(&python, script, &argument), "fine\n");
}

#[test]
fn real_lines_of_the_data_pools_index_have_the_same_form() {
    let Some(path) = real("listings/lpdaac_e4ftl01_index_MYD11A1_2012.12.01.html") else { return };
    let server = small(ServerOptions::wide());
    let ours = get(&format!("{}/MOLA/MYD13Q1.061/2003.01.09/", server.base_url())).text();
    // Names become N, digits 9, and runs of blanks one: what is left is the form.
    let form = |line: &str| {
        // The first file stands on the line of the headings.
        let (head, rest) = line.rsplit_once("<a href=\"").unwrap();
        let (_, rest) = rest.split_once("</a>").unwrap();
        let digits: String =
            rest.trim().chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>();
        let words: Vec<&str> = digits.split_whitespace().take(2).collect();
        let size = rest.trim().rsplit(' ').next().unwrap();
        let rounded = size.len() <= 4 && size.chars().all(|c| c.is_ascii_digit() || ".KM".contains(c));
        (head.trim_end().rsplit("<img").next().unwrap().to_owned(), words.join(" "), rounded)
    };
    let forms = |page: &str| -> BTreeSet<(String, String, bool)> {
        page.lines().filter(|line| line.contains(".hdf\">")).map(form).collect()
    };
    let theirs = forms(&fs::read_to_string(path).unwrap());
    assert_eq!(theirs, forms(&ours));
    assert_eq!(theirs.len(), 1);
}

#[test]
fn real_catalogs_of_thredds_use_the_same_elements_for_datasets() {
    let Some(path) = real("listings/thredds/extracted/cat_only_http.0.xml") else { return };
    let Some(python) = python() else { return };
    let server = small(ServerOptions::wide());
    let script = r"
import sys, urllib.request, xml.etree.ElementTree as ET
path, server = sys.argv[1].split(' ')
theirs = ET.parse(path).getroot()
ours = ET.fromstring(urllib.request.urlopen(server + '/thredds/catalog/MET/pr/catalog.xml').read())
def dataset(root):
    return next(node for node in root.iter() if node.get('urlPath'))
assert ours.tag == theirs.tag
a, b = dataset(ours), dataset(theirs)
assert {'name', 'ID', 'urlPath'} <= set(a.attrib) and {'name', 'ID', 'urlPath'} <= set(b.attrib)
tags = lambda node: {inner.tag for inner in node} - {inner.tag for inner in node if inner.tag.endswith(('property', 'serviceName'))}
assert tags(a) == tags(b), (tags(a), tags(b))
kinds = lambda root: {node.get('serviceType').lower() for node in root.iter() if node.tag.endswith('}service')}
assert kinds(ours) <= kinds(theirs), kinds(ours)
print('fine')
";
    let argument = format!("{} {}", path.display(), server.base_url());
    assert_eq!(run_python(&python, script, &argument), "fine\n");
}
