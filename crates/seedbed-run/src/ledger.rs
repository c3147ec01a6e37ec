//! The ledger: who tried what, when, and how it went. History, never truth.

use crate::RunError;
use jiff::Timestamp;
use seedbed_block::Date;
use seedbed_prep::{Root, TaskKey};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, create_dir_all, read, read_dir};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// The tile.
    pub tile: String,
    /// The product's period, or none for the tile as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub period: Option<String>,
    /// The product's key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<TaskKey>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A worker began the tile.
    Started,
    /// The tile goes on from a checkpoint.
    Resumed {
        /// The first day that is read.
        from: Date,
    },
    /// A checkpoint that is damaged or stale is of no use.
    PassedOver {
        /// Its file.
        checkpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A product was committed.
    Committed,
    /// The tile is done.
    Finished {
        /// Seconds from start to end.
        seconds: f64,
    },
    /// The tile failed.
    Failed {
        /// Why, with its causes.
        reason: String,
    },
}

/// One worker's file of the ledger: JSON lines, only ever appended to.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
}

impl Ledger {
    /// Opens a new file of the ledger in the product's [state](Root::state): `<out>/.seedbed/ledger`, or
    /// on this machine for one in a store.
    ///
    /// # Errors
    /// [`RunError::Ledger`] if it can't be made.
    pub fn open(out: impl Into<Root>) -> Result<Self, RunError> {
        let folder = Self::folder(&out.into());
        let mut random = [0_u8; 8];
        // A clash would only interleave two histories, so a missing entropy source is no reason to stop.
        let _ = getrandom::fill(&mut random);
        let path = folder.join(format!("{:016x}.jsonl", u64::from_le_bytes(random)));
        let error = |source| RunError::Ledger { path: path.clone(), source };
        create_dir_all(&folder).map_err(error)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(error)?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// [`RunError::Ledger`] if it can't be written.
    pub fn note(&self, tile: &str, product: Option<(&str, &TaskKey)>, event: Event) -> Result<(), RunError> {
        let entry = Entry {
            time: Timestamp::now(),
            tile: tile.to_owned(),
            period: product.map(|(period, _)| period.to_owned()),
            key: product.map(|(_, key)| key.clone()),
            event,
        };
        let mut line = serde_json::to_vec(&entry).map_err(seedbed_prep::PrepError::Encode)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(|source| RunError::Ledger { path: self.path.clone(), source })
    }

    /// All workers' entries in order of time, as far as they are on this machine. A torn last line is ignored.
    ///
    /// # Errors
    /// [`RunError::Ledger`] if a file can't be read.
    pub fn read(out: impl Into<Root>) -> Result<Vec<Entry>, RunError> {
        let folder = Self::folder(&out.into());
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let error = |source| RunError::Ledger { path: folder.clone(), source };
        let mut entries: Vec<Entry> = Vec::new();
        for file in read_dir(&folder).map_err(error)? {
            // A torn line may end within a character, so lines are bytes.
            let bytes = read(file.map_err(error)?.path()).map_err(error)?;
            entries.extend(bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
        }
        entries.sort_by_key(|e| e.time);
        Ok(entries)
    }

    fn folder(out: &Root) -> PathBuf {
        out.state().join("ledger")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_ignored() {
        let out = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(out.path()).unwrap();
        ledger.note("r0c0", None, Event::Started).unwrap();
        let torn =
            [b"{\"time\":\"2026-01-01T00:00:00Z\",\"tile\":\"r".as_slice(), &"°".as_bytes()[..1]].concat();
        std::fs::write(out.path().join(".seedbed/ledger/torn.jsonl"), torn).unwrap();
        let entries = Ledger::read(out.path()).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].event, Event::Started);
    }
}
