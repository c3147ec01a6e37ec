//! What an archive's file says of itself, against what its item claims.

use crate::PrepError;
use crate::error::at;
use crate::remote::Remote;
use seedbed_block::{Conversion, Date, Unit};
use seedbed_catalog::{Asset, Band, Item};
use seedbed_grid::{Claim, Projections};
use seedbed_raster::{DType, Header, RasterError, RasterSource, ReadAt};
use seedbed_storage::{Expectation, Location, Silent, Stores};
use serde::Serialize;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// How much of a GeoTIFF is fetched for its header: a cloud-optimised one has
/// its directories within the first kilobytes, others have them at the end.
const TIFF_HEAD: u64 = 1 << 18;
const TIFF_TAIL: u64 = 1 << 16;

/// A claim that a file contradicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The item.
    pub item: String,
    /// The asset's key.
    pub asset: String,
    /// What differs: `place`, `variable`, `data_type`, `nodata`, `unit`, `scale`, `offset`, `days`.
    pub field: &'static str,
    /// As the item has it.
    pub claimed: String,
    /// As the file has it.
    pub found: String,
}

/// Opens the headers of remote files: by byte ranges where the format allows it
/// (netCDF, GeoTIFF), else of the whole file, if it is small enough.
pub struct Inspector<'a> {
    /// The stores.
    pub stores: Stores,
    /// Where asynchronous work runs; the inspector itself blocks.
    pub runtime: Handle,
    /// A local folder for the files of other formats; they are removed at once.
    pub folder: PathBuf,
    /// The largest file, in bytes, that is fetched whole.
    pub limit: u64,
    /// Projections for the items' claims.
    pub projections: &'a dyn Projections,
    /// The file that was fetched last: several assets may be variables of one.
    pub fetched: Option<Fetched>,
}

/// A file that was fetched whole.
pub struct Fetched {
    at: Location,
    scratch: Scratch,
}

/// How an inspection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspected {
    /// The header was read; these claims are contradicted.
    Read(Vec<Difference>),
    /// The format has to be read whole and the file is larger than allowed: its bytes.
    TooLarge(u64),
}

impl Inspector<'_> {
    /// Compares an asset's claims with its file's header.
    ///
    /// # Errors
    /// [`PrepError`] if the file can't be had or is damaged; what it contradicts is no error.
    pub fn inspect(&mut self, item: &Item, key: &str) -> Result<Inspected, PrepError> {
        let Some(asset) = item.asset(key) else { return Ok(Inspected::Read(Vec::new())) };
        let band = asset.band();
        let differs = |field, claimed: String, found: String| Difference {
            item: item.id().to_owned(),
            asset: key.to_owned(),
            field,
            claimed,
            found,
        };
        match self.header(&asset, band.name.as_deref()) {
            Ok(Some(header)) => {
                let mut differences = Vec::new();
                let claim = asset.claim(self.projections)?;
                if let Some(reason) = header.displacement(&claim) {
                    let crs = claim.crs.as_ref().map(ToString::to_string);
                    let shape = claim.shape.map(|shape| format!("{}×{}", shape.rows, shape.cols));
                    let said: Vec<String> = crs.into_iter().chain(shape).collect();
                    differences.push(differs("place", said.join(", "), reason));
                }
                for (field, claimed, found) in contradicted(&header, &band) {
                    differences.push(differs(field, claimed, found));
                }
                if let Some((claimed, found)) = other_days(&header, item) {
                    differences.push(differs("days", claimed, found));
                }
                Ok(Inspected::Read(differences))
            }
            Ok(None) => Ok(Inspected::TooLarge(asset.size().unwrap_or(u64::MAX))),
            Err(PrepError::Raster(RasterError::Variable { wanted, available, .. })) => {
                let claimed = wanted.unwrap_or_else(|| "the only one".to_owned());
                Ok(Inspected::Read(vec![differs("variable", claimed, available.join(", "))]))
            }
            Err(error) => Err(error),
        }
    }

    /// The header; `None` if the file would have to be fetched whole and is too large.
    fn header(&mut self, asset: &Asset<'_>, variable: Option<&str>) -> Result<Option<Header>, PrepError> {
        let location = asset.location()?;
        let claimed = asset.claim(self.projections)?;
        // A file that doesn't say where it lies is described by the claim.
        let of_file = |path: PathBuf| {
            let source =
                RasterSource { path, variable: variable.map(str::to_owned), claimed: Claim::default() };
            match Header::of_file(&source) {
                Err(RasterError::NoGeobox { .. }) if !claimed.is_empty() => {
                    Header::of_file(&RasterSource { claimed: claimed.clone(), ..source })
                }
                other => other,
            }
        };
        if let Some(path) = location.as_path() {
            return Ok(Some(of_file(path.to_owned())?));
        }
        let version = self.runtime.block_on(self.stores.head(&location))?;
        let Some(size) = version.size.or(asset.size()) else { return Ok(None) };
        let remote =
            Remote::new((&self.stores, &self.runtime), location.clone(), size, version, Arc::default());
        let magic = remote.bytes(0..size.min(8))?;
        if magic.starts_with(b"CDF") || magic.starts_with(b"\x89HDF") {
            let name = PathBuf::from(location.to_string());
            return Ok(Some(Header::of_netcdf(Arc::new(remote), &name, variable)?));
        }
        if magic.starts_with(b"II") || magic.starts_with(b"MM") {
            let scratch = Scratch::new(&self.folder, &location)?;
            ends_to(&remote, &scratch.path)?;
            // Where that fails its directories lie elsewhere.
            if let Ok(header) = of_file(scratch.path.clone()) {
                return Ok(Some(header));
            }
        }
        if size > self.limit {
            return Ok(None);
        }
        Ok(Some(of_file(self.whole(location)?)?))
    }

    /// The path of the whole file, fetched unless it was the last one.
    fn whole(&mut self, at: Location) -> Result<PathBuf, PrepError> {
        if let Some(last) = self.fetched.as_ref().filter(|last| last.at == at) {
            return Ok(last.scratch.path.clone());
        }
        self.fetched = None;
        let scratch = Scratch::new(&self.folder, &at)?;
        let to = Location::Local(scratch.path.clone());
        self.runtime.block_on(self.stores.transfer(&at, &to, &Expectation::default(), &Silent))?;
        let path = scratch.path.clone();
        self.fetched = Some(Fetched { at, scratch });
        Ok(path)
    }
}

