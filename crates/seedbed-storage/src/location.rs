//! Where bytes are.

use crate::secret;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use url::Url;

/// The address of a file or a folder, in one of the closed set of schemes.
///
/// | written | variant |
/// |---|---|
/// | `data/x.nc`, `/data/x.nc`, `file:///data/x.nc` | [`Location::Local`] |
/// | `https://host/x.nc`, `http://…` | [`Location::Http`] |
/// | `s3://bucket/key` | [`Location::S3`] |
/// | `davs://host/path`, `dav://…` | [`Location::Dav`] |
/// | `dcache://pnfs/path` | [`Location::Dcache`] |
///
/// [`Display`](fmt::Display) writes what [`FromStr`] reads, with one exception: the values of query
/// parameters that carry a secret (`sig`, `X-Amz-Signature`, `token`, …) are
/// written as `REDACTED`, so that a signed address can't reach a log, an item
/// or an error. The address that works is [`Location::Http`]'s own [`Url`].
///
/// # Examples
/// ```
/// use seedbed_storage::Location;
/// let item: Location = "https://host/a/item.json".parse()?;
/// assert_eq!(item.resolve("../b/x.tif")?.to_string(), "https://host/b/x.tif");
/// assert_eq!(item.parent().unwrap().join("x y.tif").to_string(), "https://host/a/x%20y.tif");
/// # Ok::<(), seedbed_storage::LocationError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Location {
    /// A path of this machine, as given: relative ones stay relative.
    Local(PathBuf),
    /// An `http` or `https` address without user, password or fragment.
    Http(Url),
    /// An object of an S3 bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, without a leading slash; empty for the bucket itself.
        key: String,
    },
    /// A `davs` (or `dav`) address without user, password or fragment.
    Dav(Url),
    /// A path in a dCache name space, with its leading slash; the door belongs to a named store.
    Dcache(String),
}

/// A string that is no [`Location`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was written.
    #[error("a location is empty")]
    Empty,
    /// The scheme is none of the known ones.
    #[error("{at}: the scheme `{scheme}` is not known (a path, file, http, https, s3, dav, davs or dcache)")]
    Scheme {
        /// What was written.
        at: String,
        /// Its scheme.
        scheme: String,
    },
    /// The address does not parse.
    #[error("{at}: not an address")]
    Url {
        /// What was written.
        at: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// A `file` address of another machine, or one that is no path.
    #[error("{at}: not a path of this machine")]
    File {
        /// What was written.
        at: String,
    },
    /// A user or password stands in the address.
    #[error(
        "{at}: an address must not hold a user, a password or a key; their place is ~/.netrc, the environment or \
         what a stores.toml names"
    )]
    UserInfo {
        /// The address with `***` for them.
        at: String,
    },
    /// An `s3` address without a bucket, or a `dcache` one without a path.
    #[error("{at}: {missing} is missing")]
    Incomplete {
        /// What was written.
        at: String,
        /// What is missing.
        missing: &'static str,
    },
}

