//! Transfers over HTTP against every fault: each ends in the right bytes, or in
//! a cause and no file.

use crate::server::{End, Reply, Seen, Server, file};
use crate::{Remembered, at, hasty, names, noise, stores, told};
use seedbed_storage::{
    Checksum, Content, Expectation, Location, Outcome, Settings, Silent, StorageError, Stores, Transferred,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const SIZE: usize = 3_000_000;

/// A source and a place to bring it to.
pub struct Try {
    pub server: Server,
    pub folder: TempDir,
    pub bytes: Arc<Vec<u8>>,
}

impl Try {
    /// A server that behaves as told about the same `SIZE` bytes.
    async fn new(behave: impl Fn(&Seen, usize, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(SIZE, behave).await
    }

    /// The same about bytes of another number.
    pub async fn of(
        size: usize,
        behave: impl Fn(&Seen, usize, &[u8]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let bytes = Arc::new(noise(size));
        let body = Arc::clone(&bytes);
        let server = Server::start(move |seen, n| behave(seen, n, &body)).await;
        Self { server, folder: tempfile::tempdir().unwrap(), bytes }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("data/x.nc")
    }

    async fn transfer(&self, expect: &Expectation) -> Result<Transferred, StorageError> {
        self.transfer_by(&stores(), expect).await
    }

    pub async fn transfer_by(
        &self,
        stores: &Stores,
        expect: &Expectation,
    ) -> Result<Transferred, StorageError> {
        let from = at(&self.server.url("/x.nc"));
        stores.transfer(&from, &Location::from(self.home()), expect, &Silent).await
    }

    /// All is well and nothing else lies about.
    pub fn is_home(&self, transferred: &Transferred) {
        assert_eq!(std::fs::read(self.home()).unwrap(), *self.bytes);
        assert_eq!(transferred.bytes, self.bytes.len() as u64);
        assert_eq!(transferred.checksum, Checksum::of_bytes(&self.bytes));
        assert_eq!(names(&self.folder.path().join("data")), ["x.nc"]);
    }

    /// Nothing has the final name, nor anything else but what can be resumed.
    pub fn is_not_home(&self, left: &[&str]) {
        let folder = self.folder.path().join("data");
        assert_eq!(names(&folder), left);
    }

    pub fn known(&self) -> Expectation {
        Expectation { checksum: Some(Checksum::of_bytes(&self.bytes)), ..self.sized() }
    }

    pub fn sized(&self) -> Expectation {
        Expectation { size: Some(self.bytes.len() as u64), ..Expectation::default() }
    }
}

#[tokio::test]
async fn brings_a_file_home_and_tells_its_version_and_progress() {
    let t = Try::new(|seen, _, body| {
        file(seen, body, "\"v1\"").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
    })
    .await;
    let progress = Remembered::default();
    let from = at(&t.server.url("/x.nc"));
    let home = Location::from(t.home());
    let done = stores().transfer(&from, &home, &t.known(), &progress).await.unwrap();
    t.is_home(&done);
    assert_eq!(done.outcome, Outcome::Copied);
    assert_eq!(done.version.size, Some(SIZE as u64));
    assert_eq!(done.version.etag.as_deref(), Some("\"v1\""));
    assert_eq!(done.version.last_modified.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(*progress.0.lock().unwrap(), [(Some(SIZE as u64), SIZE as u64)]);
    assert_eq!(t.server.seen().len(), 1);
}

#[tokio::test]
async fn resumes_after_a_truncated_download() {
    let t = Try::new(|seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        if n == 0 { reply.cut(SIZE / 2, End::Close) } else { reply }
    })
    .await;
    let done = t.transfer(&t.known()).await.unwrap();
    t.is_home(&done);
    let gets = t.server.gets();
    assert_eq!(gets[1].range_start(), Some(SIZE / 2));
    assert_eq!(gets[1].header("if-range"), Some("\"v1\""));
    assert_eq!(gets.iter().map(|g| g.served).sum::<usize>(), SIZE, "no byte twice");
}

#[tokio::test]
async fn takes_a_part_for_a_part_though_the_server_says_it_is_the_whole() {
    let t = Try::new(|seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        match seen.range_start() {
            None => reply.cut(if n == 0 { 2_000_000 } else { SIZE }, End::Close),
            Some(first) => Reply::ok(&body[first..])
                .header("content-range", &format!("bytes {first}-{}/{SIZE}", SIZE - 1))
                .header("etag", "\"v1\""),
        }
    })
    .await;
    t.is_home(&t.transfer(&Expectation::default()).await.unwrap());
    assert_eq!(t.server.gets().len(), 2);
}

#[tokio::test]
async fn resumes_after_a_reset_and_after_a_stall() {
    for end in [End::Reset, End::Hang] {
        let t = Try::new(move |seen, n, body| {
            let reply = file(seen, body, "\"v1\"");
            if n < 2 { reply.cut(SIZE / 3, end) } else { reply }
        })
        .await;
        let done = t.transfer(&t.known()).await.unwrap();
        t.is_home(&done);
        assert!(t.server.gets()[2].range_start().is_some_and(|s| s > SIZE / 3), "{end:?}");
    }
}

#[tokio::test]
async fn finds_a_truncation_without_length_by_the_known_size() {
    let t = Try::new(|seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        if n == 0 { reply.cut(SIZE / 2, End::Close).unmeasured() } else { reply }
    })
    .await;
    let done = t.transfer(&t.sized()).await.unwrap();
    t.is_home(&done);
    assert_eq!(t.server.gets()[1].range_start(), Some(SIZE / 2));
}

#[tokio::test]
async fn a_truncation_that_stays_fails_and_leaves_no_file() {
    let t = Try::new(|_, _, body| Reply::ok(body).cut(1000, End::Close).unmeasured()).await;
    let error = t.transfer(&t.sized()).await.unwrap_err();
    assert!(error.retryable(), "{}", told(&error));
    t.is_not_home(&[]);
    let cut = Try::new(|_, _, body| Reply::ok(body).cut(1000, End::Close)).await;
    let error = cut.transfer(&Expectation::default()).await.unwrap_err();
    assert!(error.retryable(), "{}", told(&error));
    cut.is_not_home(&[]);
}

#[tokio::test]
async fn a_cut_zip_is_found_by_its_missing_directory() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(|_, _| Reply::ok([b"PK\x03\x04".to_vec(), vec![0; 50_000]].concat()).unmeasured())
            .await;
    let expect = Expectation { content: Content::Zip, ..Expectation::default() };
    let home = folder.path().join("x.zip");
    let from = at(&server.url("/x.zip"));
    let error = stores().transfer(&from, &Location::from(home), &expect, &Silent).await.unwrap_err();
    assert!(matches!(error, StorageError::Content { .. }), "{}", told(&error));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_text_where_a_zip_was_asked_for_is_refused_and_quoted_and_not_asked_for_again() {
    let refusal = "You have tried to download the file x.zip more than twice in one day.";
    let t = Try::new(move |_, _, _| Reply::ok(refusal)).await;
    let expect = Expectation { content: Content::Zip, ..t.sized() };
    let error = t.transfer(&expect).await.unwrap_err();
    assert!(matches!(error, StorageError::Content { .. }) && !error.retryable(), "{}", told(&error));
    assert!(error.to_string().contains(refusal), "{error}");
    assert_eq!(t.server.seen().len(), 1, "repeats get the address blocked");
    t.is_not_home(&[]);
}

#[tokio::test]
async fn real_prism_refusal_is_no_zip_and_real_prism_zips_are() {
    let Ok(data) = std::env::var("SEEDBED_REAL_DATA") else {
        println!("skipped: SEEDBED_REAL_DATA is not set");
        return;
    };
    let prism = PathBuf::from(data).join("prism");
    let served = prism.clone();
    let server =
        Server::start(move |seen, _| Reply::ok(std::fs::read(served.join(&seen.path[1..])).unwrap())).await;
    let folder = tempfile::tempdir().unwrap();
    let expect = Expectation { content: Content::Zip, ..Expectation::default() };
    for (name, good) in [
        ("malformed/bad.zip", false),
        ("malformed/empty.zip", false),
        ("malformed/good.zip", true),
        ("PRISM_ppt_stable_4kmD2_19810101_bil.zip", true),
    ] {
        let home = Location::from(folder.path().join(name));
        let result = stores().transfer(&at(&server.url(&format!("/{name}"))), &home, &expect, &Silent).await;
        assert_eq!(result.is_ok(), good, "{name}: {result:?}");
        assert_eq!(home.as_path().unwrap().exists(), good, "{name}");
        if name.ends_with("bad.zip") {
            assert!(result.unwrap_err().to_string().contains("more than twice in one day"));
        }
    }
}

#[tokio::test]
async fn starts_over_where_ranges_are_ignored() {
    let t = Try::new(|_, n, body| {
        let reply = Reply::ok(body).header("etag", "\"v1\"");
        if n == 0 { reply.cut(SIZE / 2, End::Close) } else { reply }
    })
    .await;
    let done = t.transfer(&Expectation::default()).await.unwrap();
    t.is_home(&done);
    assert!(t.server.gets()[1].range_start().is_some());
}

#[tokio::test]
async fn starts_over_when_the_source_has_changed_meanwhile() {
    let t = Try::new(|seen, n, body| match n {
        0 => file(seen, &vec![7; SIZE], "\"old\"").cut(SIZE / 2, End::Close),
        _ => file(seen, body, "\"new\""),
    })
    .await;
    let done = t.transfer(&Expectation::default()).await.unwrap();
    t.is_home(&done);
    assert_eq!(done.version.etag.as_deref(), Some("\"new\""));
}

#[tokio::test]
async fn never_joins_two_versions_even_if_the_server_ignores_if_range() {
    let t = Try::new(|seen, n, body| match (n, seen.range_start()) {
        (0, _) => Reply::ok(vec![7; SIZE]).header("etag", "\"old\"").cut(SIZE / 2, End::Close),
        (_, Some(first)) => Reply::new(206, &body[first..])
            .header("content-range", &format!("bytes {first}-{}/{SIZE}", SIZE - 1))
            .header("etag", "\"new\""),
        _ => Reply::ok(body).header("etag", "\"new\""),
    })
    .await;
    let done = t.transfer(&Expectation::default()).await.unwrap();
    t.is_home(&done);
}

#[tokio::test]
async fn starts_over_when_another_part_comes_than_was_asked_for() {
    for range in [format!("bytes 0-9/{SIZE}"), "nonsense".to_owned()] {
        let t = Try::new(move |seen, n, body| match (n, seen.range_start()) {
            (0, _) => Reply::ok(body).header("etag", "\"v1\"").cut(SIZE / 2, End::Close),
            (_, Some(_)) => Reply::new(206, &body[..10]).header("content-range", &range),
            _ => Reply::ok(body).header("etag", "\"v1\""),
        })
        .await;
        let done = t.transfer(&Expectation::default()).await.unwrap();
        t.is_home(&done);
    }
}

#[tokio::test]
async fn does_not_resume_what_has_no_version() {
    let t = Try::new(
        |_, n, body| if n == 0 { Reply::ok(body).cut(SIZE / 2, End::Close) } else { Reply::ok(body) },
    )
    .await;
    let done = t.transfer(&Expectation::default()).await.unwrap();
    t.is_home(&done);
    assert_eq!(t.server.gets()[1].range_start(), None);
}

#[tokio::test]
async fn reads_once_more_what_arrived_spoilt() {
    let t = Try::new(|seen, n, body| {
        let mut spoilt = body.to_vec();
        spoilt[SIZE / 2] ^= u8::from(n == 0);
        file(seen, &spoilt, "\"v1\"")
    })
    .await;
    let done = t.transfer(&t.known()).await.unwrap();
    t.is_home(&done);
    assert_eq!(t.server.gets().len(), 2);
}

#[tokio::test]
async fn what_is_spoilt_at_the_source_fails_with_both_checksums() {
    let t = Try::new(|seen, _, body| {
        let mut spoilt = body.to_vec();
        spoilt[SIZE / 2] ^= 1;
        file(seen, &spoilt, "\"v1\"")
    })
    .await;
    let error = t.transfer(&t.known()).await.unwrap_err();
    let expected = Checksum::of_bytes(&t.bytes).multihash();
    assert!(
        matches!(&error, StorageError::Checksum { expected: e, .. } if *e == expected),
        "{}",
        told(&error)
    );
    assert!(!error.retryable() && t.server.gets().len() == 2);
    t.is_not_home(&[]);
}

#[tokio::test]
async fn another_size_than_expected_fails_with_both_sizes() {
    for size in [SIZE as u64 - 1, SIZE as u64 + 1] {
        let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
        let expect = Expectation { size: Some(size), ..Expectation::default() };
        let error = t.transfer(&expect).await.unwrap_err();
        let message = format!("{SIZE} bytes, {size} expected");
        assert!(error.to_string().contains(&message) && !error.retryable(), "{}", told(&error));
        t.is_not_home(&[]);
    }
}

#[tokio::test]
async fn an_error_page_never_becomes_the_file() {
    for status in [204, 400, 404, 500] {
        let t = Try::new(move |_, _, _| Reply::new(status, if status == 204 { "" } else { "<html>" })).await;
        let error = t.transfer(&Expectation::default()).await.unwrap_err();
        assert_eq!(error.retryable(), status == 500, "{}", told(&error));
        t.is_not_home(&[]);
    }
}

#[tokio::test]
async fn a_transfer_dropped_half_way_resumes_from_there() {
    let t = Try::new(|seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        if n == 0 { reply.paced(100_000, Duration::from_millis(10)) } else { reply }
    })
    .await;
    let dropped = tokio::time::timeout(Duration::from_millis(200), t.transfer(&t.known())).await;
    assert!(dropped.is_err(), "it was to be dropped half-way");
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let had = std::fs::metadata(t.folder.path().join("data/x.nc.seedbed-part")).unwrap().len();
    assert!(had > 0 && had < SIZE as u64, "{had}");
    let progress = Remembered::default();
    let (from, home) = (at(&t.server.url("/x.nc")), Location::from(t.home()));
    let done = stores().transfer(&from, &home, &t.known(), &progress).await.unwrap();
    t.is_home(&done);
    assert_eq!(done.outcome, Outcome::Resumed);
    let second = &t.server.gets()[1];
    let first = second.range_start().expect("a range was asked for") as u64;
    assert!(first >= had, "a write may have been under way");
    assert_eq!(second.served as u64, SIZE as u64 - first, "only the rest was served");
    assert_eq!(*progress.0.lock().unwrap(), [(Some(SIZE as u64), SIZE as u64)]);
}

