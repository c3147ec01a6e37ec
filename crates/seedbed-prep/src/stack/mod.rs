//! Rasters on one grid as a stack of frames: a variable at a time, all tiles together.

mod plan;

use crate::{PrepError, SourceAsset, Spool};
use seedbed_block::{Period, PixelRange};
use seedbed_grid::PixelGrid;
use seedbed_raster::{Raster, same_crs};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What is read of a product, or of the items of a catalog.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The grid all of it lies on.
    pub grid: PixelGrid,
    /// The pixels around all tiles.
    pub extent: PixelRange,
    /// Every tile's pixels, each range once, from north to south.
    pub tiles: Vec<PixelRange>,
    /// By time, then by variable in the order they were asked for.
    pub frames: Vec<Frame>,
    /// What a product should have and hasn't: the tile's pixels and its name with the period.
    pub holes: Vec<(PixelRange, String)>,
}

/// One variable at one time.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The period's name in its product, else its day or days.
    pub period: String,
    /// Its days.
    pub days: Period,
    /// The variable: an asset key.
    pub variable: String,
    /// Unit of the values, where items or files say one.
    pub unit: Option<String>,
    /// The rasters, no two of which share pixels.
    pub(crate) parts: Vec<Part>,
}

/// A layer of a raster at its place.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) asset: Arc<SourceAsset>,
    pub(crate) layer: usize,
    pub(crate) range: PixelRange,
}

/// What of a stack is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Variables by name; all where none is named.
    pub variables: Vec<String>,
    /// Periods by name, each also standing for those that begin with it and a dash, as
    /// `2003` does for its months and days; all where none is named.
    pub periods: Vec<String>,
}

impl Wanted {
    fn has_period(&self, name: &str) -> bool {
        let is = |wanted: &String| {
            name.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.periods.is_empty() || self.periods.iter().any(is)
    }
}

impl Stack {
    /// The tiles and periods that were not made, of the tiles that are asked about.
    ///
    /// # Errors
    /// [`PrepError::Holes`] if there are some, unless they are allowed.
    pub(crate) fn holes_of(
        &self,
        asked: impl Fn(&PixelRange) -> bool,
        allowed: bool,
    ) -> Result<Vec<String>, PrepError> {
        let holes = self.holes.iter().filter(|(range, _)| asked(range));
        let holes: Vec<String> = holes.map(|(_, name)| name.clone()).collect();
        if holes.is_empty() || allowed {
            return Ok(holes);
        }
        let mut first: Vec<String> = holes.iter().take(5).cloned().collect();
        first.extend((holes.len() > 5).then(|| "…".to_owned()));
        let made = self.frames.iter().flat_map(|f| f.parts.iter().map(|part| (&f.period, part.range)));
        let expected = made.filter(|(_, range)| asked(range)).collect::<HashSet<_>>().len() + holes.len();
        Err(PrepError::Holes { count: holes.len(), expected, tiles: first.join(", ") })
    }
}

impl Frame {
    /// Opens its rasters one after the other: the pixels each covers, the layer that is meant,
    /// from 0, and the raster. Each is held to the place it was planned at.
    pub fn rasters<'a>(
        &'a self,
        grid: &'a PixelGrid,
        spool: &'a Spool,
    ) -> impl Iterator<Item = Result<(PixelRange, usize, Raster), PrepError>> + 'a {
        self.parts.iter().map(|part| Ok((part.range, part.layer, part.open(grid, spool)?)))
    }
}

impl Part {
    /// Opens its raster, and holds that to the place it was planned at.
    pub(crate) fn open(&self, grid: &PixelGrid, spool: &Spool) -> Result<Raster, PrepError> {
        let raster = spool.open(&self.asset)?;
        let path = PathBuf::from(self.asset.location.to_string());
        let mut geobox = raster.geobox().clone();
        if same_crs(&geobox.crs, &grid.crs) {
            geobox.crs = grid.crs.clone();
        }
        let found = grid.range_of(&path.display().to_string(), &geobox)?;
        if !grid.is_same_place(found, self.range) {
            let what = format!("it covers {found}, not {} as its item says", self.range);
            return Err(PrepError::Unverified { path, what });
        }
        Ok(raster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_stands_for_its_months_and_days() {
        let wanted = Wanted { periods: vec!["2003".to_owned(), "doy-1".to_owned()], ..Wanted::default() };
        for name in ["2003", "2003-07", "2003-07-15", "doy-1"] {
            assert!(wanted.has_period(name), "{name}");
        }
        for name in ["2004", "20031", "doy-11"] {
            assert!(!wanted.has_period(name), "{name}");
        }
    }
}
