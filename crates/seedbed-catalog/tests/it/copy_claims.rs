//! Copies of items that say of their files what isn't so, or what nobody can use.

use crate::support::{Server, Told, at, builder, item, items_of, read, request, stores};
use seedbed_catalog::copy::{CopyPlan, CopyReport, CopyRequest, OnError, Silent, execute, plan};
use seedbed_catalog::{Item, Merge};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

async fn run(request: &CopyRequest) -> (CopyPlan, CopyReport) {
    let plan = plan(&stores(), request).await.unwrap();
    let report = execute(&stores(), &plan, 4, OnError::KeepGoing, &Silent).await.unwrap();
    (plan, report)
}

/// A catalog in which these items alone are, whatever their assets say.
async fn catalog(folder: &Path, items: Vec<Item>) -> Vec<Item> {
    builder(items).save(&stores(), &at(folder)).await.unwrap();
    items_of(folder).await
}

fn asset_of(folder: &Path, id: &str) -> Value {
    read(&folder.join(format!("c/{id}/{id}.json")))["assets"]["data"].clone()
}

#[tokio::test]
async fn what_is_said_to_be_at_its_place_is_looked_for_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = |id: &str| folder.path().join(format!("c/{id}/x.dat"));
    let said = |id: &str, size: Option<u64>| {
        let mut item = item(id, 1, place(id).to_str().unwrap());
        if let Some(size) = size {
            item.asset_mut("data").unwrap().insert("file:size".into(), json!(size));
        }
        item
    };
    let items =
        vec![said("none", None), said("other", Some(5000)), said("right", Some(4)), said("unsaid", None)];
    let items = catalog(folder.path(), items).await;
    for id in ["other", "right", "unsaid"] {
        fs::write(place(id), "here").unwrap();
    }
    let (planned, report) = run(&request(items, folder.path(), None)).await;
    assert_eq!((planned.transfers.len(), planned.present.len(), report.updated), (0, 2, 0));
    let failed: Vec<(&str, &str)> =
        report.failed.iter().map(|f| (f.uses[0].item.as_str(), f.reason.as_str())).collect();
    assert_eq!((failed[0].0, failed[1].0, failed.len()), ("none", "other", 2));
    assert!(failed[0].1.contains("not found") && failed[0].1.contains("no origin"), "{}", failed[0].1);
    assert!(failed[1].1.contains("4 bytes, 5000 expected"), "{}", failed[1].1);
}

#[tokio::test]
async fn an_origin_is_written_whatever_stood_in_its_place() {
    let server = Server::start(|_| Told::ok("bytes")).await;
    for stood in [
        json!(null),
        json!([1]),
        json!("x"),
        json!({"origin": null}),
        json!({"origin": "https://h.org/x"}),
        json!({"origin": {"title": "Kept"}, "s3": {"href": "s3://b/k"}}),
        json!({"origin": {"href": ""}}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let href = format!("{}/x.dat", server.url);
        let mut crawled = item("i", 1, &href);
        crawled.asset_mut("data").unwrap().insert("alternate".into(), stood.clone());
        let items = catalog(folder.path(), vec![crawled]).await;
        let (_, report) = run(&request(items, folder.path(), None)).await;
        assert_eq!((report.copied, report.failed.len()), (1, 0), "{stood}");
        let alternate = asset_of(folder.path(), "i")["alternate"].clone();
        assert_eq!(alternate["origin"]["href"], href, "{stood}");
        for kept in ["/s3", "/origin/title"] {
            assert_eq!(alternate.pointer(kept), stood.pointer(kept), "{stood}");
        }
        // So it comes again when it is lost.
        fs::remove_file(folder.path().join("c/i/x.dat")).unwrap();
        let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
        assert_eq!((report.copied, report.failed.len()), (1, 0), "{stood}");
    }
}

#[tokio::test]
async fn an_origin_in_a_store_of_no_known_kind_stops_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Told::ok("bytes")).await;
    let mut foreign = item("foreign", 1, &format!("{}/x.dat", server.url));
    let origin = json!({"origin": {"href": "gopher://h.org/first.dat"}});
    foreign.asset_mut("data").unwrap().insert("alternate".into(), origin.clone());
    let good = item("good", 2, &format!("{}/y.dat", server.url));
    let items = catalog(folder.path(), vec![foreign, good]).await;
    let (_, report) = run(&request(items, folder.path(), None)).await;
    assert_eq!((report.copied, report.failed.len()), (2, 0));
    let asset = asset_of(folder.path(), "foreign");
    assert_eq!((&asset["href"], &asset["alternate"]), (&json!("./x.dat"), &origin));

    // When its copy is lost there is nowhere to bring it from; the others are brought all the same.
    for lost in ["foreign/x.dat", "good/y.dat"] {
        fs::remove_file(folder.path().join("c").join(lost)).unwrap();
    }
    let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert_eq!((report.copied, report.failed.len()), (1, 1));
    let failed = &report.failed[0];
    assert_eq!(failed.uses[0].item, "foreign");
    assert!(failed.reason.contains("gopher://h.org/first.dat"), "{}", failed.reason);
}

