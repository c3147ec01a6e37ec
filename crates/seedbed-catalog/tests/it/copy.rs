//! Copies: in place and into a new catalog, failing, killed, repeated.

use crate::support::{Asked, Server, Told, at, builder, files, item, items_of, read, request, stores};
use seedbed_catalog::copy::{CopyPlan, CopyReport, CopyRequest, OnError, Silent, execute, plan};
use seedbed_catalog::{Item, ItemCollection, split, validate::Validator};
use seedbed_storage::Checksum;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The bytes at an address: different for each, 40 kB, or 2 MB where it is slow.
fn content(path: &str) -> Vec<u8> {
    let salt = path.bytes().map(u32::from).sum::<u32>();
    let words = if path.starts_with("/slow") { 500_000_u32 } else { 10_000 };
    (0..words).flat_map(|n| n.wrapping_mul(2_654_435_761).wrapping_add(salt).to_le_bytes()).collect()
}

fn serve(asked: &Asked) -> Told {
    match asked.path.as_str() {
        path if path.starts_with("/missing") => Told::status(404),
        "/refused.zip" => Told::ok("You have downloaded this file too often today."),
        path if path.starts_with("/slow") => Told::ok(content(path)).slowly(40),
        path => Told::ok(content(path)),
    }
}

/// A catalog of items whose `data` are at these addresses.
async fn catalog(folder: &Path, server: &Server, paths: &[&str]) -> Vec<Item> {
    let items = paths.iter().enumerate().map(|(n, path)| {
        item(&format!("i{n}"), u32::try_from(n).unwrap() + 1, &format!("{}{path}", server.url))
    });
    builder(items.collect()).save(&stores(), &at(folder)).await.unwrap();
    items_of(folder).await
}

async fn run(request: &CopyRequest) -> (CopyPlan, CopyReport) {
    let plan = plan(&stores(), request).await.unwrap();
    let report = execute(&stores(), &plan, 4, OnError::KeepGoing, &Silent).await.unwrap();
    (plan, report)
}

/// That every local href of a catalog is a whole file with the size and
/// checksum its item says; returns how many there are.
async fn whole_copies(folder: &Path) -> usize {
    let mut n = 0;
    for item in items_of(folder).await {
        for (_, asset) in item.assets() {
            if let Some(path) = asset.location().unwrap().as_path() {
                let bytes = fs::read(path).unwrap();
                assert_eq!(asset.size(), Some(bytes.len() as u64));
                assert_eq!(asset.checksum(), Some(Checksum::of_bytes(&bytes).multihash().as_str()));
                let origin = asset.origin().unwrap();
                let address = origin.split('/').skip(3).collect::<Vec<_>>().join("/");
                assert!(bytes == content(&format!("/{address}")), "{origin}");
                n += 1;
            }
        }
    }
    n
}

#[tokio::test]
async fn in_place_every_item_points_at_its_copy_and_names_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a/x.nc", "/b/x.nc", "/c/y.nc?version=2"]).await;
    let (plan, report) = run(&request(items, folder.path(), None)).await;
    assert_eq!((plan.transfers.len(), plan.unknown_sizes, plan.bytes), (3, 3, 0));
    assert_eq!((report.copied, report.updated, report.failed.len(), report.bytes), (3, 3, 0, 120_000));
    assert_eq!(whole_copies(folder.path()).await, 3);
    let document = read(&folder.path().join("c/i2/i2.json"));
    let asset = &document["assets"]["data"];
    assert_eq!(asset["href"], "./y.nc", "relative inside the tree, no query in the name");
    assert_eq!(asset["alternate"]["origin"]["href"], format!("{}/c/y.nc?version=2", server.url));
    assert!(asset["alternate"]["origin"]["seedbed:etag"].is_string());
    assert_eq!(document["stac_extensions"].as_array().unwrap().len(), 2);

    let mut validator = Validator::new(None).unwrap();
    validator.add(&stores(), &at(folder.path())).await;
    assert_eq!(validator.finish().invalid, 0);
}

#[tokio::test]
async fn copying_again_transfers_nothing_and_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a/x.nc", "/b/x.nc"]).await;
    run(&request(items, home.path(), None)).await;
    let (before, hits) = (files(folder.path()), server.hits());
    let href = read(&folder.path().join("c/i0/i0.json"))["assets"]["data"]["href"].clone();
    let place = home.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(href, format!("../../../{place}/c/i0/x.nc"), "relative to a copy beside the tree");

    let (plan, report) = run(&request(items_of(folder.path()).await, home.path(), None)).await;
    assert_eq!((plan.transfers.len(), report.present, report.updated), (0, 2, 0));
    assert_eq!((files(folder.path()), server.hits()), (before, hits));
}

