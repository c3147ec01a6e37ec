//! netCDF through byte ranges: a file's arrays and attributes without the file.

use crate::DType;
use crate::arrays::{Arrays, Attributed};
use gdal::spatial_ref::SpatialRef;
use hdf5_reader::StorageBuffer;
use netcdf_reader::{BlockCacheStorage, NcFile, NcType, NcVariable, Storage};
use std::io;
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
}

/// What is asked for at once: metadata lie in clusters of a few kilobytes.
const BLOCK: usize = 1 << 16;
/// How many blocks are remembered.
const BLOCKS: usize = 256;

struct Ranges(Arc<dyn ReadAt>);

impl Storage for Ranges {
    fn len(&self) -> u64 {
        self.0.size()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer, hdf5_reader::error::Error> {
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
        let cached = BlockCacheStorage::new(Arc::new(Ranges(bytes)), BLOCK, BLOCKS);
        NcFile::from_storage(Arc::new(cached)).map(Self).map_err(|e| e.to_string())
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

    fn spatial_ref(&self) -> Option<SpatialRef> {
        None
    }

    fn values(&self) -> Result<Vec<f64>, String> {
        let values = self.file.read_variable_as_f64(self.variable.name()).map_err(|e| e.to_string())?;
        Ok(values.into_iter().collect())
    }
}
