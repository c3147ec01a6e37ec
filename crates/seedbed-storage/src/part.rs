//! The bytes of a transfer that are here already.

use crate::StorageError;
use crate::checksum::Hashing;
use crate::local::{self, Linked, beside, blocking, ensure_folder, same_file, sync_folder};
use crate::mark::Mark;
use crate::store::Meta;
use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a transfer that finds another at work waits before it looks again; grows to the second.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What the name of a part ends with, and that of its record. No other program's do: what a killed transfer left can be
/// told from what others did.
pub(crate) const PART: &str = ".seedbed-part";
pub(crate) const RECORD: &str = ".seedbed-part.json";

/// How much of the beginning is looked at.
pub(crate) const HEAD: usize = 1024;

/// What a part holds the beginning of: the first value in `<name>.seedbed-part.json`. Each of those that follow is a [`Held`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where the bytes come from, without secrets.
    pub(crate) source: String,
    /// Which version of it.
    pub(crate) version: Meta,
    /// The checksum that its server tells of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claimed: Option<String>,
}

/// What was written to a part: so many bytes from its start, with this digest as they arrived. A disk may have lost
/// or changed them since, as in a power cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    bytes: u64,
    sha256: String,
}

/// A part's record, and what it held after each write.
pub(crate) struct Recorded {
    pub(crate) record: Record,
    held: Vec<Held>,
}

/// `<name>.seedbed-part`, locked: no other transfer, in this process or another, writes it while this lives.
///
/// Where the file system knows no locks, it is a file of its own name instead, which nobody resumes.
pub(crate) struct Part {
    destination: PathBuf,
    path: PathBuf,
    file: Arc<File>,
    shared: bool,
    /// Whether its name was taken away: another transfer may have one of that name by now.
    gone: bool,
    /// Its first bytes, if they were written in one go.
    head: Option<Vec<u8>>,
}

impl Part {
    /// Waits for the part of `destination` to be free, and locks it.
    pub(crate) async fn lock(destination: &Path) -> Result<Self, StorageError> {
        let mut pause = FIRST_LOOK;
        loop {
            let at = destination.to_owned();
            if let Some(part) = blocking(move || Self::try_lock(&at)).await? {
                return Ok(part);
            }
            if pause == FIRST_LOOK {
                tracing::info!(path = %destination.display(), "another transfer is at work on it; waiting");
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_LOOK);
        }
    }

    fn try_lock(destination: &Path) -> Result<Option<Self>, StorageError> {
        ensure_folder(destination)?;
        let path = beside(destination, PART);
        let io = |e| StorageError::io(&path, "open it", e);
        let no_links = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).custom_flags(no_links);
        let file = options.open(&path).map_err(|e| match e.raw_os_error() {
            // Nothing is written through a link to what it leads to.
            Some(code) if code == Errno::LOOP.raw_os_error() => {
                let what = "a symbolic link".to_owned();
                StorageError::Occupied { at: path.display().to_string(), what }
            }
            _ => io(e),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => {
                tracing::debug!(path = %path.display(), error = %e, "no locks here; a part of its own");
                return Self::unshared(destination).map(Some);
            }
        }
        // Between opening and locking, another transfer may have finished with this file, or have died
        // just after it gave the file its final name: then it is no part any more, and must not be written.
        let ours = file.metadata().map_err(io)?;
        let named = fs::metadata(&path).is_ok_and(|m| m.dev() == ours.dev() && m.ino() == ours.ino());
        if !named {
            return Ok(None);
        }
        if ours.nlink() > 1 {
            remove_if_there(&path)?;
            return Ok(None);
        }
        Ok(Some(Self {
            destination: destination.to_owned(),
            path,
            file: Arc::new(file),
            shared: true,
            gone: false,
            head: None,
        }))
    }

    fn unshared(destination: &Path) -> Result<Self, StorageError> {
        let random = getrandom::u64()
            .map_err(|e| StorageError::Setup { what: "random names", source: e.to_string().into() })?;
        let path = beside(destination, &format!(".{random:016x}{PART}"));
        let io = |e| StorageError::io(&path, "create it", e);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(io)?;
        Ok(Self {
            destination: destination.to_owned(),
            path,
            file: Arc::new(file),
            shared: false,
            gone: false,
            head: None,
        })
    }

    /// What the part holds the beginning of, if that is recorded.
    pub(crate) fn record(&self) -> Option<Recorded> {
        let text = fs::read(self.record_path()).ok()?;
        let mut values = serde_json::Deserializer::from_slice(&text);
        let record = Record::deserialize(&mut values).ok()?;
        // The last one may be cut off.
        let held = values.into_iter::<Held>().map_while(Result::ok).collect();
        Some(Recorded { record, held })
    }

    /// How many bytes it holds.
    pub(crate) fn length(&self) -> Result<u64, StorageError> {
        Ok(self.file.metadata().map_err(|e| StorageError::io(&self.path, "look at it", e))?.len())
    }

    /// Empties it, for the bytes of this version of this source.
    pub(crate) async fn restart(&self, record: &Record) -> Result<(), StorageError> {
        blocking(self.emptied(Some(record))?).await
    }