#[tokio::test]
async fn a_transfer_that_gave_up_resumes_on_another_day() {
    let t = Try::new(|seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        match n {
            0 => reply.cut(SIZE / 2, End::Close),
            1..=3 => Reply::new(503, ""),
            _ => reply,
        }
    })
    .await;
    let error = t.transfer(&t.known()).await.unwrap_err();
    assert!(error.retryable() && told(&error).contains("503"), "{}", told(&error));
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let record = std::fs::read_to_string(t.folder.path().join("data/x.nc.seedbed-part.json")).unwrap();
    assert!(record.contains("v1"), "{record}");
    let done = t.transfer(&t.known()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Resumed);
    t.is_home(&done);
}

#[tokio::test]
async fn a_part_of_another_source_or_version_is_not_resumed() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v2\"")).await;
    let data = t.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for (source, etag) in [("http://elsewhere/x.nc".to_owned(), "v2"), (t.server.url("/x.nc"), "v1")] {
        std::fs::write(data.join("x.nc.seedbed-part"), vec![9; 1000]).unwrap();
        let record = format!(
            r#"{{"source":"{source}","version":{{"size":{SIZE},"etag":"\"{etag}\"","last_modified":null}}}}"#
        );
        std::fs::write(data.join("x.nc.seedbed-part.json"), record).unwrap();
        let done = t.transfer(&Expectation::default()).await.unwrap();
        assert_eq!(done.outcome, Outcome::Copied);
        t.is_home(&done);
        std::fs::remove_file(t.home()).unwrap();
    }
}

