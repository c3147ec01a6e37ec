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
//! `bytes`, zstd, gzip and crc32c. Version 2 is left to GDAL.

mod array;
mod checksum;
mod codec;
mod cube;
mod document;
mod group;
mod layout;
mod metadata;
mod summary;

pub(crate) use array::ZarrArray;
pub use cube::{Cube, CubeWriter};
pub(crate) use group::{DOCUMENT, ZarrGroup};

/// Goes up whenever the writer would give other bytes for the same input; part of
/// the keys of tasks that write cubes.
pub const REVISION: u32 = 1;
