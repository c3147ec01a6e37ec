//! Verdicts on whole trees.

use crate::support::{at, builder, item, read, stores};
use seedbed_catalog::validate::{Check, Report, Validator};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

async fn verdict(path: &Path) -> Report {
    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(path)).await;
    validator.finish()
}

async fn tree(folder: &Path) {
    let items = (1..=3).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect();
    builder(items).save(&stores(), &at(folder)).await.unwrap();
}

fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = read(path);
    change(&mut document);
    fs::write(path, document.to_string()).unwrap();
}

fn problems(report: &Report) -> Vec<(Check, String, String)> {
    report
        .documents
        .iter()
        .flat_map(|d| &d.problems)
        .map(|p| (p.check, p.path.clone(), p.message.clone()))
        .collect()
}

#[tokio::test]
async fn what_we_write_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path()).await;
    let report = verdict(folder.path()).await;
    assert_eq!(problems(&report), []);
    assert_eq!((report.valid, report.invalid), (5, 0));
    assert!(report.unchecked.is_empty());
}

#[tokio::test]
async fn each_kind_of_damage_is_found_with_its_path() {
    type Damage = (&'static str, &'static str, fn(&mut Value), Check, &'static str);
    let breaks: [Damage; 8] = [
        ("c/i1/i1.json", "/bbox", |d| d["bbox"] = json!([-76, 38.5, -70, 42]), Check::Place, "east"),
        (
            "c/i1/i1.json",
            "/properties/datetime",
            |d| d["properties"]["datetime"] = json!("2003"),
            Check::Schema,
            "2003",
        ),
        (
            "c/i1/i1.json",
            "/assets/data/href",
            |d| d["assets"]["data"]["href"] = json!(7),
            Check::Schema,
            "string",
        ),
        ("c/i1/i1.json", "/collection", |d| d["collection"] = json!("d"), Check::Id, "`c`"),
        ("c/i1/i1.json", "/id", |d| d["id"] = json!("i2"), Check::Id, "i2"),
        (
            "c/i1/i1.json",
            "/links/1/href",
            |d| d["links"][1]["href"] = json!("../../catalog.json"),
            Check::Link,
            "parent",
        ),
        (
            "c/collection.json",
            "",
            |d| drop(d.as_object_mut().unwrap().remove("license")),
            Check::Schema,
            "license",
        ),
        (
            "catalog.json",
            "/links/1/href",
            |d| d["links"][1]["href"] = json!("./gone.json"),
            Check::Link,
            "gone.json",
        ),
    ];
    for (file, path, damage, check, said) in breaks {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path()).await;
        change(&folder.path().join(file), damage);
        let report = verdict(folder.path()).await;
        let found = problems(&report);
        assert!(
            found.iter().any(|(c, p, m)| *c == check && p.starts_with(path) && m.contains(said)),
            "{file}{path}: {found:#?}"
        );
        assert!(report.invalid > 0);
    }
}

#[tokio::test]
async fn broken_json_is_the_problem_of_the_document_that_links_to_it() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path()).await;
    fs::write(folder.path().join("c/i2/i2.json"), "{\"type\":").unwrap();
    let report = verdict(folder.path()).await;
    let found = problems(&report);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.starts_with("/links/") && found[0].2.contains("i2.json is no JSON"), "{found:?}");
    assert_eq!(report.valid, 3);

    let alone = verdict(&folder.path().join("c/i2/i2.json")).await;
    assert_eq!(problems(&alone)[0].0, Check::Read);
}

#[tokio::test]
async fn schemas_that_are_not_at_hand_are_named_and_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut extended = item("i", 1, "https://h.org/x.nc");
    extended.add_extension("https://example.org/ext/v1.0.0/schema.json");
    builder(vec![extended]).save(&stores(), &at(folder.path())).await.unwrap();
    change(&folder.path().join("catalog.json"), |d| d["stac_version"] = json!("1.0.0-rc.1"));
    let report = verdict(folder.path()).await;
    assert_eq!(report.invalid, 0);
    let named: Vec<&str> = report.unchecked.keys().map(String::as_str).collect();
    assert_eq!(
        named,
        [
            "https://example.org/ext/v1.0.0/schema.json",
            "https://schemas.stacspec.org/v1.0.0-rc.1/catalog-spec/json-schema/catalog.json"
        ]
    );

    // Once it is at hand it is applied.
    let schemas = tempfile::tempdir().unwrap();
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.org/ext/v1.0.0/schema.json#", "required": ["ext:field"]});
    fs::write(schemas.path().join("ext.json"), schema.to_string()).unwrap();
    let mut validator = Validator::new(Some(schemas.path())).unwrap();
    validator.add(&stores(), &at(&folder.path().join("c/i/i.json"))).await;
    let report = validator.finish();
    assert!(report.unchecked.is_empty());
    assert!(problems(&report)[0].2.contains("ext:field"));
    assert!(report.documents[0].problems[0].schema.as_deref().unwrap().contains("example.org"));
}

#[tokio::test]
async fn items_of_a_file_are_validated_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (good, mut bad) = (item("good", 1, "x").into_value(), item("bad", 1, "x").into_value());
    bad["properties"]["datetime"] = Value::Null;
    let path = folder.path().join("items.json");
    fs::write(&path, json!({"type": "FeatureCollection", "features": [good, bad]}).to_string()).unwrap();
    let report = verdict(&path).await;
    assert_eq!((report.valid, report.invalid), (1, 1));
    assert_eq!(report.documents[1].id.as_deref(), Some("bad"));
    fs::write(&path, format!("{good}\n{bad}\n")).unwrap();
    assert_eq!(verdict(&path).await.documents.len(), 2);
}
