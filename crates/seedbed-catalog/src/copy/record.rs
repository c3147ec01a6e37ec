//! What a copied asset says of itself.

use super::version::{key_beside, version_of};
use crate::asset::{alternate_assets_schema, file_schema, version_schema};
use crate::document::text;
use crate::href::{absolute_href, public_href};
use crate::{Asset, FOLDER, Item};
use seedbed_storage::Meta;
use serde_json::{Map, Value, json};

/// What a listing may say of a file and a copy must not overwrite unseen.
const DECLARED: [&str; 5] = ["file:size", "file:checksum", FOLDER, "updated", "version"];

/// The facts of a finished copy.
pub struct Copied<'a> {
    /// As it is to stand in the item.
    pub href: &'a str,
    /// Bytes.
    pub size: u64,
    /// Multihash in hexadecimal.
    pub checksum: &'a str,
    /// How many files it is, if it is a folder.
    pub files: Option<usize>,
    /// The version that the source's server named.
    pub version: &'a Meta,
}

/// The `alternate.origin` of an asset that is about to be copied: the one it
/// has, or one made of what it says now.
fn origin_of(asset: &Asset<'_>, item: &Item, version: &Meta) -> Map<String, Value> {
    if let Some(origin) = asset.origin_object() {
        return origin.clone();
    }
    // One that names no address keeps what else it says.
    let begun = asset.as_object().get("alternate").and_then(|alternate| alternate.get("origin"));
    let mut origin = begun.and_then(Value::as_object).cloned().unwrap_or_default();
    origin.insert("href".to_owned(), json!(public_href(item.location(), asset.href())));
    for field in DECLARED {
        if let Some(value) = asset.as_object().get(field) {
            origin.insert(field.to_owned(), value.clone());
        }
    }
    for (field, value) in [("seedbed:etag", &version.etag), ("seedbed:last_modified", &version.last_modified)]
    {
        if let Some(value) = value {
            origin.insert(field.to_owned(), json!(value));
        }
    }
    origin
}

/// Makes an item's asset say that it was copied.
pub fn record_copy(item: &mut Item, key: &str, copied: &Copied<'_>) {
    let Some(asset) = item.asset(key) else { return };
    let origin = origin_of(&asset, item, copied.version);
    let (size, checksum) = (copied.size, copied.checksum);
    let facts = match copied.files {
        Some(files) => vec![(FOLDER, json!({ "files": files, "size": size, "checksum": checksum }))],
        None => vec![("file:size", json!(size)), ("file:checksum", json!(checksum))],
    };
    set(item, key, copied.href, facts, origin);
}

/// The facts of a copy that an asset records; `None` if they aren't all there.
fn recorded(asset: &Asset<'_>) -> Option<Vec<(&'static str, Value)>> {
    let said = asset.as_object();
    if let Some(folder) = said.get(FOLDER) {
        return Some(vec![(FOLDER, folder.clone())]);
    }
    let (size, checksum) = (asset.size()?, text(said, "file:checksum")?);
    Some(vec![("file:size", json!(size)), ("file:checksum", json!(checksum))])
}

fn set(item: &mut Item, key: &str, href: &str, facts: Vec<(&str, Value)>, origin: Map<String, Value>) {
    let Some(asset) = item.asset_mut(key) else { return };
    asset.insert("href".to_owned(), json!(href));
    for (field, value) in facts {
        asset.insert(field.to_owned(), value);
    }
    // What stands there may be no object, which says nothing.
    let alternate = asset.get_mut("alternate").map(Value::take);
    let mut alternate = alternate.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    alternate.insert("origin".to_owned(), Value::Object(origin));
    asset.insert("alternate".to_owned(), Value::Object(alternate));
    item.add_extension(alternate_assets_schema());
    item.add_extension(file_schema());
}

/// Takes over into `new` what copying did to `old`, an earlier state of the
/// same item: asset by asset, where both name the same file at the archive.
///
/// Where the archive has another version now, the asset points there again, and
/// the copy stays as an asset of its own, `<key>.<version>`, that says it is
/// superseded. Whether there is such a one.
pub fn keep_copies(new: &mut Item, old: &Item) -> bool {
    let mut stale = false;
    for (key, before) in old.assets() {
        let (Some(origin), Some(after)) = (before.origin_object(), new.asset(key)) else { continue };
        if after.origin_object().is_some() {
            continue;
        }
        let Some(facts) = recorded(&before) else { continue };
        let href = absolute_href(old.location(), before.href());
        if after.identity() == before.identity() {
            set(new, key, &href, facts, origin.clone());
        } else {
            supersede(new, old, &before, &href);
            stale = true;
        }
    }
    stale
}

/// Keeps a copy of an older version as an asset of its own.
fn supersede(new: &mut Item, old: &Item, before: &Asset<'_>, href: &str) {
    let version = version_of(before);
    let mut asset = before.as_object().clone();
    for (field, value) in [
        ("href", json!(href)),
        ("roles", json!(["superseded"])),
        ("version", json!(version)),
        ("deprecated", json!(true)),
    ] {
        asset.insert(field.to_owned(), value);
    }
    new.set_asset(&key_beside(old, before), Value::Object(asset));
    for schema in [version_schema(), alternate_assets_schema(), file_schema()] {
        new.add_extension(schema);
    }
}

