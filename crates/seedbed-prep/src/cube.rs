//! Cubes as files of a product: one Zarr group for all dates of a variable.

use crate::product::Written;
use crate::{Attempt, PrepError, Variable};
use seedbed_block::Date;
use seedbed_grid::GeoBox;
use seedbed_raster::cog::{BandMeta, CogOptions, Threads};
use seedbed_raster::zarr::{Cube, CubeWriter};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The media type of a cube.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.zarr; version=3";

/// The extension that describes a cube's axes.
pub(crate) const EXTENSION: &str = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json";

impl Attempt {
    /// Begins a variable's cube, `<variable>.zarr`, in the product's staging folder, stored by its own options.
    ///
    /// # Errors
    /// [`PrepError::Raster`] for dates that don't increase, a turned grid, or a name
    /// that no array may have.
    pub fn begin_cube(
        &self,
        variable: &Variable,
        dates: &[Date],
        options: &CogOptions,
    ) -> Result<CubeWriter, PrepError> {
        let band = BandMeta { name: variable.name.clone(), unit: variable.unit.clone() };
        let (geobox, title) = (&self.geobox, variable.title.as_str());
        let cube = Cube { geobox, dates, band: &band, title, options };
        Ok(CubeWriter::create(&self.staging.join(file(variable)), &cube, Threads::Pool)?)
    }

    /// Completes a cube whose layers are all written, and reads its grid, type,
    /// scale, nodata value and dates back through the public reader.
    ///
    /// # Errors
    /// [`PrepError::Raster`] where layers are missing or the disk is full;
    /// [`PrepError::Unverified`] if it reads back otherwise than meant.
    pub fn keep_cube(
        &mut self,
        variable: Variable,
        dates: Vec<Date>,
        cube: CubeWriter,
    ) -> Result<(), PrepError> {
        let options = cube.options().clone();
        let statistics = cube.finish()?;
        let file = file(&variable);
        let path = self.staging.join(&file);
        let found = self.check(&path, &options)?;
        if found != dates.iter().map(|day| Some(*day)).collect::<Vec<_>>() {
            let what = format!("its {} dates aren't the {} that were written", found.len(), dates.len());
            return Err(PrepError::Unverified { path, what });
        }
        let (dates, media_type) = (Some(dates), MEDIA_TYPE);
        self.written.push(Written { variable, file, options, statistics, dates, media_type });
        Ok(())
    }
}

fn file(variable: &Variable) -> String {
    format!("{}.zarr", variable.name.replace(['/', '\\', '\0'], "-"))
}

/// The properties of an item that describe its cubes; none of one without.
pub(crate) fn properties(geobox: &GeoBox, written: &[Written]) -> Map<String, Value> {
    let cubes = || written.iter().filter_map(|one| Some((one, one.dates.as_deref()?)));
    let all: BTreeSet<Date> = cubes().flat_map(|(_, dates)| dates.iter().copied()).collect();
    let all: Vec<Date> = all.into_iter().collect();
    if all.is_empty() {
        return Map::new();
    }
    let variables: Map<String, Value> =
        cubes().map(|(one, _)| (one.variable.name.clone(), variable(one))).collect();
    Map::from_iter([
        ("cube:dimensions".to_owned(), dimensions(geobox, &all)),
        ("cube:variables".to_owned(), Value::Object(variables)),
    ])
}

fn variable(one: &Written) -> Value {
    let mut said = json!({
        "dimensions": ["time", "y", "x"],
        "type": "data",
        "description": one.variable.title,
    });
    if let Some(unit) = &one.variable.unit {
        said["unit"] = json!(unit);
    }
    said
}

/// A cube's axes; extents run from edge to edge.
pub(crate) fn dimensions(geobox: &GeoBox, dates: &[Date]) -> Value {
    let corner = geobox.affine.apply(0.0, 0.0);
    #[expect(clippy::cast_precision_loss, reason = "images have far fewer than 2^52 rows")]
    let end = geobox.affine.apply(geobox.shape.cols as f64, geobox.shape.rows as f64);
    let epsg = geobox.crs.code.as_deref().and_then(|code| code.strip_prefix("EPSG:")?.parse::<u32>().ok());
    let system = epsg.map_or_else(|| geobox.crs.projjson.clone(), |code| json!(code));
    let axis = |name: &str, a: f64, b: f64, step: f64| {
        json!({
            "type": "spatial",
            "axis": name,
            "extent": [a.min(b), a.max(b)],
            "step": step.abs(),
            "reference_system": system,
        })
    };
    let days: Vec<String> = dates.iter().map(|day| format!("{day}T00:00:00Z")).collect();
    json!({
        "x": axis("x", corner.x, end.x, geobox.affine.a),
        "y": axis("y", corner.y, end.y, geobox.affine.e),
        "time": { "type": "temporal", "extent": [days.first(), days.last()], "values": days },
    })
}