#[tokio::test]
async fn into_a_new_catalog_leaves_the_old_one_alone() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a/x.nc", "/missing.nc", "/b/x.nc"]).await;
    let before = files(folder.path());
    let request = request(items, &out.path().join("data"), Some(out.path()));
    let (_, report) = run(&request).await;
    assert_eq!((report.copied, report.failed.len()), (2, 1));
    assert!(report.failed[0].reason.contains("missing.nc"), "{}", report.failed[0].reason);
    assert_eq!(files(folder.path()), before);
    assert_eq!(whole_copies(out.path()).await, 2);
    let first = read(&out.path().join("c/i0/i0.json"));
    assert_eq!(first["assets"]["data"]["href"], "../../data/c/i0/x.nc");
    let failed = read(&out.path().join("c/i1/i1.json"));
    assert_eq!(failed["assets"]["data"]["href"], format!("{}/missing.nc", server.url));
    let collection = read(&out.path().join("c/collection.json"));
    assert_eq!(collection["keywords"], json!(["test"]), "the collection's own document came along");

    let after = files(out.path());
    let (plan, report) = run(&request).await;
    assert_eq!((plan.present.len(), plan.transfers.len(), report.copied), (2, 1, 0));
    assert_eq!(files(out.path()), after);
}

#[tokio::test]
async fn a_copy_of_a_copy_keeps_the_first_origin() {
    let (folder, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a/x.nc"]).await;
    let identity = items[0].asset("data").unwrap().identity();
    run(&request(items, folder.path(), None)).await;
    let hits = server.hits();
    let request = request(items_of(folder.path()).await, second.path(), Some(second.path()));
    let (plan, report) = run(&request).await;
    assert_eq!((report.copied, plan.bytes, server.hits()), (1, 40_000, hits));
    assert_eq!(whole_copies(second.path()).await, 1);
    let again = items_of(second.path()).await;
    assert_eq!(again[0].asset("data").unwrap().identity(), identity);
}

#[tokio::test]
async fn a_killed_copy_leaves_a_valid_catalog_and_the_next_run_finishes_it() {
    let (folder, undisturbed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(serve).await;
    let paths = ["/a/x.nc", "/slow1.nc", "/b/x.nc", "/slow2.nc", "/slow3.nc"];
    let items = catalog(folder.path(), &server, &paths).await;
    let request_here = request(items, folder.path(), None);
    let mut seen_partial = false;
    for millis in [150, 350, 550] {
        let plan = plan(&stores(), &request_here).await.unwrap();
        let stores = stores();
        let copying = execute(&stores, &plan, 2, OnError::KeepGoing, &Silent);
        let killed = tokio::time::timeout(Duration::from_millis(millis), copying).await.is_err();
        assert!(killed, "40 pieces with 20 ms between them take longer");
        seen_partial |= files(folder.path()).keys().any(|f| f.to_string_lossy().ends_with(".seedbed-part"));
        // Whatever the catalog points at is whole.
        whole_copies(folder.path()).await;
    }
    assert!(seen_partial, "no transfer was cut off, so this test shows nothing");
    let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert_eq!(report.failed.len(), 0);
    assert!(report.resumed > 0, "what an earlier run began is finished, not begun anew: {report:?}");
    assert_eq!(whole_copies(folder.path()).await, paths.len());
    assert!(!files(folder.path()).keys().any(|f| f.to_string_lossy().contains(".seedbed-part")));

    let items = catalog(undisturbed.path(), &server, &paths).await;
    run(&request(items, undisturbed.path(), None)).await;
    assert_eq!(files(folder.path()), files(undisturbed.path()), "byte for byte as if never killed");
}

#[tokio::test]
async fn a_file_that_arrived_before_the_kill_is_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a/x.nc"]).await;
    let unrecorded = fs::read(folder.path().join("c/i0/i0.json")).unwrap();
    run(&request(items, folder.path(), None)).await;
    let recorded = files(folder.path());
    fs::write(folder.path().join("c/i0/i0.json"), unrecorded).unwrap();
    let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert_eq!((report.adopted, report.copied), (1, 0));
    assert_eq!(files(folder.path()), recorded);
}

#[tokio::test]
async fn one_failing_file_stops_the_others_only_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/missing.nc", "/a.nc", "/b.nc"]).await;
    let plan = plan(&stores(), &request(items, folder.path(), None)).await.unwrap();
    let report = execute(&stores(), &plan, 1, OnError::Stop, &Silent).await.unwrap();
    assert_eq!((report.failed.len(), report.skipped, report.copied), (1, 2, 0));
    let report = execute(&stores(), &plan, 1, OnError::KeepGoing, &Silent).await.unwrap();
    assert_eq!((report.failed.len(), report.skipped, report.copied), (1, 0, 2));
    assert_eq!(report.failed[0].uses[0].item, "i0");
}

