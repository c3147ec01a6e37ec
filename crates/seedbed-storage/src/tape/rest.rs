//! The requests of the REST interface.

use super::Locality;
use crate::error::excerpt;
use crate::http::{Http, Method, Request, Response};
use crate::identity::Identity;
use crate::named::{Kind, NamedStore};
use crate::{Settings, StorageError, secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How many files are asked for at once. A dCache takes no more than 10,000 into account, if its keeper sets nothing
/// else, and leaves the rest out without a word.
const BATCH: usize = 1000;

/// The REST interface of a named dCache.
pub(super) struct Tape {
    /// The store's name.
    pub(super) store: String,
    rest: Url,
    identity: Arc<Identity>,
}

/// What is said of a file's place.
#[derive(Deserialize)]
struct Info {
    path: String,
    locality: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    request_id: String,
}

#[derive(Deserialize)]
struct Status {
    files: Vec<FileStatus>,
}

/// How far the staging of a file is. The interface tells `state` or `onDisk`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileStatus {
    path: String,
    state: Option<String>,
    on_disk: Option<bool>,
    error: Option<String>,
}

/// How far the staging of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progressed {
    /// Not at an end; with the server's word for it.
    Waits(String),
    OnDisk,
    /// Never; with the reason.
    Failed(String),
}

impl Tape {
    pub(super) fn new(named: &NamedStore, settings: &Settings) -> Result<Self, StorageError> {
        let Kind::Dcache { rest: Some(rest), .. } = &named.kind else {
            let what = "`rest`, the address of its REST interface, is missing".to_owned();
            return Err(StorageError::Configuration { at: format!("[{}]", named.name), what });
        };
        let identity = Arc::new(named.identity(rest, &settings.environment));
        Ok(Self { store: named.name.clone(), rest: rest.clone(), identity })
    }

    /// Where files are. A server that leaves some out is asked for those again.
    pub(super) async fn archive_info<'a>(
        &self,
        http: &Http,
        paths: &[&'a str],
    ) -> Result<HashMap<&'a str, Locality>, StorageError> {
        let mut found = HashMap::new();
        let mut seen = HashSet::new();
        let mut left: Vec<&'a str> = paths.iter().copied().filter(|path| seen.insert(*path)).collect();
        let mut most = BATCH;
        while !left.is_empty() {
            let batch = &left[..left.len().min(most)];
            let answer = self.post(http, &["archiveinfo"], &json!({ "paths": batch })).await?;
            let told: HashMap<String, Info> =
                self.read::<Vec<Info>>(&answer)?.into_iter().map(|info| (info.path.clone(), info)).collect();
            let mut answered = 0;
            for path in batch {
                if let Some(info) = told.get(*path) {
                    found.insert(*path, self.locality(info)?);
                    answered += 1;
                }
            }
            if answered == 0 {
                return Err(self.wrong(format!("it says nothing of {}", batch[0])));
            }
            if answered < batch.len() {
                tracing::debug!(at = self.at(), asked = batch.len(), answered, "some files are left out");
                most = answered;
            }
            left.retain(|path| !found.contains_key(path));
        }
        Ok(found)
    }

    /// Asks for files to be brought to disk; the request's name.
    pub(super) async fn begin(
        &self,
        http: &Http,
        paths: &[String],
        lifetime: Duration,
    ) -> Result<String, StorageError> {
        // ISO 8601.
        let lifetime = format!("PT{}S", lifetime.as_secs().max(1));
        let files: Vec<_> = paths.iter().map(|p| json!({ "path": p, "diskLifetime": lifetime })).collect();
        let answer = self.post(http, &["stage"], &json!({ "files": files })).await?;
        Ok(self.read::<Begun>(&answer)?.request_id)
    }

    /// How far the files of a request are.
    pub(super) async fn progress(
        &self,
        http: &Http,
        request: &str,
    ) -> Result<HashMap<String, Progressed>, StorageError> {
        let asked = self.request(Method::Get, &["stage", request]);
        let status: Status = self.read(&http.request(&asked).await?)?;
        Ok(status.files.into_iter().map(|file| (file.path.clone(), file.progressed())).collect())
    }

    /// Gives up files of a request.
    pub(super) async fn cancel(
        &self,
        http: &Http,
        request: &str,
        paths: &[String],
    ) -> Result<(), StorageError> {
        http.request(&self.giving_up(request, paths)).await.map(|_| ())
    }

    /// The request that gives up files of a request.
    pub(super) fn giving_up(&self, request: &str, paths: &[String]) -> Request {
        self.posting(&["stage", request, "cancel"], &json!({ "paths": paths }))
    }

    /// An answer that can't be meant.
    pub(super) fn wrong(&self, what: String) -> StorageError {
        StorageError::Protocol { at: self.at(), what }
    }

    pub(super) fn at(&self) -> String {
        secret::shown(&self.rest)
    }

    fn locality(&self, info: &Info) -> Result<Locality, StorageError> {
        let at = || format!("[{}] {}", self.store, info.path);
        if let Some(error) = &info.error {
            let error = excerpt(error.as_bytes()).unwrap_or_default();
            return Err(if error.to_ascii_lowercase().contains("no such file") {
                StorageError::NotFound { at: at() }
            } else {
                StorageError::Protocol { at: at(), what: error }
            });
        }
        let word = info.locality.as_deref().unwrap_or_default();
        Locality::named(word).ok_or_else(|| {
            let what = format!("its place is `{word}`, which is no known one");
            StorageError::Protocol { at: at(), what }
        })
    }

    async fn post(
        &self,
        http: &Http,
        names: &[&str],
        body: &serde_json::Value,
    ) -> Result<Response, StorageError> {
        http.request(&self.posting(names, body)).await
    }

    fn posting(&self, names: &[&str], body: &serde_json::Value) -> Request {
        let request = self.request(Method::Post, names).header("content-type", "application/json");
        request.body(body.to_string().into())
    }

    fn request(&self, method: Method, names: &[&str]) -> Request {
        let mut url = self.rest.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("tape").extend(names);
        }
        let request = Request { identity: Some(Arc::clone(&self.identity)), ..Request::new(method, url) };
        request.header("accept", "application/json")
    }

    fn read<T: DeserializeOwned>(&self, answer: &Response) -> Result<T, StorageError> {
        serde_json::from_slice(&answer.body).map_err(|e| self.wrong(format!("its answer can't be read: {e}")))
    }
}

