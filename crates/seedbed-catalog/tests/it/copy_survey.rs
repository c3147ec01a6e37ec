//! What a copy would meet, asked before it begins.

use crate::support::{Asked, Server, Told, at, item, request, stores};
use seedbed_catalog::copy::{CopyRequest, OnError, Silent, execute, plan};

fn answer(asked: &Asked) -> Told {
    match asked.path.rsplit('/').next() {
        Some("denied.tif") => Told::status(401),
        Some("broken.tif") => Told::status(500),
        Some("page.tif") => Told { kind: Some("text/html"), ..Told::ok("<html><body>Log in</body></html>") },
        Some("gone.tif") => Told::status(404),
        _ => Told::ok(*b"II*\0data"),
    }
}

/// A survey finds the failures that the copy has, and none that it has not.
#[tokio::test]
async fn a_survey_finds_what_a_copy_fails_for() {
    let server = Server::start(answer).await;
    let top = tempfile::tempdir().unwrap();
    let here = format!("{}/x.tif", server.url);
    let far = |name: &str| format!("{}/{name}.tif", server.url);
    let to = at(&top.path().join("data"));
    let unreachable: seedbed_storage::Location = "dav://127.0.0.1:9/x".parse().unwrap();
    for (href, to, retryable) in [
        (here.clone(), to.clone(), None),
        (far("denied"), to.clone(), Some(false)),
        (far("broken"), to.clone(), Some(true)),
        (far("page"), to.clone(), Some(false)),
        (far("gone"), to.clone(), Some(false)),
        ("http://127.0.0.1:9/x.tif".to_owned(), to, Some(true)),
        (here, unreachable, Some(true)),
    ] {
        let request = CopyRequest {
            to,
            ..request(vec![item("a", 1, &href)], top.path(), Some(&top.path().join("out")))
        };
        let mut planned = plan(&stores(), &request).await.unwrap();
        let copied = execute(&stores(), &planned, 1, OnError::KeepGoing, &Silent).await.unwrap();
        let _ = std::fs::remove_dir_all(top.path().join("data"));
        planned.survey(&stores()).await;
        planned.foresee();
        let failed = |failed: &[seedbed_catalog::copy::Failure]| failed.first().map(|f| f.retryable);
        assert_eq!(failed(&planned.failed), retryable, "{href}: {:?}", planned.failed);
        assert_eq!(failed(&copied.failed), retryable, "{href}: {:?}", copied.failed);
    }
}
