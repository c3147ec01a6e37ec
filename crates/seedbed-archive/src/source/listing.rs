//! Any prefix of a store: a folder of this machine, a bucket, a WebDAV or dCache folder.

use super::{Fetched, Web, decode, pair_checksums};
use crate::CrawlError;
use crate::definition::Kind;
use crate::granule::Granule;
use crate::page::{Page, Step, Validators};
use seedbed_storage::{ListPage, Listed, Location, is_left_behind};

/// What transfers of other programs leave beside the files.
const UNFINISHED: [&str; 2] = [".part", ".part.json"];

/// Everything below the root.
pub(crate) fn first(web: &Web<'_>, root: &Location) -> Result<Vec<Step>, CrawlError> {
    let address = web.source.address.render(&web.given());
    // A source of another kind has an address that means nothing here: all of the root is listed.
    let prefix = match web.source.kind {
        Kind::Listing if !address.is_empty() => root.join(&address),
        _ => root.clone(),
    };
    let prefix = prefix.absolute().map_err(|source| CrawlError::Here { at: prefix.to_string(), source })?;
    Ok(vec![Step::at(prefix.to_string())])
}

/// The next files of the listing.
pub(crate) async fn fetch(web: &Web<'_>, step: &Step) -> Result<Fetched, CrawlError> {
    let prefix: Location = match step.at.parse() {
        Ok(prefix) => prefix,
        Err(e) => return Ok(Fetched::Unusable(format!("{e}"))),
    };
    web.pause().await;
    let listed = match web.stores.list_page(&prefix, step.cursor.as_deref()).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Fetched::Failed(error)),
    };
    let ListPage { files, next, dangling } = listed;
    let entries = files.len();
    let mut page = Page::default();
    let dangling = dangling.into_iter().map(|at| {
        let file = Listed { at, size: None, modified: None, etag: None };
        (file, Some("a symbolic link that leads nowhere".to_owned()))
    });
    for (file, unreadable) in files.into_iter().map(|file| (file, None)).chain(dangling) {
        let Some(name) = file.at.file_name() else { continue };
        let name = if file.at.is_local() { name.to_owned() } else { decode(name) };
        let is_unfinished = is_left_behind(&name) || UNFINISHED.iter().any(|end| name.ends_with(end));
        if name.starts_with('.') || is_unfinished {
            continue;
        }
        // A local file's own date is that of its copy, not of the archive's file.
        let updated = file.modified.filter(|_| !file.at.is_local());
        page.granules.push(Granule {
            name,
            href: file.at.to_string(),
            size: file.size,
            updated,
            unreadable,
            ..Granule::default()
        });
    }
    pair_checksums(&mut page.granules);
    page.next = next.map(|next| Step { cursor: Some(next), ..step.following(&page, entries) });
    Ok(Fetched::Page(Box::new(page), Validators::default()))
}
