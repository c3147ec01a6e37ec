//! One file of an input, and what item and file say of its values.

use crate::{PrepError, Rules, SourceAsset};
use seedbed_block::{Conversion, Unit};
use seedbed_raster::{Raster, RasterSource};
use std::path::PathBuf;

/// An asset on the local disk.
pub(crate) struct Source {
    pub(crate) asset: SourceAsset,
    pub(crate) path: PathBuf,
}

impl Source {
    /// The raster, its values scaled and its nodata known by the file's word or,
    /// where it has none, the item's.
    ///
    /// The vegetation indices of MOD13 carry their scale upside down in some
    /// files (10000 for 0.0001): where file and item are each other's inverse the
    /// item's is taken. Any other disagreement is an error.
    pub(crate) fn open(&self, input: &str) -> Result<Raster, PrepError> {
        let asset = &self.asset;
        let mut raster = Raster::open(&RasterSource {
            path: self.path.clone(),
            variable: asset.variable.clone(),
            claimed: asset.geobox.clone(),
        })?;
        if let Some(scale) = asset.scale {
            let offset = asset.offset.unwrap_or(0.0);
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
            let silent = raster.scale() == 1.0 && raster.offset() == 0.0;
            if silent || near(raster.scale() * scale, 1.0) {
                raster.set_scaling(scale, offset);
            } else if !near(raster.scale(), scale) || !near(raster.offset(), offset) {
                return Err(PrepError::Request(format!(
                    "input `{input}`: {} has scale {} and offset {}, its item `{}` says {scale} and {offset}",
                    self.path.display(),
                    raster.scale(),
                    raster.offset(),
                    asset.item
                )));
            }
        }
        if raster.nodata().is_none() {
            raster.set_nodata(asset.nodata);
        }
        Ok(raster)
    }

    /// From the raster's values to the wanted unit. `stated` is the file's unit.
    pub(crate) fn conversion(
        &self,
        input: &str,
        rules: &Rules,
        stated: Option<&str>,
    ) -> Result<Conversion, PrepError> {
        let Some(wanted) = rules.wanted else { return Ok(rules.adjust) };
        let failed = |source| PrepError::Unit { input: input.to_owned(), path: self.path.clone(), source };
        let parse = |text: &str| text.parse::<Unit>().map_err(failed);
        let stated = stated.filter(|unit| !unit.is_empty());
        let unit = match (rules.unit, self.asset.unit.as_deref(), stated) {
            (Some(unit), _, _) => unit,
            (None, Some(item), Some(file)) => {
                let (by_item, by_file) = (parse(item)?, parse(file)?);
                if by_item.to(by_file) != Ok(Conversion::IDENTITY) {
                    return Err(PrepError::Request(format!(
                        "input `{input}`: {} says its unit is `{file}`, its item `{}` says `{item}`; set \
                         `unit` in the project file",
                        self.path.display(),
                        self.asset.item
                    )));
                }
                by_item
            }
            (None, Some(text), None) | (None, None, Some(text)) => parse(text)?,
            (None, None, None) => {
                return Err(PrepError::NoUnit {
                    input: input.to_owned(),
                    place: format!("item `{}` or {}", self.asset.item, self.path.display()),
                });
            }
        };
        let to = unit.to(wanted).map_err(failed)?;
        Ok(Conversion {
            scale: to.scale * rules.adjust.scale,
            offset: to.offset * rules.adjust.scale + rules.adjust.offset,
        })
    }
}
