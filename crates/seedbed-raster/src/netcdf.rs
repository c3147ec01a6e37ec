//! netCDF by its own conventions: variables, axes, clock and place.
//!
//! GDAL reads the arrays; their meaning is worked out here, since GDAL's needs
//! `standard_name`s that real files lack, and depends on its release.

use crate::arrays::{Arrays, Attributed};
use crate::chunks::{self, Axes, Fault};
use crate::error::RasterError;
use crate::ffi::Group;
use crate::proj;
use crate::ranges::ReadAt;
use crate::raster::Layer;
use crate::stored::{Decoding, Sign};
use crate::{DType, clock, grid_mapping};
use gdal::Dataset;
use gdal_sys::GDALDataType as Gdt;
use seedbed_block::{Calendar, PixelRange, Real, Shape2d};
use seedbed_grid::{Affine, Claim, Crs};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// How far, in pixels, a coordinate may be from an even spacing: 32-bit
/// degrees are off by up to 1e-3 of a 4-km pixel.
const UNEVEN: f64 = 0.01;

/// The longest axis that makes sense: a quarter of a second of arc along the equator
/// is a third of it.
const LONGEST: usize = 1 << 24;

/// A variable on two horizontal axes, and what the file says of it.
pub struct Variable {
    pub name: String,
    pub layers: Vec<Layer>,
    /// The calendar of 365 days that its clock goes by.
    pub calendar: Option<Calendar>,
    pub shape: Shape2d,
    /// From pixel corners to coordinates, or why the file doesn't say it.
    pub affine: Result<Affine, String>,
    pub crs: Option<Crs>,
    /// Whether the axes are longitude and latitude.
    pub degrees: bool,
    pub unit: Option<String>,
    pub decoding: Decoding,
    /// Whether it has a fill value of its own.
    states_fill: bool,
    /// How many dimensions precede the two horizontal ones.
    leading: usize,
    /// Which of them the layers run along.
    along: Option<usize>,
}

/// What a coordinate variable measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    X,
    Y,
    Time,
    Other,
}

fn axis(file: &dyn Arrays, name: &str) -> Axis {
    stated_axis(file, name).unwrap_or_else(|| named_axis(name))
}

/// What its attributes say that it measures.
fn stated_axis(file: &dyn Arrays, name: &str) -> Option<Axis> {
    let array = file.get(name);
    let text = |key: &str| array.as_ref().and_then(|a| a.text(key)).unwrap_or_default().to_ascii_lowercase();
    match text("axis").as_str() {
        "x" => return Some(Axis::X),
        "y" => return Some(Axis::Y),
        "t" => return Some(Axis::Time),
        _ => {}
    }
    match text("standard_name").as_str() {
        "longitude" | "projection_x_coordinate" | "grid_longitude" => return Some(Axis::X),
        "latitude" | "projection_y_coordinate" | "grid_latitude" => return Some(Axis::Y),
        "time" => return Some(Axis::Time),
        _ => {}
    }
    let units = array.as_ref().and_then(|a| a.units()).unwrap_or_default().to_ascii_lowercase();
    // `degrees_north`, `degree_N`, `degreesN` and so on.
    match units.strip_prefix("degree").map(|rest| rest.trim_start_matches(['s', '_'])) {
        Some("e" | "east") => return Some(Axis::X),
        Some("n" | "north") => return Some(Axis::Y),
        _ => {}
    }
    (units.contains(" since ") || units.contains(" from ")).then_some(Axis::Time)
}

/// What its name says that it measures.
fn named_axis(name: &str) -> Axis {
    match name.to_ascii_lowercase().as_str() {
        "x" | "lon" | "longitude" | "easting" => Axis::X,
        "y" | "lat" | "latitude" | "northing" => Axis::Y,
        "time" | "day" | "t" => Axis::Time,
        _ => Axis::Other,
    }
}

/// The arrays of a dataset that GDAL opened.
pub fn root<'a>(dataset: &'a Dataset, path: &Path) -> Result<Group<'a>, RasterError> {
    Group::root(dataset).ok_or_else(|| RasterError::Damaged {
        path: path.to_owned(),
        reason: "it has no root group".to_owned(),
    })
}

