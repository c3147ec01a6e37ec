//! How much is done at once, so that a limit of memory is kept.

use super::Context;
use super::plan::{Ground, Need, Part, STRIP, TilePlan};
use crate::parallel::cores;
use crate::{Plans, PrepError};
use seedbed_block::PixelRange;
use seedbed_block::composite::Sample;
use seedbed_grid::Tile;
use seedbed_raster::cog;

/// How a tile is cut into blocks of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Rows of a block; the last may have fewer.
    pub(super) rows: usize,
    /// Bytes that source windows may take, of all layers read at once.
    pub(super) room: usize,
    /// Layers that are turned into steps at once.
    pub(super) at_once: usize,
    /// Whether plans of warps are kept from one product to the next.
    pub(super) keeps: bool,
}

impl Layout {
    /// A block's first row in its tile, and the one after its last.
    pub(super) fn block(&self, tile: &Tile, number: usize) -> (i64, i64) {
        let signed = |n: usize| n.cast_signed() as i64;
        let first = signed(number * self.rows);
        (first, (first + signed(self.rows)).min(tile.range.rows))
    }
}

/// How much is done at once.
pub(super) struct Budget {
    /// Products.
    pub(super) products: usize,
    /// Blocks of each.
    pub(super) blocks: usize,
    /// How each tile is cut.
    pub(super) layouts: Vec<Layout>,
}

/// A way to share memory out.
#[derive(Clone, Copy)]
struct Shares {
    blocks: usize,
    /// The fewest rows that a block should have.
    least: usize,
    /// Bytes for a product.
    memory: usize,
}

/// What the warps of a tile take, if its blocks have so many rows.
#[derive(Default)]
struct Measured {
    /// For each layer that is read at once, at most.
    layer: usize,
    /// Once for every block, at most.
    once: usize,
    /// The plans of a block, at most.
    plan: usize,
    /// The plans of all blocks.
    plans: usize,
}

impl Measured {
    /// One block more: what a layer and a pixel take, and what is needed, of each ground.
    fn add(&mut self, needs: Vec<(usize, usize, Need)>) {
        let mut plans = 0;
        for (layer, once, need) in needs {
            let window = need.window.map_or(0, |w| w.shape().len());
            self.layer = self.layer.max(window * layer);
            self.once = self.once.max(window * once);
            plans += need.plan;
        }
        self.plan = self.plan.max(plans);
        self.plans += plans;
    }
}

/// No less than what blocks of so many rows take, from the strips that they lie in.
fn bound(tile: &TilePlan, rows: usize) -> Measured {
    let mut measured = Measured::default();
    let all = tile.tile.range.shape().rows;
    for first in (0..all).step_by(rows) {
        let strips = first / STRIP..=(all.min(first + rows) - 1) / STRIP;
        let need = |ground: &Ground| {
            let within = ground.strips.range(strips.clone()).map(|(_, need)| *need);
            let need = within.reduce(|a, b| Need {
                window: a.window.into_iter().chain(b.window).reduce(PixelRange::union),
                plan: a.plan + b.plan,
            });
            (ground.layer, ground.once, need.unwrap_or_default())
        };
        measured.add(tile.grounds.iter().map(need).collect());
    }
    measured
}

/// Layers whose values become steps at once, where there is room.
const AT_ONCE: usize = 16;
/// Bytes a target pixel that a warp takes while it lays out a patch, and the patch's pixels.
const PATCH: (usize, usize) = (64, 8 << 10);
/// Bytes a layer that the search for a median takes: a strip of it, and the network's steps.
const NETWORK: usize = 1 << 10;
/// Bytes an asset that an open reader takes: its paths and names.
const ASSET: usize = 1 << 10;

