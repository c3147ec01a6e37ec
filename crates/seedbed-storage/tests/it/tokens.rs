//! Tokens for the containers of blobs, as Planetary Computer lends them.

use crate::log::Log;
use crate::server::{End, Reply, Seen, Server, file, short_lived};
use crate::servers::named;
use crate::{Remembered, at, names, noise, told};
use jiff::Timestamp;
use seedbed_storage::{Expectation, Location, Outcome, Request, Silent, StorageError, Stores};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The beginning of every signature here.
const SECRET: &str = "s3cret";

/// When each signature ends, and which container it is for.
type Good = Arc<Mutex<HashMap<String, (String, Timestamp)>>>;

/// A service that lends tokens, and a host of blobs that knows which are good, for what, and until when.
struct Planetary {
    signer: Server,
    blobs: Server,
    good: Good,
}

/// A token for the container whose path at the signer is `path`.
fn token(path: &str, n: usize, seconds: i64, good: &Good) -> Reply {
    let container = path.trim_start_matches("/api/token").to_owned();
    let ends = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
    let signature = format!("{SECRET}/{n}=");
    good.lock().unwrap().insert(signature.clone(), (container, ends));
    let query = format!("se={ends}&sp=rl&sig={}", signature.replace('/', "%2F").replace('=', "%3D"));
    Reply::ok(serde_json::json!({"msft:expiry": ends.to_string(), "token": query}).to_string())
}

/// What of an address's query is no token, if its token is good there.
fn opened(seen: &Seen, good: &Good) -> Option<String> {
    let url: url::Url = format!("http://h{}", seen.path).parse().unwrap();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let (container, ends) = good.lock().unwrap().get(query.get("sig")?)?.clone();
    let others = url.query_pairs().filter(|(n, _)| !["se", "sp", "sig"].contains(&n.as_ref()));
    let others: Vec<String> = others.map(|(n, v)| format!("{n}={v}")).collect();
    let within = url.path().starts_with(&format!("{container}/"));
    (within && ends > Timestamp::now()).then(|| others.join("&"))
}

impl Planetary {
    async fn new(seconds: i64, blob: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let good = Good::default();
        let (lent, known) = (Arc::clone(&good), Arc::clone(&good));
        let signer = Server::start(move |seen, n| token(&seen.path, n, seconds, &lent)).await;
        let blobs = Server::start(move |seen, n| match opened(seen, &known) {
            Some(_) => blob(seen, n),
            None => Reply::new(403, "<Error><Code>AuthenticationFailed</Code></Error>"),
        })
        .await;
        Self { signer, blobs, good }
    }

    fn stores(&self) -> Stores {
        let (hosts, sign) = (self.blobs.address, self.signer.url("/api/token/"));
        named(&format!("[planetary]\nkind = \"sas\"\nhosts = [\"{hosts}\"]\nsign = \"{sign}\"\n"), &[])
    }

    fn at(&self, path: &str) -> Location {
        at(&self.blobs.url(path))
    }

    fn signed(&self) -> Vec<String> {
        self.signer.seen().into_iter().map(|s| s.path).collect()
    }
}

#[tokio::test]
async fn each_container_has_its_token_fetched_once() {
    let pc = Planetary::new(3600, |seen, _| {
        Reply::ok(seen.path.split("sig").next().unwrap()).after(Duration::from_millis(20))
    })
    .await;
    let stores = pc.stores();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (stores, place) = (stores.clone(), pc.at(&format!("/account/{}/x/{n}?v=1", ["c", "d"][n % 2])));
        all.spawn(async move { stores.read_document(&place).await.unwrap() });
    }
    for answer in all.join_all().await {
        assert!(String::from_utf8_lossy(&answer).contains("?v=1&se="), "the address keeps its query");
    }
    let mut signed = pc.signed();
    signed.sort();
    assert_eq!(signed, ["/api/token/account/c", "/api/token/account/d"]);
    assert_eq!(pc.blobs.seen().len(), 16);
    let url: url::Url = pc.blobs.url("/account/c/y").parse().unwrap();
    assert_eq!(stores.request(Request::get(url.clone())).await.unwrap().url, url, "shown without its token");
    assert!(stores.head(&pc.at("/account/c/y")).await.is_ok());
    assert_eq!(pc.signed().len(), 2);
}

