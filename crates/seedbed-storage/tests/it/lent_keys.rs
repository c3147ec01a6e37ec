//! Temporary keys of S3 buckets, as the DAACs lend them.

use crate::destinations::ALONE;
use crate::log::Log;
use crate::server::{Reply, Seen, Server, file, short_lived};
use crate::servers::{self, named};
use crate::{at, noise, told};
use bytes::Bytes;
use jiff::Timestamp;
use seedbed_storage::{Expectation, Location, Outcome, Put, Silent, StorageError, Stores};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// The part of every secret here.
const SECRET: &str = "s3cret";

/// A service that lends keys, and a bucket server that knows which are good and until when.
struct Daac {
    giver: Server,
    service: Server,
    good: Good,
}

/// When each session token ends, by key.
type Good = Arc<Mutex<HashMap<String, (String, Timestamp)>>>;

/// The `n`-th keys of a giver, good for so many seconds.
fn keys(name: &str, n: usize, seconds: i64, good: &Good) -> String {
    // Whole seconds, as the DAACs tell them.
    let ends = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
    let (id, token) = (format!("ASIA{name}{n}"), format!("{SECRET}-token-{name}-{n}"));
    good.lock().unwrap().insert(id.clone(), (token.clone(), ends));
    let ends = ends.strftime("%Y-%m-%d %H:%M:%S+00:00");
    format!(
        r#"{{"accessKeyId":"{id}","secretAccessKey":"{SECRET}-key","sessionToken":"{token}","expiration":"{ends}"}}"#
    )
}

/// The key id that a request is signed with, if that is good now and comes with its token.
fn signer(seen: &Seen, good: &Good) -> Option<String> {
    let url: url::Url = format!("http://h{}", seen.path).parse().unwrap();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let id = query.get("X-Amz-Credential")?.split('/').next()?.to_owned();
    let (token, ends) = good.lock().unwrap().get(&id)?.clone();
    let signed = query.contains_key("X-Amz-Signature") && query.get("X-Amz-Security-Token") == Some(&token);
    (signed && ends > Timestamp::now()).then_some(id)
}

impl Daac {
    async fn new(seconds: i64, object: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let good = Good::default();
        let lent = Arc::clone(&good);
        let giver = Server::start(move |_, n| Reply::ok(keys("A", n, seconds, &lent))).await;
        let known = Arc::clone(&good);
        let service = Server::start(move |seen, n| match signer(seen, &known) {
            Some(_) => object(seen, n),
            None => Reply::new(403, "<Error><Code>ExpiredToken</Code></Error>"),
        })
        .await;
        Self { giver, service, good }
    }

    fn stores(&self) -> Stores {
        named(&store("daac", "one\", \"two", &self.service, &self.giver), &[])
    }
}

fn store(name: &str, buckets: &str, service: &Server, giver: &Server) -> String {
    format!(
        "[{name}]\nkind = \"s3\"\nbuckets = [\"{buckets}\"]\nendpoint = \"{}\"\ncredentials = \"{}\"\n",
        service.url(""),
        giver.url("/s3credentials")
    )
}

fn id(seen: &Seen) -> String {
    let from = seen.path.find("X-Amz-Credential=").map_or(seen.path.len(), |i| i + 17);
    seen.path[from..].split('%').next().unwrap().to_owned()
}

#[tokio::test]
async fn many_requests_at_once_have_keys_fetched_once() {
    let daac = Daac::new(3600, |_, _| Reply::ok("here").after(Duration::from_millis(20))).await;
    let stores = daac.stores();
    let mut all = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (stores, bucket) = (stores.clone(), ["one", "two"][n % 2]);
        all.spawn(async move { stores.read_document(&at(&format!("s3://{bucket}/{n}"))).await.unwrap() });
    }
    assert_eq!(all.join_all().await.len(), 16);
    assert_eq!((daac.giver.seen().len(), daac.service.seen().len()), (1, 16));
    assert_eq!(daac.giver.seen()[0].path, "/s3credentials");
    assert!(daac.service.seen().iter().all(|s| id(s) == "ASIAA0"));
}

#[tokio::test]
async fn keys_that_end_in_the_middle_of_a_transfer_are_renewed() {
    let bytes = Arc::new(noise(6_000_000));
    let body = Arc::clone(&bytes);
    // A key lasts for two to three seconds, longer than a connection.
    let daac = Daac::new(3, move |seen, _| short_lived(seen, &body)).await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("x.nc");
    let (from, to) = (at("s3://one/x.nc"), Location::from(home.as_path()));
    let done = daac.stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap();
    assert_eq!(done.outcome, Outcome::Copied);
    assert!(std::fs::read(home).unwrap() == *bytes);
    let mut ids: Vec<String> = daac.service.seen().iter().map(id).collect();
    ids.dedup();
    assert!(ids.len() >= 2 && ids.len() == daac.giver.seen().len(), "{ids:?}");
    // The server refuses keys that have ended: none came.
    let gets = daac.service.gets();
    assert_eq!(gets.iter().map(|g| g.served).sum::<usize>(), bytes.len(), "no byte twice");
}

