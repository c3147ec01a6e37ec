//! Following a definition from its root to items.

use crate::collection::collection;
use crate::definition::Definition;
use crate::granule::{Found, Granule, Rejected};
use crate::grid::{GridFailure, Grids};
use crate::group::{Candidate, group};
use crate::nearest::nearest;
use crate::pattern::Reading;
use crate::root::Root;
use crate::source::{self, Web};
use crate::wanted::Wanted;
use crate::{item, template::Captures};
use jiff::civil::Date;
use seedbed_catalog::{Collection, Item};
use seedbed_grid::{Bbox, ProjectionError, Projections};
use seedbed_storage::{Location, StorageError, Stores};
use std::collections::{BTreeMap, BTreeSet};

/// What of an archive to crawl, and where.
#[derive(Debug, Clone)]
pub struct CrawlOptions {
    /// A mirror in place of the definition's root. One that is no web server
    /// (a folder, a bucket) is listed as it is, whatever the definition's source.
    pub root: Option<Location>,
    /// Wanted values by key; several for one key are alternatives.
    pub where_: Vec<(String, Vec<String>)>,
    /// First and last wanted day, each included; a granule counts if any of its days is wanted.
    pub datetime: Option<(Option<Date>, Option<Date>)>,
    /// The wanted area in WGS 84; a granule counts if its box meets it.
    pub bbox: Option<Bbox>,
    /// How many requests run at once.
    pub jobs: usize,
}

impl Default for CrawlOptions {
    /// Everything, from the definition's own root, 8 requests at once.
    fn default() -> Self {
        Self { root: None, where_: Vec::new(), datetime: None, bbox: None, jobs: 8 }
    }
}

/// What a crawl found.
#[derive(Debug, Clone)]
pub struct Crawl {
    /// The archive as a collection of these items.
    pub collection: Collection,
    /// The items, sorted by id.
    pub items: Vec<Item>,
    /// What was listed but could not be used, sorted.
    pub rejected: Vec<Rejected>,
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

/// Why a crawl could not be done. What is wrong with single granules or pages
/// is in [`Crawl::rejected`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrawlError {
    /// A filter's key that no name of the archive has.
    #[error("`{definition}` has no key `{key}` to choose by (it has {known}){}", hint(.nearest.as_deref()))]
    Where {
        /// The definition's name.
        definition: String,
        /// The key.
        key: String,
        /// The keys there are.
        known: String,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// A root that the definition's source can't be listed from.
    #[error("`{definition}` can't be crawled there: {needs}")]
    Root {
        /// The definition's name.
        definition: String,
        /// What its source needs.
        needs: &'static str,
    },
    /// A pattern of the definition that can't be used.
    #[error("`{definition}`: its folders are no pattern ({reason})")]
    Pattern {
        /// The definition's name.
        definition: String,
        /// Why.
        reason: String,
    },
    /// An address that can't be made from root and definition.
    #[error("{at}: not an address")]
    Address {
        /// What was made.
        at: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// A path that has no absolute form.
    #[error("{at}: it can't be told where that is")]
    Here {
        /// The path.
        at: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A grid of the definition that can't be placed on Earth.
    #[error("`{definition}`: the grid `{grid}` can't be used")]
    Grid {
        /// The definition's name.
        definition: String,
        /// The grid's name.
        grid: String,
        /// Why.
        #[source]
        source: ProjectionError,
    },
    /// The archive did not answer.
    #[error("{at}: the archive can't be listed")]
    Storage {
        /// What was asked for.
        at: String,
        /// Why.
        #[source]
        source: StorageError,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("\nhint: did you mean `{nearest}`?"))
}

impl CrawlError {
    pub(crate) fn pattern(definition: &Definition, error: &regex::Error) -> Self {
        Self::Pattern { definition: definition.name().to_owned(), reason: error.to_string() }
    }

    /// Whether the same crawl may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Storage { source, .. } if source.retryable())
    }

    /// Whether the request or the definition is at fault, not the archive.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Storage { .. })
    }
}

/// Lists an archive and makes items of what it lists.
///
/// The result depends only on the archive's answers: not on the number of
/// jobs, their order, or the clock.
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
) -> Result<Crawl, CrawlError> {
    let wanted = wanted(definition, options)?;
    let root = Root::of(options.root.as_ref().unwrap_or(&definition.root));
    let web = Web { definition, wanted: &wanted, stores, jobs: options.jobs, progress };
    let found = source::granules(&web, &root).await?;
    sort_out(definition, &wanted, found, projections)
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
    Ok(Wanted::new(values, options.datetime.unwrap_or_default(), options.bbox))
}

/// From what a source found to items.
pub(crate) fn sort_out(
    definition: &Definition,
    wanted: &Wanted,
    found: Found,
    projections: &dyn Projections,
) -> Result<Crawl, CrawlError> {
    let Found { granules, mut rejected } = found;
    let mut grids = Grids::new(&definition.grids, projections);
    let mut candidates = Vec::new();
    for granule in granules {
        match candidate(definition, wanted, &mut grids, &granule)? {
            Sorted::Wanted(found) => {
                let (captures, days, place) = *found;
                candidates.push(Candidate { granule, captures, days, place });
            }
            Sorted::Unwanted => {}
            Sorted::Rejected(reason) => rejected.push(Rejected::new(granule.name, reason)),
        }
    }
    let mut items = Vec::new();
    for group in group(definition, candidates, &mut rejected) {
        let adopted = group.first().is_some_and(|c| c.granule.item.is_some());
        let item = if adopted {
            item::adopt(definition, &group)
        } else {
            item::build(definition, &group).ok_or_else(|| "none of its granules is an asset".to_owned())
        };
        match item {
            Ok(item) => items.push(item),
            Err(reason) => rejected.push(Rejected::new(group.id, reason)),
        }
    }
    rejected.sort();
    let collection = collection(definition, &items);
    Ok(Crawl { collection, items, rejected })
}

/// What becomes of a granule.
enum Sorted {
    Wanted(Box<(Captures, (Date, Date), std::sync::Arc<crate::grid::Placed>)>),
    /// Another file, or filtered out.
    Unwanted,
    Rejected(String),
}

fn candidate(
    definition: &Definition,
    wanted: &Wanted,
    grids: &mut Grids<'_>,
    granule: &Granule,
) -> Result<Sorted, CrawlError> {
    let captures = match definition.names.read(&granule.name) {
        Reading::Granule(captures) => captures,
        Reading::Other => return Ok(Sorted::Unwanted),
        Reading::Unknown => return Ok(Sorted::Rejected("its name is none of this archive's".to_owned())),
    };
    let rules = &definition.group;
    let defined = |a: &crate::template::Template| definition.assets.contains_key(&a.render(&captures));
    if !wanted.has(&captures) || !rules.assets.iter().all(defined) {
        return Ok(Sorted::Unwanted);
    }
    let days = match rules.strategy.days(&captures, rules.calendar) {
        Ok(days) if wanted.meets(days) => days,
        Ok(_) => return Ok(Sorted::Unwanted),
        Err(reason) => return Ok(Sorted::Rejected(reason)),
    };
    match grids.place(&rules.grid.render(&captures), &captures) {
        Ok(place) if wanted.touches(place.bbox) => Ok(Sorted::Wanted(Box::new((captures, days, place)))),
        Ok(_) => Ok(Sorted::Unwanted),
        Err(GridFailure::Granule(reason)) => Ok(Sorted::Rejected(reason)),
        Err(GridFailure::Projection(grid, source)) => {
            Err(CrawlError::Grid { definition: definition.name().to_owned(), grid, source })
        }
    }
}
