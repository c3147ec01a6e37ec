//! Following a definition from its root to items.

use crate::candidate::{self, Candidate, Verdict};
use crate::collection::collection;
use crate::definition::Definition;
use crate::granule::{Granule, Rejected};
use crate::grid::{GridFailure, Grids};
use crate::group::{Contest, Entry, Grouped, Winners};
use crate::journal::Journal;
use crate::nearest::nearest;
use crate::page::Page;
use crate::walk::{Pages, Walk};
use crate::wanted::Wanted;
use crate::{CrawlError, item, source::sidecar, way};
use jiff::civil::Date;
use seedbed_catalog::{Collection, Item};
use seedbed_grid::{Bbox, Projections};
use seedbed_storage::{Location, Stores};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// How many rejections are kept; the others are counted.
const MOST_REJECTED: usize = 10_000;

/// What of an archive to crawl, and where.
#[derive(Debug, Clone)]
pub struct CrawlOptions {
    /// A mirror in place of the source's root. One that is no web server (a folder, a bucket) is listed as it
    /// is, whatever the definition's source; of a web server it is found out which source it is.
    pub root: Option<Location>,
    /// The source to list, by its name; the definition's first if not given.
    pub source: Option<String>,
    /// Wanted values by key; several for one key are alternatives.
    pub where_: Vec<(String, Vec<String>)>,
    /// First and last wanted day, each included; a granule counts if any of its days is wanted.
    pub datetime: Option<(Option<Date>, Option<Date>)>,
    /// The wanted area in WGS 84; a granule counts if its box meets it, or if nothing tells its place.
    pub bbox: Option<Bbox>,
    /// How many requests run at once.
    pub jobs: usize,
    /// Allows sources that make addresses, each of which is then checked by HEAD.
    pub probe: bool,
    /// Lists HTML indexes also where the site's `robots.txt` forbids it.
    pub ignore_robots: bool,
    /// Doesn't go on with an unfinished crawl, and asks for every page anew.
    pub fresh: bool,
    /// About how many bytes of granules memory holds while they are sorted.
    pub memory: usize,
}

impl Default for CrawlOptions {
    /// Everything, from the definition's own root, 8 requests at once, 32 MiB of granules in memory.
    fn default() -> Self {
        Self {
            root: None,
            source: None,
            where_: Vec::new(),
            datetime: None,
            bbox: None,
            jobs: 8,
            probe: false,
            ignore_robots: false,
            fresh: false,
            memory: 32 << 20,
        }
    }
}

/// Told by a crawl how far it is; from any thread.
pub trait CrawlProgress: Send + Sync {
    /// A page, folder or catalog was read: its address, and how many granules it listed.
    fn page(&self, address: &str, granules: usize);
}

/// Nobody is told.
impl CrawlProgress for () {
    fn page(&self, _address: &str, _granules: usize) {}
}

/// Lists an archive and sorts what it lists.
///
/// The result depends only on the archive's answers: not on the number of
/// jobs, their order, or whether the crawl was interrupted.
///
/// `work` is a folder of this machine that belongs to this definition's crawls into one catalog. It gets
/// temporary files, and a record of the pages that were read: a crawl that was killed goes on after the last
/// of them, and a later one asks whether they have changed.
///
/// # Errors
/// [`CrawlError`] if the options don't fit the definition, the archive can't be
/// reached, or a part of it can't be read now but may be later.
pub async fn crawl(
    definition: &Definition,
    options: &CrawlOptions,
    stores: &Stores,
    projections: &dyn Projections,
    progress: &dyn CrawlProgress,
    work: &Path,
) -> Result<Crawl, CrawlError> {
    let wanted = wanted(definition, options)?;
    let opened = way::open(definition, options, &wanted, stores, progress, work).await?;
    let way::Opened { web, mut journal, first, fetched, note } = opened;
    let mut sieve = Sieve {
        definition,
        wanted: &wanted,
        projections,
        grids: Grids::default(),
        contest: Contest::new(work, options.memory),
        tally: Tally::default(),
    };
    let pages = Walk::run(&web, &mut journal, first, fetched, &mut |page| sieve.take(page)).await?;
    let id = definition.about.collection.render(&web.given());
    let Sieve { grids, contest, mut tally, .. } = sieve;
    let winners = contest.finish(definition, work, options.memory, &mut |r| tally.reject(r))?;
    let mut notes: Vec<String> = note.into_iter().collect();
    if pages.missing > 0 {
        notes.push(format!(
            "{} of the addresses that `{}` makes lead nowhere",
            pages.missing, web.source.name
        ));
    }
    Ok(Crawl {
        collection: collection(definition, &id),
        definition: definition.clone(),
        id,
        grids,
        winners,
        head: None,
        journal,
        tally,
        pages,
        notes,
    })
}

