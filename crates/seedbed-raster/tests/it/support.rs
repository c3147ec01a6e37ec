//! Synthetic rasters and other people's programs.

use seedbed_block::{PixelRange, Shape2d};
use seedbed_grid::{Affine, Crs, GeoBox, Projections, Xy};
use seedbed_raster::cog::{BandMeta, CogOptions, write};
use seedbed_raster::{Proj, Raster, RasterSource};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const DAYMET: &str =
    "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs";
pub const MODIS: &str = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";

pub fn crs(definition: &str) -> Crs {
    Proj.resolve(definition).unwrap()
}

pub fn geobox(definition: &str, corner: (f64, f64), size: (f64, f64), shape: (usize, usize)) -> GeoBox {
    GeoBox {
        crs: crs(definition),
        affine: Affine { a: size.0, b: 0.0, c: corner.0, d: 0.0, e: -size.1, f: corner.1 },
        shape: Shape2d { rows: shape.0, cols: shape.1 },
    }
}

/// A geobox of square pixels around the middle of another one.
pub fn around(source: &GeoBox, definition: &str, size: f64, shape: (usize, usize)) -> GeoBox {
    let middle = source.affine.apply(source.shape.cols as f64 / 2.0, source.shape.rows as f64 / 2.0);
    let target = crs(definition);
    let (mut x, mut y) = ([middle.x], [middle.y]);
    Proj.transform(&source.crs, &target).unwrap().forward(&mut x, &mut y);
    let corner = (
        ((x[0] - size * shape.1 as f64 / 2.0) / size).round() * size,
        ((y[0] + size * shape.0 as f64 / 2.0) / size).round() * size,
    );
    geobox(definition, corner, (size, size), shape)
}

/// The same place with rows running northwards.
pub fn south_up(geobox: &GeoBox) -> GeoBox {
    let t = geobox.affine;
    let bottom = t.apply(0.0, geobox.shape.rows as f64);
    GeoBox { affine: Affine { e: -t.e, f: bottom.y, ..t }, ..geobox.clone() }
}

/// Numbers from 0 to 1 that look random and are the same everywhere.
pub fn noise(i: usize) -> f64 {
    let mut z = (i as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A rough field from 0 to 20, of values that 32 bits hold, with a lake of
/// missing values and single holes.
pub fn field(shape: Shape2d) -> Vec<f64> {
    (0..shape.len())
        .map(|i| {
            let (row, col) = ((i / shape.cols) as f64, (i % shape.cols) as f64);
            let lake = (row - shape.rows as f64 * 0.4).hypot(col - shape.cols as f64 * 0.6)
                < shape.rows as f64 * 0.1;
            if lake || noise(i + 77) < 0.02 {
                return f64::NAN;
            }
            let smooth = 8.0 + 6.0 * (row / 17.0).sin() * (col / 23.0).cos();
            f64::from((smooth + 6.0 * noise(i)) as f32)
        })
        .collect()
}

pub fn save(path: &Path, geobox: &GeoBox, values: &[f64]) {
    write(path, geobox, values, &BandMeta::default(), &CogOptions::default()).unwrap();
}

pub fn open(path: &Path) -> Raster {
    Raster::open(&RasterSource {
        path: path.to_owned(),
        variable: None,
        claimed: seedbed_grid::Claim::default(),
    })
    .unwrap()
}

pub fn read_all(raster: &Raster) -> Vec<f64> {
    raster.read(0, PixelRange::of_shape(raster.geobox().shape)).unwrap()
}

/// Whether a program can be run; says so where it can't.
pub fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        println!("skipped: {program} isn't installed");
    }
    there
}

pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What `gdalwarp -et 0` makes of a file.
pub fn gdalwarp(source: &Path, target: &GeoBox, resampling: &str, extra: &[&str]) -> Vec<f64> {
    let out = source.with_extension(format!("{resampling}.warped.tif"));
    let _ = std::fs::remove_file(&out);
    let t = target.affine;
    let end: Xy = t.apply(target.shape.cols as f64, target.shape.rows as f64);
    let (west, east) = (t.c.min(end.x), t.c.max(end.x));
    let (south, north) = (t.f.min(end.y), t.f.max(end.y));
    let numbers = [west, south, east, north].map(|n| format!("{n:.17}"));
    let size = [target.shape.cols, target.shape.rows].map(|n| n.to_string());
    let mut arguments = vec![
        "-q",
        "-et",
        "0",
        "-r",
        resampling,
        "-ot",
        "Float64",
        "-dstnodata",
        "nan",
        "-t_srs",
        &target.crs.wkt2,
        "-te",
        &numbers[0],
        &numbers[1],
        &numbers[2],
        &numbers[3],
        "-ts",
        &size[0],
        &size[1],
    ];
    arguments.extend(extra);
    let (from, to) = (source.to_str().unwrap(), out.to_str().unwrap());
    arguments.extend([from, to]);
    run("gdalwarp", &arguments);
    let raster = open(&out);
    assert_eq!(raster.geobox().shape, target.shape);
    read_all(&raster)
}

/// The folder of real files, or `None` with a line that says so.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: SEEDBED_REAL_DATA is not set");
    }
    folder
}

/// A Python with the readers, or `None` with a line that says so.
pub fn python() -> Option<String> {
    let python = std::env::var("SEEDBED_PYTHON").ok();
    if python.is_none() {
        println!("skipped: SEEDBED_PYTHON is not set");
    }
    python
}
