//! Rasters that GDAL presents as bands: GeoTIFF, BIL, ESRI grids, HDF4 fields.

use crate::chunks::{self, ChunkReader, Fault};
use crate::error::RasterError;
use crate::mask::Mask;
use crate::ranges::{LocalFile, ReadAt};
use crate::runtime::reason;
use crate::stored::{Decoding, Sign, Stored};
use crate::{DType, classic, netcdf, proj, valid};
use gdal::raster::{GdalType, RasterBand};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};
use gdal_sys::GDALDataType as Gdt;
use seedbed_block::{PixelRange, Real, Shape2d};
use seedbed_grid::{Affine, Crs};
use std::cell::OnceCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The formats opened as bands: nothing that could be a list of other files,
/// a script or a service.
pub const BAND_DRIVERS: &[&str] = &[
    "GTiff",
    "EHdr",
    "AAIGrid",
    "JP2OpenJPEG",
    "JP2KAK",
    "JP2ECW",
    "JP2MrSID",
    "JP2Lura",
    "JP2Grok",
    "VRT",
    "ENVI",
    "HFA",
];

/// Those of them that take any file for numbers that has a fitting `.hdr` beside it.
pub const RAW_DRIVERS: &[&str] = &["EHdr", "ENVI"];

pub fn open(path: &Path, name: &str, drivers: &[&str], flags: GdalOpenFlags) -> Result<Dataset, RasterError> {
    let options = DatasetOptions {
        open_flags: flags | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR,
        allowed_drivers: Some(drivers),
        ..DatasetOptions::default()
    };
    Dataset::open_ex(name, options).map_err(|e| {
        let said = reason(&e);
        if classic::is_cdf5(path) {
            let reason = "it is a netCDF of 64-bit data (CDF-5), which GDAL doesn't know".to_owned();
            return RasterError::Unsupported { path: path.to_owned(), reason };
        }
        if said.contains("not recognized as") {
            let reason = format!("{} can't make sense of it: it may be cut short", drivers.join(", "));
            return RasterError::Damaged { path: path.to_owned(), reason };
        }
        RasterError::Gdal { path: path.to_owned(), reason: said }
    })
}

/// Opens a file as bands, and refuses one of raw pixels that is cut short:
/// GDAL would read what is missing as zeros.
pub fn open_file(path: &Path, name: &str, size: u64, may_be_raw: bool) -> Result<Dataset, RasterError> {
    let fits = |driver: &&str| may_be_raw || !RAW_DRIVERS.contains(driver);
    let drivers: Vec<&str> = BAND_DRIVERS.iter().copied().filter(fits).collect();
    let dataset = open(path, name, &drivers, GdalOpenFlags::GDAL_OF_RASTER)?;
    if RAW_DRIVERS.contains(&dataset.driver().short_name().as_str()) {
        let (cols, rows) = dataset.raster_size();
        let bits = dataset.rasterband(1).ok().map_or(0, |band| 8 * u64::from(band.band_type().bytes()));
        let pixels = (cols * rows * dataset.raster_count()) as u64;
        // One-bit and similar packings are declared as bytes; only whole bytes are checked.
        let needed = pixels * bits / 8;
        let packed = gdal::Metadata::metadata_item(&dataset, "NBITS", "IMAGE_STRUCTURE").is_some();
        if size < needed && !packed {
            return Err(RasterError::Damaged {
                path: path.to_owned(),
                reason: format!("{rows}×{cols} pixels need {needed} bytes, there are {size}"),
            });
        }
    }
    Ok(dataset)
}

/// What GDAL says of a TIFF of which it is given the tags alone, and its valid range.
///
/// # Errors
/// [`RasterError`] if it can't make sense of them, or of the wanted variable.
pub fn describe_skeleton(
    mut skeleton: Vec<u8>,
    path: &Path,
    variable: Option<&str>,
) -> Result<(Bands, Option<[f64; 2]>), RasterError> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("/vsimem/seedbed-{}.tif", NEXT.fetch_add(1, Ordering::Relaxed));
    let failed = |e: &gdal::errors::GdalError| RasterError::Gdal { path: path.to_owned(), reason: reason(e) };
    // Lent, since GDAL would free it by another allocator than ours; dropped after the dataset.
    let _file = gdal::vsi::create_mem_file_from_ref(&name, &mut skeleton).map_err(|e| failed(&e))?;
    let dataset = open(path, &name, &["GTiff"], GdalOpenFlags::GDAL_OF_RASTER)?;
    Ok((describe(&dataset, path, variable)?, valid::of_metadata(&dataset)))
}