#[tokio::test]
async fn a_refusal_in_words_does_not_become_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let mut refused = item("i", 1, &format!("{}/refused.zip", server.url));
    refused.asset_mut("data").unwrap().insert("type".into(), json!("application/zip"));
    builder(vec![refused]).save(&stores(), &at(folder.path())).await.unwrap();
    let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert!(report.failed[0].reason.contains("too often"), "{}", report.failed[0].reason);
    assert!(!folder.path().join("c/i/refused.zip").exists());
    let href = &read(&folder.path().join("c/i/i.json"))["assets"]["data"]["href"];
    assert!(href.as_str().unwrap().starts_with("http://"));
}

#[tokio::test]
async fn a_wrong_checksum_fails_and_a_right_one_is_kept_as_declared() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let declared = |id: &str, checksum: String| {
        let mut item = item(id, 1, &format!("{}/x.nc", server.url));
        let asset = item.asset_mut("data").unwrap();
        asset.insert("file:checksum".into(), json!(checksum));
        asset.insert("file:size".into(), json!(40_000));
        item
    };
    let right = Checksum::of_bytes(&content("/x.nc")).multihash();
    let wrong = Checksum::of_bytes(b"something else").multihash();
    let items = vec![declared("right", right.clone())];
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    let (plan, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert_eq!((plan.bytes, report.copied), (40_000, 1));
    assert!(plan.clone().within(40_000).is_ok());
    assert!(plan.within(39_999).unwrap_err().is_usage());
    let origin =
        read(&folder.path().join("c/right/right.json"))["assets"]["data"]["alternate"]["origin"].clone();
    assert_eq!((&origin["file:checksum"], &origin["file:size"]), (&json!(right), &json!(40_000)));

    let items = vec![declared("wrong", wrong)];
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    let items = items_of(folder.path()).await.into_iter().filter(|i| i.id() == "wrong").collect();
    let (_, report) = run(&request(items, folder.path(), None)).await;
    assert!(report.failed[0].reason.contains("checksum"), "{}", report.failed[0].reason);
    assert!(!folder.path().join("c/wrong/x.nc").exists());
}

#[tokio::test]
async fn shared_files_come_once_and_equal_names_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let mut many = item("i", 1, &format!("{}/a/x.nc", server.url));
    many.set_asset("same", json!({"href": format!("{}/a/x.nc", server.url), "bands": [{"name": "tmin"}]}));
    many.set_asset("other", json!({"href": format!("{}/b/x.nc", server.url)}));
    builder(vec![many, item("j", 2, &format!("{}/b.nc", server.url))])
        .save(&stores(), &at(folder.path()))
        .await
        .unwrap();
    let mut request = request(items_of(folder.path()).await, folder.path(), None);
    request.assets = ["data", "same", "other"].map(str::to_owned).to_vec();
    let (planned, report) = run(&request).await;
    assert_eq!((planned.transfers.len(), report.copied), (3, 3));
    let assets = read(&folder.path().join("c/i/i.json"))["assets"].clone();
    assert_eq!(assets["data"]["href"], "./data-x.nc");
    assert_eq!(assets["same"]["href"], "./data-x.nc");
    assert_eq!(assets["other"]["href"], "./other-x.nc");
    let missing = serde_json::to_value(&report.missing).unwrap();
    assert_eq!(missing, json!([{"collection": "c", "item": "j", "assets": ["same", "other"]}]));

    request.template = "{filename}".parse().unwrap();
    request.items = items_of(folder.path())
        .await
        .into_iter()
        .map(|mut i| {
            let href = format!("{}/{}/z.nc", server.url, i.id());
            i.set_asset("data", json!({"href": href}));
            i
        })
        .collect();
    request.assets = vec!["data".into()];
    let plan = plan(&stores(), &request).await.unwrap();
    let names: Vec<&str> = plan.transfers.iter().map(|t| t.to.file_name().unwrap()).collect();
    assert_eq!(names, ["i-z.nc", "j-z.nc"]);
}