/// Takes over into `new` the assets that `old`, an earlier state of the same
/// item, has alone: a crawl of other variables adds to those that were crawled
/// before. Their order is that of `old`, so that crawling again changes nothing. Those of the keys `removed` go.
pub fn keep_assets(new: &mut Item, old: &Item, removed: &[String]) {
    let stays = |key: &str| !removed.iter().any(|removed| removed == key);
    if old.assets().all(|(key, _)| new.asset(key).is_some() || !stays(key)) {
        return;
    }
    let mut assets = Map::new();
    for (key, before) in old.assets().filter(|(key, _)| stays(key)) {
        let mut asset = before.as_object().clone();
        if let Some(given) = new.asset(key) {
            asset.clone_from(given.as_object());
        } else {
            asset.insert("href".to_owned(), json!(absolute_href(old.location(), before.href())));
        }
        assets.insert(key.to_owned(), Value::Object(asset));
    }
    for (key, given) in new.assets() {
        assets.entry(key).or_insert_with(|| Value::Object(given.as_object().clone()));
    }
    new.set_field("assets", Value::Object(assets));
    for extension in old.as_value()["stac_extensions"].as_array().into_iter().flatten() {
        if let Some(schema) = extension.as_str() {
            new.add_extension(schema);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crawled(declared: &Value) -> Item {
        let mut item = Item::new("i");
        let mut asset = json!({"href": "https://h.org/x.nc?v=1", "title": "X"});
        asset.as_object_mut().unwrap().extend(declared.as_object().unwrap().clone());
        item.set_asset("x", asset);
        item
    }

    fn copied(declared: &Value) -> Item {
        let mut item = crawled(declared).at("/cat/i/i.json".parse().unwrap());
        let version = Meta { size: Some(9), etag: Some("\"e\"".into()), ..Meta::default() };
        record_copy(
            &mut item,
            "x",
            &Copied { href: "./x.nc", size: 9, checksum: "1220ab", files: None, version: &version },
        );
        item
    }

    #[test]
    fn a_copy_records_origin_size_checksum_and_version() {
        let item = copied(&json!({"file:checksum": "d50110aa"}));
        assert_eq!(
            item.asset("x").unwrap().as_object(),
            json!({"href": "./x.nc", "title": "X", "file:checksum": "1220ab", "file:size": 9,
                "alternate": {"origin": {"href": "https://h.org/x.nc?v=1", "file:checksum": "d50110aa",
                    "seedbed:etag": "\"e\""}}})
            .as_object()
            .unwrap()
        );
        let before = crawled(&json!({"file:checksum": "d50110aa"}));
        assert_eq!(before.asset("x").unwrap().identity(), item.asset("x").unwrap().identity());
    }

    #[test]
    fn no_secret_is_written_down() {
        let mut item = Item::new("i");
        item.set_asset("x", json!({"href": "https://h.org/x.tif?sig=abc"}));
        let before = item.asset("x").unwrap().identity();
        record_copy(
            &mut item,
            "x",
            &Copied { href: "x", size: 1, checksum: "1220", files: None, version: &Meta::default() },
        );
        assert!(!item.as_value().to_string().contains("abc"));
        assert_eq!(item.asset("x").unwrap().identity(), before);
    }

    #[test]
    fn copying_a_copy_keeps_the_first_origin() {
        let mut item = copied(&json!({}));
        let version = Meta::default();
        record_copy(
            &mut item,
            "x",
            &Copied { href: "/far/x.nc", size: 9, checksum: "1220ab", files: None, version: &version },
        );
        assert_eq!(item.asset("x").unwrap().origin(), Some("https://h.org/x.nc?v=1"));
        assert_eq!(item.asset("x").unwrap().href(), "/far/x.nc");
    }

    #[test]
    fn a_new_crawl_keeps_copies_but_not_stale_ones() {
        let old = copied(&json!({"updated": "2003-01-01T00:00:00Z"}));
        let mut same = crawled(&json!({"updated": "2003-01-01T00:00:00Z"}));
        assert!(!keep_copies(&mut same, &old));
        assert_eq!(same.asset("x").unwrap().href(), "/cat/i/x.nc");
        assert_eq!(
            same.asset("x").unwrap().as_object()["alternate"],
            old.asset("x").unwrap().as_object()["alternate"]
        );

        let mut newer = crawled(&json!({"updated": "2003-07-01T00:00:00Z"}));
        assert!(keep_copies(&mut newer, &old));
        assert_eq!(newer.asset("x").unwrap().href(), "https://h.org/x.nc?v=1");
        let copy = newer.asset("x.2003-01-01").unwrap();
        assert!(copy.is_superseded());
        assert_eq!((copy.href(), copy.as_object()["version"].as_str()), ("/cat/i/x.nc", Some("2003-01-01")));
        assert_eq!(copy.identity(), old.asset("x").unwrap().identity());

        // Crawled again, the item stays as it is now.
        let mut again = crawled(&json!({"updated": "2003-07-01T00:00:00Z"}));
        assert!(!keep_copies(&mut again, &newer));
        keep_assets(&mut again, &newer, &[]);
        assert_eq!(again.as_value()["assets"], newer.as_value()["assets"]);
    }
}
