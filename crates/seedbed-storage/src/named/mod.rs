//! Named stores: the doors, accounts and credentials that the user's `stores.toml` describes.

mod document;
mod error;

pub use error::StoresFileError;

use crate::StorageError;
use crate::auth::{self, Auth};
use crate::environment::Environment;
use crate::http::Trust;
use crate::identity::{Door, Identity};
use crate::lease::Lease;
use crate::s3::{Account, KeySource, Keys, Known};
use crate::sas::Signing;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// The stores of a `stores.toml`.
///
/// ```toml
/// [surf]                                   # a dCache: dcache://pnfs/grid.sara.nl/data/project/…
/// kind = "dcache"
/// paths = ["/pnfs/grid.sara.nl/data/project"]
/// door = "https://webdav.grid.surfsara.nl:2880"
/// rest = "https://dcacheview.grid.surfsara.nl:22880/api/v1"
/// ca = "/etc/grid-security/certificates"
/// auth = { macaroon_file = "~/macaroon.dat" }
///
/// [drive]                                  # a WebDAV server: davs://drive.example.org/remote.php/dav/…
/// kind = "webdav"
/// url = "davs://drive.example.org/remote.php/dav"
/// auth = { user_env = "DRIVE_USER", password_env = "DRIVE_PASSWORD" }
///
/// [objects]                                # an S3 service: s3://project/…
/// kind = "s3"
/// buckets = ["project"]
/// endpoint = "https://objects.example.org"
/// auth = { profile = "objects" }
///
/// [lpdaac]                                 # a DAAC's buckets, with the temporary keys that it lends
/// kind = "s3"
/// buckets = ["lp-prod-protected"]
/// region = "us-west-2"
/// credentials = "https://data.lpdaac.earthdatacloud.nasa.gov/s3credentials"
///
/// [planetary]                              # https://….blob.core.windows.net/…, with tokens
/// kind = "sas"
/// hosts = ["*.blob.core.windows.net"]
/// sign = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
/// ```
///
/// No secret stands in the file: `auth` says where one is (`bearer_env`, `bearer_file`, `macaroon_file`,
/// `user_env` with `password_env`, `x509_proxy`, `rclone` with `remote`; for S3 `profile`,
/// `access_key_env` with `secret_key_env` and `session_token_env`, `rclone` with `remote`, or `anonymous = true`).
/// A store of the kinds `dcache` and `webdav` without `auth`, for which netrc has no login either, is shown the token
/// of the environment, as the WLCG's discovery finds it: `BEARER_TOKEN`, the file that `BEARER_TOKEN_FILE` names, or
/// `bt_u` with the user's number in `XDG_RUNTIME_DIR` or `/tmp`. Addresses `https://…` of a door are asked as `davs://…`.
/// Paths count from the file's folder, `~` is the home folder. `rclone` is a configuration of rclone's, `remote` one
/// in it (by default of the store's name): of a WebDAV remote the `bearer_token` is taken, or `user` and `pass`.
///
/// `credentials` is asked, with what [`crate::Credentials`] has for its host, before the first request to the
/// store's buckets and minutes before the keys expire; they sign for those buckets and for no other. `sign` is asked
/// for `<account>/<container>` likewise, a minute before the token expires or when it is refused; the token is a
/// part of requests to that container alone. Addresses that have a `sig` of their own are read by that. A host is
/// one account's, or any account's (`*.`), and may have a port; without TLS, only this machine's own are.
///
/// `rest` is the address of a dCache's REST interface, up to and with `/api/v1`: by it [`crate::Stores::locality`]
/// and [`crate::Stores::stage`] ask for files on tape, with the same credential as at the door.
///
/// With `third_party = true` in two stores of the kinds `dcache` and `webdav`, the server that a file is copied to
/// is asked to fetch it from the other one by itself, so that its bytes don't pass through this machine. It is given
/// the other store's credential for that; without the key in both, a credential is shown to its own server alone.
#[derive(Clone, Default)]
pub struct NamedStores(Vec<Arc<NamedStore>>);