/// The variables on two horizontal axes, in the file's order.
pub fn variables(file: &dyn Arrays) -> Vec<String> {
    let names = file.names();
    let mut axes = std::collections::HashMap::new();
    let bounds: Vec<String> = names
        .iter()
        .filter_map(|n| {
            let array = file.get(n)?;
            array.text("bounds").or_else(|| array.text("climatology"))
        })
        .collect();
    names
        .iter()
        .filter(|name| {
            let Some(array) = file.get(name) else { return false };
            let dims = array.dimensions();
            let [.., y, x] = dims.as_slice() else { return false };
            let mut axis_of = |name: &str| *axes.entry(name.to_owned()).or_insert_with(|| axis(file, name));
            let horizontal = axis_of(&y.0) == Axis::Y && axis_of(&x.0) == Axis::X;
            let numeric = array.dtype().is_some();
            // 2-D longitudes and latitudes are coordinates, not data; a temperature may be called `t`.
            let is_coordinate =
                stated_axis(file, name).is_some() || matches!(named_axis(name), Axis::X | Axis::Y);
            horizontal && numeric && !bounds.contains(name) && !is_coordinate
        })
        .cloned()
        .collect()
}

/// The variable that is meant: the one of that name, or the only one.
///
/// # Errors
/// [`RasterError::Variable`] with those there are, [`RasterError::Axes`] for one that is there but
/// not on rows and columns.
pub fn choose(file: &dyn Arrays, path: &Path, variable: Option<&str>) -> Result<String, RasterError> {
    let names = variables(file);
    let chosen = match variable {
        Some(wanted) => names.iter().find(|n| *n == wanted),
        None if names.len() == 1 => names.first(),
        None => None,
    };
    chosen.cloned().ok_or_else(|| {
        let (path, wanted) = (path.to_owned(), variable.map(str::to_owned));
        let meant = wanted.clone().or_else(|| turned(file).filter(|_| names.is_empty()));
        match meant.and_then(|meant| Some((file.get(&meant)?.dimensions(), meant))) {
            Some((dimensions, variable)) => RasterError::Axes {
                path,
                variable,
                dimensions: dimensions.into_iter().map(|(name, _)| name).collect(),
            },
            None => RasterError::Variable { path, wanted, available: names },
        }
    })
}

/// The first variable that has both horizontal axes, in whatever order.
fn turned(file: &dyn Arrays) -> Option<String> {
    file.names().into_iter().find(|name| {
        let Some(array) = file.get(name).filter(|array| array.dtype().is_some()) else { return false };
        let axes: Vec<Axis> = array.dimensions().iter().map(|(name, _)| axis(file, name)).collect();
        axes.contains(&Axis::X) && axes.contains(&Axis::Y) && axis(file, name) == Axis::Other
    })
}

/// The type of GDAL's number for it; 64-bit integers are read as doubles.
pub fn dtype(gdal: u32) -> Option<DType> {
    Some(match gdal {
        Gdt::GDT_Byte => DType::UInt8,
        Gdt::GDT_UInt16 => DType::UInt16,
        Gdt::GDT_Int16 => DType::Int16,
        Gdt::GDT_UInt32 => DType::UInt32,
        Gdt::GDT_Int32 => DType::Int32,
        Gdt::GDT_Float32 => DType::Float32,
        // GDT_UInt64, GDT_Int64
        Gdt::GDT_Float64 | 12 | 13 => DType::Float64,
        // GDT_Int8, from GDAL 3.7
        14 => DType::Int8,
        _ => return None,
    })
}

