//! Which of a definition's sources is listed, and from which root.

use crate::definition::{Definition, Kind, Source};
use crate::journal::Journal;
use crate::nearest::nearest;
use crate::page::Step;
use crate::root::Root;
use crate::source::{Fetched, Web};
use crate::wanted::Wanted;
use crate::{CrawlError, CrawlOptions, CrawlProgress};
use seedbed_storage::{Checksum, Location, StorageError, Stores};
use std::path::Path;

/// Raised when the journal's lines change their meaning.
const JOURNAL_VERSION: u32 = 1;

/// The source that is listed, and how far it got.
pub(crate) struct Opened<'a> {
    pub web: Web<'a>,
    pub journal: Journal,
    pub first: Vec<Step>,
    /// What became of the first step, where it was taken to see whether the source fits.
    pub fetched: Option<Fetched>,
    /// What the user should know of the choice.
    pub note: Option<String>,
}

/// A source at a root.
type Way = (Source, Root);

/// The sources that may be what is at the root, the likeliest first.
fn ways(definition: &Definition, options: &CrawlOptions) -> Result<Vec<Way>, CrawlError> {
    let name = || definition.name().to_owned();
    let asked = match &options.source {
        Some(asked) => {
            Some(definition.sources.iter().find(|s| s.name == *asked).ok_or_else(|| CrawlError::Source {
                definition: name(),
                source_name: asked.clone(),
                known: definition.source_names().collect::<Vec<_>>().join(", "),
                nearest: nearest(asked, definition.source_names()).map(str::to_owned),
            })?)
        }
        None => None,
    };
    let default = || definition.sources.first().cloned().unwrap_or_else(|| Source::plain(Kind::Listing));
    let Some(given) = &options.root else {
        let source = asked.cloned().unwrap_or_else(default);
        // The definition's root is the default source's; one of another kind is elsewhere.
        let shared = definition.root.as_ref().filter(|_| source.kind == default().kind);
        let root = source.root.as_ref().or(shared);
        let root = root.ok_or_else(|| CrawlError::NoRoot { definition: name() })?;
        return Ok(vec![(source.clone(), prefix_or_web(definition, &source, root)?)]);
    };
    if let (Some(asked), Location::Http(_)) = (asked, given) {
        return Ok(vec![(asked.clone(), Root::of(given))]);
    }
    if !matches!(given, Location::Http(_)) {
        let listing = definition.sources.iter().find(|s| s.kind == Kind::Listing);
        let source = asked.or(listing).cloned().unwrap_or_else(|| Source::plain(Kind::Listing));
        let root = prefix_or_web(definition, &source, given)?;
        return Ok(vec![(source, root)]);
    }
    let mut ways: Vec<Way> = Vec::new();
    for source in &definition.sources {
        // Made-up addresses and lists of buckets say nothing of a web server.
        if ways.is_empty() || !matches!(source.kind, Kind::Template | Kind::Listing) {
            ways.push((source.clone(), Root::of(given)));
        }
    }
    if !definition.names.is_empty() {
        ways.push((Source::plain(Kind::Index), Root::of(given)));
    }
    Ok(ways)
}

fn prefix_or_web(definition: &Definition, source: &Source, root: &Location) -> Result<Root, CrawlError> {
    let root = Root::of(root);
    if matches!(root, Root::Prefix(_)) && definition.names.is_empty() {
        let needs = match source.kind {
            Kind::Cmr => "CMR is a web server: its root starts with http:// or https://",
            _ => "a STAC API is a web server: its root starts with http:// or https://",
        };
        return Err(CrawlError::Root { definition: definition.name().to_owned(), needs });
    }
    Ok(root)
}

/// Opens the source that answers. Where the user's root may be of several kinds, they are tried in turn.
pub(crate) async fn open<'a>(
    definition: &'a Definition,
    options: &CrawlOptions,
    wanted: &'a Wanted,
    stores: &'a Stores,
    progress: &'a dyn CrawlProgress,
    work: &Path,
) -> Result<Opened<'a>, CrawlError> {
    let ways = ways(definition, options)?;
    let alone = ways.len() == 1;
    let default = ways.first().map(|(s, _)| s.kind.name()).unwrap_or_default();
    let mut refused: Option<Opened<'a>> = None;
    for (i, (source, root)) in ways.into_iter().enumerate() {
        if source.kind == Kind::Template && !options.probe && matches!(root, Root::Web(_)) {
            let definition = definition.name().to_owned();
            return Err(CrawlError::Unprobed { definition, source_name: source.name });
        }
        let query = query(definition, (i, &source), &root, wanted);
        let unfinished = !options.fresh && Journal::has_unfinished(work, &query);
        let note = (i > 0).then(|| {
            let plain = if source.name == default { "a plain " } else { "" };
            format!(
                "{} is listed as {plain}`{}`: it doesn't answer as `{default}`",
                shown(&root),
                source.name
            )
        });
        let web = Web::new((definition, source, root), wanted, stores, options, progress)?;
        let first = web.first()?;
        let journal = Journal::open(work, &query, options.fresh)?;
        let mut opened = Opened { web, journal, first, fetched: None, note };
        let fits = match opened.first.first().filter(|_| !alone && !unfinished) {
            // It was found to fit before, or there is nothing else, or nothing to ask.
            None => true,
            Some(step) => {
                let known = opened.journal.validators(step);
                let fetched = opened.fetched.insert(opened.web.fetch(step, known.as_ref()).await?);
                match fetched {
                    Fetched::Unusable(_) => false,
                    Fetched::Failed(error) => !is_elsewhere(error),
                    _ => true,
                }
            }
        };
        if fits {
            if let Some(refused) = refused {
                refused.journal.discard();
            }
            return Ok(opened);
        }
        match &refused {
            None => refused = Some(opened),
            Some(_) => opened.journal.discard(),
        }
    }
    // Nothing fits: what the default source met is what there is to tell.
    refused.ok_or_else(|| CrawlError::NoRoot { definition: definition.name().to_owned() })
}

/// Whether an error says that there is no such thing at this address.
fn is_elsewhere(error: &StorageError) -> bool {
    error.is_not_found()
        || (!error.retryable() && error.status().is_some_and(|s| matches!(s, 400 | 404..=422 | 501)))
}

fn shown(root: &Root) -> String {
    match root {
        Root::Web(url) => Location::Http(url.clone()).to_string(),
        Root::Prefix(at) => at.to_string(),
    }
}

/// What tells one crawl from another, as a name for its files. Two ways to one root may have sources of one name.
fn query(definition: &Definition, (way, source): (usize, &Source), root: &Root, wanted: &Wanted) -> String {
    let text = format!(
        "{JOURNAL_VERSION}\0{}\0{way}\0{}\0{}\0{}\0{}",
        definition.toml(),
        source.name,
        source.kind.name(),
        shown(root),
        wanted.signature()
    );
    let mut hex = Checksum::of_bytes(text.as_bytes()).digest_hex();
    hex.truncate(32);
    hex
}