#[tokio::test]
async fn items_without_documents_of_their_own_need_an_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a.nc", "/b.nc"]).await;
    let list = at(&folder.path().join("items.json"));
    ItemCollection::from(items).write_json(&stores(), &list).await.unwrap();
    let items = ItemCollection::read(&stores(), &list).await.unwrap().items;
    let error = plan(&stores(), &request(items.clone(), folder.path(), None)).await.unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("--out"), "{error}");
    let out = tempfile::tempdir().unwrap();
    let (_, report) = run(&request(items, out.path(), Some(out.path()))).await;
    assert_eq!(report.copied, 2);
    assert_eq!(whole_copies(out.path()).await, 2);
}

#[tokio::test]
async fn files_that_are_at_their_place_and_items_chosen_twice_are_no_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c/i/x.nc");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"here").unwrap();
    builder(vec![item("i", 1, path.to_str().unwrap())]).save(&stores(), &at(folder.path())).await.unwrap();
    let mut items = items_of(folder.path()).await;
    items.extend(items.clone());
    let (plan, report) = run(&request(items, folder.path(), None)).await;
    assert_eq!((plan.transfers.len(), plan.present.len(), report.updated), (0, 1, 0));
}

#[tokio::test]
async fn a_copy_that_was_deleted_comes_again_from_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve).await;
    let items = catalog(folder.path(), &server, &["/a.nc"]).await;
    run(&request(items, folder.path(), None)).await;
    let whole = files(folder.path());
    fs::remove_file(folder.path().join("c/i0/a.nc")).unwrap();
    let (_, report) = run(&request(items_of(folder.path()).await, folder.path(), None)).await;
    assert_eq!((report.copied, files(folder.path())), (1, whole));
}

#[tokio::test]
async fn a_source_that_fails_for_a_while_is_retryable_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let server = Server::start(
        move |asked| if switch.load(Ordering::SeqCst) { Told::status(503) } else { serve(asked) },
    )
    .await;
    let items = catalog(folder.path(), &server, &["/a.nc"]).await;
    let request = request(items, folder.path(), None);
    let (_, report) = run(&request).await;
    assert!(report.failed[0].retryable);
    down.store(false, Ordering::SeqCst);
    let (_, report) = run(&request).await;
    assert_eq!((report.copied, report.failed.len()), (1, 0));
    let json: Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["copied"], 1);
}

#[tokio::test]
async fn a_split_beside_a_copy_loses_no_pointer_without_a_word() {
    let server = Server::start(|asked: &Asked| {
        let n = asked.path.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1);
        Told::ok(content(&asked.path)).slowly(n)
    })
    .await;
    let paths: Vec<String> = (1..=12).map(|n| format!("/f{n}.nc")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (mut in_time, mut overtaken) = (0, 0);
    for millis in [40, 80, 120, 160] {
        let [folder, to, work] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let items = catalog(folder.path(), &server, &paths).await;
        let (stores, layout) = (stores(), "${month}".parse().unwrap());
        let plan = plan(&stores, &request(items, to.path(), None)).await.unwrap();
        let (at, work) = (at(folder.path()), work.path());
        let splitting = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            split(&stores, &at, &layout, work).await
        };
        let copying = execute(&stores, &plan, 12, OnError::KeepGoing, &Silent);
        let (done, report) = tokio::join!(splitting, copying);
        let (done, report) = (done.unwrap(), report.unwrap());
        assert_eq!(done.moved, 12);
        for failure in &report.failed {
            assert!(failure.reason.contains("isn't where it was") && failure.retryable, "{failure:?}");
        }
        let copied = whole_copies(folder.path()).await;
        assert_eq!(copied + report.failed.len(), 12, "after {millis} ms: {:?}", report.failed);
        (in_time, overtaken) = (in_time + copied, overtaken + report.failed.len());
        let (_, again) = run(&request(items_of(folder.path()).await, to.path(), None)).await;
        assert_eq!((again.failed.len(), whole_copies(folder.path()).await), (0, 12));
    }
    assert!(in_time > 0 && overtaken > 0, "{in_time} {overtaken}");
}