impl FileStatus {
    fn progressed(self) -> Progressed {
        let why = |word: &str| {
            let error = self.error.as_deref().and_then(|e| excerpt(e.as_bytes()));
            error.unwrap_or_else(|| word.to_ascii_lowercase())
        };
        match (self.state.as_deref(), self.on_disk) {
            (Some("COMPLETED"), _) | (None, Some(true)) => Progressed::OnDisk,
            (Some(state @ ("FAILED" | "CANCELLED")), _) => Progressed::Failed(why(state)),
            (None, Some(false)) if self.error.is_some() => Progressed::Failed(why("failed")),
            (state, _) => Progressed::Waits(state.unwrap_or("SUBMITTED").to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_far_a_file_is_in_both_ways_of_telling() {
        for (text, expected) in [
            (r#"{"path":"/x","state":"COMPLETED"}"#, Progressed::OnDisk),
            (r#"{"path":"/x","onDisk":true}"#, Progressed::OnDisk),
            (r#"{"path":"/x","onDisk":false}"#, Progressed::Waits("SUBMITTED".into())),
            (r#"{"path":"/x","state":"STARTED","startedAt":1}"#, Progressed::Waits("STARTED".into())),
            (r#"{"path":"/x","state":"CANCELLED"}"#, Progressed::Failed("cancelled".into())),
            (r#"{"path":"/x","state":"FAILED","error":"no  tape"}"#, Progressed::Failed("no tape".into())),
            (r#"{"path":"/x","onDisk":false,"error":"gone"}"#, Progressed::Failed("gone".into())),
        ] {
            assert_eq!(serde_json::from_str::<FileStatus>(text).unwrap().progressed(), expected, "{text}");
        }
    }

    #[test]
    fn knows_the_words_for_places() {
        let words = ["DISK", "TAPE", "DISK_AND_TAPE", "LOST", "NONE", "UNAVAILABLE"];
        assert!(words.iter().all(|word| Locality::named(word).is_some_and(|l| l.to_string() == *word)));
        assert_eq!(Locality::named("ONLINE"), None);
    }
}
