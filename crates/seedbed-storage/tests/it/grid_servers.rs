//! Servers of the kinds that data centres run: a plain WebDAV server, and a cluster that redirects.

use crate::at;
use crate::servers::{Served, named, program, start};
use seedbed_storage::{Location, Stores};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where Debian has Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

/// `s3cret`, as Apache keeps passwords.
const USERS: &str = "me:{SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=\n";

/// Apache with `mod_dav`. It lets in `me` with the password `s3cret`, and the bearer of `TOK`.
pub fn apache() -> Option<Served> {
    let apache = program("apache2")?;
    Some(start(1, "/", |folder, ports| {
        for name in ["data", "locks"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        let file = folder.join("apache.conf");
        std::fs::write(folder.join("users"), USERS).unwrap();
        std::fs::write(&file, apache_configuration(folder, ports[0])).unwrap();
        give_away(folder);
        let mut command = Command::new(&apache);
        // In one process, which ends with its guard.
        command.arg("-X").arg("-f").arg(file);
        command
    }))
}

fn apache_configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let modules =
        ["mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_user", "dav", "dav_fs"];
    let modules = modules.map(|m| format!("LoadModule {m}_module {MODULES}/mod_{m}.so\n")).concat();
    format!(
        "{modules}ServerRoot {folder}\nServerName 127.0.0.1\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\n\
        ErrorLog {folder}/error\nUser nobody\nGroup #65534\nDavLockDB {folder}/locks/db\n\
        DocumentRoot {folder}/data\n<Directory {folder}/data>\n Dav On\n AuthType Basic\n AuthName files\n \
        AuthUserFile {folder}/users\n <RequireAny>\n  Require valid-user\n  \
        Require expr \"%{{HTTP:Authorization}} == 'Bearer TOK'\"\n </RequireAny>\n</Directory>\n"
    )
}

/// Processes that nothing else ends yet.
#[derive(Default)]
struct Companions(std::cell::RefCell<Vec<Child>>);

impl Companions {
    fn end(&self) {
        for mut process in self.0.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Companions {
    fn drop(&mut self) {
        self.end();
    }
}

/// A cluster of `XRootD`: a manager, which answers every request with a redirect to the data server that has, or will
/// have, the file. It knows no users. (As whom it runs must have a name.)
pub fn xrootd() -> Option<Served> {
    let (xrootd, cmsd) = (program("xrootd")?, program("cmsd")?);
    let command = |program: &Path, folder: &Path, role: &str| {
        let mut command = Command::new(program);
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        command.arg("-c").arg(folder.join(format!("{role}.cfg"))).args(["-n", role]);
        command.arg("-l").arg(folder.join(format!("{role}-{name}.log"))).current_dir(folder);
        if we_are_root() {
            command.args(["-R", "nobody"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made = Companions::default();
    let mut served = start(4, "/", |folder, ports| {
        std::fs::create_dir(folder.join("data")).unwrap();
        for (role, text) in xrootd_configurations(folder, ports) {
            std::fs::write(folder.join(format!("{role}.cfg")), text).unwrap();
        }
        give_away(folder);
        // Those of an attempt that lost its ports are of no use.
        made.end();
        for (program, role) in [(&cmsd, "manager"), (&xrootd, "server"), (&cmsd, "server")] {
            made.0.borrow_mut().push(command(program, folder, role).spawn().unwrap());
        }
        command(&xrootd, folder, "manager")
    });
    served.others = made.0.take();
    // The data server has to present itself first.
    let start = Instant::now();
    while !redirects(served.port) {
        assert!(start.elapsed() < Duration::from_secs(60), "no data server joins the manager");
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(served)
}

fn xrootd_configurations(folder: &Path, ports: &[u16]) -> [(&'static str, String); 2] {
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

fn we_are_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// Gives a folder to `nobody`, whom these servers become if root starts them.
fn give_away(folder: &Path) {
    if we_are_root() {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new("chown").args(["-R", "nobody"]).arg(folder).status().unwrap().success());
    }
}

pub fn root(served: &Served) -> Location {
    at(&format!("dav://127.0.0.1:{}/", served.port))
}

/// Stores that know a user and a password of it.
pub fn basic(served: &Served) -> Stores {
    let text = "[web]\nkind = \"webdav\"\nurl = \"URL\"\nauth = { user_env = \"U\", password_env = \"P\" }\n";
    named(&text.replace("URL", &served.url()), &[("U", "me"), ("P", "s3cret")])
}

/// Stores that know a token of it.
pub fn bearer(served: &Served, token: &str) -> Stores {
    let text = "[web]\nkind = \"webdav\"\nurl = \"URL\"\nauth = { bearer_env = \"T\" }\n";
    named(&text.replace("URL", &served.url()), &[("T", token)])
}

/// Stores that know nothing of it but its name.
pub fn open(served: &Served) -> Stores {
    named(&format!("[grid]\nkind = \"webdav\"\nurl = \"{}\"\n", served.url()), &[])
}
