//! How far a run has come, told by its records.

use crate::{Event, Ledger, Plan, RunError};
use seedbed_prep::{Done, Root, survey};
use serde::Serialize;
use std::collections::BTreeMap;

/// One tile's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TileStatus {
    /// The tile.
    pub tile: String,
    /// Products that are there.
    pub done: usize,
    /// Products there should be.
    pub expected: usize,
    /// Periods that are missing.
    pub missing: Vec<String>,
    /// Periods whose record names files that are missing or damaged.
    pub damaged: Vec<String>,
    /// Why the last attempt failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A run's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// Products that are there.
    pub done: usize,
    /// Products there should be.
    pub expected: usize,
    /// Tile by tile.
    pub tiles: Vec<TileStatus>,
}

impl StatusReport {
    /// The state of a plan's products at their root. The records tell it, from whatever machine; why a
    /// tile failed is told on the machine where it did.
    ///
    /// # Errors
    /// [`RunError::Ledger`] if the ledger can't be read, [`RunError::Prep`] if the store can't be.
    pub fn of(plan: &Plan, root: impl Into<Root>) -> Result<Self, RunError> {
        let root = root.into();
        let mut last: BTreeMap<String, Option<String>> = BTreeMap::new();
        for entry in Ledger::read(&root)? {
            let failure = match entry.event {
                Event::Failed { reason } => Some(reason),
                Event::Started | Event::Finished { .. } => None,
                Event::Committed | Event::Resumed { .. } | Event::PassedOver { .. } => continue,
            };
            last.insert(entry.tile, failure);
        }
        let mut done = survey(&root, plan.tasks.iter().flat_map(|task| &task.products))?.into_iter();
        let mut report = Self { done: 0, expected: 0, tiles: Vec::new() };
        for task in &plan.tasks {
            let mut tile = TileStatus {
                tile: task.tile.clone(),
                done: 0,
                expected: task.products.len(),
                missing: Vec::new(),
                damaged: Vec::new(),
                failure: None,
            };
            for (member, done) in task.products.iter().zip(done.by_ref()) {
                match done {
                    Done::Yes => tile.done += 1,
                    Done::No => tile.missing.push(member.period.clone()),
                    Done::Damaged(_) => tile.damaged.push(member.period.clone()),
                }
            }
            if tile.done < tile.expected {
                tile.failure = last.get(&task.tile).cloned().flatten();
            }
            report.done += tile.done;
            report.expected += tile.expected;
            report.tiles.push(tile);
        }
        Ok(report)
    }
}
