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
const SECRET_WORDS: [&str; 17] = [
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

/// Whether a query parameter of this name carries a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['-', '_', '.', ':']);
    words.any(|word| SECRET_WORDS.contains(&word) || word.ends_with("token") || word.ends_with("apikey"))
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

/// The same for a text that is no address yet.
pub(crate) fn shown_text(text: &str) -> String {
    let text = text.split_once(['?', '#']).map_or(text, |(before, _)| before);
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn replaces_the_values_that_sign_and_keeps_the_others() {
        let signed =
            url("https://h/x?se=2026&sig=abc%3D&X-Amz-Security-Token=t&x=1&access_token=u&dataset=a/b");
        assert_eq!(
            redacted(&signed).as_str(),
            "https://h/x?se=2026&sig=REDACTED&X-Amz-Security-Token=REDACTED&x=1&access_token=REDACTED&dataset=a/b"
        );
        assert!(!is_secret("design") && !is_secret("keyword") && !is_secret("page_num"));
        assert!(is_secret("X-Goog-Signature") && is_secret("Subscription-Key") && is_secret("idToken"));
    }

    #[test]
    fn shows_neither_user_nor_query() {
        assert_eq!(shown(&url("https://me:pw@h/x?sig=1#f")), "https://h/x?…");
        assert_eq!(shown_text("ftp://me:pw@h/x?sig=1"), "ftp://h/x");
        assert_eq!(shown_text("gs://u@h"), "gs://h");
    }
}
