//! A variable of netCDF or Zarr, and who reads its values: we, chunk by chunk, or a library.

use crate::RasterError;
use crate::chunks::{Axes, ChunkReader, Fault};
use crate::netcdf::Variable;
use crate::ranges::{LocalFile, ReadAt};
use crate::zarr::{Reuse, Spooled, ZarrArray};
use gdal::Dataset;
use seedbed_block::{PixelRange, Real};
use std::cell::OnceCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A variable of an open file.
pub struct ArrayReader {
    pub variable: Variable,
    /// The file as GDAL opened it; `None` of one that is read through byte ranges.
    dataset: Option<Dataset>,
    /// The array of a Zarr group of version 3.
    zarr: Option<ZarrArray>,
    /// Who brings the chunks of a remote group of version 2, which GDAL reads then.
    spooled: Option<Spooled>,
    /// Who reads its chunks, found out at the first reading; else that the library has to,
    /// and why, where we tried.
    chunks: OnceCell<Result<ChunkReader, Option<String>>>,
    /// Why some of its values were read by the library.
    by_library: OnceCell<String>,
}

impl ArrayReader {
    /// Of a local file.
    pub fn of_dataset(variable: Variable, dataset: Dataset) -> Self {
        Self {
            variable,
            dataset: Some(dataset),
            zarr: None,
            spooled: None,
            chunks: OnceCell::new(),
            by_library: OnceCell::new(),
        }
    }

    /// Of a file's bytes.
    ///
    /// # Errors
    /// [`RasterError::Ranges`] if its values are stored in a way that isn't known.
    pub fn of_bytes(variable: Variable, bytes: Arc<dyn ReadAt>, path: &Path) -> Result<Self, RasterError> {
        let reader = reader(bytes, &variable).map_err(|fault| refused(path, &variable.name, fault))?;
        let chunks = OnceCell::from(Ok(reader));
        Ok(Self { variable, dataset: None, zarr: None, spooled: None, chunks, by_library: OnceCell::new() })
    }

    /// Of a Zarr group of version 3.
    pub fn of_zarr(variable: Variable, array: ZarrArray) -> Self {
        let chunks = OnceCell::from(Err(None));
        Self {
            variable,
            dataset: None,
            zarr: Some(array),
            spooled: None,
            chunks,
            by_library: OnceCell::new(),
        }
    }

    /// Of a Zarr group of version 2; `spooled` brings the chunks of one that isn't local.
    pub fn of_zarr2(variable: Variable, dataset: Dataset, spooled: Option<Spooled>, path: &Path) -> Self {
        let (name, reason) = (variable.name.as_str(), "it is of version 2");
        tracing::info!(path = %path.display(), variable = name, reason, "read by GDAL's Zarr driver");
        let chunks = OnceCell::from(Err(None));
        Self { variable, dataset: Some(dataset), zarr: None, spooled, chunks, by_library: OnceCell::new() }
    }

    /// Leaves the values to the library, where there is one.
    pub fn leave_to_library(&mut self) {
        if self.dataset.is_some() {
            self.chunks = OnceCell::from(Err(None));
        }
    }

    /// Who reads its chunks; `None` where the library does.
    pub fn chunks(&self, path: &Path) -> Option<&ChunkReader> {
        let opened = self.chunks.get_or_init(|| {
            let file = LocalFile::open(path).map_err(Fault::Io);
            let reason = match file.and_then(|file| reader(Arc::new(file), &self.variable)) {
                Ok(reader) => return Ok(reader),
                Err(Fault::Unknown(reason) | Fault::Damaged(reason)) => reason,
                Err(Fault::Io(error)) => error.to_string(),
            };
            self.tell(path, &reason);
            Err(Some(reason))
        });
        opened.as_ref().ok()
    }

