//! Certificates: trusted ones are, others are refused for good.
//!
//! The server is OpenSSL's own, so the other side of the protocol is not ours.

use crate::{at, hasty, told};
use seedbed_storage::{Settings, StorageError, Stores};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Tells a child of this test binary what to read; it trusts the certificate that `SSL_CERT_FILE` names.
const SOURCE: &str = "SEEDBED_STORAGE_TEST_TLS_SOURCE";

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves `folder` with a certificate it signed itself, `folder/cert.pem`; none without OpenSSL.
fn serve(folder: &Path) -> Option<(Served, u16)> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: openssl is not there");
        return None;
    }
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem", "-WWW"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let served = Served(server);
    let port = lines.find_map(|line| line.ok()?.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok());
    // The server writes on; nobody needs to read it, but somebody must.
    std::thread::spawn(move || lines.for_each(drop));
    Some((served, port.expect("it says where it listens")))
}

fn patient() -> Stores {
    let second = Duration::from_secs(5);
    Stores::new(Settings { connect_timeout: second, stall_timeout: second, ..hasty() }).unwrap()
}

/// Not a test of its own: what the child of the next one runs.
#[tokio::test]
async fn child_reads_what_it_is_told() {
    let Ok(source) = std::env::var(SOURCE) else { return };
    assert_eq!(patient().read_document(&at(&source)).await.unwrap(), "over TLS");
}

#[tokio::test]
async fn reads_over_tls_what_the_system_trusts_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.txt"), "over TLS").unwrap();
    let Some((_server, port)) = serve(folder.path()) else { return };
    let source = format!("https://127.0.0.1:{port}/x.txt");
    let trusting = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls::child_reads_what_it_is_told"])
        .env(SOURCE, &source)
        .env("SSL_CERT_FILE", folder.path().join("cert.pem"))
        .output()
        .unwrap();
    assert!(trusting.status.success(), "{}", String::from_utf8_lossy(&trusting.stdout));
    let error = patient().read_document(&at(&source)).await.unwrap_err();
    if matches!(error, StorageError::Setup { .. }) {
        println!("skipped: this machine trusts nobody: {}", told(&error));
        return;
    }
    assert!(told(&error).contains("certificate is not trusted") && !error.retryable(), "{}", told(&error));
}
