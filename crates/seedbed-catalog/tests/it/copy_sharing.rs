//! Assets that share a file, names that are alike, and places that are taken.

use crate::support::{at, builder, item, items_of, read, request, stores};
use seedbed_catalog::copy::{CopyPlan, CopyReport, CopyRequest, OnError, Silent, Template, execute, plan};
use seedbed_catalog::{CatalogError, Item};
use seedbed_storage::Checksum;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

async fn run(request: &CopyRequest) -> (CopyPlan, CopyReport) {
    let plan = plan(&stores(), request).await.unwrap();
    let report = execute(&stores(), &plan, 1, OnError::KeepGoing, &Silent).await.unwrap();
    (plan, report)
}

fn source(top: &Path, name: &str, text: &str) -> PathBuf {
    let path = top.join("src").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// Items that all have one file as their `data`.
fn sharing(top: &Path, count: u32) -> Vec<Item> {
    let source = source(top, "shared.dat", "what all of them have");
    let one = |n| {
        let mut item = item(&format!("i{n:02}"), n + 1, source.to_str().unwrap());
        item.set_field("collection", json!("c"));
        item
    };
    (0..count).map(one).collect()
}

fn state(item: &mut Item, field: &str, value: serde_json::Value) {
    let mut asset = item.asset("data").unwrap().as_object().clone();
    asset.insert(field.to_owned(), value);
    item.set_asset("data", asset.into());
}

#[tokio::test]
async fn each_item_is_held_to_its_own_statement_of_a_shared_file() {
    let right = Checksum::of_bytes(b"what all of them have").multihash();
    let wrong = Checksum::of_bytes(b"something else").multihash();
    for (field, good, bad) in
        [("file:checksum", json!(right), json!(wrong)), ("file:size", json!(21), json!(77))]
    {
        for order in [[&good, &bad], [&bad, &good]] {
            let top = tempfile::tempdir().unwrap();
            let mut items = sharing(top.path(), 3);
            for (item, value) in items.iter_mut().zip(order) {
                state(item, field, value.clone());
            }
            let request = request(items, &top.path().join("data"), Some(&top.path().join("out")));
            let (_, report) = run(&request).await;
            let bad = usize::from(order[1] != &good);
            let failed: Vec<&str> =
                report.failed.iter().flat_map(|f| &f.uses).map(|used| used.item.as_str()).collect();
            assert_eq!(failed, [format!("i{bad:02}")], "{field}");
            // The third states nothing.
            assert_eq!(report.copied, 2, "{field}");
        }
    }
}

#[tokio::test]
async fn a_copy_made_before_serves_all_who_have_its_source() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    for (folder, first) in [("whole", 0..0), ("later", 3..5), ("killed", 0..2)] {
        builder(sharing(top.path(), 5)).save(&stores(), &at(&path(folder))).await.unwrap();
        let to = path(&format!("{folder}-data"));
        let all = || async { items_of(&path(folder)).await };
        if !first.is_empty() {
            run(&request(all().await[first.clone()].to_vec(), &to, None)).await;
        }
        let (_, report) = run(&request(all().await, &to, None)).await;
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_eq!(report.copied, usize::from(first.is_empty()), "{folder}");
        let hrefs: BTreeSet<String> =
            all().await.iter().map(|i| i.asset("data").unwrap().location().unwrap().to_string()).collect();
        assert_eq!(hrefs.len(), 1, "{folder}: {hrefs:?}");
        let (_, report) = run(&request(all().await, &to, None)).await;
        assert_eq!((report.copied, report.adopted, report.present), (0, 0, 5), "{folder}");
    }
}

