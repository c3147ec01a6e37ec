//! Where products lie: a folder of this machine, or a place in a store.

use crate::store_root::StoreRoot;
use crate::{PrepError, Spool};
use seedbed_storage::{CreateOnce, Location};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a product: its records, its data, its catalog.
///
/// Both kinds hold the same files under the same names. What differs is how a file gets its
/// name: in a folder of this machine by `rename(2)` and `link(2)`, in a store by a verified upload
/// and a record that is created once.
#[derive(Debug, Clone)]
pub enum Root {
    /// A folder of this machine.
    Local(PathBuf),
    /// A prefix of a bucket, a folder of a WebDAV server or a dCache; to be read also of a web server.
    Store(StoreRoot),
}

/// The folder of what a program remembers of a local product, within it.
const STATE: &str = ".seedbed";

impl Root {
    /// The root at a location. What is remembered of one in a store, its plan, its ledger and what is
    /// under way, lies beside the spool.
    #[must_use]
    pub fn at(location: &Location, spool: &Spool) -> Self {
        match location.as_path() {
            Some(path) => Self::Local(path.to_owned()),
            None => Self::Store(StoreRoot::new(location, spool)),
        }
    }

    /// The root of a product that is named by its folder, its catalog or another of its documents.
    #[must_use]
    pub fn of_product(location: &Location, spool: &Spool) -> Self {
        let is_document = |name: &str| Path::new(name).extension().is_some_and(|e| e == "json");
        match location.parent().filter(|_| location.file_name().is_some_and(is_document)) {
            Some(folder) if !location.is_local() => Self::at(&folder, spool),
            _ => Self::at(location, spool),
        }
    }

    /// Refuses a place that can only be read.
    ///
    /// # Errors
    /// [`PrepError::Request`] for a web server.
    pub fn writable(self) -> Result<Self, PrepError> {
        match self.location() {
            Location::Http(url) => Err(PrepError::Request(format!(
                "{url} can only be read: products are written to a folder, s3://, davs:// or dcache://"
            ))),
            _ => Ok(self),
        }
    }

    /// Its address.
    #[must_use]
    pub fn location(&self) -> Location {
        match self {
            Self::Local(path) => Location::Local(path.clone()),
            Self::Store(store) => store.location().clone(),
        }
    }

    /// Its path, if it is a folder of this machine.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Store(_) => None,
        }
    }

    /// The address of a member at `names`, divided by `/`.
    #[must_use]
    pub fn join(&self, names: &str) -> Location {
        self.location().join(names)
    }

    /// The local folder of what is remembered of the product between two runs: `.seedbed` in a local one.
    /// Nothing is decided by what is in it.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        match self {
            Self::Local(path) => path.join(STATE),
            Self::Store(store) => store.state().to_owned(),
        }
    }

    /// Whether both are one place.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Local(a), Self::Local(b)) => match (a.canonicalize(), b.canonicalize()) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            },
            (a, b) => trimmed(&a.location()) == trimmed(&b.location()),
        }
    }

    /// What creating a record once comes to here; a store is tried out.
    ///
    /// # Errors
    /// [`PrepError::Storage`] if it can't be reached or written.
    pub fn create_once(&self) -> Result<CreateOnce, PrepError> {
        match self {
            Self::Local(_) => Ok(CreateOnce::Guaranteed),
            Self::Store(store) => store.create_once(),
        }
    }

    /// A document's bytes, or none if there is no such document.
    pub(crate) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, PrepError> {
        match self {
            Self::Local(root) => {
                let path = root.join(name);
                match fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(PrepError::Read { path, source }),
                }
            }
            Self::Store(store) => store.document(name),
        }
    }

    /// Writes a document, unless the same is there.
    pub(crate) fn write_document(&self, name: &str, bytes: Vec<u8>, spool: &Spool) -> Result<(), PrepError> {
        match self {
            Self::Local(root) => {
                let path = root.join(name);
                if fs::read(&path).is_ok_and(|there| there == bytes) {
                    return Ok(());
                }
                spool.block_on(spool.stores().replace(&Location::Local(path), bytes.into()))?;
                Ok(())
            }
            Self::Store(store) => store.write_document(name, bytes),
        }
    }
}

/// An address without slashes at its end.
fn trimmed(at: &Location) -> String {
    at.normalise().to_string().trim_end_matches('/').to_owned()
}

impl Default for Root {
    /// The working directory.
    fn default() -> Self {
        Self::Local(PathBuf::from("."))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location().fmt(f)
    }
}

impl From<&PathBuf> for Root {
    fn from(path: &PathBuf) -> Self {
        Self::Local(path.clone())
    }
}

impl From<&Path> for Root {
    fn from(path: &Path) -> Self {
        Self::Local(path.to_owned())
    }
}

impl From<&Self> for Root {
    fn from(root: &Self) -> Self {
        root.clone()
    }
}
