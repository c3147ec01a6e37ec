//! Who we are to a store's own host.

use crate::StorageError;
use crate::auth::Auth;
use crate::bearer;
use crate::environment::Environment;
use crate::http::{Headers, Http, Method, Trust};
use crate::s3::{Account, KeySource, Keys};
use crate::sas::{Signed, is_loopback};
use crate::secret::Secret;
use std::sync::Arc;
use url::{Origin, Url};

/// Who we are to the hosts of one store, and to no other host.
pub(crate) enum Identity {
    /// An account of an S3 service: requests are signed.
    Aws(Arc<Account>),
    /// A WebDAV server or dCache door: requests carry a credential.
    Door(Door),
    /// A container that is read with tokens.
    Signed(Signed),
}

/// What one request is signed with.
pub(crate) enum Grant {
    /// Nothing.
    None,
    /// An account's keys.
    Keys(Arc<Keys>),
    /// A query that is appended.
    Token(Arc<Secret>),
}

/// A WebDAV server or a dCache door.
pub(crate) struct Door {
    origin: Origin,
    auth: Auth,
    environment: Environment,
    trust: Option<Trust>,
    /// Whether the token of the environment serves, if there is no other credential.
    discovers: bool,
}

impl Door {
    /// The door at the origin of `url`; `trust` also holds for the pools that it redirects to.
    pub(crate) fn new(url: &Url, auth: Auth, environment: Environment, trust: Option<Trust>) -> Self {
        Self { origin: url.origin(), auth, environment, trust, discovers: false }
    }

    /// The same, where the token of the environment serves if there is no other credential.
    pub(crate) fn discovering(self) -> Self {
        Self { discovers: true, ..self }
    }
}

impl Identity {
    /// Whether headers of a request may go to this address.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        match self {
            Self::Aws(account) => account.owns(url),
            Self::Door(door) => url.origin() == door.origin,
            Self::Signed(signed) => signed.owns(url),
        }
    }

    /// What a request to this address is to be signed with; fetched, if it is not at hand.
    pub(crate) async fn grant(&self, http: &Http, url: &Url) -> Result<Grant, StorageError> {
        Ok(match self {
            _ if !self.owns(url) => Grant::None,
            Self::Aws(account) => match &account.keys {
                KeySource::None => Grant::None,
                KeySource::Own(keys) => Grant::Keys(Arc::clone(keys)),
                KeySource::Lent(lease) => Grant::Keys(lease.get(http).await?),
            },
            Self::Door(_) => Grant::None,
            Self::Signed(signed) => Grant::Token(signed.token.get(http).await?),
        })
    }

    /// Whether a grant still serves.
    pub(crate) fn holds(&self, grant: &Grant) -> bool {
        match (self, grant) {
            (Self::Aws(account), Grant::Keys(keys)) => match &account.keys {
                KeySource::Lent(lease) => lease.holds(keys),
                _ => true,
            },
            (Self::Signed(signed), Grant::Token(token)) => signed.token.holds(token),
            _ => true,
        }
    }

    /// Whether there may be a better grant than this one, which a server refused.
    pub(crate) fn replaces(&self, grant: &Grant) -> bool {
        match (self, grant) {
            (Self::Signed(signed), Grant::Token(token)) => {
                signed.token.refused(token);
                true
            }
            _ => false,
        }
    }

    /// The `Authorization` for an address of the store.
    pub(crate) fn authorization(&self, url: &Url) -> Result<Option<String>, StorageError> {
        match self {
            Self::Door(door) if self.owns(url) => door.auth.authorization(&door.environment),
            _ => Ok(None),
        }
    }

    /// The same of the environment, for those that have none of their own. Without TLS, only this very machine is shown it.
    pub(crate) fn discovered(&self, url: &Url) -> Result<Option<String>, StorageError> {
        let safe = url.scheme() == "https" || is_loopback(url);
        match self {
            Self::Door(door) if door.discovers && safe && self.owns(url) => {
                Ok(bearer::discovered(&door.environment)?.map(|token| format!("Bearer {token}")))
            }
            _ => Ok(None),
        }
    }

    /// Whether it is one of a WebDAV server or a dCache door.
    pub(crate) fn is_door(&self) -> bool {
        matches!(self, Self::Door(_))
    }

    /// The address as it is asked, by this grant.
    pub(crate) fn signed(
        &self,
        grant: &Grant,
        method: Method,
        url: &Url,
        headers: &[(String, String)],
    ) -> Url {
        match (self, grant) {
            (Self::Aws(account), Grant::Keys(keys)) => account.signed(keys, method, url, headers),
            (Self::Signed(_), Grant::Token(token)) => Signed::with(token, url),
            _ => url.clone(),
        }
    }

    /// The address to ask instead, if an answer says that the bucket is in another region.
    pub(crate) fn moved(&self, url: &Url, headers: &Headers) -> Option<Url> {
        match self {
            Self::Aws(account) => account.moved(url, headers),
            Self::Door(_) | Self::Signed(_) => None,
        }
    }

    /// The certificates that hold for the store's servers.
    pub(crate) fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Aws(account) => account.trust.as_ref(),
            Self::Door(door) => door.trust.as_ref(),
            Self::Signed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_the_environment_goes_to_the_door_over_tls_or_on_this_machine() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let door =
            |at: &str| Door::new(&url(at), Auth::None, Environment::of([("BEARER_TOKEN", "s3cret")]), None);
        let shown = |door: Door, to: &str| Identity::Door(door).discovered(&url(to)).unwrap();
        let token = Some("Bearer s3cret".to_owned());
        assert_eq!(shown(door("https://h.org:2880").discovering(), "https://h.org:2880/x"), token);
        assert_eq!(shown(door("http://127.0.0.1:1").discovering(), "http://127.0.0.1:1/x"), token);
        assert_eq!(shown(door("http://h.org").discovering(), "http://h.org/x"), None);
        assert_eq!(shown(door("https://h.org:2880").discovering(), "https://h.org/x"), None);
        assert_eq!(shown(door("https://h.org").discovering(), "https://pool.h.org/x"), None);
        assert_eq!(shown(door("https://h.org"), "https://h.org/x"), None);
    }
}
