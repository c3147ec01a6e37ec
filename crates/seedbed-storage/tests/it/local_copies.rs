//! Transfers from and to the file system.

use crate::{Remembered, at, names, noise, stores, told};
use seedbed_storage::{Checksum, Content, Expectation, Location, Outcome, Silent, StorageError};

#[tokio::test]
async fn copies_a_file_and_adopts_its_copy_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.nc"), folder.path().join("a/b/to.nc"));
    let bytes = noise(9_000_000);
    std::fs::write(&from, &bytes).unwrap();
    let (from, to) = (Location::from(from), Location::from(to));
    let expect = Expectation { checksum: Some(Checksum::of_bytes(&bytes)), ..Expectation::default() };
    let progress = Remembered::default();
    let done = stores().transfer(&from, &to, &expect, &progress).await.unwrap();
    assert_eq!((done.outcome, done.bytes), (Outcome::Copied, 9_000_000));
    assert_eq!(std::fs::read(to.as_path().unwrap()).unwrap(), bytes);
    assert_eq!(*progress.0.lock().unwrap(), [(Some(9_000_000), 9_000_000)]);
    assert_eq!(names(&folder.path().join("a/b")), ["to.nc"]);
    for expect in [expect, Expectation::default()] {
        let again = stores().transfer(&from, &to, &expect, &Silent).await.unwrap();
        assert_eq!((again.outcome, again.checksum), (Outcome::Adopted, done.checksum.clone()));
    }
    assert_eq!(names(&folder.path().join("a/b")), ["to.nc"]);
}

#[tokio::test]
async fn a_file_transferred_onto_itself_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, "here").unwrap();
    let at = Location::from(path);
    let done = stores().transfer(&at, &at, &Expectation::default(), &Silent).await.unwrap();
    assert_eq!((done.outcome, done.bytes), (Outcome::Adopted, 4));
    assert_eq!(names(folder.path()), ["x"]);
}

#[tokio::test]
async fn a_local_source_that_is_wrong_or_missing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("x.zip");
    std::fs::write(&from, "You have tried too often.").unwrap();
    let missing = Location::from(folder.path().join("missing"));
    let (from, to) = (Location::from(from), Location::from(folder.path().join("out/x.zip")));
    let zip = Expectation { content: Content::Zip, ..Expectation::default() };
    let error = stores().transfer(&from, &to, &zip, &Silent).await.unwrap_err();
    assert!(error.to_string().contains("You have tried"), "{}", told(&error));
    let size = Expectation { size: Some(3), ..Expectation::default() };
    let from = folder.path().join("x.txt");
    std::fs::write(&from, "You have tried too often.").unwrap();
    let error = stores().transfer(&Location::from(from), &to, &size, &Silent).await.unwrap_err();
    assert!(matches!(error, StorageError::Size { expected: 3, found: 25, .. }), "{}", told(&error));
    let error = stores().transfer(&missing, &to, &size, &Silent).await.unwrap_err();
    assert!(error.is_not_found(), "{}", told(&error));
    assert_eq!(names(&folder.path().join("out")), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_disk_is_reported_as_such_and_nothing_gets_the_name() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("x");
    std::fs::write(&from, noise(100_000)).unwrap();
    // Every write to this device fails as on a full disk.
    let part = folder.path().join("y.seedbed-part");
    let made = std::process::Command::new("mknod").arg(&part).args(["c", "1", "7"]).status();
    if !made.is_ok_and(|made| made.success()) || std::fs::OpenOptions::new().write(true).open(&part).is_err()
    {
        println!("skipped: no device can be made here");
        return;
    }
    let (from, to) = (Location::from(from), Location::from(folder.path().join("y")));
    let error = stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
    assert!(matches!(error, StorageError::Full { .. }) && !error.retryable(), "{}", told(&error));
    assert!(error.is_full() && !error.is_over_limit());
    assert!(!folder.path().join("y").exists());
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, precious] = ["x", "y", "precious"].map(|name| folder.path().join(name));
    std::fs::write(&from, "new bytes").unwrap();
    std::fs::write(&precious, "old bytes").unwrap();
    std::os::unix::fs::symlink(&precious, folder.path().join("y.seedbed-part")).unwrap();
    let (from, at) = (Location::from(from), Location::from(to.as_path()));
    let error = stores().transfer(&from, &at, &Expectation::default(), &Silent).await.unwrap_err();
    assert!(told(&error).contains("a symbolic link"), "{}", told(&error));
    assert!(!to.exists() && std::fs::read_to_string(precious).unwrap() == "old bytes");
}