#[tokio::test]
async fn keys_are_for_the_buckets_of_their_store_alone() {
    let good = Good::default();
    let giver = |name: &'static str| {
        let good = Arc::clone(&good);
        Server::start(move |_, n| Reply::ok(keys(name, n, 3600, &good)))
    };
    let (a, b) = (giver("A").await, giver("B").await);
    let known = Arc::clone(&good);
    let service = Server::start(move |seen, _| match (seen.path.split('?').next(), signer(seen, &known)) {
        (Some("/one/leads-away"), Some(_)) => Reply::redirect("/two/x"),
        (Some("/one/stays"), Some(_)) => Reply::redirect("/one/x"),
        (_, Some(id)) => Reply::ok(id),
        (_, None) => Reply::ok("unsigned"),
    })
    .await;
    let text = store("first", "one", &service, &a)
        + &store("second", "two", &service, &b)
        + &format!("[rest]\nkind = \"s3\"\nendpoint = \"{}\"\n", service.url(""));
    let stores = named(&text, &[]);
    for (address, by) in [
        ("s3://one/x", "ASIAA0"),
        ("s3://two/x", "ASIAB0"),
        ("s3://one/y", "ASIAA0"),
        ("s3://one/stays", "ASIAA0"),
        // Not even where the service itself leads there.
        ("s3://one/leads-away", "unsigned"),
        ("s3://three/x", "unsigned"),
    ] {
        assert_eq!(stores.read_document(&at(address)).await.unwrap(), by, "{address}");
    }
    assert_eq!((a.seen().len(), b.seen().len()), (1, 1));
    let strays: Vec<String> =
        service.seen().into_iter().map(|s| s.path).filter(|p| p.contains("two")).collect();
    assert!(strays.len() == 2 && strays.iter().all(|p| !p.contains("ASIAA")), "{strays:?}");
}

#[tokio::test]
async fn no_keys_are_one_clear_error_that_names_the_address() {
    let html = Reply::ok(format!("<html>{SECRET} log in</html>"));
    let denied = Reply::new(403, SECRET).header("content-type", "text/plain");
    let odd = Reply::new(400, SECRET).header("content-type", "text/plain");
    let past = Good::default();
    let past = Reply::ok(keys("P", 0, -60, &past));
    let busy = Reply::new(503, SECRET);
    for (reply, why, fetches) in [
        (html, "no keys", 1),
        (denied, "access denied", 1),
        (odd, "HTTP 400", 1),
        (past, "expired already", 1),
        (busy, "gave up after 4 attempts", 4),
    ] {
        let giver = Server::start(move |_, _| reply.clone().after(Duration::from_millis(30))).await;
        let service = Server::start(|_, _| Reply::ok("here")).await;
        let stores = named(&store("daac", "one", &service, &giver), &[]);
        let mut all = tokio::task::JoinSet::new();
        for n in 0..8 {
            let stores = stores.clone();
            all.spawn(async move { stores.read_document(&at(&format!("s3://one/{n}"))).await.unwrap_err() });
        }
        for error in all.join_all().await {
            assert!(matches!(error, StorageError::Credential { .. }), "{}", told(&error));
            let text = format!("[daac]: no credential from {}", giver.url("/s3credentials"));
            assert_eq!(error.to_string(), text);
            assert!(told(&error).contains(why) && !told(&error).contains(SECRET), "{}", told(&error));
            assert_eq!(error.retryable(), fetches > 1);
        }
        assert_eq!((giver.seen().len(), service.seen().len()), (fetches, 0), "{why}");
    }
}

#[tokio::test]
async fn keys_are_lent_to_who_logs_in_through_redirects() {
    // The way of Earthdata Login: data host, login host, back with a code, a cookie, the keys.
    let back = Arc::new(OnceLock::<String>::new());
    let to_data = Arc::clone(&back);
    let login =
        Server::start(move |_, _| Reply::redirect(&format!("{}?code=c0de", to_data.get().unwrap()))).await;
    let (good, to_login) = (Good::default(), login.url("/oauth/authorize"));
    let lent = Arc::clone(&good);
    let giver = Server::start(move |seen, n| match seen.path.as_str() {
        "/redirect?code=c0de" => Reply::redirect("/s3credentials").header("set-cookie", "token=k; Secure"),
        _ if seen.header("cookie") == Some("token=k") => Reply::ok(keys("A", n, 3600, &lent)),
        _ => Reply::redirect(&to_login),
    })
    .await;
    back.set(giver.url("/redirect")).unwrap();
    let known = Arc::clone(&good);
    let service = Server::start(move |seen, _| Reply::ok(signer(seen, &known).unwrap_or_default())).await;
    let stores = named(&store("daac", "one", &service, &giver), &[]);
    assert_eq!(stores.read_document(&at("s3://one/x")).await.unwrap(), "ASIAA2");
    assert_eq!(service.seen()[0].header("cookie"), None);
}

