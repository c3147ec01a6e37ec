//! Areas of interest.

use crate::ring::{Ring, contains, densify};
use crate::{AoiError, Bbox, Crs, ProjectionError, Projections};
use geo::{LineString, MultiPolygon, Polygon};
use geojson::{GeoJson, Geometry, GeometryValue};
use shapefile::Shape;
use shapefile::record::polygon::PolygonRing;
use std::fs;
use std::path::Path;

/// An area in longitude and latitude of WGS 84, and what to call it in messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Aoi {
    what: String,
    geometry: MultiPolygon<f64>,
}

/// An outer ring and its holes.
type Rings = (Ring, Vec<Ring>);

impl Aoi {
    /// Reads GeoJSON (a geometry, a feature or a collection) or, by its extension,
    /// a shapefile with its `.prj`. All polygons count; their union is the area.
    ///
    /// GeoJSON is in longitude and latitude unless it carries the older `crs` member.
    ///
    /// # Errors
    /// [`AoiError`], which names the file.
    pub fn read(path: &Path, projections: &dyn Projections) -> Result<Self, AoiError> {
        let file = path.display().to_string();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp")) {
            return shapefile_area(path, file, projections);
        }
        let text =
            fs::read_to_string(path).map_err(|source| AoiError::Read { file: file.clone(), source })?;
        Self::from_geojson(&text, &file, projections)
    }

    /// An area from GeoJSON text; `what` names it in errors.
    ///
    /// # Errors
    /// [`AoiError`].
    pub fn from_geojson(text: &str, what: &str, projections: &dyn Projections) -> Result<Self, AoiError> {
        let file = what.to_owned();
        let document: GeoJson =
            text.parse().map_err(|source| AoiError::GeoJson { file: file.clone(), source })?;
        let (mut rings, mut others) = (Vec::new(), Vec::new());
        let members = match &document {
            GeoJson::Geometry(g) => {
                gather(g, &mut rings, &mut others);
                &g.foreign_members
            }
            GeoJson::Feature(f) => {
                f.geometry.iter().for_each(|g| gather(g, &mut rings, &mut others));
                &f.foreign_members
            }
            GeoJson::FeatureCollection(c) => {
                c.features
                    .iter()
                    .filter_map(|f| f.geometry.as_ref())
                    .for_each(|g| gather(g, &mut rings, &mut others));
                &c.foreign_members
            }
        };
        let name = members.as_ref().and_then(|m| m.get("crs")?.get("properties")?.get("name")?.as_str());
        let crs = match name {
            Some(name) => Some(
                projections
                    .resolve(name)
                    .map_err(|source| AoiError::Projection { file: file.clone(), source })?,
            ),
            None => None,
        };
        Self::from_rings(file, rings, &others, crs, projections)
    }

    /// A box; across the antimeridian it becomes two.
    #[must_use]
    pub fn from_bbox(bbox: Bbox) -> Self {
        let rectangle = |west: f64, east: f64| {
            let (south, north) = (bbox.south, bbox.north);
            let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
            Polygon::new(LineString::from(ring.to_vec()), Vec::new())
        };
        let parts = if bbox.west <= bbox.east {
            vec![rectangle(bbox.west, bbox.east)]
        } else {
            vec![rectangle(bbox.west, 180.0), rectangle(-180.0, bbox.east)]
        };
        let what = format!("the box {},{},{},{}", bbox.west, bbox.south, bbox.east, bbox.north);
        Self { what, geometry: MultiPolygon(parts) }
    }

    fn from_rings(
        file: String,
        mut polygons: Vec<Rings>,
        others: &[&str],
        crs: Option<Crs>,
        projections: &dyn Projections,
    ) -> Result<Self, AoiError> {
        if polygons.is_empty() {
            let found = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
            return Err(AoiError::NoPolygon { file, found });
        }
        let rings = || polygons.iter().flat_map(|p| std::iter::once(&p.0).chain(&p.1));
        let bad = |reason: &str| AoiError::Ring { file: file.clone(), reason: reason.to_owned() };
        if rings().any(|r| r.iter().any(|p| !p.0.is_finite() || !p.1.is_finite())) {
            return Err(bad("a position isn't a pair of numbers"));
        }
        if rings().any(|r| r.len() < 4) {
            return Err(bad("a ring has fewer than four positions"));
        }
        if let Some(crs) = crs.filter(|c| !is_lonlat(c)) {
            let failed = |source| AoiError::Projection { file: file.clone(), source };
            to_lonlat(&mut polygons, &crs, projections).map_err(failed)?;
        }
        // A little tolerance: bits lost on the way must not refuse a pole or a meridian.
        let degrees = |p: &&(f64, f64)| p.0.abs() <= 360.0 + 1e-9 && p.1.abs() <= 90.0 + 1e-9;
        let stray =
            polygons.iter().flat_map(|p| std::iter::once(&p.0).chain(&p.1)).flatten().find(|p| !degrees(p));
        if let Some(&(x, y)) = stray {
            return Err(AoiError::NotDegrees { file, x, y });
        }
        let line = |ring: Ring| LineString::from(ring);
        let geometry = polygons
            .into_iter()
            .map(|(outer, holes)| Polygon::new(line(outer), holes.into_iter().map(line).collect()))
            .collect();
        Ok(Self { what: file, geometry: MultiPolygon(geometry) })
    }

    /// What to call it in messages: the file, or the box.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The area, in longitude and latitude.
    #[must_use]
    pub fn geometry(&self) -> &MultiPolygon<f64> {
        &self.geometry
    }

    /// The box around it; for an area in two parts against the antimeridian the
    /// box across it.
    #[must_use]
    pub fn bbox(&self) -> Bbox {
        let of = |p: &Polygon<f64>| {
            p.exterior()
                .coords()
                .map(|c| Bbox { west: c.x, south: c.y, east: c.x, north: c.y })
                .reduce(Bbox::union)
        };
        let boxes: Vec<Bbox> = self.geometry.iter().filter_map(of).collect();
        let nowhere = Bbox { west: 0.0, south: 0.0, east: 0.0, north: 0.0 };
        let whole = boxes.iter().copied().reduce(Bbox::union).unwrap_or(nowhere);
        let eastern = boxes.iter().copied().filter(|b| b.west >= 0.0).reduce(Bbox::union);
        let western = boxes.iter().copied().filter(|b| b.east <= 0.0).reduce(Bbox::union);
        match (eastern, western) {
            // Parts that end at the antimeridian from both sides are one area across it.
            (Some(e), Some(w))
                if e.east >= 180.0
                    && w.west <= -180.0
                    && boxes.iter().all(|b| b.west >= 0.0 || b.east <= 0.0) =>
            {
                Bbox { west: e.west, east: w.east, ..whole }
            }
            _ => whole,
        }
    }
}

