//! One variable of one file.

use crate::array::ArrayReader;
use crate::arrays::Arrays;
use crate::bands::{self, BandReader, Bands};
use crate::chunks;
use crate::classic;
use crate::container::{self, Kind};
use crate::dated_zip::{self, DatedZip};
use crate::netcdf::{self, Variable};
use crate::place;
use crate::ranges::{LocalFile, ReadAt, RemoteNetcdf};
use crate::stored::Decoding;
use crate::zarr::{LocalFolder, ReadFolder, Spooled, Version, Zarr2, ZarrGroup};
use crate::{DType, RasterError, runtime, valid, zarr};
use gdal::{Dataset, GdalOpenFlags};
use seedbed_block::{Calendar, Date, PixelRange, Real};
use seedbed_grid::{Claim, GeoBox, Xy};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to open.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterSource {
    /// A local file: netCDF, HDF4-EOS, GeoTIFF, JPEG 2000, ESRI grid, BIL, VRT,
    /// or a zip that holds `.tif` or `.bil` members, which are its layers where their names differ
    /// by dates alone; or the folder of a Zarr group.
    pub path: PathBuf,
    /// The variable inside, where there are several: a netCDF variable, an
    /// HDF4 field (`1 km 16 days NDVI`), a zip member by its name without
    /// ending, a band by its description or as `band 2`. Without it the bands
    /// of a GeoTIFF are its layers. A file of a single band has no variables
    /// to choose from: the name is then ignored.
    pub variable: Option<String>,
    /// Where the file lies, for files that don't say; checked against those that do.
    pub claimed: Claim,
}

impl RasterSource {
    /// A file that says itself where it lies and holds one variable.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), variable: None, claimed: Claim::default() }
    }
}

/// One layer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The day, where the file has a clock.
    pub date: Option<Date>,
}

/// An open raster. It may move to another thread, but not be shared.
pub struct Raster {
    path: PathBuf,
    content: Content,
    geobox: GeoBox,
    layers: Vec<Layer>,
    valid_range: Option<[f64; 2]>,
    own_corner: Xy,
}

enum Content {
    Array(Box<ArrayReader>),
    Bands(Box<BandReader>),
    Days(Box<DatedZip>),
}

/// A dataset, what there is in it, and what was chosen.
enum Opened {
    Array(Dataset, String),
    /// A Zarr group of version 2, and who brings its chunks if it isn't local.
    Zarr2(Dataset, String, Option<Spooled>),
    /// Bands, and whether they are those of the very file.
    Bands(Dataset, bool),
    /// A zip of days.
    Days(Box<DatedZip>),
    Zarr(Box<ZarrGroup>, String),
}

impl Raster {
    /// Goes up whenever a file would be read as other values; part of every task's key.
    pub const REVISION: u32 = 2;