/// The fields of an HDF4 file: (name, GDAL's name for it).
pub fn hdf4_fields(dataset: &Dataset) -> Vec<(String, String)> {
    dataset
        .metadata_domain("SUBDATASETS")
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| {
            let (key, gdal_name) = entry.split_once('=')?;
            let field = gdal_name.rsplit_once(':')?.1.trim_matches('"');
            key.ends_with("_NAME").then(|| (field.to_owned(), gdal_name.to_owned()))
        })
        .collect()
}

/// What the bands have in common.
pub struct Bands {
    /// GDAL's band numbers, from 1, one a layer.
    pub numbers: Vec<usize>,
    pub name: Option<String>,
    pub shape: Shape2d,
    pub affine: Option<Affine>,
    pub crs: Option<Crs>,
    pub unit: Option<String>,
    pub decoding: Decoding,
    mask: Mask,
    stored: u32,
}

/// What the bands of a file are.
pub fn describe(dataset: &Dataset, path: &Path, variable: Option<&str>) -> Result<Bands, RasterError> {
    let failed = |e: &gdal::errors::GdalError| RasterError::Gdal { path: path.to_owned(), reason: reason(e) };
    let mask = |number: usize| dataset.rasterband(number).and_then(|band| Mask::of(&band));
    let first_mask = if dataset.raster_count() > 0 { mask(1).map_err(|e| failed(&e))? } else { Mask::None };
    // Transparency, which is the last band, is no data of its own.
    let count = dataset.raster_count() - usize::from(first_mask == Mask::Alpha);
    let descriptions: Vec<String> = (1..=count)
        .map(|i| dataset.rasterband(i).ok().and_then(|b| b.description().ok()).unwrap_or_default())
        .collect();
    let numbers = match variable {
        Some(wanted) if count > 1 => {
            let labels = || (1..=count).map(|i| format!("band {i}"));
            let found =
                descriptions.iter().position(|d| d == wanted).or_else(|| labels().position(|l| l == wanted));
            let available = || {
                descriptions
                    .iter()
                    .zip(labels())
                    .map(|(d, l)| if d.is_empty() { l } else { d.clone() })
                    .collect()
            };
            vec![
                1 + found.ok_or_else(|| RasterError::Variable {
                    path: path.to_owned(),
                    wanted: Some(wanted.to_owned()),
                    available: available(),
                })?,
            ]
        }
        _ => (1..=count).collect(),
    };
    let Some(first) = numbers.first() else {
        return Err(RasterError::Damaged { path: path.to_owned(), reason: "it has no band".to_owned() });
    };
    let band = dataset.rasterband(*first).map_err(|e| failed(&e))?;
    let stored = band.band_type() as u32;
    let dtype = dtype(&band).ok_or_else(|| RasterError::Unsupported {
        path: path.to_owned(),
        reason: "its numbers aren't of a real type".to_owned(),
    })?;
    let nodata = band.no_data_value().map(|n| if dtype == DType::Int8 && n > 127.0 { n - 256.0 } else { n });
    let masks: Result<Vec<Mask>, _> = numbers.iter().map(|number| mask(*number)).collect();
    let mask = masks.map_err(|e| failed(&e))?.into_iter().find(|m| *m != Mask::None).unwrap_or(Mask::None);
    let (cols, rows) = dataset.raster_size();
    let hdf4 = dataset.driver().short_name() == "HDF4Image";
    let (scale, offset) = if hdf4 {
        hdf4_scaling(dataset)
    } else {
        (band.scale().unwrap_or(1.0), band.offset().unwrap_or(0.0))
    };
    let unit = Some(band.unit())
        .filter(|u| !u.is_empty())
        .or_else(|| hdf4.then(|| dataset.metadata_item("units", "")).flatten());
    let crs = dataset
        .spatial_ref()
        .ok()
        .filter(|srs| !srs.is_local())
        .map(|srs| proj::canonical(&srs, &path.to_string_lossy()))
        .transpose()
        .map_err(|source| RasterError::Crs { path: path.to_owned(), source })?;
    Ok(Bands {
        name: descriptions.get(first - 1).filter(|d| !d.is_empty()).cloned(),
        numbers,
        shape: Shape2d { rows, cols },
        affine: dataset.geo_transform().ok().map(Affine::from_gdal),
        crs,
        unit,
        decoding: Decoding {
            dtype,
            nodata,
            also_nodata: Vec::new(),
            scale,
            offset,
            sign: Sign::OfType,
            infinite: false,
        },
        mask,
        stored,
    })
}

