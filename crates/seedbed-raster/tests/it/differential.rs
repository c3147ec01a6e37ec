//! A matrix of grids, kernels, stored types and patterns of missing values against
//! `gdalwarp -et 0`, and what must not matter: layers, threads.

use crate::support::{DAYMET, MODIS, around, field, gdalwarp, geobox, has, noise, south_up};
use crate::warp::{ANCHOR, cut, pairs, warp};
use seedbed_block::Shape2d;
use seedbed_grid::{Affine, GeoBox, Projections};
use seedbed_raster::cog::{BandMeta, CogOptions, write};
use seedbed_raster::{DType, Proj, Resampling, WarpPlan};
use std::path::Path;

const KERNELS: [(Resampling, &str); 3] =
    [(Resampling::Nearest, "near"), (Resampling::Bilinear, "bilinear"), (Resampling::Cubic, "cubic")];

/// A name, and which pixels are missing.
type Pattern = (&'static str, fn(usize, Shape2d) -> bool);
const PATTERNS: [Pattern; 5] = [
    ("none", |_, _| false),
    ("holes", |i, _| noise(i + 77) < 0.05),
    ("coast", |i, shape| i % shape.cols < shape.cols * 2 / 5),
    ("checks", |i, shape| (i / shape.cols + i % shape.cols).is_multiple_of(2)),
    ("islands", |i, shape| !(i / shape.cols / 3 % 4 == 0 && i % shape.cols / 3 % 4 == 0)),
];

/// Grids beyond those that users have.
fn odd_pairs() -> Vec<(&'static str, GeoBox, GeoBox)> {
    let albers = geobox("EPSG:5070", (1_000_000.0, 2_000_000.0), (1000.0, 1000.0), (90, 110));
    let mut rotated = albers.clone();
    let (sin, cos) = 0.4_f64.sin_cos();
    rotated.affine =
        Affine { a: 1000.0 * cos, b: 1000.0 * sin, d: 1000.0 * sin, e: -1000.0 * cos, ..albers.affine };
    let utm = geobox("EPSG:32633", (400_000.0, 6_000_000.0), (500.0, 700.0), (80, 100));
    let laea = geobox("EPSG:3035", (4_000_000.0, 3_200_000.0), (1000.0, 1000.0), (100, 90));
    let thin = geobox("EPSG:4326", (-100.0, 40.0), (0.1, 0.1), (2, 120));
    // Far from the central meridian: rows lean, but pixels are as large as the target's.
    let sheared = geobox(MODIS, (-6_400_000.0, 4_600_000.0), (463.312_7, 463.312_7), (160, 170));
    vec![
        ("rotated to Albers", rotated.clone(), around(&albers, "EPSG:5070", 700.0, (150, 150))),
        ("UTM to degrees", utm.clone(), around(&utm, "EPSG:4326", 0.005, (120, 120))),
        ("south-up LAEA to UTM", south_up(&laea), around(&laea, "EPSG:32632", 900.0, (100, 110))),
        ("two rows", thin.clone(), around(&thin, "EPSG:5070", 5000.0, (40, 120))),
        ("sheared to degrees", sheared.clone(), around(&sheared, "EPSG:4326", 0.004, (100, 110))),
        ("sheared to Daymet", sheared.clone(), around(&sheared, DAYMET, 400.0, (90, 100))),
    ]
}

/// The target pixels whose centre lies on a row or column of source centres: there the last bit of a
/// coordinate decides which sixteen pixels are a cubic's, and so whether one of them is missing.
fn on_centres(source: &GeoBox, target: &GeoBox) -> Vec<bool> {
    let transform = Proj.transform(&target.crs, &source.crs).unwrap();
    let inverse = source.affine.inverse().unwrap();
    let near = |v: f64| (v - 0.5 - (v - 0.5).round()).abs() < 1e-9;
    (0..target.shape.len())
        .map(|i| {
            let (row, col) = ((i / target.shape.cols) as f64, (i % target.shape.cols) as f64);
            let at = target.affine.apply(col + 0.5, row + 0.5);
            let (mut x, mut y) = ([at.x], [at.y]);
            transform.forward(&mut x, &mut y);
            let px = inverse.apply(x[0], y[0]);
            near(px.x) || near(px.y)
        })
        .collect()
}

fn save_as(path: &Path, geobox: &GeoBox, values: &[f64], dtype: DType) {
    let nodata = if dtype == DType::Float32 { f64::NAN } else { -9999.0 };
    let options = CogOptions { dtype, nodata: Some(nodata), ..CogOptions::default() };
    write(path, geobox, values, &BandMeta::default(), &options).unwrap();
}

#[test]
fn every_combination_is_within_1e_5_of_gdalwarp() {
    if !has("gdalwarp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let plain = ["-wo", "XSCALE=1", "-wo", "YSCALE=1"];
    let (mut combinations, mut pixels, mut worst) = (0, 0, 0.0_f64);
    for (n, (name, source, target)) in pairs().into_iter().chain(odd_pairs()).enumerate() {
        let whole = field(source.shape);
        let edge = on_centres(&source, &target);
        for (pattern, missing) in PATTERNS {
            for dtype in [DType::Float32, DType::Int16] {
                let path = folder.path().join(format!("{n}-{pattern}-{dtype}.tif"));
                let stored = |v: f64| if dtype == DType::Int16 { (v * 100.0).round() } else { v };
                let values: Vec<f64> = (0..source.shape.len())
                    .map(|i| if missing(i, source.shape) { f64::NAN } else { stored(whole[i].max(0.0)) })
                    .collect();
                save_as(&path, &source, &values, dtype);
                let range = if dtype == DType::Int16 { 2000.0 } else { 20.0 };
                for (resampling, theirs) in KERNELS {
                    let expected = gdalwarp(&path, &target, theirs, &plain);
                    let tolerance = if resampling == Resampling::Nearest { 0.0 } else { range * 1e-5 };
                    let (double, _) = warp::<f64>(&source, &target, &values, resampling);
                    let (single, _) = warp::<f32>(&source, &target, &values, resampling);
                    let single: Vec<f64> = single.into_iter().map(f64::from).collect();
                    for found in [double, single] {
                        let what = format!("{name}, {pattern}, {dtype}, {resampling}");
                        for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
                            if resampling == Resampling::Cubic && edge[i] {
                                continue;
                            }
                            assert_eq!(a.is_nan(), b.is_nan(), "{what}: pixel {i}: {a}, gdalwarp {b}");
                            let off = if a.is_nan() { 0.0 } else { (a - b).abs() };
                            assert!(off <= tolerance, "{what}: pixel {i}: {a}, gdalwarp {b}");
                            worst = worst.max(off / range);
                        }
                        pixels += found.len();
                    }
                    combinations += 1;
                }
            }
        }
    }
    println!(
        "{combinations} combinations, {pixels} pixels: masks are equal, values differ by at most {worst:.1e} of the range"
    );
}

#[test]
fn a_layer_is_the_same_with_any_others_and_on_any_threads() {
    let (_, source, target) = pairs().swap_remove(1);
    for resampling in Resampling::ALL {
        let plan = WarpPlan::new(&source, &target, ANCHOR, resampling, &Proj).unwrap();
        // Layers that are masked differently, so that fast ways and slow ones meet.
        let layers: Vec<Vec<f32>> = (0..37)
            .map(|n| {
                let (_, missing) = PATTERNS[n % PATTERNS.len()];
                let value =
                    |i: usize| if missing(i + n, source.shape) { f64::NAN } else { noise(i * 37 + n) };
                let values: Vec<f64> = (0..source.shape.len()).map(value).collect();
                cut::<f32>(&source, &values, &plan)
            })
            .collect();
        let alone: Vec<Vec<u32>> = layers.iter().map(|layer| bits(&apply(&plan, layer, 1, false))).collect();
        for count in [2, 4, 7, 16, 23, 37] {
            let together: Vec<f32> = layers[..count].concat();
            for parallel in [false, true] {
                let found = apply(&plan, &together, count, parallel);
                for (n, layer) in found.chunks_exact(target.shape.len()).enumerate() {
                    assert!(
                        bits(layer) == alone[n],
                        "{resampling}: layer {n} of {count}, parallel: {parallel}"
                    );
                }
            }
        }
    }
}

fn apply(plan: &WarpPlan, source: &[f32], layers: usize, parallel: bool) -> Vec<f32> {
    let mut out = vec![0.0; plan.target_shape().len() * layers];
    if parallel {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        threads.install(|| plan.apply_in_parallel(source, &mut out));
    } else {
        plan.apply(source, &mut out);
    }
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
}

#[test]
fn the_box_average_is_gdalwarps() {
    if !has("gdalwarp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = geobox("EPSG:5070", (1_000_000.0, 2_000_000.0), (231.0, 231.0), (300, 320));
    for (n, target) in
        [around(&source, "EPSG:4326", 0.012, (40, 60)), around(&source, "EPSG:5070", 1000.0, (50, 60))]
            .into_iter()
            .enumerate()
    {
        let values = field(source.shape);
        let path = folder.path().join(format!("{n}.tif"));
        save_as(&path, &source, &values, DType::Float32);
        let expected = gdalwarp(&path, &target, "average", &[]);
        let (found, _) = warp::<f64>(&source, &target, &values, Resampling::BoxAverage);
        let masks = found.iter().zip(&expected).filter(|(a, b)| a.is_nan() != b.is_nan()).count();
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).filter(|d| !d.is_nan());
        let worst = off.fold(0.0, f64::max);
        println!("box average {n}: masks differ in {masks}, values by {worst:.1e}");
        assert_eq!(masks, 0);
        assert!(worst < 20.0 * 1e-4, "{worst}");
    }
}

#[test]
fn a_sum_is_conserved() {
    let (_, source, _) = pairs().swap_remove(1);
    let target = around(&source, "EPSG:5070", 5000.0, (80, 90));
    let values: Vec<f64> =
        (0..source.shape.len()).map(|i| if noise(i + 3) < 0.2 { f64::NAN } else { noise(i) }).collect();
    let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Sum);
    let sum = |values: &[f64]| values.iter().filter(|v| !v.is_nan()).sum::<f64>();
    let (before, after) = (sum(&values), sum(&found));
    println!("a sum of {before} is {after} on the other grid");
    assert!(((after - before) / before).abs() < 1e-6, "{before} {after}");
}

