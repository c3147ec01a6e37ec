//! Zarr: cubes of time × y × x, written and read.
//!
//! What is written is Zarr version 3 (core specification 3.0): shards
//! (`sharding_indexed`) of compressed chunks with a CRC-32C behind their index, and
//! consolidated metadata. A cube of one colour costs nothing: chunks that are
//! missing everywhere aren't stored. In the attributes are the CF conventions:
//! scale, offset, `_FillValue`, units, a grid mapping with the system as WKT, and
//! the coordinates `x`, `y` and `time` (`days since 1970-01-01`, standard calendar).
//!
//! What is read is version 3 with regular chunks, sharded or not, and the codecs
//! `bytes` of either order, zstd, gzip, blosc and crc32c, 16-bit floats included: of a folder anywhere ([`ReadFolder`]) the documents,
//! the coordinates and the chunks that a window needs; of shards the index and these
//! chunks' bytes. Version 2 is left to GDAL, which gets the files that it needs on the
//! local disk.

use crate::RasterError;
use crate::cog::Compress;
use std::path::Path;

mod array;
mod checksum;
mod codec;
mod cube;
mod document;
mod files;
mod group;
mod layout;
mod mapping;
mod metadata;
mod shard;
mod version2;

pub(crate) use array::ZarrArray;
pub use cube::{Cube, CubeWriter};
pub(crate) use files::LocalFolder;
pub use files::{FileRange, ReadFolder, Reuse};
pub(crate) use group::{DOCUMENT, ZarrGroup};
pub(crate) use version2::{Spooled, Zarr2, unread};

/// Checks that cubes can be compressed so.
///
/// # Errors
/// In words, for a compression or a level that Zarr doesn't have.
pub fn check_encoding(compress: Compress, level: Option<u8>) -> Result<(), String> {
    codec::Codec::of(compress, level).map(|_| ())
}

/// What a folder is whose names aren't told.
///
/// # Errors
/// [`RasterError::Io`] if there is neither version's document.
pub(crate) fn version(files: &dyn ReadFolder, at: &Path) -> Result<Version, RasterError> {
    // A store that may not be listed may refuse what isn't there.
    let first = files.read(&[DOCUMENT.to_owned()], Reuse::Often);
    if let Ok([Some(_)]) = first.as_deref() {
        return Ok(Version::Three);
    }
    let second = files.read(&[version2::GROUP.to_owned()], Reuse::Often);
    match (second.as_deref(), first) {
        (Ok([Some(_)]), _) => Ok(Version::Two),
        (_, Err(error)) => Err(error),
        _ => {
            let reason = format!("neither {DOCUMENT} nor {} is there", version2::GROUP);
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
            Err(RasterError::Io { path: at.join(DOCUMENT), source })
        }
    }
}

/// Versions of Zarr.
pub(crate) enum Version {
    Two,
    Three,
}

/// An array's document from anywhere, and the first bytes behind it as its chunk.
pub(crate) fn any_array(bytes: &[u8]) {
    let (document, chunk) = split(bytes);
    let Ok(document) = serde_json::from_slice(document) else { return };
    let Ok(meta) = metadata::ArrayMeta::parse(&document) else { return };
    let codecs = meta.sharding.as_ref().map_or(&meta.codecs, |sharding| &sharding.codecs);
    let _ = codec::unpack(codecs, chunk.to_vec(), 1 << 12);
}

/// Bytes as what is stored of a chunk, by the codecs that the first byte chooses.
pub(crate) fn any_chunk(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let all = [codec::Codec::Crc32c, codec::Codec::Gzip(6), codec::Codec::Zstd(3)];
    let chosen: Vec<_> = all.into_iter().enumerate().filter(|(n, _)| first >> n & 1 == 1).collect();
    let chosen: Vec<codec::Codec> = chosen.into_iter().map(|(_, codec)| codec).collect();
    let _ = codec::unpack(&chosen, rest.to_vec(), 1 << 12);
}

/// What comes before the first NUL, and what after.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    (&bytes[..at], bytes.get(at + 1..).unwrap_or_default())
}

/// Goes up whenever the writer would give other bytes for the same input; part of
/// the keys of tasks that write cubes.
pub const REVISION: u32 = 1;
