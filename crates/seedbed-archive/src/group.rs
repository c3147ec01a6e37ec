//! Granules that belong together become one item; of several for the same asset
//! the preferred one counts. All of it is done by sorting, so that memory holds
//! one item's granules at a time.

use crate::CrawlError;
use crate::candidate::Candidate;
use crate::definition::{Definition, PreferTable};
use crate::granule::{Granule, Rejected};
use crate::template::Captures;
use seedbed_catalog::{Sorted, Sorter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The granules of one item.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub id: String,
    /// By asset key; one granule may be several assets.
    pub members: BTreeMap<String, Arc<Candidate>>,
    /// Names of granules that gave way to preferred ones.
    pub superseded: Vec<String>,
}

impl Grouped {
    /// The first member, which stands for what all have in common.
    pub(crate) fn first(&self) -> Option<&Candidate> {
        self.members.values().next().map(Arc::as_ref)
    }

    /// What the item has for a preference: the value that all members share,
    /// else the least preferred among them, since the item is no better than that.
    pub(crate) fn choice(&self, prefer: &PreferTable) -> Option<&str> {
        let worst = self.members.values().max_by_key(|c| rank(prefer, &c.captures))?;
        worst.captures.get(&prefer.capture).map(String::as_str)
    }
}

/// How good a granule is by one preference, as bytes: less is better.
fn rank(prefer: &PreferTable, captures: &Captures) -> Vec<u8> {
    let value = captures.get(&prefer.capture).map_or("", String::as_str);
    if prefer.order.is_empty() {
        // The greatest text first: each byte's complement, and an end that comes after all of them.
        value.bytes().map(|b| !b).chain([0xff]).collect()
    } else {
        let place = prefer.order.iter().position(|o| o == value).unwrap_or(prefer.order.len());
        format!("{place:06}").into_bytes()
    }
}

/// A granule in the sorter.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub granule: Granule,
    /// The item's id, while the slot is what it is sorted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Names of those it won over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<String>,
}

/// Gathers granules, and gives them back as the winners of each asset, in ascending order of items' ids.
pub(crate) struct Contest {
    sorter: Sorter,
}

/// The parts of a sorting key, divided by zeros: slot or id, assets, ranks, name, href.
fn key(place: &str, definition: &Definition, captures: &Captures, granule: &Granule) -> Vec<u8> {
    let assets: Vec<String> = definition.group.assets.iter().map(|a| a.render(captures)).collect();
    let ranks = definition.group.prefer.iter().flat_map(|p| rank(p, captures));
    let mut key = format!("{place}\0{}\0", assets.join("\u{1}")).into_bytes();
    key.extend(ranks);
    key.push(0);
    key.extend_from_slice(granule.name.as_bytes());
    key.push(0);
    key.extend_from_slice(granule.href.as_bytes());
    key
}

/// How many bytes of a key name slot (or id) and assets, and how many these and the ranks.
fn contested(key: &[u8]) -> (usize, usize) {
    let mut zeros = key.iter().enumerate().filter(|(_, b)| **b == 0).map(|(i, _)| i);
    let _ = zeros.next();
    let assets = zeros.next().unwrap_or(key.len());
    (assets, zeros.next().unwrap_or(key.len()))
}

impl Contest {
    pub(crate) fn new(work: &Path, memory: usize) -> Self {
        Self { sorter: Sorter::new(work, memory) }
    }

    /// Adds a granule with its captures.
    pub(crate) fn add(
        &mut self,
        definition: &Definition,
        captures: &Captures,
        granule: Granule,
    ) -> Result<(), CrawlError> {
        let rules = &definition.group;
        let id = rules.id.render(captures);
        let (place, id) = match &rules.slot {
            Some(slot) => (slot.render(captures), Some(id)),
            None => (id, None),
        };
        let key = key(&place, definition, captures, &granule);
        self.push(&key, &Entry { granule, id, superseded: Vec::new() })
    }