#[test]
fn order_statistics_over_areas_are_those_of_the_pixels_in_them() {
    // Aligned, five by five: what is in each pixel is plain.
    let source = geobox("EPSG:5070", (0.0, 0.0), (10.0, 10.0), (50, 60));
    let target = geobox("EPSG:5070", (0.0, 0.0), (50.0, 50.0), (10, 12));
    let values: Vec<f64> = (0..source.shape.len())
        .map(|i| if noise(i + 9) < 0.3 { f64::NAN } else { (noise(i) * 6.0).floor() })
        .collect();
    let warped = |resampling| warp::<f64>(&source, &target, &values, resampling).0;
    let (min, max) = (warped(Resampling::Min), warped(Resampling::Max));
    let (mode, median) = (warped(Resampling::Mode), warped(Resampling::Median));
    for i in 0..target.shape.len() {
        let (row, col) = (i / 12 * 5, i % 12 * 5);
        let mut inside: Vec<f64> =
            (0..25).map(|k| values[(row + k / 5) * 60 + col + k % 5]).filter(|v| !v.is_nan()).collect();
        inside.sort_by(f64::total_cmp);
        let n = inside.len();
        assert_eq!((min[i], max[i]), (inside[0], inside[n - 1]), "pixel {i}");
        assert_eq!(median[i], f64::midpoint(inside[(n - 1) / 2], inside[n / 2]), "pixel {i}: {inside:?}");
        let count = |v: f64| inside.iter().filter(|x| **x == v).count();
        let most = inside.iter().copied().max_by_key(|v| (count(*v), -(*v as i64))).unwrap();
        assert_eq!(mode[i], most, "pixel {i}: {inside:?}");
    }
}