fn is_lonlat(crs: &Crs) -> bool {
    matches!(crs.code.as_deref(), Some("EPSG:4326" | "OGC:CRS84"))
}

/// Polygons of a geometry, and the types that are none.
fn gather(geometry: &Geometry, rings: &mut Vec<Rings>, others: &mut Vec<&'static str>) {
    let ring = |positions: &Vec<geojson::Position>| -> Ring {
        positions
            .iter()
            .map(|p| match p.as_slice() {
                [x, y, ..] => (*x, *y),
                _ => (f64::NAN, f64::NAN),
            })
            .collect()
    };
    let polygon = |p: &Vec<Vec<geojson::Position>>| {
        let mut all = p.iter().map(ring);
        all.next().map(|outer| (outer, all.collect()))
    };
    match &geometry.value {
        GeometryValue::Polygon { coordinates } => rings.extend(polygon(coordinates)),
        GeometryValue::MultiPolygon { coordinates } => rings.extend(coordinates.iter().filter_map(polygon)),
        GeometryValue::GeometryCollection { geometries } => {
            for g in geometries {
                gather(g, rings, others);
            }
        }
        other => {
            let name = other.type_name();
            if !others.contains(&name) {
                others.push(name);
            }
        }
    }
}

fn shapefile_area(path: &Path, file: String, projections: &dyn Projections) -> Result<Aoi, AoiError> {
    let prj = ["prj", "PRJ"].iter().find_map(|e| fs::read_to_string(path.with_extension(e)).ok());
    let prj = prj.ok_or_else(|| AoiError::NoPrj { file: file.clone() })?;
    let crs = projections
        .resolve(prj.trim())
        .map_err(|source| AoiError::Projection { file: file.clone(), source })?;
    let opened = fs::File::open(path).map_err(|source| AoiError::Read { file: file.clone(), source })?;
    let shapes = shapefile::ShapeReader::new(std::io::BufReader::new(opened))
        .and_then(shapefile::ShapeReader::read)
        .map_err(|source| AoiError::Shapefile { file: file.clone(), source })?;
    let (mut polygons, mut others) = (Vec::new(), Vec::new());
    for shape in shapes {
        match shape {
            Shape::Polygon(p) => polygons.extend(nested(p.rings(), |q| (q.x, q.y))),
            Shape::PolygonM(p) => polygons.extend(nested(p.rings(), |q| (q.x, q.y))),
            Shape::PolygonZ(p) => polygons.extend(nested(p.rings(), |q| (q.x, q.y))),
            Shape::NullShape => {}
            _ => {
                if others.is_empty() {
                    others.push("shapes of another type");
                }
            }
        }
    }
    Aoi::from_rings(file, polygons, &others, Some(crs), projections)
}

