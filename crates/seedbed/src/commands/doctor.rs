//! `seedbed doctor`: what this machine has, what is missing, how to get it.

use crate::context::Ctx;
use crate::machine::{self, Memory};
use crate::report::{Report, Status, bytes};
use seedbed_grid::Projections;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  seedbed doctor
  seedbed doctor --json | jq '.findings[] | select(.state == \"missing\")'";

/// Say what this machine has, what is missing and how to get it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// There, and good.
    Ok,
    /// Not there, and not needed for every job.
    Optional,
    /// Needed, and not there.
    Missing,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// The findings, in a fixed order.
#[derive(Debug, Serialize)]
pub struct Doctor {
    findings: Vec<Finding>,
}

impl Report for Doctor {
    const COMMAND: &'static str = "doctor";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.findings.iter().map(|f| f.what.chars().count()).max().unwrap_or(0);
        for f in &self.findings {
            let mark = match f.state {
                State::Ok => "ok     ",
                State::Optional => "without",
                State::Missing => "MISSING",
            };
            writeln!(out, "{mark}  {:width$}  {}", f.what, f.found)?;
            if let Some(remedy) = &f.remedy {
                writeln!(out, "{:9}{:width$}  get it: {remedy}", "", "")?;
            }
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(_args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let mut findings = vec![gdal()];
    findings.extend(drivers());
    findings.push(proj(&ctx.projections));
    findings.push(cores());
    findings.push(memory());
    let here = std::env::current_dir()?;
    findings.push(disk(&here));
    findings.push(hard_links(&here));
    findings.push(stores_file(ctx.stores_file.as_deref()));
    findings.extend(credentials());
    let report = Doctor { findings };
    ctx.emit(&report)?;
    Ok(Status::of(report.findings.iter().all(|f| f.state != State::Missing)))
}

fn ok(what: &str, found: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), state: State::Ok, found: found.into(), remedy: None }
}

fn without(what: &str, state: State, found: &str, remedy: &str) -> Finding {
    Finding { what: what.to_owned(), state, found: found.to_owned(), remedy: Some(remedy.to_owned()) }
}

/// The oldest release whose warp and COG driver behave as the tests expect.
const OLDEST_GDAL: (u32, u32) = (3, 6);

fn gdal() -> Finding {
    let version = seedbed_raster::gdal_version();
    let mut numbers = version.split('.').map_while(|n| n.parse::<u32>().ok());
    let new_enough = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST_GDAL;
    if new_enough {
        ok("GDAL", version)
    } else {
        without(
            "GDAL",
            State::Missing,
            &format!("{version}; 3.6 or later is needed"),
            "apt install libgdal-dev on Debian 12, Ubuntu 24.04 or later; or conda install -c conda-forge libgdal",
        )
    }
}

/// (GDAL driver, what it is for, whether every job needs it, how to get it)
const DRIVERS: [(&str, &str, bool, &str); 8] = [
    ("netCDF", "Daymet, MACA, gridMET", true, "apt install libgdal-dev; conda: libgdal-netcdf"),
    ("GTiff", "GeoTIFF", true, "apt install libgdal-dev; conda: libgdal"),
    ("COG", "outputs", true, "apt install libgdal-dev; conda: libgdal"),
    ("EHdr", "PRISM BIL in a zip", true, "apt install libgdal-dev; conda: libgdal"),
    ("AAIGrid", "soil grids in ASCII", true, "apt install libgdal-dev; conda: libgdal"),
    ("HDF4Image", "MODIS HDF4-EOS granules", false, "apt install libgdal-dev; conda: libgdal-hdf4"),
    ("HDF5", "HDF5 granules", false, "apt install libgdal-dev; conda: libgdal-hdf5"),
    ("JP2OpenJPEG", "JPEG 2000", false, "apt install libgdal-dev; conda: libgdal-jp2openjpeg"),
];

fn drivers() -> impl Iterator<Item = Finding> {
    DRIVERS.iter().map(|(name, purpose, needed, remedy)| {
        let what = format!("GDAL driver {name}");
        if seedbed_raster::has_driver(name) {
            ok(&what, *purpose)
        } else {
            let state = if *needed { State::Missing } else { State::Optional };
            without(&what, state, purpose, remedy)
        }
    })
}

fn proj(projections: &dyn Projections) -> Finding {
    match projections.resolve("EPSG:5070") {
        Ok(crs) => ok("PROJ database", format!("knows {crs}")),
        Err(e) => without(
            "PROJ database",
            State::Missing,
            &e.to_string(),
            "apt install proj-data; with conda, set PROJ_DATA to the environment's share/proj",
        ),
    }
}

