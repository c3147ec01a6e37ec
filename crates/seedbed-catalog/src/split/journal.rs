//! The old places of items, and how they are left.

use super::{Move, Splitter, Task, failed};
use crate::CatalogError;
use crate::disk::hold;
use crate::ground::hash;
use crate::outline::Outline;
use seedbed_storage::Location;
use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

impl Splitter<'_> {
    /// Where the old places of a catalog's items are noted while they are moved.
    pub(super) fn journal_of(&self, document: &str) -> PathBuf {
        let at = self.ground.location(document);
        let path = at.as_path().unwrap_or(Path::new(document));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.split"))
    }

    /// Removes the documents that a journal names, unless they are still linked.
    pub(super) async fn finish_killed(
        &mut self,
        journal: &Path,
        linked: &HashSet<(u64, u64)>,
    ) -> Result<(), CatalogError> {
        if !journal.exists() {
            return Ok(());
        }
        for line in lines(journal)? {
            let line = line.map_err(|e| failed(journal, e))?;
            let (old, _) = places(&line);
            let at = self.ground.location(old);
            if !linked.contains(&hash(old)) && self.disk.remove(&at).await? {
                self.done.removed += 1;
            }
        }
        fs::remove_file(journal).map_err(|e| failed(journal, e))
    }

    /// Leaves the old places of a catalog's items: what another program, such as a copy, has written
    /// there since they were moved is brought too, and then the documents there are removed.
    pub(super) async fn leave(&mut self, task: &Task<'_>) -> Result<(), CatalogError> {
        // Hrefs that lead from one item to another are told by the documents at the old places,
        // which therefore stay until all has been brought.
        for last in [false, true] {
            for line in lines(&task.journal_path)? {
                let line = line.map_err(|e| failed(&task.journal_path, e))?;
                let (old, new) = places(&line);
                let (at, to) = (self.ground.location(old), self.ground.location(new));
                let held = hold(&at).await;
                let (was, is) = (written(&at), written(&to));
                // Of two of one moment nothing tells which was first.
                if was > is || (!last && was.is_some() && was == is) {
                    self.bring_again(task, old, &at).await?;
                }
                if last && self.disk.remove(&at).await? {
                    self.done.removed += 1;
                }
                drop(held);
            }
        }
        fs::remove_file(&task.journal_path).map_err(|e| failed(&task.journal_path, e))
    }

    async fn bring_again(&mut self, task: &Task<'_>, old: &str, at: &Location) -> Result<(), CatalogError> {
        let Some(text) = self.disk.read(at).await? else { return Ok(()) };
        let outline = Outline::of(&text).unwrap_or_default();
        let levels = self.levels_of(&text, &outline, at)?;
        let id = outline.string(&text, "id").unwrap_or_default();
        let (above, new) = Self::new_place(task.parent, old, &levels, &id);
        self.bring(task, &Move { old, new: &new, above: &above }, (&text, &outline)).await
    }
}

fn lines(journal: &Path) -> Result<io::Lines<BufReader<fs::File>>, CatalogError> {
    Ok(BufReader::new(fs::File::open(journal).map_err(|e| failed(journal, e))?).lines())
}

/// A line's old place, and the new one.
fn places(line: &str) -> (&str, &str) {
    line.split_once('\0').unwrap_or((line, line))
}

/// When a document was written; none if it isn't there.
fn written(at: &Location) -> Option<SystemTime> {
    fs::metadata(at.as_path()?).ok()?.modified().ok()
}
