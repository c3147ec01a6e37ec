//! Tile indexes: rasters that lie elsewhere as one, for GDAL's GTI driver (from 3.9 on).
//!
//! The index is a GeoPackage of one layer whose features are the tiles' outlines with their
//! `LOCATION`. What the whole raster is stands in the layer's metadata twice: as plain items, and
//! as the XML of the domain `xml:GTI`, which alone has room for scale, offset and unit.
//!
//! Source: GDAL's documentation of the driver GTI.

use crate::cog::{BandMeta, CogOptions};
use crate::{DType, RasterError, container, ffi, proj, runtime};
use gdal::config;
use gdal::errors::GdalError;
use gdal::vector::{Feature, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, Metadata};
use seedbed_block::PixelRange;
use seedbed_grid::GeoBox;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::path::Path;

/// A raster of tiles.
#[derive(Debug, Clone)]
pub struct TileIndex<'a> {
    /// Where it lies.
    pub geobox: &'a GeoBox,
    /// The band.
    pub band: &'a BandMeta,
    /// How its tiles are stored.
    pub options: &'a CogOptions,
    /// Each tile's pixels, counted from the raster's corner, and its file: absolute, or by its
    /// way from the index's folder.
    pub tiles: Vec<(PixelRange, String)>,
}

/// The field of a tile's file.
const LOCATION: &str = "LOCATION";

/// The moment that stands in the file: the same tiles give the same bytes.
const THEN: &str = "1970-01-01T00:00:00.000Z";

/// GDAL's name of a type.
pub fn gdal_name(dtype: DType) -> &'static str {
    match dtype {
        DType::UInt8 => "Byte",
        DType::Int8 => "Int8",
        DType::UInt16 => "UInt16",
        DType::Int16 => "Int16",
        DType::UInt32 => "UInt32",
        DType::Int32 => "Int32",
        DType::Float32 => "Float32",
        DType::Float64 => "Float64",
    }
}

/// A text in XML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text that was [`escaped`].
pub fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// A number as GDAL reads it.
pub fn number(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { value.to_string() }
}

