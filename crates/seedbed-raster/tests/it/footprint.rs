//! Outlines in longitude and latitude, at the edge of the globe as well.

use crate::support::MODIS;
use seedbed_grid::{Affine, GeoBox, Projections, Shape2d, Xy};
use seedbed_raster::Proj;

/// Metres of a MODIS tile's side.
const SIDE: f64 = 1_111_950.519_666_666_7;

fn tile(h: u32, v: u32) -> GeoBox {
    let origin = Xy { x: -18.0 * SIDE + f64::from(h) * SIDE, y: 9.0 * SIDE - f64::from(v) * SIDE };
    let crs = Proj.resolve(MODIS).unwrap();
    GeoBox {
        crs,
        affine: Affine::north_up(origin, SIDE / 1200.0, SIDE / 1200.0),
        shape: Shape2d { rows: 1200, cols: 1200 },
    }
}

/// Twice the area, in square degrees, and how often a ring goes round a point.
fn area(ring: &[Xy]) -> f64 {
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.map(|(a, b)| a.x * b.y - b.x * a.y).sum::<f64>() / 2.0
}

fn contains(ring: &[Xy], at: Xy) -> bool {
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    let crossed = pairs.filter(|(a, b)| {
        (a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x
    });
    crossed.count() % 2 == 1
}

/// Whether no two edges of a ring cross.
fn is_simple(ring: &[Xy]) -> bool {
    let side = |a: Xy, b: Xy, p: Xy| (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
    let edge = |n: usize| (ring[n % ring.len()], ring[(n + 1) % ring.len()]);
    let cross = |(a, b): (Xy, Xy), (c, d): (Xy, Xy)| {
        side(a, b, c) * side(a, b, d) < -1e-9 && side(c, d, a) * side(c, d, b) < -1e-9
    };
    (0..ring.len()).all(|n| (n + 2..ring.len()).all(|m| !cross(edge(n), edge(m))))
}

#[test]
fn sinusoidal_tiles_fill_the_globe_once_and_end_at_its_edge() {
    let mut rings = Vec::new();
    let mut off = 0;
    for v in 0..18 {
        for h in 0..36 {
            match tile(h, v).footprint(&Proj, 32) {
                Ok((ring, bbox)) => {
                    assert!(bbox.west >= -180.0 && bbox.east <= 180.0, "h{h} v{v}: {bbox:?}");
                    assert!(area(&ring) > 0.0, "h{h} v{v} runs clockwise");
                    assert!(is_simple(&ring), "h{h} v{v} crosses itself: {ring:?}");
                    rings.push(((h, v), ring));
                }
                Err(_) => off += 1,
            }
        }
    }
    let all: f64 = rings.iter().map(|(_, ring)| area(ring)).sum();
    assert!((all / 64_800.0 - 1.0).abs() < 2e-3, "{all} square degrees, {off} tiles off the globe");
    assert!(off > 100, "{off}");
    let to = Proj.transform(&Proj.resolve("OGC:CRS84").unwrap(), &Proj.resolve(MODIS).unwrap()).unwrap();
    for n in 0..400 {
        let (lon, lat) = (f64::from(n * 97 % 359) - 179.3, f64::from(n * 71 % 179) - 89.2);
        let (mut x, mut y) = ([lon], [lat]);
        to.forward(&mut x, &mut y);
        let (col, row) = (x[0] / SIDE + 18.0, 9.0 - y[0] / SIDE);
        let near = |t: f64| (t - t.round()).abs() < 0.02;
        if near(col) || near(row) {
            continue;
        }
        let at = Xy { x: lon, y: lat };
        let holding: Vec<_> =
            rings.iter().filter(|(_, ring)| contains(ring, at)).map(|(name, _)| *name).collect();
        let truth = (0..36).zip(0..36).find(|(h, _)| f64::from(*h) > col - 1.0).map(|(h, _)| h);
        let row = (0..18).find(|v| f64::from(*v) > row - 1.0);
        assert_eq!(holding, [(truth.unwrap(), row.unwrap())], "{lon} {lat}");
    }
}

#[test]
fn longitudes_beyond_half_a_turn_have_no_edge() {
    let crs = Proj.resolve("EPSG:4326").unwrap();
    let affine = Affine::north_up(Xy { x: 170.0, y: 10.0 }, 1.0, 1.0);
    let (ring, bbox) =
        GeoBox { crs, affine, shape: Shape2d { rows: 20, cols: 20 } }.footprint(&Proj, 4).unwrap();
    assert_eq!(ring.len(), 16, "{bbox:?}");
}
