//! The demo: the whole pipeline on the small archives, by the real commands.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use clap::Args;
use seedbed_fixture::{Archives, Server, ServerOptions, Spec};

/// The area, drawn for this demo.
const AREA: &str = include_str!("../../../aoi/upper-delaware.geojson");
/// Daymet on the fixture's subset of its grid.
const DAYMET: &str = include_str!("../../../fixtures/definitions/daymet-drb.toml");

/// The project that the demo runs.
const PROJECT: &str = r#"# VegET over the upper Delaware River Basin, 2003 and 2004.
# Run with: seedbed run seedbed.toml

[project]
name = "upper-delaware"
out = "tiles"
period = "2003-01-01/2004-12-31"
leap = "repeat"  # Daymet has no 31 December in leap years: the day before stands for it

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
time = "composite"  # 16-day composites, linear between them

# Reference ET is computed by Hargreaves–Samani from tmin, tmax and latitude.

[statics.whc]
href = "archive/statics/whc.tif"
unit = "mm"

[statics.field_capacity]
href = "archive/statics/field_capacity.tif"
unit = "mm"

[statics.saturation]
href = "archive/statics/saturation.tif"
unit = "mm"

[statics.interception]
href = "archive/statics/interception.tif"
unit = "%"

[statics.water]
href = "archive/statics/watermask.tif"
unit = "1"

[model]
name = "veget"

[model.set]
bias_corr = 1.0  # the default belongs to gridMET's reference ET, not to Hargreaves–Samani

[output]
periods = ["monthly", "yearly"]
variables = ["etasw", "srf", "dd", "netet", "etc", "swf", "snwpk"]
"#;

/// Run the whole pipeline: crawl, copy, grid, run, mosaic, verify, view.
#[derive(Debug, Args)]
pub struct Demo {
    /// The seedbed program; the one beside this program where none is given.
    #[arg(long, value_name = "PATH")]
    seedbed: Option<PathBuf>,
    /// The folder everything goes to.
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    out: PathBuf,
}

/// A command of the pipeline, its time, and what it left behind.
struct Stage {
    name: &'static str,
    seconds: f64,
}

impl Demo {
    /// Runs the demo; what is done is kept when a stage fails.
    pub fn run(&self) -> Result<()> {
        self.stages().map_err(|error| {
            eprintln!("error: {error:#}\nhint: what is done is kept; the same command carries on");
            std::process::exit(1)
        })
    }

    fn stages(&self) -> Result<()> {
        let started = (Instant::now(), SystemTime::now());
        let seedbed = match &self.seedbed {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?.with_file_name("seedbed"),
        };
        if !seedbed.is_file() {
            bail!("{} is not there; name the program with --seedbed", seedbed.display());
        }
        fs::create_dir_all(&self.out).with_context(|| format!("can't create {}", self.out.display()))?;
        let dir = fs::canonicalize(&self.out)?;
        let mut stages = Vec::new();

        say("Making two years of small archives in their true formats");
        let at = Instant::now();
        let archives = Archives::generate(dir.join("archive"), &Spec::demo())?;
        stages.push(Stage { name: "archives", seconds: at.elapsed().as_secs_f64() });
        let server = serve(&dir, &archives)?;
        let root = server.base_url().to_owned();
        say(&format!("Serving them at {root} as the real sites do"));
        for (name, text) in [
            ("aoi/upper-delaware.geojson", AREA),
            ("definitions/daymet-drb.toml", DAYMET),
            ("seedbed.toml", PROJECT),
        ] {
            write_once(&dir.join(name), text)?;
        }
        println!("$ cd {}", self.out.display());

        for (name, command) in commands(&root) {
            let at = Instant::now();
            run(&seedbed, &dir, &command)?;
            stages.push(Stage { name, seconds: at.elapsed().as_secs_f64() });
        }
        if let Some(violation) = server.violations().first() {
            bail!("the server saw a credential where none may go: {violation}");
        }
        summary(&dir, &self.out, &stages, started.0.elapsed(), started.1)
    }
}