#[tokio::test]
async fn names_that_only_become_alike_are_told_apart() {
    let top = tempfile::tempdir().unwrap();
    let named = |id: &str, collection: &str, name: &str| {
        let text = format!("{collection} {id} {name}");
        let source = source(top.path(), &format!("{collection}-{id:.20}/{name}"), &text);
        let mut item = item(id, 1, source.to_str().unwrap());
        item.set_field("collection", json!(collection));
        item
    };
    let two = |key: &str, first: (&str, &str), second: (&str, &str)| {
        let mut item = named("i", "c", first.1);
        let other = source(top.path(), &format!("other/{}", second.1), second.0);
        item.set_asset(key, json!({"href": other.to_str().unwrap()}));
        item
    };
    let cases: Vec<(Vec<Item>, &str)> = vec![
        (vec![named("2003", "tmin", "x.dat"), named("2003", "tmax", "x.dat")], "{item}/{filename}"),
        (vec![named("2003", "tmin", "x.dat"), named("2003", "tmax", "x.dat")], "{filename}"),
        (vec![named("2003", "tmin", "x.dat"), named("2003", "tmax", "x.dat")], "{item}_{filename}"),
        (vec![named("i 2", "c", "x.dat"), named("i_2", "d", "x.dat")], "{item}/{filename}"),
        (vec![named("a", "c", "x.dat"), named("b", "c", "x.dat"), named("z", "c", "a-x.dat")], "{filename}"),
        (vec![two("data2", ("", "a b.dat"), ("other", "a_b.dat"))], "{folder}/{filename}"),
        (vec![two("b", ("", "data-b.dat"), ("other", "data-b.dat"))], "{folder}/{filename}"),
        // Its own document's name, and that of its collection's.
        (vec![two("m", ("", "i.json"), ("other", "collection.json"))], "{folder}/{filename}"),
        (vec![named(&"long".repeat(90), "c", &format!("{}.dat", "name".repeat(60)))], "{folder}/{filename}"),
    ];
    for (n, (items, template)) in cases.into_iter().enumerate() {
        let (to, out) = (top.path().join(format!("data{n}")), top.path().join(format!("data{n}")));
        let template: Template = template.parse().unwrap();
        let assets = items.iter().flat_map(|item| item.assets().map(|(key, _)| key.to_owned()));
        let assets: Vec<String> = assets.collect::<BTreeSet<_>>().into_iter().collect();
        let files: usize = items.iter().map(|item| item.assets().count()).sum();
        let wanted: BTreeSet<Vec<u8>> = items
            .iter()
            .flat_map(|item| {
                item.assets().map(|(_, a)| fs::read(a.location().unwrap().as_path().unwrap()).unwrap())
            })
            .collect();
        let request = CopyRequest { template, assets, ..request(items, &to, Some(&out)) };
        let (_, report) = run(&request).await;
        assert!(report.failed.is_empty() && report.copied == files, "{n}: {:?}", report.failed);
        let found: BTreeSet<Vec<u8>> = items_of(&out)
            .await
            .iter()
            .flat_map(|item| {
                item.assets().map(|(_, a)| fs::read(a.location().unwrap().as_path().unwrap()).unwrap())
            })
            .collect();
        assert_eq!(found, wanted, "{n}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_item_is_not_written_over() {
    let top = tempfile::tempdir().unwrap();
    let (to, out) = (top.path().join("data"), top.path().join("out"));
    let document = out.join("c/i00/i00.json");
    fs::create_dir_all(document.parent().unwrap()).unwrap();
    for text in ["precious, not JSON", "{\"metadata\": true}"] {
        fs::write(&document, text).unwrap();
        let request = request(sharing(top.path(), 1), &to, Some(&out));
        let plan = plan(&stores(), &request).await.unwrap();
        let error = execute(&stores(), &plan, 1, OnError::KeepGoing, &Silent).await.unwrap_err();
        assert!(matches!(error, CatalogError::NoItem { .. }) && error.is_usage(), "{error}");
        assert_eq!(fs::read_to_string(&document).unwrap(), text);
        assert!(!to.exists());
    }
    // What a power cut has emptied is written anew.
    fs::write(&document, "").unwrap();
    let (_, report) = run(&request(sharing(top.path(), 1), &to, Some(&out))).await;
    assert_eq!((report.copied, read(&document)["id"].as_str()), (1, Some("i00")));
}

#[tokio::test]
async fn a_copy_in_a_store_that_does_not_answer_stops_no_other_file() {
    let top = tempfile::tempdir().unwrap();
    let mut items = sharing(top.path(), 2);
    state(&mut items[0], "href", json!("dcache://pnfs/nowhere/x.dat"));
    state(&mut items[0], "alternate", json!({"origin": {"href": top.path().join("src/shared.dat")}}));
    let request = request(items, &top.path().join("data"), Some(&top.path().join("out")));
    let (_, report) = run(&request).await;
    assert_eq!((report.copied, report.failed.len()), (1, 1));
    assert_eq!(report.failed[0].uses[0].item, "i00");
    assert!(report.failed[0].reason.contains("nowhere"), "{}", report.failed[0].reason);
}

#[tokio::test]
async fn what_a_killed_copy_has_brought_needs_no_room() {
    let top = tempfile::tempdir().unwrap();
    let to = top.path().join("data");
    let request = request(sharing(top.path(), 1), &to, Some(&top.path().join("out")));
    let mut plan = plan(&stores(), &request).await.unwrap();
    plan.survey(&stores()).await;
    assert_eq!((plan.bytes, plan.transfers[0].begun), (21, 0));
    let part = PathBuf::from(format!("{}.seedbed-part", plan.transfers[0].to));
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, "what all").unwrap();
    plan.survey(&stores()).await;
    assert_eq!((plan.bytes, plan.transfers[0].begun), (13, 8));
    assert!(plan.within(13).is_ok() && plan.within(12).is_err());
}
