//! The tables of a `stores.toml`, as written, and what they mean.

use super::{Kind, NamedStore, Service, ServiceKeys, StoresFileError};
use crate::auth::Auth;
use crate::environment::Environment;
use crate::sas::{Pattern, Signing};
use crate::secret;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use url::Url;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: Spanned<Word>,
    paths: Option<Spanned<Vec<String>>>,
    door: Option<Spanned<String>>,
    root: Option<Spanned<String>>,
    rest: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    buckets: Option<Spanned<Vec<String>>>,
    endpoint: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
    path_style: Option<Spanned<bool>>,
    requester_pays: Option<Spanned<bool>>,
    credentials: Option<Spanned<String>>,
    hosts: Option<Spanned<Vec<Spanned<String>>>>,
    sign: Option<Spanned<String>>,
    third_party: Option<Spanned<bool>>,
    ca: Option<String>,
    auth: Option<Spanned<AuthTable>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Word {
    Dcache,
    Webdav,
    S3,
    Sas,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct AuthTable {
    bearer_env: Option<String>,
    bearer_file: Option<String>,
    macaroon_file: Option<String>,
    user_env: Option<String>,
    password_env: Option<String>,
    x509_proxy: Option<String>,
    #[serde(alias = "rclone_conf")]
    rclone: Option<String>,
    #[serde(alias = "rclone_remote")]
    remote: Option<String>,
    profile: Option<String>,
    access_key_env: Option<String>,
    secret_key_env: Option<String>,
    session_token_env: Option<String>,
    anonymous: Option<bool>,
}

/// A mistake, and the bytes it stands at.
type Wrong = (std::ops::Range<usize>, String);

/// The stores of a file's text.
pub(super) fn read(
    path: &Path,
    text: &str,
    environment: &Environment,
) -> Result<Vec<NamedStore>, StoresFileError> {
    let invalid = |at: usize, reason: String, nearest: Option<String>| {
        let before = text.get(..at).unwrap_or(text);
        StoresFileError::Invalid {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1,
            reason,
            nearest,
        }
    };
    let tables: BTreeMap<String, Spanned<Table>> = toml::from_str(text).map_err(|e| {
        invalid(e.span().map_or(0, |s| s.start), e.message().to_owned(), nearest(e.message()))
    })?;
    let files = Files { folder: path.parent().unwrap_or(Path::new("")), environment };
    let read = tables.into_iter().map(|(name, table)| {
        let span = table.span();
        store(&name, table.into_inner(), span, &files).map_err(|(at, reason)| invalid(at.start, reason, None))
    });
    read.collect()
}

/// Where the paths of the file count from.
struct Files<'a> {
    folder: &'a Path,
    environment: &'a Environment,
}

impl Files<'_> {
    fn path(&self, text: &str) -> PathBuf {
        let at_home = text.strip_prefix("~/").and_then(|rest| self.environment.home(rest));
        at_home.unwrap_or_else(|| self.folder.join(text))
    }
}

