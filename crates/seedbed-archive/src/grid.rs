//! The grid a definition claims for a granule, resolved and placed on Earth.

use crate::definition::AxesTable;
use crate::outline::{self, Outline};
use crate::template::Captures;
use seedbed_grid::{Affine, Bbox, Crs, GeoBox, ProjectionError, Projections, Shape2d, Xy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A grid of a definition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GridClaim {
    /// One grid.
    Fixed {
        /// CRS as the definition writes it.
        crs: String,
        /// Rows and columns.
        shape: Shape2d,
        /// From pixels to CRS coordinates.
        affine: Affine,
        /// The box of the data, where it differs from the grid's outline.
        bbox: Option<Bbox>,
        /// What the file calls the axes.
        axes: Option<AxesTable>,
    },
    /// Somewhere in a box; nothing is claimed of pixels.
    Box {
        /// The box.
        bbox: Bbox,
    },
    /// A tile of the MODIS sinusoidal grid, by the captures `h` and `v`.
    ModisSinusoidal {
        /// Pixels along a tile's edge.
        pixels: usize,
    },
}

/// The sphere of the MODIS sinusoidal grid: radius in metres.
const MODIS_RADIUS: f64 = 6_371_007.181;
/// The edge of its tiles: a 36th of the equator, in metres.
const MODIS_TILE: f64 = 2.0 * std::f64::consts::PI * MODIS_RADIUS / 36.0;
/// Its CRS.
const MODIS_CRS: &str = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";

/// A place on Earth: its outline and box in WGS 84, and its geobox where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub geobox: Option<GeoBox>,
    pub axes: Option<AxesTable>,
    pub outline: Outline,
}

impl Placed {
    /// The STAC projection fields of an asset on this grid.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let Some(GeoBox { crs: Crs { code, wkt2, projjson, .. }, affine, shape }) = &self.geobox else {
            return Vec::new();
        };
        let mut fields = match code {
            Some(code) => vec![("proj:code", json!(code))],
            None => vec![
                ("proj:code", Value::Null),
                ("proj:wkt2", json!(wkt2)),
                ("proj:projjson", projjson.clone()),
            ],
        };
        fields.push(("proj:shape", json!([shape.rows, shape.cols])));
        fields.push(("proj:transform", json!(<[f64; 6]>::from(*affine))));
        fields
    }
}

/// The definition's grids, each resolved once: a few, or as many as there are tiles on the globe.
#[derive(Debug, Default)]
pub(crate) struct Grids(BTreeMap<(String, u8, u8), Arc<Placed>>);

/// Why a granule has no place.
#[derive(Debug)]
pub(crate) enum GridFailure {
    /// The granule's own fault.
    Granule(String),
    /// The definition's or the machine's.
    Projection(String, ProjectionError),
}

impl Grids {
    /// The place of a granule on the grid of that name.
    pub(crate) fn place(
        &mut self,
        claims: &BTreeMap<String, GridClaim>,
        projections: &dyn Projections,
        name: &str,
        captures: &Captures,
    ) -> Result<Arc<Placed>, GridFailure> {
        let (claim, key) = key(claims, name, captures).map_err(GridFailure::Granule)?;
        if let Some(placed) = self.0.get(&key) {
            return Ok(Arc::clone(placed));
        }
        let placed = resolve(claim, (key.1, key.2), projections)
            .map_err(|e| GridFailure::Projection(name.to_owned(), e))?;
        let placed = Arc::new(placed);
        self.0.insert(key, Arc::clone(&placed));
        Ok(placed)
    }

    /// The place that was asked for before.
    pub(crate) fn placed(
        &self,
        claims: &BTreeMap<String, GridClaim>,
        name: &str,
        captures: &Captures,
    ) -> Option<Arc<Placed>> {
        let (_, key) = key(claims, name, captures).ok()?;
        self.0.get(&key).map(Arc::clone)
    }
}

/// The claim of that name, and what tells its places apart.
fn key<'a>(
    claims: &'a BTreeMap<String, GridClaim>,
    name: &str,
    captures: &Captures,
) -> Result<(&'a GridClaim, (String, u8, u8)), String> {
    let claim = claims.get(name).ok_or_else(|| format!("the definition has no grid `{name}`"))?;
    let (h, v) = match claim {
        GridClaim::Fixed { .. } | GridClaim::Box { .. } => (0, 0),
        GridClaim::ModisSinusoidal { .. } => modis_tile(captures)?,
    };
    Ok((claim, (name.to_owned(), h, v)))
}

