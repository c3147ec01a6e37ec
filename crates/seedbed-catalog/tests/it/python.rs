//! pystac and stac-validator read what we write.

use crate::support::{at, builder, item, read, stores};
use seedbed_catalog::ItemCollection;
use seedbed_catalog::copy::{CopyRequest, OnError, Silent, Template, execute, plan};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Opens the catalog, walks it, validates every document against the core
/// schemas that pystac brings along, and follows every link and local asset.
const WITH_PYSTAC: &str = r#"
import os, sys, pystac

root = pystac.Catalog.from_file(sys.argv[1])
items = list(root.get_items(recursive=True))
documents = [root, *root.get_all_collections(), *items]
for document in documents:
    extensions, document.stac_extensions = document.stac_extensions, []
    document.validate()
    document.stac_extensions = extensions
    for link in document.links:
        target = link.get_absolute_href()
        assert target.startswith("http") or os.path.exists(target), (document.id, link.rel, target)
for item in items:
    assert item.get_parent().id == item.collection_id == item.get_collection().id
    for asset in item.assets.values():
        target = asset.get_absolute_href()
        assert target.startswith("http") or os.path.getsize(target) == asset.extra_fields["file:size"], target
print(len(documents), len(items), root.id)
"#;

/// An interpreter with the readers, or nothing.
pub fn python() -> Option<String> {
    let found = std::env::var("SEEDBED_PYTHON").ok();
    if found.is_none() {
        println!("skipped: SEEDBED_PYTHON is not set");
    }
    found
}

pub fn succeeds(command: &mut Command) -> String {
    // No proxy leads anywhere: what wants the network must fail.
    let offline = command.env("http_proxy", "http://127.0.0.1:1").env("https_proxy", "http://127.0.0.1:1");
    let output = offline.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

/// The core schemas of STAC 1.1.0 that we embed, by the address others know them by.
pub fn core_schemas() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut all: Vec<(String, PathBuf)> = ["Feature.json", "Geometry.json"]
        .map(|name| (format!("https://geojson.org/schema/{name}"), folder.join("geojson").join(name)))
        .to_vec();
    let proj = "https://proj.org/schemas/v0.7/projjson.schema.json";
    all.push((proj.to_owned(), folder.join("proj/projjson-v0.7.json")));
    for version in ["v1.0.0", "v1.1.0"] {
        for entry in fs::read_dir(folder.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let spec = if matches!(name, "catalog" | "collection") { name } else { "item" };
            let id = format!("https://schemas.stacspec.org/{version}/{spec}-spec/json-schema/{name}.json");
            all.push((id, path));
        }
    }
    all
}

pub fn schemas_by_id(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    files.map(|path| (read(&path)["$id"].as_str().unwrap().trim_end_matches('#').to_owned(), path)).collect()
}

/// A tree of four items, two of them with a copied asset.
async fn tree(folder: &Path) {
    let data = folder.join("source");
    fs::create_dir_all(&data).unwrap();
    let items = (1..=4).map(|n| {
        fs::write(data.join(format!("{n}.bin")), vec![n; 1000]).unwrap();
        let mut item = item(&format!("i{n}"), n.into(), data.join(format!("{n}.bin")).to_str().unwrap());
        item.asset_mut("data").unwrap().insert("file:size".into(), 1000.into());
        item
    });
    let catalog = at(&folder.join("catalog"));
    builder(items.collect()).save(&stores(), &catalog).await.unwrap();
    let request = CopyRequest {
        items: ItemCollection::read(&stores(), &catalog).await.unwrap().items.split_off(2),
        collections: vec![],
        assets: vec!["data".into()],
        to: catalog,
        template: Template::default(),
        out: None,
        names: None,
    };
    let plan = plan(&stores(), &request).await.unwrap();
    let report = execute(&stores(), &plan, 2, OnError::Stop, &Silent).await.unwrap();
    assert_eq!(report.copied, 2);
}

#[tokio::test]
async fn pystac_opens_walks_and_validates_a_tree() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path()).await;
    // Moved as a whole, it still hangs together.
    let moved = folder.path().join("elsewhere");
    fs::rename(folder.path().join("catalog"), &moved).unwrap();
    let said = succeeds(Command::new(python).args(["-c", WITH_PYSTAC]).arg(moved.join("catalog.json")));
    assert_eq!(said.trim(), "6 4 root");
}

