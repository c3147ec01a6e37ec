//! Names of copies: those at the archive, made unique.

use super::template::Template;
use crate::ground::hash;
use crate::href::{resolve_href, same_place};
use crate::{Asset, CatalogError, Item};
use seedbed_storage::Location;
use std::collections::{HashMap, HashSet};

type Hash = (u64, u64);

/// Which places below a destination files of several items would have.
///
/// It is made of all items of a catalog and all their assets, so that a file's
/// name doesn't depend on what is copied.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// By place: the item and the source that have it.
    taken: HashMap<Hash, (Hash, Hash)>,
    shared: HashSet<Hash>,
}

impl Names {
    /// Of these items, with this template.
    #[must_use]
    pub fn of(items: &[Item], template: &Template) -> Self {
        let mut names = Self::default();
        for item in items.iter().filter(|item| !template.is_of_one_item(item)) {
            names.add(item, template);
        }
        names
    }

    fn add(&mut self, item: &Item, template: &Template) {
        let owner = hash(&format!("{} {}", item.collection().unwrap_or_default(), item.id()));
        for (key, asset) in item.assets().filter(|(_, asset)| !asset.is_superseded()) {
            // What can't be copied has no place.
            let Ok((_, from)) = name_at_archive(&asset) else { continue };
            let Ok(path) = file_name(item, &asset).and_then(|name| template.fill(item, key, &name)) else {
                continue;
            };
            let (place, source) = (hash(&path), hash(&from.to_string()));
            let (first, same) = *self.taken.entry(place).or_insert((owner, source));
            if first != owner && same != source {
                self.shared.insert(place);
            }
        }
    }

    /// The path of an asset's file below the destination: the item's id is put before
    /// the file's name where another item has a file of that path.
    pub(super) fn path(
        &self,
        item: &Item,
        asset: &Asset<'_>,
        template: &Template,
    ) -> Result<String, CatalogError> {
        let name = file_name(item, asset)?;
        let path = template.fill(item, asset.key(), &name)?;
        if self.shared.is_empty() || !self.shared.contains(&hash(&path)) {
            return Ok(path);
        }
        template.fill(item, asset.key(), &format!("{}-{name}", item.id()))
    }
}

/// The file's name at its archive, unique among the files of its item: chosen
/// or not, so that it doesn't depend on the choice.
fn file_name(item: &Item, asset: &Asset<'_>) -> Result<String, CatalogError> {
    let (name, from) = name_at_archive(asset)?;
    let mut others = item.assets().filter(|(key, other)| *key != asset.key() && !other.is_superseded());
    let clashes = others
        .any(|(_, other)| name_at_archive(&other).is_ok_and(|(n, f)| n == name && !same_place(&f, &from)));
    Ok(if clashes { format!("{}-{name}", asset.key()) } else { name })
}

fn name_at_archive(asset: &Asset<'_>) -> Result<(String, Location), CatalogError> {
    let at = match asset.origin() {
        Some(origin) => resolve_href(None, origin)?,
        None => asset.location()?,
    };
    // An archive's web service may have another address than a name for the file.
    let told = asset.as_object().get("file:local_path").and_then(serde_json::Value::as_str);
    let told = told.and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let name = told.or(at.file_name()).unwrap_or(asset.key()).to_owned();
    Ok((name, at))
}
