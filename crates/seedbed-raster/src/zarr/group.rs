//! A Zarr group, and what its arrays say by CF's conventions.

use super::array::{ZarrArray, damaged};
use super::files::{ReadFolder, Reuse};
use super::metadata::{ArrayMeta, Number, number};
use crate::arrays::{Arrays, Attributed};
use crate::chunks::Fault;
use crate::netcdf::{self, Variable};
use crate::{DType, RasterError};
use gdal::spatial_ref::SpatialRef;
use seedbed_grid::{Affine, Claim};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The name of a node's document.
pub const DOCUMENT: &str = "zarr.json";

/// How far, in pixels, a transform may be from the coordinates beside it.
const NEAR: f64 = 1e-3;

/// The most elements that a coordinate has whose chunks are asked for at once.
const LONGEST: usize = 1 << 24;

/// The arrays of a group's own level.
pub struct ZarrGroup {
    files: Arc<dyn ReadFolder>,
    arrays: BTreeMap<String, ZarrArray>,
    /// Arrays that can't be read here, and why.
    refused: BTreeMap<String, Fault>,
}

impl ZarrGroup {
    /// Opens a group of Zarr version 3, which is at `at`. A folder that doesn't tell its names
    /// is asked for consolidated metadata; without these, only for `variable` and what
    /// that is measured along.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] or [`RasterError::Io`] where its documents can't be read,
    /// [`RasterError::Unlisted`] where nothing says which there are.
    pub fn open(files: Arc<dyn ReadFolder>, at: &Path, variable: Option<&str>) -> Result<Self, RasterError> {
        let document = required(&*files, at, DOCUMENT)?;
        if document["node_type"] != "group" {
            return Err(damaged(at, "it is a single Zarr array: name the group it is in".to_owned()));
        }
        let consolidated = document["consolidated_metadata"]["metadata"].as_object();
        let documents = match (files.names()?, consolidated, variable) {
            (Some(names), _, _) => of_names(&*files, at, names.into_iter().map(Some))?,
            (None, Some(all), _) => all.clone().into_iter().filter(|(name, _)| is_name(name)).collect(),
            (None, None, Some(variable)) => named(&*files, at, variable)?,
            (None, None, None) => return Err(RasterError::Unlisted { path: at.to_owned() }),
        };
        let mut group = Self { files, arrays: BTreeMap::new(), refused: BTreeMap::new() };
        for (name, document) in documents.into_iter().filter(|(_, d)| d["node_type"] == "array") {
            match ArrayMeta::parse(&document) {
                Ok(meta) => {
                    let array = ZarrArray::new(group.files.clone(), at, &name, meta);
                    group.arrays.insert(name, array);
                }
                Err(fault) => {
                    group.refused.insert(name, fault);
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
    /// [`RasterError::Unsupported`] for one that is there and isn't read here, [`RasterError::Damaged`] for one that
    /// contradicts itself, else as [`netcdf::choose`].
    pub fn choose(&self, path: &Path, variable: Option<&str>) -> Result<String, RasterError> {
        netcdf::choose(self, path, variable).map_err(|error| {
            let reason = match variable {
                Some(name) => self.refused.get_key_value(name),
                None => self.refused.first_key_value(),
            };
            match reason {
                Some((name, Fault::Unknown(reason))) => {
                    let reason = format!("array `{name}`: {reason}");
                    RasterError::Unsupported { path: path.to_owned(), reason }
                }
                Some((name, Fault::Damaged(reason))) => damaged(path, format!("array `{name}`: {reason}")),
                Some((_, Fault::Io(_))) | None => error,
            }
        })
    }

    /// Where and when a variable's values are. A `GeoTransform` beside the reference
    /// system, as GDAL writes it, says exactly what coordinates say rounded.
    ///
    /// # Errors
    /// As [`netcdf::describe`].
    pub fn describe(&self, path: &Path, name: &str, claimed: &Claim) -> Result<Variable, RasterError> {
        self.fetch_coordinates(name)?;
        let mut variable = netcdf::describe(self, path, name, claimed)?;
        let mapping = self.array(name).and_then(|a| Attributed::text(a, "grid_mapping"));
        let text = mapping.and_then(|m| self.array(&m)).and_then(|m| Attributed::text(m, "GeoTransform"));
        if let Some(exact) = text.and_then(|t| transform(&t))
            && let Ok(said) = variable.affine
            && near(exact, said, variable.shape.rows, variable.shape.cols)
        {
            variable.affine = Ok(exact);
        }
        Ok(variable)
    }

    /// Asks for the coordinates of an array together, where a request takes long.
    fn fetch_coordinates(&self, name: &str) -> Result<(), RasterError> {
        let Some(array) = self.array(name).filter(|_| self.files.needless() > 0) else { return Ok(()) };
        let along = array.meta.dimensions.iter().flatten().filter_map(|name| self.array(name));
        let short = along.filter(|a| a.meta.shape.len() == 1 && a.meta.shape[0] <= LONGEST);
        let files: Vec<String> = short.flat_map(ZarrArray::chunk_files).collect();
        self.files.read(&files, Reuse::Often).map(|_| ())
    }
}

/// Documents of arrays by their names.
type Documents = BTreeMap<String, Value>;

/// Whether a name is one of the group's own level, and of no other folder.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\'])
}

/// The documents of those names that have one.
fn of_names(
    files: &dyn ReadFolder,
    at: &Path,
    names: impl Iterator<Item = Option<String>>,
) -> Result<Documents, RasterError> {
    let names: Vec<String> = names.flatten().filter(|name| is_name(name)).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("{name}/{DOCUMENT}")).collect();
    let found = names.into_iter().zip(files.read(&paths, Reuse::Often)?).zip(&paths);
    found
        .filter_map(|((name, bytes), path)| Some((name, parse(&at.join(path), &bytes?))))
        .map(|(name, read)| Ok((name, read?)))
        .collect()
}

/// The documents of one array, of what it is measured along, and of its reference system.
fn named(files: &dyn ReadFolder, at: &Path, variable: &str) -> Result<Documents, RasterError> {
    if !is_name(variable) {
        return Err(damaged(at, format!("`{variable}` can't be an array of it")));
    }
    let document = required(files, at, &format!("{variable}/{DOCUMENT}"))?;
    let mapping = document["attributes"]["grid_mapping"].as_str();
    let mapping = mapping.and_then(|text| text.split([' ', ':']).next()).map(str::to_owned);
    let along = document["dimension_names"].as_array().into_iter().flatten();
    let others = along.map(|name| name.as_str().map(str::to_owned)).chain([mapping]);
    let mut documents = of_names(files, at, others)?;
    documents.insert(variable.to_owned(), document);
    Ok(documents)
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

/// A document that has to be there.
fn required(files: &dyn ReadFolder, at: &Path, name: &str) -> Result<Value, RasterError> {
    let path = at.join(name);
    match files.read(&[name.to_owned()], Reuse::Often)?.pop().flatten() {
        Some(bytes) => parse(&path, &bytes),
        None => Err(RasterError::Io { path, source: std::io::ErrorKind::NotFound.into() }),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Value, RasterError> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|e| damaged(path, format!("it is no JSON: {e}")))?;
    match document["zarr_format"].as_u64() {
        Some(3) => Ok(document),
        other => Err(damaged(path, format!("its Zarr format is {other:?}, not 3"))),
    }
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
            Number::Float16 => Some(DType::Float32),
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

    fn attribute_type(&self, name: &str) -> Option<DType> {
        let value = self.meta.attributes.get(name)?;
        let one = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        one.is_f64().then_some(DType::Float64)
    }

    fn spatial_ref(&self) -> Option<SpatialRef> {
        None
    }

    fn values(&self) -> Result<Vec<f64>, String> {
        Self::values(self)
    }
}