    /// Opens a raster and reads its metadata.
    ///
    /// # Errors
    /// [`RasterError`]: not a local file, not readable, damaged (a text where a
    /// zip was asked for, a member cut short), several variables and none
    /// chosen, no place on Earth, or another place than was claimed.
    pub fn open(source: &RasterSource) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        match open(path, source.variable.as_deref())? {
            Opened::Array(dataset, name) => {
                let bytes = || Ok(Arc::new(LocalFile::open(path)?) as Arc<dyn ReadAt>);
                let reader = |v: Variable, d| ArrayReader::of_dataset(v.with_default_fill(bytes), d);
                Self::of_dataset(source, dataset, &name, reader)
            }
            Opened::Zarr2(dataset, name, spooled) => Self::of_zarr2(source, dataset, &name, spooled),
            Opened::Zarr(group, name) => Self::of_zarr(source, &group, &name),
            Opened::Days(days) => Self::of_days(source, days),
            Opened::Bands(dataset, is_file) => {
                let bands = bands::describe(&dataset, path, source.variable.as_deref())?;
                let valid_range = valid::of_metadata(&dataset);
                let reader = |bands| Ok(BandReader::new(bands, dataset, is_file));
                Self::of_bands(source, bands, valid_range, reader)
            }
        }
    }

    /// Opens a Zarr group through its files, wherever they are: documents and coordinates are
    /// read now, and of the values no more than what is asked for later. The source's path
    /// stands for the group in errors. A group of version 2 is left to GDAL, which gets
    /// these files on the local disk.
    ///
    /// # Errors
    /// As [`Raster::open`]; [`RasterError::Unlisted`] if no variable is named and the group
    /// doesn't say which it has.
    pub fn open_group(files: Arc<dyn ReadFolder>, source: &RasterSource) -> Result<Self, RasterError> {
        runtime::prepare();
        let (path, variable) = (source.path.as_path(), source.variable.as_deref());
        match zarr::version(&*files, path)? {
            Version::Three => {
                let group = ZarrGroup::open(files, path, variable)?;
                let name = group.choose(path, variable)?;
                Self::of_zarr(source, &group, &name)
            }
            Version::Two => {
                let group = Zarr2::open(files, path, variable)?;
                let (dataset, name) = open_zarr2(path, &group.folder, variable)?;
                // What GDAL found missing it may remember: it opens the group anew when all is there.
                drop(dataset);
                group.bring_coordinates(&name)?;
                let (dataset, name) = open_zarr2(path, &group.folder, Some(&name))?;
                let spooled = group.array(&name)?;
                Self::of_zarr2(source, dataset, &name, Some(spooled))
            }
        }
    }

    fn of_dataset(
        source: &RasterSource,
        dataset: Dataset,
        name: &str,
        reader: impl FnOnce(Variable, Dataset) -> ArrayReader,
    ) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let root = netcdf::root(&dataset, path)?;
        let v = netcdf::describe(&root, path, name, &source.claimed)?;
        let valid_range = root.get(name).and_then(|array| valid::of_array(&*array));
        drop(root);
        Self::of_variable(source, v, valid_range, |v| Ok(reader(v, dataset)))
    }

    fn of_zarr2(
        source: &RasterSource,
        dataset: Dataset,
        name: &str,
        spooled: Option<Spooled>,
    ) -> Result<Self, RasterError> {
        Self::of_dataset(source, dataset, name, |v, d| ArrayReader::of_zarr2(v, d, spooled, &source.path))
    }

    fn of_zarr(source: &RasterSource, group: &ZarrGroup, name: &str) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let v = group.describe(path, name, &source.claimed)?;
        let array = group.array(name).cloned();
        let valid_range = array.as_ref().and_then(|array| valid::of_array(array));
        let gone = || RasterError::Damaged { path: path.to_owned(), reason: format!("no `{name}`") };
        let array = array.ok_or_else(gone)?;
        Self::of_variable(source, v, valid_range, |v| Ok(ArrayReader::of_zarr(v, array)))
    }

    /// Opens a netCDF file or a TIFF through byte ranges: metadata and coordinates
    /// are read now, and of the values no more than what is asked for later. The
    /// source's path stands for the file in errors.
    ///
    /// # Errors
    /// As [`Raster::open`]; [`RasterError::Ranges`] if its values are stored in a
    /// way that isn't read here, as those of a TIFF with another compression than
    /// deflate, LZW and zstd are, or whose bands lie pixel by pixel: fetch the file.
    pub fn open_at(bytes: Arc<dyn ReadAt>, source: &RasterSource) -> Result<Self, RasterError> {
        runtime::prepare();
        let path = source.path.as_path();
        let damaged = |reason| RasterError::Damaged { path: path.to_owned(), reason };
        let head = chunks::first_bytes(&*bytes);
        if chunks::is_tiff(&head.map_err(|source| RasterError::Io { path: path.to_owned(), source })?) {
            return Self::of_tiff(bytes, source);
        }
        let file = RemoteNetcdf::open(bytes.clone()).map_err(damaged)?;
        let name = netcdf::choose(&file, path, source.variable.as_deref())?;
        let variable = netcdf::describe(&file, path, &name, &source.claimed)?;
        let variable = variable.with_default_fill(|| Ok(bytes.clone()));
        let valid_range = file.get(&name).and_then(|array| valid::of_array(&*array));
        Self::of_variable(source, variable, valid_range, |v| ArrayReader::of_bytes(v, bytes, path))
    }

    fn of_tiff(bytes: Arc<dyn ReadAt>, source: &RasterSource) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let skeleton = chunks::skeleton(&*bytes).map_err(|fault| bands::refused(path, fault))?;
        let (bands, valid_range) = bands::describe_skeleton(skeleton, path, source.variable.as_deref())?;
        let reader = |bands| BandReader::of_bytes(bands, bytes, path);
        Self::of_bands(source, bands, valid_range, reader)
    }

    fn of_bands(
        source: &RasterSource,
        bands: Bands,
        valid_range: Option<[f64; 2]>,
        reader: impl FnOnce(Bands) -> Result<BandReader, RasterError>,
    ) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let affine = bands.affine.ok_or_else(|| "no corner and pixel size".to_owned());
        let said = place::Said { affine, crs: bands.crs.clone(), degrees: false };
        let geobox = place::geobox(path, bands.shape, said, &source.claimed)?;
        let layers = vec![Layer { date: None }; bands.numbers.len()];
        let own_corner = bands.affine.unwrap_or(geobox.affine).apply(0.0, 0.0);
        let content = Content::Bands(Box::new(reader(bands)?));
        Ok(Self { path: path.to_owned(), content, geobox, layers, valid_range, own_corner })
    }

    fn of_days(source: &RasterSource, days: Box<DatedZip>) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let affine = days.bands.affine.ok_or_else(|| "no corner and pixel size".to_owned());
        let said = place::Said { affine, crs: days.bands.crs.clone(), degrees: false };
        let geobox = place::geobox(path, days.bands.shape, said, &source.claimed)?;
        let layers = days.dates().map(|date| Layer { date: Some(date) }).collect();
        let own_corner = days.bands.affine.unwrap_or(geobox.affine).apply(0.0, 0.0);
        let content = Content::Days(days);
        Ok(Self { path: path.to_owned(), content, geobox, layers, valid_range: None, own_corner })
    }

    fn of_variable(
        source: &RasterSource,
        variable: Variable,
        valid_range: Option<[f64; 2]>,
        reader: impl FnOnce(Variable) -> Result<ArrayReader, RasterError>,
    ) -> Result<Self, RasterError> {
        let path = source.path.as_path();
        let said = place::Said {
            affine: variable.affine.clone(),
            crs: variable.crs.clone(),
            degrees: variable.degrees,
        };
        let geobox = place::geobox(path, variable.shape, said, &source.claimed)?;
        let layers = variable.layers.clone();
        let own_corner = variable.affine.clone().unwrap_or(geobox.affine).apply(0.0, 0.0);
        Ok(Self {
            path: path.to_owned(),
            content: Content::Array(Box::new(reader(variable)?)),
            geobox,
            layers,
            valid_range,
            own_corner,
        })
    }

    /// The variables of a file, as [`RasterSource::variable`] names them.
    ///
    /// # Errors
    /// [`RasterError`] if the file can't be read.
    pub fn variables(path: &Path) -> Result<Vec<String>, RasterError> {
        // A name that can't be one brings the list of those there are.
        match open(path, Some("\u{1}")) {
            Err(RasterError::Variable { available, .. }) => Ok(available),
            Err(error) => Err(error),
            Ok(Opened::Array(_, name) | Opened::Zarr(_, name) | Opened::Zarr2(_, name, _)) => Ok(vec![name]),
            Ok(Opened::Days(days)) => Ok(days.names()),
            Ok(Opened::Bands(dataset, _)) => match bands::describe(&dataset, path, Some("\u{1}")) {
                Err(RasterError::Variable { available, .. }) => Ok(available),
                Err(error) => Err(error),
                Ok(bands) => Ok(vec![bands.name.unwrap_or_else(|| "band 1".to_owned())]),
            },
        }
    }

    /// Where it lies: the file's own word, else what was claimed. Rows may run
    /// northwards (`affine.e > 0`). Longitudes beyond 180° are brought back.
    #[must_use]
    pub fn geobox(&self) -> &GeoBox {
        &self.geobox
    }

    /// The upper-left corner as its file has it, where [`Raster::geobox`] brings longitudes back.
    #[must_use]
    pub fn own_corner(&self) -> Xy {
        self.own_corner
    }

    /// The layers, in the file's order; at least one.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The variable's name, where the file has one.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match &self.content {
            Content::Array(a) => Some(&a.variable.name),
            Content::Bands(b) => b.bands.name.as_deref(),
            Content::Days(_) => None,
        }
    }

    fn decoding(&self) -> &Decoding {
        match &self.content {
            Content::Array(a) => &a.variable.decoding,
            Content::Bands(b) => &b.bands.decoding,
            Content::Days(d) => &d.bands.decoding,
        }
    }

    fn decoding_mut(&mut self) -> &mut Decoding {
        match &mut self.content {
            Content::Array(a) => &mut a.variable.decoding,
            Content::Bands(b) => &mut b.bands.decoding,
            Content::Days(d) => &mut d.bands.decoding,
        }
    }

    /// The least and the greatest stored value that stand for an observation, as
    /// the file states them. Values outside are read all the same.
    #[must_use]
    pub fn valid_range(&self) -> Option<[f64; 2]> {
        self.valid_range
    }

    /// The stored value that means no data.
    #[must_use]
    pub fn nodata(&self) -> Option<f64> {
        self.decoding().nodata
    }

    /// Physical value = stored × scale + offset.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.decoding().scale
    }

    /// Physical value = stored × scale + offset.
    #[must_use]
    pub fn offset(&self) -> f64 {
        self.decoding().offset
    }

    /// For files that don't carry them: what metadata say of the stored values.
    pub fn set_scaling(&mut self, scale: f64, offset: f64) {
        let decoding = self.decoding_mut();
        (decoding.scale, decoding.offset) = (scale, offset);
    }

    /// For files that don't carry it: the stored value that means no data.
    pub fn set_nodata(&mut self, nodata: Option<f64>) {
        self.decoding_mut().nodata = nodata;
    }

    /// Takes infinite numbers as values, as products may have them; else they are missing.
    pub fn keep_infinite(&mut self) {
        self.decoding_mut().infinite = true;
    }

    /// Another stored value that means no data.
    pub fn add_nodata(&mut self, nodata: f64) {
        self.decoding_mut().also_nodata.push(nodata);
    }

    /// The unit as the file writes it.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match &self.content {
            Content::Array(a) => a.variable.unit.as_deref(),
            Content::Bands(b) => b.bands.unit.as_deref(),
            Content::Days(d) => d.bands.unit.as_deref(),
        }
    }

    /// The stored type.
    #[must_use]
    pub fn data_type(&self) -> DType {
        self.decoding().dtype
    }

    /// One layer's values in a window, row by row: stored × scale + offset,
    /// NaN for nodata, NaN and infinity.
    ///
    /// # Errors
    /// [`RasterError`] if there is no such layer, the window isn't inside the
    /// raster, or the file is damaged there.
    pub fn read<T: Real>(&self, layer: usize, window: PixelRange) -> Result<Vec<T>, RasterError> {
        self.read_layers(layer..layer + 1, window)
    }

    /// Many layers' values in a window: layer, row, column. Chunks of netCDF-4 and of
    /// local TIFFs are undone on all threads of rayon's current pool, those of netCDF
    /// once for all layers in them.
    ///
    /// # Errors
    /// As [`Raster::read`].
    pub fn read_layers<T: Real>(
        &self,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
        self.check(&layers, window)?;
        // Memory that was never touched is cheap to have, and each thread touches its own.
        let mut values = vec![T::ZERO; layers.len() * window.shape().len()];
        self.read_layers_into(layers, window, &mut values)?;
        Ok(values)
    }

    /// The same, into as many places.
    ///
    /// # Errors
    /// As [`Raster::read`]; [`RasterError::Window`] if there are more or fewer places.
    pub fn read_layers_into<T: Real>(
        &self,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        runtime::prepare();
        self.check(&layers, window)?;
        let path = self.path.as_path();
        if out.len() != layers.len() * window.shape().len() {
            return Err(RasterError::Window { path: path.to_owned(), window, shape: self.geobox.shape });
        }
        match &self.content {
            Content::Array(array) => array.read_into(path, layers, window, out),
            Content::Bands(bands) => bands.read_into(path, layers, window, out),
            Content::Days(days) => days.read_into(path, layers, window, out),
        }
    }

    /// How many bytes of a netCDF-4 file or a TIFF reading a window would take, its
    /// metadata apart; `None` where a library reads the values.
    ///
    /// # Errors
    /// As [`Raster::read`].
    pub fn stored_bytes(&self, layers: Range<usize>, window: PixelRange) -> Result<Option<u64>, RasterError> {
        self.check(&layers, window)?;
        match &self.content {
            Content::Array(array) => array.stored_bytes(&self.path, layers, window),
            Content::Bands(bands) => bands.stored_bytes(&self.path, layers, window),
            Content::Days(_) => Ok(None),
        }
    }

    /// The calendar of 365 days that its clock names. Daymet's files say `standard`, and have 365 days all the same.
    #[must_use]
    pub fn calendar(&self) -> Option<Calendar> {
        let Content::Array(array) = &self.content else { return None };
        array.variable.calendar
    }

    /// How many layers are stored in one piece: fewer at once cost as much as these. As many as
    /// there are where a library reads them, which doesn't tell.
    #[must_use]
    pub fn layers_together(&self) -> usize {
        let chunks = match &self.content {
            Content::Array(array) => array.chunks(&self.path),
            Content::Bands(bands) => bands.chunks(&self.path),
            Content::Days(_) => return 1,
        };
        chunks.map_or(usize::MAX, chunks::ChunkReader::together).min(self.layers.len()).max(1)
    }

    /// Whether the chunks of a netCDF-4 variable or a TIFF are read by offset, on all
    /// threads, rather than by a library.
    #[must_use]
    pub fn reads_chunks(&self) -> bool {
        match &self.content {
            Content::Array(array) => array.chunks(&self.path).is_some(),
            Content::Bands(bands) => bands.chunks(&self.path).is_some(),
            Content::Days(_) => false,
        }
    }

    /// Why some values of a netCDF file were read by the netCDF library, which reads one chunk at a time, if some were.
    #[must_use]
    pub fn by_library(&self) -> Option<&str> {
        match &self.content {
            Content::Array(array) => array.by_library(),
            Content::Bands(_) | Content::Days(_) => None,
        }
    }

    /// From here on leaves the values of a local file to the library that knows its
    /// format, which reads one chunk at a time: for comparisons.
    pub fn leave_to_library(&mut self) {
        match &mut self.content {
            Content::Array(array) => array.leave_to_library(),
            Content::Bands(bands) => bands.leave_to_library(),
            Content::Days(_) => {}
        }
    }

    fn check(&self, layers: &Range<usize>, window: PixelRange) -> Result<(), RasterError> {
        let path = self.path.as_path();
        if layers.end > self.layers.len() || layers.start >= layers.end {
            let layer = layers.end.saturating_sub(1).max(layers.start);
            return Err(RasterError::NoLayer { path: path.to_owned(), layer, layers: self.layers.len() });
        }
        if window.is_empty() || window.intersection(PixelRange::of_shape(self.geobox.shape)) != Some(window) {
            return Err(RasterError::Window { path: path.to_owned(), window, shape: self.geobox.shape });
        }
        Ok(())
    }
}

