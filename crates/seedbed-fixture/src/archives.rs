//! A folder of archives: what is in it and how it is made.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::spec::{Archive, Spec};
use crate::write::file;
use crate::{daymet, maca, modis, prism, statics};

/// Bytes of a folder made by another version of the generators must not be taken for this one's.
const REVISION: u32 = 1;

/// Writes a file to the temporary path that it is given.
type Make = Box<dyn FnOnce(&Path) -> Result<()> + Send>;

/// Something to be made: the file whose presence says that it is done, and the work.
pub(crate) struct Job {
    path: PathBuf,
    make: Make,
}

impl Job {
    /// A file at `path`, written by `make` to the temporary path that it is given.
    pub(crate) fn new(path: PathBuf, make: impl FnOnce(&Path) -> Result<()> + Send + 'static) -> Self {
        Self { path, make: Box::new(make) }
    }
}

/// A folder of archives, complete.
#[derive(Debug, Clone)]
pub struct Archives {
    dir: PathBuf,
}

impl Archives {
    /// Makes the archives of `spec` in `dir`, on all cores. Files that are there already are kept.
    ///
    /// # Errors
    /// When the folder holds archives of another area or of another version of the generators,
    /// when a file can't be written, or when the spec asks for an unknown variable.
    pub fn generate(dir: impl AsRef<Path>, spec: &Spec) -> Result<Self> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).with_context(|| format!("can't create {}", dir.display()))?;
        claim(dir, spec)?;
        let mut jobs = Vec::new();
        for archive in &spec.archives {
            let root = dir.join(archive.name());
            jobs.extend(match archive {
                Archive::Daymet => daymet::jobs(&root, spec)?,
                Archive::Modis => modis::jobs(&root, spec)?,
                Archive::Statics => statics::jobs(&root, spec),
                Archive::Prism => prism::jobs(&root, spec, prism::Layout::New)?,
                Archive::PrismOld => prism::jobs(&root, spec, prism::Layout::Old)?,
                Archive::Maca => maca::jobs(&root, spec)?,
            });
        }
        run(jobs)?;
        for archive in &spec.archives {
            let root = dir.join(archive.name());
            match archive {
                Archive::Daymet => daymet::sidecars(&root)?,
                Archive::Modis => modis::list(&root, spec)?,
                _ => {}
            }
        }
        Ok(Self { dir: dir.to_path_buf() })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Notes what the folder is for, or checks that it is for the same.
fn claim(dir: &Path, spec: &Spec) -> Result<()> {
    let path = dir.join("fixture.json");
    let wanted = serde_json::json!({ "revision": REVISION, "area": spec.area.to_string() });
    if path.exists() {
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        let found: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{} isn't JSON", path.display()))?;
        if found != wanted {
            bail!(
                "{} holds other archives ({found}, not {wanted})\nhint: choose an empty folder, or remove it",
                dir.display()
            );
        }
        return Ok(());
    }
    file::whole(&path, |temporary| Ok(fs::write(temporary, format!("{wanted}\n"))?))
}

/// Works the jobs off in order on all cores; the first failure stops the rest.
fn run(jobs: Vec<Job>) -> Result<()> {
    let queue = Mutex::new(VecDeque::from(jobs));
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front();
    let work = || -> Result<()> {
        while let Some(job) = next() {
            let outcome = file::whole(&job.path, job.make);
            if outcome.is_err() {
                queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
                return outcome;
            }
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(outcome) => outcome,
            Err(payload) => std::panic::resume_unwind(payload),
        })
    })
}
