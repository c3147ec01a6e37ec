//! Removing from a store what no record names.

use crate::clean::{CleanReport, Kind, Unexpected, is_held};
use crate::identity::random;
use crate::product::record_of;
use crate::record::asset_names;
use crate::store_root::{StoreRoot, found};
use crate::{Expected, PrepError, TaskKey};
use jiff::Timestamp;
use seedbed_storage::Listed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Keys of the products there should be, by tile and period.
type Wanted<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a TaskKey>>;

/// What lies in one period's folder.
#[derive(Default)]
struct Folder {
    tile: String,
    period: String,
    records: Vec<(String, Listed)>,
    data: BTreeMap<String, Vec<Listed>>,
}

impl StoreRoot {
    /// See [`clean`](crate::clean()). The listing is read page by page; one period's files are held at a time.
    pub(crate) fn clean(
        &self,
        expected: &Expected,
        unexpected: Unexpected,
        older_than: Duration,
        dry_run: bool,
    ) -> Result<CleanReport, PrepError> {
        let mut wanted = Wanted::new();
        for member in &expected.members {
            wanted.entry((&member.tile, &member.period)).or_default().insert(&member.key);
        }
        let before = self.now(dry_run)?.checked_sub(older_than);
        let mut report = CleanReport::default();
        let mut folder = Folder::default();
        let mut after = None;
        loop {
            let listed = self.block_on(self.stores().list_page(self.location(), after.as_deref()));
            let Some(page) = found(listed)? else { break };
            for file in page.files {
                let Some(names) = file.at.names_within(self.location()) else { continue };
                let names: Vec<&str> = names.split('/').collect();
                let [tile, period, name, ref within @ ..] = names[..] else { continue };
                if (folder.tile.as_str(), folder.period.as_str()) != (tile, period) {
                    self.clean_folder(&folder, &wanted, unexpected, before, dry_run, &mut report)?;
                    folder = Folder { tile: tile.to_owned(), period: period.to_owned(), ..Folder::default() };
                }
                match (Kind::of(name), within.is_empty()) {
                    (Kind::Record, true) => folder.records.push((name.to_owned(), file)),
                    (Kind::Data, false) => folder.data.entry(name.to_owned()).or_default().push(file),
                    _ => {}
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.clean_folder(&folder, &wanted, unexpected, before, dry_run, &mut report)?;
        Ok(report)
    }

    fn clean_folder(
        &self,
        folder: &Folder,
        wanted: &Wanted<'_>,
        unexpected: Unexpected,
        before: Option<SystemTime>,
        dry_run: bool,
        report: &mut CleanReport,
    ) -> Result<(), PrepError> {
        let keys = wanted.get(&(folder.tile.as_str(), folder.period.as_str()));
        let is_held = || {
            let expected = wanted.keys().filter(|(tile, _)| *tile == folder.tile).map(|(_, period)| *period);
            is_held(&folder.period, expected)
        };
        if keys.is_none() && unexpected == Unexpected::Stays && !is_held() {
            report.unexpected += folder.records.len();
            return Ok(());
        }
        let is_wanted = |name: &str| {
            keys.is_some_and(|keys| keys.iter().any(|key| name.strip_suffix(".json") == Some(key.as_str())))
        };
        let is_old = |file: &Listed| match (changed(file), before) {
            (Some(changed), Some(before)) => changed <= before,
            // What tells no age may be at work.
            _ => false,
        };
        let (kept, superseded): (Vec<_>, Vec<_>) =
            folder.records.iter().partition(|(name, _)| is_wanted(name));
        let superseded = superseded.into_iter().map(|(_, file)| file).filter(|file| is_old(file));
        let mut going: Vec<&Listed> = superseded.collect();
        report.superseded.extend(going.iter().map(|file| file.at.clone()));
        let named = self.named(&kept, &folder.data)?;
        for (name, files) in &folder.data {
            if !named.contains(name) && files.iter().all(is_old) {
                let top = self.location().join(&folder.tile).join(&folder.period).join(name);
                report.superseded.push(top);
                going.extend(files);
            }
        }
        if dry_run {
            return Ok(());
        }
        // Records go first, so that none ever names data that is gone.
        for file in going {
            found(self.block_on(self.stores().remove(&file.at)))?;
        }
        Ok(())
    }

    /// The data folders that records name. A record is read only where several may be its own.
    fn named(
        &self,
        records: &[&(String, Listed)],
        data: &BTreeMap<String, Vec<Listed>>,
    ) -> Result<BTreeSet<String>, PrepError> {
        let mut named = BTreeSet::new();
        for (name, file) in records {
            let key = name.get(..8).unwrap_or(name);
            let own: Vec<&String> =
                data.keys().filter(|name| name.split_once('-').is_some_and(|(k, _)| k == key)).collect();
            if let [one] = own[..] {
                named.insert(one.clone());
            } else if !own.is_empty() {
                let bytes = self.block_on(self.stores().read_document(&file.at))?;
                let item = record_of(&bytes, &PathBuf::from(file.at.to_string()))?;
                let first = |href: &str| href.split('/').next().map(str::to_owned);
                named.extend(item.assets().filter_map(|(_, asset)| first(asset_names(&asset))));
            }
        }
        Ok(named)
    }

    /// The store's own time, as it dates a file that is written now; this machine's where nothing is written.
    fn now(&self, dry_run: bool) -> Result<SystemTime, PrepError> {
        let here = SystemTime::now();
        if dry_run {
            return Ok(here);
        }
        let unnamed = |e: std::io::Error| PrepError::Request(e.to_string());
        let probe = self.location().join(&format!(".seedbed-probe-{}", random().map_err(unnamed)?));
        let told = self.block_on(async {
            self.stores().replace(&probe, "now".into()).await?;
            let meta = self.stores().head(&probe).await;
            found(self.stores().remove(&probe).await)?;
            meta
        })?;
        let parsed = told.last_modified.and_then(|date| {
            let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).ok()?;
            Some(SystemTime::from(zoned))
        });
        Ok(parsed.unwrap_or(here))
    }
}

/// When a file was last changed, by the store's clock.
fn changed(file: &Listed) -> Option<SystemTime> {
    let at: Timestamp = file.modified.as_deref()?.parse().ok()?;
    Some(at.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_storage::Location;

    #[test]
    fn a_file_without_a_date_has_no_age() {
        let at: Location = "s3://b/x".parse().unwrap();
        let file = |modified: Option<&str>| Listed {
            at: at.clone(),
            size: None,
            modified: modified.map(str::to_owned),
            etag: None,
        };
        assert_eq!(changed(&file(None)), None);
        assert!(changed(&file(Some("2026-01-02T03:04:05Z"))).is_some());
    }
}
