//! Products: staged, verified, committed once.
//!
//! A product is all files of one tile and period. Its files go to a staging
//! folder no other attempt knows, are flushed and digested, and the folder is
//! renamed to `<K8>-<C8>`: eight digits of the task's key and eight of its
//! contents' digest. Two attempts with the same result thus name the same
//! folder, two with different results never touch each other's. The product
//! exists from the moment its record `<K>.json`, the STAC item, is created;
//! that happens once, by `link(2)`. To a store the files are sent instead
//! (`delivery.rs`).

use crate::error::at;
use crate::identity::{hex, random};
use crate::record::{COG, Description, STATE, asset_names, local_sources, record};
use crate::{Member, PrepError, Root, Spool, folder};
use rayon::prelude::*;
use seedbed_block::{Date, Real};
use seedbed_catalog::{Asset, Item};
use seedbed_grid::{Affine, GeoBox, Projections};
use seedbed_raster::cog::{self, BandMeta, CogOptions, Threads};
use seedbed_raster::{DType, Raster, RasterSource, Statistics, same_crs, statistics};
use seedbed_storage::{Checksum, Location, Put};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

/// A product under way. Dropped without [`Attempt::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Attempt {
    pub(crate) root: Root,
    pub(crate) staging: PathBuf,
    pub(crate) member: Member,
    pub(crate) geobox: GeoBox,
    pub(crate) options: CogOptions,
    pub(crate) written: Vec<Written>,
}

/// A variable to be written.
#[derive(Debug, Clone, Default)]
pub struct Variable {
    /// The asset key.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// Unit of the values.
    pub unit: Option<String>,
    /// More facts for the record, such as days that were missing.
    pub facts: Map<String, Value>,
}

/// A variable that has been written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) variable: Variable,
    pub(crate) file: String,
    pub(crate) options: CogOptions,
    pub(crate) statistics: Statistics,
    /// The days of a cube's layers; nothing of a COG.
    pub(crate) dates: Option<Vec<Date>>,
    pub(crate) media_type: &'static str,
}

/// A file of a product, as staged.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) checksum: String,
}

/// How a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This attempt made the record.
    Created,
    /// Another attempt had made a whole product; its record stands.
    Adopted,
}

/// A committed product.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The record's place.
    pub record: Location,
    /// Who made it.
    pub outcome: Outcome,
}

/// What [`is_done`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// There is no record.
    No,
    /// The record and all its files are there.
    Yes,
    /// There is a record, but something it names is missing, has another size, or was written
    /// later and has another digest.
    Damaged(String),
}

impl Done {
    /// Says in the log what is damaged.
    pub fn tell(&self) {
        if let Self::Damaged(what) = self {
            tracing::warn!("damaged, and counted as missing: {what}");
        }
    }
}