/// Works out where and when a variable's values are. What is claimed of its place counts where
/// its axes don't say it: for the step of an axis of one value.
pub fn describe(
    file: &dyn Arrays,
    path: &Path,
    name: &str,
    claimed: &Claim,
) -> Result<Variable, RasterError> {
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    let array = file.get(name).ok_or_else(|| damaged(format!("variable `{name}` can't be opened")))?;
    let dims = array.dimensions();
    let [leading @ .., y, x] = dims.as_slice() else {
        return Err(damaged(format!("variable `{name}` has {} dimensions", dims.len())));
    };
    if let Some((axis, size)) = dims.iter().find(|(_, size)| *size > LONGEST) {
        return Err(damaged(format!(
            "dimension `{axis}` of variable `{name}` is said to have {size} elements"
        )));
    }
    let shape = Shape2d { rows: y.1, cols: x.1 };

    let mapping = array.text("grid_mapping");
    let mapping = mapping.as_deref().and_then(|m| m.split([' ', ':']).next()).and_then(|m| file.get(m));
    let crs = match &mapping {
        Some(mapping) => {
            let crs = grid_mapping::crs(mapping.as_ref()).and_then(|crs| match crs {
                Some(crs) => Ok(Some(crs)),
                None => array.spatial_ref().map(|srs| proj::canonical(&srs, name)).transpose(),
            });
            crs.map_err(|source| RasterError::Crs { path: path.to_owned(), source })?
        }
        None => None,
    };
    let xs = Line::of(file, path, &x.0)?;
    let ys = Line::of(file, path, &y.0)?;
    let degrees = crs.as_ref().map_or_else(
        || {
            xs.as_ref().is_ok_and(|line| line.unit.starts_with("degree"))
                || x.0.to_ascii_lowercase().starts_with("lon")
        },
        |crs| crs.geographic,
    );
    let affine = match (xs, ys) {
        (Ok(xs), Ok(ys)) => {
            let x = xs.spacing(path, degrees, claimed.affine.map(|affine| affine.a))?;
            let y = ys.spacing(path, degrees, claimed.affine.map(|affine| affine.e))?;
            // Coordinates are pixel centres.
            x.and_then(|(x, dx)| {
                let (y, dy) = y?;
                Ok(Affine { a: dx, b: 0.0, c: x - dx / 2.0, d: 0.0, e: dy, f: y - dy / 2.0 })
            })
        }
        (Err(missing), _) | (_, Err(missing)) => Err(missing),
    };

    let long: Vec<usize> = (0..leading.len()).filter(|i| leading[*i].1 != 1).collect();
    let times: Vec<usize> = (0..leading.len()).filter(|i| axis(file, &leading[*i].0) == Axis::Time).collect();
    let along = match (long.as_slice(), times.as_slice()) {
        ([], times) => times.first().copied(),
        ([one], _) => Some(*one),
        _ => {
            return Err(RasterError::Layers {
                path: path.to_owned(),
                variable: name.to_owned(),
                dimensions: long.iter().map(|i| leading[*i].0.clone()).collect(),
            });
        }
    };
    let (layers, calendar) = match along {
        Some(i) if times.contains(&i) => clock_of(file, path, &leading[i].0, leading[i].1)?,
        Some(i) => (vec![Layer { date: None }; leading[i].1], None),
        None => (vec![Layer { date: None }], None),
    };
    if layers.is_empty() || shape.is_empty() {
        return Err(damaged(format!("variable `{name}` is empty")));
    }
    let dtype = array.dtype().ok_or_else(|| damaged(format!("variable `{name}` isn't numeric")))?;
    let first = |key: &str| array.numbers(key).and_then(|list| list.first().copied());
    let fill = first("_FillValue");
    let nodata = array.nodata().or(fill);
    // Floats that were never written hold netCDF's default fill value.
    let default_fill = matches!(dtype, DType::Float32 | DType::Float64).then_some(9.969_209_968_386_869e36);
    let missing = array.numbers("missing_value").unwrap_or_default();
    let also_nodata = missing.into_iter().chain(default_fill).filter(|m| Some(*m) != nodata).collect();
    let of_variable = |what: &str| format!("variable `{name}`: {what}");
    Ok(Variable {
        name: name.to_owned(),
        layers,
        calendar,
        shape,
        affine,
        crs,
        degrees,
        unit: array.units(),
        decoding: Decoding {
            dtype,
            nodata,
            also_nodata,
            infinite: false,
            scale: scaling(array.as_ref(), "scale_factor", 1.0)
                .map_err(|what| damaged(of_variable(&what)))?,
            offset: scaling(array.as_ref(), "add_offset", 0.0).map_err(|what| damaged(of_variable(&what)))?,
            sign: Sign::of(array.text("_Unsigned").as_deref()),
        },
        states_fill: fill.is_some(),
        leading: leading.len(),
        along,
    })
}

