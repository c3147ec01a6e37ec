//! The token of the environment, and the addresses of a door: what is shown to whom.

use crate::server::{Reply, Server};
use crate::servers::{Served, dcache, dcache_log, named};
use crate::{at, told};
use seedbed_storage::{Expectation, Location, Silent, StorageError, Stores};

/// A door with a file, and its store with this `auth`.
fn site(auth: &str, variables: &[(&str, &str)]) -> Option<(Served, Stores)> {
    let served = dcache("both")?;
    let folder = served.folder.path().join("data/pnfs/site");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x.dat"), "bytes").unwrap();
    let text = format!("[surf]\nkind = \"dcache\"\ndoor = \"{}\"\n{auth}", served.url());
    let stores = named(&text, variables);
    Some((served, stores))
}

/// Whether the token `RW` was shown to the door, and nothing to the pool.
fn showed_it_to_the_door_alone(served: &Served) {
    let log = dcache_log(served);
    let to = |server: &str| {
        let those = log.iter().filter(|(s, ..)| s == server);
        those.map(|l| l.3.get("Authorization").cloned()).collect::<Vec<_>>()
    };
    assert!(!to("pool").is_empty() && to("pool").iter().all(Option::is_none), "{log:?}");
    let shown = |a: &Option<serde_json::Value>| a.as_ref().is_some_and(|a| a == "Bearer RW");
    assert!(!to("door").is_empty() && to("door").iter().all(shown), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_a_credential_is_shown_the_token_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "OLD\n").unwrap();
    let file = token.to_str().unwrap();
    let x = at("dcache://pnfs/site/x.dat");
    let Some((served, stores)) = site("", &[("BEARER_TOKEN", "RW")]) else { return };
    assert_eq!(stores.read_document(&x).await.unwrap_or_else(|e| panic!("{}", told(&e))), "bytes");
    showed_it_to_the_door_alone(&served);
    let Some((served, stores)) = site("", &[("BEARER_TOKEN_FILE", file)]) else { return };
    let error = stores.read_document(&x).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 401, .. }), "{}", told(&error));
    assert!(!told(&error).contains("OLD"));
    // Renewed meanwhile.
    std::fs::write(&token, "RW\n").unwrap();
    dcache_log(&served);
    assert_eq!(stores.read_document(&x).await.unwrap(), "bytes");
    showed_it_to_the_door_alone(&served);
    // A store's own credential goes before, whatever it is worth.
    let auth = "auth = { bearer_env = \"MINE\" }\n";
    let Some((_served, stores)) = site(auth, &[("BEARER_TOKEN", "RW"), ("MINE", "BAD")]) else { return };
    let error = stores.read_document(&x).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 401, .. }), "{}", told(&error));
}

#[tokio::test]
async fn a_host_that_is_no_store_is_shown_no_token_of_the_environment() {
    let server = Server::start(|_, _| Reply::ok("here")).await;
    let door = "[surf]\nkind = \"dcache\"\ndoor = \"https://127.0.0.1:9\"\n";
    let stores = named(door, &[("BEARER_TOKEN", "s3cret")]);
    for scheme in ["http", "dav"] {
        let there = at(&format!("{scheme}://{}/x", server.address));
        assert_eq!(stores.read_document(&there).await.unwrap(), "here");
    }
    assert_eq!(server.seen().len(), 2);
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_web_address_of_a_door_is_asked_as_its_store() {
    let auth = "auth = { bearer_env = \"MINE\" }\n";
    let Some((served, stores)) = site(auth, &[("MINE", "RW")]) else { return };
    let from = at(&format!("{}/pnfs/site/x.dat", served.url()));
    assert!(matches!(from, Location::Http(_)));
    let folder = tempfile::tempdir().unwrap();
    let to = Location::from(folder.path().join("x.dat"));
    let done = stores.transfer(&from, &to, &Expectation::default(), &Silent).await;
    assert_eq!(done.unwrap_or_else(|e| panic!("{}", told(&e))).bytes, 5);
    let log = dcache_log(&served);
    assert!(log.iter().any(|l| l.3.get("Want-Digest").is_some_and(|w| w == "adler32")), "{log:?}");
    assert_eq!(stores.read_range(&from, 1..3).await.unwrap(), "yt");
    showed_it_to_the_door_alone(&served);
}
