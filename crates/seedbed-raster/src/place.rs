//! Where a raster lies: what its file says against what its metadata claim.

use crate::RasterError;
use crate::proj::{Proj, same_crs};
use seedbed_block::Shape2d;
use seedbed_grid::{Affine, Claim, Crs, GeoBox, Projections, Xy};
use std::path::Path;

/// How far, in pixels, a file's corners may lie from those claimed: headers
/// round to a few digits, half a pixel is a mistaken corner convention.
const CLAIM: f64 = 0.05;

/// What the file says.
pub struct Said {
    /// From pixel corners to coordinates, or what is missing for that.
    pub affine: Result<Affine, String>,
    pub crs: Option<Crs>,
    /// Whether its axes are longitude and latitude by name.
    pub degrees: bool,
}

/// The geobox from both.
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
pub fn geobox(path: &Path, shape: Shape2d, said: Said, claim: &Claim) -> Result<GeoBox, RasterError> {
    let contradiction = |reason: String| RasterError::Claim { path: path.to_owned(), reason };
    let missing =
        |missing: &str| RasterError::NoGeobox { path: path.to_owned(), missing: missing.to_owned() };
    if let Some(claimed) = claim.shape.filter(|claimed| *claimed != shape) {
        return Err(contradiction(format!(
            "it has {}×{} pixels, its metadata say {}×{}",
            shape.rows, shape.cols, claimed.rows, claimed.cols
        )));
    }
    let crs = match (said.crs, &claim.crs) {
        (Some(own), Some(claimed)) if !same_crs(&own, claimed) => {
            return Err(contradiction(format!("it is in {own}, its metadata say {claimed}")));
        }
        (Some(own), _) => own,
        (None, Some(claimed)) => claimed.clone(),
        // CF asks for no grid mapping where the axes are longitude and latitude.
        (None, None) if said.degrees => {
            Proj.resolve("EPSG:4326").map_err(|source| RasterError::Crs { path: path.to_owned(), source })?
        }
        (None, None) => return Err(missing("no coordinate reference system")),
    };
    let mut affine = match (said.affine, claim.affine) {
        (Ok(own), Some(claimed)) => {
            let off = distance(own, claimed, shape, crs.geographic)
                .ok_or_else(|| missing("its affine is singular"))?;
            if off > CLAIM {
                return Err(contradiction(format!(
                    "its corner is at {}, {} with pixels of {}×{}, its metadata say {}, {} and {}×{} ({off:.2} px off)",
                    own.c, own.f, own.a, own.e, claimed.c, claimed.f, claimed.a, claimed.e
                )));
            }
            own
        }
        (Ok(own), None) => own,
        (Err(_), Some(claimed)) => claimed,
        (Err(reason), None) => match claim.edges {
            Some([west, south, east, north]) => Affine::north_up(
                Xy { x: west, y: north },
                (east - west) / shape.cols as f64,
                (north - south) / shape.rows as f64,
            ),
            None => return Err(missing(&reason)),
        },
    };
    if crs.geographic && affine.b == 0.0 {
        let (one, other) = (affine.c, affine.c + affine.a * shape.cols as f64);
        if one.min(other) >= 180.0 {
            affine.c -= 360.0;
        }
    }
    Ok(GeoBox { crs, affine, shape })
}

