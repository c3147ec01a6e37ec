//! What stands at a path that is to be replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The bits of a mode that say who may read, write and run a file.
const ACCESS: u32 = 0o777;

/// A file that is to be replaced by another in its place.
#[derive(Debug)]
pub struct Standing {
    /// Where it is: symbolic links lead here.
    pub path: PathBuf,
    mode: Option<u32>,
}

impl Standing {
    /// What stands at a path; a link that leads nowhere stands for itself, as does nothing.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let Ok(found) = path.symlink_metadata() else { return Self { path: path.to_owned(), mode: None } };
        let real = if found.is_symlink() { path.canonicalize().ok() } else { None };
        let path = real.unwrap_or_else(|| path.to_owned());
        let file = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
        Self { mode: file.map(|file| file.permissions().mode() & ACCESS), path }
    }

    /// Gives the mode to the file that will take its place.
    pub fn hand_on(&self, new: &Path) {
        let Some(mode) = self.mode else { return };
        // Some file systems have no modes; the bytes are what matters.
        drop(fs::set_permissions(new, Permissions::from_mode(mode)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_stands_for_the_file_that_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::write(at("real"), "x").unwrap();
        fs::set_permissions(at("real"), Permissions::from_mode(0o664)).unwrap();
        symlink("real", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let found = Standing::at(&at("link"));
        assert_eq!((found.path.clone(), found.mode), (at("real"), Some(0o664)));
        fs::write(at("new"), "y").unwrap();
        found.hand_on(&at("new"));
        assert_eq!(fs::metadata(at("new")).unwrap().permissions().mode() & ACCESS, 0o664);
        for name in ["dangling", "nothing"] {
            let found = Standing::at(&at(name));
            assert_eq!((found.path, found.mode), (at(name), None), "{name}");
        }
    }
}