fn resolve(
    claim: &GridClaim,
    (h, v): (u8, u8),
    projections: &dyn Projections,
) -> Result<Placed, ProjectionError> {
    match claim {
        GridClaim::Fixed { crs, shape, affine, bbox, axes } => {
            let geobox = GeoBox { crs: projections.resolve(crs)?, affine: *affine, shape: *shape };
            let outline = match bbox {
                Some(bbox) => outline::of_bbox(*bbox),
                None => outline::of_geobox(&geobox, projections)?,
            };
            Ok(Placed { geobox: Some(geobox), axes: axes.clone(), outline })
        }
        GridClaim::ModisSinusoidal { pixels } => {
            let corner = modis_corner(h, v);
            #[expect(clippy::cast_precision_loss, reason = "a tile has a few thousand pixels an edge")]
            let size = MODIS_TILE / *pixels as f64;
            let geobox = GeoBox {
                crs: projections.resolve(MODIS_CRS)?,
                affine: Affine::north_up(corner, size, size),
                shape: Shape2d { rows: *pixels, cols: *pixels },
            };
            Ok(Placed { geobox: Some(geobox), axes: None, outline: modis_outline(corner) })
        }
        GridClaim::Box { bbox } => Ok(Placed { geobox: None, axes: None, outline: outline::of_bbox(*bbox) }),
    }
}

/// The tile that a name tells: h from 0 to 35, v from 0 to 17, on the globe.
fn modis_tile(captures: &Captures) -> Result<(u8, u8), String> {
    let number = |key: &str, below: u8| -> Result<u8, String> {
        let text = captures.get(key).map_or("", String::as_str);
        text.parse()
            .ok()
            .filter(|n| *n < below)
            .ok_or_else(|| format!("there is no tile with {key} = `{text}` (below {below})"))
    };
    let (h, v) = (number("h", 36)?, number("v", 18)?);
    let corner = modis_corner(h, v);
    let on_globe = (0..=OUTLINE_POINTS).any(|i| {
        let (west, east, _) = modis_row(corner, i);
        west < 180.0 && east > -180.0
    });
    if on_globe { Ok((h, v)) } else { Err(format!("the tile h{h:02}v{v:02} lies off the globe")) }
}

/// The upper-left corner of a tile, in metres.
fn modis_corner(h: u8, v: u8) -> Xy {
    Xy { x: (f64::from(h) - 18.0) * MODIS_TILE, y: (9.0 - f64::from(v)) * MODIS_TILE }
}

/// Segments along a tile's edge.
const OUTLINE_POINTS: u32 = 16;

/// Western and eastern longitude (unbounded) and latitude of a tile's outline, from its northern edge down.
fn modis_row(corner: Xy, i: u32) -> (f64, f64, f64) {
    let y = corner.y - MODIS_TILE * f64::from(i) / f64::from(OUTLINE_POINTS);
    let latitude = (y / MODIS_RADIUS).clamp(-std::f64::consts::FRAC_PI_2, std::f64::consts::FRAC_PI_2);
    // At the poles every longitude is one point.
    let metres = MODIS_RADIUS * latitude.cos().max(1e-9);
    let longitude = |x: f64| (x / metres).to_degrees();
    (longitude(corner.x), longitude(corner.x + MODIS_TILE), latitude.to_degrees())
}

/// The outline of a tile. It is computed here rather than by PROJ, which wraps
/// the corners of tiles at the globe's edge round to its other side; they are
/// clipped at ±180° instead. Latitudes are geodetic, as MODIS means them.
fn modis_outline(corner: Xy) -> Outline {
    let (mut west_edge, mut east_edge) = (Vec::new(), Vec::new());
    for i in 0..=OUTLINE_POINTS {
        let (west, east, latitude) = modis_row(corner, i);
        if west < 180.0 && east > -180.0 {
            west_edge.push(Xy { x: west.max(-180.0), y: latitude });
            east_edge.push(Xy { x: east.min(180.0), y: latitude });
        }
    }
    let ring: Vec<Xy> = west_edge.into_iter().chain(east_edge.into_iter().rev()).collect();
    outline::of_ring(&ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(h: u8, v: u8) -> Bbox {
        modis_outline(modis_corner(h, v)).bbox
    }

    #[test]
    fn modis_tiles_are_where_their_metadata_say() {
        // The GRingPoints and bounding box of MOD13A1.A2022017.h12v11 as its archive has them.
        let b = outline(12, 11);
        assert!((b.west - -69.282).abs() < 1e-3 && (b.south - -30.0).abs() < 1e-6, "{b:?}");
        assert!((b.east - -53.208).abs() < 0.5 && (b.north - -20.0).abs() < 1e-6, "{b:?}");
        let corner = modis_corner(12, 11);
        assert!((corner.x - -6_671_703.118).abs() < 1e-3 && (corner.y - -2_223_901.039_333).abs() < 1e-3);
    }

    #[test]
    fn tiles_at_the_edge_of_the_globe_are_clipped_not_wrapped() {
        let b = outline(9, 2);
        assert!(b.west >= -180.0 && b.east < -60.0, "{b:?}");
        let east = outline(35, 8);
        assert!(east.east <= 180.0 && east.west > 169.0, "{east:?}");
        let tile = |h: &str, v: &str| {
            modis_tile(&[("h".to_owned(), h.to_owned()), ("v".to_owned(), v.to_owned())].into())
        };
        assert_eq!(tile("12", "04"), Ok((12, 4)));
        assert!(tile("00", "00").is_err());
        assert!(tile("36", "04").is_err());
        assert!(tile("", "04").is_err());
    }
}
