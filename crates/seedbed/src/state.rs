//! The local folders of what is remembered of products in stores.
//!
//! Plan, ledger, copies of inputs and the product under way of one place are in one folder, named after the
//! place. Nothing is decided by them: on another machine, or with the folder gone, the records in the store tell
//! what is done.

use seedbed_storage::{Checksum, Location};
use std::path::{Path, PathBuf};

/// The folder among the states in `top` for what is at a place.
pub fn of(top: &Path, at: &Location) -> PathBuf {
    // However the place is named: by its catalog, or with a slash at the end.
    let folder = match at.file_name() {
        Some(name) if Path::new(name).extension().is_some_and(|e| e == "json") => at.parent(),
        _ => None,
    };
    let address = folder.as_ref().unwrap_or(at).normalise().to_string();
    let address = address.trim_end_matches('/');
    let name: String = address
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(40)
        .collect();
    let digest = Checksum::of_bytes(address.as_bytes()).digest_hex();
    top.join(format!("{name}-{}", &digest[..16]))
}

/// The folder of all, by the XDG base directories.
pub fn usual() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    of("XDG_STATE_HOME")
        .or_else(|| of("HOME").map(|home| home.join(".local").join("state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("seedbed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(at: &str) -> PathBuf {
        of(Path::new("top"), &at.parse().unwrap())
    }

    #[test]
    fn a_place_has_one_folder_however_it_is_named() {
        let place = folder("s3://bucket/runs/veget");
        assert!(place.to_str().unwrap().starts_with("top/veget-"), "{}", place.display());
        assert_eq!(folder("s3://bucket/runs/veget/"), place);
        assert_eq!(folder("s3://bucket/runs/veget/catalog.json"), place);
        assert_ne!(folder("s3://other/runs/veget"), place);
        assert_eq!(folder("davs://host/a/"), folder("davs://host/a"));
        assert_eq!(folder("davs://host/a/catalog.json"), folder("davs://host/a"));
    }
}
