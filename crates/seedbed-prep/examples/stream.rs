//! Reads a series onto a tile, block by block, and writes nothing: for `benches/prep.sh`.
//!
//! `stream ITEMS ASSET GRID THREADS` prints the sum of the values and how many there are.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use seedbed_block::{Date, Period};
use seedbed_catalog::ItemCollection;
use seedbed_grid::{Index, TileGrid};
use seedbed_prep::{Plans, PrepError, Rules, Series, Spool, Target, TileReader, in_parallel};
use seedbed_raster::{Proj, Resampling};
use seedbed_storage::{Settings, Stores};
use std::error::Error;
use std::path::Path;

/// Days of a block.
const BLOCK: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [items, asset, grid, threads] = arguments.as_slice() else {
        return Err("usage: stream ITEMS ASSET GRID THREADS".into());
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let stores = Stores::new(Settings::default())?;
    let items = runtime.block_on(ItemCollection::read(&stores, &items.parse()?))?.items;
    let spool = Spool::new(stores, runtime.handle().clone(), std::env::temp_dir().join("stream-spool"));
    let grid = TileGrid::read(Path::new(grid))?;
    let series = Series::from_items(asset, &items, asset, &spool, &Proj)?;
    let tile = grid.tiles.first().ok_or("no tile")?;
    let geobox = grid.geobox(tile);
    let bbox = geobox.territory(&Proj, 16)?.bbox;
    let anchor = Index { row: tile.range.row0, col: tile.range.col0 };
    let target = Target { tile: tile.name.clone(), anchor, geobox, bbox };
    let rules = Rules { resampling: Resampling::Bilinear, ..Rules::default() };
    let plans = Plans::default();
    let open = |period: Period| {
        let (target, rules, plans) = (target.clone(), rules.clone(), plans.clone());
        TileReader::<f32>::open(&series, target, rules, period, plans, &spool, &Proj)
    };
    let all = series.period();
    let days: Vec<Date> = open(all)?.dates().collect();
    let blocks: Vec<&[Date]> = days.chunks(BLOCK).collect();
    let read = |_: usize, days: &&[Date]| -> Result<(f64, usize), PrepError> {
        let mut reader = open(all)?;
        let block = reader.read(days)?;
        let there = block.values().iter().filter(|v| !v.is_nan());
        Ok(there.fold((0.0, 0), |(sum, count), v| (sum + f64::from(*v), count + 1)))
    };
    let (mut sum, mut count) = (0.0, 0);
    for part in in_parallel(&blocks, threads.parse()?, read, |_| ()) {
        let (s, n) = part?;
        (sum, count) = (sum + s, count + n);
    }
    println!("{sum} {count}");
    Ok(())
}
