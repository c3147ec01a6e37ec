//! MACA v2-METDATA daily: one netCDF-4 file a model, variable and five years.
//!
//! The full grid of the archive, 585 × 1386, latitude ascending and longitude 0–360. Only the
//! chunks over the area are allocated, so that five years cost a few megabytes; the rest reads as
//! missing.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use jiff::civil::date;
use netcdf::FileMut;

use crate::archives::Job;
use crate::climate::storms::Storms;
use crate::climate::temperature::{Extreme, Temperature};
use crate::climate::terrain::Surface;
use crate::climate::{Sites, day_number};
use crate::spec::{Area, Spec};
use crate::write::chunks::{ChunkWriter, Layout, Part};

const ROWS: usize = 585;
const COLS: usize = 1386;
const LAT0: f64 = 25.063_078;
const LAT1: f64 = 49.396_023;
const LON0: f64 = 235.227_844;
const LON1: f64 = 292.935_242;
/// The chunks of the published five-year files: days, rows, columns.
const CHUNK: [usize; 3] = [162, 51, 123];
const MISSING: f32 = -9999.0;
/// How far the fields reach beyond the area, degrees.
const MARGIN: f64 = 0.15;

/// A climate model and the run that was downscaled.
pub(crate) const MODELS: [(&str, &str); 2] = [("bcc-csm1-1", "r1i1p1"), ("CCSM4", "r6i1p1")];

/// A variable: its name in the file's name, inside the file, and how it is described.
struct Variable {
    name: &'static str,
    inner: &'static str,
    long_name: &'static str,
    unit: &'static str,
    cell_methods: &'static str,
}

const VARIABLES: [Variable; 3] = [
    Variable {
        name: "tasmin",
        inner: "air_temperature",
        long_name: "Daily Minimum Near-Surface Air Temperature",
        unit: "K",
        cell_methods: "time: minimum(interval: 24 hours)",
    },
    Variable {
        name: "tasmax",
        inner: "air_temperature",
        long_name: "Daily Maximum Near-Surface Air Temperature",
        unit: "K",
        cell_methods: "time: maximum(interval: 24 hours)",
    },
    Variable {
        name: "pr",
        inner: "precipitation",
        long_name: "Precipitation",
        unit: "mm",
        cell_methods: "time: sum(interval: 24 hours)",
    },
];

/// A block of years in one scenario, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    scenario: &'static str,
    first: i16,
    last: i16,
}

/// The archive's block that holds a year: historical to 2005, then the scenario RCP 4.5.
fn block(year: i16) -> Option<Block> {
    let (scenario, origin, end) = match year {
        1950..=2005 => ("historical", 1950, 2005),
        2006..=2099 => ("rcp45", 2006, 2099),
        _ => return None,
    };
    let first = origin + (year - origin) / 5 * 5;
    Some(Block { scenario, first, last: (first + 4).min(end) })
}

struct Fields {
    part: Part,
    valid: Vec<usize>,
    temperature: Temperature,
    storms: Storms,
}

fn lat(row: usize) -> f64 {
    LAT0 + row as f64 * (LAT1 - LAT0) / (ROWS - 1) as f64
}

fn lon(col: usize) -> f64 {
    LON0 + col as f64 * (LON1 - LON0) / (COLS - 1) as f64
}

impl Fields {
    fn new(area: Area) -> Self {
        let area = area.grown(MARGIN);
        // Whole chunks that touch the area.
        let span = |inside: &dyn Fn(usize) -> bool, count: usize, chunk: usize| {
            let first = (0..count).find(|&i| inside(i)).unwrap_or(0) / chunk * chunk;
            let last = (0..count).rfind(|&i| inside(i)).unwrap_or(0);
            (first, ((last / chunk + 1) * chunk).min(count) - first)
        };
        let (row0, rows) = span(&|row| (area.south..=area.north).contains(&lat(row)), ROWS, CHUNK[1]);
        let east = |col| lon(col) - 360.0;
        let (col0, cols) = span(&|col| (area.west..=area.east).contains(&east(col)), COLS, CHUNK[2]);
        let part = Part { row0, col0, rows, cols };
        let points = (0..rows).flat_map(|row| (0..cols).map(move |col| (east(col0 + col), lat(row0 + row))));
        let sites = Sites::new(points, area);
        let valid = sites.where_surface(Surface::has_weather);
        let sites = sites.picked(&valid);
        Self { part, valid, temperature: Temperature::new(&sites), storms: Storms::new(&sites) }
    }
}

pub(crate) fn jobs(root: &Path, spec: &Spec) -> Result<Vec<Job>> {
    let mut blocks = Vec::new();
    for year in spec.years.clone() {
        let Some(block) = block(year) else { bail!("MACA reaches from 1950 to 2099, not to {year}") };
        if !blocks.contains(&block) {
            blocks.push(block);
        }
    }
    let fields: Arc<OnceLock<Fields>> = Arc::default();
    let area = spec.area;
    let mut jobs = Vec::new();
    for (model, run) in MODELS {
        for variable in &VARIABLES {
            for &block in &blocks {
                let Block { scenario, first, last } = block;
                let name = format!(
                    "macav2metdata_{}_{model}_{run}_{scenario}_{first}_{last}_CONUS_daily.nc",
                    variable.name
                );
                let fields = Arc::clone(&fields);
                jobs.push(Job::new(root.join(model).join(name), move |to| {
                    write(to, model, run, variable, block, fields.get_or_init(|| Fields::new(area)))
                }));
            }
        }
    }
    Ok(jobs)
}

