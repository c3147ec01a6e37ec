//! The record of the pages that a crawl has read.
//!
//! `<query>.part` in the crawl's folder has a JSON line a page, in the order in
//! which they were read; a crawl that was killed goes on after its last whole
//! line. A finished one becomes `<query>.pages` if servers gave it validators;
//! the next crawl then asks whether those pages have changed.

use crate::page::{Page, Step, Validators};
use crate::{CrawlError, granule::Rejected};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An unfinished crawl older than this starts anew: its archive may have changed in between.
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A page as it is recorded.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    step: Step,
    #[serde(flatten)]
    validators: Validators,
    page: Page,
}

/// A line without its page.
#[derive(Deserialize)]
struct Head {
    step: Step,
    #[serde(flatten)]
    validators: Validators,
}

/// The pages of this crawl and of the one before.
#[derive(Debug)]
pub(crate) struct Journal {
    part: PathBuf,
    finished: PathBuf,
    file: File,
    previous: Option<Previous>,
    /// Whether any page has validators.
    validated: bool,
}

/// A finished crawl's pages by their step's key: where the line begins, its length and its validators.
#[derive(Debug)]
struct Previous {
    file: File,
    lines: BTreeMap<String, (u64, u64, Validators)>,
}

impl Journal {
    /// Whether a crawl of this query stopped half-way, not too long ago.
    pub(crate) fn has_unfinished(folder: &Path, query: &str) -> bool {
        is_recent(&folder.join(format!("{query}.part")))
    }

    /// Opens the journal of a query. `fresh` forgets all that earlier crawls left.
    ///
    /// # Errors
    /// If another process crawls the same, or the folder can't be written.
    pub(crate) fn open(folder: &Path, query: &str, fresh: bool) -> Result<Self, CrawlError> {
        let part = folder.join(format!("{query}.part"));
        let finished = folder.join(format!("{query}.pages"));
        let failed = |source| CrawlError::Work { at: part.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        sweep(folder);
        let recent = !fresh && is_recent(&part);
        // For the user alone: a next link may carry a token.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&part)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CrawlError::Busy { at: part }),
            // A file system without locks: nothing to be done about it.
            Err(TryLockError::Error(e)) => tracing::debug!("{}: {e}", part.display()),
        }
        if !recent {
            file.set_len(0).map_err(failed)?;
        }
        let previous = if fresh { None } else { Previous::open(&finished) };
        Ok(Self { part, finished, file, previous, validated: false })
    }

    /// Gives the pages of an unfinished crawl to `take`, in their order. What comes after the last whole
    /// line is forgotten.
    ///
    /// # Errors
    /// Of `take`, or if the file can't be read.
    pub(crate) fn replay(
        &mut self,
        mut take: impl FnMut(Step, Page) -> Result<(), CrawlError>,
    ) -> Result<(), CrawlError> {
        let failed = |part: &PathBuf, source| CrawlError::Work { at: part.clone(), source };
        let mut whole = 0;
        let mut reader = BufReader::new(&self.file);
        let mut text = Vec::new();
        loop {
            text.clear();
            let n = reader.read_until(b'\n', &mut text).map_err(|e| failed(&self.part, e))?;
            if n == 0 {
                break;
            }
            let Some(line) = read_line(&text) else { break };
            whole += n as u64;
            self.validated |= !line.validators.is_empty();
            take(line.step, line.page)?;
        }
        let mut file = &self.file;
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|e| failed(&self.part, e))?;
        Ok(())
    }

    /// Records a page.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn add(
        &mut self,
        step: &Step,
        validators: &Validators,
        page: &Page,
    ) -> Result<(), CrawlError> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            step: &'a Step,
            #[serde(flatten)]
            validators: &'a Validators,
            page: &'a Page,
        }
        self.validated |= !validators.is_empty();
        let failed = |source| CrawlError::Work { at: self.part.clone(), source };
        let mut line =
            serde_json::to_vec(&Borrowed { step, validators, page }).map_err(|e| failed(e.into()))?;
        line.push(b'\n');
        // One write a page: a killed process leaves at most one torn line.
        self.file.write_all(&line).map_err(failed)
    }

    /// What the server said of this page the last time.
    pub(crate) fn validators(&self, step: &Step) -> Option<Validators> {
        Some(self.previous.as_ref()?.lines.get(&step.key())?.2.clone())
    }

    /// The page that the last crawl read for this step.
    ///
    /// # Errors
    /// If it can't be read again.
    pub(crate) fn previous_page(&self, step: &Step) -> Result<Option<Page>, CrawlError> {
        let Some(previous) = &self.previous else { return Ok(None) };
        let Some((start, length, _)) = previous.lines.get(&step.key()) else { return Ok(None) };
        let read = || -> io::Result<Vec<u8>> {
            let mut file = &previous.file;
            file.seek(SeekFrom::Start(*start))?;
            let mut text = Vec::new();
            file.take(*length).read_to_end(&mut text)?;
            Ok(text)
        };
        let text = read().map_err(|source| CrawlError::Work { at: self.finished.clone(), source })?;
        Ok(read_line(&text).map(|line| line.page))
    }

    /// Takes the journal away, if there is nothing in it.
    pub(crate) fn discard(self) {
        if self.file.metadata().is_ok_and(|m| m.len() == 0) {
            // An empty file that stays harms nothing but order.
            let _ = fs::remove_file(&self.part);
        }
    }

    /// Ends the crawl: its pages are kept if they can be asked for conditionally.
    ///
    /// # Errors
    /// If the files can't be renamed or removed.
    pub(crate) fn finish(self) -> Result<(), CrawlError> {
        let failed = |source| CrawlError::Work { at: self.part.clone(), source };
        if self.validated {
            return fs::rename(&self.part, &self.finished).map_err(failed);
        }
        for path in [&self.part, &self.finished] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Previous {
    /// The pages of a finished crawl that have validators; `None` if there is none that can be read.
    fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut reader = BufReader::new(&file);
        let mut lines = BTreeMap::new();
        let (mut start, mut text) = (0, Vec::new());
        loop {
            text.clear();
            let n = reader.read_until(b'\n', &mut text).ok()? as u64;
            if n == 0 {
                break;
            }
            if let Ok(Head { step, validators }) = serde_json::from_slice(&text)
                && !validators.is_empty()
            {
                lines.insert(step.key(), (start, n, validators));
            }
            start += n;
        }
        Some(Self { file, lines })
    }
}