#[tokio::test]
async fn every_version_of_a_file_has_a_name_of_its_own() {
    let (folder, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = source.path().join("x.dat");
    // The archive tells sizes alone, and one of them comes back.
    let versions = ["1", "22", "333", "22", "1", "4444"];
    for (n, version) in versions.iter().enumerate() {
        fs::write(&path, version).unwrap();
        let mut crawled = item("i", 1, path.to_str().unwrap());
        crawled.asset_mut("data").unwrap().insert("file:size".into(), json!(version.len()));
        let tree = builder(vec![crawled]).merging(Merge::KeepCopies);
        tree.save(&stores(), &at(folder.path())).await.unwrap();
        let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
        assert_eq!((report.copied, report.failed.len()), (1, 0), "{n}: {:?}", report.failed);
    }
    let item = &items_of(folder.path()).await[0];
    let mut held = Vec::new();
    for (key, asset) in item.assets() {
        let at = asset.location().unwrap();
        assert!(!at.to_string().contains("old"), "{at}");
        assert_eq!(asset.is_superseded(), key != "data", "{key}");
        held.push(fs::read_to_string(at.as_path().unwrap()).unwrap());
    }
    assert_eq!(item.asset("data").unwrap().size(), Some(4));
    held.sort();
    let mut all = versions.to_vec();
    all.sort_unstable();
    assert_eq!(held, all);
    let (planned, _) = run(&request(vec![item.clone()], folder.path(), None)).await;
    assert_eq!((planned.transfers.len(), planned.present.len()), (0, 1));

    // A lost copy comes back to where it was.
    let current = item.asset("data").unwrap().location().unwrap();
    fs::remove_file(current.as_path().unwrap()).unwrap();
    let (planned, report) = run(&request(vec![item.clone()], folder.path(), None)).await;
    assert_eq!((report.copied, &planned.transfers[0].to), (1, &current));
}

#[tokio::test]
async fn what_will_fail_is_foreseen() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.path.as_str() {
        "/gone.dat" => Told::status(404),
        _ => Told::ok("bytes"),
    })
    .await;
    let href = |name: &str| format!("{}/{name}", server.url);
    let items = vec![
        item("gone", 1, &href("gone.dat")),
        item("good", 1, &href("x.dat")),
        item("nowhere", 1, "/nowhere/x.dat"),
        item("other", 1, &href("x.dat?version=2")),
    ];
    let items = catalog(folder.path(), items).await;
    fs::write(folder.path().join("c/other/x.dat"), "something else").unwrap();
    let request = request(items, folder.path(), None);
    let mut foreseen = plan(&stores(), &request).await.unwrap();
    foreseen.survey(&stores()).await;
    foreseen.foresee();
    let (_, report) = run(&request).await;
    let failed = |failures: &[seedbed_catalog::copy::Failure]| {
        failures.iter().map(|f| f.uses[0].item.clone()).collect::<Vec<_>>()
    };
    assert_eq!(failed(&foreseen.failed), ["gone", "nowhere", "other"]);
    assert_eq!(failed(&foreseen.failed), failed(&report.failed));
    assert_eq!((foreseen.files(), foreseen.bytes, report.copied), (1, 5, 1));
}

#[tokio::test]
async fn ids_of_which_two_become_one_name_are_refused_before_anything_is_written() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let items = vec![item("a:b", 1, "/x.dat"), item("a/b", 1, "/y.dat")];
    let out = out.path().join("new");
    let error = plan(&stores(), &request(items, folder.path(), Some(&out))).await.unwrap_err().to_string();
    assert!(error.contains("a:b") && error.contains("a/b") && !out.exists(), "{error}");
}

#[tokio::test]
async fn files_named_like_unfinished_ones_have_other_names() {
    let (folder, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names = ["x.dat", "x.dat.seedbed-part", "x.dat.seedbed-part.json", "x.0123456789abcdef.tmp"];
    let mut many = item("i", 1, "/x.dat");
    for name in names {
        let path = source.path().join(name);
        fs::write(&path, name).unwrap();
        many.set_asset(name, json!({"href": path.to_str().unwrap()}));
    }
    let items = catalog(folder.path(), vec![many]).await;
    let mut request = request(items, folder.path(), None);
    request.assets = names.map(str::to_owned).to_vec();
    let (_, report) = run(&request).await;
    assert_eq!((report.copied, report.failed.len()), (4, 0), "{:?}", report.failed);
    let left = stores().abandoned(&at(folder.path()), std::time::Duration::ZERO).await.unwrap();
    assert_eq!(left, []);
    let copied = &items_of(folder.path()).await[0];
    for name in names {
        let at = copied.asset(name).unwrap().location().unwrap();
        assert_eq!(fs::read_to_string(at.as_path().unwrap()).unwrap(), name);
    }
}

#[tokio::test]
async fn a_crawl_waits_for_a_copy_that_updates_an_item_and_keeps_what_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let crawled = item("i", 1, "https://h.org/x.dat");
    catalog(folder.path(), vec![crawled.clone()]).await;
    let path = folder.path().join("c/i/i.json");
    let held = fs::File::open(path.parent().unwrap()).unwrap();
    held.lock().unwrap();
    let top = at(folder.path());
    let crawl = tokio::spawn(async move {
        let mut more = crawled;
        more.set_asset("more", json!({"href": "https://h.org/y.dat"}));
        builder(vec![more]).merging(Merge::KeepCopies).save(&stores(), &top).await.unwrap();
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut document = read(&path);
    assert!(document["assets"]["more"].is_null(), "it waits");
    let asset = document["assets"]["data"].as_object_mut().unwrap();
    for (field, value) in [
        ("href", json!("./x.dat")),
        ("file:size", json!(5)),
        ("file:checksum", json!("1220ab")),
        ("alternate", json!({"origin": {"href": "https://h.org/x.dat"}})),
    ] {
        asset.insert(field.to_owned(), value);
    }
    fs::write(&path, document.to_string()).unwrap();
    drop(held);
    crawl.await.unwrap();
    let document = read(&path);
    assert_eq!(document["assets"]["data"]["file:size"], 5, "{document}");
    assert_eq!(document["assets"]["more"]["href"], "https://h.org/y.dat", "{document}");
}
