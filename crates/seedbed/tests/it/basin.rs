//! The whole chain on small archives: half a year over four tiles, from the
//! archives' listings to mosaics.

use crate::sandbox::{Ran, Sandbox, copy_all};
use seedbed_fixture::{Archive, Archives, Server, ServerOptions, Spec, daymet};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Daymet's definition, on the fixture's default window of its grid.
const DAYMET: &str = include_str!("../../../../fixtures/definitions/daymet-drb.toml");

/// Half a year, its last days among them: Daymet has no 31 December 2004.
const PROJECT: &str = r#"
[project]
name = "basin"
out = "tiles"
period = "2004-07-01/2004-12-31"
leap = "repeat"

[grid]
file = "tiles.grid.json"

[inputs.ppt]
items = "catalog/daymet-drb/collection.json"
asset = "prcp"

[inputs.tmin]
items = "catalog/daymet-drb/collection.json"
asset = "tmin"

[inputs.tmax]
items = "catalog/daymet-drb/collection.json"
asset = "tmax"

[inputs.ndvi]
items = "catalog/mod13a1/collection.json"
asset = "ndvi"
time = "composite"

[statics.whc]
href = "statics/whc.tif"
unit = "mm"

[statics.field_capacity]
href = "statics/field_capacity.tif"
unit = "mm"

[statics.saturation]
href = "statics/saturation.tif"
unit = "mm"

[statics.interception]
href = "statics/interception.tif"
unit = "%"

[statics.water]
href = "statics/watermask.tif"
unit = "1"

[model]
name = "veget"

[model.set]
bias_corr = 1.0

[output]
periods = ["monthly", "yearly"]
variables = ["etasw", "srf", "dd", "netet", "swf", "snwpk"]
"#;

/// The variables of [`PROJECT`].
pub const VARIABLES: [&str; 6] = ["etasw", "srf", "dd", "netet", "swf", "snwpk"];
/// The periods of [`PROJECT`]: six months, and what there is of the year.
pub const PERIODS: [&str; 7] = ["2004-07", "2004-08", "2004-09", "2004-10", "2004-11", "2004-12", "2004"];
/// How many tiles there are.
pub const TILES: usize = 4;

/// What the chain writes.
pub const WRITTEN: [&str; 7] =
    ["catalog", "data", "tiles.geojson", "tiles.grid.json", "tiles", "mosaic", "view"];

/// What tests of this process share as long as one of them holds it. (A static
/// would never be dropped, and leave its folder behind.)
pub fn shared<T>(slot: &Mutex<Weak<T>>, make: impl FnOnce() -> T) -> Arc<T> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make());
        *slot = Arc::downgrade(&made);
        made
    })
}

/// Small archives, served on loopback.
pub struct Site {
    folder: TempDir,
    server: Server,
    spec: Spec,
}

impl Site {
    /// The one that all tests share.
    pub fn shared() -> Arc<Self> {
        static SITE: Mutex<Weak<Site>> = Mutex::new(Weak::new());
        shared(&SITE, || {
            let folder = tempfile::tempdir().unwrap();
            let archives = vec![Archive::Daymet, Archive::Modis, Archive::Statics];
            let spec = Spec { archives, ..Spec::small() };
            let archives = Archives::generate(folder.path(), &spec).unwrap();
            let server = Server::start(archives.dir(), ServerOptions::default()).unwrap();
            Self { folder, server, spec }
        })
    }
}

/// How the site serves data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can.
    Fast,
    /// In drops, so that a transfer takes a second or two.
    Slow,
}

/// A command of the chain.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name in reports.
    pub name: &'static str,
    /// As typed.
    pub args: Vec<String>,
}

impl Stage {
    fn new(name: &'static str, command: &str) -> Self {
        Self { name, args: command.split(' ').map(str::to_owned).collect() }
    }
}

/// A directory in which the chain runs.
pub struct Chain {
    /// The directory.
    pub sandbox: Sandbox,
    site: Arc<Site>,
    pace: Pace,
}

