//! The catalog documents of a product, derived from its records.

use crate::product::read_record;
use crate::standing::{Summary, standings};
use crate::{Expected, Member, PrepError, Root, Spool};
use serde_json::json;
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
    root: impl Into<Root>,
    expected: &Expected,
    description: &str,
    spool: &Spool,
) -> Result<(), PrepError> {
    let root = root.into();
    let mut items = Vec::new();
    let (mut start, mut end): (Option<String>, Option<String>) = (None, None);
    for (member, summary) in expected.members.iter().zip(summaries(&root, &expected.members)?) {
        let Some(summary) = summary else { continue };
        start = summary.start.into_iter().chain(start).min();
        end = summary.end.into_iter().chain(end).max();
        items.push(json!({
            "rel": "item",
            "href": format!("./{}", member.record_names()),
            "type": "application/geo+json",
            "title": summary.id,
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
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(PrepError::Encode)?;
        bytes.push(b'\n');
        root.write_document(name, bytes, spool)?;
    }
    Ok(())
}

/// What the records say that there are, in the members' order.
fn summaries(root: &Root, members: &[Member]) -> Result<Vec<Option<Summary>>, PrepError> {
    let local =
        |root: &Path, member: &Member| read_record(&member.record(root)).ok().as_ref().map(Summary::of);
    match root {
        Root::Local(root) => Ok(members.iter().map(|member| local(root, member)).collect()),
        Root::Store(store) => {
            let members: Vec<&Member> = members.iter().collect();
            Ok(standings(store, &members)?.into_iter().map(|standing| standing.summary).collect())
        }
    }
}
