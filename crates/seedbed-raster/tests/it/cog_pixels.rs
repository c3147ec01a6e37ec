//! COGs pixel by pixel and byte by byte: every type, codec, size and place.

use crate::support::{MODIS, field, geobox, noise, open, python, read_all, run, south_up};
use seedbed_block::Shape2d;
use seedbed_grid::{Affine, GeoBox};
use seedbed_raster::cog::{BandMeta, CogOptions, Compress, Overview, Threads, write, write_on};
use seedbed_raster::{DType, RasterError, gdal_version};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const CODECS: [Compress; 3] = [Compress::None, Compress::Deflate, Compress::Zstd];

fn place(rows: usize, cols: usize) -> GeoBox {
    geobox("EPSG:32618", (500_000.0, 4_000_000.0), (30.0, 30.0), (rows, cols))
}

/// Files with what should be in them, for `cog_checks.py`.
struct Manifest {
    folder: tempfile::TempDir,
    files: Vec<Value>,
}

impl Manifest {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), files: Vec::new() }
    }

    /// Writes values and notes what should be stored of them.
    fn add(&mut self, geobox: &GeoBox, values: &[f64], options: &CogOptions) -> PathBuf {
        let path = self.folder.path().join(format!("{}.tif", self.files.len()));
        write(&path, geobox, values, &BandMeta::default(), options).unwrap();
        let stored: Vec<u8> = values
            .iter()
            .flat_map(|v| {
                let v = (v - options.offset) / options.scale;
                let v = match options.dtype {
                    _ if v.is_nan() => options.nodata.unwrap_or(f64::NAN),
                    DType::Float32 => f64::from(v as f32),
                    DType::Float64 => v,
                    _ => v.round(),
                };
                v.to_le_bytes()
            })
            .collect();
        let pixels = path.with_extension("bin");
        std::fs::write(&pixels, stored).unwrap();
        let overview = serde_json::to_value(options.overview).unwrap();
        self.files.push(json!({
            "path": path, "pixels": pixels, "rows": geobox.shape.rows, "cols": geobox.shape.cols,
            "dtype": options.dtype.name(), "nodata": options.nodata.map(|n| n.to_string()), "overview": overview,
        }));
        path
    }

    /// Other programs' word on all of them.
    fn check(&self) {
        let Some(python) = python() else { return };
        let manifest = self.folder.path().join("manifest.json");
        std::fs::write(&manifest, serde_json::to_vec(&self.files).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cog_checks.py");
        let checked = run(&python, &[script.to_str().unwrap(), manifest.to_str().unwrap()]);
        assert_eq!(checked.trim(), self.files.len().to_string());
    }
}

/// A nodata value for each type, at or off its end.
fn options(dtype: DType) -> CogOptions {
    let (low, high) = dtype.range();
    let nodata = match dtype {
        DType::Float32 => f64::NAN,
        DType::Float64 => -9999.0,
        DType::Int8 | DType::Int16 => low,
        _ => high,
    };
    CogOptions { dtype, nodata: Some(nodata), ..CogOptions::default() }
}

/// Numbers of the whole range of a type, rough, with missing ones.
fn numbers(dtype: DType, shape: Shape2d) -> Vec<f64> {
    let (low, high) = match dtype {
        DType::Float32 | DType::Float64 => (-1e6, 1e6),
        whole => (whole.range().0 + 1.0, whole.range().1 - 1.0),
    };
    (0..shape.len())
        .map(|i| match i % 7 {
            _ if noise(i) < 0.1 => f64::NAN,
            0 => low,
            1 => high,
            _ => low + (high - low) * noise(i + 1),
        })
        .collect()
}

fn int8_is_read() -> bool {
    let version = gdal_version();
    let mut parts = version.split('.').filter_map(|n| n.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(3), Some(7))
}

