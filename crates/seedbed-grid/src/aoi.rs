//! Areas of interest.

mod buffer;
pub(crate) mod geojson;
mod outline;
mod overlay;
mod repair;
mod seam;
pub(crate) mod shapefile;
mod wkt;

use crate::ring::{Ring, densify};
use crate::{AoiError, Bbox, Crs, ProjectionError, Projections, Transform};
use geo::{LineString, MultiPolygon, Polygon};
use std::fs;
use std::path::Path;

pub use buffer::Distance;
pub use outline::{Outline, Outlines};
pub use wkt::is_wkt;

/// An area in longitude and latitude of WGS 84, and what to call it in messages.
///
/// Its polygons lie within ±180° and ±90°, and none overlaps another; an area across
/// the antimeridian is in two parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Aoi {
    what: String,
    geometry: MultiPolygon<f64>,
    notes: Vec<String>,
}

impl Aoi {
    /// Reads GeoJSON (a geometry, a feature or a collection), well-known text or, by its
    /// extension, a shapefile with its `.prj`. All polygons count; their union is the area.
    ///
    /// GeoJSON is in longitude and latitude unless it carries the older `crs` member, text
    /// unless it begins with `SRID=<code>;`. See [`Self::from_outlines`] for what is put right.
    ///
    /// # Errors
    /// [`AoiError`], which names the file.
    pub fn read(path: &Path, projections: &dyn Projections) -> Result<Self, AoiError> {
        let file = path.display().to_string();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp")) {
            let (found, prj) = shapefile::outlines(path, &file)?;
            let crs = resolved(&prj, &file, projections)?;
            return Self::from_outlines(&file, found, Some(&crs), projections);
        }
        let bytes = fs::read(path).map_err(|source| AoiError::Read { file: file.clone(), source })?;
        if bytes.starts_with(b"SQLite format 3\0") {
            return Err(AoiError::Vector {
                file,
                reason: "it is an SQLite file; a GeoPackage's name ends in .gpkg".to_owned(),
            });
        }
        let text = String::from_utf8_lossy(&bytes);
        let is_text = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wkt"));
        if is_text || wkt::is_wkt(&text) {
            return Self::from_wkt(&text, &file, projections);
        }
        Self::from_geojson(&text, &file, projections)
    }

    /// An area from GeoJSON text; `what` names it in errors.
    ///
    /// # Errors
    /// [`AoiError`].
    pub fn from_geojson(text: &str, what: &str, projections: &dyn Projections) -> Result<Self, AoiError> {
        let (found, crs) = geojson::outlines(text, what)?;
        let crs = crs.map(|name| resolved(&name, what, projections)).transpose()?;
        Self::from_outlines(what, found, crs.as_ref(), projections)
    }

    /// An area from well-known text, longitude before latitude; `what` names it in errors.
    ///
    /// # Errors
    /// [`AoiError`].
    pub fn from_wkt(text: &str, what: &str, projections: &dyn Projections) -> Result<Self, AoiError> {
        let (found, crs) = wkt::outlines(text, what)?;
        let crs = crs.map(|name| resolved(&name, what, projections)).transpose()?;
        Self::from_outlines(what, found, crs.as_ref(), projections)
    }

    /// A box; across the antimeridian it becomes two. Longitudes may be counted eastwards beyond 180°.
    #[must_use]
    pub fn from_bbox(bbox: Bbox) -> Self {
        let rectangle = |west: f64, east: f64| {
            let (south, north) = (bbox.south, bbox.north);
            let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
            Polygon::new(LineString::from(ring.to_vec()), Vec::new())
        };
        let parts = bbox.spans().map(|(west, east)| rectangle(west, east)).collect();
        let what = format!("the box {},{},{},{}", bbox.west, bbox.south, bbox.east, bbox.north);
        Self { what, geometry: MultiPolygon(parts), notes: Vec::new() }
    }

    /// The area of polygons in a CRS, or in longitude and latitude.
    ///
    /// Put right, where only one reading is possible: rings that aren't closed, repeat
    /// positions or are wound the wrong way; a bow-tie, which is two areas; holes that
    /// reach beyond their ring; rings that jump at ±180° or go on beyond it; rings around
    /// a pole; polygons that overlap. [`Self::notes`] tells what was.
    ///
    /// # Errors
    /// [`AoiError`], with the feature, the ring and the place where one can't be read in
    /// one way only.
    pub fn from_outlines(
        what: &str,
        found: Outlines,
        crs: Option<&Crs>,
        projections: &dyn Projections,
    ) -> Result<Self, AoiError> {
        let file = what.to_owned();
        if found.polygons.is_empty() {
            let others = if found.others.is_empty() { "nothing".to_owned() } else { found.others.join(", ") };
            return Err(AoiError::NoPolygon { file, found: others });
        }
        let mut bench = repair::Bench { file: what, notes: Vec::new() };
        let mut polygons = Vec::new();
        let projected = crs.filter(|c| !is_lonlat(c));
        let mut way = None;
        if let Some(crs) = projected {
            let made = Way::new(crs, &found, projections);
            way = Some(made.map_err(|source| AoiError::Projection { file: file.clone(), source })?);
        }
        for outline in found.polygons {
            let mut clean = Outline { feature: outline.feature.clone(), ..Outline::default() };
            for (i, (place, ring)) in outline.named_rings().enumerate() {
                let mut ring = bench.clean(&place, ring)?;
                if let Some(way) = &way {
                    ring = way
                        .to_lonlat(&ring)
                        .map_err(|source| AoiError::Projection { file: file.clone(), source })?;
                }
                // A little tolerance: bits lost on the way must not refuse a pole or a meridian.
                let degrees = |p: &&(f64, f64)| p.0.abs() <= 540.0 + 1e-9 && p.1.abs() <= 90.0 + 1e-9;
                if let Some(&(x, y)) = ring.iter().find(|p| !degrees(p)) {
                    return Err(AoiError::NotDegrees { file, x, y });
                }
                if i == 0 { clean.outer = ring } else { clean.holes.push(ring) }
            }
            polygons.extend(bench.polygons(&clean)?);
        }
        if polygons.is_empty() {
            return Err(AoiError::NoPolygon { file, found: "rings without area".to_owned() });
        }
        let all = polygons.len();
        let (polygons, twice) = overlay::dissolved(polygons);
        let mut notes = bench.notes;
        if twice > 0.0 {
            notes.push(format!(
                "{file}: of {all} polygons some overlap: {twice:.6} square degrees count once"
            ));
        }
        Ok(Self {
            what: file,
            geometry: MultiPolygon(polygons.iter().map(overlay::polygon).collect()),
            notes,
        })
    }

    /// The area widened by a distance, or narrowed by a negative one.
    ///
    /// # Errors
    /// [`AoiError::NoPolygon`] where nothing is left, [`AoiError::Ring`] where the
    /// border's new edges could go either way round the Earth.
    pub fn buffered(&self, distance: Distance) -> Result<Self, AoiError> {
        let what = format!("{} with a buffer of {distance}", self.what);
        let polygons = buffer::buffered(&overlay::rings(&self.geometry), distance).map_err(|edge| {
            AoiError::Ring { file: what.clone(), place: "the border".to_owned(), reason: edge.to_string() }
        })?;
        if polygons.is_empty() {
            return Err(AoiError::NoPolygon { file: what, found: "nothing".to_owned() });
        }
        let geometry = MultiPolygon(polygons.iter().map(overlay::polygon).collect());
        Ok(Self { what, geometry, notes: self.notes.clone() })
    }

    /// What to call it in messages: the file, or the box.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What was put right in reading it, one line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
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