fn store(
    name: &str,
    table: Table,
    span: std::ops::Range<usize>,
    files: &Files<'_>,
) -> Result<NamedStore, Wrong> {
    belongs(&table)?;
    let (kind_span, word) = (table.kind.span(), *table.kind.get_ref());
    let missing = |key: &str| (kind_span.clone(), format!("[{name}]: `{key}` is missing"));
    let auth_span = table.auth.as_ref().map_or(span, Spanned::span);
    let has_auth = table.auth.is_some();
    let auth = table.auth.map(Spanned::into_inner).unwrap_or_default();
    let proxy = auth.x509_proxy.as_deref().map(|p| files.path(p));
    let ca = table.ca.as_deref().map(|p| files.path(p));
    let (kind, auth) = match word {
        Word::Dcache => {
            let door = address(table.door.ok_or_else(|| missing("door"))?)?;
            let slashed = |p: String| format!("/{}", p.trim_matches('/'));
            let paths = table.paths.map(Spanned::into_inner).unwrap_or_default();
            let root = table.root.map(|r| slashed(r.into_inner())).unwrap_or_default();
            let rest = table.rest.map(address).transpose()?;
            let root = root.trim_end_matches('/').to_owned();
            let kind = Kind::Dcache { paths: paths.into_iter().map(slashed).collect(), door, root, rest };
            (kind, door_auth(&auth, name, files).map_err(|what| (auth_span, what))?)
        }
        Word::Webdav => {
            let url = address(table.url.ok_or_else(|| missing("url"))?)?;
            (Kind::Webdav { url }, door_auth(&auth, name, files).map_err(|what| (auth_span, what))?)
        }
        Word::S3 => {
            let mut keys = service_keys(auth, name, files).map_err(|what| (auth_span, what))?;
            if let Some(credentials) = table.credentials {
                let span = credentials.span();
                if table.buckets.as_ref().is_none_or(|b| b.get_ref().is_empty()) {
                    let what = "`credentials` are for the buckets that `buckets` names, and it names none";
                    return Err((span, what.to_owned()));
                }
                if !matches!(keys, ServiceKeys::Environment) {
                    return Err((span, "`credentials` and `auth`: one is needed".to_owned()));
                }
                keys = ServiceKeys::Lent(address(credentials)?);
            }
            let service = Service {
                endpoint: table.endpoint.map(address).transpose()?.map(String::from),
                region: table.region.map(Spanned::into_inner),
                path_style: table.path_style.map(Spanned::into_inner),
                requester_pays: table.requester_pays.map(Spanned::into_inner),
                keys,
            };
            let buckets = table.buckets.map(Spanned::into_inner).unwrap_or_default();
            (Kind::S3 { buckets, service }, Auth::None)
        }
        Word::Sas => {
            let given = table.hosts.map(Spanned::into_inner).unwrap_or_default();
            let pattern = |host: Spanned<String>| {
                let wrong = |what| (host.span(), format!("`{}`: {what}", secret::shown_text(host.get_ref())));
                Pattern::read(host.get_ref()).map_err(wrong)
            };
            let hosts = given.into_iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
            if hosts.is_empty() {
                return Err(missing("hosts"));
            }
            let sign = address(table.sign.ok_or_else(|| missing("sign"))?)?;
            if has_auth || ca.is_some() {
                return Err((auth_span, "a store of kind `sas` has neither `auth` nor `ca`".to_owned()));
            }
            (Kind::Sas(Signing { hosts, sign }), Auth::None)
        }
    };
    let third_party = table.third_party.is_some_and(Spanned::into_inner);
    Ok(NamedStore { name: name.to_owned(), kind, auth, ca, proxy, third_party })
}

/// Refuses a key of another kind of store.
fn belongs(table: &Table) -> Result<(), Wrong> {
    fn span<T>(value: Option<&Spanned<T>>) -> Option<std::ops::Range<usize>> {
        value.map(Spanned::span)
    }
    let keys = [
        ("paths", Word::Dcache, span(table.paths.as_ref())),
        ("door", Word::Dcache, span(table.door.as_ref())),
        ("root", Word::Dcache, span(table.root.as_ref())),
        ("rest", Word::Dcache, span(table.rest.as_ref())),
        ("url", Word::Webdav, span(table.url.as_ref())),
        ("buckets", Word::S3, span(table.buckets.as_ref())),
        ("endpoint", Word::S3, span(table.endpoint.as_ref())),
        ("region", Word::S3, span(table.region.as_ref())),
        ("path_style", Word::S3, span(table.path_style.as_ref())),
        ("requester_pays", Word::S3, span(table.requester_pays.as_ref())),
        ("credentials", Word::S3, span(table.credentials.as_ref())),
        ("hosts", Word::Sas, span(table.hosts.as_ref())),
        ("sign", Word::Sas, span(table.sign.as_ref())),
    ];
    if let (Some(key), Word::S3 | Word::Sas) = (&table.third_party, *table.kind.get_ref()) {
        return Err((
            key.span(),
            "`third_party` is a key of stores of the kinds `dcache` and `webdav`".to_owned(),
        ));
    }
    for (key, owner, span) in keys {
        if let Some(span) = span.filter(|_| owner != *table.kind.get_ref()) {
            let owner = match owner {
                Word::Dcache => "dcache",
                Word::Webdav => "webdav",
                Word::S3 => "s3",
                Word::Sas => "sas",
            };
            return Err((span, format!("`{key}` is a key of stores of kind `{owner}`")));
        }
    }
    Ok(())
}

