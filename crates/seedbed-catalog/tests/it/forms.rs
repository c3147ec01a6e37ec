//! Items as JSON, as lines and as tables, and back.

use crate::support::{Server, Told, at, builder, item, stores};
use seedbed_catalog::validate::Validator;
use seedbed_catalog::{
    CatalogError, Item, ItemCollection, ItemWriter, Query, RewriteOptions, Written, diff, rewrite, search,
};
use seedbed_storage::Location;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Items of two kinds, with all that a table can hold.
pub fn varied() -> Vec<Item> {
    let mut first = item("a", 1, "https://h.org/a.nc");
    first.set_property("eo:cloud_cover", json!(12));
    first.set_property("tags", json!(["x", "y"]));
    first.set_property("proj:shape", json!([100, 200]));
    first.set_property("nested", json!({"deep": [{"n": 1}, {"n": 2.5, "m": null}], "flag": true}));
    let mut asset = json!({"href": "https://h.org/a.tif", "roles": ["data"], "nodata": "nan",
        "bands": [{"name": "tmax", "nodata": "nan", "data_type": "float32"}, {"name": "tmin", "nodata": -9999}]});
    asset["bands"][0]["raster:scale"] = json!(0.1);
    first.set_asset("raster", asset);
    first.add_extension("https://stac-extensions.github.io/eo/v1.1.0/schema.json");
    first.add_link(json!({"rel": "via", "href": "https://h.org/a", "title": "More"}));

    let mut second = item("b", 2, "https://h.org/b.nc");
    let mut value = second.as_value().clone();
    value["stac_version"] = json!("1.0.0");
    value["bbox"] = json!([-76.0, 38.5, 0.0, -74.0, 42.0, 100.0]);
    value["geometry"] = json!({"type": "Point", "coordinates": [-75.0, 40.0, 50.5]});
    value["collection"] = json!("c");
    value["properties"]["datetime"] = Value::Null;
    value["properties"]["start_datetime"] = json!("2003-02-01T00:00:00.25Z");
    value["properties"]["end_datetime"] = json!("2003-02-28T23:59:59Z");
    value["properties"]["eo:cloud_cover"] = json!(0.5);
    value["properties"]["tags"] = json!([]);
    second = Item::from_value(value).unwrap();

    let mut third = item("c", 3, "https://h.org/c.nc");
    let mut value = third.as_value().clone();
    value["geometry"] = Value::Null;
    value.as_object_mut().unwrap().shift_remove("bbox");
    value["assets"] = json!({});
    third = Item::from_value(value).unwrap();
    vec![first, second, third]
}

async fn write(items: &[Item], path: &Path) -> Result<Written, CatalogError> {
    ItemCollection::from(items.to_vec()).write(&stores(), &at(path)).await
}

async fn read(path: &Path) -> Vec<Value> {
    let read = ItemCollection::read(&stores(), &at(path)).await.unwrap();
    read.items.into_iter().map(Item::into_value).collect()
}

/// The same but for the order of fields and for `1` and `1.0`.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

