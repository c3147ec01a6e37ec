//! What a service lends for a while, such as temporary keys: fetched when first needed, renewed before it ends.

use crate::http::{Http, Request, Response};
use crate::{StorageError, secret};
use jiff::Timestamp;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use url::Url;

/// A thing with a short life is renewed when a quarter of it is left.
const LAST_PART: u32 = 4;

/// A thing that is lent at an address. Many may ask for it at once; one of them fetches it.
pub(crate) struct Lease<T> {
    /// The store that it is for.
    store: String,
    giver: Url,
    /// How long before its end it is renewed.
    margin: Duration,
    read: fn(&[u8]) -> Result<Lent<T>, &'static str>,
    state: Mutex<State<T>>,
    /// Held by the one that fetches.
    turn: tokio::sync::Mutex<()>,
}

/// A thing, and when it ends by the giver's clock.
pub(crate) struct Lent<T> {
    pub(crate) thing: T,
    pub(crate) ends: Timestamp,
}

struct State<T> {
    current: Option<Current<T>>,
    /// How many fetches have ended.
    ended: u64,
    /// Why the last one failed, if it did.
    failure: Option<Arc<StorageError>>,
}

struct Current<T> {
    thing: Arc<T>,
    /// When it is to be renewed, and when it ends, by our clock.
    due: SystemTime,
    ends: SystemTime,
}

impl<T: Send + Sync> Lease<T> {
    /// What `store` is lent at `giver`, whose answers `read` understands.
    pub(crate) fn new(
        store: &str,
        giver: Url,
        margin: Duration,
        read: fn(&[u8]) -> Result<Lent<T>, &'static str>,
    ) -> Self {
        let state = Mutex::new(State { current: None, ended: 0, failure: None });
        Self { store: store.to_owned(), giver, margin, read, state, turn: tokio::sync::Mutex::default() }
    }

    /// The thing, good for a while yet.
    pub(crate) async fn get(&self, http: &Http) -> Result<Arc<T>, StorageError> {
        let (fresh, before) = self.look();
        if let Some(thing) = fresh {
            return Ok(thing);
        }
        let _turn = self.turn.lock().await;
        let (fresh, ended) = self.look();
        if let Some(thing) = fresh {
            return Ok(thing);
        }
        // Who waited for a fetch that failed need not find out again.
        if let Some(failure) = self.state().failure.clone().filter(|_| ended > before) {
            return Err(self.failed(failure));
        }
        let fetched = self.fetch(http).await;
        let mut state = self.state();
        state.ended += 1;
        match fetched {
            Ok(current) => {
                let thing = Arc::clone(&current.thing);
                (state.current, state.failure) = (Some(current), None);
                Ok(thing)
            }
            Err(error) => {
                // Renewed early, so that a giver that is away for a moment harms nobody.
                let now = SystemTime::now();
                if let Some(current) = state.current.as_mut().filter(|c| c.ends > now) {
                    let left = current.ends.duration_since(now).unwrap_or_default();
                    current.due = now + left / 2;
                    tracing::warn!(store = self.store, at = self.at(), %error, "not renewed; the present one serves on");
                    return Ok(Arc::clone(&current.thing));
                }
                let failure = Arc::new(error);
                (state.current, state.failure) = (None, Some(Arc::clone(&failure)));
                Err(self.failed(failure))
            }
        }
    }

    /// Whether this is the present thing, and has not ended.
    pub(crate) fn holds(&self, thing: &Arc<T>) -> bool {
        let state = self.state();
        let current = state.current.as_ref().filter(|c| Arc::ptr_eq(&c.thing, thing));
        current.is_some_and(|c| c.ends > SystemTime::now())
    }

    /// The thing was refused: the next one to ask fetches another, unless that has happened.
    pub(crate) fn refused(&self, thing: &Arc<T>) {
        let mut state = self.state();
        if state.current.as_ref().is_some_and(|c| Arc::ptr_eq(&c.thing, thing)) {
            state.current = None;
        }
    }

    /// The thing, unless it is to be renewed; and how many fetches have ended.
    fn look(&self) -> (Option<Arc<T>>, u64) {
        let state = self.state();
        let fresh = state.current.as_ref().filter(|c| c.due > SystemTime::now());
        (fresh.map(|c| Arc::clone(&c.thing)), state.ended)
    }

    async fn fetch(&self, http: &Http) -> Result<Current<T>, StorageError> {
        let answer = answer(http, &Request::get(self.giver.clone())).await;
        let answer = answer.map_err(|error| match error {
            // What a giver of secrets says is not repeated.
            StorageError::Status { at, status, .. } => StorageError::Status { at, status, excerpt: None },
            error => error,
        })?;
        let wrong = |what: &str| StorageError::Protocol { at: self.at(), what: what.to_owned() };
        let lent = (self.read)(&answer.body).map_err(wrong)?;
        let now = SystemTime::now();
        let there = answer.headers.get("date").and_then(|d| httpdate::parse_http_date(d.trim()).ok());
        let life = SystemTime::from(lent.ends).duration_since(there.unwrap_or(now)).unwrap_or_default();
        if life.is_zero() {
            return Err(wrong("what it gave has expired already"));
        }
        let margin = self.margin.min(life / LAST_PART);
        tracing::debug!(store = self.store, at = self.at(), seconds = life.as_secs(), "fetched a credential");
        Ok(Current { thing: Arc::new(lent.thing), due: now + life - margin, ends: now + life })
    }

    fn failed(&self, source: Arc<StorageError>) -> StorageError {
        StorageError::Credential { store: self.store.clone(), at: self.at(), source }
    }

    fn at(&self) -> String {
        secret::shown(&self.giver)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A request within a request: its type would else contain itself.
fn answer<'a>(
    http: &'a Http,
    request: &'a Request,
) -> Pin<Box<dyn Future<Output = Result<Response, StorageError>> + Send + 'a>> {
    Box::pin(http.request(request))
}