impl Context<'_> {
    /// Shares cores and memory out between products and their blocks: several products at
    /// once where blocks are still of some size then, else one, else one block of one.
    ///
    /// # Errors
    /// [`PrepError::Request`] if a row of a product doesn't fit.
    pub(super) fn budget<T: Sample>(&self, tiles: &[&TilePlan], work: usize) -> Result<Budget, PrepError> {
        let memory = self.request.memory;
        let products = cores().min(work).max(1);
        let several = (products, (cores() / products).max(1));
        for (products, blocks) in [several, (1, cores())] {
            let shares = Shares { blocks, least: 32, memory: memory / products };
            if let Ok(layouts) = self.layouts::<T>(tiles, shares) {
                return Ok(Budget { products, blocks, layouts });
            }
        }
        let layouts = self.layouts::<T>(tiles, Shares { blocks: 1, least: 1, memory })?;
        Ok(Budget { products: 1, blocks: 1, layouts })
    }

    fn layouts<T: Sample>(&self, tiles: &[&TilePlan], shares: Shares) -> Result<Vec<Layout>, PrepError> {
        tiles.iter().map(|tile| self.layout::<T>(tile, shares)).collect()
    }

    /// The largest blocks of a tile that fit.
    fn layout<T: Sample>(&self, tile: &TilePlan, shares: Shares) -> Result<Layout, PrepError> {
        let shape = tile.tile.range.shape();
        let array = shape.len() * size_of::<T>();
        let results = self.request.statistics.len() * array;
        // One statistic is put together and written while the others wait.
        let stored = self.request.statistics.iter().map(|s| self.request.stored(*s).dtype);
        let writing = array + stored.map(|dtype| cog::room(shape, dtype)).max().unwrap_or(0);
        if results + writing > shares.memory {
            return Err(self.refusal(tile, results + writing));
        }
        let room = (shares.memory - results) / shares.blocks;
        let held = tile.groups.iter().flat_map(|g| &g.parts).map(|part| held::<T>(part, shape.cols));
        let mut rows = shape.rows.div_ceil(shares.blocks);
        rows = rows.min(room / held.max().unwrap_or(0).max(1)).max(1);
        loop {
            // The strips that were looked at hold all blocks of their size; of smaller ones
            // they say too much, so that those are asked for themselves where it matters.
            let known = bound(tile, rows);
            if let Ok(layout) = fit::<T>(tile, rows, &known, room, shares.blocks) {
                return Ok(layout);
            }
            if rows < STRIP {
                let measured = self.measure(tile, rows)?;
                match fit::<T>(tile, rows, &measured, room, shares.blocks) {
                    Ok(layout) => return Ok(layout),
                    Err(needed) if rows <= shares.least => {
                        return Err(self.refusal(tile, results + needed * shares.blocks));
                    }
                    Err(_) => {}
                }
            }
            rows = (rows / 2).max(1);
        }
    }

    /// Makes the plans of all blocks to see what they take and how much of the source
    /// they need: where it is turned against the grid, a row of it needs far more than
    /// its share of what many rows do.
    fn measure(&self, tile: &TilePlan, rows: usize) -> Result<Measured, PrepError> {
        let mut measured = Measured::default();
        let layout = Layout { rows, room: 0, at_once: 0, keeps: false };
        for number in 0..tile.tile.range.shape().rows.div_ceil(rows) {
            let (first, last) = layout.block(&tile.tile, number);
            let target = self.rows(&tile.tile, tile.bbox, first, last - first);
            let need = |ground: &Ground| {
                Ok((
                    ground.layer,
                    ground.once,
                    Need::of(&*self.warp(&Plans::default(), &ground.geobox, &target)?),
                ))
            };
            measured.add(tile.grounds.iter().map(need).collect::<Result<Vec<_>, PrepError>>()?);
        }
        Ok(measured)
    }

    fn refusal(&self, tile: &TilePlan, needed: usize) -> PrepError {
        let amount = |bytes: usize| match bytes.div_ceil(1000) {
            kilo @ ..10_000 => format!("{kilo} kB"),
            kilo => format!("{} MB", kilo.div_ceil(1000)),
        };
        PrepError::Request(format!(
            "tile {} needs {} of memory at least, and may have {}: allow more (--memory), or cut smaller tiles",
            tile.tile.name,
            amount(needed),
            amount(self.request.memory),
        ))
    }
}

/// How blocks of so many rows are read, or the bytes that one of them needs at least.
fn fit<T: Sample>(
    tile: &TilePlan,
    rows: usize,
    measured: &Measured,
    room: usize,
    blocks: usize,
) -> Result<Layout, usize> {
    let parts = || tile.groups.iter().flat_map(|g| &g.parts);
    let cols = tile.tile.range.shape().cols;
    let base = parts().map(|part| base::<T>(part, cols, rows, measured)).max().unwrap_or(0);
    // Values of a layer before they become steps, or before they fill another's gaps.
    let values = rows * cols * size_of::<T>();
    let layer = measured.layer + values;
    let Some(left) = room.checked_sub(base).filter(|left| layer <= *left) else {
        return Err(base + layer);
    };
    let plans = measured.plans.div_ceil(blocks);
    let keeps = plans + layer <= left / 2;
    let left = if keeps { left - plans } else { left };
    let at_once = (left / layer.max(1)).clamp(1, AT_ONCE);
    let held = if parts().any(|p| p.in_steps) { at_once * values } else { 0 };
    Ok(Layout { rows, room: (left - held).min(crate::WINDOWS), at_once, keeps })
}

/// Bytes that the layers of a row take.
fn held<T>(part: &Part, cols: usize) -> usize {
    let value = if part.in_steps { size_of::<i16>() } else { size_of::<T>() };
    part.days.len() * cols * value
}

/// Bytes that a block takes besides the layers that are being read.
fn base<T>(part: &Part, cols: usize, rows: usize, measured: &Measured) -> usize {
    let pixels = rows * cols;
    let medians = if part.in_steps { pixels * size_of::<i16>() } else { 0 };
    let patch = PATCH.0 * pixels.min(PATCH.1);
    let small = part.days.len() * NETWORK + part.assets.len() * ASSET;
    rows * held::<T>(part, cols) + medians + measured.plan + measured.once + patch + small
}
