//! Bodies for fuzzing: any bytes may come from the network.

use crate::chunks::any_streams;
use crate::zarr::{any_array, any_chunk};
use crate::{Header, Raster, RasterError, RasterSource, ReadAt};
use seedbed_block::PixelRange;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What a fuzzer calls; it must not panic, whatever the bytes, but where it finds an error of ours.
pub type Body = fn(&[u8]);

/// Name and body of each reader's fuzz target.
pub const TARGETS: &[(&str, Body)] = &[
    ("netcdf", netcdf),
    ("tiff", tiff),
    ("zarr-array", any_array),
    ("zarr-chunk", any_chunk),
    ("inflate", any_streams),
];

/// The most values that are read of a variable: a file may say that it has any number.
const MOST: usize = 1 << 20;

/// A file in memory.
struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let beyond = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let start = usize::try_from(offset).map_err(|_| beyond())?;
        let end = start.checked_add(length).ok_or_else(beyond)?;
        Ok(self.0.get(start..end).ok_or_else(beyond)?.to_vec())
    }
}

/// A netCDF file's header, and of its first variables what is at two of their corners.
fn netcdf(bytes: &[u8]) {
    let path = Path::new("fuzz.nc");
    let bytes: Arc<dyn ReadAt> = Arc::new(Bytes(bytes.to_vec()));
    let names = match Header::of_netcdf(bytes.clone(), path, None) {
        Ok(header) => header.variable.into_iter().collect(),
        Err(RasterError::Variable { available, .. }) => available,
        Err(_) => return,
    };
    for variable in names.into_iter().take(2) {
        corners(&bytes, &RasterSource { variable: Some(variable), ..RasterSource::new(path) });
    }
}

/// A TIFF's tags, and what is at two of its corners.
fn tiff(bytes: &[u8]) {
    let bytes: Arc<dyn ReadAt> = Arc::new(Bytes(bytes.to_vec()));
    corners(&bytes, &RasterSource::new("fuzz.tif"));
}

/// What is at two corners of a raster.
fn corners(bytes: &Arc<dyn ReadAt>, source: &RasterSource) {
    let Ok(raster) = Raster::open_at(bytes.clone(), source) else { return };
    let whole = PixelRange::of_shape(raster.geobox().shape);
    let (layers, side) = (raster.layers().len(), 1 << 9);
    let (rows, cols) = (whole.rows.min(side), whole.cols.min(side));
    let first = PixelRange { row0: 0, col0: 0, rows, cols };
    let last = PixelRange { row0: whole.rows - rows, col0: whole.cols - cols, rows, cols };
    let at_once = (MOST / first.shape().len().max(1)).clamp(1, layers.max(1));
    let _ = raster.stored_bytes(0..layers, whole);
    let _ = raster.read_layers::<f32>(0..at_once, first);
    let _ = raster.read_layers::<f64>(layers - at_once..layers, last);
}
