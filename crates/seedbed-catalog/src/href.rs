//! Hrefs: resolved on reading; written relative inside a tree and, on a local
//! disk, to what lies near it, if the folders between are no symbolic links.
//!
//! A relative href counts from the document that holds it. On a local disk it
//! is a plain path, as pystac and GDAL read it. Where nothing is at that path, it may be the decoded
//! one (`my%20data` is `my data`), or the one that the disk finds from the real place of a document
//! that was named by a symbolic link. On HTTP and WebDAV it is a URL reference as RFC 3986 has it.

use crate::CatalogError;
use seedbed_storage::{Checksum, Location, LocationError, shown_text};
use std::path::{Component, Path, PathBuf};
use url::Url;

/// Where an href points that stands in the document at `document`; without a
/// document it counts from the working directory.
///
/// # Errors
/// [`CatalogError::Href`] if it is empty or has a scheme no store knows, such as `data:` or `urn:`. A file on a local
/// disk may have a name that looks so.
pub fn resolve_href(document: Option<&Location>, href: &str) -> Result<Location, CatalogError> {
    let resolved = match document {
        Some(document) => document.resolve(href),
        None => href.parse(),
    };
    let resolved = match bare_scheme(href) {
        Some(scheme) if !resolved.as_ref().is_ok_and(is_there) => {
            Err(LocationError::Scheme { at: shown_text(href), scheme: scheme.to_owned() })
        }
        _ => resolved.map(|at| on_disk(at, href)),
    };
    resolved.map_err(|source| CatalogError::Href {
        href: shown_text(href),
        at: document.map_or_else(|| "an item".to_owned(), ToString::to_string),
        source,
    })
}

/// The scheme of an address without `//`, as `data:`, `urn:` and `doi:` have one (RFC 3986, section 3.1). One letter is a
/// drive of another system.
pub fn bare_scheme(href: &str) -> Option<&str> {
    let (scheme, rest) = href.split_once(':')?;
    let mut letters = scheme.chars();
    let valid = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let is_file = scheme.eq_ignore_ascii_case("file") && rest.starts_with('/');
    (valid && scheme.len() > 1 && !rest.starts_with("//") && !is_file).then_some(scheme)
}

/// Whether a location is a path at which something is.
fn is_there(at: &Location) -> bool {
    at.as_path().is_some_and(|path| path.symlink_metadata().is_ok())
}

/// The place that an encoded href means on a local disk.
fn on_disk(at: Location, href: &str) -> Location {
    match at.as_path().and_then(Path::to_str) {
        Some(path) if !href.contains("://") => decoded_on_disk(path).map_or(at, Location::from),
        _ => at,
    }
}

/// The file that an href means. On a local disk one that isn't at the path counted from the name of its document may
/// be where the disk finds it, from the document's real place.
pub fn resolve_file(document: Option<&Location>, href: &str) -> Result<Location, CatalogError> {
    let at = resolve_href(document, href)?;
    let folder =
        document.filter(|_| href.starts_with("..")).and_then(Location::as_path).and_then(Path::parent);
    match (folder, at.as_path()) {
        (Some(folder), Some(path)) if path.symlink_metadata().is_err() => {
            Ok(folder.join(href).canonicalize().map_or(at, Location::from))
        }
        _ => Ok(at),
    }
}

/// The decoded path, if something is there and nothing is at the path as it stands.
pub fn decoded_on_disk(path: &str) -> Option<PathBuf> {
    if !path.contains('%') || Path::new(path).symlink_metadata().is_ok() {
        return None;
    }
    let decoded = PathBuf::from(decoded(path));
    decoded.symlink_metadata().is_ok().then_some(decoded)
}

/// A path whose `%20` and the like are taken for what they stand for; as it is, if that is no text.
pub fn decoded(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).filter(|h| h.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|h| std::str::from_utf8(h).ok());
        let byte = hex.filter(|_| bytes[at] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| path.to_owned())
}

/// The href of `target` relative to the document at `document`, with a leading
/// `./` or `../`; `None` if they lie in different stores.
#[must_use]
pub fn relative_href(document: &Location, target: &Location) -> Option<String> {
    let folder = absolute(document).parent()?;
    absolute(target).relative_to(&folder)
}

