//! Warps against `gdalwarp -et 0`, and area means against brute force.

use crate::support::{
    DAYMET, MODIS, around, crs, field, gdalwarp, geobox, has, noise, read_all, save, south_up,
};
use seedbed_block::{Index, Real, Shape2d};
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::{Proj, Resampling, WarpPlan};

pub const ANCHOR: Index = Index { row: 0, col: 0 };

pub fn warp<T: Real>(
    source: &GeoBox,
    target: &GeoBox,
    values: &[f64],
    resampling: Resampling,
) -> (Vec<T>, f64) {
    let plan = WarpPlan::new(source, target, ANCHOR, resampling, &Proj).unwrap();
    let mut out = vec![T::ZERO; target.shape.len()];
    plan.apply(&cut::<T>(source, values, &plan), &mut out);
    (out, plan.max_error())
}

pub fn cut<T: Real>(source: &GeoBox, values: &[f64], plan: &WarpPlan) -> Vec<T> {
    let Some(w) = plan.source_window() else { return Vec::new() };
    (w.row0..w.row1())
        .flat_map(|row| (w.col0..w.col1()).map(move |col| (row, col)))
        .map(|(row, col)| T::of(values[row as usize * source.shape.cols + col as usize]))
        .collect()
}

/// Pairs of grids such as users have; targets finer than sources.
pub fn pairs() -> Vec<(&'static str, GeoBox, GeoBox)> {
    let daymet = geobox(DAYMET, (1_500_250.0, -300_500.0), (1000.0, 1000.0), (210, 260));
    let modis = geobox(MODIS, (-7_783_653.6, 4_447_802.1), (926.625_433, 926.625_433), (240, 220));
    let prism = geobox("EPSG:4269", (-100.020_833_333, 42.0), (1.0 / 24.0, 1.0 / 24.0), (150, 170));
    let maca = south_up(&geobox("EPSG:4326", (-120.0, 44.0), (0.041_666, 0.041_666), (160, 180)));
    vec![
        ("Daymet to degrees", daymet.clone(), around(&daymet, "EPSG:4326", 0.004, (300, 310))),
        ("MODIS to CONUS Albers", modis.clone(), around(&modis, "EPSG:5070", 500.0, (290, 300))),
        ("PRISM to CONUS Albers", prism.clone(), around(&prism, "EPSG:5070", 1000.0, (310, 300))),
        ("south-up degrees to Daymet", maca.clone(), around(&maca, DAYMET, 1000.0, (300, 300))),
        ("beyond the source", daymet.clone(), around(&daymet, "EPSG:4326", 0.009, (400, 400))),
        ("PRISM to finer degrees", prism.clone(), around(&prism, "EPSG:4269", 1.0 / 120.0, (200, 200))),
    ]
}

fn compare(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    let masks = found.iter().zip(expected).filter(|(a, b)| a.is_nan() != b.is_nan()).count();
    let worst =
        found.iter().zip(expected).map(|(a, b)| (a - b).abs()).filter(|d| !d.is_nan()).fold(0.0, f64::max);
    let valid = expected.iter().filter(|v| !v.is_nan()).count();
    let different = found.iter().zip(expected).filter(|(a, b)| (*a - *b).abs() > tolerance).count();
    println!(
        "{name}: {different} different; {valid} of {} valid, masks differ in {masks}, values by {worst:e}",
        expected.len()
    );
    assert!(valid * 3 > expected.len(), "{name}: too little to compare");
    assert_eq!(masks, 0, "{name}");
    assert!(worst <= tolerance, "{name}: {worst}");
}

#[test]
fn nearest_equals_gdalwarp_bit_for_bit() {
    if !has("gdalwarp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (i, (name, source, target)) in pairs().into_iter().enumerate() {
        let values = field(source.shape);
        let path = folder.path().join(format!("{i}.tif"));
        save(&path, &source, &values);
        let expected = gdalwarp(&path, &target, "near", &[]);
        let (found, error) = warp::<f64>(&source, &target, &values, Resampling::Nearest);
        compare(name, &found, &expected, 0.0);
        assert!(error <= 1e-5, "{name}: {error}");
    }
}

#[test]
fn bilinear_equals_gdalwarp_within_1e_5_of_the_range() {
    if !has("gdalwarp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (i, (name, source, target)) in pairs().into_iter().enumerate() {
        let values = field(source.shape);
        let path = folder.path().join(format!("{i}.tif"));
        save(&path, &source, &values);
        // gdalwarp takes a rotated window for a coarser target; ours isn't.
        let plain = ["-wo", "XSCALE=1", "-wo", "YSCALE=1"];
        let expected = gdalwarp(&path, &target, "bilinear", &plain);
        let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Bilinear);
        compare(name, &found, &expected, 20.0 * 1e-5);
        let (single, _) = warp::<f32>(&source, &target, &values, Resampling::Bilinear);
        let single: Vec<f64> = single.into_iter().map(f64::from).collect();
        compare(name, &single, &expected, 20.0 * 1e-5);
    }
}

