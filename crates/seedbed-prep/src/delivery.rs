//! A product's way to a store: its files first, each whole and verified, and then its record.
//!
//! The files go to the folder that is named by their contents, so that no two attempts with different
//! results write one file. Until the record is there nobody knows of them; what a killed attempt has
//! sent is taken up by the next, or removed by `seedbed clean`.

use crate::product::{Committed, Contents, Outcome, Staged, record_of};
use crate::record::{Description, asset_names, remote_sources};
use crate::store_root::StoreRoot;
use crate::{Attempt, PrepError, Spool, folder};
use seedbed_grid::Projections;
use seedbed_storage::{Checksum, Expectation, Location, Outcome as Sent, Put};
use std::path::{Path, PathBuf};

impl Attempt {
    /// Sends the staged files and creates the record; see [`Attempt::commit`].
    pub(crate) fn deliver(
        self,
        store: &StoreRoot,
        spool: &Spool,
        projections: &dyn Projections,
        description: &Description<'_>,
    ) -> Result<Committed, PrepError> {
        let names = self.member.record_names();
        let at = store.location().join(&names);
        let before = store.document(&names)?;
        let contents = self.contents()?;
        let parcels = self.parcels(&contents, &at);
        let sent = store.send(&parcels)?;
        let made = sent.iter().any(|one| one.outcome != Sent::Adopted);
        let sources = remote_sources(&description.provenance.derived_from, spool.digests())?;
        let record = self.record(&contents, description, sources, projections)?;

        let outcome = match store.put_once(&at, &record)? {
            Put::Created => Outcome::Created,
            // The record outlived its data, which this attempt sent again.
            Put::Exists(there) if there[..] == record[..] && before.is_some() && made => {
                // Else its files would be held to their digests from now on.
                spool.block_on(spool.stores().replace(&at, record.into()))?;
                Outcome::Created
            }
            Put::Exists(there) if there[..] == record[..] => Outcome::Adopted,
            Put::Exists(there) if is_whole(store, &at, &there)? => Outcome::Adopted,
            Put::Exists(_) => {
                spool.block_on(spool.stores().replace(&at, record.into()))?;
                Outcome::Created
            }
        };
        // What lay there without a record may have been cleaned away just before it had one.
        let adopted: Vec<Location> = parcels
            .iter()
            .zip(&sent)
            .filter(|(_, sent)| sent.outcome == Sent::Adopted)
            .map(|((_, to, _), _)| to.clone())
            .collect();
        let gone = store.missing(&adopted)?;
        let again: Vec<Parcel> = parcels.into_iter().filter(|(_, to, _)| gone.contains(to)).collect();
        store.send(&again)?;
        Ok(Committed { record: at, outcome })
    }

    /// What is sent where, and what must arrive.
    fn parcels(&self, contents: &Contents, record: &Location) -> Vec<Parcel> {
        let folder = record.parent().unwrap_or_else(|| record.clone()).join(&contents.folder);
        let one = |Staged { name, size, checksum }: &Staged| {
            let checksum = checksum.parse::<Checksum>().ok();
            let expect = Expectation { size: Some(*size), checksum, ..Expectation::default() };
            (self.staging.join(name), folder.join(name), expect)
        };
        contents.files.iter().map(one).collect()
    }
}

/// A staged file, its place in the store, and what must arrive there.
type Parcel = (PathBuf, Location, Expectation);

/// Whether a record's files are there byte for byte.
fn is_whole(store: &StoreRoot, at: &Location, record: &[u8]) -> Result<bool, PrepError> {
    let Ok(item) = record_of(record, Path::new("record")) else { return Ok(false) };
    let folder = at.parent().unwrap_or_else(|| at.clone());
    for (_, asset) in item.assets() {
        let file = folder.join(asset_names(&asset));
        let stated = folder::stated(&asset).1;
        let is_folder = asset.as_object().contains_key(folder::FIELD);
        let found = store.block_on(store.digest(&file, is_folder))?;
        if found.is_none() || found.as_deref() != stated {
            return Ok(false);
        }
    }
    Ok(item.assets().next().is_some())
}
