//! A raster's place on Earth: CRS, affine and shape.

use crate::{Affine, Crs, ProjectionError, Projections, Transform};
use seedbed_block::{PixelRange, Shape2d, Xy};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// West, south, east, north; in degrees of WGS 84 unless said otherwise.
/// West is greater than east for a box across the antimeridian (RFC 7946 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 4]", into = "[f64; 4]")]
pub struct Bbox {
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

impl From<[f64; 4]> for Bbox {
    fn from([west, south, east, north]: [f64; 4]) -> Self {
        Self { west, south, east, north }
    }
}

impl From<Bbox> for [f64; 4] {
    fn from(b: Bbox) -> Self {
        [b.west, b.south, b.east, b.north]
    }
}

impl FromStr for Bbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        let [west, south, east, north] = numbers[..] else {
            return Err(format!("`{text}` is no bounding box: write W,S,E,N"));
        };
        if south > north || !numbers.iter().all(|n| n.is_finite()) {
            return Err(format!("`{text}` is no bounding box: south lies north of north"));
        }
        if south < -90.0 || north > 90.0 {
            return Err(format!("`{text}` is no bounding box: latitudes are from -90 to 90"));
        }
        Ok(Self { west, south, east, north })
    }
}

impl Bbox {
    /// The west-to-east intervals of the box: two where it crosses the antimeridian.
    fn spans(self) -> impl Iterator<Item = (f64, f64)> {
        if self.west <= self.east {
            [Some((self.west, self.east)), None].into_iter().flatten()
        } else {
            [Some((self.west, 180.0)), Some((-180.0, self.east))].into_iter().flatten()
        }
    }

    /// Whether the two boxes share a point.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.south <= other.north
            && other.south <= self.north
            && self.spans().any(|a| other.spans().any(|b| a.0 <= b.1 && b.0 <= a.1))
    }

    /// The smallest box that holds both (neither may cross the antimeridian).
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            west: self.west.min(other.west),
            south: self.south.min(other.south),
            east: self.east.max(other.east),
            north: self.north.max(other.north),
        }
    }
}

/// CRS + affine + shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeoBox {
    /// The coordinate reference system.
    pub crs: Crs,
    /// From pixels to its coordinates.
    pub affine: Affine,
    /// Rows and columns.
    pub shape: Shape2d,
}

/// What is said of where a raster lies, as far as it is said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claim {
    /// The coordinate reference system.
    pub crs: Option<Crs>,
    /// From pixels to its coordinates.
    pub affine: Option<Affine>,
    /// Rows and columns.
    pub shape: Option<Shape2d>,
    /// West, south, east and north of the pixels' edges in its CRS, often rounded.
    pub edges: Option<[f64; 4]>,
}

impl From<GeoBox> for Claim {
    fn from(all: GeoBox) -> Self {
        Self { crs: Some(all.crs), affine: Some(all.affine), shape: Some(all.shape), edges: None }
    }
}

impl Claim {
    /// The geobox, where all of it is said.
    #[must_use]
    pub fn geobox(self) -> Option<GeoBox> {
        Some(GeoBox { crs: self.crs?, affine: self.affine?, shape: self.shape? })
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl GeoBox {
    /// The part of this geobox that `range` (in its own pixels) covers.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
    pub fn window(&self, range: PixelRange) -> Self {
        Self {
            crs: self.crs.clone(),
            affine: self.affine.shifted(range.row0 as f64, range.col0 as f64),
            shape: range.shape(),
        }
    }

    /// The outline as a ring of pixel corners, `per_edge` points an edge,
    /// anticlockwise from the upper-left corner, not closed, in its own CRS.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub fn outline(&self, per_edge: usize) -> Vec<Xy> {
        let (w, h) = (self.shape.cols as f64, self.shape.rows as f64);
        let n = per_edge.max(1);
        let corners = [(0.0, 0.0), (0.0, h), (w, h), (w, 0.0), (0.0, 0.0)];
        corners
            .windows(2)
            .flat_map(|edge| {
                (0..n).map(move |i| {
                    let t = i as f64 / n as f64;
                    (edge[0].0 + t * (edge[1].0 - edge[0].0), edge[0].1 + t * (edge[1].1 - edge[0].1))
                })
            })
            .map(|(col, row)| self.affine.apply(col, row))
            .collect()
    }

    /// The outline in longitude and latitude, each edge densified, and its box. What lies beyond the globe, as the
    /// corners of sinusoidal tiles do near the antimeridian, is cut off along the globe's edge.
    ///
    /// # Errors
    /// [`ProjectionError`] where there is no way to WGS 84, or nothing of it lies on the globe.
    pub fn footprint(
        &self,
        projections: &dyn Projections,
        per_edge: usize,
    ) -> Result<(Vec<Xy>, Bbox), ProjectionError> {
        let wgs84 = projections.resolve("OGC:CRS84")?;
        let globe = Globe {
            there: projections.transform(&self.crs, &wgs84)?,
            // Longitudes have no edge, and may be written as 190 as well as -170.
            back: projections.transform(&wgs84, &self.crs).ok().filter(|_| !self.crs.geographic),
            near: 1e-3 * (self.affine.a.abs() + self.affine.b.abs()),
        };
        let ring = globe.ring(&self.outline(per_edge));
        let bbox = ring
            .iter()
            .map(|p| Bbox { west: p.x, south: p.y, east: p.x, north: p.y })
            .reduce(Bbox::union)
            .ok_or_else(|| ProjectionError::NoPath {
                from: self.crs.to_string(),
                to: "WGS 84".to_owned(),
                reason: "no part of its edge has a longitude and latitude".to_owned(),
            })?;
        Ok((ring, bbox))
    }
}

/// The way from a plane to the globe, and back.
struct Globe {
    there: Box<dyn Transform>,
    back: Option<Box<dyn Transform>>,
    /// How far a point of the globe may come back from where it was, in units of the plane.
    near: f64,
}

impl Globe {
    /// Longitude and latitude of a point, if it is the image of that.
    fn image(&self, at: Xy) -> Option<Xy> {
        let (mut x, mut y) = ([at.x], [at.y]);
        self.there.forward(&mut x, &mut y);
        let image = Xy { x: x[0], y: y[0] };
        if let Some(back) = &self.back {
            back.forward(&mut x, &mut y);
            let same = |a: f64, b: f64| (a - b).abs() <= self.near;
            return (same(x[0], at.x) && same(y[0], at.y)).then_some(image);
        }
        (image.x.is_finite() && image.y.is_finite()).then_some(image)
    }

