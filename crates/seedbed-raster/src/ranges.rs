//! A netCDF file through byte ranges: its arrays and attributes, and its bytes.

use crate::DType;
use crate::arrays::{Arrays, Attributed};
use gdal::spatial_ref::SpatialRef;
use hdf5_reader::StorageBuffer;
use netcdf_reader::{BlockCacheStorage, NcAttrValue, NcFile, NcOpenOptions, NcType, NcVariable, Storage};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Bytes at any place of a file, wherever it is.
pub trait ReadAt: Send + Sync {
    /// The file's size in bytes.
    fn size(&self) -> u64;

    /// `length` bytes from `offset` on; the whole range lies within the file.
    ///
    /// # Errors
    /// If they can't be had.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`], or if it gives another number of bytes.
    fn read_into(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.read_at(offset, out.len())?;
        if bytes.len() != out.len() {
            let told = format!("{} bytes came for the {} at byte {offset}", bytes.len(), out.len());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, told));
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }

    /// Several ranges, in their order; where a request takes long, all at once.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn read_many(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let length = |r: &Range<u64>| {
            usize::try_from(r.end - r.start).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
        };
        ranges.iter().map(|r| self.read_at(r.start, length(r)?)).collect()
    }

    /// How many needless bytes between two ranges are cheaper than a request
    /// more. Zero for a local file, which is read by many threads at once.
    fn needless(&self) -> u64 {
        1 << 16
    }
}

/// A local file, read at any place without a position of its own.
pub struct LocalFile {
    file: File,
    size: u64,
}

impl LocalFile {
    /// Opens it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn read_into(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn needless(&self) -> u64 {
        0
    }
}

/// A file's bytes in memory.
impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.get(from..from.saturating_add(length)).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(bytes.to_vec())
    }

    fn needless(&self) -> u64 {
        0
    }
}

/// What is asked for at once of a remote file: metadata lie in clusters of a few kilobytes.
const BLOCK: usize = 1 << 16;
/// What is read at once of a local file.
const LOCAL_BLOCK: usize = 1 << 12;
/// How many bytes are remembered.
const REMEMBERED: usize = 1 << 24;

/// The largest array that is read whole, in bytes: coordinates.
const LARGEST: usize = 1 << 27;
/// The largest header of an object, in bytes; real ones have a few thousand.
pub const LARGEST_HEADER: usize = 1 << 22;

/// A file's metadata, which are read in blocks and remembered.
pub fn metadata(bytes: Arc<dyn ReadAt>) -> Arc<dyn Storage> {
    let block = if bytes.needless() == 0 { LOCAL_BLOCK } else { BLOCK };
    Arc::new(BlockCacheStorage::new(Arc::new(Ranges(bytes)), block, REMEMBERED / block))
}

struct Ranges(Arc<dyn ReadAt>);

impl Storage for Ranges {
    fn len(&self) -> u64 {
        self.0.size()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer, hdf5_reader::error::Error> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.0.size()) {
            return Err(hdf5_reader::error::Error::OffsetOutOfBounds(offset));
        }
        Ok(StorageBuffer::from_vec(self.0.read_at(offset, len)?))
    }
}

/// An open netCDF file, classic or on HDF5.
pub struct RemoteNetcdf(NcFile);

impl RemoteNetcdf {
    /// Reads the file's metadata.
    ///
    /// # Errors
    /// Why it can't be read as netCDF.
    pub fn open(bytes: Arc<dyn ReadAt>) -> Result<Self, String> {
        let options = NcOpenOptions {
            max_read_bytes: LARGEST,
            max_object_header_bytes: LARGEST_HEADER,
            ..NcOpenOptions::default()
        };
        NcFile::from_storage_with_options(metadata(bytes), options).map(Self).map_err(|e| e.to_string())
    }
}

impl Arrays for RemoteNetcdf {
    fn names(&self) -> Vec<String> {
        self.0.variables().map(|list| list.iter().map(|v| v.name().to_owned()).collect()).unwrap_or_default()
    }

    fn get(&self, name: &str) -> Option<Box<dyn Attributed + '_>> {
        let variable = self.0.variables().ok()?.iter().find(|v| v.name() == name)?;
        Some(Box::new(RemoteArray { file: &self.0, variable }))
    }
}

struct RemoteArray<'a> {
    file: &'a NcFile,
    variable: &'a NcVariable,
}

impl Attributed for RemoteArray<'_> {
    fn dimensions(&self) -> Vec<(String, usize)> {
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        self.variable.dimensions().iter().map(|d| (d.name.clone(), size(d.size))).collect()
    }

    fn dtype(&self) -> Option<DType> {
        Some(match self.variable.dtype() {
            NcType::Byte => DType::Int8,
            NcType::UByte => DType::UInt8,
            NcType::Short => DType::Int16,
            NcType::UShort => DType::UInt16,
            NcType::Int => DType::Int32,
            NcType::UInt => DType::UInt32,
            NcType::Float => DType::Float32,
            // As GDAL reads them, 64-bit integers are read as doubles.
            NcType::Double | NcType::Int64 | NcType::UInt64 => DType::Float64,
            _ => return None,
        })
    }

    fn nodata(&self) -> Option<f64> {
        self.numbers("_FillValue")?.first().copied()
    }

    fn units(&self) -> Option<String> {
        self.text("units").filter(|u| !u.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.variable.attribute(name)?.value.as_string()
    }

    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        self.variable.attribute(name)?.value.as_f64_vec().filter(|list| !list.is_empty())
    }

    fn attribute_type(&self, name: &str) -> Option<DType> {
        Some(match self.variable.attribute(name)?.value {
            NcAttrValue::Bytes(_) => DType::Int8,
            NcAttrValue::UBytes(_) => DType::UInt8,
            NcAttrValue::Shorts(_) => DType::Int16,
            NcAttrValue::UShorts(_) => DType::UInt16,
            NcAttrValue::Ints(_) => DType::Int32,
            NcAttrValue::UInts(_) => DType::UInt32,
            NcAttrValue::Floats(_) => DType::Float32,
            NcAttrValue::Doubles(_) => DType::Float64,
            _ => return None,
        })
    }

    fn spatial_ref(&self) -> Option<SpatialRef> {
        None
    }

    fn values(&self) -> Result<Vec<f64>, String> {
        let values = self.file.read_variable_as_f64(self.variable.name()).map_err(|e| e.to_string())?;
        Ok(values.into_iter().collect())
    }
}