/// The number of an attribute that values are scaled by, which some write as text.
fn scaling(array: &dyn Attributed, key: &str, default: f64) -> Result<f64, String> {
    let text = array.text(key).map(|text| match text.trim().parse::<f64>() {
        Ok(number) => Ok(number),
        Err(_) => Err(format!("its attribute {key} is `{text}`, which is no number")),
    });
    let number = match (array.numbers(key).and_then(|list| list.first().copied()), text.transpose()?) {
        // GDAL gives 0 for any text.
        (None | Some(0.0), Some(written)) => written,
        (Some(number), _) => number,
        (None, None) => default,
    };
    if !number.is_finite() || (number == 0.0 && key == "scale_factor") {
        return Err(format!("its attribute {key} is {number}"));
    }
    Ok(number)
}

/// The values of a coordinate variable, which may be packed as any other (CF conventions 1.11, 8.1); what is its
/// fill value is not a number.
fn coordinates(array: &dyn Attributed, name: &str) -> Result<Vec<f64>, String> {
    let of_axis = |what: String| format!("axis `{name}`: {what}");
    let scale = scaling(array, "scale_factor", 1.0).map_err(of_axis)?;
    let offset = scaling(array, "add_offset", 0.0).map_err(of_axis)?;
    let sign = Sign::of(array.text("_Unsigned").as_deref());
    let dtype = array.dtype().unwrap_or(DType::Float64);
    let fill = array.numbers("_FillValue").and_then(|list| list.first().copied());
    let value = |stored: f64| {
        if Some(stored) == fill { f64::NAN } else { sign.meant(dtype, stored) * scale + offset }
    };
    Ok(array.values()?.into_iter().map(value).collect())
}

/// The layers' days, and the calendar of 365 days that they go by.
fn clock_of(
    file: &dyn Arrays,
    path: &Path,
    name: &str,
    size: usize,
) -> Result<(Vec<Layer>, Option<Calendar>), RasterError> {
    let silent = || (vec![Layer { date: None }; size], None);
    let Some(array) = file.get(name) else { return Ok(silent()) };
    let Some(units) = array.units() else { return Ok(silent()) };
    let calendar = array.text("calendar").unwrap_or_default();
    let values = coordinates(array.as_ref(), name)
        .map_err(|reason| RasterError::Damaged { path: path.to_owned(), reason })?;
    let of_365_days = clock::is_noleap(&calendar).then_some(Calendar::Noleap);
    let dates = clock::dates(&units, &calendar, &values).map_err(|reason| RasterError::Time {
        path: path.to_owned(),
        units,
        calendar,
        reason,
    })?;
    let layers = dates.into_iter().map(|date| Layer { date: Some(date) }).collect();
    Ok((layers, of_365_days))
}

/// The coordinates of a dimension.
struct Line {
    name: String,
    values: Vec<f64>,
    unit: String,
}

impl Line {
    /// Of a dimension of that name; else what is missing.
    fn of(file: &dyn Arrays, path: &Path, name: &str) -> Result<Result<Self, String>, RasterError> {
        let Some(array) = file.get(name).filter(|array| array.dimensions().len() == 1) else {
            return Ok(Err(format!("dimension `{name}` has no coordinates of its own")));
        };
        let values = coordinates(array.as_ref(), name)
            .map_err(|reason| RasterError::Damaged { path: path.to_owned(), reason })?;
        Ok(Ok(Self { name: name.to_owned(), values, unit: array.units().unwrap_or_default() }))
    }