    /// Where a line from a point with an image to one without leaves the globe.
    fn edge(&self, from: Xy, mut outside: Xy) -> Option<Xy> {
        let mut inside = from;
        for _ in 0..60 {
            let middle = Xy { x: f64::midpoint(inside.x, outside.x), y: f64::midpoint(inside.y, outside.y) };
            match self.image(middle) {
                Some(_) => inside = middle,
                None => outside = middle,
            }
        }
        let snapped = |v: f64, end: f64| if end - v.abs() < 1e-6 { end.copysign(v) } else { v };
        let at = self.image(inside)?;
        let at = Xy { x: snapped(at.x, 180.0), y: snapped(at.y, 90.0) };
        // All longitudes meet at a pole, and any may come back from there.
        let meridian = if at.y.abs() < 90.0 { at.x } else { self.image(from)?.x };
        Some(Xy { x: meridian, ..at })
    }

    /// A ring of the plane on the globe.
    fn ring(&self, outline: &[Xy]) -> Vec<Xy> {
        let images: Vec<Option<Xy>> = outline.iter().map(|at| self.image(*at)).collect();
        let mut ring: Vec<Xy> = Vec::with_capacity(outline.len());
        // Where the ring has left the globe; before its first point it may be out, too.
        let mut left = None;
        let last = images.iter().rposition(Option::is_some);
        if let (Some(last), Some(None)) = (last, images.last()) {
            left = self.edge(outline[last], outline[last + 1]);
        }
        for (n, image) in images.iter().enumerate() {
            let Some(image) = image else { continue };
            let before = (n + outline.len() - 1) % outline.len();
            if images[before].is_none()
                && let Some(entry) = self.edge(outline[n], outline[before])
            {
                if let Some(exit) = left.take() {
                    ring.extend(along(exit, entry));
                }
                ring.push(entry);
            }
            ring.push(*image);
            let after = (n + 1) % outline.len();
            if images[after].is_none() {
                left = self.edge(outline[n], outline[after]);
                ring.extend(left);
            }
        }
        ring.dedup_by(|a, b| (a.x - b.x).abs() < 1e-9 && (a.y - b.y).abs() < 1e-9);
        let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
        let twice: f64 = pairs.map(|(a, b)| a.x * b.y - b.x * a.y).sum();
        // A corner that touches the globe's edge is no part of it.
        if outline.len() > ring.len() && twice.abs() < 1e-6 { Vec::new() } else { ring }
    }
}

/// The globe's edge between two of its points, which is a meridian and a pole, in steps short enough to be walked the
/// shorter way round.
fn along(exit: Xy, entry: Xy) -> Vec<Xy> {
    if (exit.x - entry.x).abs() <= 1e-6 || (exit.y - entry.y).abs() <= 1e-6 {
        return Vec::new();
    }
    let meridian = if exit.x.abs() > entry.x.abs() { exit.x } else { entry.x };
    let pole = if exit.y.abs() > entry.y.abs() { exit.y } else { entry.y };
    let corner = Xy { x: meridian, y: pole };
    let legs = [(exit, corner), (corner, entry)].into_iter();
    let points = legs.flat_map(|(from, to)| {
        (1..=4).map(move |n| {
            let t = f64::from(n) / 4.0;
            Xy { x: from.x + t * (to.x - from.x), y: from.y + t * (to.y - from.y) }
        })
    });
    points.filter(|at| *at != exit && *at != entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_meet_across_the_antimeridian() {
        let fiji: Bbox = "177,-20,-178,-12".parse().unwrap();
        assert!(fiji.intersects("179,-15,180,-14".parse().unwrap()));
        assert!(fiji.intersects("-180,-15,-179,-14".parse().unwrap()));
        assert!(!fiji.intersects("0,-15,10,-14".parse().unwrap()));
        assert!("1,2,3".parse::<Bbox>().is_err());
    }
}
