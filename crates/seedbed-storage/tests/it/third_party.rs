//! Files that one dCache fetches from another one by itself.

use crate::servers::{self, Served, dcache_fault, dcache_log, named};
use crate::{Remembered, at, noise, told};
use seedbed_storage::{
    Checksum, Content, Expectation, Function, Location, Outcome, Silent, StorageError, Stores, Transferred,
};

const SIZE: usize = 3_000_003;

/// Two dCaches with a file on the first, whose token may only read.
struct Pair {
    one: Served,
    two: Served,
    stores: Stores,
    bytes: Vec<u8>,
    from: Location,
}

impl Pair {
    /// `allow` is what the two stores say of third parties.
    async fn new(redirects: &str, allow: [&str; 2]) -> Option<Self> {
        let (one, two) = (servers::dcache(redirects)?, servers::dcache(redirects)?);
        let store = |name: &str, served: &Served, allow: &str| {
            format!(
                "[{name}]\nkind = \"dcache\"\npaths = [\"/pnfs/{name}\"]\ndoor = \"{}\"\n{allow}\n\
                 auth = {{ bearer_env = \"{name}\" }}\n",
                served.url()
            )
        };
        let text = store("one", &one, allow[0]) + &store("two", &two, allow[1]);
        let stores = named(&text, &[("one", "RO"), ("two", "RW")]);
        let (bytes, from) = (noise(SIZE), at("dcache://pnfs/one/x é.nc"));
        let folder = one.folder.path().join("data/pnfs/one");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("x é.nc"), &bytes).unwrap();
        // The first thing is to find out what the door can do.
        stores.abilities(&at("dcache://pnfs/two")).await.unwrap();
        dcache_log(&two);
        Some(Self { one, two, stores, bytes, from })
    }

    async fn copy(&self, to: &Location, expect: &Expectation) -> Result<Transferred, StorageError> {
        self.stores.transfer(&self.from, to, expect, &Silent).await
    }

    /// The requests of each door that are of a method, and whether we made them.
    fn requests(&self, method: &str) -> [Vec<(bool, serde_json::Map<String, serde_json::Value>)>; 2] {
        [&self.one, &self.two].map(|served| {
            let log =
                dcache_log(served).into_iter().filter(|(server, m, ..)| server == "door" && m == method);
            log.map(|(.., headers)| (header(&headers, "user-agent").contains("seedbed"), headers)).collect()
        })
    }

    async fn is_there(&self, to: &Location) {
        assert!(self.stores.read_document(to).await.unwrap() == self.bytes);
        let listed = self.stores.list(&to.parent().unwrap()).await.unwrap();
        assert!(listed.iter().all(|l| l.at == *to), "{listed:?}");
    }

    async fn is_nowhere(&self, to: &Location) {
        assert!(self.stores.head(to).await.unwrap_err().is_not_found());
        match self.stores.list(&to.parent().unwrap()).await {
            Ok(listed) => assert_eq!(listed, []),
            Err(error) => assert!(error.is_not_found()),
        }
    }
}

fn header<'a>(headers: &'a serde_json::Map<String, serde_json::Value>, name: &str) -> &'a str {
    headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .and_then(|(_, v)| v.as_str())
        .unwrap_or_default()
}

