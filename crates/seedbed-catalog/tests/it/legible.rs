//! Items that can't be read beside others that can.

use crate::support::{Server, Told, at, builder, item, read, stores};
use seedbed_catalog::{ItemCollection, Query, Search, search, search_each};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What may be wrong with a document, and a word of what is said of it.
fn faults() -> Vec<(&'static str, Option<String>)> {
    let mut without_href = item("i1", 1, "x").into_value();
    without_href["assets"]["data"].as_object_mut().unwrap().shift_remove("href");
    let not_a_number = item("i1", 1, "x").into_value().to_string().replace("-76.0", "NaN");
    vec![
        ("has no `href`", Some(without_href.to_string())),
        ("no JSON", Some(not_a_number)),
        ("no JSON", Some("{\"type\":\"Feature\"".to_owned())),
        ("no JSON", Some(String::new())),
        ("`type`", Some("{}".to_owned())),
        ("cannot read", None),
    ]
}

async fn found(folder: &Path) -> (Vec<String>, usize, String) {
    let (items, broken) = ItemCollection::read_legible(&stores(), &at(folder)).await.unwrap();
    let mut searched_ids = Vec::new();
    let mut each = |item: seedbed_catalog::Item| {
        searched_ids.push(item.id().to_owned());
        Ok(())
    };
    let searched = search_each(&stores(), &at(folder), &Search::default(), &mut each).await.unwrap();
    let ids: Vec<String> = items.items.iter().map(|i| i.id().to_owned()).collect();
    assert_eq!(searched_ids, ids);
    assert_eq!(searched.broken, broken);
    let told = broken.iter().map(|b| format!("{}: {}", b.at, b.reason)).collect::<Vec<_>>().join("\n");
    (ids, broken.len(), told)
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named_and_the_others_are_read() {
    for (word, document) in faults() {
        let folder = tempfile::tempdir().unwrap();
        let items = (0..3).map(|n| item(&format!("i{n}"), 1, "x")).collect();
        builder(items).save(&stores(), &at(folder.path())).await.unwrap();
        let path = folder.path().join("c/i1/i1.json");
        match &document {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let (ids, broken, told) = found(folder.path()).await;
        assert_eq!((ids, broken), (vec!["i0".to_owned(), "i2".to_owned()], 1), "{document:?}");
        assert!(told.contains("c/i1/i1.json: ") && told.contains(word), "{told}");
        // What must be whole is refused.
        assert!(ItemCollection::read(&stores(), &at(folder.path())).await.is_err());
        assert!(search(&stores(), &at(folder.path()), &Query::default()).await.is_err());
    }
}

#[tokio::test]
async fn items_in_files_are_read_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|id| item(id, 1, "x").into_value());
    let bad = json!({"type": "Feature", "id": "bad", "assets": {"data": {}}});
    let path = folder.path().join("items.json");
    fs::write(&path, json!({"type": "FeatureCollection", "features": [a, bad, b]}).to_string()).unwrap();
    let (ids, broken, told) = found(&path).await;
    assert_eq!((ids.len(), broken), (2, 1));
    assert!(told.contains("bad"), "{told}");
    let path = folder.path().join("items.ndjson");
    fs::write(&path, format!("{a}\n{{\"type\"\n{bad}\n{b}\n")).unwrap();
    let (ids, broken, told) = found(&path).await;
    assert_eq!((ids.len(), broken), (2, 2));
    assert!(told.contains("(line 2)") && told.contains("(line 3)"), "{told}");
    // One that is all there is isn't passed over.
    let path = folder.path().join("alone.json");
    fs::write(&path, bad.to_string()).unwrap();
    assert!(ItemCollection::read_legible(&stores(), &at(&path)).await.is_err());
}

#[tokio::test]
async fn an_item_that_may_be_read_later_ends_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let items = (0..2).map(|n| item(&format!("i{n}"), 1, "x")).collect();
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    let top = folder.path().to_owned();
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/503/c/i1/i1.json" => Told::status(503),
        "/404/c/i1/i1.json" => Told::status(404),
        path => {
            let document: Value = read(&top.join(&path[5..]));
            Told::json(&document)
        }
    })
    .await;
    let read = async |way: &str| {
        let at = format!("{}/{way}/catalog.json", server.url).parse().unwrap();
        ItemCollection::read_legible(&stores(), &at).await
    };
    assert!(read("503").await.unwrap_err().retryable());
    let (items, broken) = read("404").await.unwrap();
    assert_eq!((items.items.len(), broken.len()), (1, 1));
}
