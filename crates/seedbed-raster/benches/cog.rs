//! What COGs cost: this crate's encoder and GDAL's COG driver, turn by turn, on the same arrays.
//!
//! `cargo bench -p seedbed-raster --bench cog -- [--size 5000] [--rounds 3] [--dir FOLDER]`
//!
//! Prints CPU seconds of this process (user and system), wall clock, megabytes and ratios. Ours
//! is given physical values in 32 bits and quantises them; GDAL is given the stored numbers in
//! memory. With `--dir` each array stays there as `NAME.tif` for other programs.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints and stops at a failure; its arrays are small numbers"
)]

use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use seedbed_grid::{Affine, GeoBox, Projections, Shape2d};
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Threads, write_on};
use seedbed_raster::{DType, Proj, Raster, RasterSource};
use std::path::{Path, PathBuf};
use std::time::Instant;

struct Array {
    name: &'static str,
    options: CogOptions,
    values: Vec<f32>,
}

/// Numbers from 0 to 1 that look random.
fn noise(i: u64) -> f64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A landscape from −1 to 1 with detail of every size, rough by `rough`, and a sea that takes
/// some tenth of it.
fn landscape(size: usize, seed: u64, rough: f64, of: impl Fn(f64) -> f64) -> Vec<f32> {
    let corner = |octave: u64, row: u64, col: u64| noise(seed ^ (octave << 56) ^ (row << 28) ^ col) - 0.5;
    let at = |row: f64, col: f64| -> f64 {
        let octaves = (0..6).map(|octave| {
            let cell = 800.0 / f64::from(1 << octave);
            let (y, x) = (row / cell, col / cell);
            let (j, i) = (y as u64, x as u64);
            let ease = |t: f64| t * t * (3.0 - 2.0 * t);
            let (v, u) = (ease(y.fract()), ease(x.fract()));
            let o = octave as u64;
            let upper = corner(o, j, i) * (1.0 - u) + corner(o, j, i + 1) * u;
            let lower = corner(o, j + 1, i) * (1.0 - u) + corner(o, j + 1, i + 1) * u;
            (upper * (1.0 - v) + lower * v) / f64::from(1 << octave)
        });
        octaves.sum()
    };
    (0..size * size)
        .map(|n| {
            let (row, col) = ((n / size) as f64, (n % size) as f64);
            let sea = (row - 0.3 * size as f64).hypot(col - 0.7 * size as f64) < 0.18 * size as f64;
            if sea {
                return f32::NAN;
            }
            of(at(row, col) + rough * (noise(seed + 7 + n as u64) - 0.5)) as f32
        })
        .collect()
}

fn arrays(size: usize) -> Vec<Array> {
    let int16 = |scale, nodata| CogOptions {
        dtype: DType::Int16,
        scale,
        nodata: Some(nodata),
        ..CogOptions::default()
    };
    vec![
        Array {
            name: "ndvi",
            options: int16(1e-4, -3000.0),
            values: landscape(size, 11, 0.08, |v| (0.45 + 0.5 * v).clamp(-0.2, 1.0)),
        },
        Array {
            name: "tmax",
            options: int16(0.01, -32_768.0),
            values: landscape(size, 23, 0.002, |v| 18.0 + 15.0 * v),
        },
        Array {
            name: "float32",
            options: CogOptions::default(),
            values: landscape(size, 37, 0.01, |v| 18.0 + 15.0 * v),
        },
    ]
}

/// User and system seconds of this process, all threads.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // After the name in brackets: fields 14 and 15 of proc(5), in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// CPU and wall seconds.
#[derive(Clone, Copy, Default)]
struct Cost(f64, f64);

impl Cost {
    fn add(&mut self, act: impl FnOnce()) {
        let (cpu0, wall0) = (cpu(), Instant::now());
        act();
        self.0 += cpu() - cpu0;
        self.1 += wall0.elapsed().as_secs_f64();
    }
}

fn stored<S: GdalType + Copy>(cog: &Path, convert: impl Fn(f64) -> S) -> (gdal::Dataset, Shape2d) {
    let source = gdal::Dataset::open(cog).unwrap();
    let (cols, rows) = source.raster_size();
    let band = source.rasterband(1).unwrap();
    let raw = band.read_as::<f64>((0, 0), (cols, rows), (cols, rows), None).unwrap();
    let data: Vec<S> = raw.data().iter().map(|v| convert(*v)).collect();
    let memory = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = memory.create_with_band_type::<S, _>("", cols, rows, 1).unwrap();
    dataset.set_spatial_ref(&source.spatial_ref().unwrap()).unwrap();
    dataset.set_geo_transform(&source.geo_transform().unwrap()).unwrap();
    let mut to = dataset.rasterband(1).unwrap();
    to.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), data)).unwrap();
    to.set_no_data_value(band.no_data_value()).unwrap();
    if let Some(scale) = band.scale() {
        to.set_scale(scale).unwrap();
        to.set_offset(band.offset().unwrap_or(0.0)).unwrap();
    }
    (dataset, Shape2d { rows, cols })
}

