//! When to try again, and when to stop.

use super::message::Headers;
use crate::{Settings, StorageError};
use std::time::{Duration, SystemTime};

/// A failed attempt, and how long the server wants to be left alone.
pub(crate) struct Failure {
    pub(crate) error: StorageError,
    pub(crate) after: Option<Duration>,
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self { error, after: None }
    }
}

/// Counts the attempts of one operation.
pub(crate) struct Retry<'a> {
    settings: &'a Settings,
    attempts: u32,
    in_a_row: u32,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, attempts: 0, in_a_row: 0 }
    }

    /// Counts afresh: there was progress.
    pub(crate) fn progressed(&mut self) {
        self.in_a_row = 0;
    }

    /// Waits until the next attempt, or gives the error back if there is to be none.
    pub(crate) async fn pause(&mut self, failure: Failure, at: &str) -> Result<(), StorageError> {
        let Failure { error, after } = failure;
        self.attempts += 1;
        self.in_a_row += 1;
        // A credential's giver was asked as often as any other already; time that is over is over.
        let last = matches!(error, StorageError::Credential { .. } | StorageError::Slow { .. });
        if last || !error.retryable() {
            return Err(error);
        }
        if let (Some(wait), Some(status)) =
            (after.filter(|a| *a > self.settings.max_retry_after), error.status())
        {
            return Err(StorageError::Wait { at: at.to_owned(), status, wait });
        }
        if self.in_a_row > self.settings.retries {
            if self.attempts == 1 {
                return Err(error);
            }
            let (at, attempts) = (at.to_owned(), self.attempts);
            return Err(StorageError::GaveUp { at, attempts, source: Box::new(error) });
        }
        let pause = after.unwrap_or_else(|| backoff(self.settings, self.in_a_row, random_share()));
        tracing::debug!(at, attempt = self.attempts, pause_ms = pause.as_millis(), error = %error, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// The pause before retry `n` (from 1): doubled each time, capped, then `share` (0 to 1) of its half taken off.
fn backoff(settings: &Settings, n: u32, share: f64) -> Duration {
    let doubled = settings.backoff.saturating_mul(2u32.saturating_pow(n.saturating_sub(1)));
    doubled.min(settings.max_backoff).mul_f64(1.0 - share / 2.0)
}

/// A random number from 0 to 1; a half where the system has no randomness.
fn random_share() -> f64 {
    getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX))
}

/// What `Retry-After` asks for, as seconds or as a date; the date is taken against the server's own clock
/// where it tells it.
pub(crate) fn retry_after(headers: &Headers, now: SystemTime) -> Option<Duration> {
    let text = headers.get("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(date(headers).unwrap_or(now)).unwrap_or_default())
}

/// What the server's own clock says, in whole seconds.
pub(crate) fn date(headers: &Headers) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get("date")?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let map: HeaderMap =
            pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        Headers::of(&map)
    }

    #[test]
    fn pauses_double_up_to_the_cap_less_at_most_a_half() {
        let settings = Settings {
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(3),
            ..Settings::default()
        };
        let longest: Vec<u128> = (1..=5).map(|n| backoff(&settings, n, 0.0).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(backoff(&settings, 3, 1.0).as_millis(), 1000);
        assert_eq!(backoff(&settings, u32::MAX, 0.0).as_millis(), 3000);
    }

    #[test]
    fn reads_retry_after_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let after = |pairs: &[_]| retry_after(&headers(pairs), now).map(|d| d.as_secs());
        assert_eq!(after(&[("retry-after", "7")]), Some(7));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(10));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT")]), Some(0));
        let skewed =
            [("retry-after", "Sat, 06 Nov 2094 08:00:05 GMT"), ("date", "Sat, 06 Nov 2094 08:00:00 GMT")];
        assert_eq!(after(&skewed), Some(5));
        assert_eq!(after(&[("retry-after", "soon")]), None);
        assert_eq!(after(&[]), None);
    }
}