fn cores() -> Finding {
    ok("cores", machine::cores().to_string())
}

/// Less than this hardly runs a tile.
const LITTLE_MEMORY: u64 = 1_000_000_000;

fn memory() -> Finding {
    let Some(memory) = Memory::of_this_machine() else {
        return ok("memory", "unknown on this system");
    };
    let found = match memory.limit.filter(|l| *l < memory.total) {
        Some(limit) => {
            format!("{} (limit of a cgroup or job; the machine has {})", bytes(limit), bytes(memory.total))
        }
        None => bytes(memory.total),
    };
    if memory.usable() < LITTLE_MEMORY {
        without("memory", State::Missing, &found, "ask for at least 1 GB, for example --mem=2G with Slurm")
    } else {
        ok("memory", found)
    }
}

/// Less than this hardly holds a year of one tile.
const LITTLE_DISK: u64 = 1_000_000_000;

fn disk(here: &Path) -> Finding {
    match machine::free_bytes(here) {
        Some(free) if free < LITTLE_DISK => without(
            "free disk",
            State::Optional,
            &format!("{} in {}", bytes(free), here.display()),
            "work in a folder on a larger file system",
        ),
        Some(free) => ok("free disk", format!("{} in {}", bytes(free), here.display())),
        None => ok("free disk", "unknown on this system"),
    }
}

/// Commits create a record by linking it into place; try just that.
fn hard_links(here: &Path) -> Finding {
    match try_link(here) {
        Ok(()) => ok("create-once commits", "hard links work here"),
        Err(e) => without(
            "create-once commits",
            State::Missing,
            &format!("hard links do not work in {}: {e}", here.display()),
            "write to a local or NFS file system; FAT and some FUSE mounts have no hard links",
        ),
    }
}

fn try_link(here: &Path) -> io::Result<()> {
    let name = |end: &str| here.join(format!(".seedbed-doctor-{}.{end}", std::process::id()));
    let (temporary, record) = (name("tmp"), name("record"));
    let tried = std::fs::write(&temporary, b"probe")
        .and_then(|()| std::fs::hard_link(&temporary, &record))
        .and_then(|()| match std::fs::hard_link(&temporary, &record) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e),
            Ok(()) => Err(io::Error::other("a second link to an existing name succeeded")),
        });
    for path in [temporary, record] {
        // What was not created cannot be removed; the result is in `tried`.
        let _ = std::fs::remove_file(path);
    }
    tried
}

fn stores_file(given: Option<&Path>) -> Finding {
    match given {
        Some(path) if path.is_file() => ok("stores file", path.display().to_string()),
        Some(path) => without(
            "stores file",
            State::Missing,
            &format!("{} is not there", path.display()),
            "correct --stores or SEEDBED_STORES",
        ),
        None => ok("stores file", "none given (--stores, SEEDBED_STORES); needed for dcache:// only"),
    }
}

/// (variable or file in the home folder, what it is for)
const CREDENTIALS: [(&str, &str); 6] = [
    ("EARTHDATA_TOKEN", "Earthdata Login by token"),
    ("EARTHDATA_USERNAME", "Earthdata Login by name and password"),
    ("AWS_ACCESS_KEY_ID", "S3"),
    ("AWS_PROFILE", "S3"),
    ("BEARER_TOKEN", "WebDAV, dCache"),
    ("X509_USER_PROXY", "WebDAV, dCache"),
];

/// Which credentials there are: their names, never their values.
fn credentials() -> Vec<Finding> {
    let mut found: Vec<Finding> = CREDENTIALS
        .iter()
        .filter(|(name, _)| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
        .map(|(name, purpose)| ok("credentials", format!("{name} is set ({purpose})")))
        .collect();
    let netrc = std::env::var_os("HOME").map(|home| Path::new(&home).join(".netrc"));
    if let Some(text) = netrc.and_then(|path| std::fs::read_to_string(path).ok()) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let machines: Vec<&str> = words.windows(2).filter(|w| w[0] == "machine").map(|w| w[1]).collect();
        if !machines.is_empty() {
            found.push(ok("credentials", format!("~/.netrc has {}", machines.join(", "))));
        }
    }
    if found.is_empty() {
        found.push(without(
            "credentials",
            State::Optional,
            "none found; public archives need none",
            "for Earthdata: a free account at urs.earthdata.nasa.gov, then EARTHDATA_TOKEN or ~/.netrc",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_of_hard_links_leaves_nothing_behind() {
        let folder = std::env::temp_dir().join(format!("seedbed-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        try_link(&folder).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
    }
}
