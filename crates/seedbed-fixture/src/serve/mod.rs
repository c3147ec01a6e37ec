//! The loopback server: each archive under the paths of its real site, all on one port.
//!
//! | paths | site |
//! |---|---|
//! | `/search/granules.json`, `/search/collections.json` | CMR |
//! | `/protected/daymet/…`, `/public/daymet/…` | ORNL's Daymet in the cloud |
//! | `/api/stac/v1/…`, `/modis-061-cogs/…` | the Planetary Computer |
//! | `/time_series/…` | PRISM since 2025 |
//! | `/daily/…` | PRISM before |
//! | `/thredds/…` | MACA |
//! | `/statics/…` | plain files |
//! | `/fault/<kind>/<any path here>` | the same, broken on purpose: see [`Fault`] |
//! | `/_fixture/stats` | what was asked for, as JSON |
//!
//! A server of [`Listings`] has more, and the same with far more names:
//!
//! | paths | site |
//! |---|---|
//! | `/search/granules.umm_json` | CMR, for Daymet and MODIS |
//! | `/lp-prod-protected/…`, `/lp-prod-public/…` | LP DAAC's MODIS in the cloud |
//! | `/MOLT/…`, `/MOLA/…` | LP DAAC's Data Pool before 2025 |
//! | `/prism/data/get/…` | PRISM's web service |
//! | `/normals/…`, `/monthly/…`, `/normals_bil/…` | the rest of PRISM's trees |
//! | `/thredds/catalog/MET/…` | gridMET |
//! | `/daacdata/<tree>`, `/apache/<tree>`, `/nginx/<tree>`, `/plain/<tree>` | every tree as other servers list it |
//! | `/robots.txt` | what the options say |
//! | `/_fixture/release?element=…&date=…` | a grid of PRISM is released again |
//!
//! Two more ports stand for other hosts: the object store that protected data redirect to, where
//! no `Authorization` may arrive, and the login site that anonymous requests are sent to where a
//! token is demanded.

mod body;
mod cmr;
mod fault;
mod files;
mod folders;
mod index;
mod listed;
mod log;
mod protected;
mod request;
mod route;
mod service;
mod stac;
mod thredds;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use fault::{Fault, strikes_of};
pub use log::Logged;

use crate::listing::Listings;
use crate::listing::prism::When;
use crate::listing::synthetic::Synthetic;
use listed::Listed;

/// How a STAC API takes searches by POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Not at all: 405.
    Refused,
    /// The way to the next page repeats the whole body.
    Repeated,
    /// The way to the next page is to be merged with the body that was sent.
    Merged,
}

/// How the server behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerOptions {
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
    /// Protected data demand this bearer token, and send others to log in.
    pub token: Option<String>,
    /// The most granules on a page of CMR, whatever was asked for.
    pub cmr_page: usize,
    /// The most items on a page of the STAC API, whatever was asked for.
    pub stac_page: usize,
    /// How often a PRISM file may be had before the answer is a refusal in words, with status 200.
    pub prism_allowance: Option<u32>,
    /// Whether the STAC API can be searched by POST, and how its pages then follow each other.
    pub stac_post: Post,
    /// The STAC API knows neither filter nor sorting nor fields, says so, and doesn't look at them.
    pub stac_basic: bool,
    /// The STAC API demands this key in `X-API-Key`.
    pub stac_key: Option<String>,
    /// The text of `/robots.txt`; there is none without.
    pub robots: Option<String>,
    /// Listings carry entity tags and dates, and are answered with 304 where these are known; CMR
    /// never has them.
    pub validators: bool,
    /// How long every request is held before it is answered.
    pub pause: Duration,
}

impl Default for ServerOptions {
    /// A free port, no token, small pages so that paging happens, and no refusals.
    fn default() -> Self {
        Self {
            port: 0,
            token: None,
            cmr_page: 4,
            stac_page: 10,
            prism_allowance: None,
            stac_post: Post::Repeated,
            stac_basic: false,
            stac_key: None,
            robots: None,
            validators: true,
            pause: Duration::ZERO,
        }
    }
}

impl ServerOptions {
    /// The defaults with pages as large as the real sites give, and a `/robots.txt` that allows
    /// everything.
    #[must_use]
    pub fn wide() -> Self {
        Self {
            cmr_page: 2000,
            stac_page: 1000,
            robots: Some("User-agent: *\nDisallow:\n".into()),
            ..Self::default()
        }
    }
}

/// Which host a port stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Archives,
    ObjectStore,
    Login,
}

/// What every request sees.
struct Site {
    dir: PathBuf,
    listed: Option<RwLock<Arc<Listed>>>,
    synthetic: Option<Synthetic>,
    /// How many requests are being answered, and the most that were at once.
    at_once: (AtomicUsize, AtomicUsize),
    /// How many requests are answered before every other one is refused with 503.
    patience: Mutex<Option<u32>>,
    options: ServerOptions,
    object_store: String,
    login: String,
    log: log::Log,
    faults: fault::Counts,
    tags: files::Tags,
}

