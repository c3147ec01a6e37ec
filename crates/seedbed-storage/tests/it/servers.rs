//! Other people's servers, each on ports of its own, each ending with its guard.

use crate::hasty;
use seedbed_storage::{Environment, NamedStores, Settings, Stores};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server and the folder it works in; both go with it.
pub struct Served {
    process: Child,
    /// Further processes of the same server.
    pub others: Vec<Child>,
    pub folder: TempDir,
    pub port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        for process in self.others.iter_mut().chain([&mut self.process]) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Served {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A password as rclone writes it into its configuration.
pub fn obscured(password: &str) -> Option<String> {
    let told = Command::new(program("rclone")?).args(["obscure", password]).output().unwrap();
    Some(String::from_utf8(told.stdout).unwrap().trim().to_owned())
}

/// A program of the folder that `SEEDBED_PYTHON` is in, of the path, or of those that only root has in its path.
pub fn program(name: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("SEEDBED_PYTHON").map(|python| Path::new(&python).with_file_name(name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = beside.into_iter().chain(folders.map(|p| p.join(name))).find(|p| p.is_file());
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

/// Waits until the server answers HTTP at a path, or tells why it won't.
fn answers(port: u16, path: &str, process: &mut Child) -> Result<(), Absence> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if process.try_wait().unwrap().is_some() {
            return Err(Absence::Ended);
        }
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
            let mut answer = [0; 5];
            if stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok() {
                return Ok(());
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(Absence::Silent)
}

/// Why a server that was started does not answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Absence {
    /// It ended, as it does when another took its port.
    Ended,
    /// It runs, and has not answered in a minute.
    Silent,
}

/// Starts a server on ports of its own, once.
pub fn attempt(ports: usize, path: &str, make: impl Fn(&Path, &[u16]) -> Command) -> Result<Served, Absence> {
    let folder = tempfile::tempdir().unwrap();
    let ports = free_ports(ports);
    let mut command = make(folder.path(), &ports);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = command.spawn().unwrap();
    let mut served = Served { process, others: Vec::new(), folder, port: ports[0] };
    answers(served.port, path, &mut served.process).map(|()| served)
}

/// Starts a server, with other ports if it lost its own to another process.
pub fn start(ports: usize, path: &str, make: impl Fn(&Path, &[u16]) -> Command) -> Served {
    for _ in 0..5 {
        match attempt(ports, path, &make) {
            Ok(served) => return served,
            Err(Absence::Ended) => {}
            Err(Absence::Silent) => panic!("the server does not answer"),
        }
    }
    panic!("the server ended before it answered, five times");
}

/// SeaweedFS: an S3 service that heeds conditions and checksums. Keys `AKTEST` and `SKTEST12345`.
pub fn seaweed() -> Option<Served> {
    seaweed_with("")
}

/// The same with a configuration of its roles: an STS gives temporary keys for them.
fn seaweed_with(roles: &str) -> Option<Served> {
    let weed = program("weed")?;
    let identity = r#"{"identities":[{"name":"t","credentials":[{"accessKey":"AKTEST","secretKey":"SKTEST12345"}],
        "actions":["Admin","Read","Write","List","Tagging"]}]}"#;
    let names = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    Some(start(names.len(), "/status", |folder, ports| {
        let (config, data) = (folder.join("s3.json"), folder.join("data"));
        std::fs::write(&config, identity).unwrap();
        std::fs::create_dir(&data).unwrap();
        let mut command = Command::new(&weed);
        command.current_dir(folder).args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", config.display()));
        if !roles.is_empty() {
            let path = folder.join("iam.json");
            std::fs::write(&path, roles).unwrap();
            command.arg(format!("-s3.iam.config={}", path.display()));
        }
        command.args(["-master.volumeSizeLimitMB=64", "-volume.max=20", "-master.telemetry=false"]);
        // Services whose ports would be those of another one.
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.args(names.iter().zip(ports).map(|(name, port)| format!("-{name}={port}")));
        command
    }))
}

/// SeaweedFS with the buckets `one` and `two`, and a role of each one's name that may do everything in it.
pub fn seaweed_of_roles() -> Option<Served> {
    let role = |name: &str| {
        serde_json::json!({
            "roleName": name, "roleArn": format!("arn:aws:iam::role/{name}"), "attachedPolicies": [name],
            "trustPolicy": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]}]},
        })
    };
    let policy = |name: &str| {
        let its = [format!("arn:aws:s3:::{name}"), format!("arn:aws:s3:::{name}/*")];
        serde_json::json!({"name": name, "document": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:*"], "Resource": its}]}})
    };
    let roles = serde_json::json!({
        "sts": {"tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "seaweedfs-sts",
            "signingKey": "dGVzdC1zaWduaW5nLWtleS0zMi1jaGFyYWN0ZXJzLWxvbmc="},
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "roles": [role("one"), role("two")],
        "policies": [policy("one"), policy("two")],
    });
    seaweed_with(&roles.to_string())
}

/// Temporary keys for roles of such a service, as the DAACs tell theirs.
pub fn keys_for(served: &Served, roles: &[&str]) -> Vec<serde_json::Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/assume_role.py");
    let mut command = Command::new(python().unwrap());
    command.arg(script).arg(served.port.to_string()).args(["AKTEST", "SKTEST12345"]).args(roles);
    let told = command.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    told.stdout
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn python() -> Option<PathBuf> {
    std::env::var_os("SEEDBED_PYTHON").map_or_else(|| program("python3"), |p| Some(PathBuf::from(p)))
}

/// `rclone serve s3` or `rclone serve webdav` of an empty folder.
pub fn rclone(what: &str, more: &[&str]) -> Option<Served> {
    let rclone = program("rclone")?;
    Some(start(1, "/", |folder, ports| {
        let data = folder.join("data");
        std::fs::create_dir_all(data.join("bucket")).unwrap();
        let mut command = Command::new(&rclone);
        let address = format!("127.0.0.1:{}", ports[0]);
        command.args(["serve", what, "--addr", &address, "--config", "/dev/null"]).args(more);
        command.args(["--vfs-cache-mode", "writes", "--cache-dir"]).arg(folder.join("cache")).arg(&data);
        if what == "s3" {
            // Two uploads that make one folder at a time leave two of it in its memory, and for as long as it
            // keeps them lists but one's files; of what it writes late or beside, neither is listed as it is.
            command.args(["--dir-cache-time", "1s", "--vfs-write-back", "0s", "--inplace"]);
        }
        command
    }))
}

/// A dCache door that redirects `never`, on `read`, or on `both`. Its tokens are `RW` and `RO`.
pub fn dcache(redirects: &str) -> Option<Served> {
    let python = python()?;
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
    Some(Served { process, others: Vec::new(), folder, port })
}

/// Stores with a `stores.toml` of this text and these variables.
pub fn named(text: &str, variables: &[(&str, &str)]) -> Stores {
    let environment = Environment::of(variables.iter().copied());
    let named = NamedStores::from_toml(Path::new("stores.toml"), text, &environment).unwrap();
    let patience = Duration::from_secs(20);
    Stores::new(Settings { named, environment, stall_timeout: patience, ..hasty() }).unwrap()
}

pub fn s3_stores(served: &Served) -> Stores {
    let text = "[objects]\nkind = \"s3\"\nendpoint = \"URL\"\n\
        auth = { access_key_env = \"ID\", secret_key_env = \"SECRET\" }\n";
    named(&text.replace("URL", &served.url()), &[("ID", "AKTEST"), ("SECRET", "SKTEST12345")])
}

pub fn dcache_stores(served: &Served) -> Stores {
    let text = "[surf]\nkind = \"dcache\"\ndoor = \"URL\"\nauth = { bearer_env = \"TOKEN\" }\n";
    named(&text.replace("URL", &served.url()), &[("TOKEN", "RW")])
}

/// What the requests were that a dCache door and its pool got since this was last asked: server, method, path, headers.
pub fn dcache_log(
    served: &Served,
) -> Vec<(String, String, String, serde_json::Map<String, serde_json::Value>)> {
    serde_json::from_slice(&talk(served.port, "GET", "/__log", "")).unwrap()
}

/// Sets faults of a dCache stand-in.
pub fn dcache_fault(served: &Served, fault: &str) {
    talk(served.port, "POST", "/__fault", fault);
}

/// One exchange by hand; the answer's body.
fn talk(port: u16, method: &str, path: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    answer.split_off(head + 4)
}
