//! An account of an S3 service: where it is, who we are there, and how requests are signed.

use super::keys::{KeySource, Keys};
use crate::http::{Headers, Method, Trust};
use jiff::Timestamp;
use rusty_s3::{Bucket, UrlStyle, signing};
use url::Url;

/// How long a signature is good, in seconds. Each attempt is signed afresh; the server looks when it starts.
const GOOD_FOR: u64 = 3600;

/// The domain of Amazon's own service, where a bucket's region is a part of its host.
const AMAZON: &str = ".amazonaws.com";

/// An account of an S3 service.
pub(crate) struct Account {
    /// The service's address.
    pub(crate) endpoint: Url,
    /// Its region, or the first guess at it.
    pub(crate) region: String,
    /// Whether the bucket stands in the path, not in the host.
    pub(crate) path_style: bool,
    pub(crate) keys: KeySource,
    /// The one bucket that the keys are for, if they are not for all.
    pub(crate) only: Option<String>,
    /// Whether we pay for what we read.
    pub(crate) requester_pays: bool,
    pub(crate) trust: Option<Trust>,
}

impl Account {
    /// The address of an object, or of the bucket itself if the key is empty.
    pub(crate) fn address(&self, bucket: &str, key: &str) -> Result<Url, String> {
        // A certificate for `*.s3.….amazonaws.com` does not cover a dot in the bucket's name.
        let path_style = self.path_style || bucket.contains('.');
        let style = if path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let named = Bucket::new(self.endpoint.clone(), style, bucket.to_owned(), self.region.clone());
        Ok(named.map_err(|e| e.to_string())?.object_url(key))
    }

    /// Whether an address is the service's, and of the bucket that the keys are for.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        self.serves(url) && self.only.as_deref().is_none_or(|bucket| names(url, bucket))
    }

    fn serves(&self, url: &Url) -> bool {
        let (Some(host), Some(endpoint)) = (url.host_str(), self.endpoint.host_str()) else { return false };
        if url.scheme() != self.endpoint.scheme() {
            return false;
        }
        if endpoint.ends_with(AMAZON) {
            return host.ends_with(AMAZON) && url.port().is_none();
        }
        let same_port = url.port_or_known_default() == self.endpoint.port_or_known_default();
        let within = host.strip_suffix(endpoint).is_some_and(|h| h.is_empty() || h.ends_with('.'));
        same_port && within
    }

    /// The address with a signature by these keys.
    pub(crate) fn signed(&self, keys: &Keys, method: Method, url: &Url, headers: &[(String, String)]) -> Url {
        let method = match method {
            Method::Head => rusty_s3::Method::Head,
            Method::Post => rusty_s3::Method::Post,
            Method::Put => rusty_s3::Method::Put,
            Method::Delete => rusty_s3::Method::Delete,
            _ => rusty_s3::Method::Get,
        };
        let mut query: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        query.sort();
        // Amazon wants those headers of its own signed that are sent.
        let mut signed: Vec<(String, &str)> = headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
            .filter(|(name, _)| name.starts_with("x-amz-"))
            .collect();
        signed.sort();
        signing::sign(
            &Timestamp::now(),
            method,
            url.clone(),
            &keys.id,
            &keys.secret.0,
            keys.token.as_ref().map(|t| t.0.as_str()),
            region_in(url).unwrap_or(&self.region),
            GOOD_FOR,
            query.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            signed.iter().map(|(name, value)| (name.as_str(), *value)),
        )
    }

    /// The address in the region that an answer names, if it is another one.
    pub(crate) fn moved(&self, url: &Url, headers: &Headers) -> Option<Url> {
        let there = headers.get("x-amz-bucket-region")?.trim();
        let here = region_in(url)?;
        let plausible = !there.is_empty() && there.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plausible || there == here || !self.owns(url) {
            return None;
        }
        let host = url.host_str()?.replace(&format!("s3.{here}{AMAZON}"), &format!("s3.{there}{AMAZON}"));
        let mut url = url.clone();
        url.set_host(Some(&host)).ok()?;
        Some(url)
    }
}

