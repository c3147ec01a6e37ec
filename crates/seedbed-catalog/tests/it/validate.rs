//! Verdicts on whole trees.

use crate::support::{Server, Told, at, builder, files, item, read, stores};
use seedbed_catalog::validate::{Check, Fetch, Report, SchemaCache, Validator};
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
async fn ids_are_unique_within_each_location_that_is_named() {
    let [before, after] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut validator = Validator::new(None).unwrap();
    for folder in [&before, &after] {
        tree(folder.path()).await;
        validator.add(&stores(), &at(folder.path())).await;
    }
    let report = validator.finish();
    assert_eq!((problems(&report), report.valid), (vec![], 10));
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
    assert_eq!(report.documents.len(), 1, "valid documents are only counted");
    assert_eq!(report.documents[0].id.as_deref(), Some("bad"));
    fs::write(&path, format!("{good}\n{bad}\n")).unwrap();
    let report = verdict(&path).await;
    assert_eq!((report.valid, report.invalid), (1, 1));
}

#[tokio::test]
async fn relatives_must_be_what_links_say() {
    type Damage = (&'static str, &'static str, fn(&mut Value), &'static str);
    let breaks: [Damage; 6] = [
        (
            "c/i1/i1.json",
            "/links/0/href",
            |d| d["links"][0]["href"] = json!("../collection.json"),
            "`root` isn't",
        ),
        (
            "c/i1/i1.json",
            "/links/2/href",
            |d| d["links"][2]["href"] = json!("../../catalog.json"),
            "`collection` isn't",
        ),
        (
            "c/i1/i1.json",
            "/links/3/href",
            |d| d["links"][3] = json!({"rel": "self", "href": "../i2/i2.json"}),
            "`self` leads to",
        ),
        (
            "c/collection.json",
            "/extent/spatial/bbox/0",
            |d| d["extent"]["spatial"]["bbox"] = json!([[-76, 38.5, -75, 42]]),
            "3 items lie outside, such as `i1`",
        ),
        (
            "c/collection.json",
            "/extent/temporal/interval/0",
            |d| d["extent"]["temporal"]["interval"] = json!([[null, "2003-02-20T00:00:00Z"]]),
            "the item `i3` lies outside",
        ),
        ("c/i1/i1.json", "/stac_extensions/0", |d| d["stac_extensions"] = json!(["eo"]), "no URL"),
    ];
    for (file, path, damage, said) in breaks {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path()).await;
        change(&folder.path().join(file), |d| {
            if let Some(links) = d["links"].as_array_mut() {
                links.resize(4.max(links.len()), json!({"rel": "about", "href": "https://h.org"}));
            }
            damage(d);
        });
        let found = problems(&verdict(folder.path()).await);
        assert!(found.iter().any(|(_, p, m)| p == path && m.contains(said)), "{file}{path}: {found:#?}");
    }
}

/// A schema that refers to another one, on a server that counts.
async fn schema_server() -> Server {
    Server::start(|asked| match asked.path.as_str() {
        "/ext/v1.0.0/schema.json" => {
            Told::json(&json!({"$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"properties": {"$ref": "../fields.json#/definitions/fields"}}}))
        }
        "/ext/fields.json" => Told::json(&json!({"definitions": {"fields": {"required": ["ext:field"]}}})),
        "/page/schema.json" => Told::ok("<html>it has moved</html>"),
        _ => Told::status(404),
    })
    .await
}

async fn extended_tree(folder: &Path, schemas: &[String]) {
    let items = (1..=3).map(|m| {
        let mut item = item(&format!("i{m}"), m, "https://h.org/x.nc");
        for schema in schemas {
            item.add_extension(schema);
        }
        item
    });
    builder(items.collect()).save(&stores(), &at(folder)).await.unwrap();
}

async fn with_cache(folder: &Path, cache: &Path, fetch: Fetch) -> Report {
    let cache = SchemaCache::new(cache.to_owned(), fetch).unwrap();
    let mut validator = Validator::with_cache(None, cache).unwrap();
    validator.add(&stores(), &at(folder)).await;
    validator.finish()
}

#[tokio::test]
async fn schemas_are_fetched_once_and_kept_for_times_without_a_network() {
    let server = schema_server().await;
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let schema = format!("{}/ext/v1.0.0/schema.json", server.url);
    extended_tree(folder.path(), std::slice::from_ref(&schema)).await;
    let never = with_cache(folder.path(), cache.path(), Fetch::Never).await;
    assert_eq!((never.invalid, never.unchecked[&schema].documents, server.hits()), (0, 3, 0));

    let first = with_cache(folder.path(), cache.path(), Fetch::Once).await;
    assert_eq!((first.invalid, first.unchecked.len()), (3, 0));
    assert!(
        problems(&first).iter().all(|(_, path, said)| path == "/properties" && said.contains("ext:field"))
    );
    assert_eq!(server.hits(), 2, "the schema and the one it refers to");

    let again = with_cache(folder.path(), cache.path(), Fetch::Never).await;
    assert_eq!((again.invalid, again.documents.len(), server.hits()), (3, 3, 2));

    // What was cut short on the disk is fetched anew.
    for (path, bytes) in files(cache.path()) {
        fs::write(cache.path().join(path), &bytes[..bytes.len() / 2]).unwrap();
    }
    assert_eq!(with_cache(folder.path(), cache.path(), Fetch::Never).await.unchecked.len(), 1);
    assert_eq!(with_cache(folder.path(), cache.path(), Fetch::Once).await.invalid, 3);
    assert_eq!(server.hits(), 4);
}

#[tokio::test]
async fn a_schema_that_cannot_be_had_is_asked_for_once() {
    let server = schema_server().await;
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gone = format!("{}/gone/schema.json", server.url);
    let page = format!("{}/page/schema.json", server.url);
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = [1, 2].map(|n| format!("http://{closed}/{n}/schema.json"));
    let all = [gone.clone(), page.clone(), dead[0].clone(), dead[1].clone()];
    extended_tree(folder.path(), &all).await;
    let report = with_cache(folder.path(), cache.path(), Fetch::Once).await;
    assert_eq!((report.valid, report.invalid), (5, 0));
    assert_eq!(report.unchecked.keys().collect::<std::collections::BTreeSet<_>>(), all.iter().collect());
    assert!(report.unchecked.values().all(|u| u.documents == 3));
    assert!(report.unchecked[&gone].reason.contains("not found"), "{:?}", report.unchecked[&gone]);
    assert!(report.unchecked[&page].reason.contains("no JSON schema"));
    assert!(report.unchecked[&dead[1]].reason.contains("could not be reached"));
    assert_eq!(server.hits(), 2);
    assert!(files(cache.path()).is_empty(), "nothing useless is kept");
}
