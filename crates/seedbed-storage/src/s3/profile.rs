//! The S3 account that the environment and the files of `~/.aws` describe.

use super::account::{Account, amazon};
use super::keys::{KeySource, Keys};
use crate::StorageError;
use crate::environment::Environment;
use crate::ini::{self, Sections};
use crate::secret::{self, Secret};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// What is known of an account before the defaults fill it up.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) path_style: Option<bool>,
    pub(crate) requester_pays: Option<bool>,
    pub(crate) keys: Option<Keys>,
}

/// The keys of one profile, those of the credentials file before those of the configuration.
struct Profile(BTreeMap<String, String>);

impl Known {
    /// What the environment says, and the profile that it names (`AWS_PROFILE`, else `default`).
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | the keys |
    /// | `AWS_REGION`, `AWS_DEFAULT_REGION` | the region |
    /// | `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | another service than Amazon's |
    /// | `AWS_VIRTUAL_HOSTING` | `TRUE`: the bucket is a part of the host |
    /// | `AWS_NO_SIGN_REQUEST` | `YES`: anonymous |
    /// | `AWS_REQUEST_PAYER` | `requester`: we pay |
    pub(crate) fn of(environment: &Environment) -> Result<Self, StorageError> {
        let get = |name: &str| environment.get(name);
        let profile = Profile::read(environment, get("AWS_PROFILE").as_deref())?;
        let keys = match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                Some(Keys { id, secret: Secret(secret), token: get("AWS_SESSION_TOKEN").map(Secret) })
            }
            _ => profile.keys(),
        };
        let anonymous = get("AWS_NO_SIGN_REQUEST").is_some_and(|v| is_yes(&v));
        let known = Self {
            endpoint: get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL")),
            region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
            path_style: get("AWS_VIRTUAL_HOSTING").map(|v| !is_yes(&v)),
            requester_pays: get("AWS_REQUEST_PAYER").map(|v| v.eq_ignore_ascii_case("requester")),
            keys: keys.filter(|_| !anonymous),
        };
        Ok(known.or(profile.known()))
    }

    /// What a profile of the files of `~/.aws` says.
    pub(crate) fn of_profile(environment: &Environment, name: &str) -> Result<Self, StorageError> {
        let profile = Profile::read(environment, Some(name))?;
        Ok(Self { keys: profile.keys(), ..profile.known() })
    }

    /// What a remote of an rclone configuration says.
    pub(crate) fn of_rclone(keys: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| keys.get(name).filter(|v| !v.is_empty()).cloned();
        let pair = get("access_key_id").zip(get("secret_access_key"));
        Self {
            endpoint: get("endpoint").map(|e| if e.contains("://") { e } else { format!("https://{e}") }),
            region: get("region"),
            path_style: get("force_path_style").map(|v| is_yes(&v)),
            requester_pays: get("requester_pays").map(|v| is_yes(&v)),
            keys: pair.map(|(id, secret)| Keys {
                id,
                secret: Secret(secret),
                token: get("session_token").map(Secret),
            }),
        }
    }

    /// Nothing but keys.
    pub(crate) fn with_keys(id: String, secret: String, token: Option<String>) -> Self {
        Self { keys: Some(Keys { id, secret: Secret(secret), token: token.map(Secret) }), ..Self::default() }
    }

    /// This, and where it says nothing, the other.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(other.endpoint),
            region: self.region.or(other.region),
            path_style: self.path_style.or(other.path_style),
            requester_pays: self.requester_pays.or(other.requester_pays),
            keys: self.keys.or(other.keys),
        }
    }

    /// The account: Amazon's service in `us-east-1` where nothing else is said.
    pub(crate) fn account(self) -> Result<Account, StorageError> {
        let region = self.region.unwrap_or_else(|| "us-east-1".to_owned());
        let own = self.endpoint.is_some();
        let text = self.endpoint.unwrap_or_else(|| amazon(&region));
        let at = secret::shown_text(&text);
        let wrong = |what: &str| StorageError::Configuration { at: at.clone(), what: what.to_owned() };
        let endpoint: Url = text.parse().map_err(|_| wrong("the S3 endpoint is no address"))?;
        let has_user = !endpoint.username().is_empty() || endpoint.password().is_some();
        if !matches!(endpoint.scheme(), "http" | "https") || has_user {
            return Err(wrong("the S3 endpoint must be an http or https address without a user"));
        }
        Ok(Account {
            endpoint,
            region,
            path_style: self.path_style.unwrap_or(own),
            keys: self.keys.map_or(KeySource::None, |keys| KeySource::Own(Arc::new(keys))),
            only: None,
            requester_pays: self.requester_pays.unwrap_or(false),
            trust: None,
        })
    }
}

