//! Virtual rasters: rasters that lie elsewhere as one, in GDAL's VRT format.
//!
//! Source: GDAL's documentation of the VRT format and its schema `gdalvrt.xsd`.

use crate::cog::{BandMeta, CogOptions};
use crate::tile_index::{escaped, gdal_name, number, unescaped};
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
    /// The files that a document as [`Vrt::to_xml`] writes it refers to, by their way from its folder.
    #[must_use]
    pub fn files(xml: &str) -> Vec<String> {
        let open = "<SourceFilename relativeToVRT=\"1\">";
        let name = |rest: &str| rest.split_once("</SourceFilename>").map(|(name, _)| unescaped(name));
        xml.split(open).skip(1).filter_map(name).collect()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_back_as_they_were_written() {
        let name = "../a & b/<\"x\">.tif";
        let source =
            |name: &str| format!("<SourceFilename relativeToVRT=\"1\">{}</SourceFilename>", escaped(name));
        let xml =
            format!("<VRTDataset>{}<SourceBand>1</SourceBand>{}</VRTDataset>", source(name), source("b.tif"));
        assert_eq!(Vrt::files(&xml), [name, "b.tif"]);
    }
}
