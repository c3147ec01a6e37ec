//! The catalog documents of a product, derived from its records.

use crate::product::read_record;
use crate::{Expected, PrepError, Spool};
use seedbed_storage::Location;
use serde_json::{Value, json};
use std::path::Path;

/// Writes `catalog.json` and `collection.json` over the records that exist.
///
/// They are derived: written again at any time they come out the same, and a
/// file that would not change is left alone. A record that can't be read is left
/// out; [`verify`](crate::verify()) names it.
///
/// # Errors
/// [`PrepError::Storage`] if a document can't be written.
pub fn write_catalog(
    root: &Path,
    expected: &Expected,
    description: &str,
    spool: &Spool,
) -> Result<(), PrepError> {
    let mut items = Vec::new();
    let (mut start, mut end): (Option<String>, Option<String>) = (None, None);
    for member in &expected.members {
        let Ok(item) = read_record(&member.record(root)) else { continue };
        let text = |name: &str| item.property(name).and_then(Value::as_str).map(str::to_owned);
        start = text("start_datetime").into_iter().chain(start).min();
        end = text("end_datetime").into_iter().chain(end).max();
        items.push(json!({
            "rel": "item",
            "href": format!("./{}/{}/{}.json", member.tile, member.period, member.key),
            "type": "application/geo+json",
            "title": item.id(),
        }));
    }
    let b = expected.bbox;
    let mut links = vec![
        json!({ "rel": "root", "href": "./catalog.json", "type": "application/json" }),
        json!({ "rel": "parent", "href": "./catalog.json", "type": "application/json" }),
    ];
    links.extend(items);
    let collection = json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": expected.name,
        "description": description,
        "license": "other",
        "extent": {
            "spatial": { "bbox": [[b.west, b.south, b.east, b.north]] },
            "temporal": { "interval": [[start, end]] },
        },
        "summaries": { "seedbed:variables": expected.variables },
        "links": links,
    });
    let catalog = json!({
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": format!("{}-catalog", expected.name),
        "description": description,
        "links": [
            { "rel": "root", "href": "./catalog.json", "type": "application/json" },
            { "rel": "child", "href": "./collection.json", "type": "application/json", "title": expected.name },
            { "rel": "expected", "href": "./expected.json", "type": "application/json" },
        ],
    });
    for (name, document) in [("collection.json", collection), ("catalog.json", catalog)] {
        let path = root.join(name);
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(PrepError::Encode)?;
        bytes.push(b'\n');
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        spool.block_on(spool.stores().replace(&Location::Local(path), bytes.into()))?;
    }
    Ok(())
}
