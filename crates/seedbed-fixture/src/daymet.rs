//! Daymet V4 R1 daily: one netCDF-4 file a variable and year.
//!
//! The structure is that of the published files: dimensions y, x, time (unlimited), nv;
//! float32 (time, y, x) with −9999, chunked and deflated; two-dimensional lat and lon; yearday;
//! `time_bnds`; a `lambert_conformal_conic` grid mapping; times at noon in days since 1950. Every
//! year has 365 days: a leap year keeps 29 February and drops 31 December. The grid is a window
//! of the North American one, as the archive's subset service cuts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use jiff::civil::{Date, date};
use netcdf::FileMut;

use crate::archives::Job;
use crate::climate::storms::Storms;
use crate::climate::sun;
use crate::climate::temperature::{Extreme, Temperature};
use crate::climate::terrain::Surface;
use crate::climate::{Sites, cents, day_number};
use crate::spec::{Area, Spec};
use crate::write::chunks::{ChunkWriter, Layout, Part};
use crate::write::file;
use crate::write::projection::{DAYMET, Grid, LONLAT, transformed};

/// Upper-left corner of the North American grid, m.
const NA_CORNER: (f64, f64) = (-4_560_750.0, 4_984_500.0);
/// How far the fields reach beyond the area, degrees.
const MARGIN: f64 = 0.15;
/// Stored where nothing is known.
const MISSING: f32 = -9999.0;
/// Days in every Daymet year.
pub const DAYS: i16 = 365;

/// A variable of the archive.
struct Variable {
    name: &'static str,
    long_name: &'static str,
    unit: &'static str,
    cell_methods: &'static str,
}

const VARIABLES: [Variable; 7] = [
    Variable {
        name: "tmin",
        long_name: "daily minimum temperature",
        unit: "degrees C",
        cell_methods: "area: mean time: minimum",
    },
    Variable {
        name: "tmax",
        long_name: "daily maximum temperature",
        unit: "degrees C",
        cell_methods: "area: mean time: maximum",
    },
    Variable {
        name: "prcp",
        long_name: "daily total precipitation",
        unit: "mm/day",
        cell_methods: "area: mean time: sum",
    },
    Variable { name: "dayl", long_name: "daylength", unit: "s", cell_methods: "area: mean" },
    Variable {
        name: "srad",
        long_name: "daylight average incident shortwave radiation",
        unit: "W/m2",
        cell_methods: "area: mean time: mean",
    },
    Variable {
        name: "vp",
        long_name: "daily average vapor pressure",
        unit: "Pa",
        cell_methods: "area: mean time: mean",
    },
    Variable {
        name: "swe",
        long_name: "snow water equivalent",
        unit: "kg/m2",
        cell_methods: "area: mean time: mean",
    },
];

/// The window of the North American grid that covers an area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The window's first column on the North American grid.
    pub col0: usize,
    /// Its first row.
    pub row0: usize,
    grid: Grid,
}

impl Window {
    /// The smallest window that covers `area` with two pixels to spare.
    ///
    /// # Errors
    /// When the area lies off the grid.
    pub fn covering(area: Area) -> Result<Self> {
        // A side of the area is a curve on the grid: 100 points a side find its extremes to well
        // within the spare pixels.
        let side = |k: u32| f64::from(k) / 100.0;
        let points = (0..=100)
            .flat_map(|k| {
                let lon = area.west + (area.east - area.west) * side(k);
                let lat = area.south + (area.north - area.south) * side(k);
                [(lon, area.south), (lon, area.north), (area.west, lat), (area.east, lat)]
            })
            .collect();
        let points = transformed(LONLAT, DAYMET, points)?;
        let fold = |pick: fn(&(f64, f64)) -> f64, join: fn(f64, f64) -> f64| {
            points.iter().map(pick).reduce(join).unwrap_or(f64::NAN)
        };
        let col = |x: f64| ((x - NA_CORNER.0) / 1000.0).floor();
        let row = |y: f64| ((NA_CORNER.1 - y) / 1000.0).floor();
        let (col0, col1) = (col(fold(|p| p.0, f64::min)) - 2.0, col(fold(|p| p.0, f64::max)) + 3.0);
        let (row0, row1) = (row(fold(|p| p.1, f64::max)) - 2.0, row(fold(|p| p.1, f64::min)) + 3.0);
        if !(col0 >= 0.0 && col1 <= 7814.0 && row0 >= 0.0 && row1 <= 8075.0) {
            bail!("the area {area} reaches beyond Daymet's North American grid");
        }
        Ok(Self {
            col0: col0 as usize,
            row0: row0 as usize,
            grid: Grid {
                left: NA_CORNER.0 + 1000.0 * col0,
                top: NA_CORNER.1 - 1000.0 * row0,
                pixel: (1000.0, 1000.0),
                rows: (row1 - row0) as usize,
                cols: (col1 - col0) as usize,
            },
        })
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.grid.rows, self.grid.cols)
    }

    /// The six numbers of the affine map from pixel to metres, in STAC's order.
    #[must_use]
    pub fn transform(&self) -> [f64; 6] {
        self.grid.affine()
    }
}

