//! Asking an archive, step by step.

use super::robots::Robots;
use super::{cmr, index, listing, releases, sidecar, stac_api, template, thredds};
use crate::CrawlError;
use crate::crawl::CrawlProgress;
use crate::definition::{Definition, Kind, Source};
use crate::page::{Page, Step, Validators};
use crate::root::{Level, Root, levels};
use crate::wanted::Wanted;
use futures::{StreamExt, stream};
use seedbed_storage::{Request, StorageError, Stores};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// One source of a definition at one root, and all that is needed to ask it.
pub(crate) struct Web<'a> {
    pub definition: &'a Definition,
    pub source: Source,
    pub root: Root,
    pub wanted: &'a Wanted,
    pub stores: &'a Stores,
    pub jobs: usize,
    pub progress: &'a dyn CrawlProgress,
    /// The levels of the source's template of folders.
    pub levels: Option<Vec<Level>>,
    pub robots: Option<Robots>,
    pace: Mutex<Option<Instant>>,
}

/// What became of a step.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// A page.
    Page(Box<Page>, Validators),
    /// The page is as it was the last time.
    Unchanged,
    /// An answer of another kind; why.
    Unusable(String),
    /// The site doesn't want robots there.
    Forbidden,
    /// No answer.
    Failed(StorageError),
}