/// One of them.
pub(crate) struct NamedStore {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) auth: Auth,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) proxy: Option<PathBuf>,
    /// Whether its credential may be shown to another server that has this set, for it to fetch a file.
    pub(crate) third_party: bool,
}

/// What it is, and what belongs to it.
pub(crate) enum Kind {
    /// A dCache.
    Dcache {
        /// The name space's paths that belong to it; none: all.
        paths: Vec<String>,
        /// The door that serves them.
        door: Url,
        /// What of a path the door leaves out.
        root: String,
        /// Where its REST interface is.
        rest: Option<Url>,
    },
    /// Addresses below this one.
    Webdav { url: Url },
    /// Buckets (none: all) of a service.
    S3 { buckets: Vec<String>, service: Service },
    /// Blobs that are read with tokens.
    Sas(Signing),
}

/// An S3 service as a file describes it.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) path_style: Option<bool>,
    pub(crate) requester_pays: Option<bool>,
    pub(crate) keys: ServiceKeys,
}

/// Where an S3 service's keys are.
#[derive(Default)]
pub(crate) enum ServiceKeys {
    /// In the usual variables and files.
    #[default]
    Environment,
    Anonymous,
    Profile(String),
    Variables {
        id: String,
        secret: String,
        token: Option<String>,
    },
    Rclone {
        file: PathBuf,
        remote: String,
    },
    /// Temporary ones are lent at this address.
    Lent(Url),
}

impl NamedStores {
    /// Reads a `stores.toml`.
    ///
    /// # Errors
    /// [`StoresFileError`] if it can't be read, or with file, line and column for a mistake in it.
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, StoresFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| StoresFileError::Read { path: path.to_owned(), source })?;
        Self::from_toml(path, &text, environment)
    }

    /// Reads such a file's text; `path` stands for it in messages.
    ///
    /// # Errors
    /// As [`NamedStores::read`].
    pub fn from_toml(path: &Path, text: &str, environment: &Environment) -> Result<Self, StoresFileError> {
        document::read(path, text, environment).map(|stores| Self(stores.into_iter().map(Arc::new).collect()))
    }

    /// The dCache store with the longest path above this one.
    ///
    /// # Errors
    /// The names of two that are as near.
    pub(crate) fn dcache(&self, path: &str) -> Result<Option<&Arc<NamedStore>>, [&str; 2]> {
        let length = |store: &NamedStore| match &store.kind {
            Kind::Dcache { paths, .. } if paths.is_empty() => Some(0),
            Kind::Dcache { paths, .. } => {
                paths.iter().filter(|p| below(path, p).is_some()).map(|p| p.len() + 1).max()
            }
            _ => None,
        };
        self.only(length)
    }

    /// The WebDAV store with the longest address above this one.
    pub(crate) fn webdav(&self, url: &Url) -> Option<&Arc<NamedStore>> {
        let length = |store: &NamedStore| match &store.kind {
            Kind::Webdav { url: above } if above.origin() == url.origin() => {
                below(url.path(), above.path().trim_end_matches('/')).map(|_| above.path().len() + 1)
            }
            // Of several at one door, that to whose paths it belongs.
            Kind::Dcache { door, root, paths, .. } if door.origin() == url.origin() => {
                let path = format!("{root}{}", percent_decode_str(url.path()).decode_utf8_lossy());
                Some(paths.iter().filter(|p| below(&path, p).is_some()).map(String::len).max().unwrap_or(0))
            }
            _ => None,
        };
        self.longest(length)
    }

    /// The S3 store that names this bucket, else one that names none.
    ///
    /// # Errors
    /// The names of two that do.
    pub(crate) fn s3(&self, bucket: &str) -> Result<Option<&Arc<NamedStore>>, [&str; 2]> {
        let length = |store: &NamedStore| match &store.kind {
            Kind::S3 { buckets, .. } if buckets.is_empty() => Some(0),
            Kind::S3 { buckets, .. } => buckets.iter().any(|b| b == bucket).then_some(1),
            _ => None,
        };
        self.only(length)
    }

    /// The store that has tokens for an address, and what it signs.
    pub(crate) fn sas(&self, url: &Url) -> Option<(&NamedStore, &Signing)> {
        let store = self.longest(|store| match &store.kind {
            Kind::Sas(signing) => signing.fits(url),
            _ => None,
        })?;
        match &store.kind {
            Kind::Sas(signing) => Some((store, signing)),
            _ => None,
        }
    }

    /// The one that is the nearest; an error if two are.
    fn only(
        &self,
        length: impl Fn(&NamedStore) -> Option<usize>,
    ) -> Result<Option<&Arc<NamedStore>>, [&str; 2]> {
        let Some(found) = self.longest(&length) else { return Ok(None) };
        let alike = |other: &&Arc<NamedStore>| other.name != found.name && length(other) == length(found);
        match self.0.iter().find(alike) {
            Some(other) => Err([&other.name, &found.name]),
            None => Ok(Some(found)),
        }
    }

    fn longest(&self, length: impl Fn(&NamedStore) -> Option<usize>) -> Option<&Arc<NamedStore>> {
        let found = self.0.iter().filter_map(|store| Some((length(store)?, store)));
        found.max_by_key(|(n, _)| *n).map(|(_, store)| store)
    }
}