#[tokio::test]
async fn a_giver_that_is_away_for_a_moment_harms_nobody_while_keys_last() {
    let good = Good::default();
    let lent = Arc::clone(&good);
    // Lent for eight seconds, they are due after six; then the giver is gone.
    let giver = Server::start(move |_, n| match n {
        0 => Reply::ok(keys("A", n, 8, &lent)),
        _ => Reply::new(500, ""),
    })
    .await;
    let known = Arc::clone(&good);
    let service = Server::start(move |seen, _| Reply::ok(signer(seen, &known).unwrap_or_default())).await;
    let stores = named(&store("daac", "one", &service, &giver), &[]);
    while giver.seen().len() < 2 {
        assert_eq!(stores.read_document(&at("s3://one/x")).await.unwrap(), "ASIAA0");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(giver.seen().len() <= 5, "one attempt and its retries");
}

#[tokio::test]
async fn no_key_shows_in_what_is_printed_logged_or_told() {
    let log = Log::begin();
    let daac = Daac::new(3600, |seen, n| match n {
        0 => Reply::new(503, ""),
        1 => Reply::redirect("/one/y"),
        // A server that repeats what it was asked.
        _ if seen.path.starts_with("/one/bad") => {
            Reply::new(400, seen.path.clone()).header("content-type", "text/plain")
        }
        _ if seen.path.starts_with("/one/gone") => Reply::new(404, ""),
        _ => Reply::ok("here"),
    })
    .await;
    let stores = daac.stores();
    let mut text = format!("{stores:?}");
    assert_eq!(stores.read_document(&at("s3://one/x")).await.unwrap(), "here");
    for name in ["bad", "gone"] {
        text += &told(&stores.read_document(&at(&format!("s3://one/{name}"))).await.unwrap_err());
    }
    daac.good.lock().unwrap().clear();
    text += &told(&stores.read_document(&at("s3://one/x")).await.unwrap_err());
    text += &log.text();
    assert!(text.contains("fetched a credential") && text.contains("redirected"), "{text}");
    for secret in [SECRET, "ASIA", "Signature", "Security-Token"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(daac.service.seen().iter().all(|s| s.path.contains(SECRET)), "or there is nothing to show");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seaweedfs_takes_the_keys_that_its_sts_lends_for_their_bucket_through_a_long_upload() {
    let _alone = ALONE.lock().await;
    let Some(served) = servers::seaweed_of_roles() else { return };
    let mut lent = servers::keys_for(&served, &["one", "one", "one", "one", "one", "one", "two"]);
    // The service's own end is 15 minutes away; ours is told to be in two to three seconds, and the next keys are others.
    let two = lent.pop().unwrap().to_string();
    let ids: Vec<String> = lent.iter().map(|k| k["accessKeyId"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().collect::<std::collections::HashSet<_>>().len() == 6, "{ids:?}");
    let one = Server::start(move |_, n| {
        let mut keys = lent[n % lent.len()].clone();
        let ends = Timestamp::from_second(Timestamp::now().as_second() + 3).unwrap();
        keys["expiration"] = ends.to_string().into();
        Reply::ok(keys.to_string())
    })
    .await;
    let two = Server::start(move |_, _| Reply::ok(two.clone())).await;
    let store = |name: &str, buckets: &str, giver: &Server| {
        let (endpoint, giver) = (served.url(), giver.url("/s3credentials"));
        format!(
            "[{name}]\nkind = \"s3\"\nbuckets = [\"{buckets}\"]\nendpoint = \"{endpoint}\"\ncredentials = \"{giver}\"\n"
        )
    };
    // The buckets are made by who may.
    let admin = servers::s3_stores(&served);
    for bucket in ["one", "two"] {
        admin.replace(&at(&format!("s3://{bucket}/made")), Bytes::from_static(b"x")).await.unwrap();
    }
    let stores = named(&(store("first", "one", &one) + &store("second", "two", &two)), &[]);
    let (in_one, in_two) = (at("s3://one/x"), at("s3://two/x"));
    for place in [&in_one, &in_two] {
        let put = stores.put_once(place, Bytes::from_static(b"one")).await;
        assert_eq!(put.unwrap_or_else(|e| panic!("{}", told(&e))), Put::Created);
    }
    // The service knows the difference: the keys of `two` are of no use in `one`.
    let mixed = named(&store("mixed", "one", &two), &[]);
    let error = mixed.read_document(&in_one).await.unwrap_err();
    assert!(matches!(error, StorageError::Denied { status: 403, .. }), "{}", told(&error));
    // Three parts from a source that takes some seconds.
    let bytes = Arc::new(noise(20_000_000));
    let body = Arc::clone(&bytes);
    let web =
        Server::start(move |seen, _| file(seen, &body, "\"v1\"").paced(250_000, Duration::from_millis(80)))
            .await;
    let (from, to) = (at(&web.url("/x.nc")), at("s3://one/large/x.nc"));
    let before = one.seen().len();
    let done = stores.transfer(&from, &to, &Expectation::default(), &Silent).await;
    assert_eq!(done.unwrap_or_else(|e| panic!("{}", told(&e))).bytes, bytes.len() as u64);
    assert!(one.seen().len() >= before + 2, "{} and {before} fetches", one.seen().len());
    assert!(stores.read_document(&to).await.unwrap() == **bytes);
    assert_eq!(two.seen().len(), 2, "once for each store that it lends to");
}