#[tokio::test]
async fn what_died_between_naming_and_tidying_is_tidied() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("x"), folder.path().join("y"));
    std::fs::write(&from, "here").unwrap();
    std::fs::write(&to, "here").unwrap();
    std::fs::hard_link(&to, folder.path().join("y.seedbed-part")).unwrap();
    std::fs::write(folder.path().join("y.seedbed-part.json"), "{}").unwrap();
    let expect = Expectation { size: Some(4), ..Expectation::default() };
    let (from, to) = (Location::from(from), Location::from(to));
    let done = stores().transfer(&from, &to, &expect, &Silent).await.unwrap();
    assert_eq!(done.outcome, Outcome::Adopted);
    assert_eq!(names(folder.path()), ["x", "y"]);
}

#[tokio::test]
async fn a_part_that_is_another_name_of_the_file_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let (from, kept) = (folder.path().join("x"), folder.path().join("kept"));
    std::fs::write(&from, "new bytes").unwrap();
    std::fs::write(&kept, "old bytes").unwrap();
    std::fs::hard_link(&kept, folder.path().join("y.seedbed-part")).unwrap();
    let (from, to) = (Location::from(from), Location::from(folder.path().join("y")));
    stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "old bytes");
    assert_eq!(std::fs::read_to_string(to.as_path().unwrap()).unwrap(), "new bytes");
}

#[tokio::test]
async fn a_folder_in_the_destinations_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "here").unwrap();
    std::fs::create_dir(folder.path().join("y")).unwrap();
    let (from, to) = (Location::from(folder.path().join("x")), Location::from(folder.path().join("y")));
    let error = stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("a folder"), "{}", told(&error));
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "").unwrap();
    let (from, to) = (Location::from(folder.path().join("x")), Location::from(folder.path().join("y")));
    let done = stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap();
    assert_eq!((done.bytes, done.checksum), (0, Checksum::of_bytes(b"")));
    assert_eq!(names(folder.path()), ["x", "y"]);
}

#[tokio::test]
async fn the_room_of_a_place_that_is_not_there_yet_is_its_disks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let room = |name: &str| {
        let place = Location::from(folder.path().join(name));
        async move { stores().room(&place).await.unwrap().unwrap() }
    };
    // df(1) as another reader of the same numbers; others write meanwhile.
    let df = std::process::Command::new("df").args(["-P", "-B1"]).arg(folder.path()).output().unwrap();
    let text = String::from_utf8(df.stdout).unwrap();
    let free: u64 = text.lines().nth(1).unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    for name in ["", "file", "no/such/folder/x.nc", "file/x.nc"] {
        let found = room(name).await;
        assert!(found.abs_diff(free) <= free / 4 + (1 << 20), "{name}: {found}, {free} by df");
    }
    assert_eq!(stores().room(&at("https://example.org/x.nc")).await.unwrap(), None);
}

#[tokio::test]
async fn a_pipe_or_a_device_is_refused_before_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.tif");
    if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()) {
        println!("skipped: no pipe can be made here");
        return;
    }
    let to = Location::from(folder.path().join("out/x.tif"));
    for from in [Location::from(pipe), at("/dev/zero")] {
        let stores = stores();
        let refused = async {
            let copied = stores.transfer(&from, &to, &Expectation::default(), &Silent).await;
            (
                copied.map(drop),
                stores.read_document(&from).await.map(drop),
                stores.read_range(&from, 0..2).await,
            )
        };
        let soon = tokio::time::timeout(std::time::Duration::from_secs(5), refused).await;
        let (copied, whole, part) = soon.expect("it is not waited for");
        for error in [copied.unwrap_err(), whole.unwrap_err(), part.unwrap_err()] {
            assert!(told(&error).contains("a folder or a device"), "{}", told(&error));
        }
        assert_eq!(names(&folder.path().join("out")), Vec::<String>::new());
    }
}
