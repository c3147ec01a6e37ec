//! A Zarr group of a local folder, and what its arrays say by CF's conventions.

use super::array::{ZarrArray, damaged};
use super::metadata::{ArrayMeta, Number, number};
use crate::arrays::{Arrays, Attributed};
use crate::netcdf::{self, Variable};
use crate::{DType, RasterError};
use gdal::spatial_ref::SpatialRef;
use seedbed_grid::Affine;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The name of a node's document.
pub const DOCUMENT: &str = "zarr.json";

/// How far, in pixels, a transform may be from the coordinates beside it.
const NEAR: f64 = 1e-3;

/// The arrays of a group's own level.
#[derive(Debug)]
pub struct ZarrGroup {
    arrays: BTreeMap<String, ZarrArray>,
    /// Arrays that can't be read here, and why.
    refused: BTreeMap<String, String>,
}

impl ZarrGroup {
    /// Opens a group of Zarr version 3.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] or [`RasterError::Io`] where its documents can't be read.
    pub fn open(folder: &Path) -> Result<Self, RasterError> {
        let document = read(&folder.join(DOCUMENT))?;
        if document["node_type"] != "group" {
            return Err(damaged(folder, "it is a single Zarr array: name the group it is in".to_owned()));
        }
        let mut documents = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let path = entry.map_err(|e| unreadable(folder, e))?.path();
            let at = path.join(DOCUMENT);
            if at.is_file() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                documents.insert(name, read(&at)?);
            }
        }
        let mut group = Self { arrays: BTreeMap::new(), refused: BTreeMap::new() };
        for (name, document) in documents.into_iter().filter(|(_, d)| d["node_type"] == "array") {
            match ArrayMeta::parse(&document) {
                Ok(meta) => {
                    group.arrays.insert(name.clone(), ZarrArray::new(folder.join(&name), meta));
                }
                Err(reason) => {
                    group.refused.insert(name, reason);
                }
            }
        }
        Ok(group)
    }

    /// An array by its name.
    pub fn array(&self, name: &str) -> Option<&ZarrArray> {
        self.arrays.get(name)
    }

    /// The variable that is meant, as [`netcdf::choose`] finds it.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] for one that is there and can't be read here, else
    /// as [`netcdf::choose`].
    pub fn choose(&self, path: &Path, variable: Option<&str>) -> Result<String, RasterError> {
        netcdf::choose(self, path, variable).map_err(|error| {
            let reason = match variable {
                Some(name) => self.refused.get_key_value(name),
                None => self.refused.first_key_value(),
            };
            match reason {
                Some((name, reason)) => damaged(path, format!("array `{name}`: {reason}")),
                None => error,
            }
        })
    }

    /// Where and when a variable's values are. A `GeoTransform` beside the reference
    /// system, as GDAL writes it, says exactly what coordinates say rounded.
    ///
    /// # Errors
    /// As [`netcdf::describe`].
    pub fn describe(&self, path: &Path, name: &str) -> Result<Variable, RasterError> {
        let mut variable = netcdf::describe(self, path, name)?;
        let mapping = self.array(name).and_then(|a| Attributed::text(a, "grid_mapping"));
        let text = mapping.and_then(|m| self.array(&m)).and_then(|m| Attributed::text(m, "GeoTransform"));
        if let Some(exact) = text.and_then(|t| transform(&t))
            && near(exact, variable.affine, variable.shape.rows, variable.shape.cols)
        {
            variable.affine = exact;
        }
        Ok(variable)
    }
}

/// GDAL's six numbers.
fn transform(text: &str) -> Option<Affine> {
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok().map(Affine::from_gdal)
}

/// Whether two transforms put all corners of an image at the same place.
#[expect(clippy::cast_precision_loss, reason = "images have far fewer than 2^52 rows")]
fn near(a: Affine, b: Affine, rows: usize, cols: usize) -> bool {
    let (dx, dy) = (NEAR * a.a.abs(), NEAR * a.e.abs());
    a.b == 0.0
        && a.d == 0.0
        && [(0.0, 0.0), (cols as f64, rows as f64)].iter().all(|(x, y)| {
            ((a.a * x + a.c) - (b.a * x + b.c)).abs() <= dx && ((a.e * y + a.f) - (b.e * y + b.f)).abs() <= dy
        })
}

fn read(path: &Path) -> Result<Value, RasterError> {
    let bytes = fs::read(path).map_err(|e| unreadable(path, e))?;
    let document: Value =
        serde_json::from_slice(&bytes).map_err(|e| damaged(path, format!("it is no JSON: {e}")))?;
    match document["zarr_format"].as_u64() {
        Some(3) => Ok(document),
        other => Err(damaged(path, format!("its Zarr format is {other:?}, not 3"))),
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> RasterError {
    RasterError::Io { path: path.to_owned(), source }
}

impl Arrays for ZarrGroup {
    fn names(&self) -> Vec<String> {
        self.arrays.keys().cloned().collect()
    }

    fn get(&self, name: &str) -> Option<Box<dyn Attributed + '_>> {
        self.array(name).map(|array| Box::new(array.clone()) as Box<dyn Attributed>)
    }
}

impl Attributed for ZarrArray {
    fn dimensions(&self) -> Vec<(String, usize)> {
        let names = self.meta.dimensions.iter().map(|name| name.clone().unwrap_or_default());
        names.zip(self.meta.shape.iter().copied()).collect()
    }

    fn dtype(&self) -> Option<DType> {
        match self.meta.number {
            Number::Raster(dtype) => Some(dtype),
            Number::Int64 | Number::UInt64 => Some(DType::Float64),
        }
    }

    /// The attribute alone: every array of Zarr has a fill value, and most mean nothing by it.
    fn nodata(&self) -> Option<f64> {
        self.meta.attributes.get("_FillValue").and_then(number)
    }

    fn units(&self) -> Option<String> {
        self.text("units")
    }

    fn text(&self, name: &str) -> Option<String> {
        self.meta.attributes.get(name)?.as_str().map(str::to_owned)
    }

    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let list = match self.meta.attributes.get(name)? {
            Value::Array(list) => list.iter().map(number).collect::<Option<Vec<f64>>>()?,
            one => vec![number(one)?],
        };
        Some(list).filter(|list| !list.is_empty())
    }

    fn spatial_ref(&self) -> Option<SpatialRef> {
        None
    }

    fn values(&self) -> Result<Vec<f64>, String> {
        Self::values(self)
    }
}