/// The same place, absolute and normalised; as it is if the working directory can't be told.
pub fn absolute(location: &Location) -> Location {
    location.absolute().unwrap_or_else(|_| location.clone())
}

/// The href as it may stand in any document: addresses as they are (also those
/// of schemes we have no store for), paths absolute.
pub fn absolute_href(document: Option<&Location>, href: &str) -> String {
    match resolve_href(document, href) {
        Ok(_) if href.contains("://") => href.to_owned(),
        Ok(location) => match absolute(&location) {
            // Its query is a part of it, whatever is in that.
            Location::Http(url) | Location::Dav(url) => url.into(),
            location => location.to_string(),
        },
        Err(_) => href.to_owned(),
    }
}

/// An absolute href as it must stand in a document at `document`: where that lies in a store, a local path is an
/// address, since it would be taken for a path of the store.
pub fn written_in(document: &Location, href: String) -> String {
    if document.is_local() || !href.starts_with('/') {
        return href;
    }
    Url::from_file_path(&href).map_or(href, String::from)
}

/// The absolute href with the values of secret query parameters taken out, as
/// it may be written down for good.
pub fn public_href(document: Option<&Location>, href: &str) -> String {
    match resolve_href(document, href) {
        Ok(location) => absolute(&location).to_string(),
        Err(_) => href.to_owned(),
    }
}

/// Whether `target` lies inside the folder `root` (of the same store).
pub fn is_inside(root: &Location, target: &Location) -> bool {
    absolute(target).relative_to(&absolute(root)).is_some_and(|link| link.starts_with("./") && link.len() > 2)
}

/// Whether two local paths have a folder in common besides the file system's root.
pub fn share_a_folder(a: &Location, b: &Location) -> bool {
    let first = |at: &Location| {
        let path = absolute(at).as_path()?.to_owned();
        let mut names = path.components().skip_while(|c| !matches!(c, Component::Normal(_)));
        // The last name is the file's, unless more follow.
        names.next().filter(|_| names.next().is_some()).map(|c| c.as_os_str().to_owned())
    };
    first(a).is_some_and(|name| first(b) == Some(name))
}

/// The href of a copy at `target`: relative within the tree at `root`, and to what lies near it on the same disk,
/// so that a document doesn't tell in which folder the work was done, and catalog and copies can be moved together.
/// Absolute elsewhere, and where a symbolic link between would lead a relative one astray.
pub fn copy_href(target: &Location, document: &Location, root: &Location) -> String {
    let near = is_inside(root, target) || share_a_folder(document, target);
    let relative = if near { relative_href(document, target) } else { None };
    match relative.filter(|href| leads_to(document, href, target)) {
        Some(href) => href,
        None => written_in(document, absolute(target).to_string()),
    }
}

/// Whether a relative href leads to the target from the document's real place as well as from its path.
fn leads_to(document: &Location, href: &str, target: &Location) -> bool {
    let (Some(document), Some(target)) = (document.as_path(), target.as_path()) else { return true };
    if !href.starts_with("..") {
        return true;
    }
    let from = real(document.parent().unwrap_or(Path::new(".")));
    from.zip(real(target)).is_none_or(|(from, target)| real(&from.join(href)).is_some_and(|at| at == target))
}

/// A path without symbolic links, of which the end may not be there yet.
fn real(path: &Path) -> Option<PathBuf> {
    let path = absolute(&Location::from(path)).as_path()?.to_owned();
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let (above, found) = there?;
    Some(found.join(path.strip_prefix(above).ok()?))
}

/// Whether two locations are the same place, whether written absolute or not.
pub fn same_place(a: &Location, b: &Location) -> bool {
    a == b || absolute(a) == absolute(b)
}

/// The most bytes of a name made here: file systems take 255, and a document's has an ending.
const LONGEST_NAME: usize = 240;

/// A name for a file or folder: letters, digits and `._-+=@,~` stay, any other
/// character becomes `_`; never `.`, `..` or empty. Of one that is too long for file systems a digest stands for the
/// middle.
pub fn safe_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || "._-+=@,~".contains(c) { c } else { '_' }).collect();
    match safe.len() {
        _ if safe.chars().all(|c| c == '.') => format!("_{safe}"),
        ..=LONGEST_NAME => safe,
        _ => shortened(&safe, name),
    }
}

