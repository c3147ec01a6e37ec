//! Names of copies: those at the archive, made unique.

use super::template::Template;
use crate::ground::hash;
use crate::href::{decoded, resolve_href, safe_name, same_place};
use crate::{Asset, CatalogError, Item};
use seedbed_storage::{Checksum, Location, is_left_behind};
use std::collections::{HashMap, HashSet};

type Hash = (u64, u64);

/// Which places below a destination files of several sources would have.
///
/// It is made of all items of a catalog and all their assets, so that a file's
/// name doesn't depend on what is copied.
#[derive(Debug, Clone, Default)]
pub struct Names {
    shared: HashSet<Hash>,
}

/// What is put before a file's name, one after the other until nobody else has that place.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    Item,
    CollectionAndItem,
    /// A digest of these and of the source.
    Digest,
}

impl Before {
    const ALL: [Self; 4] = [Self::Nothing, Self::Item, Self::CollectionAndItem, Self::Digest];
}

impl Names {
    /// Of these items, with this template.
    #[must_use]
    pub fn of(items: &[Item], template: &Template) -> Self {
        let mut names = Self::default();
        // Items that have a folder to themselves, as most do, need no look at their files.
        let mut folders: HashMap<Option<Hash>, usize> = HashMap::new();
        let folder = |item: &Item| template.folder(item).map(|folder| hash(&folder));
        for item in items {
            *folders.entry(folder(item)).or_default() += 1;
        }
        let is_alone =
            |item: &Item| folder(item).is_some_and(|folder| folders.get(&Some(folder)) == Some(&1));
        let others: Vec<&Item> = items.iter().filter(|item| !is_alone(item)).collect();
        for _ in Before::ALL {
            let found = names.shared.len();
            // By place: the source that has it.
            let mut taken: HashMap<Hash, Hash> = HashMap::new();
            for (item, asset) in
                others.iter().flat_map(|item| item.assets().map(move |(_, asset)| (item, asset)))
            {
                // What can't be copied has no place, and what is superseded has one by its version.
                let Ok((_, from)) = name_at_archive(&asset) else { continue };
                let Ok(path) = names.path(item, &asset, template) else { continue };
                if asset.is_superseded() {
                    continue;
                }
                let (place, source) = (hash(&path), hash(&from.to_string()));
                if *taken.entry(place).or_insert(source) != source {
                    names.shared.insert(place);
                }
            }
            if names.shared.len() == found {
                break;
            }
        }
        names
    }

    /// The path of an asset's file below the destination: the item's id is put before
    /// the file's name where another item has a file of that path; the collection's, too, if that isn't enough.
    pub(super) fn path(
        &self,
        item: &Item,
        asset: &Asset<'_>,
        template: &Template,
    ) -> Result<String, CatalogError> {
        let name = file_name(item, asset)?;
        let mut path = String::new();
        for before in Before::ALL {
            let collection = item.collection().unwrap_or_default();
            let before = match before {
                Before::Nothing => String::new(),
                Before::Item => format!("{}-", item.id()),
                Before::CollectionAndItem => format!("{collection}-{}-", item.id()),
                Before::Digest => format!("{}-", digest(item, asset)),
            };
            path = if template.has_filename() {
                template.fill(item, asset.key(), &format!("{before}{name}"))?
            } else {
                let filled = template.fill(item, asset.key(), &name)?;
                let (folder, last) =
                    filled.rfind('/').map_or(("", &*filled), |slash| filled.split_at(slash + 1));
                format!("{folder}{}", safe_name(&format!("{before}{last}")))
            };
            path = lasting(path);
            if !self.shared.contains(&hash(&path)) {
                break;
            }
        }
        Ok(path)
    }
}

/// A path whose file is never taken for one that a transfer left, and taken away.
pub(super) fn lasting(path: String) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    if is_left_behind(name) { format!("{path}-file") } else { path }
}

/// Tells a file from all others.
fn digest(item: &Item, asset: &Asset<'_>) -> String {
    let from = name_at_archive(asset).map(|(_, from)| from.to_string()).unwrap_or_default();
    let text = format!("{}\n{}\n{}\n{from}", item.collection().unwrap_or_default(), item.id(), asset.key());
    Checksum::of_bytes(text.as_bytes()).digest_hex()[..8].to_owned()
}

/// The file's name at its archive, unique among the files of its item, its document and those of its
/// collection: chosen or not, so that it doesn't depend on the choice.
fn file_name(item: &Item, asset: &Asset<'_>) -> Result<String, CatalogError> {
    let (name, from) = name_at_archive(asset)?;
    let others: Vec<(String, String, Location)> = item
        .assets()
        .filter(|(key, other)| *key != asset.key() && !other.is_superseded())
        .filter_map(|(key, other)| Some((key.to_owned(), name_at_archive(&other).ok()?)))
        .filter(|(_, (_, at))| !same_place(at, &from))
        .map(|(key, (name, at))| (key, name, at))
        .collect();
    let has = |names: &[String], name: &str| names.iter().any(|other| safe_name(other) == safe_name(name));
    let plain: Vec<String> = others.iter().map(|(_, name, _)| name.clone()).collect();
    if !is_a_document(item, &name) && !has(&plain, &name) {
        return Ok(name);
    }
    let keyed = format!("{}-{name}", asset.key());
    let of_others: Vec<String> = others.iter().map(|(key, name, _)| format!("{key}-{name}")).collect();
    if !is_a_document(item, &keyed) && !has(&plain, &keyed) && !has(&of_others, &keyed) {
        return Ok(keyed);
    }
    Ok(format!("{}-{keyed}", digest(item, asset)))
}

/// Whether a STAC document beside the item's may have this name.
fn is_a_document(item: &Item, name: &str) -> bool {
    let name = safe_name(name);
    name == "catalog.json" || name == "collection.json" || name == format!("{}.json", safe_name(item.id()))
}

fn name_at_archive(asset: &Asset<'_>) -> Result<(String, Location), CatalogError> {
    let at = match asset.origin().map(|origin| resolve_href(None, origin)) {
        Some(Ok(origin)) => origin,
        // An origin in a store of no kind known names no file that could be brought.
        _ => asset.location()?,
    };
    // An archive's web service may have another address than a name for the file.
    let told = asset.as_object().get("file:local_path").and_then(serde_json::Value::as_str);
    let told = told.and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let name = match (told, at.file_name()) {
        (Some(told), _) => told.to_owned(),
        // An address has it encoded.
        (None, Some(name)) if matches!(at, Location::Http(_) | Location::Dav(_)) => decoded(name),
        (None, name) => name.unwrap_or(asset.key()).to_owned(),
    };
    Ok((name, at))
}
