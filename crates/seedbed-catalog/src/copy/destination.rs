//! Places that files and documents can be put into, as far as that can be told before.

use crate::CatalogError;
use rustix::fs::{Access, access};
use seedbed_storage::Location;
use std::io;
use std::path::Path;

/// Refuses a destination that can't take files: one of read-only stores, below a file, or where we may not write.
/// Remote stores are asked when the first file goes there.
///
/// # Errors
/// [`CatalogError::Destination`].
pub fn takes_files(to: &Location) -> Result<(), CatalogError> {
    let refused = |reason: String| Err(CatalogError::Destination { to: to.to_string(), reason });
    match to {
        Location::Http(_) => refused(format!("`{}` locations are read-only", to.scheme())),
        Location::Local(path) => writable(path).or_else(refused),
        _ => Ok(()),
    }
}

/// Whether files can be put into a folder, or into the nearest above it that is there; else why not.
pub fn writable(folder: &Path) -> Result<(), String> {
    let is_there = |at: &&Path| at.symlink_metadata().is_ok();
    let above = folder.ancestors().map(|at| if at.as_os_str().is_empty() { Path::new(".") } else { at });
    let Some(nearest) = above.into_iter().find(is_there) else { return Ok(()) };
    if !nearest.is_dir() {
        return Err(format!("{} is no folder", nearest.display()));
    }
    access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|e| format!("{} can't be written to: {}", nearest.display(), io::Error::from(e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_folder_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(writable(&folder.path().join("a/b/c")), Ok(()));
        let below = writable(&folder.path().join("file/x")).unwrap_err();
        assert!(below.ends_with("file is no folder"), "{below}");
        assert!(takes_files(&"https://h.org/x".parse().unwrap()).is_err());
        assert!(takes_files(&"s3://b/x".parse().unwrap()).is_ok());
    }
}