fn shortened(safe: &str, name: &str) -> String {
    let digest = &Checksum::of_bytes(name.as_bytes()).digest_hex()[..16];
    // The ending tells what is in the file.
    let from = safe.char_indices().map(|(n, _)| n).find(|n| safe.len() - n <= 40).unwrap_or(safe.len());
    let room = LONGEST_NAME - digest.len() - 2 - (safe.len() - from);
    let to = safe.char_indices().map(|(n, c)| n + c.len_utf8()).take_while(|end| *end <= room).last();
    format!("{}~{digest}~{}", &safe[..to.unwrap_or_default()], &safe[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        text.parse().unwrap()
    }

    #[test]
    fn relative_hrefs_count_from_the_document() {
        for (document, href, expected) in [
            ("/cat/a/a.json", "./x.tif", "/cat/a/x.tif"),
            ("/cat/a/a.json", "../collection.json", "/cat/collection.json"),
            ("/cat/a/a.json", "/data/x.tif", "/data/x.tif"),
            ("https://h.org/cat/a.json", "../x.tif", "https://h.org/x.tif"),
            ("https://h.org/cat/a.json", "/x.tif", "https://h.org/x.tif"),
            ("https://h.org/cat/a.json", "https://k.org/x?v=1", "https://k.org/x?v=1"),
            ("s3://b/cat/a/a.json", "../x.tif", "s3://b/cat/x.tif"),
        ] {
            let resolved = resolve_href(Some(&at(document)), href).unwrap();
            assert_eq!(resolved.to_string(), expected, "{href} in {document}");
        }
        assert!(resolve_href(Some(&at("/a.json")), "").is_err());
    }

    #[test]
    fn an_error_shows_no_user_of_an_href() {
        for href in ["http://me:s3cret@h/x.tif?sig=s3cret", "s3://AK:s3cret@b/x", "gs://me:s3cret@b/x"] {
            let error = resolve_href(Some(&at("/c/item.json")), href).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains("s3cret") && text.contains("***@"), "{text}");
        }
    }

    #[test]
    fn relative_and_resolved_are_inverse() {
        for (document, target, href) in [
            ("/cat/c/i/i.json", "/cat/c/i/x.tif", "./x.tif"),
            ("/cat/c/i/i.json", "/cat/catalog.json", "../../catalog.json"),
            ("/cat/catalog.json", "/cat/c/collection.json", "./c/collection.json"),
            ("s3://b/k/c.json", "s3://b/k/d/e.json", "./d/e.json"),
        ] {
            assert_eq!(relative_href(&at(document), &at(target)).as_deref(), Some(href));
            assert_eq!(resolve_href(Some(&at(document)), href).unwrap(), at(target));
        }
        assert_eq!(relative_href(&at("/a/b.json"), &at("https://h.org/x")), None);
        assert_eq!(relative_href(&at("https://h.org/x"), &at("https://k.org/x")), None);
    }

    #[test]
    fn inside_means_below_by_whole_names() {
        assert!(is_inside(&at("/cat"), &at("/cat/a/x.tif")));
        assert!(!is_inside(&at("/cat"), &at("/cat2/x.tif")));
        assert!(!is_inside(&at("/cat"), &at("/cat")));
        assert!(is_inside(&at("https://h.org/cat/"), &at("https://h.org/cat/x")));
    }

    #[test]
    fn the_root_and_the_files_themselves_are_no_common_folder() {
        let share = |a, b| share_a_folder(&at(a), &at(b));
        assert!(share("/disk/u/cat/i.json", "/disk/u/data/x.nc"));
        assert!(share("/disk/u/cat/i.json", "/disk/v/x.nc"));
        assert!(share("cat/i.json", "data/x.nc"));
        assert!(!share("/disk/u/cat/i.json", "/scratch/x.nc"));
        assert!(!share("/i.json", "/x.nc"));
        assert!(!share("/home", "/disk/x.nc"));
        assert!(!share("/disk/u/i.json", "https://h.org/disk/x.nc"));
    }

    #[test]
    fn copies_are_named_relative_within_their_tree_and_near_it() {
        for (target, document, root, href) in [
            ("/u/cat/data/x.nc", "/u/cat/c/i/i.json", "/u/cat", "../../data/x.nc"),
            ("/u/cat/c/i/x.nc", "/u/cat/c/i/i.json", "/u/cat", "./x.nc"),
            ("/u/data/x.nc", "/u/cat/c/i.json", "/u/cat", "../../data/x.nc"),
            ("/v/data/x.nc", "/u/cat/c/i.json", "/u/cat", "/v/data/x.nc"),
            ("s3://b/cat/x.nc", "s3://b/cat/i.json", "s3://b/cat", "./x.nc"),
            ("s3://b/data/x.nc", "s3://b/cat/i.json", "s3://b/cat", "s3://b/data/x.nc"),
            ("/u/x.nc", "s3://b/cat/i.json", "s3://b/cat", "file:///u/x.nc"),
        ] {
            assert_eq!(copy_href(&at(target), &at(document), &at(root)), href, "{document} to {target}");
        }
    }

    #[test]
    fn a_link_within_a_tree_makes_hrefs_through_it_absolute() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        std::fs::create_dir_all(top.join("far/c/i")).unwrap();
        std::fs::create_dir_all(top.join("cat/data")).unwrap();
        std::fs::write(top.join("cat/data/x.nc"), "x").unwrap();
        std::os::unix::fs::symlink("../far/c", top.join("cat/c")).unwrap();
        let target = Location::from(top.join("cat/data/x.nc"));
        let href =
            copy_href(&target, &Location::from(top.join("cat/c/i/i.json")), &Location::from(top.join("cat")));
        assert_eq!(href, target.to_string());
    }

    #[test]
    fn a_local_path_is_an_address_in_a_document_of_a_store() {
        for (document, href, written) in [
            ("/cat/i.json", "/disk/a b.tif", "/disk/a b.tif"),
            ("s3://b/cat/i.json", "/disk/a b.tif", "file:///disk/a%20b.tif"),
            ("dcache://pnfs/cat/i.json", "/disk/x.tif", "file:///disk/x.tif"),
            ("s3://b/cat/i.json", "s3://c/x.tif", "s3://c/x.tif"),
        ] {
            assert_eq!(written_in(&at(document), href.to_owned()), written, "{document}");
            let resolved = resolve_href(Some(&at(document)), written).unwrap();
            assert_eq!(resolved.to_string(), href, "{document}");
        }
    }

    #[test]
    fn hrefs_of_unknown_schemes_stay() {
        for href in ["gs://b/x.zarr", "data:image/png;base64,AAAA", "urn:x:y", "doi:10.1/x", "mailto:a@b.org"]
        {
            for document in ["/c/i.json", "https://h.org/c/i.json", "s3://b/c/i.json"] {
                assert_eq!(absolute_href(Some(&at(document)), href), href);
                let error = resolve_href(Some(&at(document)), href).unwrap_err();
                assert!(matches!(error, CatalogError::Href { .. }), "{href} in {document}");
            }
        }
        for path in ["./urn:x", "c:x", "2003:x", "a/b:c", "file:/x"] {
            assert!(resolve_href(Some(&at("/c/i.json")), path).is_ok(), "{path}");
        }
        assert_eq!(absolute_href(Some(&at("/c/i.json")), "../x"), "/x");
    }

    #[test]
    fn a_file_on_a_disk_may_have_a_name_that_looks_like_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let item = Location::from(folder.path().join("i.json"));
        std::fs::write(folder.path().join("run:1.nc"), "x").unwrap();
        assert!(resolve_href(Some(&item), "run:1.nc").is_ok());
        assert!(resolve_href(Some(&item), "run:2.nc").is_err());
    }

    #[test]
    fn a_relative_href_keeps_its_query() {
        let item = at("https://h.org/c/i.json");
        assert_eq!(absolute_href(Some(&item), "../x.tif?sig=abc&v=1"), "https://h.org/x.tif?sig=abc&v=1");
        assert!(!public_href(Some(&item), "../x.tif?sig=abc&v=1").contains("abc"));
    }

    #[test]
    fn names_are_safe_for_files() {
        assert_eq!(safe_name("MOD13Q1.A2003097.h12v04"), "MOD13Q1.A2003097.h12v04");
        assert_eq!(safe_name("a/b c:d"), "a_b_c_d");
        assert_eq!(safe_name(".."), "_..");
        assert_eq!(safe_name(""), "_");
    }
}
