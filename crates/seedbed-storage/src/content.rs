//! Kinds of files, told by their bytes.
//!
//! A server that refuses politely sends a text with status 200 where a file was
//! asked for. The first bytes tell.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// What the bytes of a file must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Anything.
    #[default]
    Any,
    /// A zip archive with a member: starts with `PK\x03\x04`, and its directory's end is there.
    Zip,
    /// A TIFF or `BigTIFF`, in either byte order.
    Tiff,
    /// A netCDF file: classic, 64-bit, or HDF5.
    NetCdf,
    /// An HDF4 file.
    Hdf4,
}

/// Bytes from the start of a file that suffice to tell.
pub(crate) const ENOUGH: usize = 8;

impl Content {
    /// The kind that a file of this name has by its extension.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        match extension.as_deref() {
            Some("zip") => Self::Zip,
            Some("tif" | "tiff") => Self::Tiff,
            Some("nc" | "nc4" | "h5" | "hdf5") => Self::NetCdf,
            Some("hdf" | "hdf4") => Self::Hdf4,
            _ => Self::Any,
        }
    }

    /// Whether a file may start so.
    #[must_use]
    pub fn starts(self, head: &[u8]) -> bool {
        let any = |heads: &[&[u8]]| heads.iter().any(|h| head.starts_with(h));
        match self {
            Self::Any => true,
            Self::Zip => any(&[b"PK\x03\x04"]),
            Self::Tiff => any(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]),
            Self::NetCdf => any(&[b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n"]),
            Self::Hdf4 => any(&[b"\x0e\x03\x13\x01"]),
        }
    }

    /// Whether a whole file may end so: a zip whose end is cut off lacks its directory.
    pub(crate) fn ends(self, file: &mut File) -> io::Result<bool> {
        if self != Self::Zip {
            return Ok(true);
        }
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(size.saturating_sub(self.tail() as u64)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(self.ends_with(&tail))
    }

    /// How many of a file's last bytes tell whether it is whole: the end of a zip's directory is 22 bytes and a
    /// comment of at most 65,535.
    pub(crate) fn tail(self) -> usize {
        if self == Self::Zip { 22 + 0xffff } else { 0 }
    }

    /// Whether a whole file may end so.
    pub(crate) fn ends_with(self, tail: &[u8]) -> bool {
        self != Self::Zip || tail.windows(4).any(|w| w == b"PK\x05\x06")
    }
}

/// The media type of a file of this name, for servers that pass it on to browsers.
pub(crate) fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("json") => "application/json",
        Some("geojson") => "application/geo+json",
        Some("tif" | "tiff") => "image/tiff",
        Some("nc" | "nc4") => "application/netcdf",
        Some("h5" | "hdf5") => "application/x-hdf5",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("png") => "image/png",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a file",
            Self::Zip => "a whole zip archive",
            Self::Tiff => "a TIFF",
            Self::NetCdf => "a netCDF file",
            Self::Hdf4 => "an HDF4 file",
        })
    }
}