    /// Empties it and takes in its first bytes, as [`Part::append`] does. Without a record they will not be resumed.
    pub(crate) async fn start(
        &mut self,
        record: Option<&Record>,
        hashing: Hashing,
        pieces: Vec<Bytes>,
    ) -> Result<Hashing, StorageError> {
        let emptied = self.emptied(record)?;
        self.head = Some(head_of(&pieces)).filter(|head| head.len() == HEAD);
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        let record_path = record.filter(|_| self.shared).map(|_| self.record_path());
        blocking(move || {
            emptied()?;
            let hashing = write(&file, &path, hashing, &pieces)?;
            let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
            note(record_path.as_deref(), &hashing, bytes)?;
            Ok(hashing)
        })
        .await
    }

    fn emptied(
        &self,
        record: Option<&Record>,
    ) -> Result<impl FnOnce() -> Result<(), StorageError> + use<>, StorageError> {
        let (file, path, record_path) = (Arc::clone(&self.file), self.path.clone(), self.record_path());
        let text = record.map(|record| text_of(record, &[])).transpose()?;
        let shared = self.shared;
        Ok(move || {
            let io = |e| StorageError::io(&path, "empty it", e);
            if file.metadata().map_err(io)?.len() > 0 {
                file.set_len(0).map_err(io)?;
            }
            (&*file).seek(SeekFrom::Start(0)).map_err(io)?;
            match text {
                _ if !shared => Ok(()),
                Some(text) => {
                    fs::write(&record_path, text).map_err(|e| StorageError::io(&record_path, "write it", e))
                }
                None => remove_if_there(&record_path),
            }
        })
    }

    /// Takes the bytes that it holds into a digest, as far as they are those that arrived, and stands at their end; what
    /// is behind that goes. How many there are.
    pub(crate) async fn resume(
        &self,
        hashing: Hashing,
        recorded: &Recorded,
    ) -> Result<(Hashing, u64), StorageError> {
        let (file, path, record_path) = (Arc::clone(&self.file), self.path.clone(), self.record_path());
        let Recorded { record, held } = recorded;
        let (record, held) = (record.clone(), held.clone());
        blocking(move || {
            let io = |e| StorageError::io(&path, "read it", e);
            let (hashing, length, good) = proven(&file, hashing, &held).map_err(io)?;
            if file.metadata().map_err(io)?.len() > length {
                tracing::debug!(path = %path.display(), length, "what is behind that is not as it arrived");
                file.set_len(length).map_err(|e| StorageError::io(&path, "cut it", e))?;
            }
            (&*file).seek(SeekFrom::Start(length)).map_err(io)?;
            // Nothing may follow a line that is cut off, nor one that is not true any more.
            let text = text_of(&record, &held[..good])?;
            if fs::read(&record_path).ok().as_ref() != Some(&text) {
                fs::write(&record_path, text).map_err(|e| StorageError::io(&record_path, "write it", e))?;
            }
            Ok((hashing, length))
        })
        .await
    }

    /// Adds bytes at its end, which is at `length`, and to the digest, which it gives back.
    pub(crate) async fn append(
        &self,
        hashing: Hashing,
        pieces: Vec<Bytes>,
        length: u64,
    ) -> Result<Hashing, StorageError> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        let record_path = self.shared.then(|| self.record_path());
        blocking(move || {
            let hashing = write(&file, &path, hashing, &pieces)?;
            let bytes = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            note(record_path.as_deref(), &hashing, length + bytes)?;
            Ok(hashing)
        })
        .await
    }

    /// Adds bytes of a file of this machine, as many as there are and the buffer holds; how many there were.
    pub(crate) async fn append_from(
        &self,
        mut hashing: Hashing,
        source: (Arc<File>, PathBuf),
        mut buffer: Vec<u8>,
    ) -> Result<(Hashing, Vec<u8>, u64), StorageError> {
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || {
            let (source, source_path) = source;
            let length = loop {
                match (&*source).read(&mut buffer) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    read => break read.map_err(|e| StorageError::io(&source_path, "read it", e))?,
                }
            };
            let bytes = &buffer[..length];
            (&*file).write_all(bytes).map_err(|e| StorageError::io(&path, "write it", e))?;
            hashing.update(bytes);
            Ok((hashing, buffer, length as u64))
        })
        .await
    }

    /// Its beginning: enough to tell its kind, or to quote it.
    pub(crate) async fn head(&self) -> Result<Vec<u8>, StorageError> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || {
            let mut head = vec![0; HEAD];
            let n = file.read_at(&mut head, 0).map_err(|e| StorageError::io(&path, "read it", e))?;
            head.truncate(n);
            Ok(head)
        })
        .await
    }

    /// Whether its end is as a file of this kind ends.
    pub(crate) async fn ends_as(&self, content: crate::Content) -> Result<bool, StorageError> {
        if content.tail() == 0 {
            return Ok(true);
        }
        let path = self.path.clone();
        blocking(move || {
            let io = |e| StorageError::io(&path, "read it", e);
            content.ends(&mut File::open(&path).map_err(io)?).map_err(io)
        })
        .await
    }

    /// Marks it, makes it durable and gives it its final name, unless something has that; then it is gone.
    pub(crate) async fn commit(mut self, mark: Option<Mark>) -> Result<Linked, StorageError> {
        blocking(move || {
            if let Some(mark) = mark {
                mark.leave(&self.file);
            }
            self.file.sync_all().map_err(|e| StorageError::io(&self.path, "make it durable", e))?;
            let linked = match local::link_new(&self.path, &self.destination) {
                Err(StorageError::Io { source, .. }) if has_no_links(&source) => self.rename()?,
                linked => linked?,
            };
            self.remove()?;
            sync_folder(&self.destination)?;
            Ok(linked)
        })
        .await
    }

    /// Throws it away.
    pub(crate) async fn discard(mut self) -> Result<(), StorageError> {
        blocking(move || self.remove()).await
    }

    /// The final name where the file system has no link(2). The lock keeps other transfers out.
    fn rename(&self) -> Result<Linked, StorageError> {
        if fs::symlink_metadata(&self.destination).is_ok() {
            return Ok(Linked::Lost);
        }
        fs::rename(&self.path, &self.destination)
            .map_err(|e| StorageError::io(&self.destination, "give it its name (rename)", e))?;
        Ok(Linked::Won)
    }

    fn remove(&mut self) -> Result<(), StorageError> {
        self.gone = true;
        if self.shared {
            remove_if_there(&self.record_path())?;
        }
        remove_if_there(&self.path)
    }

    fn record_path(&self) -> PathBuf {
        beside(&self.destination, RECORD)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What nobody can resume goes. One that can't be removed harms nothing but order.
        if !self.gone && (!self.shared || self.length().is_ok_and(|n| n == 0)) {
            let _ = self.remove();
        }
    }
}

