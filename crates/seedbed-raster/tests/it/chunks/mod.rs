//! netCDF-4 chunks read by offset, against the HDF5 library through GDAL, h5py,
//! and ranges.

mod classic;
mod damage;
mod real;
mod tiff;

use crate::support::{python, run};
use seedbed_block::{PixelRange, Real};
use seedbed_raster::{Raster, RasterError, RasterSource, ReadAt};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file as if it were far away; counts what is read of it.
struct Remote {
    file: File,
    read: AtomicU64,
    requests: AtomicU64,
}

impl Remote {
    fn open(path: &Path) -> Arc<Self> {
        let file = File::open(path).unwrap();
        Arc::new(Self { file, read: AtomicU64::new(0), requests: AtomicU64::new(0) })
    }
}

impl ReadAt for Remote {
    fn size(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

fn source(path: &Path, variable: Option<&str>) -> RasterSource {
    RasterSource {
        path: path.to_owned(),
        variable: variable.map(str::to_owned),
        claimed: seedbed_grid::Claim::default(),
    }
}

fn by_ranges(path: &Path, variable: Option<&str>) -> Result<Raster, RasterError> {
    Raster::open_at(Remote::open(path), &source(path, variable))
}

fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|v| if v.is_missing() { u64::MAX } else { v.to_f64().to_bits() }).collect()
}

fn window(row0: usize, col0: usize, rows: usize, cols: usize) -> PixelRange {
    PixelRange { row0: row0 as i64, col0: col0 as i64, rows: rows as i64, cols: cols as i64 }
}

/// Windows of a raster: all, parts that begin and end within chunks, single pixels.
fn windows(layers: usize, rows: usize, cols: usize) -> Vec<(Range<usize>, PixelRange)> {
    let (r, c) = (rows / 3, cols / 3);
    vec![
        (0..layers, window(0, 0, rows, cols)),
        (0..layers, window(r, c, rows - r, cols - c)),
        (0..layers, window(0, c, r.max(1), c.max(1))),
        (layers / 2..layers, window(r / 2, 0, rows - r, c.max(1))),
        (layers - 1..layers, window(rows - 1, cols - 1, 1, 1)),
        (0..layers, window(r, c, 1, 1)),
    ]
}

pub struct Case {
    path: PathBuf,
    who: String,
    shape: [usize; 3],
    /// What h5py reads.
    values: Vec<f64>,
}

/// The files that `make.py` writes; `None` where there is no Python.
pub fn cases(folder: &Path) -> Option<Vec<Case>> {
    let python = python()?;
    let told = run(&python, &["-c", include_str!("make.py"), folder.to_str().unwrap()]);
    let case = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let raw = std::fs::read(folder.join(format!("{}.raw", words[0]))).unwrap();
        Case {
            path: folder.join(words[0]),
            who: words[1].to_owned(),
            shape: [2, 3, 4].map(|i| words[i].parse().unwrap()),
            values: raw.as_chunks().0.iter().map(|b| f64::from_ne_bytes(*b)).collect(),
        }
    };
    Some(told.lines().map(case).collect())
}

#[test]
fn every_storage_gives_the_values_of_the_library_and_of_h5py() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    let (mut read, mut left) = (0, 0);
    for case in &cases {
        let name = case.path.file_name().unwrap().to_string_lossy();
        let [layers, rows, cols] = case.shape;
        let cut = |(from, window): &(Range<usize>, PixelRange)| -> Vec<f64> {
            let (row0, col0, part) = (window.row0 as usize, window.col0 as usize, window.shape());
            let places = from.clone().flat_map(|l| {
                (row0..row0 + part.rows)
                    .flat_map(move |r| (col0..col0 + part.cols).map(move |c| (l * rows + r) * cols + c))
            });
            places.map(|n| case.values[n]).collect()
        };
        let remote = by_ranges(&case.path, Some("v"));
        let mut openers = Vec::new();
        if case.who == "nobody" {
            assert!(remote.err().unwrap().to_string().contains("fetch it first"), "{name}");
            let raster = Raster::open(&source(&case.path, Some("v"))).unwrap();
            let told = raster.read_layers::<f32>(0..1, window(0, 0, rows, cols)).unwrap_err().to_string();
            assert!(told.contains("filter 32099 (lzf)") && !told.contains("damaged"), "{told}");
            continue;
        }
        if case.who == "library" {
            let refused = remote.err().map(|e| e.to_string()).unwrap_or_default();
            // Edges without filters are found out when they are read.
            assert!(refused.contains("fetch it first") || name == "new_shuffle.nc", "{name}: {refused}");
            left += 1;
        } else {
            openers.push(("ranges", remote.unwrap_or_else(|e| panic!("{name}: {e}"))));
            read += 1;
        }
        if case.who != "neither" {
            let raster = Raster::open(&source(&case.path, Some("v"))).unwrap();
            assert!(raster.reads_chunks() == (case.who != "library") || name == "new_shuffle.nc", "{name}");
            let mut library = Raster::open(&source(&case.path, Some("v"))).unwrap();
            library.leave_to_library();
            assert!(!library.reads_chunks());
            openers.push(("chunks", raster));
            openers.extend((case.who != "alone").then_some(("library", library)));
        }
        for part in windows(layers, rows, cols) {
            let expected = bits(&cut(&part));
            for (who, raster) in &openers {
                let found = raster.read_layers::<f64>(part.0.clone(), part.1);
                let found = found.unwrap_or_else(|e| panic!("{name} by {who}: {e}"));
                let differs = bits(&found).iter().zip(&expected).position(|(a, b)| a != b);
                let told = differs.map(|n| (n, found[n], f64::from_bits(expected[n])));
                assert_eq!(told, None, "{name} by {who}, {part:?}: place, found, expected");
                let narrow = raster.read_layers::<f32>(part.0.clone(), part.1).unwrap();
                assert!(narrow.iter().zip(&found).all(|(a, b)| *a == *b as f32), "{name} by {who}");
            }
        }
    }
    println!("{} files: {read} read by chunks, {left} left to the library", cases.len());
    assert!(read > 90 && left > 3);
}

#[test]
fn a_window_costs_its_own_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    let case = cases.iter().find(|c| c.path.ends_with("old_time_many.nc")).unwrap();
    let remote = Remote::open(&case.path);
    let raster = Raster::open_at(remote.clone(), &source(&case.path, Some("v"))).unwrap();
    let [layers, rows, cols] = case.shape;
    let (part, all) = (window(0, 0, 2, cols), window(0, 0, rows, cols));
    let least = raster.stored_bytes(10..12, part).unwrap().unwrap();
    let most = raster.stored_bytes(0..layers, all).unwrap().unwrap();
    assert!(0 < least && least < most / 100, "{least} of {most}");
    let before = remote.requests.load(Ordering::Relaxed);
    raster.read_layers::<f32>(10..12, part).unwrap();
    assert_eq!(remote.requests.load(Ordering::Relaxed) - before, 1, "two chunks side by side");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    for name in ["old_all.nc", "new_many.nc", "new_unlimited.nc", "old_lf4_straight.nc"] {
        let case = cases.iter().find(|c| c.path.ends_with(name)).unwrap();
        let [layers, rows, cols] = case.shape;
        let all = window(0, 0, rows, cols);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let raster = Raster::open(&source(&case.path, Some("v"))).unwrap();
            pool.install(move || bits(&raster.read_layers::<f32>(0..layers, all).unwrap()))
        };
        let one = with(1);
        assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one), "{name}");
    }
}
