//! What of an address may be shown.

use std::fmt;
use url::Url;

/// A text that is never printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Words of a query parameter's name that mean its value is a secret.
const SECRET_WORDS: [&str; 18] = [
    "jwt",
    "sig",
    "signature",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "credential",
    "credentials",
    "auth",
    "authz",
    "authorization",
    "apikey",
    "key",
    "code",
    "policy",
    "macaroon",
];

/// What such words may end in. An access key's id, as signed addresses of S3 and Google have it, tells whose they are.
const ENDINGS: [&str; 4] = ["token", "apikey", "accesskeyid", "accessid"];

/// Whether a query parameter of this name carries a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['-', '_', '.', ':']);
    words.any(|word| SECRET_WORDS.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end)))
}

/// The first query parameter of an address that carries a secret; none of what is no address.
///
/// # Examples
/// ```
/// use seedbed_storage::secret_parameter;
/// assert_eq!(secret_parameter("https://host/x.tif?v=2&sig=s3cret"), Some("sig".to_owned()));
/// assert_eq!(secret_parameter("https://host/x.tif?product_code=7"), None);
/// ```
#[must_use]
pub fn secret_parameter(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    // These are as often of a product, and harmless.
    let doubtful = |name: &str| name.ends_with("code") || name.ends_with("policy");
    let mut names = url.query_pairs().map(|(name, _)| name.into_owned());
    names.find(|name| is_secret(name) && !doubtful(&name.to_ascii_lowercase()))
}

/// The address with every secret value replaced.
pub(crate) fn redacted(url: &Url) -> Url {
    let Some(query) = url.query() else { return url.clone() };
    let mut parts = Vec::new();
    for part in query.split('&') {
        match part.split_once('=') {
            Some((name, _)) if is_secret(name) => parts.push(format!("{name}=REDACTED")),
            _ => parts.push(part.to_owned()),
        }
    }
    let mut url = url.clone();
    url.set_query(Some(&parts.join("&")));
    url
}

/// The address for messages: no user, no password, no query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let had_query = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for addresses that can have neither.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    format!("{url}{}", if had_query { "?…" } else { "" })
}

/// The same, with a mark where a user or a password stood.
pub(crate) fn marked(url: &Url) -> String {
    let text = shown(url);
    let has_any = !url.username().is_empty() || url.password().is_some();
    match text.split_once("://").filter(|_| has_any) {
        Some((scheme, rest)) => format!("{scheme}://{HIDDEN}{rest}"),
        None => text,
    }
}

/// What stands for a user and a password.
const HIDDEN: &str = "***@";

/// A text that may be an address, as it may be shown: `***@` for a user and a password, and no query.
///
/// # Examples
/// ```
/// use seedbed_storage::shown_text;
/// assert_eq!(shown_text("http://me:s3cret@host/x.tif?sig=s3cret"), "http://***@host/x.tif");
/// assert_eq!(shown_text("../x@2.tif"), "../x@2.tif");
/// ```
#[must_use]
pub fn shown_text(text: &str) -> String {
    let text = text.trim_start();
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let scheme = text.split_once(':').map_or(0, |(s, _)| if s.chars().all(letter) { s.len() + 1 } else { 0 });
    let after = text[scheme..].trim_start_matches(['/', '\\']);
    if scheme == 0 && !text.starts_with("//") {
        return without_query(text).to_owned();
    }
    let (scheme, rest) = text.split_at(text.len() - after.len());
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let rest = if let Some(user) = authority.rfind('@') {
        Some(&rest[user + 1..])
    } else {
        // A password with a slash in it looks like a port that is none.
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        let odd = !authority.starts_with('[') && !port.bytes().all(|b| b.is_ascii_digit());
        rest.rfind('@').filter(|_| odd).map(|user| &rest[user + 1..])
    }
    .map_or_else(|| without_query(rest).to_owned(), |rest| format!("{HIDDEN}{}", without_query(rest)));
    format!("{scheme}{rest}")
}

fn without_query(text: &str) -> &str {
    text.split_once(['?', '#']).map_or(text, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn replaces_the_values_that_sign_and_keeps_the_others() {
        let signed = url(
            "https://h/x?se=2026&sig=abc%3D&X-Amz-Security-Token=t&x=1&access_token=u&dataset=a/b&AWSAccessKeyId=k",
        );
        assert_eq!(
            redacted(&signed).as_str(),
            "https://h/x?se=2026&sig=REDACTED&X-Amz-Security-Token=REDACTED&x=1&access_token=REDACTED&dataset=a/b&AWSAccessKeyId=REDACTED"
        );
        assert!(!is_secret("design") && !is_secret("keyword") && !is_secret("page_num"));
        assert!(is_secret("X-Goog-Signature") && is_secret("Subscription-Key") && is_secret("idToken"));
    }

    #[test]
    fn shows_neither_user_nor_query() {
        assert_eq!(shown(&url("https://me:pw@h/x?sig=1#f")), "https://h/x?…");
        assert_eq!(marked(&url("https://me:pw@h/x?sig=1#f")), "https://***@h/x?…");
        assert_eq!(marked(&url("https://h/a@b")), "https://h/a@b");
        for (text, shown) in [
            ("ftp://me:pw@h/x?sig=1", "ftp://***@h/x"),
            ("gs://u@h", "gs://***@h"),
            ("s3://AK:pw@b/x@y", "s3://***@b/x@y"),
            ("//me:pw@h/x", "//***@h/x"),
            ("http://me:p@w@h/x", "http://***@h/x"),
            ("http://me:p/w@h/x", "http://***@h/x"),
            ("http://me:p?w#@h/x", "http://***@h/x"),
            ("http://h:80/a@b", "http://h:80/a@b"),
            ("http://[::1]:x/a", "http://[::1]:x/a"),
            ("https:me:pw@h/x", "https:***@h/x"),
            ("me:pw@h", "me:***@h"),
            ("a@b/c?d", "a@b/c"),
            ("./a:b@c", "./a:b@c"),
        ] {
            assert_eq!(shown_text(text), shown);
        }
    }
}
