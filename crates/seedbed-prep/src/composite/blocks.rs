//! Rows composited in blocks that keep to a limit of memory.

use super::plan::{Group, Part, TilePlan, id};
use super::{Context, cores};
use crate::{PrepError, Series};
use seedbed_block::composite::{Sample, composite};
use seedbed_block::{Date, Period};

/// Bytes a pixel that writing a variable takes: what is stored of its values,
/// GDAL's copies and the overviews.
const WRITING: usize = 32;

/// How much is done at once.
pub(super) struct Budget {
    /// Products.
    pub(super) products: usize,
    /// Blocks of each.
    pub(super) blocks: usize,
    /// Bytes for a product.
    memory: usize,
}

/// Consecutive rows of a tile: the first and their number.
pub(super) type Rows = (i64, i64);

/// Some rows, composited.
pub(super) struct Block<T> {
    /// The unit of the values.
    pub(super) unit: Option<String>,
    /// One array a statistic.
    pub(super) results: Vec<Vec<T>>,
}

impl Context<'_> {
    /// Shares cores and memory out between products and their blocks.
    ///
    /// # Errors
    /// [`PrepError::Request`] if a row of the largest product doesn't fit.
    pub(super) fn budget<T: Sample>(&self, work: &[(&TilePlan, &Group)]) -> Result<Budget, PrepError> {
        let memory = self.request.memory;
        let mut largest = 0;
        for (tile, group) in work {
            for part in &group.parts {
                let needed = self.fixed::<T>(tile) + self.row::<T>(tile, part);
                if needed > memory {
                    return Err(PrepError::Request(format!(
                        "{} {} needs {} MB of memory at least, and may have {}: allow more (--memory), or cut smaller tiles",
                        group.member.tile,
                        group.member.period,
                        needed.div_ceil(1 << 20),
                        memory >> 20,
                    )));
                }
                largest = largest.max(needed);
            }
        }
        let cores = cores();
        let products = cores.min(work.len()).min(memory / largest.max(1)).max(1);
        Ok(Budget { products, blocks: (cores / products).max(1), memory: memory / products })
    }

    /// Bytes that a product takes whatever its blocks are: the results in blocks and
    /// as a whole, and what writing needs.
    fn fixed<T>(&self, tile: &TilePlan) -> usize {
        let results = 2 * self.request.statistics.len() * size_of::<T>();
        tile.tile.range.shape().len() * (results + WRITING)
    }

    /// Bytes that a row takes: its layers, one more while it is warped, the results,
    /// and a layer's source pixels with their quality.
    fn row<T>(&self, tile: &TilePlan, part: &Part) -> usize {
        let layers = part.days.len() + 1 + self.request.statistics.len();
        let quality = if self.request.prepare.rules.mask.is_some() { 2 * size_of::<f64>() } else { 0 };
        let source = 2 * size_of::<T>() + quality;
        // A plan takes some 12 bytes a pixel.
        tile.tile.range.shape().cols * (layers * size_of::<T>() + 12) + tile.window * source
    }

    /// The blocks of a part, as large as they may be.
    pub(super) fn blocks<T: Sample>(&self, tile: &TilePlan, part: &Part, budget: &Budget) -> Vec<Rows> {
        let room = budget.memory.saturating_sub(self.fixed::<T>(tile)) / budget.blocks;
        let all = tile.tile.range.shape().rows;
        let rows = (room / self.row::<T>(tile, part).max(1)).clamp(1, all.div_ceil(budget.blocks).max(1));
        let signed = |n: usize| n.cast_signed() as i64;
        (0..all).step_by(rows).map(|row| (signed(row), signed(rows.min(all - row)))).collect()
    }

    /// Reads some rows of all layers and composites them.
    pub(super) fn block<T: Sample>(
        &self,
        tile: &TilePlan,
        part: &Part,
        (row, rows): Rows,
    ) -> Result<Block<T>, PrepError> {
        let all = &self.series[part.series];
        let assets = all.assets.iter().filter(|a| part.assets.contains(&id(a))).cloned().collect();
        let series = Series { name: all.name.clone(), assets };
        let target = self.rows(&tile.tile, tile.bbox, row, rows);
        let pixels = target.geobox.shape.len();
        let (Some(first), Some(last)) = (part.days.first(), part.days.last()) else {
            return Err(PrepError::Request(format!("{} has no day to composite", series.name)));
        };
        let period = Period { start: *first, end: *last };
        let mut unit = None;
        let mut values = Vec::new();
        if let Some(mut reader) = self.open::<T>(&series, target, period)? {
            let rules = &self.request.prepare.rules;
            let stated = rules.wanted.or(rules.unit).map(|unit| unit.to_string());
            unit = stated.or_else(|| reader.unit_text().map(str::to_owned));
            // A layer that ends elsewhere on the tile has no pixel of these rows.
            let there: Vec<Date> = reader.dates().filter(|d| part.days.binary_search(d).is_ok()).collect();
            values = vec![T::NAN; there.len() * pixels];
            reader.read_into(&there, &mut values)?;
        }
        let layers: Vec<&[T]> = values.chunks_exact(pixels).collect();
        let least = self.least(part.days.len());
        let results = self.request.statistics.iter().map(|statistic| {
            let mut result = vec![T::NAN; pixels];
            composite(&layers, *statistic, least, &mut result);
            result
        });
        Ok(Block { unit, results: results.collect() })
    }

    /// Observations that a pixel needs of so many layers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a number of layers"
    )]
    fn least(&self, layers: usize) -> usize {
        // A share such as 0.8 of 30 mustn't come out as 25 for the last bit of 0.8.
        let share = (self.request.share * layers as f64 - 1e-9).ceil().max(0.0) as usize;
        self.request.least.max(share)
    }
}