impl Attempt {
    /// Starts a product of `member` under `root`: COGs on `geobox`, written with
    /// these options unless [`Attempt::write_as`] says otherwise. That of a store is
    /// staged on this machine.
    ///
    /// # Errors
    /// [`PrepError::Write`] if the staging folder can't be made.
    pub fn begin(
        root: impl Into<Root>,
        member: &Member,
        geobox: &GeoBox,
        options: &CogOptions,
    ) -> Result<Self, PrepError> {
        let root = root.into();
        for (what, name) in [("tile", &member.tile), ("period", &member.period)] {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
                return Err(PrepError::Request(format!("{what} `{name}` can't be the name of a folder")));
            }
        }
        let staging = match &root {
            Root::Local(root) => {
                let folder = member.folder(root);
                let random = random().map_err(at(&folder))?;
                folder.join(format!(".{}.{random}.part", member.key.short()))
            }
            Root::Store(store) => store.scratch()?,
        };
        fs::create_dir_all(&staging).map_err(at(&staging))?;
        Ok(Self {
            root,
            staging,
            member: member.clone(),
            geobox: geobox.clone(),
            options: options.clone(),
            written: Vec::new(),
        })
    }

    /// Writes a variable's COG, `<variable>_<tile>_<period>.tif`, and reads its
    /// grid, type, scale and nodata value back through the public reader.
    ///
    /// # Errors
    /// [`PrepError::Raster`] for values the type can't hold or a full disk;
    /// [`PrepError::Unverified`] if the file reads back otherwise than meant.
    pub fn write<T: Real>(&mut self, variable: Variable, values: &[T]) -> Result<(), PrepError> {
        let options = self.options.clone();
        self.write_as(Threads::Caller, variable, values, options)
    }

    /// The same on the calling thread or on those of the current rayon pool, with options
    /// of its own.
    ///
    /// # Errors
    /// As [`Attempt::write`].
    pub fn write_as<T: Real>(
        &mut self,
        threads: Threads,
        variable: Variable,
        values: &[T],
        options: CogOptions,
    ) -> Result<(), PrepError> {
        let written = self.raster(threads, variable, values, options)?;
        self.written.push(written);
        Ok(())
    }

    /// Writes several rasters as COGs on the threads of the current rayon pool: one after
    /// the other where each is large, at once where each has too few blocks for all threads
    /// ([`Attempt::AT_ONCE`]). `make` gives a raster's description and values.
    ///
    /// # Errors
    /// As [`Attempt::write`], of the first in order.
    pub fn write_each<'v, W: Send, T: Real>(
        &mut self,
        rasters: Vec<W>,
        options: &CogOptions,
        make: impl Fn(W) -> (Variable, Cow<'v, [T]>) + Sync,
    ) -> Result<(), PrepError> {
        let one = |raster: W| {
            let (variable, values) = make(raster);
            self.raster(Threads::Pool, variable, &values, options.clone())
        };
        let written: Result<Vec<Written>, PrepError> = if self.geobox.shape.len() <= Self::AT_ONCE {
            rasters.into_par_iter().map(one).collect::<Vec<_>>().into_iter().collect()
        } else {
            rasters.into_iter().map(one).collect()
        };
        self.written.extend(written?);
        Ok(())
    }

    /// Pixels of a raster up to which several are written at once.
    pub const AT_ONCE: usize = 1 << 21;

    fn raster<T: Real>(
        &self,
        threads: Threads,
        variable: Variable,
        values: &[T],
        options: CogOptions,
    ) -> Result<Written, PrepError> {
        let name = variable.name.replace(['/', '\\', '\0'], "-");
        let file = format!("{name}_{}_{}.tif", self.member.tile, self.member.period);
        let path = self.staging.join(&file);
        let band = BandMeta { name: variable.name.clone(), unit: variable.unit.clone() };
        cog::write_on(threads, &path, &self.geobox, values, &band, &options)?;
        self.check(&path, &options)?;
        let statistics = statistics(values);
        Ok(Written { variable, file, options, statistics, dates: None, media_type: COG })
    }

    /// Adds a file that is no raster: what a model remembers of a tile. It is held to its
    /// size and digest.
    ///
    /// # Errors
    /// [`PrepError::Write`] if it can't be written.
    pub fn attach(&mut self, variable: Variable, suffix: &str, bytes: &[u8]) -> Result<(), PrepError> {
        let file = format!("{}_{}_{}.{suffix}", variable.name, self.member.tile, self.member.period);
        let path = self.staging.join(&file);
        fs::write(&path, bytes).map_err(at(&path))?;
        let (options, statistics) = (self.options.clone(), statistics::<f64>(&[]));
        self.written.push(Written { variable, file, options, statistics, dates: None, media_type: STATE });
        Ok(())
    }

    /// Reads a file back through the public reader; gives the days of its layers.
    pub(crate) fn check(&self, path: &Path, meant: &CogOptions) -> Result<Vec<Option<Date>>, PrepError> {
        let raster = Raster::open(&RasterSource::new(path))?;
        let wrong = |what: String| Err(PrepError::Unverified { path: path.to_owned(), what });
        let found = raster.geobox();
        if !same_crs(&found.crs, &self.geobox.crs) {
            return wrong(format!("it is in {}, not in {}", found.crs, self.geobox.crs));
        }
        if !is_same_corner(found.affine, self.geobox.affine) || found.shape != self.geobox.shape {
            return wrong(format!(
                "it has {} and {} rows and {} columns, not {} and {} rows and {} columns",
                found.affine,
                found.shape.rows,
                found.shape.cols,
                self.geobox.affine,
                self.geobox.shape.rows,
                self.geobox.shape.cols
            ));
        }
        if stored_as(&raster) != (meant.dtype, meant.scale.to_bits(), meant.offset.to_bits()) {
            return wrong(format!(
                "it is {} by {} and {}, not {} by {} and {}",
                raster.data_type(),
                raster.scale(),
                raster.offset(),
                meant.dtype,
                meant.scale,
                meant.offset
            ));
        }
        if !same_nodata(raster.nodata(), meant.nodata) {
            let (own, meant) = (nodata_text(raster.nodata()), nodata_text(meant.nodata));
            return wrong(format!("it has {own}, not {meant}"));
        }
        Ok(raster.layers().iter().map(|layer| layer.date).collect())
    }

    /// Flushes and digests the staged files, names them by their contents, in a store
    /// sends them there, and commits the record.
    ///
    /// # Errors
    /// [`PrepError::Write`] if something can't be flushed or renamed,
    /// [`PrepError::Storage`] if the record can't be created or the files can't be sent,
    /// [`PrepError::Request`] if nothing was written.
    pub fn commit(
        self,
        spool: &Spool,
        projections: &dyn Projections,
        description: &Description<'_>,
    ) -> Result<Committed, PrepError> {
        if self.written.is_empty() {
            let Member { tile, period, .. } = &self.member;
            return Err(PrepError::Request(format!("{tile} {period} has no variable: that is no product")));
        }
        match self.root.clone() {
            Root::Local(root) => self.commit_local(&root, spool, projections, description),
            Root::Store(store) => self.deliver(&store, spool, projections, description),
        }
    }

    fn commit_local(
        self,
        root: &Path,
        spool: &Spool,
        projections: &dyn Projections,
        description: &Description<'_>,
    ) -> Result<Committed, PrepError> {
        let folder = self.member.folder(root);
        let path = self.member.record(root);
        let healing = matches!(check(&path), Done::Damaged(_));
        let contents = self.contents()?;
        let Contents { folder: name, files } = &contents;
        let data = folder.join(name);
        let made = !holds(&data, files) && settle(&self.staging, &data, files)?;
        if !made {
            // An orphan taken up is young again, so that `clean` leaves it to its record.
            let _ = fs::File::open(&data).and_then(|f| f.set_modified(SystemTime::now()));
        }
        sync_folder(&folder)?;
        let sources = local_sources(&folder, &description.provenance.derived_from);
        let record = self.record(&contents, description, sources, projections)?;

        let location = Location::Local(path.clone());
        let put = spool.block_on(spool.stores().put_once(&location, record.clone().into()))?;
        let outcome = match put {
            Put::Created => Outcome::Created,
            // The record outlived its data, which this attempt made again.
            Put::Exists(there) if there[..] == record[..] && healing && made => {
                // Else its files would be held to their digests from now on.
                let _ = fs::File::open(&path).and_then(|f| f.set_modified(SystemTime::now()));
                Outcome::Created
            }
            Put::Exists(there) if there[..] == record[..] => Outcome::Adopted,
            Put::Exists(_) if is_whole(&path) => Outcome::Adopted,
            Put::Exists(_) => {
                spool.block_on(spool.stores().replace(&location, record.into()))?;
                Outcome::Created
            }
        };
        Ok(Committed { record: location, outcome })
    }

    /// The staged files, flushed and digested, and the name that their folder has by them.
    pub(crate) fn contents(&self) -> Result<Contents, PrepError> {
        let files = staged(&self.staging)?;
        let mut digest = Sha256::new();
        for file in &files {
            digest.update(format!("{} {}\n", file.name, file.checksum));
        }
        let folder = format!("{}-{}", self.member.key.short(), &hex(&digest.finalize())[..8]);
        Ok(Contents { folder, files })
    }

    /// The record's bytes, with its links to what the product was made from.
    pub(crate) fn record(
        &self,
        contents: &Contents,
        description: &Description<'_>,
        sources: Vec<Value>,
        projections: &dyn Projections,
    ) -> Result<Vec<u8>, PrepError> {
        let record = record(self, contents, description, sources, projections)?;
        let mut bytes = serde_json::to_vec_pretty(&record).map_err(PrepError::Encode)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Gone already if the commit renamed it; otherwise it is nobody's.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// What a commit found staged.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The data folder's name beside the record.
    pub(crate) folder: String,
    /// The files in it, by name.
    pub(crate) files: Vec<Staged>,
}