#[tokio::test]
async fn a_small_file_that_breaks_off_resumes_and_one_that_does_not_clears_away_what_was_there() {
    let size = 700_000;
    let t = Try::of(size, move |seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        match n {
            0 => reply.cut(size / 2, End::Close),
            1..=3 => Reply::new(503, ""),
            _ => reply,
        }
    })
    .await;
    t.transfer(&t.known()).await.unwrap_err();
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let done = t.transfer(&t.known()).await.unwrap();
    t.is_home(&done);
    assert_eq!((done.outcome, t.server.gets().last().unwrap().served), (Outcome::Resumed, size - size / 2));
    std::fs::remove_file(t.home()).unwrap();
    // A longer part of another version: nothing of it may stay, nor be taken for this one's after a fault.
    let data = t.folder.path().join("data");
    std::fs::write(data.join("x.nc.seedbed-part"), vec![9; 2 * size]).unwrap();
    let source = t.server.url("/x.nc");
    let record =
        format!(r#"{{"source":"{source}","version":{{"size":null,"etag":"\"v0\"","last_modified":null}}}}"#);
    std::fs::write(data.join("x.nc.seedbed-part.json"), record).unwrap();
    let done = t.transfer(&Expectation::default()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Copied);
    t.is_home(&done);
}

#[tokio::test]
async fn a_part_that_is_whole_needs_no_more_bytes() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    let data = t.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("x.nc.seedbed-part"), &*t.bytes).unwrap();
    let source = t.server.url("/x.nc");
    let record = format!(
        r#"{{"source":"{source}","version":{{"size":{SIZE},"etag":"\"v1\"","last_modified":null}}}}
           {{"bytes":{SIZE},"sha256":"{}"}}"#,
        Checksum::of_bytes(&t.bytes).digest_hex()
    );
    std::fs::write(data.join("x.nc.seedbed-part.json"), record).unwrap();
    let done = t.transfer(&t.known()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Resumed);
    t.is_home(&done);
    assert_eq!(t.server.gets().iter().map(|g| g.served).sum::<usize>(), 0);
}

