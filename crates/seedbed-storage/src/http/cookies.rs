//! Cookies: what a site that logs in by redirects, as Earthdata Login does, knows us again by.
//!
//! A cookie goes to the very origin that set it, whatever wider domain it asks for, and is gone with the process.

use super::message::Headers;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use url::{Position, Url};

/// The most cookies that one origin may set, and their longest text.
const MOST: usize = 50;
const LONGEST: usize = 8192;

/// The cookies by origin.
#[derive(Default)]
pub(super) struct Cookies(Mutex<HashMap<String, BTreeMap<String, String>>>);

impl Cookies {
    /// Keeps what an answer sets.
    pub(super) fn keep(&self, url: &Url, headers: &Headers) {
        for (_, text) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let ends = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let own = all.entry(url[..Position::BeforePath].to_owned()).or_default();
            if ends || value.is_empty() {
                own.remove(name);
            } else if own.len() < MOST && text.len() <= LONGEST {
                own.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of `Cookie` for an address, if there is one.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.get(&url[..Position::BeforePath]).filter(|own| !own.is_empty())?;
        let pairs: Vec<String> = own.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join("; "))
    }
}