/// The filters, their keys checked.
fn wanted(definition: &Definition, options: &CrawlOptions) -> Result<Wanted, CrawlError> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, wanted) in &options.where_ {
        if !definition.keys.contains(key) {
            return Err(CrawlError::Where {
                definition: definition.name().to_owned(),
                key: key.clone(),
                known: definition.where_keys().collect::<Vec<_>>().join(", "),
                nearest: nearest(key, definition.where_keys()).map(str::to_owned),
            });
        }
        values.entry(key.clone()).or_default().extend(wanted.iter().cloned());
    }
    let wanted = Wanted::new(values, options.datetime.unwrap_or_default(), options.bbox);
    match definition.needs.iter().find(|key| wanted.only(key).is_none()) {
        Some(key) => Err(CrawlError::Needs { definition: definition.name().to_owned(), key: key.clone() }),
        None => Ok(wanted),
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Tally {
    items: u64,
    granules: u64,
    rejected: Vec<Rejected>,
    rejected_count: u64,
    lost: u64,
}

impl Tally {
    fn reject(&mut self, rejected: Rejected) {
        self.rejected_count += 1;
        self.lost += u64::from(rejected.listing);
        // A page that is lost is told of in any case.
        if rejected.listing || self.rejected.len() < MOST_REJECTED {
            self.rejected.push(rejected);
        }
    }
}

/// Takes pages, and keeps the granules that are wanted.
struct Sieve<'a> {
    definition: &'a Definition,
    wanted: &'a Wanted,
    projections: &'a dyn Projections,
    grids: Grids,
    contest: Contest,
    tally: Tally,
}

impl Sieve<'_> {
    fn take(&mut self, page: Page) -> Result<(), CrawlError> {
        for rejected in page.rejected {
            self.tally.reject(rejected);
        }
        for granule in page.granules {
            self.tally.granules += 1;
            self.sort_out(granule)?;
        }
        Ok(())
    }

    fn sort_out(&mut self, granule: Granule) -> Result<(), CrawlError> {
        let definition = self.definition;
        let (captures, _) = match candidate::read(definition, self.wanted, &granule) {
            Verdict::Wanted(read) => read,
            Verdict::Unwanted => return Ok(()),
            Verdict::Rejected(reason) => {
                self.tally.reject(Rejected::new(granule.name, reason));
                return Ok(());
            }
        };
        if let Some(reason) = granule.unreadable {
            self.tally.reject(Rejected::new(granule.name, reason));
            return Ok(());
        }
        let place = candidate::place(definition, &mut self.grids, self.projections, &granule, &captures);
        match place {
            Ok(Some(place)) if !self.wanted.touches(place.outline.bbox) => Ok(()),
            Ok(Some(place)) if !sidecar::near(&granule.corners, place.outline.bbox) => {
                let reason = "its sidecar puts it elsewhere than its name";
                self.tally.reject(Rejected::new(granule.name, reason));
                Ok(())
            }
            Ok(_) => self.contest.add(definition, &captures, granule),
            Err(GridFailure::Granule(reason)) => {
                self.tally.reject(Rejected::new(granule.name, reason));
                Ok(())
            }
            Err(GridFailure::Projection(grid, source)) => {
                Err(CrawlError::Grid { definition: definition.name().to_owned(), grid, source })
            }
        }
    }
}

/// An archive that was listed: its items, one by one.
pub struct Crawl {
    definition: Definition,
    /// The collection's id.
    id: String,
    collection: Collection,
    grids: Grids,
    winners: Winners,
    /// A winner that was read ahead, with its item's id.
    head: Option<(String, Entry)>,
    journal: Journal,
    tally: Tally,
    pages: Pages,
    notes: Vec<String>,
}

impl std::fmt::Debug for Crawl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crawl").field("id", &self.id).field("tally", &self.tally).finish_non_exhaustive()
    }
}

