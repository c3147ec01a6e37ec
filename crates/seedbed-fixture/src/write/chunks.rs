//! Writes compressed chunks into a netCDF-4 variable, past the library's filters.
//!
//! libnetcdf compresses under a global lock, one core at a time. Here each thread shuffles and
//! deflates its own chunks and takes the lock only to append the bytes. The variable must have
//! been declared by libnetcdf with the same chunks and filters, and the file closed.

use std::ffi::CString;
use std::io::Write;
use std::path::Path;
use std::ptr;

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hdf5_metno_sys::{LOCK, h5d, h5f, h5i::hid_t, h5p};

/// zlib's level in fact. Nothing in a stream tells its level, and this one takes three quarters of the
/// time of Daymet's 4.
const EFFORT: u32 = 2;

/// How a variable of float32 over (time, y, x) is stored.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The variable's extent.
    pub shape: [usize; 3],
    /// A chunk's extent, at most the variable's.
    pub chunk: [usize; 3],
    /// The level that the variable declares.
    pub level: u32,
    /// Whether the bytes of a chunk are shuffled before they are deflated.
    pub shuffle: bool,
    /// Fills the part of an edge chunk that lies outside the part.
    pub fill: f32,
    /// The part of a layer that is written; the rest stays unallocated, and reads as the fill.
    pub part: Part,
}

/// A rectangle of a layer whose upper-left corner is a chunk's.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// First row.
    pub row0: usize,
    /// First column.
    pub col0: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

/// A handle closed when dropped, under the lock.
struct Handle(hid_t, unsafe extern "C" fn(hid_t) -> i32);

impl Drop for Handle {
    fn drop(&mut self) {
        let _lock = LOCK.lock();
        // SAFETY: the identifier came from the matching open call, and is closed once.
        unsafe { (self.1)(self.0) };
    }
}

/// A variable that takes whole layers in order of time.
pub struct ChunkWriter {
    // Dropped in this order: the dataset before its file.
    dataset: Handle,
    _file: Handle,
    layout: Layout,
    /// Layers gathered until a chunk's depth is reached.
    pending: Vec<f32>,
    /// Layers already written.
    written: usize,
}

impl ChunkWriter {
    /// Opens `variable` in a closed netCDF-4 file and gives it its full extent.
    pub fn open(path: &Path, variable: &str, layout: Layout) -> Result<Self> {
        for axis in 0..3 {
            ensure!(
                (1..=layout.shape[axis]).contains(&layout.chunk[axis]),
                "chunks of {:?} don't fit a variable of {:?}",
                layout.chunk,
                layout.shape
            );
        }
        let Part { row0, col0, rows, cols } = layout.part;
        ensure!(
            row0 % layout.chunk[1] == 0
                && col0 % layout.chunk[2] == 0
                && row0 + rows <= layout.shape[1]
                && col0 + cols <= layout.shape[2],
            "the part {:?} isn't one of whole chunks of {:?}",
            layout.part,
            layout.chunk
        );
        let name = CString::new(path.to_str().context("the path isn't UTF-8")?)?;
        let variable_name = CString::new(variable)?;
        let extent = layout.shape.map(|n| n as u64);
        let _lock = LOCK.lock();
        // SAFETY: the names are NUL-terminated and live through the calls, `extent` has the
        // variable's three dimensions, and the lock that libnetcdf uses too is held.
        let (file, dataset) = unsafe {
            let open = || h5f::H5Fopen(name.as_ptr(), h5f::H5F_ACC_RDWR, h5p::H5P_DEFAULT);
            // A program that another thread is starting holds the lock of the file just closed
            // until it is executed, so the lock may be a moment away.
            let wait = || std::thread::sleep(std::time::Duration::from_millis(20));
            let Some(file) = (0..50)
                .map(|_| open())
                .inspect(|f| {
                    if *f < 0 {
                        wait();
                    }
                })
                .find(|f| *f >= 0)
            else {
                bail!("libhdf5 can't open {}", path.display());
            };
            let file = Handle(file, h5f::H5Fclose);
            let dataset = h5d::H5Dopen2(file.0, variable_name.as_ptr(), h5p::H5P_DEFAULT);
            if dataset < 0 {
                bail!("{} has no variable {variable}", path.display());
            }
            let dataset = Handle(dataset, h5d::H5Dclose);
            if h5d::H5Dset_extent(dataset.0, extent.as_ptr()) < 0 {
                bail!("libhdf5 can't extend {variable} to {:?}", layout.shape);
            }
            (file, dataset)
        };
        Ok(Self { dataset, _file: file, layout, pending: Vec::new(), written: 0 })
    }