#[test]
fn a_coarser_target_widens_the_triangle_as_gdalwarp_does() {
    if !has("gdalwarp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = geobox("EPSG:5070", (1_000_000.0, 2_000_000.0), (100.0, 100.0), (200, 240));
    let target = geobox("EPSG:5070", (1_000_000.0, 2_000_000.0), (400.0, 400.0), (50, 60));
    let values: Vec<f64> = (0..source.shape.len()).map(|i| f64::from((20.0 * noise(i)) as f32)).collect();
    let path = folder.path().join("fine.tif");
    save(&path, &source, &values);
    let expected = gdalwarp(&path, &target, "bilinear", &[]);
    let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Bilinear);
    compare("coarser", &found, &expected, 20.0 * 1e-5);
}

#[test]
fn beyond_the_outline_of_a_world_map_no_area_counts_twice() {
    let source = geobox("EPSG:4326", (-180.0, 90.0), (1.0, 1.0), (180, 360));
    let area = |i: usize| (89.5 - (i / 360) as f64).to_radians().cos();
    let values: Vec<f64> = (0..source.shape.len()).map(area).collect();
    let side = std::f64::consts::PI * 6_371_007.181 / 180.0;
    let target = geobox(MODIS, (-180.0 * side, 90.0 * side), (side, side), (180, 360));
    let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Sum);
    let sum = |values: &[f64]| values.iter().filter(|v| !v.is_nan()).sum::<f64>();
    let (before, after) = (sum(&values), sum(&found));
    println!("a sum of {before} is {after} on the whole map");
    assert!((after / before - 1.0).abs() < 0.005, "{before} {after}");
    for (i, value) in found.iter().enumerate() {
        let (x, y) = ((i % 360) as f64 - 179.5, 89.5 - (i / 360) as f64);
        let inside = x.abs() - y.to_radians().cos() * 180.0;
        assert!(value.is_nan() || inside < 1.0, "{value} at {x}, {y}");
        assert!(!value.is_nan() || inside > -1.0 || y.abs() > 89.0, "nothing at {x}, {y}");
    }
}

#[test]
fn longitudes_from_0_to_360_are_the_same_place() {
    let source = south_up(&geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (140, 200)));
    let mut turned = source.clone();
    turned.affine.c += 360.0;
    let target = around(&source, DAYMET, 2000.0, (200, 200));
    let values = field(source.shape);
    for resampling in Resampling::ALL {
        let (a, _) = warp::<f64>(&source, &target, &values, resampling);
        let (b, _) = warp::<f64>(&turned, &target, &values, resampling);
        compare(resampling.name(), &a, &b, 1e-9);
    }
}

#[test]
fn a_source_that_goes_all_round_has_no_seam() {
    let source = geobox("EPSG:4326", (0.0, 60.0), (1.0, 1.0), (120, 360));
    // Smooth across the seam at 0 = 360 degrees.
    let values: Vec<f64> = (0..source.shape.len())
        .map(|i| {
            let (row, col) = (i / 360, i % 360);
            (col as f64 + 0.5).to_radians().cos() * 10.0 + row as f64 * 0.1
        })
        .collect();
    for west in [-3.0, 177.0] {
        let target = geobox("EPSG:4326", (west, 20.0), (0.1, 0.1), (40, 60));
        for resampling in
            [Resampling::Bilinear, Resampling::Cubic, Resampling::Average, Resampling::BoxAverage]
        {
            let (found, _) = warp::<f64>(&source, &target, &values, resampling);
            for (i, v) in found.iter().enumerate() {
                let lon: f64 = west + (i % 60) as f64 * 0.1 + 0.05;
                let lat = 20.0 - (i / 60) as f64 * 0.1 - 0.05;
                let truth = lon.to_radians().cos() * 10.0 + (60.0 - lat - 0.5) * 0.1;
                assert!((v - truth).abs() < 0.15, "{resampling} at {lon}: {v} for {truth}");
            }
        }
    }
}

