//! A remote file, read by ranges from a thread that may block.

use crate::PrepError;
use futures::{StreamExt, TryStreamExt, stream};
use seedbed_raster::ReadAt;
use seedbed_storage::{Location, Meta, Stores};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Ranges up to this length are metadata, which are remembered.
const SHORT: u64 = 1 << 16;
/// How many bytes of them, of all files.
const REMEMBERED: usize = 64 << 20;
/// How many ranges are asked for at once; the stores' own limits hold besides.
const AT_ONCE: usize = 8;

/// Short ranges of remote files that were read: what their metadata take, since every
/// tile opens its files anew.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Ranges>);

#[derive(Default)]
struct Ranges {
    /// Of each file by its address: the bytes from an offset on.
    files: HashMap<Location, HashMap<u64, Vec<u8>>>,
    bytes: usize,
}

impl Remembered {
    fn find(&self, at: &Location, range: &Range<u64>) -> Option<Vec<u8>> {
        let ranges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = usize::try_from(range.end - range.start).ok()?;
        ranges.files.get(at)?.get(&range.start).filter(|bytes| bytes.len() == length).cloned()
    }

    fn keep(&self, at: &Location, start: u64, bytes: Vec<u8>) {
        let mut ranges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ranges.bytes + bytes.len() > REMEMBERED {
            *ranges = Ranges::default();
        }
        ranges.bytes += bytes.len();
        ranges.files.entry(at.clone()).or_default().insert(start, bytes);
    }
}

/// Bytes of one remote file.
pub(crate) struct Remote {
    stores: Stores,
    runtime: Handle,
    at: Location,
    size: u64,
    /// What its server said of it at first: all ranges are of that version.
    version: Meta,
    remembered: Arc<Remembered>,
}

impl Remote {
    /// The file at a place, which has `size` bytes and is of one version, as far as that is told.
    pub(crate) fn new(
        (stores, runtime): (&Stores, &Handle),
        at: Location,
        size: u64,
        version: Meta,
        remembered: Arc<Remembered>,
    ) -> Self {
        Self { stores: stores.clone(), runtime: runtime.clone(), at, size, version, remembered }
    }

    /// The bytes of a range within the file.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>, PrepError> {
        let length = range.end - range.start;
        if length <= SHORT
            && let Some(known) = self.remembered.find(&self.at, &range)
        {
            return Ok(known);
        }
        let bytes = self
            .runtime
            .block_on(self.stores.read_range_of(&self.version, &self.at, range.clone()))?
            .to_vec();
        if length <= SHORT {
            self.remembered.keep(&self.at, range.start, bytes.clone());
        }
        Ok(bytes)
    }
}

impl ReadAt for Remote {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.bytes(offset..offset + length as u64).map_err(io::Error::other)
    }

    fn read_many(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let asked =
            ranges.iter().map(|range| self.stores.read_range_of(&self.version, &self.at, range.clone()));
        let answers = stream::iter(asked).buffered(AT_ONCE).map_ok(|bytes| bytes.to_vec());
        self.runtime.block_on(answers.try_collect()).map_err(|e| io::Error::other(PrepError::from(e)))
    }
}
