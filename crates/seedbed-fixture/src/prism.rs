//! PRISM daily, 4 km: a zip a variable and day, in two layouts.
//!
//! New: `prism_<var>_us_25m_<date>.zip` with a Cloud-Optimised `GeoTIFF` and its papers.
//! Old: `PRISM_<var>_stable_4kmD2_<date>_bil.zip` with a BIL, whose header gives the *centre* of
//! the upper-left cell. Both on the 1405 × 621 grid of NAD 83, float32 with −9999.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use jiff::civil::Date;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::archives::Job;
use crate::climate::storms::Storms;
use crate::climate::temperature::{Extreme, Temperature};
use crate::climate::terrain::Surface;
use crate::climate::{Sites, cents, day_number};
use crate::spec::{Area, Spec};
use crate::write::geotiff::{self, Band};
use crate::write::projection::{Grid, NAD83};

const MISSING: f32 = -9999.0;
const ROWS: usize = 621;
const COLS: usize = 1405;
/// How far the fields reach beyond the area, degrees.
const MARGIN: f64 = 0.5;
/// The coordinate system as the archive's `.prj` files write it.
const PRJ: &str = "GEOGCS[\"GCS_North_American_1983\",DATUM[\"D_North_American_1983\",\
SPHEROID[\"GRS_1980\",6378137.0,298.257222101]],PRIMEM[\"Greenwich\",0.0],\
UNIT[\"Degree\",0.017453292519943295]]";

/// How a day is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Since 2025: a zip with a `GeoTIFF`.
    New,
    /// Until then: a zip with a BIL.
    Old,
}

impl Layout {
    fn stem(self, variable: &str, date: Date) -> String {
        let day = date.strftime("%Y%m%d");
        match self {
            Self::New => format!("prism_{variable}_us_25m_{day}"),
            Self::Old => format!("PRISM_{variable}_stable_4kmD2_{day}_bil"),
        }
    }

    /// The zip's place under the archive's folder, which is its place in the archive's tree.
    fn path(self, variable: &str, date: Date) -> PathBuf {
        let stem = self.stem(variable, date);
        let folder = match self {
            Self::New => format!("time_series/us/an/4km/{variable}/daily/{}", date.year()),
            Self::Old => format!("daily/{variable}/{}", date.year()),
        };
        Path::new(&folder).join(format!("{stem}.zip"))
    }
}

struct Fields {
    valid: Vec<usize>,
    temperature: Temperature,
    storms: Storms,
}

fn grid() -> Grid {
    let step = 1.0 / 24.0;
    Grid { left: -125.0 - step / 2.0, top: 49.9375, pixel: (step, step), rows: ROWS, cols: COLS }
}

impl Fields {
    fn new(area: Area) -> Self {
        let sites = Sites::new(grid().centres(), area.grown(MARGIN));
        let valid = sites.where_surface(Surface::has_weather);
        let sites = sites.picked(&valid);
        Self { valid, temperature: Temperature::new(&sites), storms: Storms::new(&sites) }
    }

    /// The whole grid of a variable on a day.
    fn layer(&self, variable: &str, date: Date) -> Vec<f32> {
        let day = day_number(date);
        let mut values = vec![0.0; self.valid.len()];
        match variable {
            "tmin" => self.temperature.extreme(Extreme::Min, day, &mut values),
            "tmax" => self.temperature.extreme(Extreme::Max, day, &mut values),
            "tmean" => {
                let mut low = values.clone();
                self.temperature.extreme(Extreme::Min, day, &mut low);
                self.temperature.extreme(Extreme::Max, day, &mut values);
                values.iter_mut().zip(&low).for_each(|(high, low)| *high = cents(f32::midpoint(*high, *low)));
            }
            _ => self.storms.precipitation(day, &mut values),
        }
        let mut layer = vec![MISSING; ROWS * COLS];
        for (&at, value) in self.valid.iter().zip(values) {
            layer[at] = value;
        }
        layer
    }
}

/// The name that the papers give a variable, and its unit.
fn described(variable: &str) -> Option<(&'static str, &'static str)> {
    match variable {
        "ppt" => Some(("precipitation", "Millimeters")),
        "tmin" => Some(("minimum temperature", "Degrees C")),
        "tmax" => Some(("maximum temperature", "Degrees C")),
        "tmean" => Some(("mean temperature", "Degrees C")),
        _ => None,
    }
}