#[test]
fn the_area_mean_agrees_with_supersampling_on_a_sheared_grid() {
    // Sinusoidal far from its central meridian is sheared by 40 degrees.
    let source = geobox(MODIS, (-7_783_653.6, 4_447_802.1), (231.656_358, 231.656_358), (500, 500));
    let target = around(&source, DAYMET, 1000.0, (40, 40));
    let values: Vec<f64> =
        (0..source.shape.len()).map(|i| if noise(i + 5) < 0.1 { f64::NAN } else { noise(i) }).collect();
    let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Average);
    let transform = Proj.transform(&target.crs, &source.crs).unwrap();
    let inverse = source.affine.inverse().unwrap();
    let (mut squares, mut count, mut worst) = (0.0, 0, 0.0_f64);
    for (i, mean) in found.iter().enumerate() {
        let (mut sum, mut n) = (0.0, 0);
        for s in 0..144 {
            let (row, col) = (i / 40, i % 40);
            let at = target.affine.apply(
                col as f64 + (f64::from(s % 12) + 0.5) / 12.0,
                row as f64 + (f64::from(s / 12) + 0.5) / 12.0,
            );
            let (mut x, mut y) = ([at.x], [at.y]);
            transform.forward(&mut x, &mut y);
            let px = inverse.apply(x[0], y[0]);
            if px.x < 0.0 || px.y < 0.0 || px.x >= 500.0 || px.y >= 500.0 {
                continue;
            }
            let v = values[px.y as usize * 500 + px.x as usize];
            if !v.is_nan() {
                (sum, n) = (sum + v, n + 1);
            }
        }
        if n > 0 {
            let d = mean - sum / f64::from(n);
            assert!(!d.is_nan(), "pixel {i}");
            (squares, count, worst) = (squares + d * d, count + 1, worst.max(d.abs()));
        }
    }
    let rmse = (squares / f64::from(count)).sqrt();
    println!(
        "area mean against 12×12 samples: rmse {rmse:.5}, largest {worst:.5} over {count} pixels (field sd 0.289)"
    );
    assert!(count > 1500);
    // 144 samples place a pixel's weight to about 1/12 of its border, which
    // for this field is 0.01.
    assert!(rmse < 0.015 && worst < 0.05, "{rmse} {worst}");
}

#[test]
fn an_aligned_area_mean_is_the_plain_mean() {
    let source = geobox("EPSG:5070", (0.0, 0.0), (10.0, 10.0), (4, 4));
    let target = geobox("EPSG:5070", (0.0, 0.0), (20.0, 20.0), (2, 3));
    let mut values: Vec<f64> = (0..16).map(f64::from).collect();
    values[0] = f64::NAN;
    let (found, _) = warp::<f64>(&source, &target, &values, Resampling::Average);
    assert!((found[0] - 10.0 / 3.0).abs() < 1e-12, "{found:?}");
    assert!((found[1] - 4.5).abs() < 1e-12 && (found[4] - 12.5).abs() < 1e-12, "{found:?}");
    assert!(found[2].is_nan() && found[5].is_nan(), "beyond the source");
}

#[test]
fn a_tile_beyond_the_source_is_all_missing() {
    let source = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (50, 50));
    for (definition, corner) in
        [("EPSG:4326", (10.0, 50.0)), ("EPSG:4326", (100.0, -60.0)), (DAYMET, (1e6, 1e6))]
    {
        let size = if definition == DAYMET { 1000.0 } else { 0.01 };
        let target = geobox(definition, corner, (size, size), (40, 50));
        for resampling in Resampling::ALL {
            let plan = WarpPlan::new(&source, &target, ANCHOR, resampling, &Proj).unwrap();
            assert_eq!(plan.source_window(), None);
            let mut out = vec![0.0_f32; 2000];
            plan.apply(&[], &mut out);
            assert!(out.iter().all(|v| v.is_nan()));
        }
    }
}

#[test]
fn degenerate_geoboxes_are_refused() {
    let good = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (5, 5));
    let empty = geobox(DAYMET, (0.0, 0.0), (1000.0, 1000.0), (0, 5));
    let flat = geobox(DAYMET, (0.0, 0.0), (1000.0, 0.0), (5, 5));
    let nowhere = geobox(DAYMET, (f64::NAN, 0.0), (1000.0, 1000.0), (5, 5));
    for bad in [&empty, &flat, &nowhere] {
        for (source, target, which) in [(bad, &good, "source"), (&good, bad, "target")] {
            let error = WarpPlan::new(source, target, ANCHOR, Resampling::Nearest, &Proj).err().unwrap();
            assert!(error.to_string().contains(which), "{error}");
        }
    }
}

