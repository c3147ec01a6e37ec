//! Rasters that GDAL presents as bands: GeoTIFF, BIL, ESRI grids, HDF4 fields.

use crate::error::RasterError;
use crate::runtime::reason;
use crate::stored::Decoding;
use crate::{netcdf, proj};
use gdal::raster::GdalType;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};
use gdal_sys::GDALDataType as Gdt;
use seedbed_block::{PixelRange, Real, Shape2d};
use seedbed_grid::{Affine, Crs};
use std::path::Path;

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

pub fn open(path: &Path, name: &str, drivers: &[&str], flags: GdalOpenFlags) -> Result<Dataset, RasterError> {
    let options = DatasetOptions {
        open_flags: flags | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR,
        allowed_drivers: Some(drivers),
        ..DatasetOptions::default()
    };
    Dataset::open_ex(name, options).map_err(|e| {
        let said = reason(&e);
        if said.contains("not recognized as") {
            let reason = format!("{} can't make sense of it: it may be cut short", drivers.join(", "));
            return RasterError::Damaged { path: path.to_owned(), reason };
        }
        RasterError::Gdal { path: path.to_owned(), reason: said }
    })
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
    stored: u32,
}

pub fn describe(dataset: &Dataset, path: &Path, variable: Option<&str>) -> Result<Bands, RasterError> {
    let failed = |e: &gdal::errors::GdalError| RasterError::Gdal { path: path.to_owned(), reason: reason(e) };
    let count = dataset.raster_count();
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
    let dtype = netcdf::dtype(stored).ok_or_else(|| RasterError::Damaged {
        path: path.to_owned(),
        reason: "its band isn't of a real numeric type".to_owned(),
    })?;
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
            nodata: band.no_data_value(),
            also_nodata: None,
            scale,
            offset,
            unsigned: false,
        },
        stored,
    })
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

impl Bands {
    pub fn read<T: Real>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layer: usize,
        window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
        match self.stored {
            Gdt::GDT_Byte => self.read_as::<u8, T>(dataset, path, layer, window),
            Gdt::GDT_UInt16 => self.read_as::<u16, T>(dataset, path, layer, window),
            Gdt::GDT_Int16 => self.read_as::<i16, T>(dataset, path, layer, window),
            Gdt::GDT_UInt32 => self.read_as::<u32, T>(dataset, path, layer, window),
            Gdt::GDT_Int32 => self.read_as::<i32, T>(dataset, path, layer, window),
            Gdt::GDT_Float32 => self.read_as::<f32, T>(dataset, path, layer, window),
            _ => self.read_as::<f64, T>(dataset, path, layer, window),
        }
    }

    fn read_as<S: GdalType + Copy + Into<f64>, T: Real>(
        &self,
        dataset: &Dataset,
        path: &Path,
        layer: usize,
        window: PixelRange,
    ) -> Result<Vec<T>, RasterError> {
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
        Ok(self.decoding.decode(raw.data()))
    }
}
