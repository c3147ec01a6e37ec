//! Who we are to which host.
//!
//! A credential belongs to hosts and goes to no other, and only over TLS.

use crate::base64;
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// The domains whose hosts take an Earthdata Login token; LP DAAC serves from the second.
const EARTHDATA: [&str; 2] = ["earthdata.nasa.gov", "earthdatacloud.nasa.gov"];

/// The host of Earthdata Login. Without a token, a data host redirects there; user and password are for it alone, and
/// its word lets us in at the data host, which then knows us by a cookie.
const LOGIN: &str = "urs.earthdata.nasa.gov";

/// Credentials by host: an Earthdata token and the entries of a netrc file.
///
/// Its `Debug` names hosts, never secrets.
#[derive(Clone, Default)]
pub struct Credentials {
    earthdata_token: Option<Secret>,
    logins: BTreeMap<String, Login>,
}

#[derive(Clone)]
struct Login {
    user: String,
    password: Secret,
}

impl Credentials {
    /// No credentials at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// `EARTHDATA_TOKEN` for the hosts of earthdata.nasa.gov and earthdatacloud.nasa.gov, `EARTHDATA_USERNAME` and
    /// `EARTHDATA_PASSWORD` for urs.earthdata.nasa.gov, and the machines of the file `NETRC` names, or of `~/.netrc`. What is not there, or can't be read, gives no credential.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        let mut credentials = Self::none();
        if let Some(token) = variable("EARTHDATA_TOKEN") {
            credentials = credentials.with_earthdata_token(token.trim());
        }
        if let (Some(user), Some(password)) = (variable("EARTHDATA_USERNAME"), variable("EARTHDATA_PASSWORD"))
        {
            let login = Login { user, password: Secret(password) };
            credentials.logins.insert(LOGIN.to_owned(), login);
        }
        let netrc = variable("NETRC")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".netrc")));
        match netrc.and_then(|path| std::fs::read_to_string(path).ok()) {
            Some(text) => credentials.with_netrc(&text),
            None => credentials,
        }
    }

    /// Adds a token for the hosts of earthdata.nasa.gov and earthdatacloud.nasa.gov.
    #[must_use]
    pub fn with_earthdata_token(mut self, token: &str) -> Self {
        self.earthdata_token = Some(Secret(token.to_owned()));
        self
    }

    /// Adds the machines of a netrc file's text. A `default` entry is left out: it would go to every host.
    #[must_use]
    pub fn with_netrc(mut self, text: &str) -> Self {
        for (host, login) in read_netrc(text) {
            self.logins.entry(host).or_insert(login);
        }
        self
    }

    /// Why what there is for an address's host is not shown to it, if so.
    pub(crate) fn withheld(&self, url: &Url) -> Option<&'static str> {
        let plain = url.scheme() == "http" && self.for_host(url).is_some();
        plain.then_some(
            "the credential that there is for this host, in ~/.netrc say, isn't used over plain http",
        )
    }

    /// The `Authorization` that belongs to this address, if there is one.
    pub(crate) fn authorization(&self, url: &Url) -> Option<String> {
        (url.scheme() == "https").then(|| self.for_host(url))?
    }

    fn for_host(&self, url: &Url) -> Option<String> {
        let host = url.host_str()?;
        if let Some(token) = &self.earthdata_token
            && EARTHDATA
                .iter()
                .any(|d| host.strip_suffix(d).is_some_and(|h| h.is_empty() || h.ends_with('.')))
        {
            return Some(format!("Bearer {}", token.0));
        }
        let login = self.logins.get(host)?;
        Some(format!("Basic {}", base64::encode(format!("{}:{}", login.user, login.password.0).as_bytes())))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.earthdata_token.as_ref().map(|_| "…");
        let hosts: Vec<&String> = self.logins.keys().collect();
        f.debug_struct("Credentials").field("earthdata_token", &token).field("logins", &hosts).finish()
    }
}

