//! Granules that belong together become one item; of several for the same
//! asset the preferred one counts.

use crate::definition::{Definition, PreferTable};
use crate::granule::{Granule, Rejected};
use crate::grid::Placed;
use crate::template::Captures;
use jiff::civil::Date;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A granule whose name, dates and place are known.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub granule: Granule,
    pub captures: Captures,
    pub days: (Date, Date),
    pub place: Arc<Placed>,
}

/// The granules of one item.
#[derive(Debug)]
pub(crate) struct Grouped {
    pub id: String,
    /// By asset key; one granule may be several assets.
    pub members: BTreeMap<String, Candidate>,
    /// Names of granules that gave way to preferred ones.
    pub superseded: Vec<String>,
}

impl Grouped {
    /// The first member, which stands for what all have in common.
    pub(crate) fn first(&self) -> Option<&Candidate> {
        self.members.values().next()
    }

    /// What the item has for a preference: the value that all members share,
    /// else the least preferred among them, since the item is no better than that.
    pub(crate) fn choice(&self, prefer: &PreferTable) -> Option<&str> {
        let of = |c: &Candidate| std::cmp::Reverse(rank(prefer, &c.captures));
        let worst = self.members.values().min_by_key(|c| of(c))?;
        worst.captures.get(&prefer.capture).map(String::as_str)
    }
}

/// How good a value is: less is better.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Its place in the definition's order.
    Place(usize),
    /// The greatest text first.
    Text(Reverse<String>),
}

fn rank(prefer: &PreferTable, captures: &Captures) -> Rank {
    let value = captures.get(&prefer.capture).map_or("", String::as_str);
    if prefer.order.is_empty() {
        Rank::Text(Reverse(value.to_owned()))
    } else {
        Rank::Place(prefer.order.iter().position(|o| o == value).unwrap_or(prefer.order.len()))
    }
}

/// What granules compete for: the slot's name and the assets that they would be.
type Slot = (String, Vec<String>);

/// Groups the candidates into items, sorted by id. Duplicates are rejected.
pub(crate) fn group(
    definition: &Definition,
    candidates: Vec<Candidate>,
    rejected: &mut Vec<Rejected>,
) -> Vec<Grouped> {
    let rules = &definition.group;
    let mut slots: BTreeMap<Slot, Vec<(Vec<Rank>, Candidate)>> = BTreeMap::new();
    for candidate in candidates {
        let assets = rules.assets.iter().map(|a| a.render(&candidate.captures)).collect();
        let ranks = rules.prefer.iter().map(|p| rank(p, &candidate.captures)).collect();
        slots.entry((rules.slot.render(&candidate.captures), assets)).or_default().push((ranks, candidate));
    }
    let mut items: BTreeMap<String, Grouped> = BTreeMap::new();
    for ((_, assets), mut rivals) in slots {
        rivals.sort_by(|(r, a), (s, b)| {
            (r, &a.granule.name, &a.granule.href).cmp(&(s, &b.granule.name, &b.granule.href))
        });
        let mut rivals = rivals.into_iter();
        let Some((best, winner)) = rivals.next() else { continue };
        let mut superseded = Vec::new();
        for (ranks, loser) in rivals {
            if ranks == best {
                let other =
                    if winner.granule.href.is_empty() { &winner.granule.name } else { &winner.granule.href };
                rejected.push(Rejected::new(loser.granule.name, format!("a duplicate of {other}")));
            } else {
                superseded.push(loser.granule.name);
            }
        }
        let id = rules.id.render(&winner.captures);
        let item = items.entry(id.clone()).or_insert_with(|| Grouped {
            id,
            members: BTreeMap::new(),
            superseded: Vec::new(),
        });
        item.superseded.append(&mut superseded);
        for asset in assets {
            item.members.insert(asset, winner.clone());
        }
    }
    for item in items.values_mut() {
        item.superseded.sort();
        item.superseded.dedup();
    }
    items.into_values().collect()
}
