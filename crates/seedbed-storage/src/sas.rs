//! Shared access signatures of Azure Blob Storage, lent by a service such as Planetary Computer's
//! (<https://planetarycomputer.microsoft.com/docs/concepts/sas/>): a token for each container, appended to the
//! query of what is read from it.

use crate::lease::{Lease, Lent};
use crate::secret::Secret;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Origin, Url};

/// How long before its end a token is renewed.
const MARGIN: Duration = Duration::from_secs(60);

/// The hosts that a signing service has tokens for.
pub(crate) struct Signing {
    /// Which hosts.
    pub(crate) hosts: Vec<Pattern>,
    /// Where `<account>/<container>` has its token.
    pub(crate) sign: Url,
}

/// Hosts as a `stores.toml` names them: `*.blob.core.windows.net`, `account.blob.core.windows.net`,
/// `127.0.0.1:10000`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Whether a name stands before the host.
    any_account: bool,
    host: String,
    port: Option<u16>,
}

/// A container of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Container {
    account: String,
    name: String,
}

/// A container that is read with tokens.
pub(crate) struct Signed {
    container: Container,
    origin: Origin,
    pub(crate) token: Lease<Secret>,
}

impl Pattern {
    /// Reads a pattern; what is wrong with it if it is none.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let (any_account, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let url: Url = format!("blob://{rest}").parse().map_err(|_| "not a host")?;
        let plain = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
        let host =
            url.host_str().filter(|h| plain && !h.is_empty() && !h.contains('*') && !rest.contains('@'));
        let host =
            host.ok_or("not a host, such as `account.blob.core.windows.net` or `*.blob.core.windows.net`")?;
        if any_account && !host.contains('.') {
            return Err("a `*` for so many hosts would send tokens to strangers");
        }
        Ok(Self { any_account, host: host.to_ascii_lowercase(), port: url.port() })
    }

    /// Whether the host of an address is one of these. Without TLS, only this very machine is.
    fn has(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let safe = url.scheme() == "https" || is_loopback(url);
        let named = match host.strip_suffix(&self.host) {
            Some(before) if self.any_account => {
                before.strip_suffix('.').is_some_and(|a| !a.is_empty() && !a.contains('.'))
            }
            Some(before) => before.is_empty(),
            None => false,
        };
        let port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        safe && named && port
    }
}

impl Signing {
    /// How well these hosts fit an address that is to be signed; none if they don't, or if it is signed already.
    pub(crate) fn fits(&self, url: &Url) -> Option<usize> {
        if url.query_pairs().any(|(name, _)| name == "sig") || Container::of(url).is_none() {
            return None;
        }
        let fitting = self.hosts.iter().filter(|pattern| pattern.has(url));
        fitting.map(|pattern| pattern.host.len() + usize::from(!pattern.any_account)).max()
    }

    /// The container of an address, with the tokens of this store for it.
    pub(crate) fn signed(&self, store: &str, url: &Url) -> Option<Signed> {
        let container = Container::of(url)?;
        let mut giver = self.sign.clone();
        giver.path_segments_mut().ok()?.pop_if_empty().extend([&container.account, &container.name]);
        let token = Lease::new(store, giver, MARGIN, read);
        Some(Signed { container, origin: url.origin(), token })
    }
}

impl Container {
    /// The container that an address is in. The account is the host's first name or, where the host is a number, the
    /// path's first, as emulators have it (IP-style, <https://learn.microsoft.com/azure/storage/common/storage-use-azurite>).
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let mut names = url.path_segments()?;
        let account = match url.host()? {
            Host::Domain(host) => host.split('.').next()?,
            Host::Ipv4(_) | Host::Ipv6(_) => names.next()?,
        };
        let name = names.next()?;
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'$'))
        };
        (is_name(account) && is_name(name))
            .then(|| Self { account: account.to_owned(), name: name.to_owned() })
    }
}

impl Signed {
    /// What no other container has: its address.
    pub(crate) fn name(&self) -> String {
        format!("{} {}/{}", self.origin.ascii_serialization(), self.container.account, self.container.name)
    }