/// What all files of an archive share, worked out when the first one needs it.
struct Shared {
    window: Window,
    area: Area,
    fields: OnceLock<Result<Fields, String>>,
}

struct Fields {
    points: Vec<(f64, f64)>,
    /// The pixels that have weather, and their places.
    valid: Vec<usize>,
    sites: Sites,
    temperature: Temperature,
    storms: Storms,
}

impl Shared {
    fn fields(&self) -> Result<&Fields> {
        let made = self.fields.get_or_init(|| {
            let points = transformed(DAYMET, LONLAT, self.window.grid.centres())
                .map_err(|error| format!("{error:#}"))?;
            let sites = Sites::new(points.iter().copied(), self.area.grown(MARGIN));
            let valid = sites.where_surface(Surface::has_weather);
            let sites = sites.picked(&valid);
            let (temperature, storms) = (Temperature::new(&sites), Storms::new(&sites));
            Ok(Fields { points, valid, sites, temperature, storms })
        });
        made.as_ref().map_err(|message| anyhow::anyhow!("{message}"))
    }
}

/// The file's name at the archive.
#[must_use]
pub fn file_name(variable: &str, year: i16) -> String {
    format!("daymet_v4_daily_na_{variable}_{year}.nc")
}

pub(crate) fn jobs(root: &Path, spec: &Spec) -> Result<Vec<Job>> {
    let shared = Arc::new(Shared {
        window: Window::covering(spec.area.grown(MARGIN))?,
        area: spec.area,
        fields: OnceLock::new(),
    });
    let mut jobs = Vec::new();
    for name in &spec.daymet_variables {
        let Some(variable) = VARIABLES.iter().find(|variable| variable.name == name) else {
            let names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
            bail!("Daymet has no variable `{name}`; it has {}", names.join(", "));
        };
        for year in spec.years.clone() {
            let shared = Arc::clone(&shared);
            let path = root.join(file_name(name, year));
            jobs.push(Job::new(path, move |to| write(to, variable, year, &shared)));
        }
    }
    Ok(jobs)
}

/// Writes the `.sha256` beside each file, as the archive publishes them.
pub(crate) fn sidecars(root: &Path) -> Result<()> {
    for path in data_files(root)? {
        let sidecar = PathBuf::from(format!("{}.sha256", path.display()));
        file::whole(&sidecar, |temporary| Ok(fs::write(temporary, file::sha256(&path)?)?))?;
    }
    Ok(())
}

