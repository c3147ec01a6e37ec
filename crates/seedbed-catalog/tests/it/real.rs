//! Published schemas and other people's items.

use crate::support::{at, collection, files, item, stores};
use seedbed_catalog::copy::{CopyRequest, OnError, Silent, Template, execute, plan};
use seedbed_catalog::validate::{Report, Validator};
use seedbed_catalog::{Item, ItemCollection, TreeBuilder};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn data() -> Option<PathBuf> {
    let found = std::env::var_os("SEEDBED_REAL_DATA").map(PathBuf::from);
    if found.is_none() {
        println!("skipped: SEEDBED_REAL_DATA is not set");
    }
    found
}

async fn verdict(schemas: &Path, path: &Path) -> Report {
    let mut validator = Validator::new(Some(schemas)).unwrap();
    validator.add(&stores(), &at(path)).await;
    validator.finish()
}

/// An item with every extension whose schema there is, as far as they fit ours.
fn extended(href: &str) -> Item {
    let mut item = item("granule", 1, href);
    for extension in ["projection/v2.0.0", "raster/v2.0.0", "processing/v1.2.0", "scientific/v1.0.0"] {
        item.add_extension(&format!("https://stac-extensions.github.io/{extension}/schema.json"));
    }
    item.set_property("sci:doi", json!("10.3334/ORNLDAAC/2129"));
    item.set_property("processing:software", json!({"seedbed": "0.1.0"}));
    let asset = item.asset_mut("data").unwrap();
    for (field, value) in [
        ("proj:code", json!("EPSG:5070")),
        ("proj:shape", json!([100, 200])),
        ("proj:transform", json!([1000.0, 0.0, 0.0, 0.0, -1000.0, 0.0])),
        (
            "bands",
            json!([{"name": "tmax", "data_type": "int16", "nodata": "nan", "unit": "degC",
            "raster:scale": 0.1, "raster:offset": 0.0}]),
        ),
    ] {
        asset.insert(field.to_owned(), value);
    }
    item
}

#[tokio::test]
async fn real_extension_schemas_pass_what_a_copy_writes() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("x.bin");
    fs::write(&source, b"bytes").unwrap();
    let catalog = folder.path().join("catalog");
    let items = vec![extended(source.to_str().unwrap())];
    let builder = TreeBuilder::new("root", "d").with(collection("c", &items), items);
    builder.save(&stores(), &at(&catalog)).await.unwrap();
    let request = CopyRequest {
        items: ItemCollection::read(&stores(), &at(&catalog)).await.unwrap().items,
        collections: vec![],
        assets: vec!["data".into()],
        to: at(&catalog),
        template: Template::default(),
        out: None,
        names: None,
    };
    let plan = plan(&stores(), &request).await.unwrap();
    execute(&stores(), &plan, 1, OnError::Stop, &Silent).await.unwrap();

    let schemas = data.join("schemas");
    let report = verdict(&schemas, &catalog).await;
    assert_eq!(report.invalid, 0, "{:#?}", report.documents);
    assert!(report.unchecked.is_empty(), "{:?}", report.unchecked);

    // And they do look: each of these is refused.
    for (pointer, wrong) in [
        ("/assets/data/proj:shape", json!([1])),
        ("/assets/data/file:size", json!(-1)),
        ("/properties/sci:doi", json!("not a doi")),
    ] {
        let path = catalog.join("c/granule/granule.json");
        let whole = fs::read(&path).unwrap();
        let mut document: Value = serde_json::from_slice(&whole).unwrap();
        *document.pointer_mut(pointer).unwrap() = wrong;
        fs::write(&path, document.to_string()).unwrap();
        let report = verdict(&schemas, &path).await;
        let found: Vec<&str> = report.documents[0].problems.iter().map(|p| p.path.as_str()).collect();
        assert!(
            found.iter().any(|p| p.starts_with(pointer)),
            "{pointer}: {:#?}",
            report.documents[0].problems
        );
        fs::write(&path, whole).unwrap();
    }
}

#[tokio::test]
async fn real_daymet_items_pass_through_unchanged() {
    let Some(data) = data() else { return };
    let listings = data.join("listings");
    let mut items = Vec::new();
    for region in ["hi", "na", "pr"] {
        let path = listings.join(format!("xstac_daymet-daily-{region}_item.json"));
        let read = ItemCollection::read(&stores(), &at(&path)).await.unwrap().items;
        let original: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read[0].as_value().to_string(), original.to_string());
        assert!(read[0].start().is_some() && read[0].bbox().is_some());
        items.extend(read);
    }
    let folder = tempfile::tempdir().unwrap();
    let save = async |items: Vec<Item>| {
        let builder = TreeBuilder::new("root", "d").with(collection("daymet", &items), items);
        builder.save(&stores(), &at(folder.path())).await.unwrap()
    };
    save(items).await;
    let first = files(folder.path());
    let back = ItemCollection::read(&stores(), &at(folder.path())).await.unwrap();
    assert_eq!(back.items.len(), 3);
    assert_eq!(save(back.items).await.written, 0);
    assert_eq!(files(folder.path()), first);

    let report = verdict(&data.join("schemas"), folder.path()).await;
    assert_eq!((report.valid, report.invalid), (5, 0), "{:#?}", report.documents);
    let named = "https://stac-extensions.github.io/datacube/v2.0.0/schema.json";
    assert_eq!(
        report.unchecked.get(named).map(|u| u.documents),
        Some(3),
        "that version of the schema isn't at hand"
    );
}

/// stactools makes items of LP DAAC's sidecars, and saves them as a tree.
const WITH_STACTOOLS: &str = r#"
import glob, sys, pystac, stactools.modis.stac
catalog = pystac.Catalog("modis", "Items by stactools")
for path in sorted(glob.glob(sys.argv[1] + "/*.061.*.hdf.xml")):
    catalog.add_item(stactools.modis.stac.create_item(path))
catalog.normalize_and_save(sys.argv[2], pystac.CatalogType.SELF_CONTAINED)
print(len(list(catalog.get_items())))
"#;

#[tokio::test]
async fn real_items_by_stactools_are_rewritten_without_loss() {
    let (Some(data), Some(python)) = (data(), crate::python::python()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    let mut command = std::process::Command::new(python);
    command.args(["-c", WITH_STACTOOLS]).arg(data.join("modis/sidecar_xml")).arg(&theirs);
    let count: u64 = crate::python::succeeds(&mut command).trim().parse().unwrap();
    assert_eq!(count, 4);
    let (from, to) = (at(&theirs.join("catalog.json")), at(&ours));
    let options = seedbed_catalog::RewriteOptions::default();
    let written = seedbed_catalog::rewrite(&stores(), &from, &to, &options, folder.path()).await.unwrap();
    assert_eq!(written.items, count);
    let diff = seedbed_catalog::diff(&stores(), &from, &at(&ours), folder.path()).await.unwrap();
    assert!(diff.is_empty() && diff.unchanged == count, "{diff:?}");
}
