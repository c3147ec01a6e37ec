//! Outlines in longitude and latitude, at the edge of the globe as well.

use crate::support::MODIS;
use seedbed_grid::{Affine, GeoBox, Projections, Shape2d, Territory, Xy};
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
            match tile(h, v).territory(&Proj, 32) {
                Ok(Territory { rings: parts, bbox }) => {
                    assert!(bbox.west >= -180.0 && bbox.east <= 180.0, "h{h} v{v}: {bbox:?}");
                    for ring in parts {
                        assert!(area(&ring) > 0.0, "h{h} v{v} runs clockwise");
                        assert!(is_simple(&ring), "h{h} v{v} crosses itself: {ring:?}");
                        rings.push(((h, v), ring));
                    }
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
    let across = GeoBox { crs, affine, shape: Shape2d { rows: 20, cols: 20 } };
    let territory = across.territory(&Proj, 1).unwrap();
    assert_eq!(<[f64; 4]>::from(territory.bbox), [170.0, -10.0, -170.0, 10.0]);
    let parts: Vec<f64> = territory.rings.iter().map(|ring| area(ring)).collect();
    assert_eq!(parts, [200.0, 200.0]);
}

/// Squares of a projected plane: the system, the upper-left corner and the side, in kilometres.
const SQUARES: [(&str, f64, f64, f64); 22] = [
    // Across the antimeridian.
    ("EPSG:3832", 2800.0, -1400.0, 700.0),
    ("EPSG:3460", 2200.0, 4200.0, 350.0),
    ("EPSG:32660", 600.0, 6900.0, 100.0),
    ("EPSG:32601", 100.0, 500.0, 1000.0),
    ("EPSG:3413", -3000.0, 3000.0, 2500.0),
    ("EPSG:3031", -300.0, -1000.0, 600.0),
    // A pole inside, in a corner, on an edge, and hardly beyond one.
    ("EPSG:3413", -500.0, 500.0, 1000.0),
    ("EPSG:3413", 0.0, 1000.0, 1000.0),
    ("EPSG:3413", -1000.0, 1000.0, 1000.0),
    ("EPSG:3413", -1000.0, 0.0, 1000.0),
    ("EPSG:3413", 0.0, 0.0, 1000.0),
    ("EPSG:3413", -250.0, 1000.0, 1000.0),
    ("EPSG:3413", 0.0, 300.0, 1000.0),
    ("EPSG:3413", 2.0, 333.0, 1000.0),
    ("EPSG:3031", -500.0, 500.0, 1000.0),
    ("EPSG:3031", 0.0, 1000.0, 1000.0),
    ("EPSG:3031", -1000.0, 0.0, 1000.0),
    ("EPSG:3031", -250.0, 0.0, 1000.0),
    ("EPSG:3408", -300.0, 0.0, 1000.0),
    ("EPSG:3408", -700.0, 400.0, 1000.0),
    ("EPSG:32661", 1500.0, 2700.0, 1000.0),
    ("EPSG:3978", -300.0, 3900.0, 600.0),
];

#[test]
fn squares_across_the_antimeridian_and_at_the_poles_hold_what_lies_in_them_and_nothing_else() {
    for (system, west, north, side) in SQUARES {
        let crs = Proj.resolve(system).unwrap();
        let lonlat = Proj.resolve("OGC:CRS84").unwrap();
        let (there, back) = (Proj.transform(&crs, &lonlat).unwrap(), Proj.transform(&lonlat, &crs).unwrap());
        let affine = Affine::north_up(Xy { x: 1e3 * west, y: 1e3 * north }, 1e4, 1e4);
        let cells = (side / 10.0) as usize;
        let square = GeoBox { crs, affine, shape: Shape2d { rows: cells, cols: cells } };
        let Territory { rings, bbox } = square.territory(&Proj, 8).unwrap();
        let what = format!("{system} from {west}, {north}: {bbox:?} {rings:?}");
        for ring in &rings {
            assert!(area(ring) > 0.0 && is_simple(ring), "{what}");
            assert!(ring.iter().all(|p| p.x.abs() <= 180.0 && p.y.abs() <= 90.0), "{what}");
            let long = ring.iter().zip(ring.iter().cycle().skip(1)).any(|(a, b)| {
                let along_a_pole = a.y.abs() == 90.0 && b.y.abs() == 90.0;
                (a.x - b.x).abs() > 90.0 && !along_a_pole
            });
            assert!(!long, "{what}");
        }
        let holds = |at: Xy| rings.iter().filter(|ring| contains(ring, at)).count();
        let in_box = |at: Xy| {
            let lon = if bbox.west <= bbox.east {
                at.x >= bbox.west && at.x <= bbox.east
            } else {
                at.x >= bbox.west || at.x <= bbox.east
            };
            lon && at.y >= bbox.south && at.y <= bbox.north
        };
        // Inside, but for a hundredth of the side along the edges, which are chords there.
        let steps = 23;
        for n in 0..steps * steps {
            let share = |n: u32| 0.02 + 0.96 * f64::from(n) / f64::from(steps - 1);
            let mut x = [1e3 * (west + side * share(n % steps))];
            let mut y = [1e3 * (north - side * share(n / steps))];
            there.forward(&mut x, &mut y);
            let at = Xy { x: x[0], y: y[0] };
            if at.x.abs() > 179.99 || at.y.abs() > 89.999 {
                continue;
            }
            assert_eq!(holds(at), 1, "{at:?} in {what}");
            assert!(in_box(at), "{at:?} in {what}");
        }
        for n in 0..2000_u32 {
            let at = Xy {
                x: f64::from(n * 7919 % 3600) / 10.0 - 179.97,
                y: f64::from(n * 104_729 % 1799) / 10.0 - 89.93,
            };
            let (mut x, mut y) = ([at.x], [at.y]);
            back.forward(&mut x, &mut y);
            let (col, row) = ((x[0] / 1e3 - west) / side, (north - y[0] / 1e3) / side);
            let beyond = (-col).max(col - 1.0).max(-row).max(row - 1.0);
            if beyond.is_nan() || beyond <= 0.02 {
                continue;
            }
            assert_eq!(holds(at), 0, "{at:?} beyond {what}");
        }
    }
}

#[test]
fn boxes_of_squares_at_the_antimeridian_are_those_of_their_points() {
    // From pyproj, 2000 points along the edges: the square of EPSG:3832 from (2800, -1400) km, 700 km wide.
    let of = |system: &str, west: f64, north: f64, side: usize| {
        let affine = Affine::north_up(Xy { x: 1e3 * west, y: 1e3 * north }, 1e4, 1e4);
        let shape = Shape2d { rows: side, cols: side };
        let square = GeoBox { crs: Proj.resolve(system).unwrap(), affine, shape };
        square.territory(&Proj, 8).unwrap().bbox
    };
    let near = |b: seedbed_grid::Bbox, expected: [f64; 4]| {
        let off = <[f64; 4]>::from(b).into_iter().zip(expected).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f64::max) < 2e-3, "{b:?} {expected:?}");
    };
    near(of("EPSG:3832", 2800.0, -1400.0, 70), [175.1528, -18.6490, -178.5590, -12.5580]);
    near(of("EPSG:3413", -500.0, 500.0, 100), [-180.0, 83.4793, 180.0, 90.0]);
    near(of("EPSG:3031", -500.0, 500.0, 100), [-180.0, -90.0, 180.0, -83.4987]);
}