pub(crate) fn jobs(root: &Path, spec: &Spec, layout: Layout) -> Result<Vec<Job>> {
    let fields: Arc<OnceLock<Fields>> = Arc::default();
    let area = spec.area;
    let mut jobs = Vec::new();
    for variable in &spec.prism_variables {
        let Some((title, unit)) = described(variable) else {
            bail!("this PRISM has no variable `{variable}`; it has ppt, tmin, tmax, tmean");
        };
        for day in 0..spec.prism_days {
            let date = spec.prism_start.saturating_add(jiff::Span::new().days(day));
            let day = Day { layout, variable: variable.clone(), date, title, unit };
            let fields = Arc::clone(&fields);
            jobs.push(Job::new(root.join(layout.path(variable, date)), move |path| {
                day.write(path, fields.get_or_init(|| Fields::new(area)))
            }));
        }
    }
    Ok(jobs)
}

/// A variable on a day, in a layout.
struct Day {
    layout: Layout,
    variable: String,
    date: Date,
    title: &'static str,
    unit: &'static str,
}

/// Smallest, largest, mean and standard deviation of the values that are known.
struct Statistics {
    min: f64,
    max: f64,
    mean: f64,
    deviation: f64,
}

impl Statistics {
    fn of(values: &[f32]) -> Self {
        let known = || values.iter().filter(|&&value| value > MISSING).map(|&value| f64::from(value));
        let count = known().count().max(1) as f64;
        let mean = known().sum::<f64>() / count;
        Self {
            min: known().fold(f64::INFINITY, f64::min),
            max: known().fold(f64::NEG_INFINITY, f64::max),
            mean,
            deviation: (known().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt(),
        }
    }

    fn aux_xml(&self) -> String {
        let Self { min, max, mean, deviation } = self;
        format!(
            "<PAMDataset>\n  <PAMRasterBand band=\"1\">\n    <NoDataValue>-9.99900000000000E+03</NoDataValue>\n    \
             <Metadata>\n      <MDI key=\"STATISTICS_MAXIMUM\">{max:.11}</MDI>\n      \
             <MDI key=\"STATISTICS_MEAN\">{mean:.11}</MDI>\n      \
             <MDI key=\"STATISTICS_MINIMUM\">{min:.11}</MDI>\n      \
             <MDI key=\"STATISTICS_STDDEV\">{deviation:.11}</MDI>\n    </Metadata>\n  \
             </PAMRasterBand>\n</PAMDataset>\n"
        )
    }
}

impl Day {
    fn write(&self, path: &Path, fields: &Fields) -> Result<()> {
        let values = fields.layer(&self.variable, self.date);
        let statistics = Statistics::of(&values);
        let stem = self.layout.stem(&self.variable, self.date);
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        match self.layout {
            Layout::New => {
                let raster = path.with_extension("tif");
                let written = self.cog(&raster, values);
                let bytes = written.and_then(|()| Ok(fs::read(&raster)?));
                let _ = fs::remove_file(&raster);
                members.push((format!("{stem}.tif"), bytes?));
                members.push((format!("{stem}.tif.aux.xml"), statistics.aux_xml().into_bytes()));
            }
            Layout::Old => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                members.push((format!("{stem}.bil"), bytes));
                members.push((format!("{stem}.bil.aux.xml"), statistics.aux_xml().into_bytes()));
                members.push((format!("{stem}.hdr"), header().into_bytes()));
            }
        }
        let Statistics { min, max, mean, deviation } = statistics;
        let stx = format!("1 {min:.10} {max:.10} {mean:.10} {deviation:.10}\n");
        members.push((format!("{stem}.prj"), PRJ.into()));
        members.push((format!("{stem}.stx"), stx.into_bytes()));
        members.push((format!("{stem}.info.txt"), self.info().into_bytes()));
        members.push((format!("{stem}.xml"), self.metadata().into_bytes()));
        let file = fs::File::create(path).with_context(|| format!("can't create {}", path.display()))?;
        let mut zip = ZipWriter::new(file);
        for (name, bytes) in members {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(&bytes)?;
        }
        zip.finish()?;
        Ok(())
    }

