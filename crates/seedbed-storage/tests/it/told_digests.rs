//! Digests that servers tell along with a file, where nothing else says what its bytes are.

use crate::server::{End, Reply, Seen, Server, file};
use crate::servers::{dcache, dcache_stores, named};
use crate::{at, hasty, names, noise, stores, told};
use seedbed_storage::{
    Checksum, Environment, Expectation, Function, Location, NamedStores, Outcome, Settings, Silent,
    StorageError, Stores,
};

const SIZE: usize = 1_500_000;

/// The same bytes with one of them changed, for the first `spoilt` requests.
fn spoilt(body: &[u8], n: usize, spoilt: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    body[SIZE / 2] ^= u8::from(n < spoilt);
    body
}

fn base64(checksum: &Checksum) -> String {
    let hex = checksum.digest_hex();
    let byte = |n: usize| format!("{:08b}", u8::from_str_radix(&hex[n..n + 2], 16).unwrap());
    let bits: String = (0..hex.len()).step_by(2).map(byte).collect();
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let sixes: Vec<char> = bits.chars().collect();
    let letter = |six: &[char]| {
        let six: String = six.iter().collect();
        letters[usize::from_str_radix(&format!("{six:0<6}"), 2).unwrap()]
    };
    let text: String = sixes.chunks(6).map(letter).collect();
    format!("{text:=<width$}", width = text.len().div_ceil(4) * 4)
}

/// Headers of a file, each with what it says of these bytes.
fn headers(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let of = |function| base64(&Checksum::of(function, bytes));
    vec![
        ("Repr-Digest", format!("sha-256=:{}:", of(Function::Sha256))),
        ("Digest", format!("SHA-512={}", of(Function::Sha512))),
        ("digest", format!("ADLER32={}", Checksum::of(Function::Adler32, bytes).digest_hex())),
        ("Content-MD5", of(Function::Md5)),
        ("x-goog-hash", format!("md5={}", of(Function::Md5))),
        ("x-amz-checksum-crc64nvme", of(Function::Crc64Nvme)),
    ]
}

#[tokio::test]
async fn what_a_server_says_of_a_file_is_held_against_what_came() {
    let bytes = noise(SIZE);
    for (name, value) in headers(&bytes) {
        for times in [1, usize::MAX] {
            let (body, said) = (bytes.clone(), value.clone());
            let server = Server::start(move |seen, n| {
                file(seen, &spoilt(&body, n, times), "\"v1\"").header(name, &said)
            })
            .await;
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().join("x.nc");
            let (from, home) = (at(&server.url("/x.nc")), Location::from(to.clone()));
            let done = stores().transfer(&from, &home, &Expectation::default(), &Silent).await;
            assert_eq!(server.gets().len(), 2, "{name}");
            if times == 1 {
                done.unwrap_or_else(|e| panic!("{name}: {}", told(&e)));
                assert!(std::fs::read(to).unwrap() == bytes, "{name}");
            } else {
                let error = done.unwrap_err();
                assert!(matches!(error, StorageError::Checksum { .. }), "{name}: {}", told(&error));
                assert_eq!(names(folder.path()), Vec::<String>::new());
            }
        }
    }
}

