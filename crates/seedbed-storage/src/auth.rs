//! How a named store's credential is come by.
//!
//! A token is looked up before each request, so that one that is renewed while we work is taken up.

use crate::StorageError;
use crate::base64;
use crate::environment::Environment;
use crate::{ini, obscured};
use std::path::{Path, PathBuf};

/// A way to a credential; never the credential itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Auth {
    /// None of the store's own; a netrc entry for its host still counts.
    #[default]
    None,
    /// A bearer token in an environment variable.
    BearerEnv(String),
    /// A bearer token or macaroon in a file.
    BearerFile(PathBuf),
    /// User and password in environment variables.
    BasicEnv { user: String, password: String },
    /// A remote of an rclone configuration.
    Rclone { file: PathBuf, remote: String },
}

impl Auth {
    /// The `Authorization` header's value.
    pub(crate) fn authorization(&self, environment: &Environment) -> Result<Option<String>, StorageError> {
        let variable = |name: &String| {
            let what = "the environment variable is not set".to_owned();
            environment.get(name).ok_or_else(|| StorageError::Configuration { at: name.clone(), what })
        };
        Ok(Some(match self {
            Self::None => return Ok(None),
            Self::BearerEnv(name) => format!("Bearer {}", variable(name)?),
            Self::BearerFile(path) => format!("Bearer {}", token_in(path)?),
            Self::BasicEnv { user, password } => basic(&variable(user)?, &variable(password)?),
            Self::Rclone { file, remote } => {
                let keys = rclone_remote(file, remote)?;
                let get = |name: &str| keys.get(name).filter(|v| !v.is_empty());
                match (get("bearer_token"), get("user"), get("pass")) {
                    (Some(token), ..) => format!("Bearer {token}"),
                    (None, None, None) => return Ok(None),
                    (None, user, pass) => {
                        let password = pass.map_or_else(|| Some(String::new()), |p| obscured::reveal(p));
                        let password = password.ok_or_else(|| StorageError::Configuration {
                            at: format!("{}: [{remote}]", file.display()),
                            what: "its `pass` is no password that `rclone obscure` has made".to_owned(),
                        })?;
                        basic(user.map_or("", String::as_str), &password)
                    }
                }
            }
        }))
    }
}

/// The keys of a remote of an rclone configuration.
pub(crate) fn rclone_remote(
    file: &Path,
    remote: &str,
) -> Result<std::collections::BTreeMap<String, String>, StorageError> {
    let text = text_in(file)?;
    let wrong = |what: String| StorageError::Configuration { at: file.display().to_string(), what };
    // As rclone begins a file that has a password of its own.
    if text.lines().any(|line| line.starts_with("RCLONE_ENCRYPT_V")) {
        return Err(wrong("it is encrypted, and only rclone knows its password".to_owned()));
    }
    ini::read(&text).remove(remote).ok_or_else(|| wrong(format!("no remote [{remote}] is in it")))
}

/// A file's text. That it is not there says nothing about what it is a credential for.
fn text_in(path: &Path) -> Result<String, StorageError> {
    std::fs::read_to_string(path).map_err(|e| {
        let (at, what) = (path.display().to_string(), format!("the credential can't be read: {e}"));
        StorageError::Configuration { at, what }
    })
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::encode(format!("{user}:{password}").as_bytes()))
}

/// The token in a file: the word after `Bearer` where that stands in it, as in a curl configuration, else its only word.
pub(crate) fn token_in(path: &Path) -> Result<String, StorageError> {
    let text = text_in(path)?;
    let mut words =
        text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').filter(|w| !w.is_empty());
    let all: Vec<&str> = words.by_ref().collect();
    let after = all.iter().position(|w| w.eq_ignore_ascii_case("bearer")).map(|i| i + 1);
    match (after.and_then(|i| all.get(i)), all.as_slice()) {
        (Some(token), _) | (None, [token]) => Ok((*token).to_owned()),
        _ => Err(StorageError::Configuration {
            at: path.display().to_string(),
            what: "neither a token alone nor one after the word Bearer".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_tokens_from_variables_files_and_rclone() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let environment = Environment::of([("T", "abc\n"), ("U", "me"), ("P", "pw")]);
        let told = |auth: Auth| auth.authorization(&environment);
        assert_eq!(told(Auth::None).unwrap(), None);
        assert_eq!(told(Auth::BearerEnv("T".into())).unwrap().as_deref(), Some("Bearer abc"));
        let bare = Auth::BearerFile(file("a.dat", "MDAx\n"));
        assert_eq!(told(bare).unwrap().as_deref(), Some("Bearer MDAx"));
        let curl = Auth::BearerFile(file("b.dat", "header = \"Authorization: Bearer MDAy\"\n"));
        assert_eq!(told(curl).unwrap().as_deref(), Some("Bearer MDAy"));
        let basic = Auth::BasicEnv { user: "U".into(), password: "P".into() };
        assert_eq!(told(basic).unwrap().as_deref(), Some("Basic bWU6cHc="));
        let conf = file("rclone.conf", "[surf]\ntype = webdav\nbearer_token = MDAz\n[other]\npass = x\n");
        let remote = |name: &str| Auth::Rclone { file: conf.clone(), remote: name.into() };
        assert_eq!(told(remote("surf")).unwrap().as_deref(), Some("Bearer MDAz"));
        let conf =
            "[drive]\nuser = me\npass = snN7NBmys9K4Uu6Fd2eLA9Dy7xNUXA\n[open]\nuser = me\n[none]\npass =\n";
        let conf = file("more.conf", conf);
        let more = |name: &str| told(Auth::Rclone { file: conf.clone(), remote: name.into() }).unwrap();
        assert_eq!(more("drive"), Some(super::basic("me", "potato")));
        assert_eq!((more("open"), more("none")), (Some(super::basic("me", "")), None));
        let locked =
            file("locked.conf", "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nAAAA\n");
        for (auth, word) in [
            (Auth::Rclone { file: locked, remote: "x".into() }, "it is encrypted"),
            (remote("nil"), "no remote [nil]"),
            (remote("other"), "rclone obscure"),
            (Auth::BearerEnv("NO".into()), "NO: the environment variable is not set"),
            (Auth::BearerFile(file("c.dat", "two words")), "neither a token"),
            (Auth::BearerFile("/nowhere/token".into()), "/nowhere/token: the credential can't be read"),
            (Auth::Rclone { file: "/nowhere/r.conf".into(), remote: "x".into() }, "can't be read"),
        ] {
            let error = told(auth).unwrap_err();
            assert!(error.to_string().contains(word) && !error.is_not_found(), "{error}");
        }
    }
}
