//! Large files by several requests at once, from servers that can do that, that can't, and that say they can.

use crate::downloads::Try;
use crate::server::{End, Reply, Seen, file};
use crate::{Remembered, at, hasty, told};
use seedbed_storage::{
    Checksum, Expectation, Location, Outcome, Progress, Settings, StorageError, Stores, Transferred,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How large a piece is.
const PIECE: usize = 4 << 20;

/// Three pieces and a little one.
const SIZE: usize = 3 * PIECE + 1000;
const PIECES: usize = 4;

fn eager() -> Settings {
    Settings { ranged_from: 1 << 20, streams_per_file: 3, ..hasty() }
}

async fn transfer(t: &Try, expect: &Expectation) -> Result<Transferred, StorageError> {
    t.transfer_by(&Stores::new(eager()).unwrap(), expect).await
}

/// Whether a piece is asked for, and not the rest of the file.
fn piece(seen: &Seen) -> bool {
    seen.range_last().is_some()
}

fn served(gets: &[Seen]) -> usize {
    gets.iter().map(|g| g.served).sum()
}

#[tokio::test]
async fn a_large_file_comes_by_several_requests_at_once_and_no_byte_twice() {
    let t = Try::of(SIZE, |seen, _, body| file(seen, body, "\"v1\"").after(Duration::from_millis(50))).await;
    let progress = Remembered::default();
    let (from, to) = (at(&t.server.url("/x.nc")), Location::from(t.home()));
    let stores = Stores::new(eager()).unwrap();
    let done = stores.transfer(&from, &to, &t.known(), &progress).await.unwrap();
    t.is_home(&done);
    assert_eq!((done.outcome, done.version.size), (Outcome::Copied, Some(SIZE as u64)));
    assert_eq!(done.version.etag.as_deref(), Some("\"v1\""));
    assert_eq!(*progress.0.lock().unwrap(), [(Some(SIZE as u64), SIZE as u64)]);
    let gets = t.server.gets();
    let mut starts: Vec<usize> = gets.iter().map(|g| g.range_start().unwrap()).collect();
    starts.sort_unstable();
    assert_eq!(starts, (0..PIECES).map(|n| n * PIECE).collect::<Vec<_>>());
    assert!(gets[1..].iter().all(|g| g.header("if-range") == Some("\"v1\"")));
    assert_eq!(served(&gets), SIZE);
    assert!((2..=3).contains(&t.server.most_at_once()), "{}", t.server.most_at_once());
}

#[tokio::test]
async fn a_size_that_only_the_answer_tells_will_do_if_it_tells_of_ranges_too() {
    // Of the first answer no more comes than its piece: whoever waited for the rest would wait in vain.
    let t = Try::of(SIZE, |seen, _, body| {
        let reply = file(seen, body, "\"v1\"").header("accept-ranges", "bytes");
        if seen.range_start().is_some() { reply } else { reply.cut(PIECE, End::Hang) }
    })
    .await;
    t.is_home(&transfer(&t, &Expectation::default()).await.unwrap());
    let gets = t.server.gets();
    assert_eq!(gets[0].range_start(), None);
    let mut starts: Vec<usize> = gets[1..].iter().map(|g| g.range_start().unwrap()).collect();
    starts.sort_unstable();
    assert_eq!(starts, (1..PIECES).map(|n| n * PIECE).collect::<Vec<_>>());
    let t = Try::of(SIZE, |seen, _, body| file(seen, body, "\"v1\"").header("accept-ranges", "none")).await;
    t.is_home(&transfer(&t, &Expectation::default()).await.unwrap());
    assert_eq!((t.server.gets().len(), served(&t.server.gets())), (1, SIZE));
}

#[tokio::test]
async fn small_files_and_those_who_want_one_stream_get_one_request() {
    let t = Try::of(SIZE, |seen, _, body| file(seen, body, "\"v1\"")).await;
    for settings in
        [Settings { ranged_from: SIZE as u64 + 1, ..eager() }, Settings { streams_per_file: 1, ..eager() }]
    {
        t.is_home(&t.transfer_by(&Stores::new(settings).unwrap(), &t.known()).await.unwrap());
        std::fs::remove_file(t.home()).unwrap();
    }
    assert!(t.server.gets().iter().all(|g| g.header("range").is_none()));
    assert_eq!(served(&t.server.gets()), 2 * SIZE);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_is_asked_for_the_whole() {
    // It ignores them, and says so by its status: that very answer is the file.
    let t = Try::of(SIZE, |_, _, body| Reply::ok(body).header("etag", "\"v1\"")).await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    assert_eq!((t.server.gets().len(), served(&t.server.gets())), (1, SIZE));
    // It does not want to be asked.
    for status in [400, 403, 416, 501] {
        let t = Try::of(SIZE, move |seen, _, body| match seen.header("range") {
            Some(_) => Reply::new(status, ""),
            None => Reply::ok(body).header("etag", "\"v1\""),
        })
        .await;
        t.is_home(&transfer(&t, &t.known()).await.unwrap());
        assert_eq!((t.server.gets().len(), served(&t.server.gets())), (2, SIZE));
    }
    // It boasts.
    let t =
        Try::of(SIZE, |_, _, body| Reply::ok(body).header("etag", "\"v1\"").header("accept-ranges", "bytes"))
            .await;
    t.is_home(&transfer(&t, &Expectation::default()).await.unwrap());
    assert!(!piece(t.server.gets().last().unwrap()));
}

#[tokio::test]
async fn without_a_version_there_are_no_pieces() {
    let ranged = |seen: &Seen, body: &[u8]| match (seen.range_start(), seen.range_last()) {
        (Some(first), Some(last)) => Reply::new(206, &body[first..=last])
            .header("content-range", &format!("bytes {first}-{last}/{}", body.len())),
        _ => Reply::ok(body),
    };
    let t = Try::of(SIZE, move |seen, _, body| ranged(seen, body)).await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    let gets = t.server.gets();
    assert_eq!((gets.len(), gets[1].header("range"), gets[1].served), (2, None, SIZE));
}

#[tokio::test]
async fn a_date_is_a_version_where_the_tag_is_weak() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let t = Try::of(SIZE, |seen, _, body| {
        let current = seen.header("if-range").is_none_or(|version| version == DATE);
        let seen = if current { seen.clone() } else { Seen { headers: Vec::new(), ..seen.clone() } };
        let plain = Seen {
            headers: seen.headers.into_iter().filter(|(n, _)| !n.eq_ignore_ascii_case("if-range")).collect(),
            ..seen
        };
        file(&plain, body, "W/\"v1\"").header("last-modified", DATE)
    })
    .await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    let gets = t.server.gets();
    assert_eq!((gets.len(), served(&gets)), (PIECES, SIZE));
    assert!(gets[1..].iter().all(|g| g.header("if-range") == Some(DATE)));
}

#[tokio::test]
async fn whatever_a_server_gets_wrong_about_pieces_the_file_comes_home() {
    fn part(first: usize, last: usize, total: usize, body: &[u8]) -> Reply {
        Reply::new(206, body)
            .header("content-range", &format!("bytes {first}-{last}/{total}"))
            .header("etag", "\"v1\"")
    }
    type Lie = fn(usize, usize, &[u8]) -> Reply;
    let lies: [(&str, Lie); 9] = [
        ("from elsewhere", |a, b, body| part(a + 1, b, SIZE, &body[a + 1..=b])),
        ("too far", |a, b, body| part(a, SIZE - 1, SIZE, &body[a..]).header("x-asked", &b.to_string())),
        ("of another size", |a, b, body| part(a, b, SIZE + 1, &body[a..=b])),
        ("more than it says", |a, b, body| part(a, b, SIZE, &body[a - 1000..=b])),
        ("fewer than it says", |a, b, body| part(a, b, SIZE, &body[a..b])),
        ("which, it does not say", |a, b, body| Reply::new(206, &body[a..=b]).header("etag", "\"v1\"")),
        ("of another version", |a, b, body| {
            Reply::new(206, &body[a..=b])
                .header("content-range", &format!("bytes {a}-{b}/{SIZE}"))
                .header("etag", "\"v2\"")
        }),
        ("nothing", |_, _, _| Reply::new(416, "").header("content-range", &format!("bytes */{SIZE}"))),
        ("forbidden", |_, _, _| Reply::new(403, "")),
    ];
    for (name, lie) in lies {
        let t = Try::of(SIZE, move |seen, _, body| match (seen.range_start(), seen.range_last()) {
            (Some(first), Some(last)) if first > 0 => lie(first, last.min(SIZE - 1), body),
            _ => file(seen, body, "\"v1\""),
        })
        .await;
        let done = transfer(&t, &Expectation { checksum: None, ..t.known() }).await.expect(name);
        t.is_home(&done);
        assert!(!piece(t.server.gets().last().unwrap()), "{name}");
    }
}

#[tokio::test]
async fn a_part_shorter_than_asked_for_is_no_lie() {
    let t = Try::of(SIZE, |seen, _, body| match (seen.range_start(), seen.range_last()) {
        (Some(first), Some(last)) => {
            let last = last.min(first + 2_999_999).min(SIZE - 1);
            Reply::new(206, &body[first..=last])
                .header("content-range", &format!("bytes {first}-{last}/{SIZE}"))
                .header("etag", "\"v1\"")
        }
        _ => Reply::new(500, ""),
    })
    .await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    assert_eq!(served(&t.server.gets()), SIZE);
}

#[tokio::test]
async fn wrong_bytes_of_a_piece_are_found_and_read_again_in_one() {
    let spoil = |mut body: Vec<u8>, at: usize| {
        body[at] ^= 1;
        body
    };
    let t = Try::of(SIZE, move |seen, _, body| {
        if piece(seen) {
            file(seen, &spoil(body.to_vec(), SIZE - 1), "\"v1\"")
        } else {
            file(seen, body, "\"v1\"")
        }
    })
    .await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    assert_eq!(served(&t.server.gets()), 2 * SIZE);
    let t = Try::of(SIZE, move |seen, _, body| file(seen, &spoil(body.to_vec(), 5), "\"v1\"")).await;
    let error = transfer(&t, &t.known()).await.unwrap_err();
    assert!(matches!(error, StorageError::Checksum { .. }), "{}", told(&error));
    t.is_not_home(&[]);
}

#[tokio::test]
async fn a_source_that_changes_in_mid_run_comes_home_as_it_is_then() {
    for told_by_status in [true, false] {
        let t = Try::of(SIZE, move |seen, n, body| {
            if n < 3 {
                let mut old = body.to_vec();
                for byte in &mut old {
                    *byte ^= 0xff;
                }
                return file(seen, &old, "\"v1\"");
            }
            let (first, last) = (seen.range_start(), seen.range_last());
            match first.zip(last) {
                // Heedless of `If-Range`.
                Some((first, last)) if !told_by_status => {
                    let last = last.min(SIZE - 1);
                    Reply::new(206, &body[first..=last])
                        .header("content-range", &format!("bytes {first}-{last}/{SIZE}"))
                        .header("etag", "\"v2\"")
                }
                _ => file(seen, body, "\"v2\""),
            }
        })
        .await;
        let done = transfer(&t, &t.sized()).await.unwrap();
        t.is_home(&done);
        assert_eq!(done.version.etag.as_deref(), Some("\"v2\""));
    }
}

#[tokio::test]
async fn one_piece_that_fails_twice_is_asked_for_again_alone() {
    let failures = AtomicU64::new(0);
    let t = Try::of(SIZE, move |seen, _, body| {
        let good = file(seen, body, "\"v1\"");
        if seen.range_start().is_none_or(|first| !(2 * PIECE..3 * PIECE).contains(&first)) {
            return good;
        }
        match failures.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::new(503, "").header("retry-after", "0"),
            1 => good.cut(PIECE / 2, End::Close),
            _ => good,
        }
    })
    .await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    let gets = t.server.gets();
    let again: Vec<_> = gets.iter().filter_map(Seen::range_start).filter(|f| f / PIECE == 2).collect();
    assert_eq!(again, [2 * PIECE, 2 * PIECE, 2 * PIECE + PIECE / 2]);
    assert_eq!((gets.len(), served(&gets)), (PIECES + 2, SIZE));
}

