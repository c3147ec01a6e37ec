//! What a file is, by its first bytes, and what lies inside a zip.

use crate::{RasterError, zarr};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

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
    /// Anything that GDAL opens as bands; whether it may be numbers without a word of its own,
    /// which a `.hdr` beside it describes.
    Bands { may_be_raw: bool },
}

/// Endings of files of numbers alone; the list of GDAL's and of the archives.
const RAW: &[&str] = &["", "bil", "bin", "bip", "bsq", "dat", "dem", "envi", "flt", "img", "raw"];

/// The first bytes of what GDAL tells by itself, and so is never numbers alone.
const TOLD: &[&[u8]] =
    &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"EHFA_HEADER_TAG", b"\0\0\0\x0cjP  ", b"<VRTDataset"];

/// The first bytes of formats that aren't read.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"SQLite format 3\0", "an SQLite database, as a GeoPackage is"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff\xe0", "a JPEG image"),
    (b"\xff\xd8\xff\xe1", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"GRIB", "a GRIB file"),
    (b"%PDF-", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b\x08\0", "a gzip file"),
    (b"\x1f\x8b\x08\x08", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
];

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
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(RasterError::Format { path: path.to_owned(), what });
    }
    Ok(if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Kind::Zip
    } else if head.starts_with(b"CDF") || head.starts_with(b"\x89HDF\r\n\x1a\n") {
        Kind::Netcdf
    } else if head.starts_with(b"\x0e\x03\x13\x01") {
        Kind::Hdf4
    } else {
        refuse_remote_vrt(path, &head)?;
        Kind::Bands { may_be_raw: is_raw(&ending) && !TOLD.iter().any(|magic| head.starts_with(magic)) }
    })
}

/// Whether files of that ending, in lower case, hold numbers alone.
fn is_raw(ending: &str) -> bool {
    RAW.contains(&ending)
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

    /// Whether it may be numbers alone.
    pub fn may_be_raw(&self) -> bool {
        is_raw(&self.name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase())
    }
}

/// Members that were compared with their zip's checksums, by the zip's path, size and time of change.
static VERIFIED: Mutex<BTreeSet<(PathBuf, u64, SystemTime, String)>> = Mutex::new(BTreeSet::new());

/// Compares a member, and those beside it that say what it is, with the checksums of the zip, which
/// GDAL doesn't; in the life of this process once.
///
/// # Errors
/// [`RasterError::Damaged`] with the member, [`RasterError::Io`].
pub fn verify(path: &Path, member: &Member) -> Result<(), RasterError> {
    let io = |source| RasterError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let (metadata, name) = (file.metadata().map_err(io)?, member.name.clone());
    let known = (path.to_owned(), metadata.len(), metadata.modified().map_err(io)?, name);
    let verified = || VERIFIED.lock().unwrap_or_else(PoisonError::into_inner);
    if verified().contains(&known) {
        return Ok(());
    }
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    let stem = member.name.rsplit_once('.').map_or(member.name.as_str(), |(stem, _)| stem);
    let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| damaged(e.to_string()))?;
    for number in 0..zip.len() {
        let told = |e: &dyn std::fmt::Display| damaged(format!("zip member {number} can't be read ({e})"));
        let raw = zip.by_index_raw(number).map_err(|e| told(&e))?;
        let name = raw.name().map_err(|e| told(&e))?.into_owned();
        drop(raw);
        if name.strip_prefix(stem).is_some_and(|ending| ending.starts_with('.')) {
            let told = |e: &dyn std::fmt::Display| damaged(format!("its member {name} is damaged: {e}"));
            let mut entry = zip.by_index(number).map_err(|e| told(&e))?;
            // At the end the reader compares the checksum.
            std::io::copy(&mut entry, &mut std::io::sink()).map_err(|e| told(&e))?;
        }
    }
    verified().insert(known);
    Ok(())
}

/// The rasters in a zip, sorted by name: `.tif` or `.bil`, in any folder.
pub fn members(path: &Path) -> Result<Vec<Member>, RasterError> {
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|source| RasterError::Io { path: path.to_owned(), source })?;
    let mut zip = zip::ZipArchive::new(BufReader::new(file))
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