#[test]
fn every_type_and_codec_keeps_its_numbers() {
    let mut manifest = Manifest::new();
    for dtype in DType::ALL {
        if dtype == DType::Int8 && !int8_is_read() {
            let path = manifest.folder.path().join("int8.tif");
            let error =
                write(&path, &place(1, 1), &[1.0], &BandMeta::default(), &options(dtype)).unwrap_err();
            assert!(error.to_string().contains("int16") && !path.exists(), "{error}");
            continue;
        }
        for (compress, at) in CODECS.into_iter().zip([place(300, 200), place(521, 530), place(77, 600)]) {
            manifest.add(&at, &numbers(dtype, at.shape), &CogOptions { compress, ..options(dtype) });
        }
    }
    manifest.check();
}

#[test]
fn every_size_is_whole() {
    let mut manifest = Manifest::new();
    for (rows, cols) in [
        (1, 1),
        (1, 700),
        (700, 1),
        (3, 2049),
        (255, 256),
        (256, 257),
        (511, 513),
        (512, 512),
        (513, 511),
        (1025, 600),
        (1100, 1537),
    ] {
        let at = place(rows, cols);
        let values = field(at.shape);
        let scaled = CogOptions { scale: 0.01, offset: 3.0, ..options(DType::Int16) };
        for options in [scaled, options(DType::Float32)] {
            let path = manifest.add(&at, &values, &options);
            let raster = open(&path);
            assert_eq!(raster.geobox(), &at);
            for (a, b) in read_all(&raster).iter().zip(&values) {
                assert!(a.is_nan() && b.is_nan() || (a - b).abs() <= 0.005 + 1e-12, "{rows}×{cols}: {a} {b}");
            }
        }
    }
    manifest.check();
}

#[test]
fn classes_have_overviews_of_classes() {
    let mut manifest = Manifest::new();
    let at = place(1031, 777);
    let classes: Vec<f64> = (0..at.shape.len())
        .map(|i| {
            let (row, col) = (i / at.shape.cols, i % at.shape.cols);
            let edge = noise(i) < 0.3;
            if (row / 40 + col / 60).is_multiple_of(9) {
                f64::NAN
            } else {
                ((row / 5 + col / 9) % 11) as f64 + f64::from(edge)
            }
        })
        .collect();
    for overview in [Overview::Mode, Overview::Nearest] {
        manifest.add(&at, &classes, &CogOptions { overview, ..options(DType::UInt8) });
    }
    manifest.check();
}

#[test]
fn a_raster_of_nothing_is_small_and_valid() {
    let mut manifest = Manifest::new();
    let at = place(1600, 1500);
    let nothing = vec![f64::from_bits(0x7ff8_0000_dead_beef); at.shape.len()];
    for options in [options(DType::Int16), options(DType::Float32), options(DType::Float64)] {
        let path = manifest.add(&at, &nothing, &options);
        let size = std::fs::metadata(&path).unwrap().len() as usize;
        let bytes = if options.dtype == DType::Int16 { 2 } else { 8 };
        assert!(size < at.shape.len() * bytes / 50, "{}: {size} bytes", options.dtype);
        assert!(read_all(&open(&path)).iter().all(|v| v.is_nan()));
    }
    manifest.check();
}