#[tokio::test]
async fn items_survive_every_form_and_every_way_between_two() {
    let folder = tempfile::tempdir().unwrap();
    let items = varied();
    let mut expected: Vec<Value> = items.iter().cloned().map(Item::into_value).collect();
    for from in ["json", "ndjson", "parquet"] {
        for to in ["json", "ndjson", "parquet"] {
            let (one, two) =
                (folder.path().join(format!("one.{from}")), folder.path().join(format!("two.{to}")));
            write(&items, &one).await.unwrap();
            let read_one = ItemCollection::read(&stores(), &at(&one)).await.unwrap().items;
            write(&read_one, &two).await.unwrap();
            if from == "parquet" || to == "parquet" {
                // The one null that a table can't tell from nothing.
                expected[0]["properties"]["nested"]["deep"][1].as_object_mut().unwrap().shift_remove("m");
            }
            let back = read(&two).await;
            for (back, expected) in back.iter().zip(&expected) {
                assert!(same(back, expected), "{from} to {to}:\n{back:#}\n{expected:#}");
            }
            assert_eq!(back.len(), 3);
            expected[0]["properties"]["nested"]["deep"][1]["m"] = Value::Null;
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6, "nothing else is left behind");
}

#[tokio::test]
async fn what_a_table_cannot_hold_is_told_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let mut odd = item("odd", 1, "https://h.org/x.nc");
    odd.set_property("proj:code", Value::Null);
    odd.set_property("big", json!(9_007_199_254_740_993_i64));
    odd.set_property("empty", json!({}));
    odd.set_field("foreign", json!("member"));
    let mut plain = item("plain", 1, "https://h.org/x.nc");
    plain.set_property("big", json!(0.5));
    let written = write(&[odd, plain.clone()], &path).await.unwrap();
    let all = written.notes.join("\n");
    for said in [
        "`properties.proj:code` is null in 1 item",
        "`properties.big` comes back changed",
        "`properties.empty`",
        "`foreign`",
    ] {
        assert!(all.contains(said), "{said}: {all}");
    }
    assert_eq!(written.notes.len(), 4, "{all}");

    let mut text = plain.clone();
    text.set_property("big", json!("very"));
    let mut named = plain.clone();
    named.set_property("links", json!(1));
    for (item, said) in
        [(text, "`big` is a number in one item and a text in another"), (named, "the property `links`")]
    {
        let before = fs::read(&path).unwrap();
        let error = write(&[plain.clone(), item], &path).await.unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("plain"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "what was there stays");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn numbers_and_words_for_numbers_share_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let items: Vec<Item> = [json!(-9999), json!("nan"), json!("-inf"), json!(0.5), json!("inf")]
        .into_iter()
        .enumerate()
        .map(|(n, nodata)| {
            let mut item = item(&format!("i{n}"), 1, "https://h.org/x.nc");
            item.asset_mut("data").unwrap().insert("nodata".into(), nodata);
            item
        })
        .collect();
    assert_eq!(write(&items, &path).await.unwrap().notes, Vec::<String>::new());
    let back = read(&path).await;
    let nodata: Vec<&Value> = back.iter().map(|item| &item["assets"]["data"]["nodata"]).collect();
    assert_eq!(nodata, [&json!(-9999.0), &json!("nan"), &json!("-inf"), &json!(0.5), &json!("inf")]);
}

#[tokio::test]
async fn many_items_make_many_row_groups_and_none_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    let mut writer = ItemWriter::begin(&at(&path)).unwrap();
    for n in 0..40_000 {
        let mut item = item(&format!("i{n:05}"), 1 + n % 12, "https://h.org/x.nc");
        // A column that only late items have.
        if n > 39_990 {
            item.set_property("late", json!(n));
        }
        writer.put(&item).unwrap();
    }
    assert_eq!(writer.finish(&stores()).await.unwrap().items, 40_000);
    let back = read(&path).await;
    assert_eq!(back.len(), 40_000);
    assert_eq!(
        (&back[39_999]["id"], &back[39_999]["properties"]["late"]),
        (&json!("i39999"), &json!(39_999))
    );
    assert!(back[39_000]["properties"].get("late").is_none());

    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(&path)).await;
    let report = validator.finish();
    assert_eq!((report.valid, report.invalid), (40_000, 0), "{:?}", report.documents.first());

    for name in ["none.parquet", "none.json", "none.ndjson"] {
        let path = folder.path().join(name);
        write(&[], &path).await.unwrap();
        assert!(read(&path).await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_table_of_items_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.parquet");
    fs::write(&path, b"PAR1 and nothing else").unwrap();
    let error = ItemCollection::read(&stores(), &at(&path)).await.unwrap_err().to_string();
    assert!(error.contains("items.parquet"), "{error}");
    let error = write(&varied(), &folder.path().join("items.csv")).await.unwrap_err();
    assert!(error.is_usage() && error.to_string().contains(".parquet"), "{error}");
}

#[tokio::test]
async fn one_page_of_an_answer_is_not_taken_for_all_of_it() {
    let page = |more: Value| {
        let mut page =
            json!({"type": "FeatureCollection", "features": [item("a", 1, "https://h.org/a.nc").as_value()]});
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        page
    };
    let next = page(json!({"links": [{"rel": "next", "href": "?page=2"}]}));
    let matched = page(json!({"numberMatched": 13}));
    let whole = page(json!({"numberMatched": 1, "links": [{"rel": "self", "href": "x"}]}));
    let pages = [next.clone(), matched.clone(), whole.clone()];
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/c/items?n=0" => Told::json(&pages[0]),
        "/c/items?n=1" => Told::json(&pages[1]),
        _ => Told::json(&pages[2]),
    })
    .await;
    for (n, word) in [(0, "the next"), (1, "1 of 13 items")] {
        let at: Location = format!("{}/c/items?n={n}", server.url).parse().unwrap();
        let error = ItemCollection::read(&stores(), &at).await.unwrap_err();
        assert!(error.to_string().contains(word) && error.is_usage(), "{error}");
        let error = search(&stores(), &at, &Query::default()).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    let at_once = format!("{}/c/items?n=2", server.url).parse().unwrap();
    assert_eq!(ItemCollection::read(&stores(), &at_once).await.unwrap().items.len(), 1);
    // One that was saved is what somebody wants.
    let folder = tempfile::tempdir().unwrap();
    for page in [next, matched, whole] {
        fs::write(folder.path().join("page.json"), page.to_string()).unwrap();
        assert_eq!(read(&folder.path().join("page.json")).await.len(), 1);
    }
}

#[tokio::test]
async fn a_folder_of_a_web_server_stands_for_its_catalog() {
    let folder = tempfile::tempdir().unwrap();
    builder(vec![item("a", 1, "https://h.org/a.nc")]).save(&stores(), &at(folder.path())).await.unwrap();
    let tree = folder.path().to_owned();
    let server = Server::start(move |asked| match asked.path.strip_prefix("/cat/") {
        Some("") => Told::ok("<html>Index of /cat</html>"),
        Some(path) => fs::read(tree.join(path)).map_or_else(|_| Told::status(404), Told::ok),
        None => Told::status(404),
    })
    .await;
    let at_web: Location = format!("{}/cat/", server.url).parse().unwrap();
    assert_eq!(search(&stores(), &at_web, &Query::default()).await.unwrap().items.len(), 1);
    let work = tempfile::tempdir().unwrap();
    assert!(diff(&stores(), &at_web, &at_web, work.path()).await.unwrap().is_empty());
    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at_web).await;
    let report = validator.finish();
    assert_eq!((report.valid, report.invalid), (3, 0), "{:?}", report.documents);
    let out = folder.path().join("out");
    let written =
        rewrite(&stores(), &at_web, &at(&out), &RewriteOptions::default(), work.path()).await.unwrap();
    assert_eq!(written.items, 1);
}
