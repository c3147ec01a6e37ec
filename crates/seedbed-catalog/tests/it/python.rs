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
