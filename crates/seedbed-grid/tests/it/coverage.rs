//! Shares of pixels, whatever is drawn.

use crate::support::{Random, Two, degrees, sinusoidal};
use seedbed_grid::{Aoi, Footprint, PixelAreas, PixelGrid, PixelRange, PixelRule, Run, Xy, area_on_earth};

fn area(wkt: &str) -> Aoi {
    Aoi::from_wkt(wkt, "test", &Two).unwrap()
}

fn all(grid: &PixelGrid, wkt: &str, window: PixelRange) -> Vec<f64> {
    let footprint = Footprint::of(grid, &area(wkt), window, &Two).unwrap();
    spread(&footprint.shares(window), window)
}

fn spread(runs: &[Run], window: PixelRange) -> Vec<f64> {
    let mut shares = vec![0.0; window.shape().len()];
    for run in runs {
        let start = run.row as usize * window.shape().cols + run.col as usize;
        for share in &mut shares[start..start + run.cols as usize] {
            assert_eq!(*share, 0.0, "a pixel is told once");
            *share = run.share;
        }
    }
    shares
}

/// 10°–20° E, 0°–10° N in whole degrees.
const WINDOW: PixelRange = PixelRange { row0: 80, col0: 190, rows: 10, cols: 10 };

#[test]
fn a_zone_of_one_pixel_is_that_pixel() {
    let shares = all(&degrees(1.0), "POLYGON((12 5, 13 5, 13 6, 12 6, 12 5))", WINDOW);
    assert_eq!(shares.iter().filter(|s| **s > 0.0).count(), 1);
    assert_eq!(shares[4 * 10 + 2], 1.0);
}

#[test]
fn zones_that_tile_an_area_fill_every_pixel_once() {
    let mut random = Random(11);
    for _ in 0..50 {
        // Four triangles around a point, each edge with a corner of its own.
        let (x, y) = (random.between(11.0, 19.0), random.between(1.0, 9.0));
        let corners = [
            (random.between(10.0, 20.0), 0.0),
            (20.0, random.between(0.0, 10.0)),
            (random.between(10.0, 20.0), 10.0),
            (10.0, random.between(0.0, 10.0)),
        ];
        let fixed = [(20.0, 0.0), (20.0, 10.0), (10.0, 10.0), (10.0, 0.0)];
        let mut sum = vec![0.0; WINDOW.shape().len()];
        let mut centres = vec![0.0; WINDOW.shape().len()];
        for i in 0..4 {
            let (a, b, c) = (corners[i], fixed[i], corners[(i + 1) % 4]);
            let wkt =
                format!("POLYGON(({x} {y}, {} {}, {} {}, {} {}, {x} {y}))", a.0, a.1, b.0, b.1, c.0, c.1);
            let footprint = Footprint::of(&degrees(1.0), &area(&wkt), WINDOW, &Two).unwrap();
            let shares = spread(&footprint.shares(WINDOW), WINDOW);
            assert!((shares.iter().sum::<f64>() - footprint.area()).abs() < 1e-9);
            sum.iter_mut().zip(&shares).for_each(|(a, b)| *a += b);
            let centre = spread(&footprint.pixels(WINDOW, PixelRule::Centre), WINDOW);
            centres.iter_mut().zip(&centre).for_each(|(a, b)| *a += b);
            let touched = spread(&footprint.pixels(WINDOW, PixelRule::Touched), WINDOW);
            let agrees = |((s, t), c): ((&f64, &f64), &f64)| (*s > 0.0) == (*t == 1.0) && *c <= *t;
            assert!(shares.iter().zip(&touched).zip(&centre).all(agrees));
        }
        assert!(sum.iter().all(|s| (s - 1.0).abs() < 1e-9), "{sum:?}");
        assert!(centres.iter().all(|c| *c == 1.0), "{centres:?}");
    }
}

#[test]
fn holes_are_left_out_and_windows_cut_nothing_else() {
    let wkt = "POLYGON((10.5 0.5, 19.5 0.5, 19.5 9.5, 10.5 9.5, 10.5 0.5), \
               (12.25 3, 15 3, 15 6, 12.25 6, 12.25 3))";
    let shares = all(&degrees(1.0), wkt, WINDOW);
    assert!((shares.iter().sum::<f64>() - (81.0 - 2.75 * 3.0)).abs() < 1e-12);
    assert_eq!((shares[0], shares[1], shares[5 * 10 + 2], shares[5 * 10 + 3]), (0.25, 0.5, 0.25, 0.0));
    for (left, cols) in [(0, 3), (3, 4), (7, 3)] {
        for top in [0, 5] {
            let at = |n: usize| i64::try_from(n).unwrap();
            let window = PixelRange { row0: 80 + at(top), col0: 190 + at(left), rows: 5, cols: at(cols) };
            for (n, share) in all(&degrees(1.0), wkt, window).iter().enumerate() {
                let (row, col) = (top + n / cols, left + n % cols);
                assert!((share - shares[row * 10 + col]).abs() < 1e-12, "{row} {col}");
            }
        }
    }
}

#[test]
fn an_area_across_the_antimeridian_lies_where_the_window_is() {
    let wkt = "POLYGON((179.5 0, 181.5 0, 181.5 1, 179.5 1, 179.5 0))";
    let beyond = PixelRange { row0: 89, col0: 358, rows: 1, cols: 5 };
    assert_eq!(all(&degrees(1.0), wkt, beyond), [0.0, 0.5, 1.0, 0.5, 0.0]);
    let western = PixelRange { row0: 89, col0: 0, rows: 1, cols: 3 };
    assert_eq!(all(&degrees(1.0), wkt, western), [1.0, 0.5, 0.0]);
    let whole = Footprint::of(&degrees(1.0), &area(wkt), western, &Two).unwrap();
    assert!((whole.area() - 2.0).abs() < 1e-12, "of all of it");
}

#[test]
fn an_area_on_earth_doesnt_depend_on_the_projection() {
    // A sphere that keeps areas, whose method isn't named: they are interpolated there.
    let size = Xy { x: 10_000.0, y: 10_000.0 };
    let grid = PixelGrid::new(sinusoidal(), None, Some(size)).unwrap();
    let window = PixelRange { row0: -500, col0: 40, rows: 40, cols: 50 };
    let areas = PixelAreas::new(&grid, window, &Two).unwrap();
    let part = PixelRange { row0: -487, col0: 51, rows: 3, cols: 4 };
    let again = PixelAreas::new(&grid, part, &Two).unwrap();
    let (mut row, mut short) = (vec![0.0; 50], vec![0.0; 4]);
    assert_eq!((areas.row(14, &mut row), again.row(1, &mut short)), (None, None));
    assert_eq!(row[11..15], short, "no pixel's area depends on the window");
    // Latitudes of the sphere are taken for those of the ellipsoid: half a per cent.
    assert!(row.iter().all(|a| (a / 1e8 - 1.0).abs() < 0.007), "{row:?}");
    let by_row =
        PixelAreas::new(&degrees(1.0), PixelRange { row0: 89, col0: 7, rows: 1, cols: 1 }, &Two).unwrap();
    let equator = by_row.row(0, &mut [0.0]).unwrap();
    assert!((equator / 12_308.463e6 - 1.0).abs() < 1e-6, "{equator}");
    let whole = area_on_earth(&area("POLYGON((7 0, 8 0, 8 1, 7 1, 7 0))"));
    assert!((whole / equator - 1.0).abs() < 1e-9, "{whole}");
}
