//! Zones and points over products of several tiles.

use crate::support::{Sandbox, member, words};
use seedbed_grid::{Feature, Zone, Zones, aoi::Outline, aoi::Outlines};
use seedbed_prep::{
    NamedPoint, PointKernel, PointValues, PrepError, SampleReport, SampleRequest, Stack, Wanted, ZonalReport,
    ZonalRequest, ZonalRow, ZoneStatistic, sample, zonal,
};
use seedbed_raster::Proj;

/// Two tiles of two variables in January; in February the eastern one hasn't been made.
fn product() -> Sandbox {
    let sandbox = Sandbox::new();
    let members = [
        member("west", "2004-01"),
        member("east", "2004-01"),
        member("west", "2004-02"),
        member("east", "2004-02"),
    ];
    for (n, member) in members.iter().enumerate().take(3) {
        let value = [1.0, 2.0, 5.0][n];
        sandbox.commit("out", member, &[("a", value), ("b", 10.0 * value)]);
    }
    sandbox.expect("out", &["a", "b"], &members);
    sandbox
}

fn stack(sandbox: &Sandbox, variables: &[&str], periods: &[&str]) -> Result<Stack, PrepError> {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    let wanted = Wanted { variables: own(variables), periods: own(periods) };
    Stack::of_product(&(&sandbox.path("out")).into(), &wanted, &sandbox.spool(), &Proj)
}

/// A box by its sides; the tiles reach from 90° to 89° W and from 45.4° to 46° N.
fn zone(id: &str, west: f64, south: f64, east: f64, north: f64) -> Zone {
    let outer = vec![(west, south), (east, south), (east, north), (west, north)];
    let polygons = vec![Outline { feature: id.to_owned(), outer, holes: Vec::new() }];
    let outlines = Outlines { polygons, others: Vec::new() };
    let feature = Feature { place: id.to_owned(), id: Some(id.to_owned()), outlines, ..Feature::default() };
    Zones::of_features("test", vec![feature], None, None, &Proj).unwrap().zones.remove(0)
}

type Row = (usize, String, String, Vec<Option<f64>>, f64);

fn run(
    sandbox: &Sandbox,
    stack: &Stack,
    zones: &[Zone],
    allow_holes: bool,
) -> Result<(ZonalReport, Vec<Row>), PrepError> {
    let statistics = ["mean", "count", "median"].map(|s| s.parse::<ZoneStatistic>().unwrap());
    let request = ZonalRequest { zones, statistics: &statistics, allow_holes, memory: 1 << 20 };
    let mut rows = Vec::new();
    let mut sink = |row: ZonalRow<'_>| {
        let (period, variable) = (row.period.to_owned(), row.variable.to_owned());
        rows.push((row.zone, period, variable, row.statistics, row.valid));
        Ok(())
    };
    let report = zonal(stack, &request, &sandbox.spool(), &Proj, Some(&mut sink), &mut |_, _| ())?;
    Ok((report, rows))
}

#[test]
fn a_zone_across_tiles_is_one_row() {
    let sandbox = product();
    let stack = stack(&sandbox, &[], &["2004-01"]).unwrap();
    let zones = [zone("both", -89.75, 45.45, -89.25, 45.95), zone("west", -89.9, 45.5, -89.8, 45.6)];
    let (report, rows) = run(&sandbox, &stack, &zones, false).unwrap();
    assert_eq!((report.rows, rows.len(), report.holes.len()), (4, 4, 0));
    let order: Vec<(usize, &str)> = rows.iter().map(|r| (r.0, r.2.as_str())).collect();
    assert_eq!(order, [(0, "a"), (1, "a"), (0, "b"), (1, "b")]);
    let values: Vec<f64> = rows.iter().map(|r| r.3[0].unwrap()).collect();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(near(values[0], 1.5) && near(values[1], 1.0) && near(values[2], 15.0), "{values:?}");
    assert!(near(rows[0].3[1].unwrap(), 25.0) && near(rows[1].3[1].unwrap(), 1.0), "{rows:?}");
    assert!(rows.iter().all(|r| near(r.4, 1.0)), "{rows:?}");
}

