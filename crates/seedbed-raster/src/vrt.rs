//! Virtual rasters: rasters that lie elsewhere as one, in GDAL's VRT format.
//!
//! Source: GDAL's documentation of the VRT format and its schema `gdalvrt.xsd`.

use crate::cog::{BandMeta, CogOptions};
use crate::tile_index::{escaped, gdal_name, number};
use seedbed_block::{PixelRange, Shape2d};
use seedbed_grid::GeoBox;
use std::fmt::Write;

/// A raster of tiles.
#[derive(Debug, Clone)]
pub struct Vrt<'a> {
    /// Where it lies.
    pub geobox: &'a GeoBox,
    /// The band.
    pub band: &'a BandMeta,
    /// How its tiles are stored.
    pub options: &'a CogOptions,
    /// Its tiles, which don't overlap.
    pub tiles: Vec<VrtTile>,
}

/// One tile.
#[derive(Debug, Clone)]
pub struct VrtTile {
    /// Its pixels, counted from the raster's corner.
    pub range: PixelRange,
    /// Its file, by its way from the document's folder.
    pub file: String,
}

impl Vrt<'_> {
    /// The document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let Shape2d { rows, cols } = self.geobox.shape;
        let dtype = gdal_name(self.options.dtype);
        let transform = self.geobox.affine.to_gdal().map(|n| n.to_string()).join(", ");
        let mut xml = format!(
            "<VRTDataset rasterXSize=\"{cols}\" rasterYSize=\"{rows}\">\n  \
             <SRS dataAxisToSRSAxisMapping=\"{}\">{}</SRS>\n  \
             <GeoTransform>{transform}</GeoTransform>\n  \
             <VRTRasterBand dataType=\"{dtype}\" band=\"1\">\n",
            // Longitude comes first here whatever the authority says.
            if self.geobox.crs.geographic { "2,1" } else { "1,2" },
            escaped(&self.geobox.crs.wkt2)
        );
        let mut say = |name: &str, value: &str| {
            // Writing to a String can't fail.
            let _ = writeln!(xml, "    <{name}>{value}</{name}>");
        };
        if !self.band.name.is_empty() {
            say("Description", &escaped(&self.band.name));
        }
        if let Some(nodata) = self.options.nodata {
            say("NoDataValue", &number(nodata));
        }
        if let Some(unit) = &self.band.unit {
            say("UnitType", &escaped(unit));
        }
        if self.options.scale != 1.0 || self.options.offset != 0.0 {
            say("Offset", &self.options.offset.to_string());
            say("Scale", &self.options.scale.to_string());
        }
        for VrtTile { range, file } in &self.tiles {
            let PixelRange { row0, col0, rows, cols } = range;
            let _ = write!(
                xml,
                "    <SimpleSource>\n      \
                 <SourceFilename relativeToVRT=\"1\">{}</SourceFilename>\n      \
                 <SourceBand>1</SourceBand>\n      \
                 <SourceProperties RasterXSize=\"{cols}\" RasterYSize=\"{rows}\" DataType=\"{dtype}\"/>\n      \
                 <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{cols}\" ySize=\"{rows}\"/>\n      \
                 <DstRect xOff=\"{col0}\" yOff=\"{row0}\" xSize=\"{cols}\" ySize=\"{rows}\"/>\n    \
                 </SimpleSource>\n",
                escaped(file)
            );
        }
        xml + "  </VRTRasterBand>\n</VRTDataset>\n"
    }
}
