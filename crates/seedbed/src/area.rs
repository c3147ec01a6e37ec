//! Which area: the flags that say it, and how one is read.

use crate::context::Ctx;
use crate::failure::{Judge, usage_hint};
use seedbed_grid::{Aoi, Bbox, Distance};
use std::path::{Path, PathBuf};

/// An area of interest.
#[derive(Debug, Clone, clap::Args)]
pub struct AreaArgs {
    /// The area: GeoJSON, shapefile, GeoPackage (FILE.gpkg:LAYER) or WKT, as a file or as text.
    #[arg(long, value_name = "FILE|WKT")]
    aoi: Option<PathBuf>,
    /// The area as a box, in degrees; west may be greater than east.
    #[arg(long, value_name = "W,S,E,N", conflicts_with = "aoi", allow_hyphen_values = true)]
    bbox: Option<Bbox>,
    /// Widen the area, or narrow it: 500m, -2km or 0.1deg; a bare number is metres.
    #[arg(long, value_name = "DISTANCE", allow_hyphen_values = true)]
    buffer: Option<Distance>,
}

impl AreaArgs {
    /// The area, if one is given.
    pub fn area(&self, ctx: &Ctx) -> anyhow::Result<Option<Aoi>> {
        let area = match (&self.aoi, self.bbox) {
            (Some(path), _) => read(path, ctx)?,
            (None, Some(bbox)) => Aoi::from_bbox(bbox),
            (None, None) if self.buffer.is_some() => {
                return Err(usage_hint(
                    "--buffer has no area to widen",
                    "name a file with --aoi, or a --bbox",
                ));
            }
            (None, None) => return Ok(None),
        };
        self.buffer.map_or(Ok(area.clone()), |d| area.buffered(d)).or_usage().map(Some)
    }
}

/// Reads an area, and says what had to be put right in it.
pub fn read(path: &Path, ctx: &Ctx) -> anyhow::Result<Aoi> {
    let area = seedbed_raster::area_of(&path.to_string_lossy(), path).or_usage()?;
    for note in area.notes() {
        ctx.say(format_args!("note: {note}"));
    }
    Ok(area)
}