fn open(path: &Path, variable: Option<&str>) -> Result<Opened, RasterError> {
    runtime::prepare();
    let full = container::local(path)?;
    let name = full.to_string_lossy().into_owned();
    let wrong = |available: Vec<String>| RasterError::Variable {
        path: path.to_owned(),
        wanted: variable.map(str::to_owned),
        available,
    };
    match container::kind(path)? {
        Kind::Netcdf => {
            refuse_short_netcdf(path)?;
            let dataset = bands::open(path, &name, &["netCDF"], GdalOpenFlags::GDAL_OF_MULTIDIM_RASTER)?;
            let chosen = netcdf::choose(&netcdf::root(&dataset, path)?, path, variable)?;
            Ok(Opened::Array(dataset, chosen))
        }
        Kind::Zarr => {
            let group = ZarrGroup::open(Arc::new(LocalFolder(full.clone())), &full, variable)?;
            let chosen = group.choose(path, variable)?;
            Ok(Opened::Zarr(Box::new(group), chosen))
        }
        Kind::Zarr2 => {
            let (dataset, chosen) = open_zarr2(path, &full, variable)?;
            Ok(Opened::Zarr2(dataset, chosen, None))
        }
        Kind::Hdf4 => {
            let dataset = bands::open(path, &name, &["HDF4", "HDF4Image"], GdalOpenFlags::GDAL_OF_RASTER)?;
            let fields = bands::hdf4_fields(&dataset);
            if fields.is_empty() {
                return Ok(Opened::Bands(dataset, false));
            }
            let chosen = match variable {
                Some(wanted) => fields.iter().find(|(n, _)| n == wanted),
                None if fields.len() == 1 => fields.first(),
                None => None,
            };
            let Some((_, gdal_name)) = chosen else {
                return Err(wrong(fields.into_iter().map(|(n, _)| n).collect()));
            };
            let field = bands::open(path, gdal_name, &["HDF4Image"], GdalOpenFlags::GDAL_OF_RASTER)?;
            Ok(Opened::Bands(field, false))
        }
        Kind::Zip => {
            let members = container::members(path)?;
            let chosen = match members.as_slice() {
                [only] => Some(only),
                several => several.iter().find(|m| variable.is_some_and(|v| m.name == v || m.stem() == v)),
            };
            let days = if chosen.is_none() && variable.is_none() { dated_zip::days(&members) } else { None };
            if let Some(days) = days {
                return Ok(Opened::Days(Box::new(DatedZip::open(path, full, days)?)));
            }
            let Some(member) = chosen else {
                return Err(wrong(members.iter().map(|m| m.stem().to_owned()).collect()));
            };
            Ok(Opened::Bands(dated_zip::dataset(path, &full, member)?, false))
        }
        Kind::Bands { may_be_raw } => {
            let size = std::fs::metadata(path)
                .map_err(|source| RasterError::Io { path: path.to_owned(), source })?
                .len();
            Ok(Opened::Bands(bands::open_file(path, &name, size, may_be_raw)?, true))
        }
    }
}

/// Opens a Zarr group of version 2 of the local disk; `path` stands for it in errors.
fn open_zarr2(path: &Path, folder: &Path, variable: Option<&str>) -> Result<(Dataset, String), RasterError> {
    let name = folder.to_string_lossy();
    let dataset = bands::open(path, &name, &["Zarr"], GdalOpenFlags::GDAL_OF_MULTIDIM_RASTER)?;
    let chosen = netcdf::choose(&netcdf::root(&dataset, path)?, path, variable);
    let chosen = chosen.map_err(|error| zarr::unread(folder, error))?;
    Ok((dataset, chosen))
}

/// Refuses a classic netCDF file that is cut short.
fn refuse_short_netcdf(path: &Path) -> Result<(), RasterError> {
    let damaged = |reason: String| RasterError::Damaged { path: path.to_owned(), reason };
    let size =
        std::fs::metadata(path).map_err(|source| RasterError::Io { path: path.to_owned(), source })?.len();
    match classic::needed_bytes(path) {
        Ok(Some(needed)) if size < needed => {
            Err(damaged(format!("its header promises {needed} bytes, there are {size}")))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(damaged(format!("its netCDF header can't be read ({error})"))),
    }
}
