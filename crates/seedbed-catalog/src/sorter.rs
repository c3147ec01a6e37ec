//! Sorting more records than memory should hold.
//!
//! Records are gathered in one arena; when it is full it is sorted and written
//! to a temporary file without a name, which the system removes whatever becomes
//! of the process. At the end the files are merged. What fits into memory never
//! touches the disk.

use crate::CatalogError;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Files that are merged at once; more are merged into one before.
const FAN_IN: usize = 64;
/// What is read from or written to a file at once.
const BUFFER: usize = 1 << 16;

/// A key and a value.
pub type Record = (Vec<u8>, Vec<u8>);

/// Gathers records and gives them back sorted by key; those with the same key
/// in the order in which they came.
///
/// ```
/// use seedbed_catalog::Sorter;
/// let mut sorter = Sorter::new(&std::env::temp_dir(), 1 << 20);
/// sorter.push(b"b", b"1")?;
/// sorter.push(b"a", b"2")?;
/// let keys: Result<Vec<_>, _> = sorter.finish()?.map(|r| r.map(|(key, _)| key)).collect();
/// assert_eq!(keys?, [b"a".to_vec(), b"b".to_vec()]);
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug)]
pub struct Sorter {
    folder: PathBuf,
    limit: usize,
    arena: Vec<u8>,
    /// Start of each record in the arena, the length of its key and of its value.
    records: Vec<(usize, u32, u32)>,
    runs: Vec<File>,
}

impl Sorter {
    /// A sorter that holds about `limit` bytes in memory, and the rest in temporary files of `folder`.
    #[must_use]
    pub fn new(folder: &Path, limit: usize) -> Self {
        Self { folder: folder.to_owned(), limit, arena: Vec::new(), records: Vec::new(), runs: Vec::new() }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`CatalogError::Io`] if a temporary file can't be written.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), CatalogError> {
        let held = self.arena.len() + self.records.len() * size_of::<(usize, u32, u32)>();
        if !self.records.is_empty() && held + key.len() + value.len() > self.limit {
            self.spill().map_err(|e| failed(&self.folder, e))?;
        }
        let length = |part: &[u8]| {
            u32::try_from(part.len())
                .map_err(|_| failed(&self.folder, io::Error::other("a record of over 4 GiB can't be sorted")))
        };
        let lengths = (length(key)?, length(value)?);
        self.records.push((self.arena.len(), lengths.0, lengths.1));
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value);
        Ok(())
    }

    /// The records in order.
    ///
    /// # Errors
    /// [`CatalogError::Io`] if a temporary file can't be written or read.
    pub fn finish(mut self) -> Result<Sorted, CatalogError> {
        self.sort();
        let inner = if self.runs.is_empty() {
            Inner::Held { arena: self.arena, records: self.records.into_iter() }
        } else {
            self.spill().map_err(|e| failed(&self.folder, e))?;
            Inner::Merged(Merge::of(self.runs).map_err(|e| failed(&self.folder, e))?)
        };
        Ok(Sorted { folder: self.folder, inner })
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        self.records.sort_by(|a, b| key_of(arena, *a).cmp(key_of(arena, *b)));
    }

    /// Writes what is held to a file, sorted.
    fn spill(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        if self.runs.len() == FAN_IN {
            let mut merged = Merge::of(std::mem::take(&mut self.runs))?;
            let run = write_run(&self.folder, || merged.next())?;
            self.runs.push(run);
        }
        self.sort();
        let (arena, mut records) = (&self.arena, self.records.iter());
        let run = write_run(&self.folder, || {
            Ok(records.next().map(|r| (key_of(arena, *r).to_vec(), value_of(arena, *r).to_vec())))
        })?;
        self.runs.push(run);
        self.arena.clear();
        self.records.clear();
        Ok(())
    }
}

fn failed(folder: &Path, source: io::Error) -> CatalogError {
    CatalogError::Io { action: "sort records in", path: folder.to_owned(), source }
}

fn key_of(arena: &[u8], (start, key, _): (usize, u32, u32)) -> &[u8] {
    &arena[start..start + key as usize]
}

