//! A WebDAV server, or a dCache door, as a store.
//!
//! An object is written under a temporary name, looked at, and given its name by MOVE: a server that dies, or an
//! upload that breaks off, leaves nothing at the final name. A dCache deletes the old file when a new one is put
//! over it, before the new one is there, and so never has a file put or moved over another.

mod copy;
mod folder;
mod markers;
mod propfind;
mod unfinished;
mod upload;

pub(crate) use copy::Source;

use crate::abilities::{Abilities, CreateOnce, Replace};
use crate::http::{Http, Method, Request, Response};
use crate::identity::Identity;
use crate::names::{random, temporary};
use crate::store::{Meta, Put};
use crate::{Function, Location, StorageError, secret};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;
use url::Url;

/// What is asked of a server about a file it has taken in.
pub(crate) const WANT_DIGEST: &str = "adler32";

/// A WebDAV server or a dCache door.
pub(crate) struct Dav {
    identity: Arc<Identity>,
    flavour: Flavour,
    /// Whether it may fetch files from other servers that allow it, or give them to those.
    third_party: bool,
    /// Tried once.
    tried: OnceCell<Tried>,
    /// Whether a file that waited for the door's word was taken by the door itself: the next ones need not wait.
    takes_itself: AtomicBool,
}

/// Which kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Plain,
    Dcache,
}

#[derive(Clone, Copy)]
struct Tried {
    heeds_overwrite: bool,
    ranges: bool,
    digests: bool,
}

impl Dav {
    pub(crate) fn new(identity: Identity, flavour: Flavour, third_party: bool) -> Self {
        Self {
            identity: Arc::new(identity),
            flavour,
            third_party,
            tried: OnceCell::new(),
            takes_itself: AtomicBool::new(false),
        }
    }