impl TileIndex<'_> {
    /// Writes the index to `path`, which must not exist and should end in `.gti.gpkg`.
    ///
    /// # Errors
    /// [`RasterError::Io`] where `path` exists, [`RasterError::Crs`] for a system that GDAL
    /// doesn't take, [`RasterError::Gdal`] where it can't write the file.
    pub fn write(&self, path: &Path) -> Result<(), RasterError> {
        runtime::prepare();
        let full = container::local(path)?;
        if full.exists() {
            let source = io::Error::from(ErrorKind::AlreadyExists);
            return Err(RasterError::Io { path: path.to_owned(), source });
        }
        let srs = proj::spatial_ref(&self.geobox.crs)
            .map_err(|source| RasterError::Crs { path: path.to_owned(), source })?;
        let refused = |reason: String| RasterError::Gdal { path: path.to_owned(), reason };
        let said = |e: GdalError| refused(runtime::reason(&e));
        config::set_thread_local_config_option("OGR_CURRENT_DATE", THEN).map_err(said)?;
        let written = self.fill(&full, &srs);
        config::clear_thread_local_config_option("OGR_CURRENT_DATE").map_err(said)?;
        written.map_err(refused)
    }

    /// The files that an index refers to, as it names them.
    ///
    /// # Errors
    /// [`RasterError::Gdal`] where GDAL can't read it as one.
    pub fn files(path: &Path) -> Result<Vec<String>, RasterError> {
        runtime::prepare();
        let full = container::local(path)?;
        let said = |e: GdalError| RasterError::Gdal { path: path.to_owned(), reason: runtime::reason(&e) };
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY,
            allowed_drivers: Some(&["GPKG"]),
            ..DatasetOptions::default()
        };
        let dataset = Dataset::open_ex(full, options).map_err(said)?;
        let mut layer = dataset.into_layer(0).map_err(said)?;
        let file = |feature: Feature<'_>| {
            let field = feature.field_index(LOCATION).and_then(|field| feature.field_as_string(field));
            field.map(Option::unwrap_or_default).map_err(said)
        };
        layer.features().map(file).collect()
    }

    fn fill(&self, path: &Path, srs: &gdal::spatial_ref::SpatialRef) -> Result<(), String> {
        let said = |e: GdalError| runtime::reason(&e);
        let driver = DriverManager::get_driver_by_name("GPKG").map_err(said)?;
        let mut dataset = driver.create_vector_only(path).map_err(said)?;
        let options =
            LayerOptions { name: "tiles", srs: Some(srs), ty: OGRwkbGeometryType::wkbPolygon, options: None };
        let mut layer = dataset.create_layer(options).map_err(said)?;
        layer.create_defn_fields(&[(LOCATION, OGRFieldType::OFTString)]).map_err(said)?;
        for (name, value) in self.items() {
            layer.set_metadata_item(name, &value, "").map_err(said)?;
        }
        ffi::set_layer_xml(&layer, "xml:GTI", &self.xml())?;
        for (range, location) in &self.tiles {
            let mut feature = Feature::new(layer.defn()).map_err(said)?;
            feature.set_geometry(self.outline(*range).map_err(said)?).map_err(said)?;
            feature.set_field_string(0, location).map_err(said)?;
            feature.create(&layer).map_err(said)?;
        }
        dataset.close().map_err(said)?;
        let mut again = Dataset::open(path).map_err(said)?.into_layer(0).map_err(said)?;
        let (found, meant) = (again.features().count(), self.tiles.len());
        if found == meant { Ok(()) } else { Err(format!("it reads back with {found} of {meant} tiles")) }
    }

    /// What there is to say as plain items.
    fn items(&self) -> Vec<(&'static str, String)> {
        let a = self.geobox.affine;
        let transform = a.to_gdal().map(|n| n.to_string()).join(",");
        let mut items = vec![
            ("RESX", a.a.abs().to_string()),
            ("RESY", a.e.abs().to_string()),
            ("GEOTRANSFORM", transform),
            ("XSIZE", self.geobox.shape.cols.to_string()),
            ("YSIZE", self.geobox.shape.rows.to_string()),
            ("BAND_COUNT", "1".to_owned()),
            ("DATA_TYPE", gdal_name(self.options.dtype).to_owned()),
            ("SRS", self.srs()),
            ("LOCATION_FIELD", LOCATION.to_owned()),
        ];
        items.extend(self.options.nodata.map(|nodata| ("NODATA", number(nodata))));
        items
    }

    /// The system as GDAL's readers take it.
    fn srs(&self) -> String {
        let crs = &self.geobox.crs;
        crs.code.clone().unwrap_or_else(|| crs.wkt2.clone())
    }

    fn xml(&self) -> String {
        let CogOptions { dtype, scale, offset, nodata, .. } = self.options;
        let mut band = format!("<Description>{}</Description>", escaped(&self.band.name));
        let mut say = |name: &str, value: String| {
            // Writing to a String can't fail.
            let _ = write!(band, "<{name}>{value}</{name}>");
        };
        say("Offset", offset.to_string());
        say("Scale", scale.to_string());
        if let Some(nodata) = nodata {
            say("NoDataValue", number(*nodata));
        }
        if let Some(unit) = &self.band.unit {
            say("UnitType", escaped(unit));
        }
        let shape = self.geobox.shape;
        let transform = self.geobox.affine.to_gdal().map(|n| n.to_string()).join(",");
        format!(
            "<GDALTileIndexDataset><XSize>{}</XSize><YSize>{}</YSize><GeoTransform>{transform}</GeoTransform>\
             <SRS>{}</SRS><BandCount>1</BandCount><LocationField>{LOCATION}</LocationField>\
             <Band band=\"1\" dataType=\"{}\">{band}</Band></GDALTileIndexDataset>",
            shape.cols,
            shape.rows,
            escaped(&self.srs()),
            gdal_name(*dtype)
        )
    }

    /// A tile's outline in the raster's system.
    #[expect(clippy::cast_precision_loss, reason = "rasters have far fewer than 2^52 rows")]
    fn outline(&self, range: PixelRange) -> Result<Geometry, GdalError> {
        let a = self.geobox.affine;
        let one = a.apply(range.col0 as f64, range.row0 as f64);
        let other = a.apply((range.col0 + range.cols) as f64, (range.row0 + range.rows) as f64);
        Geometry::bbox(one.x.min(other.x), one.y.min(other.y), one.x.max(other.x), one.y.max(other.y))
    }
}