#[tokio::test]
async fn the_digest_of_a_part_is_none_of_the_whole_and_a_catalog_knows_better() {
    let bytes = noise(SIZE);
    let whole = Checksum::of_bytes(&bytes);
    for (catalog, repr) in [(false, false), (true, true)] {
        let body = bytes.clone();
        // Tells of each answer what is in it, and of the representation something else.
        let server = Server::start(move |seen: &Seen, n| {
            let sent = &body[seen.range_start().unwrap_or(0)..];
            let reply = file(seen, &body, "\"v1\"");
            let reply = reply.header("content-md5", &base64(&Checksum::of(Function::Md5, sent)));
            let reply = reply.header("digest", &format!("sha-256={}", base64(&Checksum::of_bytes(sent))));
            let other = format!("sha-256=:{}:", base64(&Checksum::of_bytes(b"x")));
            let reply = if repr { reply.header("repr-digest", &other) } else { reply };
            if n == 0 { reply.cut(SIZE / 2, End::Close) } else { reply }
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("x.nc");
        let checksum = catalog.then(|| whole.clone());
        let expect = Expectation { checksum, ..Expectation::default() };
        let (from, home) = (at(&server.url("/x.nc")), Location::from(to.clone()));
        stores().transfer(&from, &home, &expect, &Silent).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        assert!(std::fs::read(to).unwrap() == bytes);
        assert_eq!(server.gets().len(), 2);
    }
}

#[tokio::test]
async fn a_resumed_transfer_remembers_what_the_server_said_of_the_whole() {
    let bytes = noise(SIZE);
    let (body, said) = (bytes.clone(), format!("md5={}", base64(&Checksum::of(Function::Md5, &bytes))));
    let server = Server::start(move |seen, n| {
        let reply = file(seen, &spoilt(&body, n, 1), "\"v1\"");
        match n {
            // The spoilt byte is in what is resumed, and only the answer about the whole tells.
            0 => reply.header("digest", &said).cut(SIZE - 1000, End::Close),
            1..=3 => Reply::new(503, ""),
            _ => reply,
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("x.nc");
    let (from, home) = (at(&server.url("/x.nc")), Location::from(to.clone()));
    stores().transfer(&from, &home, &Expectation::default(), &Silent).await.unwrap_err();
    assert_eq!(names(folder.path()), ["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    stores().transfer(&from, &home, &Expectation::default(), &Silent).await.unwrap();
    assert!(std::fs::read(to).unwrap() == bytes);
    assert_eq!(server.gets().len(), 6, "once more from the start");
}

#[tokio::test]
async fn a_webdav_server_is_asked_for_its_digest_and_believed() {
    let bytes = noise(SIZE);
    let (body, said) = (bytes.clone(), Checksum::of(Function::Adler32, &bytes).digest_hex());
    let server = Server::start(move |seen, n| {
        let reply = file(seen, &spoilt(&body, n, 1), "\"v1\"");
        match seen.header("want-digest") {
            Some("adler32") => reply.header("Digest", &format!("adler32={said}")),
            _ => reply,
        }
    })
    .await;
    let text = format!("[drive]\nkind = \"webdav\"\nurl = \"{}\"\n", server.url("/"));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("x.nc");
    let (from, home) = (at(&format!("dav://{}/x.nc", server.address)), Location::from(to.clone()));
    let stores = named(&text, &[]);
    stores.transfer(&from, &home, &Expectation::default(), &Silent).await.unwrap();
    assert!(std::fs::read(to).unwrap() == bytes);
    assert_eq!(server.gets().len(), 2);
    // As an upload from there to a door.
    let Some(door) = dcache("both") else { return };
    let there = at("dcache://pnfs/site/x.nc");
    let (body, said) = (bytes.clone(), Checksum::of(Function::Adler32, &bytes).digest_hex());
    let source = Server::start(move |seen, n| {
        file(seen, &spoilt(&body, n, 1), "\"v1\"").header("Digest", &format!("adler32={said}"))
    })
    .await;
    let done = dcache_stores(&door)
        .transfer(&at(&source.url("/x.nc")), &there, &Expectation::default(), &Silent)
        .await
        .unwrap_or_else(|e| panic!("{}", told(&e)));
    assert_eq!((done.outcome, done.checksum), (Outcome::Copied, Checksum::of_bytes(&bytes)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_service_is_asked_for_its_checksum_also_of_what_comes_in_parts() {
    let bytes = noise(12 << 20);
    for (large, gets) in [(u64::MAX, 2), (1, 4)] {
        let (body, said) = (bytes.clone(), base64(&Checksum::of(Function::Crc64Nvme, &bytes)));
        let spoilt_once = std::sync::atomic::AtomicBool::new(false);
        let server = Server::start(move |seen, _| {
            assert_eq!(seen.header("x-amz-checksum-mode"), Some("ENABLED"));
            let mut sent = body.clone();
            if seen.method == "GET" && !spoilt_once.swap(true, std::sync::atomic::Ordering::SeqCst) {
                sent[1000] ^= 1;
            }
            let reply = file(seen, &sent, "\"v1\"");
            // With a part, the service tells what is of that part, if anything.
            let part = base64(&Checksum::of(Function::Crc64Nvme, b"part"));
            let of = if seen.range_start().is_some() { &part } else { &said };
            reply.header("x-amz-checksum-crc64nvme", of)
        })
        .await;
        let text =
            format!("[o]\nkind = \"s3\"\nendpoint = \"{}\"\nauth = {{ anonymous = true }}\n", server.url(""));
        let named = NamedStores::from_toml("stores.toml".as_ref(), &text, &Environment::of([])).unwrap();
        let stores = Stores::new(Settings { named, ranged_from: large, ..hasty() }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("x.nc");
        let expect = Expectation { size: Some(bytes.len() as u64), ..Expectation::default() };
        let from = at("s3://bucket/x.nc");
        let done = stores.transfer(&from, &Location::from(to.clone()), &expect, &Silent).await;
        done.unwrap_or_else(|e| panic!("{}", told(&e)));
        assert!(std::fs::read(to).unwrap() == bytes);
        assert_eq!(server.gets().len(), gets);
    }
}