impl fmt::Debug for NamedStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|s| &s.name)).finish()
    }
}

impl NamedStore {
    /// Who we are at its door.
    pub(crate) fn identity(&self, door: &Url, environment: &Environment) -> Identity {
        let identity = Door::new(door, self.auth.clone(), environment.clone(), self.trust());
        let has_none = self.auth == Auth::None && self.proxy.is_none();
        Identity::Door(if has_none { identity.discovering() } else { identity })
    }

    fn trust(&self) -> Option<Trust> {
        let any = self.ca.is_some() || self.proxy.is_some();
        any.then(|| Trust::new(self.ca.clone(), self.proxy.clone()))
    }
}

impl Service {
    /// The account at this service that a bucket is read by. `lease` has the keys that a store is lent at an address.
    pub(crate) fn account(
        &self,
        store: &NamedStore,
        bucket: &str,
        environment: &Environment,
        lease: impl FnOnce(&Url) -> Arc<Lease<Keys>>,
    ) -> Result<Account, StorageError> {
        let lent = match &self.keys {
            ServiceKeys::Lent(giver) => Some(lease(giver)),
            _ => None,
        };
        let keys = match &self.keys {
            ServiceKeys::Environment => Known::of(environment)?,
            ServiceKeys::Anonymous | ServiceKeys::Lent(_) => Known::default(),
            ServiceKeys::Profile(name) => Known::of_profile(environment, name)?,
            ServiceKeys::Rclone { file, remote } => Known::of_rclone(&auth::rclone_remote(file, remote)?),
            ServiceKeys::Variables { id, secret, token } => {
                let value = |name: &String| {
                    let what = "the environment variable is not set".to_owned();
                    environment
                        .get(name)
                        .ok_or_else(|| StorageError::Configuration { at: name.clone(), what })
                };
                let token = token.as_ref().map(value).transpose()?;
                Known::with_keys(value(id)?, value(secret)?, token)
            }
        };
        let said = Known {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            requester_pays: self.requester_pays,
            keys: None,
        };
        let account = Account { trust: store.trust(), ..said.or(keys).account()? };
        Ok(match lent {
            None => account,
            Some(lease) => Account { keys: KeySource::Lent(lease), only: Some(bucket.to_owned()), ..account },
        })
    }
}

/// What of `path` is below `folder`, if it is there.
pub(crate) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest.starts_with('/') || folder.is_empty()).then_some(rest)
}