fn write(
    path: &Path,
    model: &str,
    run: &str,
    variable: &Variable,
    block: Block,
    fields: &Fields,
) -> Result<()> {
    let first = day_number(date(block.first, 1, 1));
    let last = day_number(date(block.last, 12, 31));
    let days = usize::try_from(last - first + 1)?;
    let layout = Layout {
        shape: [days, ROWS, COLS],
        chunk: [CHUNK[0].min(days), CHUNK[1], CHUNK[2]],
        level: 2,
        shuffle: true,
        fill: MISSING,
        part: fields.part,
    };
    describe(&mut netcdf::create(path)?, model, run, variable, block, &layout)?;
    let mut writer = ChunkWriter::open(path, variable.inner, layout)?;
    let mut layer = vec![MISSING; fields.part.rows * fields.part.cols];
    let mut values = vec![0.0; fields.valid.len()];
    // A second model has weather of its own: the same climate on other days.
    let shift = if model == MODELS[0].0 { 0 } else { 7 * 365 };
    for day in first..=last {
        match variable.name {
            "tasmin" => fields.temperature.extreme(Extreme::Min, day + shift, &mut values),
            "tasmax" => fields.temperature.extreme(Extreme::Max, day + shift, &mut values),
            _ => fields.storms.precipitation(day + shift, &mut values),
        }
        let offset = if variable.unit == "K" { 273.15 } else { 0.0 };
        for (&at, &value) in fields.valid.iter().zip(&values) {
            layer[at] = value + offset;
        }
        writer.push(&layer)?;
    }
    writer.finish()
}

fn describe(
    file: &mut FileMut,
    model: &str,
    run: &str,
    variable: &Variable,
    block: Block,
    layout: &Layout,
) -> Result<()> {
    let days = layout.shape[0];
    file.add_dimension("time", days)?;
    file.add_dimension("lat", ROWS)?;
    file.add_dimension("lon", COLS)?;
    file.add_dimension("crs", 1)?;
    {
        let mut lat_variable = file.add_variable::<f64>("lat", &["lat"])?;
        for (key, value) in [
            ("long_name", "latitude"),
            ("standard_name", "latitude"),
            ("units", "degrees_north"),
            ("axis", "Y"),
            ("description", "Latitude of the center of the grid cell"),
        ] {
            lat_variable.put_attribute(key, value)?;
        }
        lat_variable.put_values(&(0..ROWS).map(lat).collect::<Vec<_>>(), ..)?;
    }
    {
        let mut lon_variable = file.add_variable::<f64>("lon", &["lon"])?;
        for (key, value) in [
            ("units", "degrees_east"),
            ("axis", "X"),
            ("description", "Longitude of the center of the grid cell"),
            ("long_name", "longitude"),
            ("standard_name", "longitude"),
        ] {
            lon_variable.put_attribute(key, value)?;
        }
        lon_variable.put_values(&(0..COLS).map(lon).collect::<Vec<_>>(), ..)?;
    }
    {
        let mut time = file.add_variable::<f32>("time", &["time"])?;
        time.put_attribute("description", "days since 1900-01-01")?;
        time.put_attribute("units", "days since 1900-01-01 00:00:00")?;
        time.put_attribute("calendar", "gregorian")?;
        // 1950-01-01 is 18262 days after 1900-01-01.
        let first = day_number(date(block.first, 1, 1)) + 18_262;
        let values: Vec<f32> = (0..days).map(|k| first as f32 + k as f32).collect();
        time.put_values(&values, ..)?;
    }
    {
        let mut crs = file.add_variable::<i32>("crs", &["crs"])?;
        crs.put_attribute("grid_mapping_name", "latitude_longitude")?;
        crs.put_attribute("longitude_of_prime_meridian", 0.0)?;
        crs.put_attribute("semi_major_axis", 6_378_137.0)?;
        crs.put_attribute("inverse_flattening", 298.257_223_563)?;
        crs.put_values(&[1], ..)?;
    }
    {
        let mut data = file.add_variable::<f32>(variable.inner, &["time", "lat", "lon"])?;
        data.set_fill_value(MISSING)?;
        data.set_chunking(&layout.chunk)?;
        data.set_compression(layout.level.cast_signed(), layout.shuffle)?;
        for (key, value) in [
            ("long_name", variable.long_name),
            ("units", variable.unit),
            ("grid_mapping", "crs"),
            ("standard_name", variable.inner),
            ("height", "2 m"),
            ("cell_methods", variable.cell_methods),
            ("coordinates", "time lon lat"),
        ] {
            data.put_attribute(key, value)?;
        }
    }
    let title = format!(
        "Downscaled daily meteorological data of {} from {model} using the run {run} of the {} scenario.",
        variable.long_name, block.scenario
    );
    for (key, value) in [
        ("Conventions", "CF-1.4"),
        ("title", title.as_str()),
        ("coordinate_system", "WGS84,EPSG:4326"),
        ("author", "John Abatzoglou - University of Idaho, jabatzoglou@uidaho.edu"),
        ("license", "No restrictions"),
    ] {
        file.add_attribute(key, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_the_archive() {
        let at = |year| block(year).map(|b| (b.scenario, b.first, b.last));
        assert_eq!(at(2003), Some(("historical", 2000, 2004)));
        assert_eq!(at(2005), Some(("historical", 2005, 2005)));
        assert_eq!(at(2006), Some(("rcp45", 2006, 2010)));
        assert_eq!(at(2099), Some(("rcp45", 2096, 2099)));
        assert_eq!(at(1949), None);
    }

    #[test]
    fn counts_days_from_1900() {
        assert_eq!(day_number(date(1900, 1, 1)), -18_262);
    }
}
