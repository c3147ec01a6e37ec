//! What makes no sense in what was read.

use super::{TileReader, place};
use crate::PrepError;
use crate::classes::Unknown;
use crate::days::Slot;
use seedbed_block::{PixelRange, Precision, Real};
use seedbed_raster::DType;
use std::ops::Range;

impl<T: Real> TileReader<'_, T> {
    /// Refuses what only became infinite because 32 bits don't hold it.
    pub(super) fn check_single(
        &self,
        source: usize,
        layers: Range<usize>,
        window: PixelRange,
        stored: &[T],
    ) -> Result<(), PrepError> {
        let wide = self.sources[source].facts.stored.dtype == DType::Float64;
        let is_lost = |value: &T| value.to_f64().is_infinite();
        if T::PRECISION == Precision::Double || !wide || !stored.iter().any(is_lost) {
            return Ok(());
        }
        let exact: Vec<f64> = self.sources[source].open()?.read_layers(layers, window)?;
        let lost = stored.iter().zip(&exact).position(|(v, exact)| is_lost(v) && exact.is_finite());
        let Some(at) = lost else { return Ok(()) };
        let (row, col) = place(window, at);
        let (input, path) = (self.name.clone(), self.sources[source].path.clone());
        Err(PrepError::Single { input, value: exact[at], row, col, path })
    }

    pub(super) fn unknown_class(
        &self,
        source: usize,
        window: PixelRange,
        Unknown { class, at }: Unknown,
    ) -> PrepError {
        let (row, col) = place(window, at);
        let (input, tile) = (self.name.clone(), self.target.tile.clone());
        PrepError::Class { input, class, tile, row, col, path: self.sources[source].path.clone() }
    }

    /// Holds layers' values to the range that makes sense.
    pub(super) fn check_ranges(&self, from: Slot, values: &[T]) -> Result<(), PrepError> {
        let mut layers = values.chunks_exact(self.pixels()).enumerate();
        layers.try_for_each(|(layer, values)| self.check_range(from, layer, values))
    }

    fn check_range(&self, from: Slot, layer: usize, values: &[T]) -> Result<(), PrepError> {
        let (Some(sane), Some(unit)) = (self.rules.sane, self.rules.wanted) else { return Ok(()) };
        let Some(bad) = sane.first_outside(values) else { return Ok(()) };
        let source = &self.sources[from.source];
        Err(PrepError::Range {
            input: self.name.clone(),
            value: bad.to_f64(),
            unit,
            date: if source.asset.undated { None } else { Some(source.day(from.layer + layer)?) },
            tile: self.target.tile.clone(),
            low: sane.low,
            high: sane.high,
            path: source.path.clone(),
        })
    }
}