/// Whether `member` has been committed under `root` and its files are there in
/// their recorded sizes. A file that was written after its record was is held to its
/// digest as well; those of the others are [`crate::verify()`]'s business.
#[must_use]
pub fn is_done(root: &Path, member: &Member) -> Done {
    check(&member.record(root))
}

fn check(record: &Path) -> Done {
    let Ok(found) = fs::metadata(record) else { return Done::No };
    let recorded = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let Ok(item) = read_record(record) else {
        return Done::Damaged(format!("{} is no record", record.display()));
    };
    if item.assets().next().is_none() {
        return Done::Damaged(format!("{} names no file", record.display()));
    }
    for (key, asset) in item.assets() {
        let path = file_of(record, &asset);
        let (size, digest) = folder::stated(&asset);
        let found = folder::size_and_age(&path).ok().filter(|(found, _)| Some(*found) == size);
        let Some((_, written)) = found else {
            return Done::Damaged(format!("asset `{key}`: {} is missing or damaged", path.display()));
        };
        // A record is made when its files are whole: what was written later is looked into.
        if written > recorded && folder::checksum(&path).ok().as_deref() != digest {
            return Done::Damaged(format!("asset `{key}`: {} was changed", path.display()));
        }
    }
    Done::Yes
}

/// Whether a record's files are there byte for byte.
fn is_whole(record: &Path) -> bool {
    read_record(record).is_ok_and(|item| {
        let whole = |asset: &Asset<'_>| check_file(&file_of(record, asset), asset).is_ok();
        item.assets().count() > 0 && item.assets().all(|(_, asset)| whole(&asset))
    })
}

