//! Makes and serves the small archives: `seedbed-fixture --help`.

#[expect(clippy::print_stdout, reason = "what the demo tells is what it puts out")]
mod demo;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use seedbed_fixture::{Archive, Archives, Area, Listings, Server, ServerOptions, Spec};

/// Small archives in their true formats: make them, and serve them on loopback as the real sites do.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  seedbed-fixture generate /tmp/archives --only daymet,modis,statics\n  \
                  seedbed-fixture serve /tmp/archives --port 8080\n  \
                  seedbed-fixture serve-listing --port 8080\n  \
                  seedbed-fixture serve-synthetic --granules 1000000"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    /// Make the archives in a folder; files that are there already are kept.
    Generate(Generate),
    /// Serve a folder of archives on loopback until interrupted; the address is printed on a line.
    Serve(Serve),
    /// Write the trees of the archives that are only listed into a folder, as small files.
    GenerateListing(GenerateListing),
    /// Serve the archives that are only listed, until interrupted.
    ServeListing(ServeListing),
    /// Serve a listing of so many granules, made page by page, as CMR's MOD13Q1 (JSON and UMM) and
    /// as the STAC API's modis-13Q1-061.
    ServeSynthetic(ServeSynthetic),
}

#[derive(Debug, Args)]
struct GenerateListing {
    /// The folder.
    dir: PathBuf,
    /// Only what lies below these: daymet, MOLT/MOD13Q1.061, normals, ….
    #[arg(long, value_name = "FOLDER", value_delimiter = ',')]
    only: Vec<String>,
    /// The short listings: three years of Daymet, one of MODIS on two tiles.
    #[arg(long)]
    small: bool,
}

#[derive(Debug, Args)]
struct ServeListing {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// The short listings: three years of Daymet, one of MODIS on two tiles.
    #[arg(long)]
    small: bool,
    /// Protected data demand this bearer token.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

#[derive(Debug, Args)]
struct ServeSynthetic {
    /// How many granules.
    #[arg(long, value_name = "N")]
    granules: u64,
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
}

fn listings(small: bool) -> Listings {
    if small { Listings::small() } else { Listings::default() }
}

/// Prints the server's address on a line, and waits.
fn stand(server: Server) -> Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", server.base_url())?;
    stdout.flush()?;
    server.wait();
    Ok(())
}

#[derive(Debug, Args)]
struct Generate {
    /// The folder.
    dir: PathBuf,
    /// Calendar years, first-last or one.
    #[arg(long, value_name = "FIRST-LAST", default_value = "2003-2004")]
    years: String,
    /// The area with values: west,south,east,north in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, default_value_t = Area::UPPER_DELAWARE)]
    area: Area,
    /// Only these: daymet, modis, statics, prism, prism-old, maca.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Archive>,
    /// Daymet variables, of tmin, tmax, prcp, dayl, srad, vp, swe.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "tmin,tmax,prcp")]
    daymet_variables: Vec<String>,
    /// PRISM variables, of ppt, tmin, tmax, tmean.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "ppt,tmin,tmax")]
    prism_variables: Vec<String>,
    /// First PRISM day.
    #[arg(long, value_name = "DATE", default_value = "2004-02-25")]
    prism_start: jiff::civil::Date,
    /// How many PRISM days.
    #[arg(long, value_name = "N", default_value_t = 10)]
    prism_days: u16,
}

#[derive(Debug, Args)]
struct Serve {
    /// The folder.
    dir: PathBuf,
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Protected data demand this bearer token.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The most granules on a page of CMR.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().cmr_page)]
    cmr_page: usize,
    /// The most items on a page of the STAC API.
    #[arg(long, value_name = "N", default_value_t = ServerOptions::default().stac_page)]
    stac_page: usize,
    /// Refuse a PRISM file, in words and with status 200, after it was had so often.
    #[arg(long, value_name = "N")]
    prism_allowance: Option<u32>,
}

impl Generate {
    fn spec(&self) -> Result<Spec> {
        let (first, last) = self.years.split_once('-').unwrap_or((&self.years, &self.years));
        let year = |text: &str| {
            text.parse::<i16>().with_context(|| format!("--years {}: `{text}` isn't a year", self.years))
        };
        let (first, last) = (year(first)?, year(last)?);
        anyhow::ensure!(first <= last, "--years {}: the first comes after the last", self.years);
        Ok(Spec {
            archives: if self.only.is_empty() { Archive::ALL.to_vec() } else { self.only.clone() },
            area: self.area,
            years: first..=last,
            daymet_variables: self.daymet_variables.clone(),
            prism_variables: self.prism_variables.clone(),
            prism_start: self.prism_start,
            prism_days: self.prism_days,
        })
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Demo(demo) => demo.run(),
        Command::Generate(generate) => {
            let started = Instant::now();
            let archives = Archives::generate(&generate.dir, &generate.spec()?)?;
            eprintln!("made {} in {:.1} s", archives.dir().display(), started.elapsed().as_secs_f64());
            Ok(())
        }
        Command::Serve(serve) => {
            anyhow::ensure!(serve.dir.is_dir(), "{} isn't a folder", serve.dir.display());
            let options = ServerOptions {
                port: serve.port,
                token: serve.token,
                cmr_page: serve.cmr_page,
                stac_page: serve.stac_page,
                prism_allowance: serve.prism_allowance,
                ..ServerOptions::default()
            };
            stand(Server::start(&serve.dir, options)?)
        }
        Command::GenerateListing(generate) => {
            let folders: Vec<&str> = generate.only.iter().map(String::as_str).collect();
            let count = listings(generate.small).write(&generate.dir, &folders)?;
            eprintln!("wrote {count} files into {}", generate.dir.display());
            Ok(())
        }
        Command::ServeListing(serve) => {
            let options = ServerOptions { port: serve.port, token: serve.token, ..ServerOptions::wide() };
            stand(Server::start_listings(listings(serve.small), options)?)
        }
        Command::ServeSynthetic(serve) => {
            let options = ServerOptions { port: serve.port, ..ServerOptions::wide() };
            stand(Server::start_synthetic(serve.granules, options)?)
        }
    }
}