/// How many bytes of a file a transfer that was killed, or is at work, has gathered beside its place.
#[must_use]
pub fn part_of(destination: &Path) -> u64 {
    let part = fs::symlink_metadata(beside(destination, PART)).ok();
    part.filter(fs::Metadata::is_file).map_or(0, |meta| meta.len())
}

/// The first bytes of some: enough to tell their kind, or to quote them.
pub(crate) fn head_of(pieces: &[Bytes]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.iter().take(HEAD)).take(HEAD).copied().collect()
}

/// Removes what a transfer left that died after its file had its final name.
pub(crate) fn tidy(destination: &Path) -> Result<(), StorageError> {
    let path = beside(destination, PART);
    if same_file(&path, destination) {
        remove_if_there(&beside(destination, RECORD))?;
        remove_if_there(&path)?;
    }
    Ok(())
}

fn write(
    mut file: &File,
    path: &Path,
    mut hashing: Hashing,
    pieces: &[Bytes],
) -> Result<Hashing, StorageError> {
    // A slow network gives many little pieces: a call for each would be many.
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(StorageError::io(path, "write it", io::ErrorKind::WriteZero.into())),
            Ok(n) => IoSlice::advance_slices(&mut left, n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(StorageError::io(path, "write it", e)),
        }
    }
    for piece in pieces {
        hashing.update(piece);
    }
    Ok(hashing)
}

/// A record as it is written, with what was held.
fn text_of(record: &Record, held: &[Held]) -> Result<Vec<u8>, StorageError> {
    let failed =
        |e: serde_json::Error| StorageError::Setup { what: "the record of a transfer", source: e.into() };
    let mut text = serde_json::to_vec_pretty(record).map_err(failed)?;
    text.push(b'\n');
    for held in held {
        serde_json::to_writer(&mut text, held).map_err(failed)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Adds to a record what the part holds now. One without a record will not be resumed.
fn note(record_path: Option<&Path>, hashing: &Hashing, bytes: u64) -> Result<(), StorageError> {
    let Some(path) = record_path else { return Ok(()) };
    let io = |e| StorageError::io(path, "write it", e);
    let mut record = match OpenOptions::new().append(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(io)?,
    };
    let line = format!("{{\"bytes\":{bytes},\"sha256\":\"{}\"}}\n", hashing.so_far().digest_hex());
    record.write_all(line.as_bytes()).map_err(io)
}

/// The longest beginning of a part whose bytes are those that arrived: its digest, its length, and how many of `held`
/// are true.
fn proven(mut file: &File, mut hashing: Hashing, held: &[Held]) -> io::Result<(Hashing, u64, usize)> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; 256 << 10];
    let (mut good, mut length) = ((hashing.clone(), 0, 0), 0);
    for (n, held) in held.iter().enumerate() {
        while length < held.bytes {
            let most = usize::try_from(held.bytes - length).unwrap_or(usize::MAX).min(buffer.len());
            match file.read(&mut buffer[..most]) {
                Ok(0) => return Ok(good),
                Ok(n) => {
                    hashing.update(&buffer[..n]);
                    length += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if length != held.bytes || hashing.so_far().digest_hex() != held.sha256 {
            break;
        }
        good = (hashing.clone(), length, n + 1);
    }
    Ok(good)
}

fn has_no_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

fn remove_if_there(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StorageError::io(path, "remove it", e)),
        _ => Ok(()),
    }
}