/// The pipeline, as its user would type it.
fn commands(root: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "crawl daymet",
            format!(
                "crawl definitions/daymet-drb.toml --root {root}/ --where variable=tmin,tmax,prcp \
                 --datetime 2003/2004 --out catalog"
            ),
        ),
        (
            "crawl mod13a1",
            format!("crawl mod13a1 --root {root}/api/stac/v1/ --datetime 2002-12-01/2005-01-31 --out catalog"),
        ),
        ("copy daymet", "copy catalog/daymet-drb --assets tmin,tmax,prcp --to data".to_owned()),
        ("copy mod13a1", "copy catalog/mod13a1 --assets ndvi --to data".to_owned()),
        (
            "grid",
            "grid --aoi aoi/upper-delaware.geojson --crs EPSG:5070 --resolution 500 --tile 200px --out tiles.geojson"
                .to_owned(),
        ),
        ("run", "run seedbed.toml".to_owned()),
        ("mosaic", "mosaic tiles --out mosaic".to_owned()),
        ("verify tiles", "verify seedbed.toml".to_owned()),
        ("verify mosaic", "verify mosaic".to_owned()),
        (
            "view",
            "view mosaic --variables etasw --aoi aoi/upper-delaware.geojson --grid tiles.grid.json --out view"
                .to_owned(),
        ),
    ]
}

fn say(text: &str) {
    println!("# {text}");
}

/// Serves on the port of the last time, since the catalog's hrefs name it.
fn serve(dir: &Path, archives: &Archives) -> Result<Server> {
    let note = dir.join("port");
    let kept = fs::read_to_string(&note).ok().and_then(|text| text.trim().parse::<u16>().ok());
    let start = |port| Server::start(archives.dir(), ServerOptions { port, ..ServerOptions::default() });
    let server = match kept.map(start) {
        Some(Ok(server)) => return Ok(server),
        Some(Err(error)) => {
            say(&format!("another port than the last time, so the catalog changes: {error:#}"));
            start(0)?
        }
        None => start(0)?,
    };
    let port = server.base_url().rsplit(':').next().unwrap_or_default();
    fs::write(&note, port).with_context(|| format!("can't write {}", note.display()))?;
    Ok(server)
}

/// Writes a file unless it holds this text already.
fn write_once(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

/// Runs one command in the demo's folder; its progress goes straight to the terminal.
fn run(seedbed: &Path, dir: &Path, command: &str) -> Result<()> {
    println!("\n$ seedbed {command}");
    let mut child = Command::new(seedbed)
        .args(command.split(' '))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start {}", seedbed.display()))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            println!("{}", line?);
            std::io::stdout().flush()?;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("seedbed {command}: {status}");
    }
    Ok(())
}

/// What was made, where, and how long it took.
fn summary(dir: &Path, shown: &Path, stages: &[Stage], took: Duration, began: SystemTime) -> Result<()> {
    println!("\n# Done in {:.1} s", took.as_secs_f64());
    for stage in stages {
        println!("{:>8.1} s  {}", stage.seconds, stage.name);
    }
    println!();
    let mut made_now = 0;
    for (name, what) in [
        ("archive", "the archives served"),
        ("catalog", "STAC catalog of what they have"),
        ("data", "the assets copied"),
        ("tiles", "monthly and yearly outputs, tile by tile"),
        ("mosaic", "the same, mosaicked"),
        ("view", "a page with quicklooks"),
    ] {
        let found = measure(&dir.join(name), began)?;
        if matches!(name, "data" | "tiles" | "mosaic") {
            made_now += found.data_made;
        }
        let (size, files) = (megabytes(found.bytes), found.files);
        println!("{size:>10}  {files:>5} files  {}  ({what})", shown.join(name).display());
    }
    if made_now == 0 {
        println!("\nEverything was done already: nothing was copied, computed or mosaicked anew.");
    }
    println!();
    let mut pictures: Vec<PathBuf> =
        fs::read_dir(dir.join("view"))?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    pictures.retain(|p| p.extension().is_some_and(|e| e == "png"));
    pictures.sort();
    for picture in pictures {
        println!("{}", picture.display());
    }
    Ok(())
}

#[derive(Default)]
struct Measure {
    bytes: u64,
    files: usize,
    /// Rasters and other data written since the demo began.
    data_made: usize,
}

fn measure(folder: &Path, since: SystemTime) -> Result<Measure> {
    let mut found = Measure::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("{} is missing", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
                continue;
            }
            found.bytes += metadata.len();
            found.files += 1;
            let is_data = entry.path().extension().is_some_and(|e| e == "tif" || e == "nc");
            found.data_made += usize::from(is_data && metadata.modified()? >= since);
        }
    }
    Ok(found)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