/// A CRS by the name that a file gives it.
fn resolved(name: &str, file: &str, projections: &dyn Projections) -> Result<Crs, AoiError> {
    projections.resolve(name).map_err(|source| AoiError::Projection { file: file.to_owned(), source })
}

/// The way from a CRS to longitude and latitude, edges densified, since a straight
/// edge there is a curve here.
struct Way {
    crs: String,
    step: f64,
    transform: Box<dyn Transform>,
}

impl Way {
    fn new(crs: &Crs, found: &Outlines, projections: &dyn Projections) -> Result<Self, ProjectionError> {
        let wgs84 = projections.resolve("OGC:CRS84")?;
        let transform = projections.transform(crs, &wgs84)?;
        let spans = |pick: fn(&(f64, f64)) -> f64| {
            let all = || found.polygons.iter().flat_map(|p| p.outer.iter().map(pick));
            all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min)
        };
        let widest = spans(|p| p.0).max(spans(|p| p.1));
        // 200 points across the area: a chord's sagitta falls with the square of its length.
        let straight = crs.geographic || !widest.is_finite() || widest <= 0.0;
        let step = if straight { f64::INFINITY } else { widest / 200.0 };
        Ok(Self { crs: crs.to_string(), step, transform })
    }

    fn to_lonlat(&self, ring: &Ring) -> Result<Ring, ProjectionError> {
        let dense = densify(ring, self.step);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = dense.iter().copied().unzip();
        self.transform.forward(&mut xs, &mut ys);
        if let Some(i) = xs.iter().zip(&ys).position(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return Err(ProjectionError::NoPath {
                from: self.crs.clone(),
                to: "WGS 84".to_owned(),
                reason: format!("({}, {}) has no longitude and latitude", dense[i].0, dense[i].1),
            });
        }
        Ok(xs.into_iter().zip(ys).collect())
    }
}