/// What of a band's claims the header contradicts: field, claim, finding.
fn contradicted(header: &Header, band: &Band) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    // Before 3.7 GDAL had no signed bytes: HDF4's and their nodata come as unsigned ones.
    let as_bytes = header.data_type == DType::UInt8 && band.data_type.as_deref() == Some("int8");
    if let Some(claimed) = band.data_type.as_deref().filter(|t| *t != header.data_type.name() && !as_bytes) {
        found.push(("data_type", claimed.to_owned(), header.data_type.name().to_owned()));
    }
    if let (Some(claimed), Some(own)) = (band.nodata, header.nodata) {
        let wrapped = as_bytes && (claimed - (own - 256.0)).abs() < 0.5;
        let same = near(claimed, own) || claimed.is_nan() && own.is_nan() || wrapped;
        if !same {
            found.push(("nodata", claimed.to_string(), own.to_string()));
        }
    }
    if let (Some(claimed), Some(own)) = (&band.unit, header.unit.as_ref().filter(|u| !u.is_empty()))
        && !same_unit(claimed, own)
    {
        found.push(("unit", claimed.clone(), own.clone()));
    }
    let (scale, offset) = (band.scale.unwrap_or(1.0), band.offset.unwrap_or(0.0));
    let silent = near(header.scale, 1.0) && near(header.offset, 0.0);
    // MOD13's scale stands upside down in some files.
    if !silent && !near(header.scale, scale) && !near(header.scale * scale, 1.0) {
        found.push(("scale", scale.to_string(), header.scale.to_string()));
    }
    if !silent && !near(header.offset, offset) {
        found.push(("offset", offset.to_string(), header.offset.to_string()));
    }
    found
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}

/// Whether two units are the same, however they are written.
fn same_unit(a: &str, b: &str) -> bool {
    match (a.parse::<Unit>(), b.parse::<Unit>()) {
        (Ok(a), Ok(b)) => a.to(b) == Ok(Conversion::IDENTITY),
        _ => a.trim().eq_ignore_ascii_case(b.trim()),
    }
}

/// The item's days and the file's, where the file has a clock and they differ.
fn other_days(header: &Header, item: &Item) -> Option<(String, String)> {
    if item.property("seedbed:dates").is_some_and(|v| v == "item") {
        return None;
    }
    let days: Vec<Date> = header.dates.iter().copied().flatten().collect();
    let own = (*days.iter().min()?, *days.iter().max()?);
    let claimed = (item.start()?, item.end()?);
    (own != claimed).then(|| (format!("{} to {}", claimed.0, claimed.1), format!("{} to {}", own.0, own.1)))
}

/// Writes a file of the whole size that holds the beginning and the end; the rest is a hole.
fn ends_to(remote: &Remote, path: &Path) -> Result<(), PrepError> {
    let size = remote.size();
    let head = remote.bytes(0..size.min(TIFF_HEAD))?;
    let tail_at = size.saturating_sub(TIFF_TAIL).max(head.len() as u64);
    let tail = if tail_at < size { remote.bytes(tail_at..size)? } else { Vec::new() };
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&head)?;
        file.seek(SeekFrom::Start(tail_at))?;
        file.write_all(&tail)?;
        file.set_len(size)
    };
    write().map_err(at(path))
}

/// A temporary file in a folder of its own, so that the name can be the archive's:
/// readers go by its ending. Both are removed in the end.
struct Scratch {
    folder: PathBuf,
    path: PathBuf,
}

/// Tells the folders of one process apart.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Scratch {
    fn new(folder: &Path, of: &Location) -> Result<Self, PrepError> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = folder.join(format!("header-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join(of.file_name().unwrap_or("asset"));
        Ok(Self { folder, path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is no more than a file too many.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
