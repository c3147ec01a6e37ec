//! A small project made in a temporary folder: two tiles, twenty days, VegET.

use seedbed_block::{Date, Period, date};
use seedbed_grid::{Affine, GeoBox, PixelGrid, PixelRange, Projections, Shape2d, Tile, TileGrid, Xy};
use seedbed_prep::Spool;
use seedbed_raster::cog::{self, BandMeta, CogOptions};
use seedbed_raster::{Proj, Raster, RasterSource};
use seedbed_run::{ExecuteOptions, Overrides, Plan, Progress, Project, RunError, RunReport, Runner};
use seedbed_storage::{Settings, Stores};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct Sandbox {
    pub dir: TempDir,
    runtime: Runtime,
}

/// A run that nobody watches and nobody stops.
pub struct Unwatched;

impl Progress for Unwatched {
    fn advanced(&self, _: usize, _: usize) {}
}

pub const RUN: &str = "2004-02-20/2004-03-10";

/// Stops after a number of ticks.
pub struct StopAfter(pub std::sync::atomic::AtomicUsize);

impl Progress for StopAfter {
    fn advanced(&self, _: usize, _: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        let _ = self.0.fetch_update(Relaxed, Relaxed, |n| Some(n.saturating_sub(1)));
    }
    fn interrupted(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}

impl Sandbox {
    /// A folder of its own, its inputs linked to those that the first test made.
    pub fn new() -> Self {
        static FIRST: LazyLock<Sandbox> = LazyLock::new(|| {
            let first = Sandbox::empty();
            first.write_grid();
            first.write_inputs();
            first
        });
        let sandbox = Self::empty();
        fs::create_dir(sandbox.path("data")).unwrap();
        for entry in fs::read_dir(FIRST.path("data")).unwrap() {
            let from = entry.unwrap().path();
            fs::hard_link(&from, sandbox.path("data").join(from.file_name().unwrap())).unwrap();
        }
        for document in ["tiles.grid.json", "weather.json", "ndvi.json"] {
            fs::copy(FIRST.path(document), sandbox.path(document)).unwrap();
        }
        sandbox.write_project(PROJECT);
        sandbox
    }

    fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), runtime: Runtime::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn spool(&self) -> Spool {
        let stores = Stores::new(Settings::default()).unwrap();
        Spool::new(stores, self.runtime.handle().clone(), self.path("spool"))
    }

    pub fn write_project(&self, text: &str) {
        fs::write(self.path("seedbed.toml"), text).unwrap();
    }