#[tokio::test]
async fn what_is_signed_already_or_is_elsewhere_has_no_token() {
    let elsewhere = Server::start(|_, _| Reply::ok("elsewhere")).await;
    let (away, own) = (elsewhere.url("/c/x"), Arc::new(Mutex::new(Vec::new())));
    let seen_own = Arc::clone(&own);
    let blobs = Server::start(move |seen, _| {
        seen_own.lock().unwrap().push(seen.path.clone());
        if seen.path.starts_with("/account/c/away") { Reply::redirect(&away) } else { Reply::ok("here") }
    })
    .await;
    let signer = Server::start(|seen, n| token(&seen.path, n, 3600, &Good::default())).await;
    let (hosts, sign) = (blobs.address, signer.url("/api/token"));
    let stores = named(&format!("[pc]\nkind = \"sas\"\nhosts = [\"{hosts}\"]\nsign = \"{sign}\"\n"), &[]);
    let read = |text: String| {
        let stores = stores.clone();
        async move { stores.read_document(&at(&text)).await.unwrap() }
    };
    assert_eq!(read(blobs.url("/account/c/x?se=1&sig=mine")).await, "here");
    assert_eq!(read(elsewhere.url("/account/c/x")).await, "elsewhere");
    assert_eq!(signer.seen().len(), 0);
    assert_eq!(*own.lock().unwrap(), ["/account/c/x?se=1&sig=mine"]);
    assert_eq!(read(blobs.url("/account/c/away")).await, "elsewhere");
    assert_eq!(signer.seen().len(), 1);
    assert!(own.lock().unwrap()[1].contains(SECRET));
    assert!(elsewhere.seen().iter().all(|s| !s.path.contains("sig")), "{:?}", elsewhere.seen());
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_once() {
    let pc = Planetary::new(3600, |seen, _| {
        if seen.path.starts_with("/account/c/closed") { Reply::new(403, "") } else { Reply::ok("here") }
    })
    .await;
    let stores = pc.stores();
    assert_eq!(stores.read_document(&pc.at("/account/c/x")).await.unwrap(), "here");
    // The service takes its word back.
    pc.good.lock().unwrap().clear();
    assert_eq!(stores.read_document(&pc.at("/account/c/x")).await.unwrap(), "here");
    assert_eq!((pc.signed().len(), pc.blobs.seen().len()), (2, 3));
    let error = stores.read_document(&pc.at("/account/c/closed")).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 403, .. }), "{}", told(&error));
    assert_eq!((pc.signed().len(), pc.blobs.seen().len()), (3, 5));
    assert!(!told(&error).contains("sig"), "{}", told(&error));
}

#[tokio::test]
async fn a_transfer_outlives_its_token() {
    let bytes = Arc::new(noise(6_000_000));
    let body = Arc::clone(&bytes);
    // A token lasts for two to three seconds, longer than a connection.
    let pc = Planetary::new(3, move |seen, _| short_lived(seen, &body)).await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("x.nc");
    let progress = Remembered::default();
    let to = Location::from(home.as_path());
    let done = pc.stores().transfer(&pc.at("/account/c/x.nc"), &to, &Expectation::default(), &progress).await;
    assert_eq!(done.unwrap_or_else(|e| panic!("{}", told(&e))).outcome, Outcome::Copied);
    assert!(std::fs::read(home).unwrap() == *bytes);
    assert!(pc.signed().len() >= 2, "{:?}", pc.signed());
    let gets = pc.blobs.gets();
    assert_eq!(gets.iter().map(|g| g.served).sum::<usize>(), bytes.len(), "no byte twice");
    assert_eq!(*progress.0.lock().unwrap(), [(Some(6_000_000), 6_000_000)], "counted once");
}

#[tokio::test]
async fn a_transfer_that_gave_up_resumes_with_another_token_and_records_none() {
    let log = Log::begin();
    let bytes = Arc::new(noise(3_000_000));
    let body = Arc::clone(&bytes);
    let pc = Planetary::new(3600, move |seen, n| {
        let reply = file(seen, &body, "\"v1\"");
        match n {
            0 => reply.cut(1_000_000, End::Close),
            1..=3 => Reply::new(503, seen.path.clone()).header("content-type", "text/plain"),
            _ => reply,
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (pc.at("/account/c/x.nc"), Location::from(folder.path().join("x.nc")));
    let first = pc.stores();
    let error = first.transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
    assert_eq!(names(folder.path()), ["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let record = std::fs::read_to_string(folder.path().join("x.nc.seedbed-part.json")).unwrap();
    assert!(record.contains(&format!("\"{}\"", pc.blobs.url("/account/c/x.nc"))), "{record}");
    let done = pc.stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap();
    assert_eq!((done.outcome, pc.signed().len()), (Outcome::Resumed, 2));
    assert!(std::fs::read(folder.path().join("x.nc")).unwrap() == *bytes);
    // Nothing of a token in what is printed, told, recorded or logged.
    let text = format!("{first:?}{}{record}{}", told(&error), log.text());
    assert!(text.contains("fetched a credential") && text.contains("trying again"), "{text}");
    for secret in [SECRET, "sig=", "se="] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(pc.blobs.seen().iter().all(|s| s.path.contains(SECRET)), "or there is nothing to show");
}

#[tokio::test]
async fn no_token_is_one_clear_error_that_names_the_address() {
    for (reply, why) in [
        (Reply::new(404, ""), "not found"),
        (Reply::ok(format!("<html>{SECRET}</html>")), "no token"),
        (Reply::new(400, SECRET).header("content-type", "application/json"), "HTTP 400"),
    ] {
        let signer = Server::start(move |_, _| reply.clone()).await;
        let blobs = Server::start(|_, _| Reply::ok("here")).await;
        let (hosts, sign) = (blobs.address, signer.url("/api/token"));
        let stores = named(&format!("[pc]\nkind = \"sas\"\nhosts = [\"{hosts}\"]\nsign = \"{sign}\"\n"), &[]);
        let error = stores.read_document(&at(&blobs.url("/account/c/x"))).await.unwrap_err();
        assert_eq!(error.to_string(), format!("[pc]: no credential from {sign}/account/c"));
        assert!(told(&error).contains(why) && !told(&error).contains(SECRET), "{}", told(&error));
        // It is not the blob that is not there.
        assert!(!error.is_not_found() && !error.retryable());
        assert_eq!((signer.seen().len(), blobs.seen().len()), (1, 0));
    }
}