impl<'a> Web<'a> {
    /// The source at the root.
    ///
    /// # Errors
    /// [`CrawlError::Pattern`] if its folders are no template.
    pub(crate) fn new(
        (definition, source, root): (&'a Definition, Source, Root),
        wanted: &'a Wanted,
        stores: &'a Stores,
        options: &crate::CrawlOptions,
        progress: &'a dyn CrawlProgress,
    ) -> Result<Self, CrawlError> {
        let levels = source.folders.as_ref().map(levels).transpose();
        let levels = levels.map_err(|e| CrawlError::pattern(definition, &e))?;
        // A listing of a web server is an index.
        let is_index = matches!(root, Root::Web(_)) && matches!(source.kind, Kind::Index | Kind::Listing);
        let robots = (is_index && !options.ignore_robots).then(Robots::default);
        let jobs = source.jobs.unwrap_or(usize::MAX).min(options.jobs).max(1);
        let pace = Mutex::new(None);
        Ok(Self { definition, source, root, wanted, stores, jobs, progress, levels, robots, pace })
    }

    /// Where to begin; what stands first has to answer.
    pub(crate) fn first(&self) -> Result<Vec<Step>, CrawlError> {
        let root = match &self.root {
            Root::Prefix(prefix) => return listing::first(self, prefix),
            Root::Web(root) => root,
        };
        match self.source.kind {
            Kind::Cmr => cmr::first(self, root),
            Kind::StacApi => stac_api::first(self, root),
            Kind::Index | Kind::Listing => index::first(self, root),
            Kind::Thredds => thredds::first(self, root),
            Kind::Releases => releases::first(self, root),
            Kind::Template => template::first(self, root),
        }
    }

    /// Takes a step. `known` is what the server said of the page the last time.
    ///
    /// # Errors
    /// If `robots.txt` can't be asked for now.
    pub(crate) async fn fetch(&self, step: &Step, known: Option<&Validators>) -> Result<Fetched, CrawlError> {
        if let Root::Prefix(_) = self.root {
            return listing::fetch(self, step).await;
        }
        let Ok(url) = Url::parse(&step.at) else {
            return Ok(Fetched::Unusable("it is no address".to_owned()));
        };
        if self.source.kind == Kind::Template {
            return template::fetch(self, step).await;
        }
        if let Some(robots) = &self.robots
            && !robots.allow(self, &url).await?
        {
            return Ok(Fetched::Forbidden);
        }
        let (mut request, mut by_get) = match &step.body {
            Some(body) => {
                let by_get = stac_api::by_get(&url, body);
                let body = serde_json::Value::Object(body.clone()).to_string();
                (Request::post(url, "application/json", body), Some(Request::get(by_get)))
            }
            None => (Request::get(url), None),
        };
        for (name, value) in &step.headers {
            request = request.header(name, value);
            by_get = by_get.map(|by_get| by_get.header(name, value));
        }
        if let (Kind::Cmr, Some(cursor)) = (self.source.kind, &step.cursor) {
            request = request.header(cmr::CURSOR, cursor);
        }
        if let Some(Validators { etag, modified }) = known {
            for (name, value) in [("if-none-match", etag), ("if-modified-since", modified)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        self.pause().await;
        let mut answer = self.stores.request(request).await;
        if let (Err(error), Some(by_get)) = (&answer, by_get)
            && stac_api::refuses_post(error, step)
        {
            self.pause().await;
            if let Ok(response) = self.stores.request(by_get).await {
                answer = Ok(response);
            }
        }
        let response = match answer {
            Ok(response) if response.status == 304 => return Ok(Fetched::Unchanged),
            Err(StorageError::Status { status: 304, .. }) => return Ok(Fetched::Unchanged),
            Ok(response) => response,
            Err(error) => return Ok(Fetched::Failed(error)),
        };
        if self.reads_html() && index::is_cut(&response.body) {
            let what = "the page breaks off before its end";
            let at = step.at.clone();
            return Ok(Fetched::Failed(StorageError::Network { at, what, retryable: true, source: None }));
        }
        let read = match self.source.kind {
            Kind::Cmr => cmr::read(self, step, &response),
            Kind::StacApi => stac_api::read(self, step, &response),
            Kind::Thredds => thredds::read(self, step, &response),
            Kind::Releases => releases::read(self, step, &response),
            Kind::Index | Kind::Listing | Kind::Template => index::read(self, step, &response),
        };
        let mut page = match read {
            Ok(page) => page,
            Err(reason) => return Ok(Fetched::Unusable(reason)),
        };
        if let Err(error) = sidecar::complete(self, &mut page).await {
            return Ok(Fetched::Failed(error));
        }
        let text = |name: &str| response.headers.get(name).map(|v| v.trim().to_owned());
        // What was sent along is no part of what a server's tag stands for.
        let validators = match step.body {
            None => Validators { etag: text("etag"), modified: text("last-modified") },
            Some(_) => Validators::default(),
        };
        Ok(Fetched::Page(Box::new(page), validators))
    }

    fn reads_html(&self) -> bool {
        matches!(self.source.kind, Kind::Index | Kind::Listing | Kind::Template)
    }

    /// Waits until the source's rate allows another request.
    pub(crate) async fn pause(&self) {
        let Some(rate) = self.source.rate else { return };
        let slot = {
            let mut next = self.pace.lock().await;
            let slot = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(slot + Duration::from_secs_f64(1.0 / rate));
            slot
        };
        tokio::time::sleep_until(slot).await;
    }

    /// Works on all of `parts`, at most as many at once as there are jobs; the results are in the order of the parts.
    pub(crate) async fn each<P, T, F: Future<Output = T>>(
        &self,
        parts: Vec<P>,
        work: impl Fn(P) -> F,
    ) -> Vec<T> {
        stream::iter(parts).map(work).buffered(self.jobs).collect().await
    }

    /// Whether a folder or catalog with these captures may hold wanted granules.
    pub(crate) fn may_be_under(&self, captures: &crate::template::Captures) -> bool {
        let assets = &self.definition.assets;
        let asset_known = |template: &crate::template::Template| match template.single_capture() {
            Some(key) => captures.get(key).is_none_or(|v| assets.is_empty() || assets.contains_key(v)),
            None => true,
        };
        self.wanted.may_be_under(captures, self.definition.group.strategy)
            && self.definition.group.assets.iter().any(asset_known)
    }

    /// The values that `--where` gives for what the definition needs.
    pub(crate) fn given(&self) -> crate::template::Captures {
        let one = |key: &String| Some((key.clone(), self.wanted.only(key)?.to_owned()));
        self.definition.needs.iter().filter_map(one).collect()
    }

    /// The source's address under a root.
    pub(crate) fn start(&self, root: &Url) -> Result<Url, CrawlError> {
        Self::address(root, &self.source.address.render(&self.given()))
    }

    pub(crate) fn address(root: &Url, relative: &str) -> Result<Url, CrawlError> {
        crate::root::address(root, relative)
            .map_err(|source| CrawlError::Address { at: format!("{root}{relative}"), source })
    }
}