/// The netCDF files of the archive's folder, in order of their names.
pub(crate) fn data_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("can't list {}", root.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("daymet_v4_") && path.extension().is_some_and(|extension| extension == "nc") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// How the archive stores a variable of this year.
fn layout(year: i16, window: Window) -> Layout {
    let (rows, cols) = window.shape();
    let days = usize::from(DAYS.cast_unsigned());
    // Since 2020 the archive chunks (10, 300, 300) and shuffles; before, (1, 1000, 1000) unshuffled.
    let (chunk, shuffle) = if year < 2020 { ([1, 1000, 1000], false) } else { ([10, 300, 300], true) };
    let [depth, chunk_rows, chunk_cols] = chunk;
    Layout {
        shape: [days, rows, cols],
        chunk: [depth, chunk_rows.min(rows), chunk_cols.min(cols)],
        level: 4,
        shuffle,
        fill: MISSING,
        part: Part { row0: 0, col0: 0, rows, cols },
    }
}

/// The date of a Daymet day, counted from 1.
#[must_use]
pub fn date_of(year: i16, yearday: i16) -> Date {
    // Day 365 of a leap year is 30 December, so 31 December never comes.
    date(year, 1, 1).saturating_add(jiff::Span::new().days(yearday - 1))
}

fn write(path: &Path, variable: &Variable, year: i16, shared: &Shared) -> Result<()> {
    let layout = layout(year, shared.window);
    let fields = shared.fields()?;
    {
        let mut file = netcdf::create(path)?;
        describe(&mut file, variable, year, &layout)?;
        coordinates(&mut file, year, shared, fields)?;
    }
    let mut writer = ChunkWriter::open(path, variable.name, layout)?;
    let mut layer = vec![MISSING; layout.shape[1] * layout.shape[2]];
    let mut values = vec![0.0; fields.valid.len()];
    let mut series = Series::new(fields, year);
    for yearday in 1..=DAYS {
        series.fill(variable.name, yearday, &mut values);
        for (&at, &value) in fields.valid.iter().zip(&values) {
            layer[at] = value;
        }
        writer.push(&layer)?;
    }
    writer.finish()
}

/// Dimensions, variables and attributes, in the order of the real files.
fn describe(file: &mut FileMut, variable: &Variable, year: i16, layout: &Layout) -> Result<()> {
    let [_, rows, cols] = layout.shape;
    file.add_dimension("y", rows)?;
    file.add_dimension("x", cols)?;
    file.add_unlimited_dimension("time")?;
    file.add_dimension("nv", 2)?;
    for (name, dims, attributes) in [
        ("y", &["y"][..], ["m", "y coordinate of projection", "projection_y_coordinate"]),
        ("lon", &["y", "x"], ["degrees_east", "longitude coordinate", "longitude"]),
        ("lat", &["y", "x"], ["degrees_north", "latitude coordinate", "latitude"]),
    ] {
        axis(file, name, dims, attributes)?;
    }
    {
        let mut time = file.add_variable::<f32>("time", &["time"])?;
        time.set_chunking(&[1])?;
        time.put_attribute("standard_name", "time")?;
        time.put_attribute("calendar", "standard")?;
        time.put_attribute("units", "days since 1950-01-01 00:00:00")?;
        time.put_attribute("bounds", "time_bnds")?;
        time.put_attribute("long_name", "24-hour day based on local time")?;
    }
    axis(file, "x", &["x"], ["m", "x coordinate of projection", "projection_x_coordinate"])?;
    {
        let mut mapping = file.add_variable::<i16>("lambert_conformal_conic", &[])?;
        mapping.put_attribute("grid_mapping_name", "lambert_conformal_conic")?;
        mapping.put_attribute("longitude_of_central_meridian", -100.0)?;
        mapping.put_attribute("latitude_of_projection_origin", 42.5)?;
        mapping.put_attribute("false_easting", 0.0)?;
        mapping.put_attribute("false_northing", 0.0)?;
        mapping.put_attribute("standard_parallel", vec![25.0, 60.0])?;
        mapping.put_attribute("semi_major_axis", 6_378_137.0)?;
        mapping.put_attribute("inverse_flattening", 298.257_223_563)?;
    }
    {
        let mut data = file.add_variable::<f32>(variable.name, &["time", "y", "x"])?;
        data.set_fill_value(MISSING)?;
        data.set_chunking(&layout.chunk)?;
        data.set_compression(layout.level.cast_signed(), layout.shuffle)?;
        data.put_attribute("long_name", variable.long_name)?;
        data.put_attribute("units", variable.unit)?;
        data.put_attribute("missing_value", MISSING)?;
        data.put_attribute("coordinates", "lat lon")?;
        data.put_attribute("grid_mapping", "lambert_conformal_conic")?;
        data.put_attribute("cell_methods", variable.cell_methods)?;
    }
    file.add_variable::<f32>("time_bnds", &["time", "nv"])?.set_chunking(&[1, 2])?;
    {
        let mut yearday = file.add_variable::<i16>("yearday", &["time"])?;
        yearday.set_chunking(&[1])?;
        // The spelling is the archive's.
        yearday.put_attribute("long_name", "day of year (DOY) starting with day 1 on Januaray 1st")?;
    }
    file.add_attribute("start_year", year)?;
    file.add_attribute("source", "Daymet Software Version 4.0")?;
    file.add_attribute("Version_software", "Daymet Software Version 4.0")?;
    file.add_attribute("Version_data", "Daymet Data Version 4.0")?;
    file.add_attribute("Conventions", "CF-1.6")?;
    file.add_attribute(
        "citation",
        "Please see http://daymet.ornl.gov/ for current Daymet data citation information",
    )?;
    file.add_attribute(
        "references",
        "Please see http://daymet.ornl.gov/ for current information on Daymet references",
    )?;
    Ok(())
}

fn axis(file: &mut FileMut, name: &str, dims: &[&str], attributes: [&str; 3]) -> Result<()> {
    let mut variable = file.add_variable::<f32>(name, dims)?;
    for (key, value) in ["units", "long_name", "standard_name"].into_iter().zip(attributes) {
        variable.put_attribute(key, value)?;
    }
    Ok(())
}

/// Fills the coordinate variables.
fn coordinates(file: &mut FileMut, year: i16, shared: &Shared, fields: &Fields) -> Result<()> {
    let grid = shared.window.grid;
    let x: Vec<f32> = (0..grid.cols).map(|col| grid.centre(0, col).0 as f32).collect();
    let y: Vec<f32> = (0..grid.rows).map(|row| grid.centre(row, 0).1 as f32).collect();
    let lon: Vec<f32> = fields.points.iter().map(|p| p.0 as f32).collect();
    let lat: Vec<f32> = fields.points.iter().map(|p| p.1 as f32).collect();
    let first = day_number(date(year, 1, 1)) as f32;
    let days = usize::from(DAYS.cast_unsigned());
    let time: Vec<f32> = (0..days).map(|k| first + k as f32 + 0.5).collect();
    let bounds: Vec<f32> = (0..days).flat_map(|k| [first + k as f32, first + k as f32 + 1.0]).collect();
    let yearday: Vec<i16> = (1..=DAYS).collect();
    let mut put = |name: &str, values: &[f32], extent: &[usize]| -> Result<()> {
        let mut variable = file.variable_mut(name).with_context(|| format!("no variable {name}"))?;
        let extent: Vec<_> = extent.iter().map(|&count| 0..count).collect();
        Ok(variable.put_values(values, extent.as_slice())?)
    };
    put("x", &x, &[grid.cols])?;
    put("y", &y, &[grid.rows])?;
    put("lon", &lon, &[grid.rows, grid.cols])?;
    put("lat", &lat, &[grid.rows, grid.cols])?;
    put("time", &time, &[days])?;
    put("time_bnds", &bounds, &[days, 2])?;
    let mut variable = file.variable_mut("yearday").context("no variable yearday")?;
    variable.put_values(&yearday, 0..days)?;
    Ok(())
}

/// The days of a year in order: snow has a memory.
struct Series<'a> {
    fields: &'a Fields,
    year: i16,
    snow: Vec<f32>,
}

