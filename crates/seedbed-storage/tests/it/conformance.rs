//! What every store that can be written must do, in one suite.

use crate::{names, stores, told};
use bytes::Bytes;
use seedbed_storage::{Location, Put, StorageError, Stores};

#[tokio::test]
async fn the_local_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&stores(), &Location::from(folder.path())).await;
    // Nothing temporary is left at the top or below.
    assert_eq!(names(folder.path()), ["a", "b", "once", "race", "rename"]);
    assert_eq!(names(&folder.path().join("race")), ["record.json"]);
    assert_eq!(names(&folder.path().join("rename")), ["status.json"]);
}

/// The suite. `root` is an empty folder of the store.
async fn conforms(stores: &Stores, root: &Location) {
    creates_once_and_tells_what_was_there(stores, root).await;
    has_one_winner_among_many(stores, root).await;
    replaces_whole(stores, root).await;
    lists_every_file_sorted(stores, root).await;
    says_not_found(stores, root).await;
}

async fn creates_once_and_tells_what_was_there(stores: &Stores, root: &Location) {
    let at = root.join("once/deep er/ÿ 100%.json");
    assert_eq!(stores.put_once(&at, Bytes::from_static(b"one")).await.unwrap(), Put::Created);
    let second = stores.put_once(&at, Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(second, Put::Exists(Bytes::from_static(b"one")));
    assert_eq!(stores.read_document(&at).await.unwrap(), "one");
    assert_eq!(stores.head(&at).await.unwrap().size, Some(3));
}

async fn has_one_winner_among_many(stores: &Stores, root: &Location) {
    let at = root.join("race/record.json");
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..32u8 {
        let (stores, at) = (stores.clone(), at.clone());
        racers.spawn(async move { (n, stores.put_once(&at, Bytes::from(vec![n; 5000])).await.unwrap()) });
    }
    let ended = racers.join_all().await;
    let won: Vec<u8> = ended.iter().filter(|(_, put)| *put == Put::Created).map(|(n, _)| *n).collect();
    assert_eq!(won.len(), 1, "{won:?}");
    let winner = Bytes::from(vec![won[0]; 5000]);
    for (n, put) in ended {
        assert!(n == won[0] || put == Put::Exists(winner.clone()), "racer {n} saw something else");
    }
    assert_eq!(stores.read_document(&at).await.unwrap(), winner);
}

async fn replaces_whole(stores: &Stores, root: &Location) {
    let at = root.join("rename/status.json");
    stores.replace(&at, Bytes::from(vec![0; 1000])).await.unwrap();
    let writer = async {
        for n in 1..50u8 {
            stores.replace(&at, Bytes::from(vec![n; 1000 * usize::from(n)])).await.unwrap();
        }
    };
    let reader = async {
        for _ in 0..100 {
            let bytes = stores.read_document(&at).await.unwrap();
            let n = bytes[0];
            assert_eq!(bytes.len(), 1000 * usize::from(n.max(1)));
            assert!(bytes.iter().all(|b| *b == n), "a mixture of two writes");
        }
    };
    tokio::join!(writer, reader);
}

async fn lists_every_file_sorted(stores: &Stores, root: &Location) {
    for name in ["b/2", "a", "b/10", "b/c/d/1", "b/1.txt"] {
        stores.put_once(&root.join(name), Bytes::from(name.to_owned())).await.unwrap();
    }
    let listed = stores.list(&root.join("b")).await.unwrap();
    let found: Vec<(String, Option<u64>)> =
        listed.iter().map(|l| (l.at.relative_to(root).unwrap(), l.size)).collect();
    let expected = [("./b/1.txt", 7), ("./b/10", 4), ("./b/2", 3), ("./b/c/d/1", 7)];
    assert_eq!(found, expected.map(|(name, size)| (name.to_owned(), Some(size))));
    stores.remove(&root.join("b/2")).await.unwrap();
    assert_eq!(stores.list(&root.join("b")).await.unwrap().len(), 3);
}

async fn says_not_found(stores: &Stores, root: &Location) {
    let nothing = root.join("no/thing");
    let errors = [
        stores.read_document(&nothing).await.unwrap_err(),
        stores.head(&nothing).await.unwrap_err(),
        stores.remove(&nothing).await.unwrap_err(),
        stores.list(&nothing).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StorageError::NotFound { .. }) && !error.retryable(), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_store_that_is_not_built_says_so_by_its_scheme() {
    let stores = stores();
    for (text, scheme) in [("s3://b/k", "s3"), ("davs://h/x", "davs"), ("dcache://pnfs/x", "dcache")] {
        let at = crate::at(text);
        let errors = [
            stores.read_document(&at).await.unwrap_err(),
            stores.put_once(&at, Bytes::new()).await.unwrap_err(),
            stores.list(&at).await.unwrap_err(),
        ];
        for error in errors {
            let expected = format!("{text}: `{scheme}` locations cannot be opened by this version");
            assert_eq!(error.to_string(), expected);
            assert!(!error.retryable());
        }
    }
}

#[tokio::test]
async fn a_site_read_over_http_refuses_to_be_written() {
    let error = stores().replace(&crate::at("http://127.0.0.1:9/x?sig=s"), Bytes::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "http://127.0.0.1:9/x?…: `http` locations are read-only");
}

#[tokio::test]
async fn a_listing_goes_through_links_but_not_round_them() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("real");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(inside.join("x"), "x").unwrap();
    std::os::unix::fs::symlink(folder.path(), inside.join("up")).unwrap();
    std::os::unix::fs::symlink(&inside, folder.path().join("also")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    let root = Location::from(folder.path());
    let listed = stores().list(&root).await.unwrap();
    let found: Vec<String> = listed.iter().map(|l| l.at.relative_to(&root).unwrap()).collect();
    assert_eq!(found, ["./also/x", "./real/x"]);
}

#[tokio::test]
async fn a_document_beyond_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.json");
    std::fs::write(&path, vec![b' '; 1001]).unwrap();
    let stores = Stores::new(seedbed_storage::Settings { max_document: 1000, ..crate::hasty() }).unwrap();
    let error = stores.read_document(&Location::from(path)).await.unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { limit: 1000, .. }), "{}", told(&error));
}