/// Where an asset's file lies, counted from its record.
pub(crate) fn file_of(record: &Path, asset: &Asset<'_>) -> PathBuf {
    record.parent().unwrap_or(Path::new(".")).join(asset_names(asset))
}

/// Holds an asset's file, or all files of its folder, to the size and digest that its record states.
pub(crate) fn check_file(path: &Path, asset: &Asset<'_>) -> Result<(), Flaw> {
    let size = folder::size(path).map_err(|e| Flaw::Missing(e.to_string()))?;
    let stated = folder::stated(asset);
    if stated.0 != Some(size) {
        let stated = stated.0.map_or_else(|| "nothing".to_owned(), |s| s.to_string());
        return Err(Flaw::Wrong(format!("it has {size} bytes, its record says {stated}")));
    }
    let digest = folder::checksum(path).map_err(|e| Flaw::Wrong(e.to_string()))?;
    if stated.1 != Some(digest.as_str()) {
        return Err(Flaw::Wrong("its checksum is not the one in its record".to_owned()));
    }
    Ok(())
}

/// What is wrong with a file of a product.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// It isn't there.
    Missing(String),
    /// It is there and not as it should be.
    Wrong(String),
}

impl Flaw {
    /// Whether it is missing, and what is wrong.
    pub(crate) fn told(self) -> (bool, String) {
        match self {
            Self::Missing(what) => (true, what),
            Self::Wrong(what) => (false, what),
        }
    }

    /// The same with the file's name.
    pub(crate) fn of(self, path: &Path) -> Self {
        match self {
            Self::Missing(what) => Self::Missing(format!("{}: {what}", path.display())),
            Self::Wrong(what) => Self::Wrong(format!("{}: {what}", path.display())),
        }
    }
}

/// The STAC item a product's record holds.
///
/// # Errors
/// [`PrepError::Document`] if it can't be read.
pub(crate) fn read_record(path: &Path) -> Result<Item, PrepError> {
    let bytes = fs::read(path).map_err(|e| PrepError::Document {
        path: path.to_owned(),
        what: "record",
        reason: e.to_string(),
    })?;
    record_of(&bytes, path)
}

