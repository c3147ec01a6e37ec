//! A raster's place on Earth: CRS, affine and shape.

use crate::globe::Globe;
use crate::{Affine, Crs, ProjectionError, Projections};
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
        let globe = Globe::of(self, &wgs84, projections)?;
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
