//! Transfers to remote stores, from every kind of source: each ends in the right bytes, or in a cause and nothing.

use crate::destinations::{ALONE, Destination, destinations};
use crate::server::{End, Reply, Server, file};
use crate::servers::{self, dcache_fault, dcache_log, dcache_stores};
use crate::{Remembered, at, noise, told};
use seedbed_storage::{
    Checksum, Content, CreateOnce, Expectation, Function, Location, Outcome, Silent, StorageError,
};
use std::sync::Arc;

/// More than one part.
const SIZE: usize = 9_000_003;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brings_local_and_remote_files_to_every_store_and_adopts_them_then() {
    let bytes = Arc::new(noise(SIZE));
    let body = Arc::clone(&bytes);
    let web = Server::start(move |seen, n| match n {
        // Breaks off in the middle, once; then goes on, if it is asked for the rest.
        0 => file(seen, &body, "\"v1\"").cut(5_000_000, End::Close),
        _ => file(seen, &body, "\"v1\""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("x.nc");
    std::fs::write(&local, &**bytes).unwrap();
    let sha256 = Checksum::of_bytes(&bytes);
    let known = Expectation {
        size: Some(SIZE as u64),
        checksum: Some(Checksum::of(Function::Md5, &bytes)),
        ..Expectation::default()
    };
    let _alone = ALONE.lock().await;
    for d in destinations() {
        for (n, from) in [Location::from(local.as_path()), at(&web.url("/x.nc"))].into_iter().enumerate() {
            let to = d.root.join(&if d.label == "XRootD" {
                format!("large-{n}/deep/x.nc")
            } else {
                format!("large {n}/deep/x é.nc")
            });
            let progress = Remembered::default();
            let done = d.stores.transfer(&from, &to, &known, &progress).await;
            let done = done.unwrap_or_else(|e| panic!("{}: {}", d.label, told(&e)));
            assert_eq!((done.bytes, done.outcome), (SIZE as u64, Outcome::Copied), "{}", d.label);
            assert_eq!(done.checksum, sha256);
            assert_eq!(progress.0.lock().unwrap().last(), Some(&(Some(SIZE as u64), SIZE as u64)));
            d.is_there(&to, &bytes).await;
            let again = d.stores.transfer(&from, &to, &known, &Silent).await.unwrap();
            assert_eq!((again.outcome, again.checksum), (Outcome::Adopted, sha256.clone()), "{}", d.label);
            // And back, from a pool or not, over the same policy.
            let home = folder.path().join(format!("{}-{n}", d.label));
            let back =
                d.stores.transfer(&to, &Location::from(home.as_path()), &known, &Silent).await.unwrap();
            assert_eq!(back.checksum, sha256, "{}", d.label);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brings_small_and_empty_files_and_finds_out_what_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let local = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Location::from(path)
    };
    let (small, other, empty) = (local("small", b"small"), local("other", b"another"), local("empty", b""));
    let nothing = Expectation::default();
    let _alone = ALONE.lock().await;
    for d in destinations() {
        for (name, from, bytes) in [("s/f", &small, &b"small"[..]), ("e/f", &empty, b"")] {
            let to = d.root.join(name);
            let done = d.stores.transfer(from, &to, &nothing, &Silent).await;
            let done = done.unwrap_or_else(|e| panic!("{}: {}", d.label, told(&e)));
            assert_eq!((done.bytes, done.outcome), (bytes.len() as u64, Outcome::Copied), "{}", d.label);
            d.is_there(&to, bytes).await;
        }
        let to = d.root.join("s/f");
        let error = d.stores.transfer(&other, &to, &nothing, &Silent).await.unwrap_err();
        assert!(matches!(error, StorageError::Occupied { .. }), "{}: {}", d.label, told(&error));
        d.is_there(&to, b"small").await;
    }
}

/// A server may wait for ever for a body of which nothing says that it does not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_file_is_sent_with_its_length_and_asks_for_no_word_before() {
    let Some(served) = servers::dcache("both") else {
        println!("skipped: python3 is not here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("empty");
    std::fs::write(&from, b"").unwrap();
    let stores = dcache_stores(&served);
    let to = at("dcache://pnfs/empty/f");
    stores.transfer(&Location::from(from), &to, &Expectation::default(), &Silent).await.unwrap();
    let log = dcache_log(&served);
    let puts: Vec<_> =
        log.iter().filter(|(_, method, path, _)| method == "PUT" && path.contains("/f.")).collect();
    assert!(!puts.is_empty());
    for (_, _, path, headers) in puts {
        let has = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        assert_eq!(has("content-length"), Some(&"0".into()), "{path}");
        assert!(has("expect").is_none() && has("transfer-encoding").is_none(), "{path}");
    }
}

/// Whether or not names that were free before let a store take the next one for free, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_files_of_known_size_find_free_and_taken_names_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let local = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        // Newer than any copy: a copy that is newer would be taken for one of these by its size.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        (Location::from(path), Expectation { size: Some(bytes.len() as u64), ..Expectation::default() })
    };
    let (ours, alike, long) = (local("a", b"ours"), local("b", b"else"), local("c", b"longer"));
    let _alone = ALONE.lock().await;
    for d in destinations() {
        let root = d.root.join("order");
        let sent = async |(from, expect): &(Location, Expectation), name: &str| {
            d.stores.transfer(from, &root.join(name), expect, &Silent).await.map(|done| done.outcome)
        };
        let is = |sent: Result<Outcome, StorageError>, outcome| {
            let found = sent.unwrap_or_else(|e| panic!("{}: {}", d.label, told(&e)));
            assert_eq!(found, outcome, "{}", d.label);
        };
        is(sent(&ours, "1/f").await, Outcome::Copied);
        is(sent(&ours, "2/f").await, Outcome::Copied);
        for (name, other) in [("alike", &alike), ("long", &long)] {
            let error = sent(other, "1/f").await.unwrap_err();
            assert!(matches!(error, StorageError::Occupied { .. }), "{}: {}", d.label, told(&error));
            d.is_there(&root.join("1/f"), b"ours").await;
            is(sent(other, &format!("{name}-after/f")).await, Outcome::Copied);
            is(sent(&ours, "2/f").await, Outcome::Adopted);
            is(sent(other, &format!("{name}-later/f")).await, Outcome::Copied);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_expected_never_gets_the_name() {
    let bytes = noise(SIZE);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nc");
    std::fs::write(&path, &bytes).unwrap();
    let from = Location::from(path);
    let wrong = Expectation { checksum: Some(Checksum::of_bytes(b"other")), ..Expectation::default() };
    let short = Expectation { size: Some(SIZE as u64 + 1), ..Expectation::default() };
    let kind = Expectation { content: Content::Tiff, ..Expectation::default() };
    let _alone = ALONE.lock().await;
    for d in destinations() {
        for (name, expect) in [("checksum", &wrong), ("size", &short), ("kind", &kind)] {
            let to = d.root.join(name).join("x.nc");
            let error = d.stores.transfer(&from, &to, expect, &Silent).await.unwrap_err();
            let right = match name {
                "checksum" => matches!(error, StorageError::Checksum { .. }),
                "size" => matches!(error, StorageError::Size { .. }),
                _ => matches!(error, StorageError::Content { .. }),
            };
            assert!(right, "{} {name}: {}", d.label, told(&error));
            d.is_nowhere(&to).await;
        }
        assert!(d.served.port > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_writers_of_one_file_end_in_one_file() {
    let bytes = noise(SIZE / 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nc");
    std::fs::write(&path, &bytes).unwrap();
    let _alone = ALONE.lock().await;
    for d in destinations() {
        let to = d.root.join("race/x.nc");
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (stores, from, to) = (d.stores.clone(), Location::from(path.as_path()), to.clone());
            all.spawn(async move { stores.transfer(&from, &to, &Expectation::default(), &Silent).await });
        }
        for done in all.join_all().await {
            let done = done.unwrap_or_else(|e| panic!("{}: {}", d.label, told(&e)));
            assert_eq!(done.bytes, bytes.len() as u64);
        }
        d.is_there(&to, &bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dcache_pool_gets_the_file_and_never_the_token() {
    let Some(served) = servers::dcache("both") else { return };
    let (stores, to) = (dcache_stores(&served), at("dcache://pnfs/site/x.nc"));
    let bytes = noise(SIZE);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nc");
    std::fs::write(&path, &bytes).unwrap();
    // The first thing is to find out what the door can do.
    stores.abilities(&at("dcache://pnfs/site")).await.unwrap();
    dcache_log(&served);
    stores.transfer(&Location::from(path), &to, &Expectation::default(), &Silent).await.unwrap();
    stores.read_document(&to).await.unwrap();
    let log = dcache_log(&served);
    let at_pool: Vec<_> = log.iter().filter(|(server, ..)| server == "pool").collect();
    let methods: Vec<&str> = at_pool.iter().map(|(_, method, ..)| method.as_str()).collect();
    assert_eq!(methods, ["PUT", "GET"]);
    for (_, _, _, headers) in &at_pool {
        let names: Vec<String> = headers.keys().map(|n| n.to_ascii_lowercase()).collect();
        assert!(!names.iter().any(|n| n == "authorization" || n == "content-type"), "{names:?}");
    }
    assert_eq!(at_pool[0].3["Content-Length"], SIZE.to_string());
    let puts: Vec<_> = log.iter().filter(|(s, m, ..)| s == "door" && m == "PUT").collect();
    assert!(
        puts.len() == 1 && puts[0].3["Expect"] == "100-continue" && puts[0].3["Authorization"] == "Bearer RW"
    );
    // Never one file over another.
    assert!(log.iter().filter(|(_, m, ..)| m == "MOVE").all(|(_, _, _, h)| h["Overwrite"] == "F"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_a_dcache_end_in_the_right_bytes_or_in_a_cause_and_nothing() {
    let Some(served) = servers::dcache("both") else { return };
    let stores = dcache_stores(&served);
    stores.abilities(&at("dcache://pnfs/site")).await.unwrap();
    let bytes = noise(3_000_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nc");
    std::fs::write(&path, &bytes).unwrap();
    let d = Destination { label: "dCache", stores, root: at("dcache://pnfs/site"), served };
    println!("| fault of a dCache | outcome |");
    for (n, (fault, recovers)) in [
        (r#"{"pool_503":2}"#, true),
        (r#"{"pool_lost":1}"#, true),
        (r#"{"corrupt":1}"#, true),
        (r#"{"corrupt":9}"#, false),
        (r#"{"quota":1000}"#, false),
    ]
    .into_iter()
    .enumerate()
    {
        dcache_fault(&d.served, fault);
        let to = d.root.join(&format!("{n}/x.nc"));
        let done =
            d.stores.transfer(&Location::from(path.as_path()), &to, &Expectation::default(), &Silent).await;
        dcache_fault(&d.served, r#"{"quota":null,"corrupt":0}"#);
        match done {
            Ok(_) => {
                println!("| {fault} on writing | recovers |");
                assert!(recovers, "{fault}");
                d.is_there(&to, &bytes).await;
            }
            Err(error) => {
                println!("| {fault} on writing | {error} |");
                assert!(!recovers, "{fault}: {}", told(&error));
                assert_eq!(error.is_full(), fault.contains("quota"), "{}", told(&error));
                d.is_nowhere(&to).await;
            }
        }
    }
    let from = d.root.join("0/x.nc");
    for (n, fault) in [r#"{"pool_503":2}"#, r#"{"pool_lost":1}"#, r#"{"drop":1}"#].into_iter().enumerate() {
        dcache_fault(&d.served, fault);
        let home = folder.path().join(format!("back-{n}"));
        d.stores
            .transfer(&from, &Location::from(home.as_path()), &Expectation::default(), &Silent)
            .await
            .unwrap();
        println!("| {fault} on reading | recovers |");
        assert!(std::fs::read(home).unwrap() == bytes, "{fault}");
    }
}

#[tokio::test]
async fn a_source_that_changes_on_the_way_is_told_so_and_nothing_is_left() {
    let bytes = Arc::new(noise(SIZE));
    let _alone = ALONE.lock().await;
    for d in destinations() {
        let body = Arc::clone(&bytes);
        let web = Server::start(move |seen, n| match n {
            0 => file(seen, &body, "\"v1\"").cut(5_000_000, End::Close),
            _ => Reply::ok(&body[1..]).header("etag", "\"v2\""),
        })
        .await;
        let to = d.root.join("changes/x.nc");
        let done = d.stores.transfer(&at(&web.url("/x.nc")), &to, &Expectation::default(), &Silent).await;
        match done {
            // A server that takes files whole is given the new version, from its start.
            Ok(_) => d.is_there(&to, &bytes[1..]).await,
            Err(error) => {
                assert!(told(&error).contains("changed while it was read"), "{}: {}", d.label, told(&error));
                assert!(error.retryable());
                d.is_nowhere(&to).await;
            }
        }
    }
}

/// Two who change one document: where the store heeds conditions, the second one hears of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_swapped_for_the_one_that_was_read_only() {
    let _alone = ALONE.lock().await;
    for d in destinations() {
        let at = d.root.join("swap/document.json");
        let text = |text: &'static str| bytes::Bytes::from_static(text.as_bytes());
        d.stores.replace(&at, text("first")).await.unwrap();
        let (_, first) = d.stores.read_version(&at).await.unwrap();
        assert!(d.stores.swap(&at, &first, text("second")).await.unwrap(), "{}", d.label);
        let swapped = d.stores.swap(&at, &first, text("third")).await.unwrap();
        let heeds = matches!(at, Location::S3 { .. })
            && d.stores.abilities(&d.root).await.unwrap().create_once == CreateOnce::Guaranteed;
        assert_eq!(swapped, !heeds, "{}", d.label);
        let there = d.stores.read_document(&at).await.unwrap();
        assert_eq!(there, if heeds { "second" } else { "third" }, "{}", d.label);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_door_can_do_is_tried_again_where_the_trial_came_to_harm() {
    let Some(served) = servers::dcache("read") else { return };
    servers::dcache_fault(&served, r#"{"corrupt": 1}"#);
    let stores = servers::dcache_stores(&served);
    stores.abilities(&at("dcache://pnfs/tried")).await.unwrap();
}
