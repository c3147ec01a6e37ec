//! Files on tape: where a dCache has the bytes of its files, and bringing them to disk.
//!
//! This is the WLCG's Tape REST API as dCache has it: `tape/archiveinfo` and `tape/stage`.

mod rest;
mod stage;

use crate::named::{Kind, NamedStore};
use crate::{Location, StorageError, Stores, dav};
use percent_encoding::percent_decode_str;
use rest::Tape;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Where the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Locality {
    /// On disk alone: it can be read.
    Disk,
    /// On tape alone: it must be staged before it can be read.
    Tape,
    /// On both: it can be read.
    DiskAndTape,
    /// Nowhere any more.
    Lost,
    /// Nowhere, since it has none.
    None,
    /// On a disk that is out of reach for now.
    Unavailable,
}

/// Files that were brought to disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// How many files these are.
    pub files: usize,
    /// The requests by which they were, as the site names them.
    pub requests: Vec<String>,
}

/// Files of one store: its interface, and for each file its place in the list that was given, and its path.
type Group = (Arc<Tape>, Vec<(usize, String)>);

impl Stores {
    /// Whether a file belongs to a named store that tells where its bytes are.
    #[must_use]
    pub fn has_tape(&self, file: &Location) -> bool {
        self.groups(std::slice::from_ref(file)).is_ok()
    }

    /// Where the bytes of these files are, in their order. All must belong to named stores of kind `dcache` whose
    /// `rest` is set.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] if one of the files is not there, [`StorageError::Protocol`] if the server leaves
    /// one out however few are asked for; others if it can't be asked.
    pub async fn locality(&self, files: &[Location]) -> Result<Vec<(Location, Locality)>, StorageError> {
        let mut found = vec![Locality::None; files.len()];
        for (tape, group) in self.groups(files)? {
            let paths: Vec<&str> = group.iter().map(|(_, path)| path.as_str()).collect();
            let told: HashMap<&str, Locality> = tape.archive_info(self.http(), &paths).await?;
            for (n, path) in &group {
                found[*n] =
                    *told.get(path.as_str()).ok_or_else(|| tape.wrong(format!("{path} is left out")))?;
            }
        }
        Ok(files.iter().cloned().zip(found).collect())
    }

    /// Brings files to disk that are on tape, and waits until all are there. They may go again after `lifetime`,
    /// which is also how long this waits at most: by then the first of them may have gone. `told` hears, after each
    /// look, how many of how many files are at an end.
    ///
    /// What was asked for is cancelled as far as it is not done, if this ends early or is dropped.
    ///
    /// # Errors
    /// [`StorageError::Unstaged`] with every file that could not be brought to disk, and why; others if the server
    /// can't be asked.
    pub async fn stage(
        &self,
        files: &[Location],
        lifetime: Duration,
        told: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<Staged, StorageError> {
        stage::run(self, self.groups(files)?, lifetime, told).await
    }

    /// What was read, or why not: that the file is on tape, if its store can be asked and says so.
    pub(crate) async fn or_on_tape<T>(
        &self,
        at: &Location,
        read: Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let error = match read {
            Err(error) if error.may_be_of_tape() => error,
            read => return read,
        };
        let asked = matches!(self.on_tape(at), Ok((named, _)) if matches!(named.kind, Kind::Dcache { rest: Some(_), .. }));
        if !asked {
            return Err(error);
        }
        match Box::pin(self.locality(std::slice::from_ref(at))).await.as_deref() {
            Ok([(_, Locality::Tape)]) => {
                Err(StorageError::OnTape { at: at.shown(), source: Box::new(error) })
            }
            _ => Err(error),
        }
    }

    /// The files by the store that they belong to.
    fn groups(&self, files: &[Location]) -> Result<Vec<Group>, StorageError> {
        let mut groups: Vec<Group> = Vec::new();
        for (n, at) in files.iter().enumerate() {
            let (named, path) = self.on_tape(at)?;
            match groups.iter_mut().find(|(tape, _)| tape.store == named.name) {
                Some((_, group)) => group.push((n, path)),
                None => groups.push((Arc::new(Tape::new(named, self.http().settings())?), vec![(n, path)])),
            }
        }
        Ok(groups)
    }

    /// The dCache that a file belongs to, and its path there.
    fn on_tape(&self, at: &Location) -> Result<(&NamedStore, String), StorageError> {
        let named = &self.http().settings().named;
        let whole = |root: &str, path: &str| {
            let names: Vec<&str> = root.split('/').chain(path.split('/')).filter(|n| !n.is_empty()).collect();
            format!("/{}", names.join("/"))
        };
        let found = match at {
            Location::Dcache(path) => {
                named.dcache(path).ok().flatten().map(|store| (&**store, whole("", path)))
            }
            Location::Dav(_) | Location::Http(_) => web_address(at).and_then(|url| {
                let store = named.webdav(&url)?;
                let Kind::Dcache { root, .. } = &store.kind else { return None };
                Some((&**store, whole(root, &percent_decode_str(url.path()).decode_utf8().ok()?)))
            }),
            _ => None,
        };
        found.ok_or_else(|| StorageError::Configuration {
            at: at.shown(),
            what: "no store of kind dcache in a stores.toml (--stores, SEEDBED_STORES) has it, and no other has tapes"
                .to_owned(),
        })
    }
}

/// The address at which a door has a file.
fn web_address(at: &Location) -> Option<Url> {
    match at {
        Location::Http(url) => Some(url.clone()),
        Location::Dav(url) => dav::web_address(url),
        _ => None,
    }
}

impl Locality {
    /// Whether it can be read without being staged.
    #[must_use]
    pub fn on_disk(self) -> bool {
        matches!(self, Self::Disk | Self::DiskAndTape)
    }

    fn named(word: &str) -> Option<Self> {
        let all = [Self::Disk, Self::Tape, Self::DiskAndTape, Self::Lost, Self::None, Self::Unavailable];
        all.into_iter().find(|locality| locality.to_string() == word)
    }
}

impl fmt::Display for Locality {
    /// As the interface writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "DISK",
            Self::Tape => "TAPE",
            Self::DiskAndTape => "DISK_AND_TAPE",
            Self::Lost => "LOST",
            Self::None => "NONE",
            Self::Unavailable => "UNAVAILABLE",
        })
    }
}
