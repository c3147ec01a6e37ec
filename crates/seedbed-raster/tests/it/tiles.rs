//! Results don't depend on how a grid is cut into tiles.

use crate::support::{DAYMET, MODIS, crs, field, geobox};
use seedbed_block::{Index, PixelRange, Xy};
use seedbed_grid::{GeoBox, PixelGrid};
use seedbed_raster::{Proj, Resampling, WarpPlan};

fn apply(plan: &WarpPlan, source: &GeoBox, values: &[f64]) -> Vec<f64> {
    let window: Vec<f64> = plan.source_window().map_or_else(Vec::new, |w| {
        (w.row0..w.row1())
            .flat_map(|row| (w.col0..w.col1()).map(move |col| (row, col)))
            .map(|(row, col)| values[row as usize * source.shape.cols + col as usize])
            .collect()
    });
    let mut out = vec![0.0; plan.target_shape().len()];
    plan.apply(&window, &mut out);
    out
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn one_tile_equals_its_four_parts_bit_for_bit() {
    let modis = geobox(MODIS, (-7_783_653.6, 4_447_802.1), (926.625_433, 926.625_433), (300, 320));
    let daymet = geobox(DAYMET, (1_500_250.0, -300_500.0), (1000.0, 1000.0), (260, 260));
    // The last is coarser than its source, so that triangles widen.
    let cases = [
        (&modis, "EPSG:5070", Xy { x: -2_356_095.0, y: 3_172_605.0 }, 750.0, (1712, 3903)),
        (&daymet, "EPSG:4326", Xy { x: -180.0, y: 90.0 }, 1.0 / 120.0, (6180, 11_830)),
        (&daymet, "EPSG:4326", Xy { x: -180.000_1, y: 90.0 }, 1.0 / 70.0, (3600, 6850)),
    ];
    for (source, definition, origin, size, (row0, col0)) in cases {
        let grid = PixelGrid { crs: crs(definition), origin, resolution: Xy { x: size, y: size } };
        let whole = PixelRange { row0, col0, rows: 300, cols: 300 };
        let values = field(source.shape);
        for resampling in Resampling::ALL {
            let start = std::time::Instant::now();
            let plan = WarpPlan::on_grid(source, &grid, whole, resampling, &Proj).unwrap();
            let planned = start.elapsed();
            let expected = apply(&plan, source, &values);
            let start = std::time::Instant::now();
            for _ in 0..50 {
                apply(&plan, source, &values);
            }
            let rate = 50.0 * 0.09 / start.elapsed().as_secs_f64();
            println!("{definition} {resampling}: {rate:.0} Mpx/s, cutting the window included");
            let error = plan.max_error();
            println!("{definition} {resampling}: planned in {planned:.1?}, error {error:.1e} px");
            let valid = expected.iter().filter(|v| !v.is_nan()).count();
            assert!(valid > 20_000, "{definition} {resampling}: {valid} valid");
            // An uneven cut, so that no part starts on a multiple of 32.
            for (row, rows) in [(0, 130), (130, 170)] {
                for (col, cols) in [(0, 171), (171, 129)] {
                    let part = PixelRange { row0: row0 + row, col0: col0 + col, rows, cols };
                    let on_grid = WarpPlan::on_grid(source, &grid, part, resampling, &Proj).unwrap();
                    let anchor = Index { row: part.row0, col: part.col0 };
                    let anchored =
                        WarpPlan::new(source, &grid.geobox(part), anchor, resampling, &Proj).unwrap();
                    for plan in [on_grid, anchored] {
                        let found = apply(&plan, source, &values);
                        for i in 0..rows {
                            for j in 0..cols {
                                let a = found[(i * cols + j) as usize];
                                let b = expected[((row + i) * 300 + col + j) as usize];
                                assert!(
                                    same_bits(a, b),
                                    "{definition} {resampling} at {i}, {j} of {part:?}: {a} {b}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