#[tokio::test]
async fn progress_by_leaps_earns_new_retries() {
    // Three retries, but seven broken attempts, each a good way further than the last.
    let bytes = noise(10 << 20);
    let served = bytes.clone();
    let server = Server::start(move |seen, n| {
        let reply = file(seen, &served, "\"v1\"");
        if n < 7 { reply.cut(1_200_000, End::Close) } else { reply }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("x.nc");
    let from = at(&server.url("/x.nc"));
    stores().transfer(&from, &Location::from(home.clone()), &Expectation::default(), &Silent).await.unwrap();
    assert_eq!(std::fs::read(home).unwrap(), bytes);
}

#[tokio::test]
async fn a_source_without_version_that_always_breaks_does_not_keep_us_for_ever() {
    let t = Try::new(|_, _, body| Reply::ok(body).cut(2_000_000, End::Close)).await;
    let error = t.transfer(&Expectation::default()).await.unwrap_err();
    assert!(error.retryable(), "{}", told(&error));
    assert!(t.server.gets().len() <= 5, "{}", t.server.gets().len());
    t.is_not_home(&[]);
}

#[tokio::test]
async fn adopts_what_is_there_by_checksum_without_reading_the_source_and_else_by_its_bytes() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    std::fs::create_dir(t.folder.path().join("data")).unwrap();
    std::fs::write(t.home(), &*t.bytes).unwrap();
    for (expect, is_read) in [(t.known(), false), (t.sized(), true), (Expectation::default(), true)] {
        let before = t.server.gets().len();
        let done = t.transfer(&expect).await.unwrap();
        assert_eq!(done.outcome, Outcome::Adopted);
        assert_eq!(done.version.etag.as_deref(), Some("\"v1\""), "the source is asked for its version");
        t.is_home(&done);
        assert_eq!(t.server.gets().len() > before, is_read);
    }
}

/// As a program leaves it that makes room for a file before it fills it: the size is right, the date is newer.
#[tokio::test]
async fn room_made_for_a_file_is_not_taken_for_the_file() {
    let t = Try::new(|seen, _, body| {
        file(seen, body, "\"v1\"").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
    })
    .await;
    std::fs::create_dir(t.folder.path().join("data")).unwrap();
    std::fs::write(t.home(), vec![0; t.bytes.len()]).unwrap();
    for expect in [t.sized(), Expectation::default()] {
        let error = t.transfer(&expect).await.unwrap_err();
        assert!(matches!(error, StorageError::Occupied { .. }), "{}", told(&error));
        assert!(std::fs::read(t.home()).unwrap().iter().all(|byte| *byte == 0));
        t.is_not_home(&["x.nc"]);
    }
}

#[tokio::test]
async fn adopts_a_file_whose_source_is_not_there_any_more_if_its_checksum_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("x");
    std::fs::write(&home, "here").unwrap();
    let expect = Expectation { checksum: Some(Checksum::of_bytes(b"here")), ..Expectation::default() };
    let from = at("http://127.0.0.1:9/x");
    let done = stores().transfer(&from, &Location::from(home), &expect, &Silent).await.unwrap();
    assert_eq!((done.outcome, done.version.size), (Outcome::Adopted, Some(4)));
}