/// A whole line, or nothing.
fn read_line(text: &[u8]) -> Option<Line> {
    serde_json::from_slice(text.strip_suffix(b"\n")?).ok()
}

/// Removes what crawls of other queries left that nobody will take up again.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_part = path.extension().is_some_and(|e| e == "part");
        let held = || File::open(&path).is_ok_and(|f| matches!(f.try_lock(), Err(TryLockError::WouldBlock)));
        if is_part && age(&path).is_some_and(|age| age >= OLDEST) && !held() {
            // One that stays harms nothing but order.
            let _ = fs::remove_file(&path);
        }
    }
}

/// How long ago a file was written to.
fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

fn is_recent(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.len() > 0) && age(path).is_some_and(|age| age < OLDEST)
}

/// The parser of lines, for fuzzing: how many of a journal are whole.
pub(crate) fn count_lines(bytes: &[u8]) -> (usize, Vec<Rejected>) {
    let lines: Vec<Line> = bytes.split_inclusive(|b| *b == b'\n').map_while(read_line).collect();
    (lines.len(), lines.into_iter().flat_map(|l| l.page.rejected).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> Page {
        let mut page = Page::default();
        page.reject(name, "only a test");
        page
    }

    fn replayed(journal: &mut Journal) -> Vec<String> {
        let mut names = Vec::new();
        journal
            .replay(|step, page| {
                names.push(format!("{} {}", step.at, page.rejected[0].name));
                Ok(())
            })
            .unwrap();
        names
    }

    #[test]
    fn a_torn_last_line_is_forgotten_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), "q", false).unwrap();
        for name in ["a", "b"] {
            journal.add(&Step::at(name), &Validators::default(), &page(name)).unwrap();
        }
        drop(journal);
        let path = folder.path().join("q.part");
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 5]).unwrap();
        assert!(Journal::has_unfinished(folder.path(), "q"));
        let mut journal = Journal::open(folder.path(), "q", false).unwrap();
        assert_eq!(replayed(&mut journal), ["a a"]);
        journal.add(&Step::at("c"), &Validators::default(), &page("c")).unwrap();
        drop(journal);
        assert_eq!(replayed(&mut Journal::open(folder.path(), "q", false).unwrap()), ["a a", "c c"]);
        assert!(replayed(&mut Journal::open(folder.path(), "q", true).unwrap()).is_empty());
    }

    #[test]
    fn a_day_old_journal_is_not_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), "q", false).unwrap();
        journal.add(&Step::at("a"), &Validators::default(), &page("a")).unwrap();
        journal.file.set_modified(std::time::SystemTime::now() - OLDEST).unwrap();
        drop(journal);
        assert!(replayed(&mut Journal::open(folder.path(), "q", false).unwrap()).is_empty());
        // Nor does it stay if nobody asks for it.
        let path = folder.path().join("q.part");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() - OLDEST).unwrap();
        let _other = Journal::open(folder.path(), "other", false).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn finished_pages_are_kept_if_they_can_be_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let etag = Validators { etag: Some("\"1\"".to_owned()), modified: None };
        let mut journal = Journal::open(folder.path(), "q", false).unwrap();
        journal.add(&Step::at("a"), &etag, &page("a")).unwrap();
        journal.add(&Step::at("b"), &Validators::default(), &page("b")).unwrap();
        journal.finish().unwrap();
        let journal = Journal::open(folder.path(), "q", false).unwrap();
        assert_eq!(journal.validators(&Step::at("a")), Some(etag));
        assert_eq!(journal.validators(&Step::at("b")), None);
        assert_eq!(journal.previous_page(&Step::at("a")).unwrap(), Some(page("a")));
        // Nothing of this crawl has validators: nothing is kept.
        journal.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_crawls_do_not_write_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Journal::open(folder.path(), "q", false).unwrap();
        assert!(matches!(Journal::open(folder.path(), "q", false), Err(CrawlError::Busy { .. })));
    }
}
