//! Small rasters, series and products in a temporary folder, on one grid of
//! 0.1-degree pixels whose tiles `west` and `east` have 6 rows and 5 columns.

use seedbed_block::{Date, Period, Unit, date};
use seedbed_catalog::{Item, ItemCollection};
use seedbed_grid::{Index, PixelGrid, PixelRange, Projections, Shape2d, Tile, TileGrid, Xy};
use seedbed_prep::{
    Attempt, Committed, Description, Expected, Format, Member, Plans, PrepError, Prepare, Provenance, Rules,
    Series, Spool, Target, TaskKey, TileReader, Variable, write_catalog,
};
use seedbed_raster::Proj;
use seedbed_raster::cog::{self, BandMeta, CogOptions};
use seedbed_storage::{Settings, Stores};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Rows and columns of a tile.
pub const TILE: Shape2d = Shape2d { rows: 6, cols: 5 };

pub struct Sandbox {
    pub dir: TempDir,
    runtime: Runtime,
}

/// Layers of a raster of its own place: what a test file holds.
pub struct Layers {
    pub at: PixelRange,
    pub values: Vec<Vec<f64>>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), runtime: Runtime::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn spool(&self) -> Spool {
        let stores = Stores::new(Settings::default()).unwrap();
        Spool::new(stores, self.runtime.handle().clone(), self.path("spool"))
    }

    /// A COG of one band on the grid's pixels `at`.
    pub fn cog(&self, name: &str, at: PixelRange, value: impl Fn(usize) -> f64) {
        let values: Vec<f64> = (0..at.shape().len()).map(value).collect();
        self.cog_with(name, at, &values, &CogOptions::default());
    }

    pub fn cog_with(&self, name: &str, at: PixelRange, values: &[f64], options: &CogOptions) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        cog::write(&path, &grid().geobox(at), values, &BandMeta::default(), options).unwrap();
    }

    /// A netCDF of one layer a day.
    pub fn netcdf(&self, name: &str, dates: &[Date], layers: &Layers) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, crate::netcdf3::bytes(dates, &grid().geobox(layers.at), &layers.values)).unwrap();
    }

    /// A series of `asset` over items written as a collection.
    pub fn series(&self, asset: &str, items: &[Value]) -> Result<Series, PrepError> {
        Series::from_items(asset, &self.items(items), asset, &self.spool(), &Proj)
    }

    /// Items as they are read from a document in the sandbox.
    pub fn items(&self, items: &[Value]) -> Vec<Item> {
        let path = self.path("items.json");
        fs::write(&path, json!({ "type": "FeatureCollection", "features": items }).to_string()).unwrap();
        let stores = Stores::new(Settings::default()).unwrap();
        let at = seedbed_storage::Location::Local(path);
        self.runtime.block_on(ItemCollection::read(&stores, &at)).unwrap().items
    }

    pub fn reader(
        &self,
        series: &Series,
        rules: &Rules,
        period: &str,
    ) -> Result<TileReader<'static, f64>, PrepError> {
        let period: Period = period.parse().unwrap();
        TileReader::open(
            series,
            target("west"),
            rules.clone(),
            period,
            Plans::default(),
            &self.spool(),
            &Proj,
        )
    }

    /// Commits a product of `variables` (name and value everywhere) under `root`.
    pub fn commit(&self, root: &str, member: &Member, variables: &[(&str, f64)]) -> Committed {
        self.stage(root, member, variables).commit(&self.spool(), &Proj, &description(&provenance())).unwrap()
    }

    /// Stages a product without committing it.
    pub fn stage(&self, root: &str, member: &Member, variables: &[(&str, f64)]) -> Attempt {
        let geobox = grid().geobox(range(&member.tile));
        let options = CogOptions::default();
        let mut attempt = Attempt::begin(&self.path(root), member, &geobox, &options).unwrap();
        for (name, value) in variables {
            let variable = Variable { name: (*name).to_owned(), ..Variable::default() };
            attempt.write(variable, &vec![*value; TILE.len()]).unwrap();
        }
        attempt
    }

    /// Writes the set of `members` under `root`.
    pub fn expect(&self, root: &str, variables: &[&str], members: &[Member]) -> Expected {
        let set = Expected {
            format_version: Expected::FORMAT,
            name: "product".to_owned(),
            variables: variables.iter().map(|v| (*v).to_owned()).collect(),
            grid: grid(),
            tiles: tiles().tiles,
            bbox: target("west").bbox.union(target("east").bbox),
            members: members.to_vec(),
            recipe: None,
        };
        set.write(&self.path(root), &self.spool()).unwrap();
        write_catalog(&self.path(root), &set, "product", &self.spool()).unwrap();
        set
    }

    /// Every file below `name`, but the program's own, with its bytes.
    pub fn files(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(name);
        let mut files = BTreeMap::new();
        gather(&root, &root, &mut files);
        files
    }

    /// The COGs below `name`.
    pub fn cogs(&self, name: &str) -> Vec<PathBuf> {
        let is_cog = |p: &PathBuf| p.extension().is_some_and(|e| e == "tif");
        self.files(name).into_keys().filter(is_cog).map(|p| self.path(name).join(p)).collect()
    }
}

