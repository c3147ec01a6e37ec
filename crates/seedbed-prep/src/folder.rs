//! A folder as one thing, such as a Zarr group: its files, their size and digest.

use crate::product::Staged;
use seedbed_catalog::Asset;
use seedbed_storage::Checksum;
use serde_json::{Value, json};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) use seedbed_catalog::{FOLDER as FIELD, folder_digest};

/// All files below a folder, by their way from it with `/` between names, sorted.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<String>> {
    let (mut names, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(inside) = open.pop() {
        for entry in fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let name = format!("{inside}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push(name + "/");
            } else {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

/// A folder and all below it, the innermost first.
pub(crate) fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut next) = (vec![folder.to_owned()], 0);
    while let Some(inside) = found.get(next).cloned() {
        for entry in fs::read_dir(&inside)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        next += 1;
    }
    found.reverse();
    Ok(found)
}

/// Bytes of a file, or of all files below a folder.
pub(crate) fn size(path: &Path) -> io::Result<u64> {
    Ok(size_and_age(path)?.0)
}

/// The same, and when it was written last; of a folder its newest file.
pub(crate) fn size_and_age(path: &Path) -> io::Result<(u64, SystemTime)> {
    let of = |found: Metadata| (found.len(), found.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    let found = fs::metadata(path)?;
    if !found.is_dir() {
        return Ok(of(found));
    }
    let mut all = (0, SystemTime::UNIX_EPOCH);
    for name in files(path)? {
        let (size, written) = of(fs::metadata(path.join(name))?);
        all = (all.0 + size, all.1.max(written));
    }
    Ok(all)
}

/// The multihash of a file, or of a folder's list of files with theirs.
pub(crate) fn checksum(path: &Path) -> io::Result<String> {
    if !path.is_dir() {
        return Ok(Checksum::of_file(path)?.multihash());
    }
    let one = |name: &String| Ok((name.clone(), Checksum::of_file(&path.join(name))?.multihash()));
    Ok(folder_digest(files(path)?.iter().map(one).collect::<io::Result<Vec<_>>>()?))
}

/// What a record says of a folder, from the files staged in it.
pub(crate) fn record(folder: &str, staged: &[Staged]) -> Value {
    let below = || staged.iter().filter_map(|f| Some((f.name.strip_prefix(folder)?.strip_prefix('/')?, f)));
    json!({
        "files": below().count(),
        "size": below().map(|(_, file)| file.size).sum::<u64>(),
        "checksum": folder_digest(below().map(|(name, file)| (name.to_owned(), file.checksum.clone()))),
    })
}

/// The size and checksum that an asset states of its file or folder.
pub(crate) fn stated<'a>(asset: &Asset<'a>) -> (Option<u64>, Option<&'a str>) {
    match asset.as_object().get(FIELD) {
        Some(said) => (said["size"].as_u64(), said["checksum"].as_str()),
        None => (asset.size(), asset.checksum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_what_its_files_are() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a");
        fs::create_dir_all(root.join("c/0")).unwrap();
        for (name, text) in [("z.json", "{}"), ("c/0/1", "one"), ("c/0/0", "none")] {
            fs::write(root.join(name), text).unwrap();
        }
        assert_eq!(files(&root).unwrap(), ["c/0/0", "c/0/1", "z.json"]);
        assert_eq!(folders(&root).unwrap().len(), 3);
        assert_eq!(size(&root).unwrap(), 9);
        let before = checksum(&root).unwrap();
        let staged: Vec<Staged> = files(dir.path())
            .unwrap()
            .into_iter()
            .map(|name| Staged {
                size: size(&dir.path().join(&name)).unwrap(),
                checksum: checksum(&dir.path().join(&name)).unwrap(),
                name,
            })
            .collect();
        let said = record("a", &staged);
        assert_eq!((said["files"].as_u64(), said["size"].as_u64()), (Some(3), Some(9)));
        assert_eq!(said["checksum"], before.as_str());
        fs::rename(root.join("c/0/1"), root.join("c/0/2")).unwrap();
        assert_ne!(checksum(&root).unwrap(), before);
        assert!(size(&root.join("nothing")).is_err());
    }
}