impl Location {
    /// Whether it is a path of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// The path, if it is one of this machine.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            _ => None,
        }
    }

    /// The scheme's name: `file`, `http`, `https`, `s3`, `dav`, `davs` or `dcache`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        match self {
            Self::Local(_) => "file",
            Self::Http(url) | Self::Dav(url) => url.scheme(),
            Self::S3 { .. } => "s3",
            Self::Dcache(_) => "dcache",
        }
    }

    /// The last name as it stands in the address (percent signs included), without a query.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        let name = match self {
            Self::Local(path) => path.file_name()?.to_str()?,
            Self::Http(url) | Self::Dav(url) => last_name(url.path()),
            Self::S3 { key, .. } => last_name(key),
            Self::Dcache(path) => last_name(path),
        };
        (!name.is_empty()).then_some(name)
    }

    /// The folder it is in, without a query; `None` at a root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Local(path) => {
                let parent = path.parent()?;
                let here = parent.as_os_str().is_empty();
                Some(Self::Local(if here { PathBuf::from(".") } else { parent.to_owned() }))
            }
            Self::Http(url) => Some(Self::Http(parent_url(url)?)),
            Self::Dav(url) => Some(Self::Dav(parent_url(url)?)),
            Self::S3 { bucket, key } => {
                let key = parent_names(key)?.to_owned();
                Some(Self::S3 { bucket: bucket.clone(), key })
            }
            Self::Dcache(path) => {
                let parent = parent_names(path.trim_start_matches('/'))?;
                (!parent.is_empty()).then(|| Self::Dcache(format!("/{parent}")))
            }
        }
    }

    /// This folder's member at `names`, which are literal names divided by `/`.
    ///
    /// A name of an address is percent-encoded as needed, `.` and empty names
    /// are skipped, `..` goes up (never above the root), a query is dropped.
    /// For a link that somebody wrote, see [`Location::resolve`].
    #[must_use]
    pub fn join(&self, names: &str) -> Self {
        let names = names.split('/').filter(|n| !n.is_empty() && *n != ".");
        match self {
            Self::Local(path) => {
                let mut path = path.clone();
                for name in names {
                    push_component(&mut path, name);
                }
                Self::Local(path)
            }
            Self::Http(url) => Self::Http(join_url(url, names)),
            Self::Dav(url) => Self::Dav(join_url(url, names)),
            Self::S3 { bucket, key } => Self::S3 { bucket: bucket.clone(), key: join_names(key, names) },
            Self::Dcache(path) => {
                Self::Dcache(format!("/{}", join_names(path.trim_start_matches('/'), names)))
            }
        }
    }

    /// What a link means that stands in the document at this location.
    ///
    /// Absolute links are parsed; relative ones are taken from the document's
    /// folder, for addresses by the rules of RFC 3986.
    ///
    /// # Errors
    /// [`LocationError`] if the link is no location.
    pub fn resolve(&self, link: &str) -> Result<Self, LocationError> {
        let link = unpadded(link);
        if link.is_empty() {
            return Err(LocationError::Empty);
        }
        if scheme_of(link).is_some() {
            return link.parse();
        }
        // An address without a scheme means nothing here, but may have a password all the same.
        if !matches!(self, Self::Http(_) | Self::Dav(_))
            && let Some(rest) = link.strip_prefix("//")
        {
            no_user(link, rest.split('/').next().unwrap_or_default())?;
        }
        match self {
            Self::Http(url) => join_link(url, link).and_then(checked).map(Self::Http),
            Self::Dav(url) => join_link(url, link).and_then(checked).map(Self::Dav),
            Self::Local(_) if link.starts_with('/') => Ok(Self::Local(PathBuf::from(link))),
            Self::S3 { bucket, .. } if link.starts_with('/') => {
                Ok(Self::S3 { bucket: bucket.clone(), key: link.trim_start_matches('/').to_owned() })
            }
            Self::Dcache(_) if link.starts_with('/') => Ok(Self::Dcache(link.to_owned())),
            Self::Local(path) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                Ok(Self::Local(folder).join(link))
            }
            _ => Ok(self.parent().unwrap_or_else(|| self.clone()).join(link)),
        }
    }

    /// The `./…` or `../…` link that leads from a document in `folder` to here, within one root.
    #[must_use]
    pub fn relative_to(&self, folder: &Self) -> Option<String> {
        let (root, names) = self.normalise().root_and_names()?;
        let (other, base) = folder.normalise().root_and_names()?;
        if root != other || base.iter().any(|n| n == "..") {
            return None;
        }
        let common = names.iter().zip(&base).take_while(|(a, b)| a == b).count();
        let ups = base.len() - common;
        let mut link = if ups == 0 { "./".to_owned() } else { "../".repeat(ups) };
        link.push_str(&names[common..].join("/"));
        Some(link)
    }

    /// The literal names that lead from a folder down to here, divided by `/`: what [`Location::join`] takes. None if
    /// this isn't below the folder.
    #[must_use]
    pub fn names_within(&self, folder: &Self) -> Option<String> {
        let (root, names) = self.normalise().root_and_names()?;
        let (other, base) = folder.normalise().root_and_names()?;
        let below = names.strip_prefix(&base[..]).filter(|below| root == other && !below.is_empty())?;
        let literal = |name: &String| match self {
            Self::Http(_) | Self::Dav(_) => percent_decode_str(name).decode_utf8().ok().map(Cow::into_owned),
            _ => Some(name.clone()),
        };
        Some(below.iter().map(literal).collect::<Option<Vec<_>>>()?.join("/"))
    }

    /// The same place without `.`, `..` and doubled or trailing slashes, lexically: links of the file
    /// system are not looked at. Addresses are in this form except for trailing slashes, which they keep.
    #[must_use]
    pub fn normalise(&self) -> Self {
        match self {
            Self::Local(path) => Self::Local(normalise_path(path)),
            Self::Http(_) | Self::Dav(_) => self.clone(),
            Self::S3 { bucket, key } => {
                Self::S3 { bucket: bucket.clone(), key: join_names("", key.split('/')) }
            }
            Self::Dcache(path) => Self::Dcache(format!("/{}", join_names("", path.split('/')))),
        }
    }

    /// The same place with an absolute, normalised path.
    ///
    /// # Errors
    /// If the working directory can't be told.
    pub fn absolute(&self) -> std::io::Result<Self> {
        match self {
            Self::Local(path) => Ok(Self::Local(normalise_path(&std::path::absolute(path)?))),
            other => Ok(other.normalise()),
        }
    }

    /// How it is shown in messages: without any query.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Http(url) | Self::Dav(url) => secret::shown(url),
            other => other.to_string(),
        }
    }

    fn root_and_names(&self) -> Option<(String, Vec<String>)> {
        let split = |text: &str| -> Vec<String> {
            text.split('/').filter(|n| !n.is_empty()).map(str::to_owned).collect()
        };
        match self {
            Self::Local(path) => {
                let root = if path.is_absolute() { "/" } else { "" };
                let names = path.components().filter_map(|c| match c {
                    Component::Normal(name) => Some(name.to_str().map(str::to_owned)),
                    Component::ParentDir => Some(Some("..".to_owned())),
                    _ => None,
                });
                Some((root.to_owned(), names.collect::<Option<_>>()?))
            }
            Self::Http(url) | Self::Dav(url) => {
                Some((url[..url::Position::BeforePath].to_owned(), split(url.path())))
            }
            Self::S3 { bucket, key } => Some((bucket.clone(), split(key))),
            Self::Dcache(path) => Some((String::new(), split(path))),
        }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let text = unpadded(text);
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        let Some(scheme) = scheme_of(text) else { return Ok(Self::Local(PathBuf::from(text))) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let file = || LocationError::File { at: secret::shown_text(text) };
                let url = parse_url(text)?;
                url.to_file_path().map(Self::Local).map_err(|()| file())
            }
            "http" | "https" => Ok(Self::Http(checked(parse_url(text)?)?)),
            "dav" | "davs" => {
                let url = checked(parse_url(text)?)?;
                if url.host_str().is_none_or(str::is_empty) {
                    return Err(LocationError::Incomplete { at: secret::shown(&url), missing: "the host" });
                }
                Ok(Self::Dav(url))
            }
            "s3" => {
                let rest = after_scheme(text, scheme);
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                no_user(text, bucket)?;
                // A key of an account, whose secret part may have slashes before its `@`.
                if bucket.contains(':') {
                    return Err(LocationError::UserInfo { at: "s3://***".to_owned() });
                }
                if bucket.is_empty() {
                    return Err(LocationError::Incomplete {
                        at: secret::shown_text(text),
                        missing: "the bucket",
                    });
                }
                Ok(Self::S3 { bucket: bucket.to_owned(), key: key.trim_start_matches('/').to_owned() })
            }
            "dcache" => {
                let path = after_scheme(text, scheme).trim_start_matches('/');
                no_user(text, path.split('/').next().unwrap_or_default())?;
                if path.is_empty() {
                    return Err(LocationError::Incomplete {
                        at: secret::shown_text(text),
                        missing: "the path",
                    });
                }
                Ok(Self::Dcache(format!("/{path}")))
            }
            _ => Err(LocationError::Scheme { at: secret::shown_text(text), scheme: scheme.to_owned() }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => {
                let text = path.to_string_lossy();
                // A path that reads as an address is written so that it reads as a path.
                if scheme_of(unpadded(&text)).is_some() {
                    write!(f, "./")?;
                }
                f.write_str(&text)
            }
            Self::Http(url) | Self::Dav(url) => f.write_str(secret::redacted(url).as_str()),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Dcache(path) => write!(f, "dcache:/{path}"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

impl TryFrom<String> for Location {
    type Error = LocationError;

    fn try_from(text: String) -> Result<Self, LocationError> {
        text.parse()
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Local(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Local(path.to_owned())
    }
}

/// An address without blanks before it, which mean nothing; a path as it is.
fn unpadded(text: &str) -> &str {
    let unpadded = text.trim_start_matches(|c: char| c <= ' ');
    if scheme_of(unpadded).is_some() { unpadded } else { text }
}

/// The scheme of `scheme://…` (and of `file:/…`); paths have none.
fn scheme_of(text: &str) -> Option<&str> {
    if text.get(..6).is_some_and(|t| t.eq_ignore_ascii_case("file:/")) {
        return text.get(..4);
    }
    let (scheme, _) = text.split_once("://")?;
    let mut letters = scheme.chars();
    let valid = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    valid.then_some(scheme)
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> &'a str {
    &text[scheme.len() + "://".len()..]
}

fn parse_url(text: &str) -> Result<Url, LocationError> {
    Url::parse(text).map_err(|source| LocationError::Url { at: secret::shown_text(text), source })
}

fn join_link(url: &Url, link: &str) -> Result<Url, LocationError> {
    url.join(link).map_err(|source| LocationError::Url { at: secret::shown_text(link), source })
}

fn checked(mut url: Url) -> Result<Url, LocationError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LocationError::UserInfo { at: secret::marked(&url) });
    }
    url.set_fragment(None);
    Ok(url)
}

/// Refuses what stands before an `@` where other schemes have the host.
fn no_user(text: &str, authority: &str) -> Result<(), LocationError> {
    if authority.contains('@') {
        return Err(LocationError::UserInfo { at: secret::shown_text(text) });
    }
    Ok(())
}

fn last_name(names: &str) -> &str {
    let names = names.trim_end_matches('/');
    names.rsplit_once('/').map_or(names, |(_, name)| name)
}

fn parent_names(names: &str) -> Option<&str> {
    let names = names.trim_end_matches('/');
    if names.is_empty() {
        return None;
    }
    Some(names.rsplit_once('/').map_or("", |(parent, _)| parent))
}

/// The folder's address ends in a slash, so that links resolve within it.
fn parent_url(url: &Url) -> Option<Url> {
    let parent = parent_names(url.path().trim_start_matches('/'))?;
    let path = if parent.is_empty() { "/".to_owned() } else { format!("/{parent}/") };
    let mut url = url.clone();
    url.set_query(None);
    url.set_path(&path);
    Some(url)
}

fn join_url<'a>(url: &Url, names: impl Iterator<Item = &'a str>) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        for name in names {
            if name == ".." {
                path.pop();
            } else {
                path.push(name);
            }
        }
    }
    url
}

fn join_names<'a>(base: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = base.split('/').filter(|n| !n.is_empty()).collect();
    for name in names {
        match name {
            "" | "." => {}
            ".." => {
                all.pop();
            }
            name => all.push(name),
        }
    }
    all.join("/")
}

fn push_component(path: &mut PathBuf, name: &str) {
    if name != ".." {
        path.push(name);
        return;
    }
    match path.components().next_back() {
        Some(Component::Normal(_)) => {
            path.pop();
        }
        Some(Component::RootDir | Component::Prefix(_)) => {}
        Some(Component::CurDir) => *path = PathBuf::from(".."),
        Some(Component::ParentDir) | None => path.push(".."),
    }
}

fn normalise_path(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => push_component(&mut out, ".."),
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}