    /// A window of some layers, into as many places: layer, row, column.
    pub fn read_into<T: Real>(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        if let Some(array) = &self.zarr {
            out.copy_from_slice(&self.read_zarr::<T>(array, layers, window)?);
            return Ok(());
        }
        if let Some(spooled) = &self.spooled {
            let (begin, extent) = self.part(layers.clone(), window);
            spooled.bring(&begin, &extent)?;
        }
        let name = &self.variable.name;
        let fault = match self.chunks(path) {
            Some(reader) => match reader.read_into(&self.variable.decoding, layers.clone(), window, out) {
                Ok(()) => return Ok(()),
                Err(fault) => Some(fault),
            },
            None => None,
        };
        match (&self.dataset, fault) {
            (None, None) => {
                let reason = "nobody knows how its values are stored".to_owned();
                return Err(refused(path, name, Fault::Unknown(reason)));
            }
            (Some(_), Some(Fault::Unknown(reason))) => self.tell(path, &reason),
            (_, Some(fault)) => return Err(refused(path, name, fault)),
            (Some(_), None) => {}
        }
        if let Some(dataset) = &self.dataset {
            let read = self.variable.read::<T>(dataset, path, layers, window);
            out.copy_from_slice(&read.map_err(|error| self.by_neither(error))?);
        }
        Ok(())
    }

    /// Notes that the library reads values, and why.
    fn tell(&self, path: &Path, reason: &str) {
        let variable = &self.variable.name;
        tracing::info!(path = %path.display(), variable, reason, "read by the netCDF library, one chunk at a time");
        // The first reason stands.
        let _ = self.by_library.set(reason.to_owned());
    }

    /// Why some of the values read so far were read by the library, if some were.
    pub fn by_library(&self) -> Option<&str> {
        self.by_library.get().map(String::as_str)
    }

    /// What the library can't read may be sound, where it isn't known here either.
    fn by_neither(&self, error: RasterError) -> RasterError {
        match (error, self.chunks.get()) {
            (RasterError::Damaged { path, reason }, Some(Err(Some(unknown)))) => {
                let reason = format!("variable `{}`: {reason}; without GDAL: {unknown}", self.variable.name);
                RasterError::Gdal { path, reason }
            }
            (error, _) => error,
        }
    }

    fn read_zarr<T: Real>(
        &self,
        array: &ZarrArray,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
        let (begin, extent) = self.part(layers, window);
        Ok(array.decode(&array.read(&begin, &extent, Reuse::Once)?, &self.variable.decoding))
    }

    /// The first element of a window of some layers, and how many there are along each dimension.
    fn part(&self, layers: Range<usize>, window: PixelRange) -> (Vec<usize>, Vec<usize>) {
        let Axes { leading, along } = self.variable.axes();
        let (mut begin, mut extent) = (vec![0; leading], vec![1; leading]);
        if let Some(along) = along {
            (begin[along], extent[along]) = (layers.start, layers.len());
        }
        let shape = window.shape();
        // The window was checked to lie inside.
        let corner = [window.row0, window.col0].map(|n| usize::try_from(n).unwrap_or(0));
        begin.extend(corner);
        extent.extend([shape.rows, shape.cols]);
        (begin, extent)
    }

    /// How many bytes of the file a window takes; `None` where the library reads it.
    pub fn stored_bytes(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Option<u64>, RasterError> {
        let Some(reader) = self.chunks(path) else { return Ok(None) };
        match reader.stored_bytes(layers, window) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Fault::Unknown(_)) if self.dataset.is_some() => Ok(None),
            Err(fault) => Err(refused(path, &self.variable.name, fault)),
        }
    }
}

fn reader(bytes: Arc<dyn ReadAt>, variable: &Variable) -> Result<ChunkReader, Fault> {
    let (axes, dimensions) = (variable.axes(), variable.dimensions());
    ChunkReader::of_netcdf(bytes, &variable.name, axes, &dimensions, &variable.decoding)
}

fn refused(path: &Path, variable: &str, fault: Fault) -> RasterError {
    let path = path.to_owned();
    let told = |reason| format!("variable `{variable}`: {reason}");
    match fault {
        Fault::Damaged(reason) => RasterError::Damaged { path, reason: told(reason) },
        Fault::Unknown(reason) => RasterError::Ranges { path, reason: told(reason) },
        Fault::Io(source) => RasterError::Io { path, source },
    }
}
