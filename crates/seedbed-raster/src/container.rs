//! What a file is, by its first bytes, and what lies inside a zip.

use crate::{RasterError, zarr};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file's kind.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// netCDF, classic or on HDF5.
    Netcdf,
    /// HDF4, with HDF-EOS grids.
    Hdf4,
    /// A zip archive.
    Zip,
    /// A folder that is a Zarr group of version 3.
    Zarr,
    /// A folder that is one of version 2.
    Zarr2,
    /// Anything that GDAL opens as bands.
    Bands,
}

/// Endings and the first bytes that files of that name have.
const PROMISES: &[(&[&str], &[&[u8]])] = &[
    (&["zip"], &[b"PK\x03\x04", b"PK\x05\x06"]),
    (&["nc", "nc4", "cdf"], &[b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n"]),
    (&["hdf"], &[b"\x0e\x03\x13\x01", b"\x89HDF\r\n\x1a\n"]),
    (&["tif", "tiff"], &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]),
    (&["jp2"], &[b"\0\0\0\x0cjP  "]),
];

/// The path GDAL gets: absolute, so that it can't be taken for one of GDAL's
/// own prefixes; no URL, no virtual file system.
pub fn local(path: &Path) -> Result<PathBuf, RasterError> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").is_some_and(|(s, _)| !s.is_empty() && !s.contains('/'));
    if scheme || text.starts_with("/vsi") {
        return Err(RasterError::NotLocal { path: text.into_owned() });
    }
    std::path::absolute(path).map_err(|source| RasterError::Io { path: path.to_owned(), source })
}

/// Tells a file's kind, and refuses one that isn't what its name says.
pub fn kind(path: &Path) -> Result<Kind, RasterError> {
    let io = |source| RasterError::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return folder(path);
    }
    let mut head = Vec::with_capacity(512);
    File::open(path).map_err(io)?.take(512).read_to_end(&mut head).map_err(io)?;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    if head.is_empty() {
        return Err(damaged("it is empty".to_owned()));
    }
    for (endings, magics) in PROMISES {
        if endings.contains(&ending.as_str()) && !magics.iter().any(|m| head.starts_with(m)) {
            let found = preview(&head).map_or_else(|| "other data".to_owned(), |t| format!("text: \"{t}\""));
            return Err(damaged(format!("it is no .{ending} file but {found}")));
        }
    }
    Ok(if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Kind::Zip
    } else if head.starts_with(b"CDF") || head.starts_with(b"\x89HDF\r\n\x1a\n") {
        Kind::Netcdf
    } else if head.starts_with(b"\x0e\x03\x13\x01") {
        Kind::Hdf4
    } else {
        refuse_remote_vrt(path, &head)?;
        Kind::Bands
    })
}

/// Tells what a folder is.
fn folder(path: &Path) -> Result<Kind, RasterError> {
    let holds = |name: &str| path.join(name).is_file();
    if holds(zarr::DOCUMENT) {
        Ok(Kind::Zarr)
    } else if holds(".zgroup") || holds(".zarray") {
        Ok(Kind::Zarr2)
    } else {
        let reason = "it is a folder, and no Zarr group: there is neither zarr.json nor .zgroup in it";
        Err(RasterError::Damaged { path: path.to_owned(), reason: reason.to_owned() })
    }
}

/// The start of a text, on one line; `None` for binary data.
fn preview(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    if text.chars().any(|c| c == '\0' || c == char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line.chars().take(100).collect())
}

/// A VRT may name URLs as its sources; those are never opened.
fn refuse_remote_vrt(path: &Path, head: &[u8]) -> Result<(), RasterError> {
    if !String::from_utf8_lossy(head).trim_start().starts_with("<VRTDataset") {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(path).map_err(|source| RasterError::Io { path: path.to_owned(), source })?;
    for tag in ["<SourceFilename", "<SourceDataset", "<SrcDSName"] {
        for element in text.split(tag).skip(1) {
            let name = element.split_once('>').map_or(element, |(_, rest)| rest);
            let name = name.split('<').next().unwrap_or_default();
            if name.contains("://") || name.contains("/vsi") {
                return Err(RasterError::NotLocal { path: format!("{} (a VRT of {name})", path.display()) });
            }
        }
    }
    Ok(())
}

/// A zip member that holds a raster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path inside the zip.
    pub name: String,
    /// Its size once inflated.
    pub size: u64,
}

impl Member {
    /// The file name without folder and ending: how a user names it.
    pub fn stem(&self) -> &str {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// The rasters in a zip, sorted by name: `.tif` or `.bil`, in any folder.
pub fn members(path: &Path) -> Result<Vec<Member>, RasterError> {
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|source| RasterError::Io { path: path.to_owned(), source })?;
    let mut zip = zip::ZipArchive::new(std::io::BufReader::new(file))
        .map_err(|e| damaged(format!("its zip directory can't be read ({e})")))?;
    let mut all = Vec::new();
    for i in 0..zip.len() {
        let entry =
            zip.by_index_raw(i).map_err(|e| damaged(format!("zip member {i} can't be read ({e})")))?;
        let name = entry.name().map_err(|e| damaged(format!("zip member {i} has no readable name ({e})")))?;
        all.push(Member { name: name.into_owned(), size: entry.size() });
    }
    let mut rasters: Vec<Member> = all
        .iter()
        .filter(|m| {
            let ending = m.name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
            let hidden = m.name.starts_with("__MACOSX") || m.name.split('/').any(|part| part == "..");
            matches!(ending.as_str(), "tif" | "tiff" | "bil") && !hidden
        })
        .cloned()
        .collect();
    rasters.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if rasters.is_empty() {
        let names: Vec<&str> = all.iter().map(|m| m.name.as_str()).collect();
        let holds = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(damaged(format!("the zip holds no .tif or .bil but {holds}")));
    }
    Ok(rasters)
}