#[tokio::test]
async fn a_server_that_refuses_a_second_request_gives_all_to_the_first() {
    let t = Try::of(SIZE, |seen, _, body| {
        if seen.range_start().is_some_and(|first| first > 0) && piece(seen) {
            return Reply::new(429, "");
        }
        file(seen, body, "\"v1\"")
    })
    .await;
    let done = transfer(&t, &t.known()).await.unwrap();
    t.is_home(&done);
    assert_eq!((done.outcome, served(&t.server.gets())), (Outcome::Copied, SIZE));
}

/// Says when so many bytes are there.
struct Until {
    left: AtomicU64,
    reached: Notify,
}

impl Progress for Until {
    fn started(&self, _total: Option<u64>) {}

    fn advanced(&self, bytes: u64) {
        let left = self.left.load(Ordering::SeqCst).saturating_sub(bytes);
        self.left.store(left, Ordering::SeqCst);
        if left == 0 {
            self.reached.notify_one();
        }
    }
}

#[tokio::test]
async fn a_dropped_transfer_resumes_with_what_is_missing() {
    let t = Try::of(SIZE, |seen, _, body| {
        let reply = file(seen, body, "\"v1\"");
        // Whoever comes first does not get the fourth piece.
        match seen.header("user-agent") {
            Some("first") if seen.range_start() >= Some(3 * PIECE) => reply.cut(1000, End::Hang),
            _ => reply,
        }
    })
    .await;
    let by = |name: &str| Stores::new(Settings { user_agent: name.to_owned(), ..eager() }).unwrap();
    let until = Arc::new(Until { left: AtomicU64::new(2 * PIECE as u64), reached: Notify::new() });
    let (from, to) = (at(&t.server.url("/x.nc")), Location::from(t.home()));
    let (first, known) = (by("first"), t.known());
    tokio::select! {
        ended = first.transfer(&from, &to, &known, &*until) => panic!("{ended:?}"),
        () = until.reached.notified() => {}
    }
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let done = t.transfer_by(&by("second"), &t.known()).await.unwrap();
    t.is_home(&done);
    assert_eq!(done.outcome, Outcome::Resumed);
    let mut gets = t.server.gets();
    gets.retain(|g| g.header("user-agent") == Some("second"));
    let had = gets.iter().filter_map(Seen::range_start).min().unwrap();
    assert!(had == 2 * PIECE || had == 3 * PIECE, "{had}");
    assert!(gets.iter().all(|g| piece(g) && g.header("if-range") == Some("\"v1\"")));
    assert_eq!(served(&gets), SIZE - had);
}