/// A request that is being answered, counted until it is dropped.
struct Busy<'a>(&'a Site);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.at_once.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Site {
    /// Counts a request, and holds it.
    async fn busy(&self) -> Busy<'_> {
        let now = self.at_once.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.at_once.1.fetch_max(now, Ordering::SeqCst);
        let busy = Busy(self);
        if !self.options.pause.is_zero() {
            tokio::time::sleep(self.options.pause).await;
        }
        busy
    }

    /// What is listed, on a server of listings. A lock that a panic left is as good.
    fn listed(&self) -> Option<Arc<Listed>> {
        let listed = self.listed.as_ref()?.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&listed))
    }

    /// Whether a request is still answered; it is counted.
    fn is_patient(&self) -> bool {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        match patience.as_mut() {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// A running server; it stops when dropped.
pub struct Server {
    base_url: String,
    site: Arc<Site>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Serves the archives in `dir` on a thread of its own, with its own runtime, so that it can
    /// be used from code that is synchronous or has another runtime.
    ///
    /// # Errors
    /// When the port is taken or the runtime can't be built.
    pub fn start(dir: impl AsRef<Path>, options: ServerOptions) -> Result<Self> {
        Self::begin(dir.as_ref().to_path_buf(), None, None, options)
    }

    /// Serves archives that are only listed; nothing is written anywhere.
    ///
    /// # Errors
    /// When the port is taken or the runtime can't be built.
    pub fn start_listings(listings: Listings, options: ServerOptions) -> Result<Self> {
        Self::begin(PathBuf::new(), Some(Listed::new(listings, 0)), None, options)
    }

    /// Serves a listing of so many granules, made page by page, as CMR's MOD13Q1 and as the STAC
    /// API's `modis-13Q1-061`.
    ///
    /// # Errors
    /// When the port is taken or the runtime can't be built.
    pub fn start_synthetic(granules: u64, options: ServerOptions) -> Result<Self> {
        Self::begin(PathBuf::new(), None, Some(Synthetic::new(granules)), options)
    }

    fn begin(
        dir: PathBuf,
        listed: Option<Listed>,
        synthetic: Option<Synthetic>,
        options: ServerOptions,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("can't build the server's runtime")?;
        let bind = |port| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            runtime.block_on(TcpListener::bind(address)).with_context(|| format!("can't listen on {address}"))
        };
        let (archives, object_store, login) = (bind(options.port)?, bind(0)?, bind(0)?);
        let url =
            |listener: &TcpListener| Ok::<_, std::io::Error>(format!("http://{}", listener.local_addr()?));
        let base_url = url(&archives)?;
        let site = Arc::new(Site {
            dir,
            listed: listed.map(|listed| RwLock::new(Arc::new(listed))),
            synthetic,
            at_once: (AtomicUsize::new(0), AtomicUsize::new(0)),
            patience: Mutex::new(None),
            options,
            object_store: url(&object_store)?,
            login: url(&login)?,
            log: log::Log::default(),
            faults: fault::Counts::default(),
            tags: files::Tags::default(),
        });
        for (listener, role) in
            [(archives, Role::Archives), (object_store, Role::ObjectStore), (login, Role::Login)]
        {
            runtime.spawn(accept(listener, role, Arc::clone(&site)));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("fixture-server".into())
            .spawn(move || {
                // An error means that the sender was dropped: that is a stop, too.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })
            .context("can't start the server's thread")?;
        Ok(Self { base_url, site, stop: Some(stop), thread: Some(thread) })
    }

    /// The server's address, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The address of the object store that protected data redirect to.
    #[must_use]
    pub fn object_store_url(&self) -> &str {
        &self.site.object_store
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        self.site.log.requests()
    }

    /// What clients did that no client may: sent a credential to a host that it isn't for.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.site.log.violations()
    }

    /// Releases a grid of PRISM again, of an element and a date (`YYYYMMDD`, `YYYYMM` or `YYYY`):
    /// the service tells a higher count and a later day, and the file has other bytes under its
    /// name. Whether there is such a grid.
    #[must_use]
    pub fn release(&self, element: &str, date: &str) -> bool {
        match (self.site.listed(), When::parse(date)) {
            (Some(listed), Some(when)) => listed.release(element, when),
            _ => false,
        }
    }

    /// Lists something else from now on, at the same address: granules that are new, and none of
    /// those that are gone. Releases are forgotten. Whether this is a server of listings.
    #[must_use]
    pub fn relist(&self, listings: Listings) -> bool {
        let Some(listed) = &self.site.listed else { return false };
        let mut listed = listed.write().unwrap_or_else(PoisonError::into_inner);
        let next = Listed::new(listings, listed.generation() + 1);
        *listed = Arc::new(next);
        true
    }

    /// Answers so many requests more, and every other one with 503, until [`Server::mend`].
    pub fn fail_after(&self, requests: u32) {
        *self.site.patience.lock().unwrap_or_else(PoisonError::into_inner) = Some(requests);
    }

    /// Answers every request again.
    pub fn mend(&self) {
        *self.site.patience.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The most requests that were being answered at once, over all three ports. A request counts
    /// until its answer's body begins; [`ServerOptions::pause`] lets clients show their number.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.site.at_once.1.load(Ordering::SeqCst)
    }

    /// Forgets requests, violations and how often each fault struck.
    pub fn reset(&self) {
        self.site.at_once.1.store(0, Ordering::SeqCst);
        self.site.log.reset();
        self.site.faults.reset();
    }

    /// Waits until the server stops, which it does not by itself.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts connections for ever.
async fn accept(listener: TcpListener, role: Role, site: Arc<Site>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let site = Arc::clone(&site);
        // A twin of the connection, for those that are to end with a reset.
        let Ok(stream) = stream.into_std() else { continue };
        let socket = stream.try_clone().ok().map(Arc::new);
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { continue };
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (site, socket) = (Arc::clone(&site), socket.clone());
                async move { Ok::<_, std::convert::Infallible>(route::answer(&site, role, socket, request).await) }
            });
            // A client that goes away, or a body broken on purpose, ends the connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
