//! A cluster of `XRootD`, as data centres run it: a manager that redirects to a data server.

use crate::grid_servers::{give_away, we_are_root};
use crate::servers::{Served, attempt, program};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Processes that nothing else ends yet.
#[derive(Default)]
struct Companions(RefCell<Vec<Child>>);

impl Drop for Companions {
    fn drop(&mut self) {
        for mut process in self.0.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Whether a cluster came up here, once that was tried.
static COMES_UP: Mutex<Option<bool>> = Mutex::new(None);

const GIVE_NAME: &str = "echo localhost > /proc/sys/kernel/hostname";

/// A cluster of `XRootD`: a manager, which answers every request with a redirect to the data server that has, or will
/// have, the file. It knows no users. (As whom it runs must have a name.)
///
/// `XRootD` 5.5 ends on a machine whose own name has no address. Where it doesn't come up twice, tests go without.
pub fn xrootd() -> Option<Served> {
    let (xrootd, cmsd) = (program("xrootd")?, program("cmsd")?);
    // The others wait for who finds out.
    let mut comes_up = COMES_UP.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let tries = if *comes_up == Some(false) { 0 } else { 2 };
    let cluster = (0..tries).find_map(|_| cluster(&xrootd, &cmsd));
    if cluster.is_none() {
        println!("skipped: no cluster of XRootD comes up here");
    }
    // One that came up once may lose its ports to another process later.
    *comes_up = Some(cluster.is_some() || *comes_up == Some(true));
    cluster
}

/// A command that runs a program in a role, under the name `localhost` where we may give ourselves a name.
fn command(program: &Path, folder: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    if may_be_named() {
        command = Command::new("unshare");
        command.args(["--uts", "sh", "-c", &format!("{GIVE_NAME}; exec \"$0\" \"$@\"")]).arg(program);
    }
    let name = program.file_name().unwrap().to_string_lossy().into_owned();
    command.arg("-c").arg(folder.join(format!("{role}.cfg"))).args(["-n", role]);
    command.arg("-l").arg(folder.join(format!("{role}-{name}.log"))).current_dir(folder);
    if we_are_root() {
        command.args(["-R", "nobody"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn may_be_named() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--uts", "sh", "-c", GIVE_NAME]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn cluster(xrootd: &Path, cmsd: &Path) -> Option<Served> {
    let made = Companions::default();
    let served = attempt(4, "/", |folder, ports| {
        std::fs::create_dir(folder.join("data")).unwrap();
        for (role, text) in configurations(folder, ports) {
            std::fs::write(folder.join(format!("{role}.cfg")), text).unwrap();
        }
        give_away(folder);
        for (program, role) in [(cmsd, "manager"), (xrootd, "server"), (cmsd, "server")] {
            made.0.borrow_mut().push(command(program, folder, role).spawn().unwrap());
        }
        command(xrootd, folder, "manager")
    });
    let mut served = served.ok()?;
    served.others = made.0.take();
    // The data server has to present itself first.
    let start = Instant::now();
    while !redirects(served.port) {
        if start.elapsed() > Duration::from_secs(60) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(served)
}

fn configurations(folder: &Path, ports: &[u16]) -> [(&'static str, String); 2] {
    let of = |role: &str, port: u16, cluster: u16, more: &str| {
        let folder = folder.display();
        format!(
            "all.export /\nall.role {role}\nall.manager localhost:{}\nall.adminpath {folder}/{role}\n\
            all.pidpath {folder}/{role}\nif exec cmsd\nxrd.port {cluster}\nelse\nxrd.port {port}\n\
            xrd.protocol http:{port} libXrdHttp.so\nfi\nxrd.network nodnr\n\
            xrootd.chksum max 4 adler32 md5\n{more}",
            ports[1]
        )
    };
    // What the manager doesn't know yet it redirects at once, rather than after it has waited for all to be silent.
    let manager =
        "cms.delay startup 1 servers 1 lookup 1\ncms.allow host *\ncms.dfs lookup distrib redirect immed\n";
    let server = format!("oss.localroot {}/data\n", folder.display());
    [
        ("manager", of("manager", ports[0], ports[1], manager)),
        ("server", of("server", ports[2], ports[3], &server)),
    ]
}

/// Whether the manager knows a data server that would take a file.
fn redirects(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut answer = [0; 12];
    stream.write_all(b"PUT /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"307")
}
