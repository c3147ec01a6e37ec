//! Other people's servers, each on ports of its own, each ending with its guard.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server and the folder it works in; both go with it.
pub struct Served {
    process: Child,
    pub folder: TempDir,
    pub port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A program of the folder that `SEEDBED_PYTHON` is in, or of the path.
fn program(name: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("SEEDBED_PYTHON").map(|python| Path::new(&python).with_file_name(name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        beside.into_iter().chain(std::env::split_paths(&path).map(|p| p.join(name))).find(|p| p.is_file());
    if found.is_none() {
        println!("skipped: {name} is not there");
    }
    found
}

/// Ports that nothing listens on, and that no other test of this process is given.
fn free_ports(n: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..n).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|l| l.local_addr().unwrap().port()).collect()
}

/// Waits until the server answers HTTP at a path.
fn wait_for(port: u16, path: &str, process: &mut Child) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        assert!(process.try_wait().unwrap().is_none(), "the server ended before it answered");
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
            let mut answer = [0; 5];
            if stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok() {
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the server does not answer on port {port}");
}

/// SeaweedFS: an S3 service that heeds conditions and checksums. Keys `AKTEST` and `SKTEST12345`.
pub fn seaweed() -> Option<Served> {
    let weed = program("weed")?;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("s3.json");
    let identity = r#"{"identities":[{"name":"t","credentials":[{"accessKey":"AKTEST","secretKey":"SKTEST12345"}],
        "actions":["Admin","Read","Write","List","Tagging"]},
        {"name":"anonymous","actions":["Read:open","List:open"]}]}"#;
    std::fs::write(&config, identity).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let ports = free_ports(9);
    let names = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.iceberg",
    ];
    let mut command = Command::new(weed);
    command.current_dir(folder.path()).args([
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
    ]);
    command.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", config.display()));
    command.args(["-master.volumeSizeLimitMB=64", "-volume.max=20"]);
    command.args(names.iter().zip(&ports).map(|(name, port)| format!("-{name}={port}")));
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(ports[0], "/status", &mut process);
    Some(Served { process, folder, port: ports[0] })
}

/// `rclone serve s3` or `rclone serve webdav` of an empty folder.
pub fn rclone(what: &str, more: &[&str]) -> Option<Served> {
    let rclone = program("rclone")?;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("bucket")).unwrap();
    let port = free_ports(1)[0];
    let mut command = Command::new(rclone);
    command.args(["serve", what, "--addr", &format!("127.0.0.1:{port}"), "--config", "/dev/null"]).args(more);
    command.args(["--vfs-cache-mode", "writes", "--cache-dir"]).arg(folder.path().join("cache")).arg(&data);
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(port, "/", &mut process);
    Some(Served { process, folder, port })
}

/// A dCache door that redirects `never`, on `read`, or on `both`. Its tokens are `RW` and `RO`.
pub fn dcache(redirects: &str) -> Option<Served> {
    let python =
        std::env::var_os("SEEDBED_PYTHON").map_or_else(|| program("python3"), |p| Some(PathBuf::from(p)))?;
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../seedbed-storage/tests/servers/dcache_door.py");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut process = Command::new(python)
        .arg(script)
        .arg(&data)
        .arg(redirects)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.split(' ').nth(1).and_then(|p| p.parse().ok()).expect("the door says where it listens");
    Some(Served { process, folder, port })
}
