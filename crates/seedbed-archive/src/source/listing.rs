//! Any prefix of a store: a folder of this machine, a bucket.

use super::{Web, decode};
use crate::CrawlError;
use crate::granule::{Found, Granule};
use seedbed_storage::Location;

/// What a transfer under way leaves beside the files.
const UNFINISHED: [&str; 2] = [".part", ".part.json"];

/// Lists everything below the root.
pub(crate) async fn crawl(web: &Web<'_>, root: &Location) -> Result<Found, CrawlError> {
    let address = &web.definition.source.address;
    // A definition of another kind has an address that means nothing here: all of the root is listed.
    let prefix = match web.definition.source.kind {
        crate::definition::Kind::Listing if !address.is_empty() => root.join(address),
        _ => root.clone(),
    };
    let prefix = prefix.absolute().map_err(|source| CrawlError::Here { at: prefix.to_string(), source })?;
    let listed = web
        .stores
        .list(&prefix)
        .await
        .map_err(|source| CrawlError::Storage { at: prefix.to_string(), source })?;
    web.progress.page(&prefix.to_string(), listed.len());
    let granules = listed.into_iter().filter_map(|file| {
        let name = file.at.file_name()?;
        let name = if file.at.is_local() { name.to_owned() } else { decode(name) };
        let ours = name.starts_with('.') || UNFINISHED.iter().any(|end| name.ends_with(end));
        (!ours).then(|| Granule { name, href: file.at.to_string(), size: file.size, ..Granule::default() })
    });
    Ok(Found { granules: granules.collect(), rejected: Vec::new() })
}