fn gdal_cog(dataset: &gdal::Dataset, path: &Path, compress: &str, level: u8, threads: usize) {
    let mut creation = RasterCreationOptions::new();
    for (key, value) in [
        ("COMPRESS", compress),
        ("LEVEL", &level.to_string()),
        ("PREDICTOR", "YES"),
        ("BLOCKSIZE", "512"),
        ("OVERVIEW_RESAMPLING", "AVERAGE"),
        ("NUM_THREADS", &threads.to_string()),
        ("BIGTIFF", "IF_SAFER"),
    ] {
        creation.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("COG").unwrap();
    dataset.create_copy(&driver, path, &creation).unwrap().close().unwrap();
}

/// Whether both files hold the same pixels.
fn same(a: &Path, b: &Path) -> bool {
    let read = |path: &Path| -> Vec<f32> {
        let raster = Raster::open(&RasterSource::new(path)).unwrap();
        raster.read(0, seedbed_block::PixelRange::of_shape(raster.geobox().shape)).unwrap()
    };
    read(a).iter().zip(&read(b)).all(|(a, b)| a == b || a.is_nan() && b.is_nan())
}

struct Bench {
    dir: PathBuf,
    rounds: usize,
    geobox: GeoBox,
}

impl Bench {
    fn ours(&self, array: &Array, path: &Path, compress: Compress, level: Option<u8>, threads: Threads) {
        let options = CogOptions { compress, level, ..array.options.clone() };
        let band = BandMeta { name: array.name.to_owned(), unit: None };
        write_on(threads, path, &self.geobox, &array.values, &band, &options).unwrap();
    }

    /// One line of the table for each number of threads.
    fn compare(
        &self,
        array: &Array,
        dataset: &gdal::Dataset,
        compress: Compress,
        (ours, theirs): (Option<u8>, u8),
    ) {
        let [a, b] = ["ours", "gdal"].map(|who| self.dir.join(format!("{who}.part.tif")));
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let on = if threads == 1 { Threads::Caller } else { Threads::Pool };
            let (mut mine, mut its) = (Cost::default(), Cost::default());
            for _ in 0..self.rounds {
                for path in [&a, &b] {
                    let _ = std::fs::remove_file(path);
                }
                mine.add(|| pool.install(|| self.ours(array, &a, compress, ours, on)));
                its.add(|| gdal_cog(dataset, &b, &compress.name().to_uppercase(), theirs, threads));
            }
            assert!(same(&a, &b), "{}: the pixels differ", array.name);
            let size = |path: &Path| std::fs::metadata(path).unwrap().len() as f64 / 1e6;
            let (n, (s, t)) = (self.rounds as f64, (size(&a), size(&b)));
            println!(
                "{:8} {:7} {threads}    {:5.2} {:5.2} {s:6.1}   {:5.2} {:5.2} {t:6.1}   {:4.2} {:4.2} {:+5.1} %",
                array.name,
                format!("{compress} {}/{theirs}", ours.map_or("-".to_owned(), |l| l.to_string())),
                mine.0 / n,
                mine.1 / n,
                its.0 / n,
                its.1 / n,
                its.0 / mine.0,
                its.1 / mine.1,
                100.0 * (s / t - 1.0),
            );
        }
        for path in [a, b] {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Milliseconds of CPU a file of 256×256 pixels.
    fn small(&self, array: &Array) {
        let shape = Shape2d { rows: 256, cols: 256 };
        let geobox = GeoBox { shape, ..self.geobox.clone() };
        let cols = self.geobox.shape.cols;
        let part = array.values.chunks(cols).take(256).flat_map(|row| row[..256].to_vec()).collect();
        let part = Array { name: array.name, options: array.options.clone(), values: part };
        let bench = Bench { dir: self.dir.clone(), rounds: 1, geobox };
        let path = self.dir.join("small.part.tif");
        bench.ours(&part, &path, Compress::Zstd, Some(3), Threads::Caller);
        let (dataset, _) = stored(&path, |v| v as i16);
        let (mut mine, mut its) = (Cost::default(), Cost::default());
        for _ in 0..300 {
            std::fs::remove_file(&path).unwrap();
            mine.add(|| bench.ours(&part, &path, Compress::Zstd, Some(3), Threads::Caller));
            std::fs::remove_file(&path).unwrap();
            its.add(|| gdal_cog(&dataset, &path, "ZSTD", 3, 1));
        }
        std::fs::remove_file(&path).unwrap();
        let (mine, its) = (mine.1 / 0.3, its.1 / 0.3);
        println!(
            "256×256 {}, zstd 3: ours {mine:.2} ms a file, GDAL {its:.2} ms, {:.1} times",
            array.name,
            its / mine
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, usual: usize| value(name).map_or(usual, |v| v.parse().unwrap());
    let (size, rounds) = (number("--size", 5000), number("--rounds", 3));
    let kept = value("--dir").map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    let shape = Shape2d { rows: size, cols: size };
    let affine = Affine { a: 250.0, b: 0.0, c: 1e6, d: 0.0, e: -250.0, f: 2e6 };
    let geobox = GeoBox { crs: Proj.resolve("EPSG:5070").unwrap(), affine, shape };
    let bench = Bench { dir: folder.path().to_owned(), rounds, geobox };
    println!(
        "GDAL {}, {size}×{size}, mean of {rounds}; CPU s, wall s, MB; GDAL / ours",
        seedbed_raster::gdal_version()
    );
    println!("array    codec   threads   ours                  GDAL                CPU  wall  size");
    for (i, array) in arrays(size).iter().enumerate() {
        let path = bench.dir.join("stored.tif");
        bench.ours(array, &path, Compress::Zstd, Some(3), Threads::Caller);
        let (dataset, _) = if array.options.dtype == DType::Int16 {
            stored(&path, |v| v as i16)
        } else {
            stored(&path, |v| v as f32)
        };
        if let Some(dir) = &kept {
            std::fs::copy(&path, dir.join(format!("{}.tif", array.name))).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        bench.compare(array, &dataset, Compress::Zstd, (Some(3), 3));
        bench.compare(array, &dataset, Compress::Zstd, (Some(9), 9));
        bench.compare(array, &dataset, Compress::Deflate, (None, 6));
        if i == 0 {
            bench.small(array);
        }
    }
}
