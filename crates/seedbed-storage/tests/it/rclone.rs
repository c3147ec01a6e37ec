//! Logins that a configuration of rclone's holds, at a server that asks for them.

use crate::log::Log;
use crate::servers::{self, named};
use crate::{at, told};
use bytes::Bytes;
use seedbed_storage::{Put, StorageError};

#[tokio::test]
async fn logs_in_with_the_password_that_rclone_has_obscured() {
    let password = "s3cret ä+/ of more than one block: =";
    let Some(served) = servers::rclone("webdav", &["--user", "me", "--pass", password]) else { return };
    let (Some(obscured), Some(other)) = (servers::obscured(password), servers::obscured("other")) else {
        return;
    };
    let conf = served.folder.path().join("rclone.conf");
    let remote = |name: &str, pass: &str| {
        format!(
            "[{name}]\ntype = webdav\nurl = {}\nvendor = other\nuser = me\npass = {pass}\n\n",
            served.url()
        )
    };
    let text = remote("drive", &obscured) + &remote("other", &other) + &remote("plain", password);
    std::fs::write(&conf, text).unwrap();
    let log = Log::begin();
    let stores = |remote: &str| {
        let auth = format!("auth = {{ rclone = \"{}\", remote = \"{remote}\" }}", conf.display());
        named(&format!("[store]\nkind = \"webdav\"\nurl = \"{}\"\n{auth}\n", served.url()), &[])
    };
    let place = at(&format!("dav://127.0.0.1:{}/bucket/x", served.port));
    let mine = stores("drive");
    assert_eq!(mine.put_once(&place, Bytes::from_static(b"here")).await.unwrap(), Put::Created);
    assert_eq!(mine.read_document(&place).await.unwrap(), "here");
    let denied = stores("other").read_document(&place).await.unwrap_err();
    assert!(matches!(denied, StorageError::Denied { status: 401, .. }), "{}", told(&denied));
    let plain = stores("plain").read_document(&place).await.unwrap_err();
    assert!(told(&plain).contains("rclone.conf: [plain]: its `pass`"), "{}", told(&plain));
    let text = format!("{mine:?}{}{}{}", told(&denied), told(&plain), log.text());
    for secret in ["s3cret", &obscured, &other, "Basic"] {
        assert!(!text.contains(secret), "{text}");
    }
}
