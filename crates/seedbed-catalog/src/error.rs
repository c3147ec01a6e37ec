//! What can go wrong with catalogs.

use seedbed_storage::{Location, LocationError, StorageError};
use std::path::PathBuf;

/// Why a catalog operation failed. Each message says this layer's fact; the
/// cause is in [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A document could not be read.
    #[error("cannot read {at}")]
    Read {
        /// The document.
        at: Location,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// A document could not be written.
    #[error("cannot write {at}")]
    Write {
        /// The document.
        at: Location,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// A file could not be copied.
    #[error("cannot copy to {to}")]
    Copy {
        /// Where it was to go.
        to: Location,
        /// Why; it names the source.
        #[source]
        source: StorageError,
    },
    /// An asset's href is the very place it would be copied to, and what is there isn't what the item says.
    #[error("{at} is where a copy would go, and the item names no origin to bring it from")]
    NoOrigin {
        /// The place.
        at: Location,
        /// What is wrong with what is there.
        #[source]
        source: StorageError,
    },
    /// A local file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `list`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A document isn't JSON.
    #[error("{at} is no JSON{}", line.map(|n| format!(" (line {n})")).unwrap_or_default())]
    Json {
        /// The document.
        at: String,
        /// The line of a newline-delimited file.
        line: Option<usize>,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A document is JSON but not what it should be.
    #[error("{at}: {reason}")]
    Document {
        /// The document, or what there is of a name for it.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A STAC API stands where a static catalog is needed.
    #[error(
        "{at} is a STAC API, which can't be read as a whole: `seedbed catalog search` it and name the items file"
    )]
    NotStatic {
        /// Its address.
        at: String,
    },
    /// Neither an address nor the folder of that name has a catalog.
    #[error("there is no catalog at {at}, and no {inside}")]
    NoCatalog {
        /// The address.
        at: Location,
        /// What was looked for below it.
        inside: Location,
        /// What is at the address.
        #[source]
        source: Box<CatalogError>,
    },
    /// A linked document isn't there or unreadable.
    #[error("{from} links to {to} as `{rel}`, which cannot be read")]
    Link {
        /// The linking document.
        from: Location,
        /// The linked one.
        to: Location,
        /// The relation, such as `child`.
        rel: String,
        /// Why.
        #[source]
        source: Box<CatalogError>,
    },
    /// An href that is no location.
    #[error("the href `{href}` in {at} is no location")]
    Href {
        /// The href, as it may be shown.
        href: String,
        /// The document or item that holds it.
        at: String,
        /// Why.
        #[source]
        source: LocationError,
    },
    /// Geometry that can't be understood.
    #[error("{at}: the geometry can't be understood")]
    Geometry {
        /// The item or file.
        at: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A filter that can't be parsed or evaluated.
    #[error("the filter `{filter}` can't be {step}")]
    Filter {
        /// The filter as written.
        filter: String,
        /// `parsed`, or `evaluated on item X`.
        step: String,
        /// Why.
        #[source]
        source: Box<cql2::Error>,
    },
    /// A filter with an operator that isn't judged here.
    #[error("the filter `{filter}` has `{operator}`, which can't be evaluated here on what it is given")]
    Operator {
        /// The filter as written.
        filter: String,
        /// The operator or function.
        operator: String,
    },
    /// A date or interval that can't be read.
    #[error(
        "`{text}` is no date or interval: write 2003, 2003-06, 2003-06-01 or A/B, A first, with `..` for open ends"
    )]
    Interval {
        /// What was written.
        text: String,
    },
    /// An asset's place can't be had.
    #[error("{at}: the CRS of asset `{asset}` is not understood")]
    Crs {
        /// The item.
        at: String,
        /// The asset.
        asset: String,
        /// Why.
        #[source]
        source: seedbed_grid::ProjectionError,
    },
    /// Two files of a copy would have one name.
    #[error("{first} and {second} would both be copied to {to}")]
    SameName {
        /// The first source.
        first: String,
        /// The second source.
        second: String,
        /// The contested place.
        to: String,
    },
    /// Two items of a collection have one id.
    #[error("several items have the id {id}, and differ")]
    Repeated {
        /// The id.
        id: String,
    },
    /// Two documents of a tree would have one name.
    #[error("{first} and {second} would both be written to {to}")]
    Collision {
        /// The first claimant.
        first: String,
        /// The second claimant.
        second: String,
        /// The contested place.
        to: String,
    },
    /// Items that came in another order than that of their ids.
    #[error("item {id} was given after item {after}: items must come in the order of their ids")]
    Order {
        /// The item before.
        after: String,
        /// The item that should have come earlier.
        id: String,
    },
    /// A layout that can't be used, or that an item doesn't fit.
    #[error("the layout `{layout}` can't be used: {reason}")]
    Layout {
        /// The layout.
        layout: String,
        /// Why.
        reason: String,
    },
    /// Items stand in sub-catalogs of another layout.
    #[error("item {item} is in the sub-catalog {stands} already, and `{layout}` would have it in {wanted}")]
    OtherLayout {
        /// The layout.
        layout: String,
        /// The item.
        item: String,
        /// The sub-catalog it is in.
        stands: String,
        /// The one that the layout puts it in.
        wanted: String,
    },
    /// A copy's destination template that can't be used.
    #[error("the destination template `{template}` is unusable: {reason}")]
    Template {
        /// The template.
        template: String,
        /// Why.
        reason: String,
    },
    /// Copying in place needs one document an item.
    #[error("{at} can't be updated in place, item by item: {reason}; name a catalog to write with --out")]
    NotInPlace {
        /// The catalog or items file.
        at: String,
        /// Why.
        reason: String,
    },
    /// Nothing can be copied to that place.
    #[error("nothing can be copied to {to}: {reason}")]
    Destination {
        /// The folder.
        to: String,
        /// Why.
        reason: String,
    },
    /// The tree has the collection at another place.
    #[error(
        "collection {id} is in the tree already, at {at}: name no other place for it, or move it with `catalog rewrite`"
    )]
    Elsewhere {
        /// The collection.
        id: String,
        /// Where it is.
        at: String,
    },
    /// A file stands where an item's document is to go.
    #[error(
        "{at}: a file stands there that is no STAC item, where an item's document is to go: move it away"
    )]
    NoItem {
        /// The file.
        at: String,
    },
    /// Another program writes the same tree in a store.
    #[error("{at}: another program writes it at the same time ({what}); run this again when that has ended")]
    Overtaken {
        /// The document.
        at: String,
        /// What it did.
        what: String,
    },
    /// A copy wouldn't fit where it is to go.
    #[error("{to}: {room} bytes are free, and the copy needs {bytes}")]
    NoRoom {
        /// The folder.
        to: String,
        /// Bytes to write, as far as they are known.
        bytes: u64,
        /// Bytes that are free.
        room: u64,
    },
    /// A copy would transfer more than allowed.
    #[error("the copy needs {bytes} bytes, more than the {limit} allowed")]
    TooMuch {
        /// The bytes known to be needed.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A STAC API answered something else than an item collection, or paged in a circle.
    #[error("{url}: {reason}")]
    Api {
        /// The request.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A page of a STAC API's answer is no JSON.
    #[error("{url}: page {page} of its answer is no JSON")]
    Page {
        /// The request, without its query.
        url: String,
        /// Which page, counted from 1.
        page: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A file of items whose name says no form.
    #[error("{at}: the name's ending says no format: write .json, .ndjson or .parquet")]
    Form {
        /// The file.
        at: String,
    },
    /// A Parquet file where this program can't read or write any.
    #[error("{at}: this build of the program reads and writes no Parquet; use .json or .ndjson")]
    NoParquet {
        /// The file.
        at: String,
    },
    /// A JSON schema that can't be used.
    #[error("the schema {schema} can't be used: {reason}")]
    Schema {
        /// Its file or `$id`.
        schema: String,
        /// Why.
        reason: String,
    },
}

impl CatalogError {
    /// Whether trying again later may help: failures of the network do, and what another program was at work on.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } | Self::Copy { source, .. } => {
                source.retryable()
            }
            Self::NoOrigin { source, .. } => source.retryable(),
            Self::Link { source, .. } => source.retryable(),
            Self::Overtaken { .. } => true,
            // One that broke off may come whole the next time.
            Self::Page { source, .. } => source.is_eof(),
            _ => false,
        }
    }

    /// Whether the user's request or configuration is at fault, a file that
    /// isn't there included, and not a broken file or a server.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        let gone = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
        matches!(self, Self::Io { action: "read", source, .. } if gone(source))
            || matches!(
                self,
                Self::Json { .. }
                    | Self::Document { .. }
                    | Self::Filter { .. }
                    | Self::Operator { .. }
                    | Self::Interval { .. }
                    | Self::NotStatic { .. }
                    | Self::NoCatalog { .. }
                    | Self::Template { .. }
                    | Self::Layout { .. }
                    | Self::OtherLayout { .. }
                    | Self::SameName { .. }
                    | Self::Repeated { .. }
                    | Self::NotInPlace { .. }
                    | Self::NoItem { .. }
                    | Self::Destination { .. }
                    | Self::Elsewhere { .. }
                    | Self::TooMuch { .. }
                    | Self::Form { .. }
                    | Self::NoParquet { .. }
            )
    }

    /// Whether a document, or one that it links to, isn't there.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.is_not_found(),
            Self::Link { source, .. } => source.is_absence(),
            _ => false,
        }
    }

    /// Whether no other file can be copied either: no room is left, or no more may be transferred.
    #[must_use]
    pub fn stops_all(&self) -> bool {
        let (Self::Copy { source, .. } | Self::Write { source, .. }) = self else { return false };
        source.is_full() || source.is_over_limit()
    }

    pub(crate) fn overtaken(at: &Location, what: impl Into<String>) -> Self {
        Self::Overtaken { at: at.to_string(), what: what.into() }
    }

    pub(crate) fn document(at: &(impl ToString + ?Sized), reason: impl Into<String>) -> Self {
        Self::Document { at: at.to_string(), reason: reason.into() }
    }
}
