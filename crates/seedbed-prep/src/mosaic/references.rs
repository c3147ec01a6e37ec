//! Mosaics that hold no pixels: they refer to the tiles where these lie.

use super::{Context, MosaicFormat, Placed, Tile};
use crate::product::{Flaw, Written, same_nodata, stored_as};
use crate::record::{GTI, VRT, href};
use crate::{Attempt, PrepError, Root, Variable, one_line};
use seedbed_block::PixelRange;
use seedbed_catalog::Asset;
use seedbed_raster::cog::{BandMeta, CogOptions};
use seedbed_raster::{Raster, RasterSource, Statistics, TileIndex, Vrt, VrtTile};
use seedbed_storage::Location;
use std::fs;
use std::path::{Path, PathBuf};

impl Context<'_> {
    /// Writes a variable's file of references. Tiles are held to their records first, and have
    /// to be stored alike, for nothing is converted.
    ///
    /// # Errors
    /// [`PrepError::Unverified`] for a tile that isn't what its record says, or a file that
    /// can't be read back; [`PrepError::Request`] for tiles that are stored differently.
    pub(super) fn refer(
        &self,
        attempt: &mut Attempt,
        variable: Variable,
        records: &[Tile<'_>],
        options: CogOptions,
    ) -> Result<(), PrepError> {
        let name = &variable.name;
        let from = real(&attempt.staging)?;
        let mut tiles = Vec::new();
        for placed in self.placed(records, name) {
            let Placed { range, file, raster, .. } = placed?;
            let meant = (options.dtype, options.scale.to_bits(), options.offset.to_bits());
            if stored_as(&raster) != meant || !same_nodata(raster.nodata(), options.nodata) {
                return Err(PrepError::Request(format!(
                    "{} stores `{name}` as {}, another tile as {}: make the mosaic with --format cog",
                    file.display(),
                    raster.data_type(),
                    options.dtype
                )));
            }
            tiles.push((range, href(&from, &Location::Local(real(&file)?))));
        }
        let band = BandMeta { name: name.clone(), unit: variable.unit.clone() };
        let stem = format!("{}_mosaic_{}", name.replace(['/', '\\', '\0'], "-"), attempt.member.period);
        let statistics = joined(self, records, name);
        let (file, media_type) = match self.format {
            MosaicFormat::Gti => (format!("{stem}.gti.gpkg"), GTI),
            _ => (format!("{stem}.vrt"), VRT),
        };
        let path = attempt.staging.join(&file);
        let geobox = &attempt.geobox;
        if media_type == GTI {
            TileIndex { geobox, band: &band, options: &options, tiles }.write(&path)?;
        } else {
            let tile = |(range, file): &(PixelRange, String)| VrtTile { range: *range, file: file.clone() };
            let vrt = Vrt { geobox, band: &band, options: &options, tiles: tiles.iter().map(tile).collect() };
            fs::write(&path, vrt.to_xml())
                .map_err(|source| PrepError::Write { path: path.clone(), source })?;
            attempt.check(&path, &options)?;
            reads(&path, tiles.iter().map(|(range, _)| *range))?;
        }
        attempt.written.push(Written { variable, file, options, statistics, dates: None, media_type });
        Ok(())
    }
}

/// How many missing files are named.
const NAMED: usize = 5;

/// Looks whether what a mosaic on this machine refers to is there: its tiles may have been removed or moved since.
pub(crate) fn check(root: &Root, asset: &Asset<'_>, place: &Path) -> Result<(), Flaw> {
    let files = match (root, asset.media_type()) {
        (Root::Local(_), Some(VRT)) => {
            fs::read_to_string(place).map(|xml| Vrt::files(&xml)).map_err(|e| e.to_string())
        }
        (Root::Local(_), Some(GTI)) => TileIndex::files(place).map_err(|e| one_line(&e)),
        _ => return Ok(()),
    };
    let files = files.map_err(|reason| Flaw::Wrong(format!("{}: {reason}", place.display())))?;
    let folder = place.parent().unwrap_or(Path::new("."));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let missing: Vec<&String> = files.iter().filter(|file| !folder.join(file).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = missing.iter().take(NAMED).map(|file| file.as_str()).collect();
    let more = if missing.len() > named.len() { ", …" } else { "" };
    Err(Flaw::Missing(format!(
        "{} of the {} tiles that {} refers to aren't there: {}{more}",
        missing.len(),
        files.len(),
        place.display(),
        named.join(", ")
    )))
}

/// Reads a pixel of each part of a file, so that what it refers to is found to be there.
fn reads(path: &Path, parts: impl Iterator<Item = PixelRange>) -> Result<(), PrepError> {
    let raster = Raster::open(&RasterSource::new(path))?;
    for part in parts {
        raster.read::<f64>(0, PixelRange { rows: 1, cols: 1, ..part })?;
    }
    Ok(())
}

/// A path without symbolic links, so that the way from one to another is the true one.
fn real(path: &Path) -> Result<PathBuf, PrepError> {
    path.canonicalize().map_err(|source| PrepError::Read { path: path.to_owned(), source })
}

/// The mosaic's statistics, from those of its tiles' records.
fn joined(context: &Context<'_>, records: &[Tile<'_>], variable: &str) -> Statistics {
    let said = |asset: &Asset<'_>, pixels: f64| {
        let said = &asset.as_object()["bands"][0]["statistics"];
        let number = |name: &str| said[name].as_f64();
        let valid = pixels * number("valid_percent")? / 100.0;
        Some((valid, number("minimum")?, number("maximum")?, number("mean")?, number("stddev")?))
    };
    let tiles: Vec<_> = records
        .iter()
        .filter_map(|(member, item)| said(&item.asset(variable)?, pixels(context.source.range(member)?)))
        .filter(|tile| tile.0 > 0.0)
        .collect();
    let valid: f64 = tiles.iter().map(|t| t.0).sum();
    let mean = tiles.iter().map(|t| t.0 * t.3).sum::<f64>() / valid;
    let squares: f64 = tiles.iter().map(|t| t.0 * (t.4 * t.4 + (t.3 - mean) * (t.3 - mean))).sum();
    let none = tiles.is_empty();
    Statistics {
        min: if none { f64::NAN } else { tiles.iter().map(|t| t.1).fold(f64::INFINITY, f64::min) },
        max: if none { f64::NAN } else { tiles.iter().map(|t| t.2).fold(f64::NEG_INFINITY, f64::max) },
        mean,
        stddev: (squares / valid).sqrt(),
        valid_percent: 100.0 * valid / pixels(context.extent),
    }
}

#[expect(clippy::cast_precision_loss, reason = "rasters have far fewer than 2^52 pixels")]
fn pixels(range: PixelRange) -> f64 {
    range.shape().len() as f64
}