    /// The first coordinate and the step, in metres or degrees; of one value the step that is
    /// claimed, else what is missing.
    #[expect(clippy::cast_precision_loss, reason = "axis lengths are far below 2^52")]
    fn spacing(
        &self,
        path: &Path,
        degrees: bool,
        claimed: Option<f64>,
    ) -> Result<Result<(f64, f64), String>, RasterError> {
        let Self { name, values, unit } = self;
        let bad = |missing: String| RasterError::NoGeobox { path: path.to_owned(), missing };
        let metres = match unit.to_ascii_lowercase().as_str() {
            _ if degrees => 1.0,
            "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => 1000.0,
            "" | "1" | "m" | "meter" | "meters" | "metre" | "metres" => 1.0,
            other => return Err(bad(format!("axis `{name}` is in `{other}`"))),
        };
        let (Some(first), Some(last)) = (values.first(), values.last()) else {
            return Err(bad(format!("axis `{name}` is empty")));
        };
        if values.len() < 2 {
            let step = claimed.ok_or_else(|| format!("axis `{name}` has one value and so no spacing"));
            return Ok(step.map(|step| (first * metres, step)));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(bad(format!("axis `{name}` has no number at its place {}", at + 1)));
        }
        let step = (last - first) / (values.len() - 1) as f64;
        let uneven =
            values.iter().enumerate().map(|(i, v)| ((v - first) / step - i as f64).abs()).fold(0.0, f64::max);
        if step == 0.0 || !step.is_finite() || uneven > UNEVEN || uneven.is_nan() {
            return Err(bad(format!("axis `{name}` is uneven by {uneven:.3} steps of {step}")));
        }
        Ok(Ok((first * metres, step * metres)))
    }
}

impl Variable {
    /// Takes what was never written for missing, where only the bytes of the netCDF file tell it, as
    /// the netCDF libraries do. Where they can't be understood they tell nothing.
    #[must_use]
    pub fn with_default_fill(mut self, bytes: impl FnOnce() -> io::Result<Arc<dyn ReadAt>>) -> Self {
        // 64-bit integers are read as doubles.
        if !self.states_fill && self.decoding.dtype.bytes() > 1 && self.decoding.dtype != DType::Float32 {
            let fill = bytes().map_err(Fault::Io).and_then(|bytes| chunks::default_fill(bytes, &self.name));
            self.decoding.also_nodata.extend(fill.ok().flatten());
        }
        self
    }

    /// Which dimensions precede rows and columns, and which the layers run along.
    pub fn axes(&self) -> Axes {
        Axes { leading: self.leading, along: self.along }
    }

    /// The elements along each dimension, the slowest first.
    pub fn dimensions(&self) -> Vec<usize> {
        let mut dimensions = vec![1; self.leading];
        if let Some(along) = self.along {
            dimensions[along] = self.layers.len();
        }
        dimensions.extend([self.shape.rows, self.shape.cols]);
        dimensions
    }

    /// Reads a window of many layers in one call to the library.
    pub fn read<T: Real>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
        let failed = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
        let group = root(dataset, path)?;
        let array =
            group.array(&self.name).ok_or_else(|| failed(format!("variable `{}` is gone", self.name)))?;
        let (mut start, mut count) = (vec![0; self.leading], vec![1; self.leading]);
        if let Some(i) = self.along {
            start[i] = layers.start as u64;
            count[i] = layers.len();
        }
        start.extend([window.row0.unsigned_abs(), window.col0.unsigned_abs()]);
        count.extend([window.shape().rows, window.shape().cols]);
        let (s, n) = (start.as_slice(), count.as_slice());
        // In the stored type: the netCDF driver converts element by element.
        let decoded = match array.stored_type() {
            Gdt::GDT_Byte => array.read::<u8>(s, n).map(|raw| self.decoding.decode(&raw)),
            Gdt::GDT_UInt16 => array.read::<u16>(s, n).map(|raw| self.decoding.decode(&raw)),
            Gdt::GDT_Int16 => array.read::<i16>(s, n).map(|raw| self.decoding.decode(&raw)),
            Gdt::GDT_UInt32 => array.read::<u32>(s, n).map(|raw| self.decoding.decode(&raw)),
            Gdt::GDT_Int32 => array.read::<i32>(s, n).map(|raw| self.decoding.decode(&raw)),
            Gdt::GDT_Float32 => array.read::<f32>(s, n).map(|raw| self.decoding.decode(&raw)),
            _ => array.read::<f64>(s, n).map(|raw| self.decoding.decode(&raw)),
        };
        decoded.map_err(|reason| {
            failed(format!("layers {} to {} can't be read: {reason}", layers.start, layers.end))
        })
    }
}