#[tokio::test]
async fn refuses_to_touch_a_different_file_at_the_destination() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    std::fs::create_dir(t.folder.path().join("data")).unwrap();
    let mut other = t.bytes.to_vec();
    other[5] ^= 1;
    for (there, expects) in [
        (other.clone(), vec![t.known(), Expectation::default()]),
        (b"short".to_vec(), vec![t.known(), t.sized(), Expectation::default()]),
    ] {
        std::fs::write(t.home(), &there).unwrap();
        for expect in expects {
            let error = t.transfer(&expect).await.unwrap_err();
            assert!(matches!(error, StorageError::Occupied { .. }) && !error.retryable(), "{}", told(&error));
            assert_eq!(std::fs::read(t.home()).unwrap(), there);
            t.is_not_home(&["x.nc"]);
        }
    }
}

/// A copy that was written to is none any more, though its size and its date are right.
#[tokio::test]
async fn a_copy_that_was_changed_is_compared_and_refused() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    t.transfer(&Expectation::default()).await.unwrap();
    let mut bytes = std::fs::read(t.home()).unwrap();
    bytes[7] ^= 1;
    std::fs::write(t.home(), &bytes).unwrap();
    let error = t.transfer(&Expectation::default()).await.unwrap_err();
    assert!(matches!(error, StorageError::Occupied { .. }), "{}", told(&error));
}