pub fn grid() -> PixelGrid {
    let crs = Proj.resolve("EPSG:4326").unwrap();
    PixelGrid { crs, origin: Xy { x: -100.0, y: 50.0 }, resolution: Xy { x: 0.1, y: 0.1 } }
}

pub fn range(tile: &str) -> PixelRange {
    let col0 = if tile == "east" { 105 } else { 100 };
    PixelRange { row0: 40, col0, rows: 6, cols: 5 }
}

/// The pixels of both tiles and a margin of two around them.
pub fn around() -> PixelRange {
    PixelRange { row0: 38, col0: 98, rows: 10, cols: 14 }
}

pub fn tiles() -> TileGrid {
    let tile = |name: &str| Tile { name: name.to_owned(), range: range(name) };
    TileGrid { grid: grid(), scheme: "test".to_owned(), tiles: vec![tile("west"), tile("east")] }
}

pub fn target(tile: &str) -> Target {
    let geobox = grid().geobox(range(tile));
    let bbox = geobox.territory(&Proj, 4).unwrap().bbox;
    let anchor = Index { row: range(tile).row0, col: range(tile).col0 };
    Target { tile: tile.to_owned(), geobox, anchor, bbox }
}

pub fn member(tile: &str, period: &str) -> Member {
    let key = TaskKey::of(&(tile, period)).unwrap();
    Member { tile: tile.to_owned(), period: period.to_owned(), key, variables: None, days: None }
}

pub fn provenance() -> Provenance {
    Provenance {
        process: "test".to_owned(),
        parameters: Map::new(),
        derived_from: Vec::new(),
        created: date(2004, 1, 1),
    }
}

pub fn description(provenance: &Provenance) -> Description<'_> {
    let period = "2004-01".parse().unwrap();
    Description { product: "product", period, provenance, properties: Map::new() }
}

/// An item of one day or span with one asset `value` in millimetres.
pub fn item(id: &str, days: &str, file: &str) -> Value {
    item_with(id, days, &json!({ "value": { "href": format!("./{file}"), "bands": [{ "unit": "mm" }] } }))
}

pub fn item_with(id: &str, days: &str, assets: &Value) -> Value {
    let period: Period = days.parse().unwrap();
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": null, "links": [],
        "properties": {
            "datetime": null,
            "start_datetime": format!("{}T00:00:00Z", period.start),
            "end_datetime": format!("{}T23:59:59Z", period.end),
        },
        "assets": assets,
    })
}

/// Millimetres, one layer a day.
pub fn rules() -> Rules {
    Rules { wanted: Some(Unit::Millimetre), ..Rules::default() }
}

/// An error with its causes.
pub fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        text = format!("{text}: {c}");
        cause = c.source();
    }
    text
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}

/// Every date of the asset `value` on both tiles, as it is.
pub fn request(sandbox: &Sandbox, items: &[Value]) -> Prepare {
    Prepare {
        name: "prepared".to_owned(),
        items: sandbox.items(items),
        assets: vec!["value".to_owned()],
        grid: tiles(),
        rules: Rules::default(),
        cog: Prepare::default_cog(),
        format: Format::Cog,
        period: None,
        out: seedbed_prep::Root::Local(sandbox.path("out")),
    }
}
