//! A long series onto another grid, memory to memory: our plans, made and applied, beside GDAL's
//! warper on the same values.
//!
//! `cargo bench -p seedbed-raster --bench warp -- [LAYERS [SIDE [ROUNDS]]] [NAME]`, by default 60 layers, 2000 pixels a
//! side, 3 rounds and every case, else those whose name has that in it; the medians are told. Ours is digested against
//! an untimed run.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench talks and stops as it likes")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]

use gdal::DriverManager;
use gdal::raster::Buffer;
use gdal_sys as sys;
use seedbed_block::{Index, Shape2d};
use seedbed_grid::{Affine, GeoBox, Projections};
use seedbed_raster::{Proj, Resampling, WarpPlan};
use std::ffi::CString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

const DAYMET: &str =
    "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs";
const MODIS: &str = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";

struct Case {
    name: &'static str,
    source: GeoBox,
    target: GeoBox,
    resampling: Resampling,
    /// What GDAL calls it.
    theirs: &'static str,
    missing: f64,
}

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let number = |n: usize, default| arguments.get(n).copied().unwrap_or(default);
    let (layers, side, rounds) = (number(0, 60), number(1, 2000), number(2, 3));
    println!(
        "{layers} layers of float32, {side} x {side} target pixels, medians of {rounds}; Mpx = million target pixels x layers"
    );
    println!(
        "{:44} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "", "ours/CPU", "ours 2 t", "GDAL/CPU", "plan s", "ratio", "ratio"
    );
    println!("{:44} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7}", "", "Mpx/s", "Mpx/s", "Mpx/s", "", "CPU", "2 t");
    let daymet = geobox(DAYMET, (1_000_000.0, 200_000.0), 1000.0, side);
    let degrees = |size: f64| around(&daymet, "EPSG:4326", size, side);
    let fine = 0.009 * 0.9;
    let modis = geobox(MODIS, (-8_895_604.157, 4_447_802.079), 231.656_358_264, side * 2);
    let coarse = around(&modis, DAYMET, 1000.0, side * 2 / 5);
    let cases = [
        Case {
            name: "bilinear, all valid",
            source: daymet.clone(),
            target: degrees(fine),
            resampling: Resampling::Bilinear,
            theirs: "bilinear",
            missing: 0.0,
        },
        Case {
            name: "bilinear, 63 % nodata",
            source: daymet.clone(),
            target: degrees(fine),
            resampling: Resampling::Bilinear,
            theirs: "bilinear",
            missing: 0.63,
        },
        Case {
            name: "cubic, all valid",
            source: daymet.clone(),
            target: degrees(fine),
            resampling: Resampling::Cubic,
            theirs: "cubic",
            missing: 0.0,
        },
        Case {
            name: "nearest",
            source: daymet.clone(),
            target: degrees(fine),
            resampling: Resampling::Nearest,
            theirs: "near",
            missing: 0.63,
        },
        Case {
            name: "box average (GDAL's)",
            source: modis.clone(),
            target: coarse.clone(),
            resampling: Resampling::BoxAverage,
            theirs: "average",
            missing: 0.2,
        },
        Case {
            name: "area mean",
            source: modis,
            target: coarse,
            resampling: Resampling::Average,
            theirs: "average",
            missing: 0.2,
        },
    ];
    let wanted = std::env::args().skip(1).find(|a| a.starts_with(char::is_alphabetic)).unwrap_or_default();
    for case in cases.iter().filter(|case| case.name.contains(&wanted)) {
        measure(case, layers, rounds);
    }
}