/// What a crawl found, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crawled {
    /// Items that were drawn.
    pub items: u64,
    /// Files and items that the archive listed.
    pub granules: u64,
    /// Pages, folders or catalogs that were read.
    pub pages: u64,
    /// Those of them that an earlier crawl had read before it was interrupted.
    pub resumed: u64,
    /// Those of them that the server said to be as they were at the last crawl.
    pub not_modified: u64,
    /// What was listed but could not be used: the first 10,000 and all of the listing's own parts, sorted.
    pub rejected: Vec<Rejected>,
    /// How many could not be used in all.
    pub rejected_count: u64,
    /// How many of these are pages or folders of the listing, each with granules that nobody knows of.
    pub lost: u64,
    /// What the user should know, such as which source was taken.
    pub notes: Vec<String>,
}

impl Crawl {
    /// The archive as a collection; its extent is still that of no item.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// Whether everything that was listed could be used, so far: only then what was not listed is not there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tally.rejected_count == 0
    }

    /// The next item: in ascending byte order of their ids, each once.
    ///
    /// # Errors
    /// If what was sorted can't be read back.
    pub fn next_item(&mut self) -> Result<Option<Item>, CrawlError> {
        while let Some(group) = self.next_group()? {
            let adopted = group.first().is_some_and(|c| c.granule.item.is_some());
            let item = if adopted {
                item::adopt(&self.definition, &self.id, &group)
            } else {
                item::build(&self.definition, &self.id, &group)
                    .ok_or_else(|| "none of its granules is an asset".to_owned())
            };
            match item {
                Ok(item) => {
                    self.tally.items += 1;
                    return Ok(Some(item));
                }
                Err(reason) => self.tally.reject(Rejected::new(group.id, reason)),
            }
        }
        Ok(None)
    }

    /// Ends the crawl; to be called when the catalog is saved. Until then a crawl of the same goes on from here.
    ///
    /// # Errors
    /// If the record of pages can't be put away.
    pub fn finish(mut self) -> Result<Crawled, CrawlError> {
        self.tally.rejected.sort();
        self.journal.finish()?;
        Ok(Crawled {
            items: self.tally.items,
            granules: self.tally.granules,
            pages: self.pages.read,
            resumed: self.pages.resumed,
            not_modified: self.pages.not_modified,
            rejected: self.tally.rejected,
            rejected_count: self.tally.rejected_count,
            lost: self.tally.lost,
            notes: self.notes,
        })
    }

    /// The granules of the next item.
    fn next_group(&mut self) -> Result<Option<Grouped>, CrawlError> {
        let Some((id, entry)) = self.next_winner()? else { return Ok(None) };
        let mut group = Grouped { id, members: BTreeMap::new(), superseded: Vec::new() };
        self.join(&mut group, entry);
        while let Some((id, entry)) = self.next_winner()? {
            if id == group.id {
                self.join(&mut group, entry);
            } else {
                self.head = Some((id, entry));
                break;
            }
        }
        group.superseded.sort();
        group.superseded.dedup();
        Ok(Some(group))
    }

    fn next_winner(&mut self) -> Result<Option<(String, Entry)>, CrawlError> {
        match self.head.take() {
            Some(head) => Ok(Some(head)),
            None => self.winners.next(&mut |r| self.tally.reject(r)),
        }
    }

    /// Adds a granule to its item, as each of the assets that it is.
    fn join(&mut self, group: &mut Grouped, entry: Entry) {
        let Entry { granule, superseded, .. } = entry;
        group.superseded.extend(superseded);
        // It was read before, with the filters.
        let Verdict::Wanted((captures, days)) =
            candidate::read(&self.definition, &Wanted::default(), &granule)
        else {
            return;
        };
        let place = candidate::known_place(&self.definition, &self.grids, &granule, &captures);
        let candidate = Arc::new(Candidate { granule, captures, days, place });
        for asset in &self.definition.group.assets {
            let key = asset.render(&candidate.captures);
            if let Some(other) = group.members.get(&key) {
                let reason = format!("a duplicate of {}", other.granule.href);
                self.tally.reject(Rejected::new(candidate.granule.name.clone(), reason));
            } else {
                group.members.insert(key, Arc::clone(&candidate));
            }
        }
    }
}