/// A shapefile lists rings without saying which hole is in which polygon.
fn nested<P>(rings: &[PolygonRing<P>], point: impl Fn(&P) -> (f64, f64)) -> Vec<Rings> {
    let ring = |r: &PolygonRing<P>| r.points().iter().map(&point).collect::<Ring>();
    let outer = |r: &&PolygonRing<P>| matches!(r, PolygonRing::Outer(_));
    let mut polygons: Vec<Rings> = rings.iter().filter(outer).map(|r| (ring(r), Vec::new())).collect();
    for hole in rings.iter().filter(|r| !outer(r)).map(ring) {
        let inside = |p: &Rings| hole.first().is_some_and(|q| contains(&p.0, *q));
        match polygons.iter_mut().find(|p| inside(p)) {
            Some(polygon) => polygon.1.push(hole),
            // A ring inside nothing is an area that was drawn the wrong way round.
            None => polygons.push((hole, Vec::new())),
        }
    }
    polygons
}

/// Moves rings to longitude and latitude, edges densified, since a straight edge
/// there is a curve here.
fn to_lonlat(
    polygons: &mut [Rings],
    crs: &Crs,
    projections: &dyn Projections,
) -> Result<(), ProjectionError> {
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let transform = projections.transform(crs, &wgs84)?;
    let spans = |pick: fn(&(f64, f64)) -> f64| {
        let all = || polygons.iter().flat_map(|p| p.0.iter().map(pick));
        all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min)
    };
    let widest = spans(|p| p.0).max(spans(|p| p.1));
    // 200 points across the area: a chord's sagitta falls with the square of its length.
    let step = if crs.geographic || widest <= 0.0 { f64::INFINITY } else { widest / 200.0 };
    for ring in polygons.iter_mut().flat_map(|p| std::iter::once(&mut p.0).chain(&mut p.1)) {
        let dense = densify(ring, step);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = dense.into_iter().unzip();
        transform.forward(&mut xs, &mut ys);
        if xs.iter().chain(&ys).any(|v| !v.is_finite()) {
            return Err(ProjectionError::NoPath {
                from: crs.to_string(),
                to: "WGS 84".to_owned(),
                reason: "a position has no longitude and latitude".to_owned(),
            });
        }
        *ring = xs.into_iter().zip(ys).collect();
        if let Some(first) = ring.first().copied() {
            ring.push(first);
        }
    }
    Ok(())
}