fn measure(case: &Case, layers: usize, rounds: usize) {
    let values = field(case.source.shape, layers, case.missing);
    let pixels = case.target.shape.len();
    let mut out = vec![0.0_f32; pixels * layers];
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let cut = |plan: &WarpPlan| -> Vec<f32> {
        let w = plan.source_window().unwrap();
        let (first, cols) = (w.col0 as usize, w.shape().cols);
        let mut cut = Vec::with_capacity(w.shape().len() * layers);
        for layer in values.chunks_exact(case.source.shape.len()) {
            for row in w.row0..w.row1() {
                let start = row as usize * case.source.shape.cols + first;
                cut.extend_from_slice(&layer[start..start + cols]);
            }
        }
        cut
    };
    let plan = || {
        WarpPlan::new(&case.source, &case.target, Index { row: 0, col: 0 }, case.resampling, &Proj).unwrap()
    };
    let window = cut(&plan());
    plan().apply(&window, &mut out);
    let reference = digest(&out);
    let (mut ours, mut threads, mut theirs, mut plans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let gdal = Gdal::new(case, &values, layers);
    for _ in 0..rounds {
        let before = processor();
        let made = plan();
        plans.push(processor() - before);
        made.apply(&window, &mut out);
        ours.push(processor() - before);
        assert_eq!(digest(&out), reference);
        let began = Instant::now();
        two.install(|| plan().apply_in_parallel(&window, &mut out));
        threads.push(began.elapsed().as_secs_f64());
        assert_eq!(digest(&out), reference);
        theirs.push(gdal.warp(case));
    }
    let rate = |seconds: &mut Vec<f64>| (pixels * layers) as f64 / 1e6 / median(seconds);
    let (ours, threads, theirs) = (rate(&mut ours), rate(&mut threads), rate(&mut theirs));
    println!(
        "{:44} {ours:9.0} {threads:9.0} {theirs:9.1} {:9.3} {:7.1} {:7.1}",
        case.name,
        median(&mut plans),
        ours / theirs,
        threads / theirs
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// GDAL's warper with the same values in memory.
struct Gdal {
    source: gdal::Dataset,
}

impl Gdal {
    fn new(case: &Case, values: &[f32], layers: usize) -> Self {
        let Shape2d { rows, cols } = case.source.shape;
        let memory = DriverManager::get_driver_by_name("MEM").unwrap();
        let mut source = memory.create_with_band_type::<f32, _>("", cols, rows, layers).unwrap();
        place(&mut source, &case.source);
        for (n, layer) in values.chunks_exact(rows * cols).enumerate() {
            let mut band = source.rasterband(n + 1).unwrap();
            band.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), layer.to_vec())).unwrap();
            band.set_no_data_value(Some(f64::NAN)).unwrap();
        }
        Self { source }
    }

    /// Warps as `gdalwarp -et 0.125 -wo NUM_THREADS=1` does, into memory; seconds of the processor.
    fn warp(&self, case: &Case) -> f64 {
        let Shape2d { rows, cols } = case.target.shape;
        let g = case.target.affine.to_gdal();
        let (east, south) = (g[0] + g[1] * cols as f64, g[3] + g[5] * rows as f64);
        let srs = case.target.crs.wkt2.clone();
        let text = [
            "-of",
            "MEM",
            "-r",
            case.theirs,
            "-wm",
            "256",
            "-wo",
            "NUM_THREADS=1",
            "-dstnodata",
            "nan",
            "-t_srs",
            &srs,
            "-te",
            &g[0].to_string(),
            &south.to_string(),
            &east.to_string(),
            &g[3].to_string(),
            "-ts",
            &cols.to_string(),
            &rows.to_string(),
        ]
        .map(|t| CString::new(t).unwrap());
        let mut pointers: Vec<*mut i8> =
            text.iter().map(|t| t.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
        let before = processor();
        // SAFETY: the options end with a null pointer; the source outlives the call.
        unsafe {
            let options = sys::GDALWarpAppOptionsNew(pointers.as_mut_ptr(), std::ptr::null_mut());
            let mut sources = [self.source.c_dataset()];
            let name = CString::new("").unwrap();
            let made = sys::GDALWarp(
                name.as_ptr(),
                std::ptr::null_mut(),
                1,
                sources.as_mut_ptr(),
                options,
                std::ptr::null_mut(),
            );
            let taken = processor() - before;
            sys::GDALWarpAppOptionsFree(options);
            assert!(!made.is_null(), "GDAL does not warp {}", case.name);
            sys::GDALClose(made);
            taken
        }
    }
}

fn place(dataset: &mut gdal::Dataset, geobox: &GeoBox) {
    let mut srs = gdal::spatial_ref::SpatialRef::from_wkt(&geobox.crs.wkt2).unwrap();
    srs.set_axis_mapping_strategy(gdal::spatial_ref::AxisMappingStrategy::TraditionalGisOrder);
    dataset.set_spatial_ref(&srs).unwrap();
    dataset.set_geo_transform(&geobox.affine.to_gdal()).unwrap();
}

fn geobox(definition: &str, corner: (f64, f64), size: f64, side: usize) -> GeoBox {
    GeoBox {
        crs: Proj.resolve(definition).unwrap(),
        affine: Affine { a: size, b: 0.0, c: corner.0, d: 0.0, e: -size, f: corner.1 },
        shape: Shape2d { rows: side, cols: side },
    }
}

/// Square pixels around the middle of another geobox.
fn around(source: &GeoBox, definition: &str, size: f64, side: usize) -> GeoBox {
    let middle = source.affine.apply(source.shape.cols as f64 / 2.0, source.shape.rows as f64 / 2.0);
    let target = Proj.resolve(definition).unwrap();
    let (mut x, mut y) = ([middle.x], [middle.y]);
    Proj.transform(&source.crs, &target).unwrap().forward(&mut x, &mut y);
    let half = size * side as f64 / 2.0;
    geobox(definition, (x[0] - half, y[0] + half), size, side)
}

/// Layers of a smooth field with noise; so large a share of it is missing, in large lakes as off a coast.
fn field(shape: Shape2d, layers: usize, missing: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(shape.len() * layers);
    for layer in 0..layers {
        for row in 0..shape.rows {
            let (y, phase) = (row as f64 / 190.0, layer as f64 * 0.1);
            for col in 0..shape.cols {
                let x = col as f64 / 230.0;
                let coast = f64::midpoint(1.0, (x + 0.3 * y).sin());
                let value = 12.0
                    + 9.0 * (y + phase).sin() * (x * 1.7).cos()
                    + f64::from((row * 31 + col * 17 + layer) as u8) / 64.0;
                values.push(if coast < missing { f32::NAN } else { value as f32 });
            }
        }
    }
    values
}

fn digest(values: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for piece in values.chunks(4096) {
        let bits: Vec<u32> = piece.iter().map(|v| v.to_bits()).collect();
        bits.hash(&mut hasher);
    }
    hasher.finish()
}

/// Seconds of the processor that this process has taken.
fn processor() -> f64 {
    // SAFETY: the struct is filled by the call.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