/// An http address; `dav` and `davs` are other words for `http` and `https`.
fn address(text: Spanned<String>) -> Result<Url, Wrong> {
    let (span, text) = (text.span(), text.into_inner());
    let wrong = |what: &str| (span.clone(), format!("`{}`: {what}", secret::shown_text(&text)));
    let plain = match text.split_once("://") {
        Some(("davs", rest)) => format!("https://{rest}"),
        Some(("dav", rest)) => format!("http://{rest}"),
        _ => text.clone(),
    };
    let url: Url = plain.parse().map_err(|_| wrong("not an address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("not an http, https, dav or davs address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err((
            span,
            "no user or password may stand in an address; `auth` says where they are".to_owned(),
        ));
    }
    Ok(url)
}

/// The way to a credential for a door.
fn door_auth(auth: &AuthTable, name: &str, files: &Files<'_>) -> Result<Auth, String> {
    let path = |p: &String| files.path(p);
    let ways = [
        auth.bearer_env.clone().map(Auth::BearerEnv),
        auth.bearer_file.as_ref().map(|p| Auth::BearerFile(path(p))),
        auth.macaroon_file.as_ref().map(|p| Auth::BearerFile(path(p))),
        auth.rclone.as_ref().map(|p| {
            let remote = auth.remote.clone().unwrap_or_else(|| name.to_owned());
            Auth::Rclone { file: path(p), remote }
        }),
        match (auth.user_env.clone(), auth.password_env.clone()) {
            (Some(user), Some(password)) => Some(Auth::BasicEnv { user, password }),
            (None, None) => None,
            _ => return Err("`user_env` and `password_env` go together".to_owned()),
        },
    ];
    if auth.profile.is_some() || auth.access_key_env.is_some() || auth.secret_key_env.is_some() {
        return Err("`profile`, `access_key_env` and `secret_key_env` are for stores of kind `s3`".to_owned());
    }
    one(ways.into_iter().flatten().collect()).map(Option::unwrap_or_default)
}

/// The way to the keys of an S3 service.
fn service_keys(auth: AuthTable, name: &str, files: &Files<'_>) -> Result<ServiceKeys, String> {
    if auth.bearer_env.is_some() || auth.bearer_file.is_some() || auth.macaroon_file.is_some() {
        return Err("an S3 store has keys, no tokens".to_owned());
    }
    let ways = [
        auth.anonymous.filter(|yes| *yes).map(|_| ServiceKeys::Anonymous),
        auth.profile.map(ServiceKeys::Profile),
        auth.rclone.map(|p| ServiceKeys::Rclone {
            file: files.path(&p),
            remote: auth.remote.unwrap_or_else(|| name.to_owned()),
        }),
        match (auth.access_key_env, auth.secret_key_env) {
            (Some(id), Some(secret)) => {
                Some(ServiceKeys::Variables { id, secret, token: auth.session_token_env })
            }
            (None, None) => None,
            _ => return Err("`access_key_env` and `secret_key_env` go together".to_owned()),
        },
    ];
    one(ways.into_iter().flatten().collect()).map(Option::unwrap_or_default)
}

fn one<T>(mut ways: Vec<T>) -> Result<Option<T>, String> {
    match ways.len() {
        0 | 1 => Ok(ways.pop()),
        n => Err(format!("{n} ways to a credential; one is needed")),
    }
}

/// The known name nearest to the unknown one that a parser complains of.
fn nearest(message: &str) -> Option<String> {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    let near = names.min_by_key(|k| strsim::damerau_levenshtein(unknown, k))?;
    (strsim::damerau_levenshtein(unknown, near) <= unknown.len().max(3) / 2).then(|| near.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::NamedStores;
    use super::*;

    fn read(text: &str) -> Result<NamedStores, String> {
        let environment = Environment::of([("HOME", "/users/me")]);
        NamedStores::from_toml(Path::new("conf/stores.toml"), text, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn finds_the_store_that_a_location_belongs_to() {
        let stores = read(
            "[all]\nkind = \"dcache\"\ndoor = \"https://a:2880\"\n\
             [mine]\nkind = \"dcache\"\npaths = [\"pnfs/x/mine\"]\ndoor = \"https://b\"\nauth = { bearer_file = \"~/t\" }\n\
             [drive]\nkind = \"webdav\"\nurl = \"davs://d/dav/\"\nauth = { bearer_file = \"t\" }\n\
             [objects]\nkind = \"s3\"\nbuckets = [\"b\"]\nendpoint = \"http://127.0.0.1:1\"\nauth = { anonymous = true }\n\
             [planetary]\nkind = \"sas\"\nhosts = [\"*.blob.core.windows.net\"]\nsign = \"https://pc/token\"\n\
             [exact]\nkind = \"sas\"\nhosts = [\"a.blob.core.windows.net\"]\nsign = \"https://other/token\"\n\
             [rclone]\nkind = \"webdav\"\nurl = \"davs://r\"\nauth = { rclone = \"r.conf\", remote = \"far\" }\n",
        )
        .unwrap();
        let name = |store: Option<&std::sync::Arc<NamedStore>>| store.map(|s| s.name.clone());
        assert_eq!(name(stores.dcache("/pnfs/x/mine/f").unwrap()).as_deref(), Some("mine"));
        assert_eq!(name(stores.dcache("/pnfs/x/mine2/f").unwrap()).as_deref(), Some("all"));
        let url = |text: &str| -> Url { text.parse().unwrap() };
        assert_eq!(name(stores.webdav(&url("https://d/dav/f"))).as_deref(), Some("drive"));
        assert_eq!(name(stores.webdav(&url("https://d/davs"))), None);
        assert_eq!(name(stores.webdav(&url("https://a:2880/x"))).as_deref(), Some("all"));
        assert_eq!(name(stores.s3("b").unwrap()).as_deref(), Some("objects"));
        assert_eq!(name(stores.s3("c").unwrap()), None);
        let mine = stores.dcache("/pnfs/x/mine/f").unwrap().unwrap();
        assert_eq!(mine.auth, Auth::BearerFile("/users/me/t".into()));
        assert_eq!(stores.webdav(&url("https://d/dav/f")).unwrap().auth, Auth::BearerFile("conf/t".into()));
        let rclone = Auth::Rclone { file: "conf/r.conf".into(), remote: "far".into() };
        assert_eq!(stores.webdav(&url("https://r/f")).unwrap().auth, rclone);
        let sas = |text: &str| stores.sas(&url(text)).map(|(store, _)| store.name.clone());
        assert_eq!(sas("https://a.blob.core.windows.net/c/b").as_deref(), Some("exact"));
        assert_eq!(sas("https://b.blob.core.windows.net/c/b").as_deref(), Some("planetary"));
        assert_eq!(sas("https://b.blob.core.windows.net/c/b?sig=mine"), None);
        assert_eq!(
            format!("{stores:?}"),
            r#"{"all", "drive", "exact", "mine", "objects", "planetary", "rclone"}"#
        );
    }

    #[test]
    fn of_two_stores_that_a_location_may_belong_to_none_is_taken() {
        let stores = read(
            "[surf]\nkind = \"dcache\"\ndoor = \"https://a\"\n\
             [desy]\nkind = \"dcache\"\ndoor = \"https://b\"\n\
             [mine]\nkind = \"dcache\"\npaths = [\"/pnfs/mine\"]\ndoor = \"https://c\"\n\
             [one]\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:1\"\n\
             [other]\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:2\"\n",
        )
        .unwrap();
        assert_eq!(stores.dcache("/pnfs/x").err(), Some(["desy", "surf"]));
        assert_eq!(stores.dcache("/pnfs/mine/x").unwrap().unwrap().name, "mine");
        assert_eq!(stores.s3("b").err(), Some(["one", "other"]));
    }

    #[test]
    fn names_file_line_and_the_nearest_key() {
        let unknown = read("[a]\nkind = \"dcache\"\ndoor = \"https://a\"\npath = [\"/x\"]\n").unwrap_err();
        assert!(unknown.starts_with("conf/stores.toml:4:1: unknown field `path`"), "{unknown}");
        assert!(unknown.ends_with("hint: did you mean `paths`?"), "{unknown}");
        let kind = read("[a]\nkind = \"dcahce\"\n").unwrap_err();
        assert!(kind.contains(":2:") && kind.ends_with("did you mean `dcache`?"), "{kind}");
        let auth = read("[a]\nkind = \"s3\"\nauth = { profil = \"x\" }\n").unwrap_err();
        assert!(auth.contains(":3:") && auth.ends_with("did you mean `profile`?"), "{auth}");
    }

    #[test]
    fn reads_the_example_of_the_readme() {
        let readme = include_str!("../../../../README.md");
        let example = readme.split("```").find(|block| block.starts_with("toml\n[surf]")).unwrap();
        let stores = read(example.trim_start_matches("toml")).unwrap();
        let names = r#"{"drive", "lpdaac", "objects", "planetary", "surf"}"#;
        assert_eq!(format!("{stores:?}"), names);
    }

    #[test]
    fn refuses_what_can_not_be_meant() {
        for (text, line, word) in [
            ("[a]\nkind = \"dcache\"\n", 2, "[a]: `door` is missing"),
            (
                "[a]\nkind = \"webdav\"\nurl = \"davs://h\"\nregion = \"x\"\n",
                4,
                "`region` is a key of stores of kind `s3`",
            ),
            ("[a]\nkind = \"webdav\"\nurl = \"ftp://h\"\n", 3, "not an http"),
            ("[a]\nkind = \"webdav\"\nurl = \"davs://me:s3cret@h\"\n", 3, "no user or password"),
            ("[a]\nkind = \"webdav\"\nurl = \"davs://h\"\nauth = { user_env = \"U\" }\n", 4, "go together"),
            (
                "[a]\nkind = \"webdav\"\nurl = \"davs://h\"\nauth = { bearer_env = \"U\", bearer_file = \"x\" }\n",
                4,
                "2 ways",
            ),
            ("[a]\nkind = \"webdav\"\nurl = \"davs://h\"\nauth = { profile = \"U\" }\n", 4, "kind `s3`"),
            ("[a]\nkind = \"s3\"\nauth = { bearer_env = \"U\" }\n", 3, "no tokens"),
            ("[a]\nkind = \"s3\"\ncredentials = \"https://h/s3credentials\"\n", 3, "`buckets`"),
            (
                "[a]\nkind = \"s3\"\nbuckets = [\"b\"]\ncredentials = \"https://h/c\"\nauth = { anonymous = true }\n",
                4,
                "one is needed",
            ),
            (
                "[a]\nkind = \"s3\"\nbuckets = [\"b\"]\ncredentials = \"h?token=s3cret\"\n",
                4,
                "not an address",
            ),
            ("[a]\nkind = \"webdav\"\nurl = \"davs://h\"\nsign = \"https://h\"\n", 4, "kind `sas`"),
            ("[a]\nkind = \"sas\"\nsign = \"https://h\"\n", 2, "`hosts` is missing"),
            ("[a]\nkind = \"sas\"\nhosts = [\"*.h.org\"]\n", 2, "`sign` is missing"),
            ("[a]\nkind = \"sas\"\nhosts = [\n\"h\",\n\"*.org\"]\nsign = \"https://h\"\n", 5, "strangers"),
            ("[a]\nkind = \"sas\"\nhosts = [\"h\"]\nsign = \"https://h\"\nca = \"x\"\n", 1, "neither"),
            ("[a]\nkind = \"s3\"\nthird_party = true\n", 3, "kinds `dcache` and `webdav`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(&format!("stores.toml:{line}:")) && error.contains(word), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
