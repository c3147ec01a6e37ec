//! Copies of files whose checksums lie beside them.

use crate::support::{Server, Told, at, builder, item, items_of, request, stores};
use seedbed_catalog::copy::{CopyReport, OnError, Silent, execute, plan};
use seedbed_storage::{Checksum, Function};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

async fn copy(folder: &Path) -> CopyReport {
    let request = request(items_of(folder).await, folder, None);
    let planned = plan(&stores(), &request).await.unwrap();
    execute(&stores(), &planned, 4, OnError::KeepGoing, &Silent).await.unwrap()
}

#[tokio::test]
async fn a_file_is_held_to_the_checksum_that_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.path.as_str() {
        "/right.dat.sha256" => {
            Told::ok(format!("{}  right.dat\n", Checksum::of_bytes(b"/right.dat").digest_hex()))
        }
        "/md5.dat.md5" => Told::ok(Checksum::of(Function::Md5, b"/md5.dat").digest_hex()),
        "/stale.dat.sha256" => Told::ok(format!("{}  stale.dat\n", "0".repeat(64))),
        "/page.dat.sha256" => Told::ok("<html>Log in</html>"),
        "/none.dat.sha256" => Told::status(404),
        path => Told::ok(path.to_owned()),
    })
    .await;
    let with = |id: &str, ending: &str| {
        let href = format!("{}/{id}.dat", server.url);
        let mut item = item(id, 1, &href);
        let asset = item.asset_mut("data").unwrap();
        asset.insert("seedbed:checksum_href".into(), json!(format!("{href}.{ending}")));
        item
    };
    let mut own = with("own", "sha256");
    let stated = Checksum::of_bytes(b"/own.dat").multihash();
    own.asset_mut("data").unwrap().insert("file:checksum".into(), json!(stated));
    let sidecars = ["right", "stale", "page", "none"].map(|id| with(id, "sha256"));
    let items = sidecars.into_iter().chain([with("md5", "md5"), own]).collect();
    builder(items).save(&stores(), &at(folder.path())).await.unwrap();
    let report = copy(folder.path()).await;
    assert_eq!((report.copied, report.failed.len()), (5, 1), "{:?}", report.failed);
    let failed = &report.failed[0];
    assert_eq!(failed.uses[0].item, "stale");
    assert!(failed.reason.contains("checksum") && !failed.retryable, "{}", failed.reason);
    assert!(!folder.path().join("c/stale/stale.dat").exists());
    let unchecked: Vec<(&str, &str)> =
        report.unchecked.iter().map(|u| (u.item.as_str(), u.reason.as_str())).collect();
    assert!(unchecked[0].0 == "none" && unchecked[0].1.contains("not found"), "{unchecked:?}");
    assert!(unchecked[1].0 == "page" && unchecked[1].1.contains("no checksum"), "{unchecked:?}");
    assert!(!server.asked.lock().unwrap().iter().any(|asked| asked.ends_with("/own.dat.sha256")));
}

#[tokio::test]
async fn a_sidecar_that_cannot_be_had_for_now_makes_its_file_wait() {
    let folder = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/x.dat.sha256" if switch.load(Ordering::SeqCst) => Told::status(503),
        "/x.dat.sha256" => Told::ok(Checksum::of_bytes(b"bytes").digest_hex()),
        _ => Told::ok("bytes"),
    })
    .await;
    let mut waiting = item("i", 1, &format!("{}/x.dat", server.url));
    let sidecar = json!(format!("{}/x.dat.sha256", server.url));
    waiting.asset_mut("data").unwrap().insert("seedbed:checksum_href".into(), sidecar);
    builder(vec![waiting]).save(&stores(), &at(folder.path())).await.unwrap();
    let report = copy(folder.path()).await;
    assert!(report.copied == 0 && report.failed[0].retryable, "{:?}", report.failed);
    down.store(false, Ordering::SeqCst);
    assert_eq!(copy(folder.path()).await.copied, 1);
}
