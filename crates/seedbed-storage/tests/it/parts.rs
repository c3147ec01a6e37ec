//! Parts whose bytes are no longer those that arrived.

use crate::downloads::Try;
use crate::server::{End, Reply, file};
use crate::{stores, told};
use seedbed_storage::Outcome;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

const SIZE: usize = 3_000_000;

/// The least that is written at a time, and recorded then: what arrives at a time, 0.4 MB at most, is never parted, and
/// would not have found room in the mebibyte that is gathered first.
const WRITTEN: usize = 600_000;

/// A transfer that broke off after two thirds of the file.
async fn broken_off() -> (Try, PathBuf) {
    let t = Try::of(SIZE, |seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        match n {
            0 => reply.cut(SIZE / 3 * 2, End::Close),
            1..=3 => Reply::new(503, ""),
            _ => reply,
        }
    })
    .await;
    t.transfer_by(&stores(), &t.sized()).await.unwrap_err();
    t.is_not_home(&["x.nc.seedbed-part", "x.nc.seedbed-part.json"]);
    let part = t.folder.path().join("data/x.nc.seedbed-part");
    assert_eq!(fs::metadata(&part).unwrap().len(), SIZE as u64 / 3 * 2);
    (t, part)
}

fn opened(path: &PathBuf) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

/// The rest comes, from a byte between these on.
async fn comes_from(t: &Try, least: usize, most: usize) {
    let done = t.transfer_by(&stores(), &t.sized()).await.unwrap_or_else(|e| panic!("{}", told(&e)));
    t.is_home(&done);
    let gets = t.server.gets();
    let start = gets.last().unwrap().range_start().unwrap_or(0);
    assert!((least..=most).contains(&start), "{start}");
    assert_eq!(done.outcome, if start > 0 { Outcome::Resumed } else { Outcome::Copied });
    assert_eq!(gets.last().unwrap().served, SIZE - start);
}

#[tokio::test]
async fn bytes_that_changed_in_a_part_are_fetched_anew() {
    for (place, least, most) in [(10, 0, 0), (1_500_000, WRITTEN, 1_500_000), (1_999_990, WRITTEN, 1_999_990)]
    {
        let (t, part) = broken_off().await;
        opened(&part).write_all_at(&[1, 2, 3, 4], place).unwrap();
        comes_from(&t, least, most).await;
    }
}

#[tokio::test]
async fn bytes_that_a_part_has_lost_are_fetched_anew() {
    let (t, part) = broken_off().await;
    // As after a power cut: the length is there, the last blocks are not.
    opened(&part).set_len(1_200_000).unwrap();
    opened(&part).set_len(2_000_000).unwrap();
    comes_from(&t, WRITTEN, 1_200_000).await;
    let (t, part) = broken_off().await;
    opened(&part).set_len(1_200_000).unwrap();
    comes_from(&t, WRITTEN, 1_200_000).await;
    let (t, part) = broken_off().await;
    opened(&part).set_len(0).unwrap();
    comes_from(&t, 0, 0).await;
}

#[tokio::test]
async fn bytes_that_no_record_vouches_for_are_fetched_anew() {
    let (t, part) = broken_off().await;
    let more = [fs::read(&part).unwrap(), vec![9; 1000]].concat();
    fs::write(&part, more).unwrap();
    comes_from(&t, 2_000_000, 2_000_000).await;
    // The last line of the record is cut off, as when the disk was full.
    let (t, part) = broken_off().await;
    let record = part.with_extension("seedbed-part.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, &text[..text.len() - 20]).unwrap();
    comes_from(&t, WRITTEN, 1_999_999).await;
    let (t, part) = broken_off().await;
    let record = part.with_extension("seedbed-part.json");
    let text = fs::read_to_string(&record).unwrap();
    let whole: Vec<&str> = text.lines().filter(|line| !line.contains("sha256")).collect();
    fs::write(&record, whole.join("\n")).unwrap();
    comes_from(&t, 0, 0).await;
}

#[tokio::test]
async fn a_part_that_was_cut_breaks_off_again_and_goes_on_from_there() {
    let t = Try::of(SIZE, |seen, n, body| {
        let reply = file(seen, body, "\"v1\"");
        match n {
            0 => reply.cut(2_000_000, End::Close),
            4 => reply.cut(900_000, End::Close),
            1..=3 | 5..=7 => Reply::new(503, ""),
            _ => reply,
        }
    })
    .await;
    let part = t.folder.path().join("data/x.nc.seedbed-part");
    t.transfer_by(&stores(), &t.sized()).await.unwrap_err();
    opened(&part).write_all_at(&[1, 2, 3, 4], 1_500_000).unwrap();
    t.transfer_by(&stores(), &t.sized()).await.unwrap_err();
    let held = fs::metadata(&part).unwrap().len();
    assert!(held > 1_500_000, "{held}");
    let held = usize::try_from(held).unwrap();
    comes_from(&t, held, held).await;
}