#[test]
fn any_affine_and_system_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let plain = place(40, 30);
    let rotated = Affine { a: 25.0, b: 7.0, c: 5e5, d: 6.5, e: -26.0, f: 4e6 };
    let mirrored = Affine { a: -30.0, b: 0.0, c: 5e5, d: 0.0, e: -30.0, f: 4e6 };
    for (i, at) in [
        south_up(&plain),
        GeoBox { affine: rotated, ..plain.clone() },
        GeoBox { affine: mirrored, ..plain.clone() },
        south_up(&geobox(MODIS, (-7_783_653.6, 4_447_802.1), (926.625_433, 926.625_433), (20, 30))),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{i}.tif"));
        let values = field(at.shape);
        write(&path, &at, &values, &BandMeta::default(), &options(DType::Float64)).unwrap();
        let raster = open(&path);
        assert_eq!(raster.geobox(), &at);
        let same = read_all(&raster).iter().zip(&values).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
        assert!(same, "{i}");
        let Some(python) = python() else { continue };
        let code = "import json, sys, rasterio; d = rasterio.open(sys.argv[1]); print(json.dumps(list(d.transform)[:6]))";
        let found: Affine =
            serde_json::from_str(&run(&python, &["-c", code, path.to_str().unwrap()])).unwrap();
        assert_eq!(found, at.affine);
    }
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = place(1300, 1700);
    let values: Vec<f32> = field(at.shape).into_iter().map(|v| v as f32).collect();
    let scaled = CogOptions { scale: 0.01, ..options(DType::Int16) };
    for compress in CODECS {
        for options in [&scaled, &options(DType::Float32)] {
            let options = CogOptions { compress, ..options.clone() };
            let bytes = [1, 2].map(|n| {
                let path = folder.path().join(format!("{compress}-{}-{n}.tif", options.dtype));
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
                let on = if n == 1 { Threads::Caller } else { Threads::Pool };
                pool.install(|| write_on(on, &path, &at, &values, &BandMeta::default(), &options)).unwrap();
                std::fs::read(&path).unwrap()
            });
            assert!(bytes[0] == bytes[1], "{compress} {}", options.dtype);
        }
    }
    let (mut early, mut late) = (values.clone(), values);
    (early[5], late[1_700 * 1_200]) = (1e9, 1e9);
    early[1_700 * 1_200] = -1e9;
    for (values, row) in [(early, 0), (late, 1_200)] {
        let path = folder.path().join("wrong.tif");
        let result = write_on(Threads::Pool, &path, &at, &values, &BandMeta::default(), &scaled);
        assert!(matches!(result, Err(RasterError::Range { row: r, .. }) if r == row), "{result:?}");
    }
}

#[test]
fn levels_are_obeyed_and_wrong_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = place(200, 250);
    let values = field(at.shape);
    let size = |compress, level| {
        let path = folder.path().join(format!("{compress}-{level}.tif"));
        let options = CogOptions { compress, level: Some(level), ..options(DType::Float32) };
        write(&path, &at, &values, &BandMeta::default(), &options)?;
        Ok::<u64, RasterError>(std::fs::metadata(&path).unwrap().len())
    };
    assert!(size(Compress::Deflate, 12).unwrap() < size(Compress::Deflate, 1).unwrap());
    assert!(size(Compress::Zstd, 19).unwrap() < size(Compress::Zstd, 1).unwrap());
    for (compress, level) in
        [(Compress::Deflate, 0), (Compress::Deflate, 13), (Compress::Zstd, 23), (Compress::None, 1)]
    {
        let error = size(compress, level).unwrap_err();
        assert!(matches!(error, RasterError::Options { .. }), "{error}");
    }
}

#[test]
fn a_folder_that_cant_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    for path in [folder.path().join("absent/a.tif"), file.join("a.tif")] {
        let error =
            write(&path, &place(1, 1), &[1.0], &BandMeta::default(), &CogOptions::default()).unwrap_err();
        assert!(matches!(error, RasterError::Write { .. }) && !error.is_usage(), "{error:?}");
        assert!(error.to_string().contains("a.tif"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_gdal_says_of_a_band_is_what_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let band = BandMeta { name: "a<b> & \"c\" ä".to_owned(), unit: Some("kg m-2 <&>".to_owned()) };
    let options = CogOptions { scale: 1.0 / 3.0, offset: -273.15, ..options(DType::Int32) };
    write(&path, &place(2, 2), &[1.0, 2.0, 3.0, f64::NAN], &band, &options).unwrap();
    let raster = open(&path);
    assert_eq!(raster.variable(), Some(band.name.as_str()));
    assert_eq!(raster.unit(), band.unit.as_deref());
    assert_eq!(
        (raster.scale().to_bits(), raster.offset().to_bits()),
        (options.scale.to_bits(), options.offset.to_bits())
    );
    assert_eq!(raster.nodata(), options.nodata);
}