    /// Who we are there.
    pub(crate) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity)
    }

    pub(crate) fn request(&self, method: Method, url: &Url) -> Request {
        Request { identity: Some(Arc::clone(&self.identity)), ..Request::new(method, url.clone()) }
    }

    pub(crate) async fn read(&self, http: &Http, url: &Url) -> Result<Bytes, StorageError> {
        Ok(self.get(http, url).await?.body)
    }

    /// A file, with what the server says of it.
    pub(crate) async fn get(&self, http: &Http, url: &Url) -> Result<Response, StorageError> {
        let answer = http.request(&self.request(Method::Get, url)).await?;
        // A folder is answered with a page about it.
        if answer.url.path().ends_with('/') {
            let what = "it is a folder".to_owned();
            return Err(StorageError::Protocol { at: secret::shown(url), what });
        }
        Ok(answer)
    }

    pub(crate) async fn replace(&self, http: &Http, url: &Url, small: Bytes) -> Result<(), StorageError> {
        let from = self.put_beside(http, url, small).await?;
        let moved = self.supersede(http, &from, url).await;
        if moved.is_err() {
            self.discard(http, &from).await;
        }
        moved
    }

    pub(crate) async fn put_once(&self, http: &Http, url: &Url, small: Bytes) -> Result<Put, StorageError> {
        let heeds = self.tried(http, url).await?.heeds_overwrite;
        match self.read(http, url).await {
            Ok(there) => return Ok(Put::Exists(there)),
            Err(e) if e.is_not_found() => {}
            Err(e) => return Err(e),
        }
        let from = self.put_beside(http, url, small).await?;
        match self.rename(http, &from, url, !heeds).await {
            Ok(true) => Ok(Put::Created),
            Ok(false) => {
                self.discard(http, &from).await;
                self.read(http, url).await.map(Put::Exists)
            }
            Err(error) => {
                self.discard(http, &from).await;
                Err(error)
            }
        }
    }

    pub(crate) async fn remove(&self, http: &Http, url: &Url) -> Result<(), StorageError> {
        // DELETE of a folder would take all that is in it.
        if self.properties(http, url, "0").await?.iter().any(|e| e.folder) {
            let what = "it is a folder, and only files are removed".to_owned();
            return Err(StorageError::Protocol { at: secret::shown(url), what });
        }
        http.request(&self.request(Method::Delete, url)).await.map(|_| ())
    }

    /// `folder` is where it may write to find out.
    pub(crate) async fn abilities(&self, http: &Http, folder: &Url) -> Result<Abilities, StorageError> {
        let tried = self.tried(http, &beside(folder, "x", true)).await?;
        // Servers that look first and rename then (Apache's does) heed the header only of writers one after another.
        let guaranteed = tried.heeds_overwrite && self.flavour == Flavour::Dcache;
        Ok(Abilities {
            create_once: if guaranteed { CreateOnce::Guaranteed } else { CreateOnce::LastWins },
            // MOVE deletes what has the name first, says RFC 4918; few servers do better.
            replace: Replace::Gap,
            ranges: tried.ranges,
            digest: tried.digests.then_some(Function::Adler32),
        })
    }

    /// Gives a file the final name, in place of the one that has it.
    async fn supersede(&self, http: &Http, from: &Url, to: &Url) -> Result<(), StorageError> {
        if self.flavour == Flavour::Plain {
            return self.rename(http, from, to, true).await.map(|_| ());
        }
        // Between the two calls another writer may put its own there; that one is then replaced, too.
        for _ in 0..=http.settings().retries {
            match http.request(&self.request(Method::Delete, to)).await {
                Err(e) if !e.is_not_found() => return Err(e),
                _ => {}
            }
            if self.rename(http, from, to, false).await? {
                return Ok(());
            }
        }
        let what = "others replace it at the same time, again and again".to_owned();
        Err(StorageError::Occupied { at: secret::shown(to), what })
    }

    /// MOVE; whether the name was free, or could be taken.
    pub(crate) async fn rename(
        &self,
        http: &Http,
        from: &Url,
        to: &Url,
        over: bool,
    ) -> Result<bool, StorageError> {
        let request = self
            .request(Method::Move, from)
            .header("destination", to.as_str())
            .header("overwrite", if over { "T" } else { "F" });
        match http.request(&request).await {
            Ok(_) => Ok(true),
            Err(e) if e.status() == Some(412) => Ok(false),
            // A lost reply and a second attempt: the temporary name is ours alone, so only we can have moved it.
            Err(e) if e.is_not_found() => http.head(&self.request(Method::Get, to)).await.map(|_| true),
            Err(e) => Err(e),
        }
    }

    /// Puts a small file under a temporary name beside `url`, and sees to it that it is whole.
    async fn put_beside(&self, http: &Http, url: &Url, small: Bytes) -> Result<Url, StorageError> {
        let name = url.path().rsplit('/').next().unwrap_or_default();
        let from = beside(url, &temporary(name)?, false);
        let put = self.request(Method::Put, &from).body(small.clone());
        match http.request(&put).await {
            // There is no such folder: it is made when first needed.
            Err(e) if e.is_not_found() || e.status() == Some(409) => {
                self.make_folders(http, &from).await?;
                http.request(&put).await?;
            }
            answer => {
                answer?;
            }
        }
        let look = self.request(Method::Head, &from).header("want-digest", WANT_DIGEST);
        let looked = http.request(&look).await?;
        let checked = crate::digest_header::check(&looked.headers, &small, &from);
        if let Err(error) = checked {
            self.discard(http, &from).await;
            return Err(error);
        }
        Ok(from)
    }

    /// Makes the folders above a file, from the deepest that is there.
    pub(crate) async fn make_folders(&self, http: &Http, url: &Url) -> Result<(), StorageError> {
        let mut missing = Vec::new();
        let mut folder = parent(url);
        while let Some(at) = folder {
            let made = http.request(&self.request(Method::Mkcol, &at)).await;
            match made {
                Ok(_) => break,
                // It is there already: another writer may have been quicker.
                Err(e) if matches!(e.status(), Some(405 | 301)) => break,
                Err(e) if e.status() == Some(403) && self.is_folder(http, &at).await => break,
                Err(e) if e.is_not_found() || e.status() == Some(409) => {
                    folder = parent(&at);
                    missing.push(at);
                }
                Err(e) => return Err(e),
            }
        }
        while let Some(at) = missing.pop() {
            match http.request(&self.request(Method::Mkcol, &at)).await {
                Ok(_) => {}
                // Some servers say 409 to the one that lost a race for a folder; the next step will tell.
                Err(e) if matches!(e.status(), Some(405 | 301 | 409)) => {}
                // Apache's mod_dav says 403 to it.
                Err(e) if e.status() == Some(403) && self.is_folder(http, &at).await => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    async fn is_folder(&self, http: &Http, url: &Url) -> bool {
        self.properties(http, url, "0").await.is_ok_and(|found| found.iter().any(|entry| entry.folder))
    }

    /// Removes a temporary file. One that can't be removed harms nothing but order.
    pub(crate) async fn discard(&self, http: &Http, url: &Url) {
        if let Err(error) = http.request(&self.request(Method::Delete, url)).await {
            tracing::debug!(at = secret::shown(url), %error, "a temporary file stays");
        }
    }

    /// What the server does, tried out beside `url`.
    async fn tried(&self, http: &Http, url: &Url) -> Result<Tried, StorageError> {
        let some_times = || async {
            for _ in 1..TRIES {
                match self.try_out(http, url).await {
                    // What came otherwise than it was sent may come right.
                    Err(StorageError::Checksum { .. } | StorageError::Size { .. }) => {}
                    tried => return tried,
                }
            }
            self.try_out(http, url).await
        };
        self.tried.get_or_try_init(some_times).await.copied()
    }

    async fn try_out(&self, http: &Http, url: &Url) -> Result<Tried, StorageError> {
        let probe = Bytes::from_static(b"probe");
        let target = beside(url, &format!("seedbed-probe-{}", random()?), false);
        let first = self.put_beside(http, &target, probe.clone()).await?;
        self.rename(http, &first, &target, false).await?;
        let second = self.put_beside(http, &target, probe).await?;
        let heeds_overwrite = !self.rename(http, &second, &target, false).await?;
        if heeds_overwrite {
            self.discard(http, &second).await;
        }
        let ranges = http
            .range(&self.request(Method::Get, &target), &(1..3), &Meta::default())
            .await
            .is_ok_and(|b| b == "ro");
        let look = self.request(Method::Head, &target).header("want-digest", WANT_DIGEST);
        let digests = http.request(&look).await?.headers.get("digest").is_some();
        self.discard(http, &target).await;
        if !heeds_overwrite {
            let at = secret::shown(url);
            tracing::warn!(at, "this WebDAV server ignores `Overwrite: F`: the last writer wins");
        }
        Ok(Tried { heeds_overwrite, ranges, digests })
    }
}

/// How often what a server does is tried out, where what was sent came as something else.
const TRIES: usize = 3;

/// Where a location is on its server.
pub(crate) fn door_address(path: &str, door: &Url, root: &str) -> Option<Url> {
    let rest = crate::named::below(path, root)?;
    let mut url = door.clone();
    {
        let mut names = url.path_segments_mut().ok()?;
        names.pop_if_empty().extend(rest.split('/').filter(|n| !n.is_empty()));
    }
    Some(url)
}

/// The `http` address of a `dav` one, and the `https` of a `davs`.
pub(crate) fn web_address(url: &Url) -> Option<Url> {
    let scheme = if url.scheme() == "davs" { "https" } else { "http" };
    format!("{scheme}{}", &url[url::Position::AfterScheme..]).parse().ok()
}

/// The address of `name`, percent-encoded as it stands, in the folder of `url`, or in `url` itself as a folder.
fn beside(url: &Url, name: &str, within: bool) -> Url {
    let mut url = url.clone();
    let path = url.path().to_owned();
    let folder = if within {
        path.trim_end_matches('/')
    } else {
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    url.set_path(&format!("{folder}/{name}"));
    url
}

/// The folder of an address, with its slash; none above the root.
fn parent(url: &Url) -> Option<Url> {
    let path = url.path().trim_end_matches('/');
    let folder = path.rsplit_once('/')?.0;
    if folder.is_empty() {
        return None;
    }
    let mut parent = url.clone();
    parent.set_path(&format!("{folder}/"));
    Some(parent)
}

/// The member of a folder's location.
fn member(folder: &Location, name: &str) -> Location {
    folder.join(name)
}
