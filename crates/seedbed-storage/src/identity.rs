//! Who we are to a store's own host.

use crate::StorageError;
use crate::auth::Auth;
use crate::environment::Environment;
use crate::http::{Headers, Method, Trust};
use crate::s3::Account;
use std::sync::Arc;
use url::{Origin, Url};

/// Who we are to the hosts of one store, and to no other host.
pub(crate) enum Identity {
    /// An account of an S3 service: requests are signed.
    Aws(Arc<Account>),
    /// A WebDAV server or dCache door: requests carry a credential.
    Door(Door),
}

/// A WebDAV server or a dCache door.
pub(crate) struct Door {
    origin: Origin,
    auth: Auth,
    environment: Environment,
    trust: Option<Trust>,
}

impl Door {
    /// The door at the origin of `url`; `trust` also holds for the pools that it redirects to.
    pub(crate) fn new(url: &Url, auth: Auth, environment: Environment, trust: Option<Trust>) -> Self {
        Self { origin: url.origin(), auth, environment, trust }
    }
}

impl Identity {
    /// Whether headers of a request may go to this address.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        match self {
            Self::Aws(account) => account.owns(url),
            Self::Door(door) => url.origin() == door.origin,
        }
    }

    /// The `Authorization` for an address of the store.
    pub(crate) fn authorization(&self, url: &Url) -> Result<Option<String>, StorageError> {
        match self {
            Self::Door(door) if self.owns(url) => door.auth.authorization(&door.environment),
            _ => Ok(None),
        }
    }

    /// The address with a signature, where the store wants one.
    pub(crate) fn signed(&self, method: Method, url: &Url, headers: &[(String, String)]) -> Url {
        match self {
            Self::Aws(account) => account.signed(method, url, headers),
            Self::Door(_) => url.clone(),
        }
    }

    /// The address to ask instead, if an answer says that the bucket is in another region.
    pub(crate) fn moved(&self, url: &Url, headers: &Headers) -> Option<Url> {
        match self {
            Self::Aws(account) => account.moved(url, headers),
            Self::Door(_) => None,
        }
    }

    /// The certificates that hold for the store's servers.
    pub(crate) fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Aws(account) => account.trust.as_ref(),
            Self::Door(door) => door.trust.as_ref(),
        }
    }
}
