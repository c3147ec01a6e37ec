//! Dates as versions: of sources that have no entity tag.

use crate::downloads::Try;
use crate::server::{End, Reply, Seen};
use crate::{names, stores, told};
use seedbed_storage::{Checksum, Expectation, Location, Outcome, Silent};
use std::time::{Duration, SystemTime};

const SIZE: usize = 3_000_000;

/// When the file was changed.
const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A file with a date and no tag; `now` is the server's clock, where it has one.
fn dated(seen: &Seen, body: &[u8], changed: &str, now: Option<&str>) -> Reply {
    let current = seen.header("if-range").is_none_or(|date| date == changed);
    let reply = match seen.range_start().filter(|_| current) {
        Some(first) => {
            let range = format!("bytes {first}-{}/{}", body.len() - 1, body.len());
            Reply::new(206, &body[first..]).header("content-range", &range)
        }
        None => Reply::ok(body),
    };
    let reply = reply.header("last-modified", changed);
    now.into_iter().fold(reply, |reply, now| reply.header("date", now))
}

#[tokio::test]
async fn a_file_is_not_resumed_by_a_date_that_a_later_version_may_have_too() {
    let just_now = httpdate::fmt_http_date(SystemTime::now());
    for (changed, now, resumes) in [
        (CHANGED.to_owned(), Some(CHANGED), false),
        (CHANGED.to_owned(), Some("Sun, 06 Nov 1994 08:49:38 GMT"), true),
        (CHANGED.to_owned(), None, true),
        (just_now, None, false),
    ] {
        let told_then = changed.clone();
        let t = Try::of(SIZE, move |seen, n, body| {
            let replaced: Vec<u8> = body.iter().map(|byte| byte ^ 1).collect();
            let body = if n == 0 && !resumes { &replaced } else { body };
            let reply = dated(seen, body, &told_then, now);
            match n {
                0 => reply.cut(2_000_000, End::Close),
                1..=3 => Reply::new(503, ""),
                _ => reply,
            }
        })
        .await;
        t.transfer_by(&stores(), &t.sized()).await.unwrap_err();
        t.is_not_home(if resumes { &["x.nc.seedbed-part", "x.nc.seedbed-part.json"] } else { &[] });
        let done = t.transfer_by(&stores(), &t.sized()).await.unwrap_or_else(|e| panic!("{}", told(&e)));
        t.is_home(&done);
        let last = t.server.gets().pop().unwrap();
        assert_eq!(
            done.outcome,
            if resumes { Outcome::Resumed } else { Outcome::Copied },
            "{changed} {now:?}"
        );
        assert_eq!(last.header("if-range"), resumes.then_some(&*changed), "{changed} {now:?}");
    }
}

#[tokio::test]
async fn a_copy_of_a_local_file_is_not_taken_for_one_of_what_replaced_it_in_the_same_second() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("x"), folder.path().join("out/x"));
    let write = |bytes: &[u8], date: SystemTime| {
        std::fs::write(&from, bytes).unwrap();
        std::fs::File::options().write(true).open(&from).unwrap().set_modified(date).unwrap();
    };
    // Not over for a minute.
    let date = SystemTime::now() + Duration::from_secs(60);
    write(b"first", date);
    let (from_at, to_at) = (Location::from(from.as_path()), Location::from(to.as_path()));
    let nothing = Expectation::default();
    stores().transfer(&from_at, &to_at, &nothing, &Silent).await.unwrap();
    write(b"other", date);
    stores().transfer(&from_at, &to_at, &nothing, &Silent).await.unwrap_err();
    assert_eq!(std::fs::read(&to).unwrap(), b"first");
    std::fs::remove_file(&to).unwrap();
    let done = stores().transfer(&from_at, &to_at, &nothing, &Silent).await.unwrap();
    assert_eq!(done.checksum, Checksum::of_bytes(b"other"));
    assert_eq!(names(&folder.path().join("out")), ["x"]);
}