#[tokio::test]
async fn the_limits_of_host_and_of_all_transfers_hold() {
    let t = Try::of(SIZE, |seen, _, body| file(seen, body, "\"v1\"").after(Duration::from_millis(5))).await;
    let stores = Stores::new(Settings { concurrency_per_host: 1, ..eager() }).unwrap();
    t.is_home(&t.transfer_by(&stores, &t.known()).await.unwrap());
    assert_eq!((t.server.most_at_once(), served(&t.server.gets())), (1, SIZE));
    std::fs::remove_file(t.home()).unwrap();
    let stores = Stores::new(Settings { max_transfer: Some(SIZE as u64 - 1), ..eager() }).unwrap();
    let error = t.transfer_by(&stores, &t.known()).await.unwrap_err();
    assert!(matches!(error, StorageError::Limit { .. }), "{}", told(&error));
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let done = transfer(&t, &t.known()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Resumed);
    t.is_home(&done);
}

#[tokio::test]
async fn each_piece_goes_by_the_door_to_a_pool_that_answers_once() {
    let used = std::sync::Mutex::new(std::collections::HashSet::new());
    let t = Try::of(SIZE, move |seen, n, body| match seen.path.as_str() {
        "/x.nc" => Reply::redirect(&format!("/pool?ticket={n}")),
        ticket if used.lock().unwrap().insert(ticket.to_owned()) => file(seen, body, "\"v1\""),
        _ => Reply::new(400, "Please resubmit to door"),
    })
    .await;
    t.is_home(&transfer(&t, &t.known()).await.unwrap());
    let gets = t.server.gets();
    assert_eq!((gets.len(), served(&gets)), (2 * PIECES, SIZE));
}

#[tokio::test]
async fn what_is_not_the_expected_size_fails_as_by_one_request() {
    let t = Try::of(SIZE, |seen, _, body| file(seen, body, "\"v1\"")).await;
    let other = Expectation { size: Some(SIZE as u64 + 1), ..Expectation::default() };
    let error = transfer(&t, &other).await.unwrap_err();
    let found = SIZE as u64;
    assert!(matches!(error, StorageError::Size { found: f, .. } if f == found), "{}", told(&error));
    t.is_not_home(&[]);
    let wrong = Expectation { checksum: Some(Checksum::of_bytes(b"")), ..Expectation::default() };
    let error = transfer(&t, &wrong).await.unwrap_err();
    assert!(matches!(error, StorageError::Checksum { .. }), "{}", told(&error));
}