impl Profile {
    /// The named profile, or the default one, which need not be there.
    fn read(environment: &Environment, name: Option<&str>) -> Result<Self, StorageError> {
        let sections = |variable: &str, file: &str| -> (Option<PathBuf>, Sections) {
            let path = environment.get(variable).map(PathBuf::from).or_else(|| environment.home(file));
            let text = path.as_ref().and_then(|p| std::fs::read_to_string(p).ok());
            (path, ini::read(&text.unwrap_or_default()))
        };
        let (_, mut credentials) = sections("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let (path, mut config) = sections("AWS_CONFIG_FILE", ".aws/config");
        let wanted = name.unwrap_or("default");
        let in_config = config.remove(&format!("profile {wanted}"));
        let in_config = in_config.or_else(|| config.remove(wanted).filter(|_| wanted == "default"));
        let in_credentials = credentials.remove(wanted);
        if name.is_some() && in_config.is_none() && in_credentials.is_none() {
            let at = path.map_or_else(|| "~/.aws".to_owned(), |p| p.display().to_string());
            let what = format!("there is no AWS profile `{wanted}`");
            return Err(StorageError::Configuration { at, what });
        }
        let mut keys = in_config.unwrap_or_default();
        keys.extend(in_credentials.unwrap_or_default());
        Ok(Self(keys))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|v| !v.is_empty()).cloned()
    }

    fn keys(&self) -> Option<Keys> {
        let (id, secret) = (self.get("aws_access_key_id")?, self.get("aws_secret_access_key")?);
        Some(Keys { id, secret: Secret(secret), token: self.get("aws_session_token").map(Secret) })
    }

    /// All but the keys.
    fn known(&self) -> Known {
        Known {
            endpoint: self.get("s3.endpoint_url").or_else(|| self.get("endpoint_url")),
            region: self.get("region"),
            path_style: self.get("s3.addressing_style").map(|style| style == "path"),
            requester_pays: None,
            keys: None,
        }
    }
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "on", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(environment: &Environment) -> Account {
        Known::of(environment).unwrap().account().unwrap()
    }

    fn keys(account: Account) -> Option<Keys> {
        match account.keys {
            KeySource::Own(keys) => Some((*keys).clone()),
            _ => None,
        }
    }

    #[test]
    fn is_anonymous_at_amazon_where_nothing_is_said() {
        let account = account(&Environment::of([]));
        assert_eq!(account.endpoint.as_str(), "https://s3.us-east-1.amazonaws.com/");
        assert!(!account.path_style && !account.requester_pays && keys(account).is_none());
    }

    #[test]
    fn takes_variables_before_the_profile_and_the_profile_before_the_defaults() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(
            home.path().join(".aws/credentials"),
            "[default]\naws_access_key_id = A\naws_secret_access_key = S\n[surf]\naws_access_key_id=B\naws_secret_access_key=T\naws_session_token=U\n",
        )
        .unwrap();
        std::fs::write(
            home.path().join(".aws/config"),
            "[default]\nregion = eu-north-1\n[profile surf]\nendpoint_url = https://objects.example.org\ns3 =\n  addressing_style = virtual\n",
        )
        .unwrap();
        let home = home.path().to_str().unwrap();
        let plain = account(&Environment::of([("HOME", home)]));
        assert_eq!((plain.region.clone().as_str(), keys(plain).unwrap().id.as_str()), ("eu-north-1", "A"));
        let surf = account(&Environment::of([("HOME", home), ("AWS_PROFILE", "surf")]));
        assert_eq!((surf.endpoint.as_str(), surf.path_style), ("https://objects.example.org/", false));
        assert_eq!(keys(surf).unwrap().token.unwrap().0, "U");
        let over = account(&Environment::of([
            ("HOME", home),
            ("AWS_ACCESS_KEY_ID", "C"),
            ("AWS_SECRET_ACCESS_KEY", "V"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
            ("AWS_REGION", "r"),
            ("AWS_REQUEST_PAYER", "requester"),
        ]));
        assert_eq!((over.region.as_str(), over.path_style, over.requester_pays), ("r", true, true));
        let over = keys(over).unwrap();
        assert!(over.id == "C" && over.token.is_none());
        let unsigned = account(&Environment::of([("HOME", home), ("AWS_NO_SIGN_REQUEST", "YES")]));
        assert!(keys(unsigned).is_none());
        let error = Known::of(&Environment::of([("HOME", home), ("AWS_PROFILE", "nil")])).err().unwrap();
        assert!(error.to_string().contains("no AWS profile `nil`"), "{error}");
    }

    #[test]
    fn an_endpoint_with_a_user_is_refused_without_showing_it() {
        for endpoint in [
            "https://me:s3cret@h.org",
            "https://:s3cret@h.org",
            "ftp://me:s3cret@h.org",
            "http://me:s3c/ret@h",
        ] {
            let environment = Environment::of([("AWS_ENDPOINT_URL", endpoint)]);
            let error = Known::of(&environment).unwrap().account().err().unwrap();
            let text = format!("{error} {error:?}");
            assert!(text.contains("***@h") && !text.contains("s3c"), "{text}");
        }
    }
}
