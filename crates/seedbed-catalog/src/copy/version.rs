//! Names of the versions that an archive had of a file, of which copies are kept.

use crate::document::text;
use crate::href::{safe_name, same_place};
use crate::{Asset, Item};
use seedbed_storage::{Checksum, Location};

/// How much of a digest tells one version from another.
const SHORT: usize = 8;

/// What an asset's archive says of its version: that itself, else when it last changed the file, else the beginning of
/// its digest. The same before and after a copy.
fn told(asset: &Asset<'_>) -> Option<String> {
    let declared = asset.origin_object().unwrap_or(asset.as_object());
    if let Some(version) = text(asset.as_object(), "version") {
        return Some(safe_name(version));
    }
    if let Some(updated) = text(declared, "updated") {
        // Midnight is the day alone; letters and digits only, as a file's name has them.
        let day = updated.trim_end_matches("T00:00:00Z");
        return Some(if day.len() < updated.len() { day.to_owned() } else { day.replace(['-', ':'], "") });
    }
    text(declared, "file:checksum").and_then(shortened)
}

/// The beginning of a multihash, which itself begins with the kind and length of the digest.
fn shortened(multihash: &str) -> Option<String> {
    multihash.get(4..4 + SHORT).map(str::to_owned)
}

/// A short name for the version of a copy: what its archive says, else the beginning of its digest.
pub fn version_of(copy: &Asset<'_>) -> String {
    let of_server = || {
        let tag = copy.origin_object().and_then(|origin| text(origin, "seedbed:etag"));
        tag.map_or_else(|| "old".to_owned(), |tag| safe_name(tag.trim_matches('"')))
    };
    told(copy).or_else(|| copy.checksum().and_then(shortened)).unwrap_or_else(of_server)
}

/// The copies of older versions of an asset, each by its key.
fn superseded<'a>(item: &'a Item, key: &str) -> Vec<(&'a str, Asset<'a>)> {
    let is_older = |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    item.assets().filter(|(other, asset)| is_older(other) && asset.is_superseded()).collect()
}

/// The path below `to` of an asset's file: the one it would have alone, or, where copies of older versions are kept,
/// with its version before the ending. None of those has that name: an archive may tell no versions, or the same again.
pub fn path_beside(item: &Item, asset: &Asset<'_>, to: &Location, path: String) -> String {
    let older = superseded(item, asset.key());
    if older.is_empty() {
        return path;
    }
    let is_taken = |path: &str| {
        let at = to.join(path);
        older.iter().filter_map(|(_, asset)| asset.location().ok()).any(|other| same_place(&other, &at))
    };
    let by_version = told(asset).map(|version| versioned(&path, &version));
    by_version.filter(|path| !is_taken(path)).unwrap_or_else(|| versioned(&path, &digest(asset, &older)))
}

/// Tells a version from those before it by what is known before it is copied, and still after.
fn digest(asset: &Asset<'_>, older: &[(&str, Asset<'_>)]) -> String {
    let before: Vec<&str> = older.iter().map(|(key, _)| *key).collect();
    let text = format!("{:?}\n{}", asset.identity(), before.join("\n"));
    Checksum::of_bytes(text.as_bytes()).digest_hex()[..SHORT].to_owned()
}

/// The key under which a copy of an older version stays in an item that is crawled again: that of no other file.
pub fn key_beside(old: &Item, copy: &Asset<'_>) -> String {
    let place = |asset: &Asset<'_>| asset.location().ok();
    let key = format!("{}.{}", copy.key(), version_of(copy));
    let is_free = |key: &str| old.asset(key).is_none_or(|other| place(&other) == place(copy));
    if is_free(&key) {
        return key;
    }
    let numbered = (2..=u32::MAX).map(|n| format!("{key}.{n}")).find(|key| is_free(key));
    numbered.unwrap_or(key)
}

/// A path with a version before the ending of its last name.
fn versioned(path: &str, version: &str) -> String {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.').filter(|dot| *dot > 0) {
        Some(dot) => format!("{}.{version}{}", &path[..name + dot], &path[name + dot..]),
        None => format!("{path}.{version}"),
    }
}