/// How far two affines' corners are apart, in pixels of the first; whole turns
/// and the direction of the rows don't count.
#[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
fn distance(own: Affine, claim: Affine, shape: Shape2d, geographic: bool) -> Option<f64> {
    let (rows, cols) = (shape.rows as f64, shape.cols as f64);
    let inverse = own.inverse()?;
    let far = |flip: bool| {
        [(0.0, 0.0), (cols, 0.0), (0.0, rows)]
            .iter()
            .map(|&(col, row)| {
                let mut at = claim.apply(col, if flip { rows - row } else { row });
                let there = own.apply(col, row);
                if geographic {
                    at.x += 360.0 * ((there.x - at.x) / 360.0).round();
                }
                let px = inverse.apply(at.x, at.y);
                (px.x - col).abs().max((px.y - row).abs())
            })
            .fold(0.0, f64::max)
    };
    Some(far(false).min(far(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(affine: [f64; 6]) -> Said {
        Said { affine: Ok(affine.into()), crs: Some(Proj.resolve("EPSG:4326").unwrap()), degrees: true }
    }

    fn claim(affine: [f64; 6]) -> GeoBox {
        GeoBox {
            crs: Proj.resolve("OGC:CRS84").unwrap(),
            affine: affine.into(),
            shape: Shape2d { rows: 10, cols: 20 },
        }
    }

    #[test]
    fn longitudes_beyond_180_are_brought_back_and_flipped_claims_accepted() {
        let shape = Shape2d { rows: 10, cols: 20 };
        let path = Path::new("maca.nc");
        let own = [0.5, 0.0, 235.0, 0.0, 0.5, 25.0];
        let flipped = claim([0.5, 0.0, -125.0, 0.0, -0.5, 30.0]);
        let box_ = geobox(path, shape, said(own), &flipped.clone().into()).unwrap();
        assert_eq!(<[f64; 6]>::from(box_.affine), [0.5, 0.0, -125.0, 0.0, 0.5, 25.0]);
        let half_off = claim([0.5, 0.0, -125.25, 0.0, -0.5, 30.0]);
        let error = geobox(path, shape, said(own), &half_off.into()).unwrap_err().to_string();
        assert!(error.contains("0.50 px off"), "{error}");
        let shape = Shape2d { rows: 10, cols: 21 };
        assert!(geobox(path, shape, said(own), &flipped.clone().into()).is_err());
    }

    #[test]
    fn a_mute_file_needs_a_claim() {
        let shape = Shape2d { rows: 10, cols: 20 };
        let mute = || Said { affine: Err("no corner".to_owned()), crs: None, degrees: false };
        assert!(geobox(Path::new("a.tif"), shape, mute(), &Claim::default()).is_err());
        let claim = claim([0.5, 0.0, -125.0, 0.0, -0.5, 30.0]);
        assert_eq!(geobox(Path::new("a.tif"), shape, mute(), &claim.clone().into()).unwrap(), claim);
    }

    #[test]
    fn what_is_claimed_in_part_is_compared_in_part() {
        let (shape, path) = (Shape2d { rows: 10, cols: 20 }, Path::new("a.tif"));
        let own = [0.5, 0.0, -125.0, 0.0, -0.5, 30.0];
        let whole: Claim = claim(own).into();
        let crs = Claim { crs: whole.crs.clone(), ..Claim::default() };
        let other = Claim { crs: Some(Proj.resolve("EPSG:5070").unwrap()), ..Claim::default() };
        let place = Claim { affine: whole.affine, ..Claim::default() };
        let shifted = Claim { affine: Some([0.5, 0.0, -124.0, 0.0, -0.5, 30.0].into()), ..Claim::default() };
        let larger = Claim { shape: Some(Shape2d { rows: 11, cols: 20 }), ..Claim::default() };
        for (claim, good) in
            [(&crs, true), (&other, false), (&place, true), (&shifted, false), (&larger, false)]
        {
            assert_eq!(geobox(path, shape, said(own), claim).is_ok(), good, "{claim:?}");
        }
        // What a file doesn't say may be said by the claim alone, its corners by a box.
        let mute = |crs| Said { affine: Err("no corner and pixel size".to_owned()), crs, degrees: false };
        let said_crs = Some(Proj.resolve("EPSG:4326").unwrap());
        assert_eq!(geobox(path, shape, mute(said_crs.clone()), &place).unwrap().affine, own.into());
        assert!(geobox(path, shape, mute(said_crs), &crs).is_err());
        let edges = Claim { edges: Some([-125.0, 25.0, -115.0, 30.0]), ..crs };
        assert_eq!(geobox(path, shape, mute(None), &edges).unwrap().affine, own.into());
    }
}