/// Whether an address names a bucket, in its host or first in its path.
fn names(url: &Url, bucket: &str) -> bool {
    let in_host = url.host_str().is_some_and(|h| h.strip_prefix(bucket).is_some_and(|h| h.starts_with('.')));
    in_host || url.path_segments().is_some_and(|mut names| names.next() == Some(bucket))
}

/// The address of Amazon's service in a region.
pub(crate) fn amazon(region: &str) -> String {
    format!("https://s3.{region}{AMAZON}")
}

/// The region in a host of Amazon's service.
fn region_in(url: &Url) -> Option<&str> {
    let host = url.host_str()?.strip_suffix(AMAZON)?;
    let at = if host.starts_with("s3.") { 3 } else { host.rfind(".s3.")? + 4 };
    Some(&host[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn account(endpoint: &str, path_style: bool) -> Account {
        Account {
            endpoint: endpoint.parse().unwrap(),
            region: "eu-west-1".to_owned(),
            path_style,
            keys: KeySource::None,
            only: None,
            requester_pays: false,
            trust: None,
        }
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_an_object_as_the_service_wants_it() {
        let amazon = account(&amazon("eu-west-1"), false);
        let there = |bucket: &str, key: &str| amazon.address(bucket, key).unwrap().to_string();
        assert_eq!(there("b", "x/y z+ä"), "https://b.s3.eu-west-1.amazonaws.com/x/y%20z%2B%C3%A4");
        assert_eq!(there("a.b", "k"), "https://s3.eu-west-1.amazonaws.com/a.b/k");
        let own = account("http://127.0.0.1:9000", true);
        assert_eq!(own.address("b", "").unwrap().as_str(), "http://127.0.0.1:9000/b/");
        assert!(account("http://h", false).address("B_", "k").is_err());
    }

    #[test]
    fn signs_for_its_own_hosts_alone() {
        let own = account("https://s3.example.org", true);
        let keys =
            Keys { id: "ID".into(), secret: Secret("SEKRET".into()), token: Some(Secret("TOK".into())) };
        let signed = own.signed(&keys, Method::Get, &url("https://s3.example.org/b/k?list-type=2"), &[]);
        let query = signed.query().unwrap();
        assert!(query.contains("X-Amz-Signature=") && query.contains("list-type=2") && query.contains("TOK"));
        assert!(!query.contains("SEKRET"));
        for other in ["https://example.org/b/k", "https://evils3.example.org/", "http://s3.example.org/b"] {
            assert!(!own.owns(&url(other)), "{other}");
        }
        let one = Account { only: Some("b".to_owned()), ..account(&amazon("us-west-2"), false) };
        for (address, owned) in [
            ("https://b.s3.us-west-2.amazonaws.com/k", true),
            ("https://b.s3.us-east-1.amazonaws.com/k", true),
            ("https://s3.us-west-2.amazonaws.com/b/k", true),
            ("https://c.s3.us-west-2.amazonaws.com/k", false),
            ("https://c.b.s3.us-west-2.amazonaws.com/k", false),
            ("https://s3.us-west-2.amazonaws.com/c/b", false),
            ("https://b.example.org/k", false),
        ] {
            assert_eq!(one.owns(&url(address)), owned, "{address}");
        }
    }

    #[test]
    fn follows_a_bucket_into_its_region_but_out_of_amazon_never() {
        let headers = |region: &'static str| {
            let name = reqwest::header::HeaderName::from_static("x-amz-bucket-region");
            let value = reqwest::header::HeaderValue::from_static(region);
            Headers::of(&[(name, value)].into_iter().collect())
        };
        let amazon = account(&amazon("eu-west-1"), false);
        let here = url("https://b.s3.eu-west-1.amazonaws.com/k?x=1");
        let there = amazon.moved(&here, &headers("us-west-2")).unwrap();
        assert_eq!(there.as_str(), "https://b.s3.us-west-2.amazonaws.com/k?x=1");
        assert_eq!(region_in(&there), Some("us-west-2"));
        assert_eq!(amazon.moved(&here, &headers("eu-west-1")), None);
        assert_eq!(amazon.moved(&here, &headers("evil.org/")), None);
        assert_eq!(amazon.moved(&url("https://evil.org/k"), &headers("us-west-2")), None);
    }
}
