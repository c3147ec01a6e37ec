//! MACA and gridMET behind THREDDS.

use seedbed_fixture::{Listings, ServerOptions};

use super::super::client::{get, send};
use super::super::{python, run_python};
use super::{small, values, wide};

#[test]
fn the_way_to_the_models_goes_over_a_redirect_and_references() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let top = get(&format!("{base}/thredds/catalog.xml"));
    assert_eq!(top.status, 302);
    let roots = get(top.header("location")).text();
    assert_eq!(values(&roots, "xlink:href"), ["MACAV2/catalog.xml", "MET/catalog.xml"]);
    let models = values(&get(&format!("{base}/thredds/catalog/MACAV2/catalog.xml")).text(), "xlink:href");
    assert_eq!(models.len(), 20);
    assert!(models.contains(&"BNU-ESM/catalog.xml".into()));
    assert!(models.contains(&"/thredds/catalog/MACAV2/CCSM4/catalog.xml".into()), "{models:?}");
    let data = get(&format!("{base}/thredds/catalog/MACAV2/CCSM4/catalog.xml")).text();
    let path = values(&data, "urlPath").pop().unwrap();
    let head = send("HEAD", &format!("{base}/thredds/fileServer/{path}"), &[], b"");
    assert_eq!(head.status, 200);
    assert_eq!(get(&format!("{base}/thredds/fileServer/daymet/x.nc")).status, 404);
}

/// A reading of the catalogs by the book: references resolve against the catalog, services nest,
/// their names are inherited, bases begin at the server's root.
const READER: &str = r"
import sys, json, urllib.request, urllib.parse, xml.etree.ElementTree as ET
NS = '{http://www.unidata.ucar.edu/namespaces/thredds/InvCatalog/v1.0}'
HREF = '{http://www.w3.org/1999/xlink}href'
server, start = sys.argv[1].split(' ')
seen, found, tells = set(), [], set()

def http_base(services, name):
    service = services[name]
    if service.get('serviceType').lower() == 'httpserver':
        return service.get('base')
    bases = [http_base(services, inner.get('name')) for inner in service.findall(NS + 'service')]
    return next((base for base in bases if base), None)

def datasets(node, services, inherited):
    own = node.find(NS + 'serviceName')
    meta = node.find(NS + 'metadata[@inherited=\'true\']/' + NS + 'serviceName')
    if meta is not None:
        inherited = meta.text
    name = node.get('serviceName') or (own.text if own is not None else None) or inherited
    if node.get('urlPath'):
        tells.add('attribute' if node.get('serviceName') else 'element' if own is not None else 'inherited')
        size = float(node.find(NS + 'dataSize').text)
        found.append((urllib.parse.urljoin(server, http_base(services, name) + node.get('urlPath')), size))
    for inner in node.findall(NS + 'dataset'):
        datasets(inner, services, inherited)

def crawl(url):
    if url in seen:
        return
    seen.add(url)
    root = ET.fromstring(urllib.request.urlopen(url).read())
    services = {service.get('name'): service for service in root.iter(NS + 'service')}
    for node in root.findall(NS + 'dataset'):
        datasets(node, services, None)
    for ref in root.iter(NS + 'catalogRef'):
        crawl(urllib.parse.urljoin(url, ref.get(HREF)))

crawl(server + start)
for url, size in found[::997]:
    assert len(urllib.request.urlopen(url).read()) == size, url
granules = [url for url, _ in found if '/agg_' not in url]
print(json.dumps([len(granules), len(found) - len(granules), sorted(tells)]))
";

#[test]
fn a_reader_by_the_book_finds_every_granule_of_maca() {
    let Some(python) = python() else { return };
    let server = wide();
    let start = format!("{} /thredds/catalog/MACAV2/catalog.xml", server.base_url());
    let told: serde_json::Value = serde_json::from_str(&run_python(&python, READER, &start)).unwrap();
    let (files, _) = Listings::default().maca();
    assert_eq!(told, serde_json::json!([2 * files, 2 * 588 / 2 * 2, ["attribute", "element", "inherited"]]));
}

#[test]
fn a_reader_by_the_book_finds_every_granule_of_gridmet() {
    let Some(python) = python() else { return };
    let server = wide();
    let start = format!("{} /thredds/catalog/MET/catalog.xml", server.base_url());
    let told: serde_json::Value = serde_json::from_str(&run_python(&python, READER, &start)).unwrap();
    assert_eq!(told[0], Listings::default().gridmet().0);
    let one = get(&format!("{}/thredds/catalog/MET/pr/catalog.xml", server.base_url())).text();
    assert_eq!(values(&one, "urlPath").len(), 47);
}
