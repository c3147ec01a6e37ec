//! The catalog documents of a product, derived from its records.

use crate::product::{Flaw, read_record};
use crate::standing::{Summary, standings};
use crate::{Expected, Member, PrepError, Root, Spool};
use serde_json::{Value, json};
use std::collections::HashSet;
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

/// What is wrong with the documents of a product of which these members have been made: `prep`, `run` and `mosaic` write
/// them anew.
///
/// # Errors
/// [`PrepError::Storage`] where a store can't be read, [`PrepError::Read`] for a file.
pub(crate) fn flaws(root: &Root, made: &[&Member]) -> Result<Vec<(&'static str, Flaw)>, PrepError> {
    let mut flaws = Vec::new();
    let children = ["./collection.json".to_owned()];
    let items: Vec<String> = made.iter().map(|member| format!("./{}", member.record_names())).collect();
    for (name, kind, linked) in
        [("catalog.json", "Catalog", &children[..]), ("collection.json", "Collection", &items)]
    {
        if made.is_empty() {
            continue;
        }
        let flaw = match root.document(name)? {
            None => Some(Flaw::Missing("the product's document isn't there".to_owned())),
            Some(bytes) => match serde_json::from_slice::<Value>(&bytes) {
                Err(e) => Some(Flaw::Wrong(format!("it is cut short or damaged: {e}"))),
                Ok(document) if document["type"] != kind => {
                    Some(Flaw::Wrong(format!("it is no STAC {kind}")))
                }
                Ok(document) => {
                    let links = document["links"].as_array().into_iter().flatten();
                    let links: HashSet<&str> = links.filter_map(|link| link["href"].as_str()).collect();
                    let mut missing = linked.iter().filter(|href| !links.contains(href.as_str()));
                    let first = missing.next();
                    first.map(|first| {
                        Flaw::Wrong(format!("it has no link to {first} and {} others", missing.count()))
                    })
                }
            },
        };
        flaws.extend(flaw.map(|flaw| (name, flaw)));
    }
    Ok(flaws)
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
