//! From page to page, several at once, each recorded before it counts.
//!
//! Pages are taken in the order in which they were asked for, so that the
//! result doesn't depend on how many requests run at once. What memory holds
//! grows with the number of pages, not of granules.

use crate::CrawlError;
use crate::granule::Rejected;
use crate::journal::Journal;
use crate::page::{Page, Step, Validators};
use crate::source::{Fetched, Web};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use std::collections::{BTreeSet, VecDeque};

/// How many pages, folders or catalogs a crawl follows before it is taken for endless.
const MOST_PAGES: usize = 1_000_000;
/// How many pages in a row may be empty before a paging is taken for endless.
const MOST_EMPTY: usize = 10;

/// How many pages were read, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    /// All of them.
    pub read: u64,
    /// Those that an earlier, unfinished crawl had read.
    pub resumed: u64,
    /// Those that the server said to be as they were.
    pub not_modified: u64,
    /// Addresses that were tried and lead nowhere.
    pub missing: u64,
}

/// A crawl under way.
pub(crate) struct Walk<'w, 'a> {
    web: &'w Web<'a>,
    journal: &'w mut Journal,
    /// Steps that are still to be taken.
    queue: VecDeque<Step>,
    /// The identities of all steps that were ever in the queue.
    seen: BTreeSet<String>,
    pages: Pages,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// Reads all pages from `first` on; each goes to `take`. `opened` is what became of the first step, if
    /// it was taken already.
    ///
    /// # Errors
    /// If the first step fails, or another one that may succeed later; then the journal has all pages
    /// before it. Errors of `take`.
    pub(crate) async fn run(
        web: &'w Web<'a>,
        journal: &'w mut Journal,
        first: Vec<Step>,
        opened: Option<Fetched>,
        take: &mut dyn FnMut(Page) -> Result<(), CrawlError>,
    ) -> Result<Pages, CrawlError> {
        let mut walk =
            Self { web, journal, queue: VecDeque::new(), seen: BTreeSet::new(), pages: Pages::default() };
        let must_answer = first.first().map(Step::identity);
        for step in first {
            walk.enqueue(step);
        }
        walk.replay(take)?;
        let mut running = FuturesOrdered::new();
        let mut opened = opened;
        loop {
            while running.len() < web.jobs {
                let Some(step) = walk.queue.pop_front() else { break };
                let known = walk.journal.validators(&step);
                let ready = opened.take();
                running.push_back(async move {
                    let fetched = match ready {
                        Some(fetched) => Ok(fetched),
                        None => web.fetch(&step, known.as_ref()).await,
                    };
                    (step, fetched)
                });
            }
            let Some((step, fetched)) = running.next().await else { break };
            let is_first = must_answer.as_ref() == Some(&step.identity());
            let (page, validators) = walk.page_of(&step, fetched?, is_first)?;
            let page = walk.checked(&step, page);
            walk.journal.add(&step, &validators, &page)?;
            walk.take(&step, page, take)?;
        }
        Ok(walk.pages)
    }

    /// Takes up what an unfinished crawl had read: its pages count as if they came now.
    fn replay(&mut self, take: &mut dyn FnMut(Page) -> Result<(), CrawlError>) -> Result<(), CrawlError> {
        let mut done = BTreeSet::new();
        let (web, queue, seen, pages) = (self.web, &mut self.queue, &mut self.seen, &mut self.pages);
        self.journal.replay(|step, mut page| {
            done.insert(step.identity());
            web.progress.page(&step.shown(), page.granules.len());
            for next in page.next.take().into_iter().chain(std::mem::take(&mut page.folders)) {
                if seen.insert(next.identity()) {
                    queue.push_back(next);
                }
            }
            pages.read += 1;
            pages.resumed += 1;
            pages.missing += page.missing as u64;
            take(page)
        })?;
        self.queue.retain(|step| !done.contains(&step.identity()));
        Ok(())
    }

    /// What a step gave, as a page.
    fn page_of(
        &mut self,
        step: &Step,
        fetched: Fetched,
        is_first: bool,
    ) -> Result<(Page, Validators), CrawlError> {
        let rejected = |reason: String| {
            let mut page = Page::default();
            page.lose(step.shown(), reason);
            (page, Validators::default())
        };
        Ok(match fetched {
            Fetched::Page(page, validators) => (*page, validators),
            Fetched::Unusable(reason) => rejected(reason),
            Fetched::Forbidden => rejected("the site's robots.txt forbids it".to_owned()),
            Fetched::Failed(source) if is_first || source.retryable() => {
                return Err(CrawlError::Storage { at: step.at.clone(), source });
            }
            Fetched::Failed(error) => rejected(error.to_string()),
            Fetched::Unchanged => {
                let validators = self.journal.validators(step).unwrap_or_default();
                match self.journal.previous_page(step)? {
                    Some(page) => {
                        self.pages.not_modified += 1;
                        (page, validators)
                    }
                    None => rejected("the server says it is unchanged, but it wasn't asked that".to_owned()),
                }
            }
        })
    }

    /// The page without ways that lead nowhere new.
    fn checked(&mut self, step: &Step, mut page: Page) -> Page {
        let room = MOST_PAGES.saturating_sub(self.seen.len());
        if let Some(next) = page.next.take() {
            if self.seen.contains(&next.identity()) {
                page.lose(step.shown(), "the paging repeats itself: the next page was asked for already");
            } else if step.last.is_some() && step.last == next.last {
                page.lose(step.shown(), "the paging repeats itself: this page is as the one before");
            } else if next.empty > MOST_EMPTY || room == 0 {
                page.lose(step.shown(), "the paging doesn't end");
            } else {
                page.next = Some(next);
            }
        }
        let mut kept = Vec::new();
        for folder in std::mem::take(&mut page.folders) {
            // Links up and across are no fault.
            if self.seen.contains(&folder.identity()) {
                continue;
            }
            if kept.len() >= room {
                page.rejected.push(Rejected::listing(folder.at, "the folders don't end: it is one too many"));
            } else {
                kept.push(folder);
            }
        }
        page.folders = kept;
        page
    }

    fn take(
        &mut self,
        step: &Step,
        mut page: Page,
        take: &mut dyn FnMut(Page) -> Result<(), CrawlError>,
    ) -> Result<(), CrawlError> {
        self.web.progress.page(&step.shown(), page.granules.len());
        self.pages.read += 1;
        self.pages.missing += page.missing as u64;
        for next in page.next.take().into_iter().chain(std::mem::take(&mut page.folders)) {
            self.enqueue(next);
        }
        take(page)
    }

    fn enqueue(&mut self, step: Step) {
        if self.seen.insert(step.identity()) {
            self.queue.push_back(step);
        }
    }
}