#[test]
fn a_single_pixel_source_is_enough() {
    let source = geobox("EPSG:4326", (-100.0, 40.0), (1.0, 1.0), (1, 1));
    let target = geobox("EPSG:4326", (-100.5, 40.5), (0.5, 0.5), (4, 4));
    for resampling in Resampling::ALL {
        let (found, _) = warp::<f64>(&source, &target, &[7.0], resampling);
        let inside: Vec<f64> = [5, 6, 9, 10].iter().map(|i| found[*i]).collect();
        // A sum takes the share of the pixel that lies in each.
        let expected = if resampling == Resampling::Sum { 7.0 / 4.0 } else { 7.0 };
        assert_eq!(inside, [expected; 4], "{resampling}");
        assert_eq!(found.iter().filter(|v| v.is_nan()).count(), 12, "{resampling}");
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let source = geobox(DAYMET, (1_500_250.0, -300_500.0), (1000.0, 1000.0), (61, 47));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let values = field(source.shape);
    save(&path, &source, &values);
    let raster = crate::support::open(&path);
    assert_eq!(raster.geobox(), &source, "CRS included");
    assert_eq!(raster.geobox().crs, crs(DAYMET));
    assert_eq!(raster.geobox().shape, Shape2d { rows: 61, cols: 47 });
    compare("written and read", &read_all(&raster), &values, 0.0);
}

#[test]
fn pixels_of_the_same_grid_have_no_trace_of_their_neighbours() {
    // A value that is 0 beside large ones, and one that is missing.
    let source = geobox("EPSG:4326", (-100.0, 40.0), (0.01, 0.01), (40, 50));
    let mut values: Vec<f64> =
        (0..source.shape.len()).map(|k| if k % 3 == 0 { 0.0 } else { noise(k) * 1e6 }).collect();
    values[812] = f64::NAN;
    let kernels = Resampling::ALL.into_iter().filter(|kernel| *kernel != Resampling::Sum);
    for (kernel, shift) in kernels.flat_map(|kernel| [0.0, 3e-7, -3e-7].map(|shift| (kernel, shift))) {
        let target = geobox("EPSG:4326", (-99.93 + 0.01 * shift, 39.91), (0.01, 0.01), (31, 43));
        let wanted: Vec<f64> = (0..31).flat_map(|row| &values[(row + 9) * 50 + 7..][..43]).copied().collect();
        for source in [source.clone(), south_up(&source)] {
            let flipped: Vec<f64> = values.chunks(50).rev().flatten().copied().collect();
            let values = if source.affine.e > 0.0 { &flipped } else { &values };
            let (found, _) = warp::<f64>(&source, &target, values, kernel);
            let differ =
                found.iter().zip(&wanted).filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan())).count();
            assert_eq!(differ, 0, "{kernel:?} {shift}");
        }
    }
}

/// FNV-1a of the bits.
fn digest(values: &[f64]) -> u64 {
    values
        .iter()
        .flat_map(|v| v.to_bits().to_le_bytes())
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[test]
fn kernels_give_the_bits_of_their_revision() {
    // Within one CRS, so that PROJ's release has no part in it. Whoever changes
    // these numbers must raise Resampling::REVISION: outputs are keyed by it.
    let source = geobox("EPSG:5070", (0.0, 0.0), (10.0, 10.0), (60, 70));
    let fine = geobox("EPSG:5070", (33.0, -41.0), (7.0, 6.0), (50, 60));
    let coarse = geobox("EPSG:5070", (33.0, -41.0), (27.0, 31.0), (20, 30));
    let mut values: Vec<f64> = (0..source.shape.len()).map(noise).collect();
    values.iter_mut().step_by(17).for_each(|v| *v = f64::NAN);
    let mut found = Vec::new();
    for target in [fine, coarse] {
        for resampling in Resampling::ALL {
            found.push(digest(&warp::<f64>(&source, &target, &values, resampling).0));
        }
    }
    assert_eq!(Resampling::REVISION, 5);
    assert_eq!(found, GOLDEN, "{found:#X?}");
}

const GOLDEN: [u64; 20] = [
    0xFB4C_12FD_E562_7F88,
    0xC0EE_7BE7_41BD_D002,
    0xBFDB_E105_74E3_CA96,
    0x8BA5_28DC_DFE7_C632,
    0x4F74_2308_B2E7_B9DC,
    0xC5F5_83D5_8B9A_EE8D,
    0x5DFF_3846_2EE5_613B,
    0x5376_E9E2_878F_BA5C,
    0x0FE1_8F50_6EF2_EFEB,
    0x2743_F4FD_37E6_2BD4,
    0x6C07_349E_F6DC_0AFB,
    0xE1E9_677F_060D_3B06,
    0x6930_DD6E_82E3_3163,
    0xE5BF_68CB_1B6D_CB81,
    0xEB25_DED9_1C15_D762,
    0xAC7B_6C4D_E8AC_5E22,
    0x5489_10EE_C27D_12F9,
    0xCC23_DF6F_05B8_DD08,
    0xF4FB_5066_0F71_DC18,
    0x1212_2D91_850A_C803,
];