/// The machines of a netrc file: words in any layout, `macdef` up to an empty line.
fn read_netrc(text: &str) -> BTreeMap<String, Login> {
    let mut logins = BTreeMap::new();
    let mut machine: Option<(String, Option<String>, Option<String>)> = None;
    let mut in_macro = false;
    let mut finish = |machine: Option<(String, Option<String>, Option<String>)>| {
        if let Some((host, Some(user), Some(password))) = machine {
            logins.entry(host).or_insert(Login { user, password: Secret(password) });
        }
    };
    let mut expecting: Option<&str> = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            in_macro = false;
        }
        if in_macro || (expecting.is_none() && line.trim_start().starts_with('#')) {
            continue;
        }
        for word in line.split_whitespace() {
            match expecting.take() {
                Some("machine") => {
                    finish(machine.replace((word.to_ascii_lowercase(), None, None)));
                }
                Some("login") => {
                    if let Some(m) = &mut machine {
                        m.1 = Some(word.to_owned());
                    }
                }
                Some("password") => {
                    if let Some(m) = &mut machine {
                        m.2 = Some(word.to_owned());
                    }
                }
                Some(_) => {}
                None => match word {
                    "default" => finish(machine.take()),
                    "macdef" => in_macro = true,
                    "machine" => expecting = Some("machine"),
                    "login" => expecting = Some("login"),
                    "password" => expecting = Some("password"),
                    "account" => expecting = Some("account"),
                    _ => {}
                },
            }
            if in_macro {
                break;
            }
        }
    }
    finish(machine);
    logins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(credentials: &Credentials, url: &str) -> Option<String> {
        credentials.authorization(&url.parse().unwrap())
    }

    #[test]
    fn the_earthdata_token_goes_to_its_hosts_alone_and_only_over_tls() {
        let mine = Credentials::none().with_earthdata_token("T0KEN");
        let bearer = Some("Bearer T0KEN".to_owned());
        assert_eq!(authorization(&mine, "https://data.ornldaac.earthdata.nasa.gov/x"), bearer);
        assert_eq!(authorization(&mine, "https://urs.earthdata.nasa.gov/"), bearer);
        assert_eq!(authorization(&mine, "https://data.lpdaac.earthdatacloud.nasa.gov/x"), bearer);
        assert_eq!(authorization(&mine, "http://urs.earthdata.nasa.gov/"), None);
        assert_eq!(authorization(&mine, "https://evil-earthdata.nasa.gov/"), None);
        assert_eq!(authorization(&mine, "https://earthdata.nasa.gov.evil.org/"), None);
        assert_eq!(authorization(&mine, "https://bucket.s3.amazonaws.com/x"), None);
    }

    #[test]
    fn reads_netrc_in_any_layout_and_never_its_default() {
        let text = "# mine\nmachine a.org\n  login me password p#1\nmacdef init\nmachine m.org login x password y\n\n\
                    machine b.org login you account z password q default login anonymous password guest";
        let mine = Credentials::none().with_netrc(text);
        assert_eq!(
            authorization(&mine, "https://a.org/x"),
            Some(format!("Basic {}", base64::encode(b"me:p#1")))
        );
        assert_eq!(
            authorization(&mine, "https://b.org:8443/"),
            Some(format!("Basic {}", base64::encode(b"you:q")))
        );
        assert_eq!(authorization(&mine, "https://m.org/"), None);
        assert_eq!(authorization(&mine, "https://c.org/"), None);
    }

    #[test]
    fn says_that_a_login_is_not_shown_without_tls() {
        let mine = Credentials::none().with_netrc("machine h.org login b password s3cret");
        let withheld = |url: &str| mine.withheld(&url.parse().unwrap());
        assert!(withheld("http://h.org:80/x").is_some_and(|why| why.contains("~/.netrc")));
        assert_eq!((withheld("https://h.org/x"), withheld("http://other.org/x")), (None, None));
    }

    #[test]
    fn never_prints_a_secret() {
        let mine =
            Credentials::none().with_earthdata_token("T0KEN").with_netrc("machine a login b password s3cret");
        let text = format!("{mine:?}");
        assert!(!text.contains("T0KEN") && !text.contains("s3cret") && text.contains("\"a\""), "{text}");
    }
}
