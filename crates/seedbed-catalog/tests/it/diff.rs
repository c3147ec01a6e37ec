//! Trees compared.

use crate::support::{at, builder, files, item, stores};
use seedbed_catalog::{Diff, Item, diff};
use serde_json::json;
use std::fs;
use std::path::Path;

fn items() -> Vec<Item> {
    (1..=4).map(|m| item(&format!("i{m}"), m, "https://h.org/x.nc")).collect()
}

async fn save(folder: &Path, mut items: Vec<Item>) {
    let inside = folder.join("c/i1/x.nc");
    items[0].set_asset("here", json!({"href": inside.to_str().unwrap()}));
    builder(items).save(&stores(), &at(folder)).await.unwrap();
}

async fn run(old: &Path, new: &Path) -> Diff {
    let work = tempfile::tempdir().unwrap();
    diff(&stores(), &at(old), &at(new), work.path()).await.unwrap()
}

#[tokio::test]
async fn a_tree_that_was_moved_is_the_same_tree() {
    let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    save(old.path(), items()).await;
    for (path, bytes) in files(old.path()) {
        let to = new.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    let found = run(old.path(), new.path()).await;
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(found.unchanged, 4);
}

#[tokio::test]
async fn items_assets_and_fields_that_differ_are_named() {
    let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    save(old.path(), items()).await;
    let mut others = items();
    others.remove(1);
    others.push(item("i5", 5, "https://h.org/x.nc"));
    others[1].set_property("a/b", json!(1));
    others[1].set_asset("more", json!({"href": "https://h.org/y.nc"}));
    others[2].set_asset(
        "data",
        json!({"href": "https://h.org/z.nc", "type": "application/octet-stream", "roles": ["data"]}),
    );
    save(new.path(), others).await;
    let found = run(old.path(), new.path()).await;
    assert_eq!((found.added.first, found.removed.first), (vec!["c/i5".to_owned()], vec!["c/i2".to_owned()]));
    assert_eq!((found.changed_count, found.unchanged), (2, 1));
    let [i3, i4] = &found.changed[..] else { panic!("{:#?}", found.changed) };
    assert_eq!((i3.id.as_str(), &i3.assets_added[..]), ("i3", &["more".to_owned()][..]));
    let pointers = |c: &seedbed_catalog::Changed| -> Vec<String> {
        c.fields.iter().map(|f| f.pointer.clone()).collect()
    };
    assert_eq!(pointers(i3), ["/properties/a~1b"]);
    assert_eq!(
        (pointers(i4), &i4.assets_changed[..]),
        (vec!["/assets/data/href".to_owned()], &["data".to_owned()][..])
    );
    assert_eq!(i4.fields[0].new, Some(json!("https://h.org/z.nc")));
    assert_eq!(pointers(&found.collections_changed[0]), ["/extent/temporal/interval"]);
    assert!(serde_json::to_value(&found.changed).unwrap()[0]["fields"][0].get("old").is_none());
}

#[tokio::test]
async fn a_file_of_items_is_compared_with_a_tree_and_with_another_file() {
    let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    save(old.path(), items()).await;
    let read = seedbed_catalog::ItemCollection::read(&stores(), &at(old.path())).await.unwrap();
    let (json, lines) = (new.path().join("items.json"), new.path().join("items.ndjson"));
    read.write(&stores(), &at(&json)).await.unwrap();
    let mut others = read.clone();
    others.items[1].set_property("title", json!("Another"));
    others.items.remove(0);
    others.write(&stores(), &at(&lines)).await.unwrap();
    for (a, b) in [(old.path(), &*json), (&json, old.path()), (&json, &json)] {
        let found = run(a, b).await;
        assert!(found.is_empty() && found.unchanged == 4, "{found:#?}");
    }
    for before in [old.path(), &json] {
        let found = run(before, &lines).await;
        assert_eq!((found.changed_count, found.unchanged), (1, 2));
        assert_eq!(found.removed.first, ["c/i1"]);
        assert_eq!(found.changed[0].fields[0].pointer, "/properties/title");
    }
}

#[tokio::test]
async fn a_number_is_the_same_however_it_is_written() {
    let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let with = |value: serde_json::Value| {
        let mut items = items();
        items[0].set_property("n", value);
        items
    };
    save(old.path(), with(json!([0, {"a": 1}, 2]))).await;
    save(new.path(), with(json!([0.0, {"a": 1.0}, 2]))).await;
    assert!(run(old.path(), new.path()).await.is_empty());
    save(new.path(), with(json!([0.0, {"a": 1.5}, 2]))).await;
    assert_eq!(run(old.path(), new.path()).await.changed_count, 1);
}
