//! Asking web servers for listings.

use crate::CrawlError;
use crate::crawl::CrawlProgress;
use crate::definition::Definition;
use crate::granule::Rejected;
use crate::wanted::Wanted;
use futures::{StreamExt, stream};
use seedbed_storage::{Request, Response, Stores};
use std::future::Future;
use url::Url;

/// How many pages or folders a crawl follows before it is taken for endless.
pub(crate) const MOST_PAGES: usize = 100_000;

/// What every source needs.
pub(crate) struct Web<'a> {
    pub definition: &'a Definition,
    pub wanted: &'a Wanted,
    pub stores: &'a Stores,
    pub jobs: usize,
    pub progress: &'a dyn CrawlProgress,
}

impl Web<'_> {
    /// The answer to a request without which nothing can be listed.
    pub(crate) async fn ask(&self, request: Request) -> Result<Response, CrawlError> {
        let at = request.url.to_string();
        self.stores.request(request).await.map_err(|source| CrawlError::Storage { at, source })
    }

    /// The answer to a request for a part: one that fails for good is rejected,
    /// one that may succeed later ends the crawl, since a catalog must not be
    /// silently incomplete.
    pub(crate) async fn ask_for_part(
        &self,
        request: Request,
    ) -> Result<Result<Response, Rejected>, CrawlError> {
        let at = request.url.to_string();
        match self.stores.request(request).await {
            Ok(response) => Ok(Ok(response)),
            Err(source) if source.retryable() => Err(CrawlError::Storage { at, source }),
            Err(error) => Ok(Err(Rejected::new(at, error.to_string()))),
        }
    }

    /// Asks for a part that is a plain address.
    pub(crate) async fn get_part(&self, url: &Url) -> Result<Result<Response, Rejected>, CrawlError> {
        self.ask_for_part(Request::get(url.clone())).await
    }

    /// Works on all of `parts`, at most `jobs` at once; the results are in the order of the parts.
    pub(crate) async fn each<P, T, F>(
        &self,
        parts: Vec<P>,
        work: impl Fn(P) -> F,
    ) -> Result<Vec<T>, CrawlError>
    where
        F: Future<Output = Result<T, CrawlError>>,
    {
        let mut results = Vec::with_capacity(parts.len());
        let mut running = stream::iter(parts).map(work).buffered(self.jobs.max(1));
        while let Some(result) = running.next().await {
            results.push(result?);
        }
        Ok(results)
    }

    /// Whether a folder or catalog with these captures may hold wanted granules.
    pub(crate) fn may_be_under(&self, captures: &crate::template::Captures) -> bool {
        let asset_known = |template: &crate::template::Template| match template.single_capture() {
            Some(key) => captures.get(key).is_none_or(|v| self.definition.assets.contains_key(v)),
            None => true,
        };
        self.wanted.may_be_under(captures, self.definition.group.strategy)
            && self.definition.group.assets.iter().any(asset_known)
    }

    pub(crate) fn address(root: &Url, relative: &str) -> Result<Url, CrawlError> {
        crate::root::address(root, relative)
            .map_err(|source| CrawlError::Address { at: format!("{root}{relative}"), source })
    }
}
