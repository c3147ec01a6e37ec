//! The documents of a cube: what `zarr.json` files say (Zarr core specification
//! 3.0), and in their attributes the CF conventions.

use super::cube::Cube;
use super::layout::CubeLayout;
use super::mapping;
use super::metadata::to_base64;
use crate::DType;
use seedbed_block::Date;
use seedbed_grid::Affine;
use serde_json::{Map, Value, json};

/// The name of the array that holds the reference system, as rioxarray and GDAL expect it.
pub const MAPPING: &str = "spatial_ref";

/// The day from which days are counted.
pub const EPOCH: Date = Date::constant(1970, 1, 1);

fn bytes() -> Value {
    json!({ "name": "bytes", "configuration": { "endian": "little" } })
}

/// An array that is one chunk.
fn simple(dtype: &str, dimensions: &[(&str, usize)], attributes: &Value) -> Value {
    let shape: Vec<usize> = dimensions.iter().map(|(_, n)| *n).collect();
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": dtype,
        "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": shape } },
        "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
        "fill_value": 0,
        "codecs": [bytes()],
        "dimension_names": names,
        "attributes": attributes,
    })
}

/// A number as Zarr's documents write the fill value of a type.
fn fill(dtype: DType, value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers in the range of a type of 32 bits")]
    match () {
        () if dtype.is_integer() => json!(value as i64),
        () if value.is_nan() => json!("NaN"),
        () => json!(value),
    }
}

/// The variable's document.
pub fn variable(cube: &Cube<'_>, layout: CubeLayout, codecs: &[Value], missing: f64) -> Value {
    let options = cube.options;
    let mut attributes = Map::new();
    let mut say = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
    if !cube.title.is_empty() {
        say("long_name", json!(cube.title));
    }
    if let Some(unit) = &cube.band.unit {
        say("units", json!(unit));
    }
    if options.scale != 1.0 || options.offset != 0.0 {
        say("scale_factor", json!(options.scale));
        say("add_offset", json!(options.offset));
    }
    if let Some(nodata) = options.nodata {
        // xarray reads the `_FillValue` of floats from base64, of integers as it is.
        let value = if options.dtype.is_integer() {
            fill(options.dtype, nodata)
        } else {
            json!(to_base64(nodata.to_le_bytes()))
        };
        say("_FillValue", value);
    }
    say("grid_mapping", json!(MAPPING));
    let mut chain = vec![bytes()];
    chain.extend(codecs.iter().cloned());
    let shape = cube.geobox.shape;
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [cube.dates.len(), shape.rows, shape.cols],
        "data_type": options.dtype.name(),
        "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": layout.shard } },
        "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
        "fill_value": fill(options.dtype, missing),
        "codecs": [{
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": layout.chunk,
                "codecs": chain,
                "index_codecs": [bytes(), { "name": "crc32c" }],
                "index_location": "end",
            },
        }],
        "dimension_names": ["time", "y", "x"],
        "attributes": attributes,
    })
}

/// A coordinate or mapping: its name, its document, and its only chunk's bytes.
pub type Coordinate = (&'static str, Value, Vec<u8>);

/// The coordinates and the reference system of a cube.
pub fn coordinates(cube: &Cube<'_>) -> Vec<Coordinate> {
    let geobox = cube.geobox;
    let Affine { a, c, e, f, .. } = geobox.affine;
    let horizontal = |axis: &str| match (geobox.crs.geographic, axis) {
        (true, "X") => json!({ "standard_name": "longitude", "long_name": "longitude",
                               "units": "degrees_east", "axis": axis }),
        (true, _) => json!({ "standard_name": "latitude", "long_name": "latitude",
                             "units": "degrees_north", "axis": axis }),
        (false, _) => {
            let name = axis.to_ascii_lowercase();
            json!({ "standard_name": format!("projection_{name}_coordinate"),
                    "long_name": format!("{name} coordinate of projection"), "units": unit(cube), "axis": axis })
        }
    };
    let time = json!({ "standard_name": "time", "long_name": "time", "axis": "T",
                       "units": format!("days since {EPOCH}"), "calendar": "standard" });
    let (rows, cols, layers) = (geobox.shape.rows, geobox.shape.cols, cube.dates.len());
    vec![
        (
            MAPPING,
            simple("int32", &[], &mapping::attributes(&geobox.crs, geobox.affine)),
            0_i32.to_le_bytes().to_vec(),
        ),
        ("time", simple("int32", &[("time", layers)], &time), days(cube.dates)),
        ("x", simple("float64", &[("x", cols)], &horizontal("X")), centres(c, a, cols)),
        ("y", simple("float64", &[("y", rows)], &horizontal("Y")), centres(f, e, rows)),
    ]
}

/// The unit of projected coordinates.
fn unit(cube: &Cube<'_>) -> String {
    let unit = &cube.geobox.crs.projjson["coordinate_system"]["axis"][0]["unit"];
    match unit.as_str().or_else(|| unit["name"].as_str()) {
        None | Some("metre") => "m".to_owned(),
        Some(other) => other.to_owned(),
    }
}

/// The coordinates of pixel centres.
#[expect(clippy::cast_precision_loss, reason = "images have far fewer than 2^52 rows")]
fn centres(edge: f64, step: f64, n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| (edge + (i as f64 + 0.5) * step).to_le_bytes()).collect()
}

fn days(dates: &[Date]) -> Vec<u8> {
    let since = |date: &Date| date.since((jiff::Unit::Day, EPOCH)).map_or(0, |span| span.get_days());
    dates.iter().flat_map(|date| since(date).to_le_bytes()).collect()
}

/// The group's document, with those of its arrays consolidated in it.
pub fn group(arrays: &[(&str, &Value)]) -> Value {
    let metadata: Map<String, Value> =
        arrays.iter().map(|(name, document)| ((*name).to_owned(), (*document).clone())).collect();
    json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": { "Conventions": "CF-1.11" },
        "consolidated_metadata": { "kind": "inline", "must_understand": false, "metadata": metadata },
    })
}
