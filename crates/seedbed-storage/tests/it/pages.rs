//! Pages that come with status 200 where data was asked for, such as one to log in on.

use crate::server::{Reply, Server};
use crate::servers::{dcache, dcache_stores};
use crate::{at, names, stores, told};
use seedbed_storage::{Content, Expectation, Location, Outcome, Silent, StorageError};

const PAGE: &str =
    "\n\n<!DOCTYPE html><html><head><title>Log in</title></head><body>Who are you?</body></html>";

#[tokio::test]
async fn a_page_to_log_in_on_never_becomes_data() {
    for (name, kind) in [
        ("x.tif", "text/html; charset=UTF-8"),
        ("x.grib2", "application/octet-stream"),
        ("x.jp2", "Text/HTML"),
        ("x.nc", "text/html"),
    ] {
        let server = Server::start(move |_, _| Reply::ok(PAGE).header("content-type", kind)).await;
        let folder = tempfile::tempdir().unwrap();
        let to = Location::from(folder.path().join(name));
        let from = at(&server.url(&format!("/{name}?page=x.html")));
        let error = stores().transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
        assert!(matches!(error, StorageError::Content { .. }) && !error.retryable(), "{}", told(&error));
        assert!(error.to_string().contains("Log in"), "{error}");
        assert_eq!(server.gets().len(), 1, "it is not asked for again");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_page_is_a_page_where_that_was_asked_for_and_data_are_data_whatever_they_are_called() {
    for (name, body, content) in [
        ("x.html", PAGE.as_bytes(), Content::Any),
        ("x", PAGE.as_bytes(), Content::Text),
        ("x.tif", b"II*\0\x08\0\0\0", Content::Any),
    ] {
        let server = Server::start(move |_, _| Reply::ok(body).header("content-type", "text/html")).await;
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join(name);
        let from = at(&server.url(&format!("/{name}")));
        let expect = Expectation { content, ..Expectation::default() };
        let done = stores().transfer(&from, &Location::from(to.clone()), &expect, &Silent).await.unwrap();
        assert_eq!(done.outcome, Outcome::Copied);
        assert_eq!(std::fs::read(to).unwrap(), body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_does_not_go_on_to_a_store_either() {
    let Some(door) = dcache("both") else { return };
    let server = Server::start(|_, _| Reply::ok(PAGE).header("content-type", "text/html")).await;
    let (from, to) = (at(&server.url("/x.tif")), at("dcache://pnfs/site/x.tif"));
    let stores = dcache_stores(&door);
    let error = stores.transfer(&from, &to, &Expectation::default(), &Silent).await.unwrap_err();
    assert!(matches!(error, StorageError::Content { .. }), "{}", told(&error));
    assert!(stores.head(&to).await.unwrap_err().is_not_found());
}