    pub fn with_runner<T>(&self, f: impl FnOnce(&Runner<'_>) -> Result<T, RunError>) -> Result<T, RunError> {
        self.with(&Overrides::default(), f)
    }

    /// The same with what a command line says over the project file.
    pub fn with<T>(
        &self,
        overrides: &Overrides,
        f: impl FnOnce(&Runner<'_>) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let project = Project::read(&self.path("seedbed.toml"))?;
        f(&Runner::new(project, overrides, self.spool(), &Proj)?)
    }

    pub fn plan(&self) -> Plan {
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is too narrow")]
        self.with_runner(|runner| runner.plan()).unwrap()
    }

    pub fn run(&self, progress: &dyn Progress) -> Result<RunReport, RunError> {
        self.with_runner(|runner| runner.execute(&runner.plan()?, &options(None), progress))
    }

    /// The pixels of a product, row by row.
    pub fn values(&self, tile: &str, period: &str, variable: &str) -> Vec<f64> {
        let path = self.cog(tile, period, variable);
        let raster = Raster::open(&RasterSource::new(&path)).unwrap();
        raster.read(0, PixelRange::of_shape(raster.geobox().shape)).unwrap()
    }

    /// The COG of a product.
    pub fn cog(&self, tile: &str, period: &str, variable: &str) -> PathBuf {
        let name = format!("{variable}_{tile}_{period}.tif");
        let found = self.files("out").into_keys().find(|p| p.ends_with(&name));
        self.path("out").join(found.unwrap_or_else(|| panic!("{name} has not been made")))
    }

    /// Every file below `name` but the ledger and the plan, with its bytes.
    pub fn files(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(name);
        let mut files = BTreeMap::new();
        gather(&root, &root, &mut files);
        files
    }

    fn write_grid(&self) {
        let crs = Proj.resolve("EPSG:5070").unwrap();
        let grid = PixelGrid { crs, origin: Xy { x: 0.0, y: 0.0 }, resolution: Xy { x: 1000.0, y: 1000.0 } };
        let tile = |name: &str, col0| Tile {
            name: name.to_owned(),
            range: PixelRange { row0: -2200, col0, rows: 6, cols: 5 },
        };
        let tiles =
            TileGrid { grid, scheme: "test".to_owned(), tiles: vec![tile("west", 1500), tile("east", 1505)] };
        fs::write(self.path("tiles.grid.json"), serde_json::to_vec(&tiles).unwrap()).unwrap();
    }

    fn write_inputs(&self) {
        fs::create_dir_all(self.path("data")).unwrap();
        let period: Period = RUN.parse().unwrap();
        let mut weather = Vec::new();
        for day in period.days() {
            let season = f64::from(day.day_of_year());
            let mut assets = serde_json::Map::new();
            for (name, base, unit) in [("ppt", 4.0, "mm"), ("tmin", -2.0, "degC"), ("tmax", 9.0, "degC")] {
                let file = format!("data/{name}_{day}.tif");
                self.raster(&file, unit, |i| {
                    base + season.sin() * 3.0 * f64::from(u8::from(name != "ppt")) + f64::from(i) * 0.01
                });
                assets.insert(name.to_owned(), asset(&file, unit));
            }
            weather.push(item(&format!("weather-{day}"), day, day, &assets.into()));
        }
        self.items("weather.json", &weather);
        let mut ndvi = Vec::new();
        for start in [date(2004, 2, 2), date(2004, 2, 18), date(2004, 3, 5), date(2004, 3, 21)] {
            let file = format!("data/ndvi_{start}.tif");
            self.raster(&file, "1", |i| 0.3 + f64::from(start.day_of_year()) * 0.002 + f64::from(i) * 1e-4);
            let end = start.saturating_add(jiff::Span::new().days(15));
            ndvi.push(item(&format!("ndvi-{start}"), start, end, &json!({ "ndvi": asset(&file, "1") })));
        }
        self.items("ndvi.json", &ndvi);
        self.raster("data/whc.tif", "mm", |i| 80.0 + f64::from(i));
    }

    /// A raster of 12×16 pixels that covers both tiles with a margin.
    pub fn raster(&self, name: &str, unit: &str, value: impl Fn(i32) -> f64) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        let geobox = GeoBox {
            crs: Proj.resolve("EPSG:5070").unwrap(),
            affine: Affine::north_up(Xy { x: 1_497_000.0, y: 2_203_000.0 }, 1000.0, 1000.0),
            shape: Shape2d { rows: 12, cols: 16 },
        };
        let values: Vec<f64> = (0..192).map(value).collect();
        let band = BandMeta { name: "value".to_owned(), unit: Some(unit.to_owned()) };
        cog::write(&path, &geobox, &values, &band, &CogOptions::default()).unwrap();
    }

    pub fn items(&self, name: &str, items: &[Value]) {
        let collection = json!({ "type": "FeatureCollection", "features": items });
        fs::write(self.path(name), collection.to_string()).unwrap();
    }
}

/// Two tiles at once.
pub fn options(tiles: Option<Vec<String>>) -> ExecuteOptions {
    ExecuteOptions { jobs: 2, memory: 4 << 30, tiles }
}

pub fn asset(file: &str, unit: &str) -> Value {
    json!({ "href": format!("./{file}"), "bands": [{ "unit": unit }] })
}

pub fn item(id: &str, start: Date, end: Date, assets: &Value) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null, "links": [],
        "properties": {
            "datetime": null,
            "start_datetime": format!("{start}T00:00:00Z"),
            "end_datetime": format!("{end}T23:59:59Z"),
        },
        "assets": assets,
    })
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with(".seedbed") {
                gather(root, &path, files);
            }
        } else {
            files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}

pub const PROJECT: &str = r#"
[project]
name = "small"
out = "out"
period = "2004-02-20/2004-03-10"

[grid]
file = "tiles.grid.json"

[inputs.ppt]
items = "weather.json"
asset = "ppt"

[inputs.tmin]
items = "weather.json"
asset = "tmin"

[inputs.tmax]
items = "weather.json"
asset = "tmax"

[inputs.ndvi]
items = "ndvi.json"
asset = "ndvi"
time = "composite"

[statics.whc]
href = "data/whc.tif"

[statics.field_capacity]
value = 220

[statics.saturation]
value = 400

[statics.interception]
value = 10

[model]
name = "veget"

[model.set]
bias_corr = 1.0

[output]
periods = ["monthly", "yearly"]
variables = ["etasw", "swf"]
"#;