impl Chain {
    /// A fresh one, with what its user brings: project, definition, statics.
    pub fn new(site: &Arc<Site>, pace: Pace) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("seedbed.toml", PROJECT);
        sandbox.write("daymet-drb.toml", definition(&site.spec));
        copy_all(&site.folder.path().join("statics"), &sandbox.path("statics"));
        Self { sandbox, site: Arc::clone(site), pace }
    }

    /// The stages in order.
    pub fn stages(&self) -> Vec<Stage> {
        let base = self.site.server.base_url();
        let root = match self.pace {
            Pace::Fast => base.to_owned(),
            Pace::Slow => format!("{base}/fault/slow@data"),
        };
        let daymet = format!(
            "crawl daymet-drb.toml --root {root}/ --where variable=tmin,tmax,prcp --datetime 2004 --out catalog"
        );
        let mod13a1 = format!(
            "crawl mod13a1 --root {root}/api/stac/v1/ --datetime 2004-06-01/2005-01-31 --out catalog"
        );
        let grid = "grid --bbox=-75.25,41.05,-74.95,41.35 --crs EPSG:5070 --resolution 500 --tile 60px --out \
                    tiles.geojson";
        vec![
            Stage::new("crawl daymet", &daymet),
            Stage::new("crawl mod13a1", &mod13a1),
            Stage::new("copy daymet", "copy catalog/daymet-drb --assets tmin,tmax,prcp --to data"),
            Stage::new("copy mod13a1", "copy catalog/mod13a1 --assets ndvi --to data"),
            Stage::new("grid", grid),
            Stage::new("run", "run seedbed.toml"),
            Stage::new("mosaic", "mosaic tiles --out mosaic"),
            Stage::new("view", "view mosaic --variables etasw --grid tiles.grid.json --out view"),
        ]
    }

    /// The stage of that name.
    pub fn stage(&self, name: &str) -> Stage {
        self.stages().into_iter().find(|s| s.name == name).unwrap()
    }

    /// Does a stage, which succeeds.
    #[track_caller]
    pub fn perform(&self, name: &str) -> Ran {
        self.sandbox.seedbed(&self.stage(name).args).succeeds()
    }

    /// Every file and folder there is by its path, but ledger and spool; a folder's
    /// path ends in a slash.
    pub fn written(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        gather(&self.sandbox.path(""), "", &mut found);
        found
    }
}

/// The chain, run once from end to end without disturbance.
pub struct Whole {
    /// Where it ran.
    pub chain: Chain,
    /// What it wrote.
    pub written: BTreeMap<String, Vec<u8>>,
    /// How long each stage took.
    pub took: BTreeMap<&'static str, Duration>,
}

impl Whole {
    /// The one that all tests share, and leave as it is.
    pub fn shared() -> Arc<Self> {
        static WHOLE: Mutex<Weak<Whole>> = Mutex::new(Weak::new());
        shared(&WHOLE, || {
            let chain = Chain::new(&Site::shared(), Pace::Slow);
            let mut took = BTreeMap::new();
            for stage in chain.stages() {
                let at = Instant::now();
                chain.perform(stage.name);
                took.insert(stage.name, at.elapsed());
            }
            let written = chain.written();
            assert!(
                !written.keys().any(|name| is_leftover(name)),
                "an undisturbed chain leaves nothing over"
            );
            Self { chain, written, took }
        })
    }

    /// A chain in another directory that has come as far as its inputs and grid.
    pub fn before_the_run(&self) -> Chain {
        let chain = Chain::new(&self.chain.site, self.chain.pace);
        for name in ["catalog", "data", "tiles.grid.json"] {
            self.chain.sandbox.copy_to(name, &chain.sandbox);
        }
        chain
    }

    /// Another chain came to the same; of the files and folders named only.
    #[track_caller]
    pub fn is_equalled_by(&self, other: &Chain, tops: &[&str]) {
        let of = |files: &BTreeMap<String, Vec<u8>>| {
            let chosen = |name: &&String| tops.contains(&name.split('/').next().unwrap());
            files.keys().filter(chosen).cloned().collect::<Vec<_>>()
        };
        let theirs = other.written();
        assert_eq!(of(&self.written), of(&theirs), "the names");
        for name in of(&self.written) {
            assert!(
                self.written[&name] == theirs[&name],
                "{name} differs:\n{}",
                differences(&self.written[&name], &theirs[&name])
            );
        }
    }
}

/// The lines that differ, of documents.
fn differences(one: &[u8], other: &[u8]) -> String {
    let [one, other] = [one, other].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let pairs = one.lines().zip(other.lines()).filter(|(a, b)| a != b);
    pairs.take(5).map(|(a, b)| format!("- {a}\n+ {b}")).collect::<Vec<_>>().join("\n")
}

/// Whether a path is what a process that died leaves behind: a part of a
/// transfer, a document under its temporary name, a staging folder or in one.
pub fn is_leftover(path: &str) -> bool {
    [".part", ".part.json", ".tmp"].iter().any(|end| path.ends_with(end)) || path.contains(".part/")
}

/// Daymet's definition, on the window that the fixture cuts for this area.
fn definition(spec: &Spec) -> String {
    // The fields reach 0.15 degrees beyond the area.
    let window = daymet::Window::covering(spec.area.grown(0.15)).unwrap();
    let ((rows, cols), transform) = (window.shape(), window.transform());
    let line = |line: &str| match line.split_once(" = ").map(|(key, _)| key) {
        Some("shape") => format!("shape = [{rows}, {cols}]"),
        Some("transform") => format!("transform = {transform:?}"),
        _ => line.to_owned(),
    };
    DAYMET.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn gather(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().display());
        if entry.file_name() == ".seedbed" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), &format!("{name}/"), found);
            found.insert(format!("{name}/"), Vec::new());
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}
