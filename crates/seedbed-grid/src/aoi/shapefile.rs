//! Areas from shapefiles.

use super::outline::{Outline, Outlines};
use crate::AoiError;
use crate::ring::{Ring, contains};
use shapefile::Shape;
use shapefile::record::polygon::PolygonRing;
use std::fs;
use std::io::BufReader;
use std::path::Path;

/// The polygons of a `.shp` and the text of the `.prj` beside it. The `.shx` isn't
/// asked for: records are read in the file's order.
pub fn outlines(path: &Path, file: &str) -> Result<(Outlines, String), AoiError> {
    let prj = ["prj", "PRJ", "Prj"].iter().find_map(|e| fs::read_to_string(path.with_extension(e)).ok());
    let prj = prj.ok_or_else(|| AoiError::NoPrj { file: file.to_owned() })?;
    let opened = fs::File::open(path).map_err(|source| AoiError::Read { file: file.to_owned(), source })?;
    let shapes = shapefile::ShapeReader::new(BufReader::new(opened))
        .and_then(shapefile::ShapeReader::read)
        .map_err(|source| AoiError::Shapefile { file: file.to_owned(), source })?;
    let mut found = Outlines::default();
    for (i, shape) in shapes.into_iter().enumerate() {
        let feature = format!("record {}", i + 1);
        match shape {
            Shape::Polygon(p) => found.polygons.extend(nested(&feature, p.rings(), |q| (q.x, q.y))),
            Shape::PolygonM(p) => found.polygons.extend(nested(&feature, p.rings(), |q| (q.x, q.y))),
            Shape::PolygonZ(p) => found.polygons.extend(nested(&feature, p.rings(), |q| (q.x, q.y))),
            Shape::NullShape => {}
            _ => found.other("shapes of another type"),
        }
    }
    Ok((found, prj.trim().to_owned()))
}

/// A shapefile lists rings without saying which hole is in which polygon.
fn nested<P>(feature: &str, rings: &[PolygonRing<P>], point: impl Fn(&P) -> (f64, f64)) -> Vec<Outline> {
    let ring = |r: &PolygonRing<P>| r.points().iter().map(&point).collect::<Ring>();
    let polygon = |outer| Outline { feature: feature.to_owned(), outer, holes: Vec::new() };
    let outer = |r: &&PolygonRing<P>| matches!(r, PolygonRing::Outer(_));
    let mut polygons: Vec<Outline> = rings.iter().filter(outer).map(|r| polygon(ring(r))).collect();
    for hole in rings.iter().filter(|r| !outer(r)).map(ring) {
        // The first corner may lie on the outer ring: most of them decide.
        let inside = |p: &Outline| 2 * hole.iter().filter(|q| contains(&p.outer, **q)).count() > hole.len();
        match polygons.iter_mut().find(|p| inside(p)) {
            Some(polygon) => polygon.holes.push(hole),
            // A ring inside nothing is an area that was drawn the wrong way round.
            None => polygons.push(polygon(hole)),
        }
    }
    polygons
}