    /// Appends one layer of the part, row by row.
    pub fn push(&mut self, layer: &[f32]) -> Result<()> {
        let times = self.layout.shape[0];
        let Part { rows, cols, .. } = self.layout.part;
        ensure!(layer.len() == rows * cols, "a layer of {} values, not {rows} × {cols}", layer.len());
        self.pending.extend_from_slice(layer);
        let gathered = self.pending.len() / layer.len();
        ensure!(self.written + gathered <= times, "more than {times} layers");
        if gathered == self.layout.chunk[0] || self.written + gathered == times {
            self.flush(gathered)?;
        }
        Ok(())
    }

    /// Writes the gathered layers as one row of chunks in time.
    fn flush(&mut self, gathered: usize) -> Result<()> {
        let part = self.layout.part;
        let Part { rows, cols, .. } = part;
        let [depth, chunk_rows, chunk_cols] = self.layout.chunk;
        for row0 in (0..rows).step_by(chunk_rows) {
            for col0 in (0..cols).step_by(chunk_cols) {
                let mut values = vec![self.layout.fill; depth * chunk_rows * chunk_cols];
                let width = chunk_cols.min(cols - col0);
                for layer in 0..gathered {
                    for row in row0..(row0 + chunk_rows).min(rows) {
                        let from = (layer * rows + row) * cols + col0;
                        let to = (layer * chunk_rows + row - row0) * chunk_cols;
                        values[to..to + width].copy_from_slice(&self.pending[from..from + width]);
                    }
                }
                let corner = [self.written, part.row0 + row0, part.col0 + col0];
                self.write(corner, &self.encoded(&values)?)?;
            }
        }
        self.written += gathered;
        self.pending.clear();
        Ok(())
    }

    /// A chunk as HDF5's shuffle and deflate filters would leave it.
    fn encoded(&self, values: &[f32]) -> Result<Vec<u8>> {
        let mut bytes = vec![0; values.len() * 4];
        if self.layout.shuffle {
            let (low, high) = bytes.split_at_mut(values.len() * 2);
            let (b0, b1) = low.split_at_mut(values.len());
            let (b2, b3) = high.split_at_mut(values.len());
            for (i, value) in values.iter().enumerate() {
                [b0[i], b1[i], b2[i], b3[i]] = value.to_le_bytes();
            }
        } else {
            for (bytes, value) in bytes.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(EFFORT));
        encoder.write_all(&bytes)?;
        Ok(encoder.finish()?)
    }

    fn write(&self, at: [usize; 3], bytes: &[u8]) -> Result<()> {
        let offset = at.map(|n| n as u64);
        let _lock = LOCK.lock();
        // SAFETY: the dataset is open, `offset` has its three dimensions and lies on a chunk's
        // corner, and the buffer is as long as said.
        let status = unsafe {
            h5d::H5Dwrite_chunk(
                self.dataset.0,
                h5p::H5P_DEFAULT,
                0,
                offset.as_ptr(),
                bytes.len(),
                ptr::from_ref(bytes).cast(),
            )
        };
        ensure!(status >= 0, "libhdf5 can't write the chunk at {at:?}");
        Ok(())
    }

    /// Closes the file; an error if layers are missing.
    pub fn finish(self) -> Result<()> {
        let wanted = self.layout.shape[0];
        ensure!(self.written == wanted, "{} layers written of {wanted}", self.written);
        Ok(())
    }
}
