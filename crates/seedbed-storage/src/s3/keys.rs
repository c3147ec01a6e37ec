//! The keys that requests to an S3 service are signed with.

use crate::lease::{Lease, Lent};
use crate::secret::Secret;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long before their end temporary keys are renewed.
const MARGIN: Duration = Duration::from_secs(300);

/// The keys of an account.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    /// Of temporary keys.
    pub(crate) token: Option<Secret>,
}

/// Where an account has its keys from.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// It has none: requests are anonymous.
    None,
    /// They are known.
    Own(Arc<Keys>),
    /// They are lent for a while.
    Lent(Arc<Lease<Keys>>),
}

/// The temporary keys that `store` is lent at an address, as the DAACs' `/s3credentials` have them
/// (<https://data.lpdaac.earthdatacloud.nasa.gov/s3credentialsREADME>).
pub(crate) fn lent_keys(store: &str, giver: Url) -> Lease<Keys> {
    Lease::new(store, giver, MARGIN, read)
}

/// Reads `{"accessKeyId": "…", "secretAccessKey": "…", "sessionToken": "…", "expiration": "…"}`.
fn read(body: &[u8]) -> Result<Lent<Keys>, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        expiration: String,
    }
    // Who is not logged in, or has not agreed to the terms, is sent to a page that says so.
    let answer: Answer = serde_json::from_slice(body).map_err(|_| "answered with no keys")?;
    let ends: Timestamp = answer.expiration.parse().map_err(|_| "does not say when its keys expire")?;
    if answer.access_key_id.is_empty() || answer.secret_access_key.is_empty() {
        return Err("answered with empty keys");
    }
    let token = Some(answer.session_token).filter(|t| !t.is_empty()).map(Secret);
    Ok(Lent {
        thing: Keys { id: answer.access_key_id, secret: Secret(answer.secret_access_key), token },
        ends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_and_repeats_nothing_of_what_are_none() {
        let text = r#"{"accessKeyId":"ASIA","secretAccessKey":"s","sessionToken":"t","expiration":"2026-01-01 12:00:00+00:00"}"#;
        let lent = read(text.as_bytes()).unwrap();
        let keys = lent.thing;
        assert_eq!(
            (keys.id.as_str(), keys.secret.0.as_str(), keys.token.unwrap().0.as_str()),
            ("ASIA", "s", "t")
        );
        assert_eq!(lent.ends.as_second(), 1_767_268_800);
        for wrong in [
            "<html>log in</html>".to_owned(),
            text.replace("accessKeyId", "AccessKeyId"),
            text.replace("2026-01-01 12", "s3cret"),
            text.replace("ASIA", ""),
        ] {
            assert!(!read(wrong.as_bytes()).err().unwrap().contains("s3cret"));
        }
    }
}
