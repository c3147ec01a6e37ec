//! A raster's place on Earth: CRS, affine and shape.

use crate::globe::Globe;
use crate::{Affine, Crs, ProjectionError, Projections, Territory};
use seedbed_block::{PixelRange, Shape2d, Xy};
use serde::{Deserialize, Serialize};

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

    /// What of Earth it covers, each edge with `per_edge` points, and more near the poles. What lies beyond the globe,
    /// as the corners of sinusoidal tiles do near the antimeridian, is cut off along the globe's edge.
    ///
    /// # Errors
    /// [`ProjectionError`] where there is no way to WGS 84, or nothing of it lies on the globe.
    pub fn territory(
        &self,
        projections: &dyn Projections,
        per_edge: usize,
    ) -> Result<Territory, ProjectionError> {
        let wgs84 = projections.resolve("OGC:CRS84")?;
        let globe = Globe::of(self, &wgs84, projections)?;
        let ring = globe.ring(&self.outline(per_edge));
        let t = self.affine;
        // Pixel corners are walked southwards first.
        let anticlockwise = if t.a * t.e - t.b * t.d < 0.0 { 1.0 } else { -1.0 };
        let found = if self.crs.geographic {
            Territory::within(&ring)
        } else {
            Territory::around(&ring, anticlockwise)
        };
        found.ok_or_else(|| ProjectionError::NoPath {
            from: self.crs.to_string(),
            to: "WGS 84".to_owned(),
            reason: "no part of its edge has a longitude and latitude".to_owned(),
        })
    }
}