fn value_of(arena: &[u8], (start, key, value): (usize, u32, u32)) -> &[u8] {
    &arena[start + key as usize..][..value as usize]
}

fn write_run(folder: &Path, mut next: impl FnMut() -> io::Result<Option<Record>>) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?);
    while let Some((key, value)) = next()? {
        for part in [&key, &value] {
            // Checked when the record was pushed.
            out.write_all(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        out.write_all(&key)?;
        out.write_all(&value)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

fn read_record(run: &mut BufReader<File>) -> io::Result<Option<Record>> {
    let mut lengths = [0; 8];
    match run.read_exact(&mut lengths) {
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let [a, b, c, d, e, f, g, h] = lengths;
    let mut key = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
    let mut value = vec![0; u32::from_le_bytes([e, f, g, h]) as usize];
    run.read_exact(&mut key)?;
    run.read_exact(&mut value)?;
    Ok(Some((key, value)))
}

/// A key, the number of its file, and the value.
type Head = (Vec<u8>, usize, Vec<u8>);

/// Sorted files read side by side.
#[derive(Debug)]
struct Merge {
    runs: Vec<BufReader<File>>,
    /// The next key of each file, then the file's number (the earlier first), then the value.
    heads: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    fn of(runs: Vec<File>) -> io::Result<Self> {
        let runs = runs.into_iter().map(|run| BufReader::with_capacity(BUFFER, run)).collect();
        let mut merge = Self { runs, heads: BinaryHeap::new() };
        for n in 0..merge.runs.len() {
            merge.advance(n)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, n: usize) -> io::Result<()> {
        if let Some((key, value)) = read_record(&mut self.runs[n])? {
            self.heads.push(Reverse((key, n, value)));
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<Record>> {
        let Some(Reverse((key, n, value))) = self.heads.pop() else { return Ok(None) };
        self.advance(n)?;
        Ok(Some((key, value)))
    }
}

/// Records in the order of their keys.
#[derive(Debug)]
pub struct Sorted {
    folder: PathBuf,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Held { arena: Vec<u8>, records: std::vec::IntoIter<(usize, u32, u32)> },
    Merged(Merge),
}

impl Iterator for Sorted {
    type Item = Result<Record, CatalogError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.inner {
            Inner::Held { arena, records } => {
                records.next().map(|r| Ok((key_of(arena, r).to_vec(), value_of(arena, r).to_vec())))
            }
            Inner::Merged(merge) => merge.next().map_err(|e| failed(&self.folder, e)).transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(limit: usize, keys: &[String]) -> (Vec<Record>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), limit);
        for (n, key) in keys.iter().enumerate() {
            sorter.push(key.as_bytes(), n.to_string().as_bytes()).unwrap();
        }
        let runs = sorter.runs.len();
        (sorter.finish().unwrap().map(Result::unwrap).collect(), runs)
    }

    #[test]
    fn memory_changes_nothing_about_the_order() {
        // Every key comes three times; 7919 is prime to the number of keys.
        let keys: Vec<String> = (0..3000usize).map(|i| format!("key-{:04}", i * 7919 % 1000)).collect();
        let mut expected: Vec<Record> = keys
            .iter()
            .enumerate()
            .map(|(n, k)| (k.clone().into_bytes(), n.to_string().into_bytes()))
            .collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        let (all, runs) = sorted(1 << 20, &keys);
        assert_eq!((&all, runs), (&expected, 0));
        // So little memory that files are merged into one more than once.
        let (all, runs) = sorted(200, &keys);
        assert_eq!(all, expected);
        assert!(runs > 1 && runs <= FAN_IN, "{runs}");
    }

    #[test]
    fn a_record_larger_than_the_memory_is_sorted_too() {
        let (all, _) = sorted(4, &["long key".to_owned(), "a".to_owned()]);
        assert_eq!(all.iter().map(|r| r.0.as_slice()).collect::<Vec<_>>(), [b"a".as_slice(), b"long key"]);
        assert!(sorted(4, &[]).0.is_empty());
    }
}