const YES: &str = "third_party = true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dcache_fetches_a_file_from_another_one_by_itself() {
    for redirects in ["never", "read", "both"] {
        let Some(pair) = Pair::new(redirects, [YES, YES]).await else { return };
        let to = at("dcache://pnfs/two/deep/er/y é.nc");
        let progress = Remembered::default();
        let nothing = Expectation::default();
        let done = pair.stores.transfer(&pair.from, &to, &nothing, &progress).await;
        let done = done.unwrap_or_else(|e| panic!("{redirects}: {}", told(&e)));
        assert_eq!((done.bytes, done.outcome), (SIZE as u64, Outcome::Copied), "{redirects}");
        assert_eq!(done.checksum, Checksum::of_bytes(&pair.bytes));
        assert_eq!(done.version.etag, pair.stores.head(&pair.from).await.unwrap().etag);
        assert_eq!(progress.0.lock().unwrap().last(), Some(&(Some(SIZE as u64), SIZE as u64)));
        let log = dcache_log(&pair.two);
        let ours =
            |method: &str| log.iter().filter(|(s, m, ..)| s == "door" && m == method).collect::<Vec<_>>();
        // It could not be told without its folder; then it was.
        let copies = ours("COPY");
        assert_eq!((copies.len(), ours("PUT").len(), ours("MOVE").len()), (2, 0, 1), "{redirects}");
        let headers = &copies[1].3;
        for (name, value) in [
            ("overwrite", "F"),
            ("requirechecksumverification", "true"),
            ("credential", "none"),
            ("authorization", "Bearer RW"),
            ("transferheaderauthorization", "Bearer RO"),
        ] {
            assert_eq!(header(headers, name), value, "{name}");
        }
        assert!(header(headers, "source").ends_with("/pnfs/one/x%20%C3%A9.nc"));
        assert_eq!(header(&ours("MOVE")[0].3, "overwrite"), "F");
        // Not by us, who only read what came, once, for its SHA2-256.
        let [at_source, _] = pair.requests("GET");
        assert_eq!(at_source.iter().map(|(ours, _)| *ours).collect::<Vec<_>>(), [false], "{redirects}");
        assert_eq!(ours("GET").len(), 1, "{redirects}");
        pair.is_there(&to).await;
        let again = pair.copy(&to, &nothing).await.unwrap();
        assert_eq!((again.outcome, again.checksum), (Outcome::Adopted, done.checksum));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_where_the_server_tells_what_is_wanted() {
    let Some(pair) = Pair::new("both", [YES, YES]).await else { return };
    dcache_fault(&pair.two, r#"{"sha256": true}"#);
    let sha256 = Checksum::of_bytes(&pair.bytes);
    let of = |checksum| Expectation { checksum, ..Expectation::default() };
    for (n, expect) in [
        of(None),
        of(Some(sha256.clone())),
        of(Some(Checksum::of(Function::Adler32, &pair.bytes))),
        // By this one it can't tell.
        of(Some(Checksum::of(Function::Sha512, &pair.bytes))),
    ]
    .iter()
    .enumerate()
    {
        let to = at(&format!("dcache://pnfs/two/{n}/y.nc"));
        let done = pair.copy(&to, expect).await.unwrap_or_else(|e| panic!("{n}: {}", told(&e)));
        assert_eq!(done.checksum, sha256);
        assert_eq!(pair.requests("GET")[1].len(), usize::from(n == 3), "{n}");
        pair.is_there(&to).await;
        dcache_log(&pair.two);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_shown_to_another_server_only_if_both_stores_say_so() {
    for allow in [["", ""], [YES, ""], ["", YES], ["third_party = false", YES]] {
        let Some(pair) = Pair::new("both", allow).await else { return };
        let to = at("dcache://pnfs/two/y.nc");
        let done = pair.copy(&to, &Expectation::default()).await.unwrap();
        assert_eq!((done.bytes, done.outcome), (SIZE as u64, Outcome::Copied));
        let log = dcache_log(&pair.two);
        assert!(log.iter().all(|(_, method, ..)| method != "COPY"), "{allow:?}");
        assert!(!serde_json::to_string(&log).unwrap().contains("Bearer RO"), "{allow:?}");
        pair.is_there(&to).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_server_refuses_to_fetch_the_bytes_come_by_here() {
    let Some(pair) = Pair::new("both", [YES, YES]).await else { return };
    for status in [400, 405, 501] {
        dcache_fault(&pair.two, &format!(r#"{{"copy_refused": {status}}}"#));
        let to = at(&format!("dcache://pnfs/two/{status}/y.nc"));
        let done = pair.copy(&to, &Expectation::default()).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        assert_eq!(done.checksum, Checksum::of_bytes(&pair.bytes));
        let log = dcache_log(&pair.two);
        let count = |method: &str| log.iter().filter(|(s, m, ..)| s == "door" && m == method).count();
        assert!(count("COPY") > 0 && count("PUT") == 1, "{status}");
        pair.is_there(&to).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_fails_is_tried_again_or_ends_in_a_cause_and_nothing() {
    let Some(pair) = Pair::new("both", [YES, YES]).await else { return };
    let nothing = Expectation::default();
    println!("| fault of a third-party copy | outcome |");
    for (n, (fault, word)) in [
        (r#"{"copy_fails": 1}"#, None),
        (r#"{"copy_ends": 1}"#, None),
        (r#"{"copy_fails": 9}"#, Some("connection to the remote server timed out")),
        (r#"{"copy_ends": 9}"#, Some("did not say how it ended")),
        (r#"{"corrupt": 1}"#, Some("checksum adler32:")),
    ]
    .into_iter()
    .enumerate()
    {
        dcache_fault(&pair.two, fault);
        let to = at(&format!("dcache://pnfs/two/{n}/y.nc"));
        let done = pair.copy(&to, &nothing).await;
        dcache_fault(&pair.two, r#"{"copy_fails": 0, "copy_ends": 0, "corrupt": 0}"#);
        match (done, word) {
            (Ok(done), None) => {
                println!("| {fault} | recovers |");
                assert_eq!(done.checksum, Checksum::of_bytes(&pair.bytes));
                pair.is_there(&to).await;
            }
            (Err(error), Some(word)) => {
                println!("| {fault} | {} |", told(&error));
                assert!(told(&error).contains(word), "{fault}: {}", told(&error));
                assert!(!told(&error).contains("RO"), "{}", told(&error));
                pair.is_nowhere(&to).await;
            }
            (done, _) => panic!("{fault}: {done:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fetched_and_not_as_expected_never_gets_the_name() {
    for tells in [false, true] {
        let Some(pair) = Pair::new("both", [YES, YES]).await else { return };
        dcache_fault(&pair.two, &format!(r#"{{"sha256": {tells}}}"#));
        let other = |function| Some(Checksum::of(function, b"other"));
        let none = Expectation::default;
        for (n, (expect, size, sum, content)) in [
            (Expectation { size: Some(7), ..none() }, true, false, false),
            (Expectation { checksum: other(Function::Sha256), ..none() }, false, true, false),
            (Expectation { checksum: other(Function::Adler32), ..none() }, false, true, false),
            (Expectation { checksum: other(Function::Md5), ..none() }, false, true, false),
            (Expectation { content: Content::Tiff, ..none() }, false, false, true),
        ]
        .iter()
        .enumerate()
        {
            let to = at(&format!("dcache://pnfs/two/{n}/y.nc"));
            let error = pair.copy(&to, expect).await.unwrap_err();
            let found = (
                matches!(error, StorageError::Size { .. }),
                matches!(error, StorageError::Checksum { .. }),
                matches!(error, StorageError::Content { .. }),
            );
            assert_eq!(found, (*size, *sum, *content), "{n}: {}", told(&error));
            pair.is_nowhere(&to).await;
        }
    }
}