    /// Whether an address is in the container.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.origin && Container::of(url).as_ref() == Some(&self.container)
    }

    /// The address with a token.
    pub(crate) fn with(token: &Arc<Secret>, url: &Url) -> Url {
        let query = url.query().filter(|q| !q.is_empty()).map_or_else(String::new, |q| format!("{q}&"));
        let mut url = url.clone();
        url.set_query(Some(&format!("{query}{}", token.0)));
        url
    }
}

/// Whether an address is one of this very machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Reads `{"msft:expiry": "…", "token": "…"}`.
fn read(body: &[u8]) -> Result<Lent<Secret>, &'static str> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "msft:expiry")]
        expiry: String,
        token: String,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| "answered with no token")?;
    let ends: Timestamp = answer.expiry.parse().map_err(|_| "does not say when its token expires")?;
    let token = answer.token.trim_start_matches('?');
    let plain = token.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if !plain || !token.split('&').any(|pair| pair.starts_with("sig=")) {
        return Err("answered with a token that is no query with a signature");
    }
    Ok(Lent { thing: Secret(token.to_owned()), ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn signing(hosts: &[&str]) -> Signing {
        let hosts = hosts.iter().map(|h| Pattern::read(h).unwrap()).collect();
        Signing { hosts, sign: url("https://pc.example.org/api/sas/v1/token/") }
    }

    #[test]
    fn signs_what_its_hosts_have_and_nothing_else() {
        let own = signing(&["*.blob.core.windows.net", "one.example.org:8443", "127.0.0.1:10000"]);
        for text in [
            "https://a.blob.core.windows.net/c/b",
            "https://A.blob.core.windows.net:443/c/b?x=1",
            "https://one.example.org:8443/c/b",
            "http://127.0.0.1:10000/a/c/b",
        ] {
            assert!(own.fits(&url(text)).is_some(), "{text}");
        }
        for text in [
            "http://a.blob.core.windows.net/c/b",
            "https://a.b.blob.core.windows.net/c/b",
            "https://blob.core.windows.net/c/b",
            "https://evilblob.core.windows.net/c/b",
            "https://a.blob.core.windows.net.evil.org/c/b",
            "https://a.blob.core.windows.net:444/c/b",
            "https://a.blob.core.windows.net/",
            "https://a.blob.core.windows.net/c/b?se=1&sig=x",
            "https://one.example.org/c/b",
            "http://127.0.0.1:10000/a",
            "http://127.0.0.2:10000/a/c/b",
        ] {
            assert_eq!(own.fits(&url(text)), None, "{text}");
        }
        for text in ["*", "*.net", "a.*.org", "https://h", "h/x", "me@h", "", "h:x", "*.", "h?x"] {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_for_its_container_alone() {
        let own = signing(&["*.blob.core.windows.net"]);
        let signed = own.signed("pc", &url("https://a.blob.core.windows.net/c/b?x=1")).unwrap();
        assert!(signed.owns(&url("https://a.blob.core.windows.net/c/other")));
        for other in ["https://a.blob.core.windows.net/d/b", "https://b.blob.core.windows.net/c/b"] {
            assert!(!signed.owns(&url(other)), "{other}");
        }
        let token = Arc::new(Secret("se=2&sig=a%2Fb%3D".to_owned()));
        let with = |text: &str| Signed::with(&token, &url(text)).to_string();
        assert_eq!(with("https://h/c/b"), "https://h/c/b?se=2&sig=a%2Fb%3D");
        assert_eq!(with("https://h/c/b?x=1"), "https://h/c/b?x=1&se=2&sig=a%2Fb%3D");
    }

    #[test]
    fn reads_a_token_and_repeats_nothing_of_what_is_none() {
        let lent = read(br#"{"msft:expiry":"2026-01-02T03:04:05Z","token":"st=1&sig=x"}"#).unwrap();
        assert_eq!((lent.thing.0.as_str(), lent.ends.as_second()), ("st=1&sig=x", 1_767_323_045));
        for text in [
            "<html>log in</html>",
            r#"{"msft:expiry":"soon","token":"sig=s3cret"}"#,
            r#"{"msft:expiry":"2026-01-02T03:04:05Z","token":"s3cret"}"#,
            r#"{"msft:expiry":"2026-01-02T03:04:05Z","token":"sig=s3cret#"}"#,
        ] {
            let error = read(text.as_bytes()).err().unwrap();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
