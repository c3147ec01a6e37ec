//! Rows of a tile, read and composited.

use super::budget::Layout;
use super::plan::{Part, TilePlan};
use super::{Context, steps};
use crate::production::span;
use crate::{Plans, PrepError, Series, TileReader};
use seedbed_block::Date;
use seedbed_block::composite::{Sample, composite};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A tile at work.
pub(super) struct Working<'p> {
    pub(super) plan: &'p TilePlan,
    pub(super) layout: Layout,
    /// How each block is warped, where that is kept from one product to the next.
    plans: Vec<Plans>,
    /// Products that are still to be made.
    left: AtomicUsize,
}

/// Some rows, composited.
pub(super) struct Block<T> {
    /// The unit of the values.
    pub(super) unit: Option<String>,
    /// One array a statistic.
    pub(super) results: Vec<Vec<T>>,
}

impl<'p> Working<'p> {
    /// A tile of which so many products are to be made.
    pub(super) fn new(plan: &'p TilePlan, layout: Layout, products: usize) -> Self {
        let blocks = plan.tile.range.shape().rows.div_ceil(layout.rows);
        let plans = (0..blocks).map(|_| Plans::default()).collect();
        Self { plan, layout, plans, left: AtomicUsize::new(products) }
    }

    /// The numbers of its blocks.
    pub(super) fn blocks(&self) -> Vec<usize> {
        (0..self.plans.len()).collect()
    }

    fn plans(&self, block: usize) -> Plans {
        if self.layout.keeps { self.plans[block].clone() } else { Plans::default() }
    }

    /// One product less; after the last the plans are dropped.
    pub(super) fn is_behind(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.plans.iter().for_each(Plans::clear);
        }
    }
}

impl Context<'_> {
    /// Reads a block of all layers and composites them.
    pub(super) fn block<T: Sample>(
        &self,
        tile: &Working<'_>,
        part: &Part,
        number: usize,
    ) -> Result<Block<T>, PrepError> {
        let all = &self.production.series[part.series];
        let assets = part.assets.iter().map(|place| all.assets[*place].clone()).collect();
        let series = Series { assets, ..all.clone() };
        let (first, last) = tile.layout.block(&tile.plan.tile, number);
        let target = self.rows(&tile.plan.tile, tile.plan.bbox, first, last - first);
        let pixels = target.geobox.shape.len();
        let Some(period) = span(&part.days) else {
            return Err(PrepError::Request(format!("{} has no day to composite", series.name)));
        };
        let reader = self.production.reader::<T>(&series, target, &tile.plans(number), period)?;
        let Some(reader) = reader else {
            return Ok(Block { unit: None, results: self.composited(&Layers::none(), part, pixels) });
        };
        let unit = reader.unit();
        let layers = self.layers(reader.with_room(tile.layout.room), part, tile.layout.at_once)?;
        Ok(Block { unit, results: self.composited(&layers, part, pixels) })
    }

    /// The layers that touch a block.
    fn layers<T: Sample>(
        &self,
        mut reader: TileReader<'_, T>,
        part: &Part,
        at_once: usize,
    ) -> Result<Layers<T>, PrepError> {
        let pixels = reader.pixels();
        // A layer that ends elsewhere on the tile has no pixel of these rows.
        let there: Vec<Date> = reader.dates().filter(|d| part.days.binary_search(d).is_ok()).collect();
        if !part.in_steps {
            let mut values = vec![T::ZERO; there.len() * pixels];
            reader.read_into(&there, &mut values)?;
            return Ok(Layers::Values(values));
        }
        let mut held = vec![steps::MISSING; there.len() * pixels];
        let mut values = vec![T::ZERO; at_once.min(there.len()) * pixels];
        for (days, held) in there.chunks(at_once).zip(held.chunks_mut(at_once * pixels)) {
            let values = &mut values[..held.len()];
            reader.read_into(days, values)?;
            steps::from_values(values, &self.request.prepare.cog, held);
        }
        Ok(Layers::Steps(held))
    }

    /// Every statistic of a block's layers.
    fn composited<T: Sample>(&self, layers: &Layers<T>, part: &Part, pixels: usize) -> Vec<Vec<T>> {
        let least = self.request.least_of(part.expected());
        let results = self.request.statistics.iter().map(|statistic| {
            let mut result = vec![T::NAN; pixels];
            match layers {
                Layers::Values(values) => {
                    let layers: Vec<&[T]> = values.chunks_exact(pixels).collect();
                    composite(&layers, *statistic, least, &mut result);
                }
                Layers::Steps(held) => {
                    let layers: Vec<&[i16]> = held.chunks_exact(pixels).collect();
                    steps::composite(&layers, *statistic, least, &self.request.prepare.cog, &mut result);
                }
            }
            result
        });
        results.collect()
    }
}

/// The layers of a block one after the other, as they are held.
enum Layers<T> {
    Values(Vec<T>),
    Steps(Vec<i16>),
}

impl<T> Layers<T> {
    fn none() -> Self {
        Self::Values(Vec::new())
    }
}