#[tokio::test]
async fn stac_validator_passes_a_tree() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path()).await;
    let mut maps = core_schemas();
    if let Some(data) = std::env::var_os("SEEDBED_REAL_DATA") {
        // With the extensions' schemas at hand those are validated too.
        maps.extend(schemas_by_id(&Path::new(&data).join("schemas")));
    } else {
        // Without, anything passes as one. (The validator's --core doesn't go below the root.)
        let anything = folder.path().join("anything.schema");
        fs::write(&anything, "{}").unwrap();
        for extension in ["alternate-assets/v1.2.0", "file/v2.1.0"] {
            let id = format!("https://stac-extensions.github.io/{extension}/schema.json");
            maps.push((id, anything.clone()));
        }
    }
    let maps = maps.iter().flat_map(|(id, file)| ["--schema-map", id, file.to_str().unwrap()]);
    let program = Path::new(&python).with_file_name("stac-validator");
    let said = succeeds(
        Command::new(program)
            .args(["validate", "--recursive"])
            .args(maps)
            .arg(folder.path().join("catalog/catalog.json")),
    );
    assert_eq!(said.matches("\"valid_stac\": true").count(), 6, "{said}");
}

/// stac-geoparquet reads our table and writes it anew; pystac reads and writes the
/// items as JSON. Prints what each has read.
const WITH_STAC_GEOPARQUET: &str = r#"
import json, sys
import pyarrow.parquet, pystac
from stac_geoparquet.arrow import parse_stac_items_to_arrow, parse_stac_ndjson_to_arrow, stac_table_to_items, to_parquet

folder = sys.argv[1]
table = pyarrow.parquet.read_table(f"{folder}/ours.parquet")
assert json.loads(table.schema.metadata[b"geo"])["columns"]["geometry"]["encoding"] == "WKB"
items = list(stac_table_to_items(table))
print(json.dumps(items))
to_parquet(parse_stac_items_to_arrow(json.load(open(f"{folder}/plain.json"))["features"]), f"{folder}/theirs.parquet")
to_parquet(parse_stac_ndjson_to_arrow(f"{folder}/plain.ndjson"), f"{folder}/lines.parquet")

read = pystac.ItemCollection.from_file(f"{folder}/plain.json")
for item in read:
    assert item.datetime or item.common_metadata.start_datetime
    item.validate()
read.save_object(f"{folder}/pystac.json")
import geopandas
frame = geopandas.read_parquet(f"{folder}/ours.parquet")
assert frame.crs.to_epsg() == 4326 or "CRS84" in frame.crs.to_string(), frame.crs
assert frame.geometry.notna().sum() == 3, frame.geometry
"#;

/// As Python's reader gives it: nulls for what an item lacks.
fn without_nulls(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| (k.clone(), without_nulls(v))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[tokio::test]
async fn stac_geoparquet_and_pystac_read_our_items_and_we_read_theirs() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Their reader wants geometries, and boxes of as many sides each.
    let mut varied = ItemCollection::from(crate::forms::varied());
    varied
        .items
        .iter_mut()
        .for_each(|item| item.set_field("bbox", serde_json::json!([-76.0, 38.5, -74.0, 42.0])));
    varied.items[2]
        .set_field("geometry", serde_json::json!({"type": "Point", "coordinates": [-75.5, 40.25]}));
    varied.write(&stores(), &at(&path("ours.parquet"))).await.unwrap();
    let plain: Vec<_> = (1..=3)
        .map(|n| {
            let mut item = item(&format!("i{n}"), n, "https://h.org/x.nc");
            item.set_property("created", serde_json::json!("2020-01-01T00:00:00Z"));
            item.add_link(serde_json::json!({"rel": "via", "href": "https://h.org/x"}));
            item
        })
        .collect();
    let plain = ItemCollection::from(plain);
    for name in ["plain.json", "plain.ndjson"] {
        plain.write(&stores(), &at(&path(name))).await.unwrap();
    }
    let said = succeeds(Command::new(python).args(["-c", WITH_STAC_GEOPARQUET]).arg(folder.path()));
    let theirs: Vec<serde_json::Value> =
        serde_json::from_str(&said.trim().replace("NaN", "\"nan\"")).unwrap();
    for (theirs, ours) in theirs.iter().zip(&varied.items) {
        for field in ["id", "stac_version", "assets", "links", "collection", "stac_extensions"] {
            let (theirs, ours) = (without_nulls(&theirs[field]), without_nulls(&ours.as_value()[field]));
            assert!(crate::forms::same(&theirs, &ours), "{field}: {theirs} {ours}");
        }
    }
    assert_eq!(theirs.len(), 3);
    for name in ["theirs.parquet", "lines.parquet", "pystac.json"] {
        let back = ItemCollection::read(&stores(), &at(&path(name))).await.unwrap();
        assert_eq!(back.items.len(), 3, "{name}");
        for (back, expected) in back.items.iter().zip(&plain.items) {
            assert!(
                crate::forms::same(back.as_value(), expected.as_value()),
                "{name}:\n{:#}\n{:#}",
                back.as_value(),
                expected.as_value()
            );
        }
    }
}
