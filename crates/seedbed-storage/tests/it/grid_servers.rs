//! A plain WebDAV server, as data centres run it, and what stores know of such servers.

use crate::at;
use crate::servers::{Served, named, program, start};
use seedbed_storage::{Location, Stores};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

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

pub fn we_are_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// Gives a folder to `nobody`, whom these servers become if root starts them.
pub fn give_away(folder: &Path) {
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
