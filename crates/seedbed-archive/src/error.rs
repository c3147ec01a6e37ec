//! Why a crawl could not be done.

use crate::definition::Definition;
use seedbed_catalog::CatalogError;
use seedbed_grid::ProjectionError;
use seedbed_storage::StorageError;
use std::path::PathBuf;

/// Why a crawl could not be done. What is wrong with single granules or pages
/// is in [`Crawled::rejected`](crate::Crawled::rejected) instead.
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
    /// A key that has to be given one value.
    #[error("`{definition}` needs one value for `{key}`\nhint: --where {key}=…")]
    Needs {
        /// The definition's name.
        definition: String,
        /// The key.
        key: String,
    },
    /// A source that the definition doesn't have.
    #[error("`{definition}` has no source `{source_name}` (it has {known}){}", hint(.nearest.as_deref()))]
    Source {
        /// The definition's name.
        definition: String,
        /// What was asked for.
        source_name: String,
        /// The sources there are.
        known: String,
        /// The source that was probably meant.
        nearest: Option<String>,
    },
    /// A definition without a root, and none was given.
    #[error("`{definition}` doesn't say where its archive is\nhint: --root LOCATION")]
    NoRoot {
        /// The definition's name.
        definition: String,
    },
    /// A root that the definition's source can't be listed from.
    #[error("`{definition}` can't be crawled there: {needs}")]
    Root {
        /// The definition's name.
        definition: String,
        /// What its source needs.
        needs: &'static str,
    },
    /// A source that makes addresses, which nobody asked it to check.
    #[error(
        "the source `{source_name}` of `{definition}` makes addresses of files that may not exist\nhint: --probe checks each of them"
    )]
    Unprobed {
        /// The definition's name.
        definition: String,
        /// The source's name.
        source_name: String,
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
    /// The crawl's own files can't be read or written.
    #[error("{}: the crawl's record can't be kept", .at.display())]
    Work {
        /// The file.
        at: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process is at the same crawl.
    #[error("{}: another crawl of the same is under way", .at.display())]
    Busy {
        /// The file that it holds.
        at: PathBuf,
    },
    /// The granules can't be sorted.
    #[error("the granules can't be sorted")]
    Sort {
        /// Why.
        #[source]
        source: CatalogError,
    },
    /// A granule that can't be kept or read back.
    #[error("a granule can't be kept while sorting")]
    Record {
        /// Why.
        #[source]
        source: serde_json::Error,
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
        match self {
            Self::Storage { source, .. } => source.retryable(),
            Self::Busy { .. } => true,
            _ => false,
        }
    }

    /// Whether the request or the definition is at fault, not the archive or this machine.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::Storage { .. }
                | Self::Work { .. }
                | Self::Busy { .. }
                | Self::Sort { .. }
                | Self::Record { .. }
        )
    }
}