impl<'a> Series<'a> {
    fn new(fields: &'a Fields, year: i16) -> Self {
        Self { fields, year, snow: vec![0.0; fields.valid.len()] }
    }

    /// Fills `out` with a variable's values on a day; days must come in order.
    fn fill(&mut self, variable: &str, yearday: i16, out: &mut [f32]) {
        let Fields { temperature, storms, sites, .. } = self.fields;
        let day = day_number(date_of(self.year, yearday));
        match variable {
            "tmin" => temperature.extreme(Extreme::Min, day, out),
            "tmax" => temperature.extreme(Extreme::Max, day, out),
            "prcp" => storms.precipitation(day, out),
            "dayl" => {
                for (out, &lat) in out.iter_mut().zip(&sites.lat) {
                    *out = cents(sun::day_length(f64::from(lat), yearday) as f32);
                }
            }
            "srad" => {
                storms.precipitation(day, out);
                for (out, &lat) in out.iter_mut().zip(&sites.lat) {
                    let cloud = if *out > 0.0 { 1.0 } else { 0.2 };
                    *out = cents(sun::daylight_radiation(f64::from(lat), yearday, cloud) as f32);
                }
            }
            "vp" => {
                // Saturation at the night's minimum, FAO-56 eq. 48.
                temperature.extreme(Extreme::Min, day, out);
                for out in out {
                    *out = cents(610.8 * (17.27 * *out / (*out + 237.3)).exp());
                }
            }
            _ => self.advance_snow(day, out),
        }
    }

    /// Snow falls below 0 °C and melts by 3 mm a degree and day above.
    fn advance_snow(&mut self, day: i32, out: &mut [f32]) {
        let count = out.len();
        let (mut low, mut high) = (vec![0.0; count], vec![0.0; count]);
        self.fields.temperature.extreme(Extreme::Min, day, &mut low);
        self.fields.temperature.extreme(Extreme::Max, day, &mut high);
        self.fields.storms.precipitation(day, out);
        for i in 0..count {
            let mean = f32::midpoint(low[i], high[i]);
            let fall = if mean < 0.0 { out[i] } else { 0.0 };
            self.snow[i] = (self.snow[i] + fall - 3.0 * mean.max(0.0)).max(0.0);
            out[i] = cents(self.snow[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_year_keeps_29_february_and_drops_31_december() {
        assert_eq!(date_of(2004, 60), date(2004, 2, 29));
        assert_eq!(date_of(2004, 365), date(2004, 12, 30));
        assert_eq!(date_of(2003, 365), date(2003, 12, 31));
    }

    #[test]
    fn the_window_lies_on_the_lattice_of_north_america() {
        let window = Window::covering(Area::UPPER_DELAWARE).unwrap();
        let [width, _, left, _, height, top] = window.transform();
        assert_eq!((width, height), (1000.0, -1000.0));
        assert_eq!((left + 4_560_750.0) % 1000.0, 0.0);
        assert_eq!((4_984_500.0 - top) % 1000.0, 0.0);
        // The pixel's index on the full grid gives the same corner.
        assert_eq!(left, -4_560_750.0 + 1000.0 * window.col0 as f64);
        assert!(Window::covering(Area { west: 10.0, south: 40.0, east: 11.0, north: 41.0 }).is_err());
    }
}