/// The type of a band's numbers; before 3.7 GDAL has signed bytes as unsigned ones that it marks.
fn dtype(band: &RasterBand<'_>) -> Option<DType> {
    match netcdf::dtype(band.band_type() as u32)? {
        DType::UInt8
            if band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE").as_deref() == Some("SIGNEDBYTE") =>
        {
            Some(DType::Int8)
        }
        dtype => Some(dtype),
    }
}

/// Scale and offset of an HDF4 field. HDF4 defines
/// `value = scale_factor × (stored − add_offset)`; the vegetation indices of
/// MOD13 and MYD13 give the reciprocal (10000 for 0.0001), which no physical
/// field of theirs could mean, so a factor above 1 is divided by.
fn hdf4_scaling(dataset: &Dataset) -> (f64, f64) {
    let number = |key: &str| dataset.metadata_item(key, "").and_then(|t| t.trim().parse::<f64>().ok());
    let factor = number("scale_factor").filter(|f| *f != 0.0 && f.is_finite()).unwrap_or(1.0);
    let scale = if factor > 1.0 { 1.0 / factor } else { factor };
    (scale, -scale * number("add_offset").unwrap_or(0.0))
}

/// The bands of an open file, and who reads their values: we, chunk by chunk, or GDAL.
pub struct BandReader {
    pub bands: Bands,
    /// The file as GDAL opened it; `None` of one that is read through byte ranges.
    dataset: Option<Dataset>,
    /// What stands for chunks that were never written, as stored.
    fill: f64,
    /// Who reads a TIFF's chunks, found out at the first reading; `None` where GDAL has to.
    chunks: OnceCell<Option<ChunkReader>>,
}

impl BandReader {
    /// Of bands that GDAL describes; `is_file` says whether it reads the very file, and not
    /// what lies inside.
    pub fn new(bands: Bands, dataset: Dataset, is_file: bool) -> Self {
        let is_tiff = is_file && dataset.driver().short_name() == "GTiff";
        let chunks = if is_tiff { OnceCell::new() } else { OnceCell::from(None) };
        let fill = bands.decoding.nodata.unwrap_or(0.0);
        Self { bands, dataset: Some(dataset), fill, chunks }
    }

    /// Of a TIFF's bytes.
    ///
    /// # Errors
    /// [`RasterError::Ranges`] if its values are stored in a way that isn't known, or masked.
    pub fn of_bytes(bands: Bands, bytes: Arc<dyn ReadAt>, path: &Path) -> Result<Self, RasterError> {
        if bands.mask != Mask::None || chunks::has_mask(&*bytes).map_err(|fault| refused(path, fault))? {
            return Err(refused(
                path,
                Fault::Unknown("a mask says which of its pixels hold data".to_owned()),
            ));
        }
        let fill = bands.decoding.nodata.unwrap_or(0.0);
        let reader = reader(bytes, &bands, fill).map_err(|fault| refused(path, fault))?;
        Ok(Self { bands, dataset: None, fill, chunks: OnceCell::from(Some(reader)) })
    }

    /// Leaves the values to GDAL.
    pub fn leave_to_library(&mut self) {
        if self.dataset.is_some() {
            self.chunks = OnceCell::from(None);
        }
    }

    /// Who reads its chunks; `None` where GDAL does.
    pub fn chunks(&self, path: &Path) -> Option<&ChunkReader> {
        let opened = self.chunks.get_or_init(|| {
            let file = LocalFile::open(path).map_err(Fault::Io);
            let reader = file.and_then(|file| reader(Arc::new(file), &self.bands, self.fill));
            // What is damaged GDAL may know to read, or tells in its words.
            reader.inspect_err(|fault| by_library(path, fault)).ok()
        });
        opened.as_ref()
    }

    /// How many bytes of the file a window takes; `None` where GDAL reads it.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] if its chunks lie outside the file.
    pub fn stored_bytes(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
    ) -> Result<Option<u64>, RasterError> {
        let Some(reader) = self.chunks(path) else { return Ok(None) };
        reader.stored_bytes(layers, window).map(Some).map_err(|fault| refused(path, fault))
    }

    /// A window of some layers, into as many places: layer, row, column.
    ///
    /// # Errors
    /// [`RasterError::Damaged`], [`RasterError::Io`].
    pub fn read_into<T: Real>(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        if !self.read_chunks(path, layers.clone(), window, out)? {
            self.read_by_library(path, layers.clone(), window, out)?;
        }
        let Some(dataset) = &self.dataset else { return Ok(()) };
        for (layer, out) in layers.zip(out.chunks_exact_mut(window.shape().len())) {
            let number = self.bands.numbers[layer];
            self.bands.mask.apply(dataset, number, window, out).map_err(|e| RasterError::Damaged {
                path: path.to_owned(),
                reason: format!("the mask of band {number} can't be read: {}", reason(&e)),
            })?;
        }
        Ok(())
    }