/// The item of a record's bytes; `path` is its name in errors.
pub(crate) fn record_of(bytes: &[u8], path: &Path) -> Result<Item, PrepError> {
    let document = |reason: String| PrepError::Document { path: path.to_owned(), what: "record", reason };
    let value: Value = serde_json::from_slice(bytes).map_err(|e| document(e.to_string()))?;
    Item::from_value(value).map_err(|e| document(e.to_string()))
}

/// The staged files by their way from the folder, each flushed to the disk and digested.
fn staged(folder: &Path) -> Result<Vec<Staged>, PrepError> {
    let names = folder::files(folder).map_err(at(folder))?;
    let flush = |name: &String| {
        let path = folder.join(name);
        fs::File::open(&path).and_then(|file| file.sync_all()).map_err(at(&path))
    };
    let digest = |name: String| {
        let path = folder.join(&name);
        let size = fs::metadata(&path).map_err(at(&path))?.len();
        let checksum = Checksum::of_file(&path)
            .map_err(|source| PrepError::Read { path: path.clone(), source })?
            .multihash();
        Ok(Staged { name, size, checksum })
    };
    // The processors have the digests to make while the disk takes its time.
    let (flushed, digested) = thread::scope(|scope| {
        let flushed = scope.spawn(|| names.iter().try_for_each(flush));
        let digested: Vec<Result<Staged, PrepError>> = names.clone().into_par_iter().map(digest).collect();
        (flushed.join().unwrap_or_else(|panic| resume_unwind(panic)), digested)
    });
    flushed?;
    for inside in folder::folders(folder).map_err(at(folder))? {
        sync_folder(&inside)?;
    }
    digested.into_iter().collect()
}

/// Whether `folder` holds just these files, byte for byte.
fn holds(folder: &Path, files: &[Staged]) -> bool {
    folder::files(folder).is_ok_and(|there| there.iter().eq(files.iter().map(|file| &file.name)))
        && files.iter().all(|file| {
            Checksum::of_file(&folder.join(&file.name)).is_ok_and(|c| c.multihash() == file.checksum)
        })
}

/// Gives the staged folder its final name; not so, if another attempt with the
/// same bytes was quicker.
fn settle(staging: &Path, data: &Path, files: &[Staged]) -> Result<bool, PrepError> {
    // Onto a folder with files in it a rename fails, so there is no moment at
    // which another attempt's folder could be taken away unseen.
    let Err(source) = fs::rename(staging, data) else { return Ok(true) };
    if holds(data, files) {
        return Ok(false);
    }
    if !data.exists() {
        return Err(PrepError::Write { path: data.to_owned(), source });
    }
    // The same name with other bytes can only be damage: set it aside for `clean`.
    let aside = staging.with_extension("damaged.part");
    let moved = fs::rename(data, &aside).and_then(|()| fs::rename(staging, data));
    match moved {
        Ok(()) => Ok(true),
        // Another attempt mended it meanwhile.
        Err(_) if holds(data, files) => Ok(false),
        Err(source) => Err(PrepError::Write { path: data.to_owned(), source }),
    }
}

/// Type, scale and offset as a file states them, comparable to the bit.
pub(crate) fn stored_as(raster: &Raster) -> (DType, u64, u64) {
    (raster.data_type(), raster.scale().to_bits(), raster.offset().to_bits())
}

/// Whether two nodata values are the same, NaN being one.
pub(crate) fn same_nodata(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || (a.is_nan() && b.is_nan()),
        (a, b) => a == b,
    }
}

/// Whether two affines are the same, a turn of longitudes allowed for: what lies beyond 180° is read from where its
/// meridians lie within ±180°.
fn is_same_corner(found: Affine, meant: Affine) -> bool {
    let turned = (found.c + 360.0 - meant.c).abs() < 1e-9 && found.c != meant.c;
    found == meant || (turned && Affine { c: meant.c, ..found } == meant)
}

/// A nodata value in words.
pub(crate) fn nodata_text(nodata: Option<f64>) -> String {
    nodata.map_or_else(|| "no nodata value".to_owned(), |value| format!("the nodata value {value}"))
}

fn sync_folder(folder: &Path) -> Result<(), PrepError> {
    fs::File::open(folder).and_then(|f| f.sync_all()).map_err(at(folder))
}