#[test]
fn a_tile_that_was_not_made_is_an_error_unless_it_may_lack() {
    let sandbox = product();
    let stack = stack(&sandbox, &["a"], &["2004"]).unwrap();
    let both = zone("both", -89.75, 45.45, -89.25, 45.95);
    let error = words(&run(&sandbox, &stack, std::slice::from_ref(&both), false).unwrap_err());
    assert!(error.contains("1 of 4 tiles are missing: east 2004-02"), "{error}");
    let (report, rows) = run(&sandbox, &stack, &[both], true).unwrap();
    assert_eq!(report.holes, ["east 2004-02"]);
    assert!((rows[1].4 - 0.5).abs() < 1e-9 && rows[1].3[0] == Some(5.0), "{rows:?}");
    // A hole that no zone touches is nobody's.
    let west = zone("west", -89.9, 45.5, -89.8, 45.6);
    assert!(run(&sandbox, &stack, &[west], false).unwrap().0.holes.is_empty());
}

#[test]
fn zones_beside_the_product_are_told() {
    let sandbox = product();
    let stack = stack(&sandbox, &["a"], &["2004-01"]).unwrap();
    let zones = [zone("far", 10.0, 10.0, 11.0, 11.0), zone("edge", -90.1, 45.5, -89.9, 45.6)];
    let (report, rows) = run(&sandbox, &stack, &zones, false).unwrap();
    assert_eq!((report.outside, report.partly.len(), report.empty), (vec!["far".to_owned()], 1, 1));
    assert!((report.partly[0].1 - 0.5).abs() < 1e-6, "{:?}", report.partly);
    assert_eq!(rows[0].3, [None, Some(0.0), None]);
    assert!((rows[1].4 - 0.5).abs() < 1e-6, "{rows:?}");
    let error = run(&sandbox, &stack, &zones[..1], false).unwrap_err().to_string();
    assert!(error.contains("none of the 1 zones touches"), "{error}");
}

#[test]
fn what_a_product_doesnt_have_is_refused() {
    let sandbox = product();
    let error = stack(&sandbox, &["c"], &[]).unwrap_err().to_string();
    assert!(error.contains("no variable `c`; it has a, b"), "{error}");
    let error = stack(&sandbox, &[], &["1999"]).unwrap_err().to_string();
    assert!(error.contains("nothing of the periods 1999"), "{error}");
}

fn points(
    sandbox: &Sandbox,
    stack: &Stack,
    at: &[(f64, f64)],
    kernel: PointKernel,
) -> (SampleReport, Vec<Vec<Option<f64>>>) {
    let point = |(n, (longitude, latitude)): (usize, &(f64, f64))| NamedPoint {
        id: n.to_string(),
        longitude: *longitude,
        latitude: *latitude,
    };
    let points: Vec<NamedPoint> = at.iter().enumerate().map(point).collect();
    let mut found = Vec::new();
    let mut sink = |values: PointValues<'_>| {
        found.push(values.values);
        Ok(())
    };
    let spool = sandbox.spool();
    let request = SampleRequest { points: &points, kernel, allow_holes: false };
    let refused = sample(stack, request, (&spool, &Proj), None, &mut |_, _| ());
    let request = SampleRequest { allow_holes: true, ..request };
    let report = sample(stack, request, (&spool, &Proj), Some(&mut sink), &mut |_, _| ()).unwrap();
    match refused {
        Err(PrepError::Holes { count, .. }) => assert_eq!(count, report.holes.len()),
        refused => assert!(refused.is_ok() && report.holes.is_empty(), "{refused:?}"),
    }
    (report, found)
}

#[test]
fn points_are_read_from_their_tiles_and_between_them() {
    let sandbox = product();
    let stack = stack(&sandbox, &["a"], &[]).unwrap();
    let at = [(-89.95, 45.5), (-89.05, 45.5), (0.0, 0.0), (-89.5, 45.7), (-89.52, 45.7), (270.05, 45.5)];
    let (report, found) = points(&sandbox, &stack, &at, PointKernel::Nearest);
    assert_eq!((report.outside, report.holes.len()), (vec!["2".to_owned()], 1));
    let east = vec![Some(2.0), None];
    let west = vec![Some(1.0), Some(5.0)];
    // On the edge of two tiles it is the eastern one's; longitudes may go on beyond 180°.
    assert_eq!(found, [west.clone(), east.clone(), east, west.clone(), west]);
    let (_, found) = points(&sandbox, &stack, &at, PointKernel::Bilinear);
    assert!((found[2][0].unwrap() - 1.5).abs() < 1e-9, "on the edge of two tiles: {:?}", found[2]);
    assert!((found[3][0].unwrap() - 1.3).abs() < 1e-9, "{:?}", found[3]);
    assert_eq!(found[3][1], Some(5.0), "what lacks beyond the edge is left out");
}