#[tokio::test]
async fn with_nothing_known_a_copy_of_this_version_is_adopted_and_other_files_are_compared() {
    let old = Try::new(|seen, _, body| {
        file(seen, body, "\"v1\"").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
    })
    .await;
    let undated = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    for t in [old, undated] {
        t.transfer(&Expectation::default()).await.unwrap();
        let again = t.transfer(&Expectation::default()).await.unwrap();
        assert_eq!(again.outcome, Outcome::Adopted);
        t.is_home(&again);
        let read = t.server.gets().len();
        assert!(read == 1 || !crate::keeps_marks(t.folder.path()));
        // The same bytes, brought by another program.
        std::fs::remove_file(t.home()).unwrap();
        std::fs::write(t.home(), &*t.bytes).unwrap();
        assert_eq!(t.transfer(&Expectation::default()).await.unwrap().outcome, Outcome::Adopted);
        assert_eq!(t.server.gets().len(), read + 1);
    }
}

#[tokio::test]
async fn stops_at_the_limit_of_all_transfers_and_goes_on_without_it() {
    let t = Try::new(|seen, _, body| file(seen, body, "\"v1\"")).await;
    let limited = Stores::new(Settings { max_transfer: Some(2_000_000), ..hasty() }).unwrap();
    let error = t.transfer_by(&limited, &Expectation::default()).await.unwrap_err();
    assert!(
        matches!(error, StorageError::Limit { limit: 2_000_000, .. }) && !error.retryable(),
        "{}",
        told(&error)
    );
    assert!(error.is_over_limit() && !error.is_full());
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let done = t.transfer(&Expectation::default()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Resumed);
    t.is_home(&done);
}