    fn cog(&self, path: &Path, values: Vec<f32>) -> Result<()> {
        let band = Band {
            crs: NAD83,
            grid: grid(),
            nodata: f64::from(MISSING),
            scale: None,
            description: &self.variable,
            options: &[("BLOCKSIZE", "512"), ("OVERVIEW_RESAMPLING", "NEAREST")],
        };
        geotiff::write(path, values, &band)
    }

    fn info(&self) -> String {
        let Self { variable, date, .. } = self;
        let day = date.strftime("%Y%m%d");
        format!(
            "PRISM_DATASET_FILENAME: {}\nPRISM_DATASET_CREATE_DATE: 20190929\n\
             PRISM_DATASET_TYPE: an81/r1812\nPRISM_DATASET_VERSION: D2\n\
             PRISM_CODE_VERSION: 16.1-20180525-1024\nPRISM_DATASET_REMARKS: A synthetic grid of {} on \
             the PRISM lattice, made for tests.\n",
            match self.layout {
                Layout::New => format!("prism_{variable}_us_30s_{day}.tif"),
                Layout::Old => format!("cai_{variable}_us_us_30s_{day}.bil"),
            },
            self.title
        )
    }

    /// The FGDC record, in the sections that readers look at.
    fn metadata(&self) -> String {
        let day = self.date.strftime("%Y%m%d");
        let long = self.date.strftime("%B %-d, %Y");
        let kind = match self.layout {
            Layout::New => "4km; GeoTIFF",
            Layout::Old => "4km; BIL",
        };
        let Self { title, unit, .. } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <idinfo>\n    <citation>\n      \
             <citeinfo>\n        <origin>PRISM Climate Group at Oregon State University</origin>\n        \
             <pubdate>20191019</pubdate>\n        <title>United States Daily {title}, {long} ({kind})</title>\n      \
             </citeinfo>\n    </citation>\n    <descript>\n      <abstract>Synthetic, made for tests.</abstract>\n    \
             </descript>\n    <timeperd>\n      <timeinfo>\n        <rngdates>\n          \
             <begdate>{day}</begdate>\n          <enddate>{day}</enddate>\n        </rngdates>\n      \
             </timeinfo>\n      <current>observed</current>\n    </timeperd>\n    <spdom>\n      <bounding>\n        \
             <westbc>-125.0208333</westbc>\n        <eastbc>-66.4791667</eastbc>\n        \
             <northbc>49.9375000</northbc>\n        <southbc>24.0625000</southbc>\n      </bounding>\n    \
             </spdom>\n  </idinfo>\n  <eainfo>\n    <detailed>\n      <attr>\n        \
             <attrlabl>Daily {title}</attrlabl>\n        <attrdomv>\n          <rdom>\n            \
             <attrunit>{unit}</attrunit>\n          </rdom>\n        </attrdomv>\n      </attr>\n    \
             </detailed>\n  </eainfo>\n</metadata>\n"
        )
    }
}

/// The BIL's header. `ULXMAP` and `ULYMAP` are the centre of the first cell.
fn header() -> String {
    [
        ("BYTEORDER", "I"),
        ("LAYOUT", "BIL"),
        ("NROWS", "621"),
        ("NCOLS", "1405"),
        ("NBANDS", "1"),
        ("NBITS", "32"),
        ("BANDROWBYTES", "5620"),
        ("TOTALROWBYTES", "5620"),
        ("PIXELTYPE", "FLOAT"),
        ("ULXMAP", "-125"),
        ("ULYMAP", "49.9166666666664"),
        ("XDIM", "0.0416666666667"),
        ("YDIM", "0.0416666666667"),
        ("NODATA", "-9999"),
    ]
    .map(|(key, value)| format!("{key:<15}{value}\n"))
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn paths_are_those_of_the_archive() {
        let day = date(2004, 2, 29);
        assert_eq!(
            Layout::New.path("ppt", day),
            Path::new("time_series/us/an/4km/ppt/daily/2004/prism_ppt_us_25m_20040229.zip")
        );
        assert_eq!(
            Layout::Old.path("tmin", day),
            Path::new("daily/tmin/2004/PRISM_tmin_stable_4kmD2_20040229_bil.zip")
        );
    }
}