    fn push(&mut self, key: &[u8], entry: &Entry) -> Result<(), CrawlError> {
        let value = serde_json::to_vec(entry).map_err(|e| CrawlError::Record { source: e })?;
        self.sorter.push(key, &value).map_err(|source| CrawlError::Sort { source })
    }

    /// The winners. Where slots are not items, that takes a second sort.
    pub(crate) fn finish(
        self,
        definition: &Definition,
        work: &Path,
        memory: usize,
        reject: &mut dyn FnMut(Rejected),
    ) -> Result<Winners, CrawlError> {
        let sorted = self.sorter.finish().map_err(|source| CrawlError::Sort { source })?;
        let mut winners = Winners { sorted, head: None };
        if definition.group.slot.is_none() {
            return Ok(winners);
        }
        let mut by_id = Self::new(work, memory);
        while let Some((key, mut entry)) = winners.next_with_key(reject)? {
            // The same key, but for what stands before the assets.
            let mut by = entry.id.take().unwrap_or_default().into_bytes();
            by.extend_from_slice(&key[key.iter().position(|b| *b == 0).unwrap_or(key.len())..]);
            by_id.push(&by, &entry)?;
        }
        let sorted = by_id.sorter.finish().map_err(|source| CrawlError::Sort { source })?;
        Ok(Winners { sorted, head: None })
    }
}

/// The winners of slots (or of ids) and assets, in their order.
pub(crate) struct Winners {
    sorted: Sorted,
    /// A record that was read ahead.
    head: Option<(Vec<u8>, Entry)>,
}

impl Winners {
    /// The next winner with its slot or id.
    pub(crate) fn next(
        &mut self,
        reject: &mut dyn FnMut(Rejected),
    ) -> Result<Option<(String, Entry)>, CrawlError> {
        let Some((key, winner)) = self.next_with_key(reject)? else { return Ok(None) };
        let place = key.split(|b| *b == 0).next().unwrap_or_default();
        Ok(Some((String::from_utf8_lossy(place).into_owned(), winner)))
    }

    fn next_with_key(
        &mut self,
        reject: &mut dyn FnMut(Rejected),
    ) -> Result<Option<(Vec<u8>, Entry)>, CrawlError> {
        let Some((key, mut winner)) = self.record()? else { return Ok(None) };
        let (assets, ranks) = contested(&key);
        loop {
            let Some((other, rival)) = self.record()? else { break };
            if other.get(..=assets) != key.get(..=assets) {
                self.head = Some((other, rival));
                break;
            }
            if other.get(..=ranks) == key.get(..=ranks) {
                let kept =
                    if winner.granule.href.is_empty() { &winner.granule.name } else { &winner.granule.href };
                reject(Rejected::new(rival.granule.name, format!("a duplicate of {kept}")));
            } else {
                winner.superseded.push(rival.granule.name);
            }
            winner.superseded.extend(rival.superseded);
        }
        Ok(Some((key, winner)))
    }

    fn record(&mut self) -> Result<Option<(Vec<u8>, Entry)>, CrawlError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        let Some(record) = self.sorted.next() else { return Ok(None) };
        let (key, value) = record.map_err(|source| CrawlError::Sort { source })?;
        let entry = serde_json::from_slice(&value).map_err(|source| CrawlError::Record { source })?;
        Ok(Some((key, entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_sort_by_order_or_by_the_greatest_text() {
        let prefer = |order: &[&str]| PreferTable {
            capture: "c".to_owned(),
            order: order.iter().map(|o| (*o).to_owned()).collect(),
            property: None,
        };
        let of = |p: &PreferTable, v: &str| rank(p, &[("c".to_owned(), v.to_owned())].into());
        let stability = prefer(&["stable", "provisional"]);
        assert!(of(&stability, "stable") < of(&stability, "provisional"));
        assert!(of(&stability, "provisional") < of(&stability, "unheard of"));
        let newest = prefer(&[]);
        assert!(of(&newest, "2021") < of(&newest, "2020"));
        assert!(of(&newest, "20201") < of(&newest, "2020"));
        assert!(of(&newest, "2020") < of(&newest, ""));
    }
}