    /// Whether its chunks were read, without a library.
    fn read_chunks<T: Real>(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<bool, RasterError> {
        let Some(reader) = self.chunks(path) else { return Ok(false) };
        match reader.read_into(&self.bands.decoding, layers, window, out) {
            Ok(()) => Ok(true),
            Err(fault @ Fault::Unknown(_)) if self.dataset.is_some() => {
                by_library(path, &fault);
                Ok(false)
            }
            Err(fault) => Err(refused(path, fault)),
        }
    }

    fn read_by_library<T: Real>(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        let Some(dataset) = &self.dataset else {
            let reason = "nobody knows how its values are stored".to_owned();
            return Err(refused(path, Fault::Unknown(reason)));
        };
        for (layer, out) in layers.zip(out.chunks_exact_mut(window.shape().len())) {
            self.bands.read_into(dataset, path, layer, window, out)?;
        }
        Ok(())
    }
}

fn reader(bytes: Arc<dyn ReadAt>, bands: &Bands, fill: f64) -> Result<ChunkReader, Fault> {
    let Bands { shape, ref numbers, ref decoding, .. } = *bands;
    ChunkReader::of_tiff(bytes, &chunks::Bands { shape, numbers, dtype: decoding.dtype, fill })
}

/// A fault as an error of a file.
pub fn refused(path: &Path, fault: Fault) -> RasterError {
    let path = path.to_owned();
    match fault {
        Fault::Damaged(reason) => RasterError::Damaged { path, reason },
        Fault::Unknown(reason) => RasterError::Ranges { path, reason },
        Fault::Io(source) => RasterError::Io { path, source },
    }
}

fn by_library(path: &Path, fault: &Fault) {
    tracing::debug!(path = %path.display(), ?fault, "read by GDAL");
}

impl Bands {
    /// Whether others lie on the same grid and are stored alike.
    pub fn lie_with(&self, other: &Self) -> bool {
        (self.shape, self.affine, &self.crs, self.stored, self.numbers.len())
            == (other.shape, other.affine, &other.crs, other.stored, other.numbers.len())
    }

    fn read_into<T: Real>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layer: usize,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        match self.stored {
            // Of which GDAL has no type of its own.
            Gdt::GDT_Byte if self.decoding.dtype == DType::Int8 => {
                let bytes = self.raw::<u8>(dataset, path, layer, window)?;
                let signed: Vec<i8> = bytes.into_iter().map(u8::cast_signed).collect();
                self.decoding.decode_into(&signed, out);
                Ok(())
            }
            Gdt::GDT_Byte => self.read_as::<u8, T>(dataset, path, layer, window, out),
            Gdt::GDT_UInt16 => self.read_as::<u16, T>(dataset, path, layer, window, out),
            Gdt::GDT_Int16 => self.read_as::<i16, T>(dataset, path, layer, window, out),
            Gdt::GDT_UInt32 => self.read_as::<u32, T>(dataset, path, layer, window, out),
            Gdt::GDT_Int32 => self.read_as::<i32, T>(dataset, path, layer, window, out),
            Gdt::GDT_Float32 => self.read_as::<f32, T>(dataset, path, layer, window, out),
            _ => self.read_as::<f64, T>(dataset, path, layer, window, out),
        }
    }

    fn read_as<S: GdalType + Stored, T: Real>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layer: usize,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        self.decoding.decode_into(&self.raw::<S>(dataset, path, layer, window)?, out);
        Ok(())
    }

    /// The stored numbers of a layer.
    fn raw<S: GdalType + Copy>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layer: usize,
        window: PixelRange,
    ) -> Result<Vec<S>, RasterError> {
        let shape = window.shape();
        let size = (shape.cols, shape.rows);
        let corner = (isize::try_from(window.col0), isize::try_from(window.row0));
        let (Ok(col), Ok(row)) = corner else {
            return Err(RasterError::Window { path: path.to_owned(), window, shape: self.shape });
        };
        let raw = dataset
            .rasterband(self.numbers[layer])
            .and_then(|band| band.read_as::<S>((col, row), size, size, None))
            .map_err(|e| RasterError::Damaged {
                path: path.to_owned(),
                reason: format!("band {} can't be read: {}", self.numbers[layer], reason(&e)),
            })?;
        Ok(raw.into_shape_and_vec().1)
    }
}
