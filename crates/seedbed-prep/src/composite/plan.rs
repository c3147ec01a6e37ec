//! Which days of which assets go into which product.

use super::{Context, REVISION};
use crate::{Member, Plans, PrepError, Series, SourceAsset, Target, TaskKey, TileReader};
use seedbed_block::composite::{self, Sample};
use seedbed_block::{Date, Period};
use seedbed_grid::{Bbox, Index, PixelRange, Tile};
use seedbed_raster::Resampling;
use seedbed_storage::Location;
use serde_json::json;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// One tile, planned.
pub(super) struct TilePlan {
    pub(super) tile: Tile,
    /// Its box in WGS 84.
    pub(super) bbox: Bbox,
    /// Source pixels that a row of it needs, of one layer, at most.
    pub(super) window: usize,
    pub(super) groups: Vec<Group>,
}

/// One product, planned.
pub(super) struct Group {
    pub(super) member: Member,
    pub(super) parts: Vec<Part>,
    /// Where all of it came from.
    pub(super) origins: BTreeSet<Location>,
}

/// One asset of a product.
pub(super) struct Part {
    /// Which series.
    pub(super) series: usize,
    /// Its days in the group, in order; at least one.
    pub(super) days: Vec<Date>,
    /// The assets that hold them.
    pub(super) assets: BTreeSet<AssetId>,
}

/// An asset of a series: its time and item.
pub(super) type AssetId = (Period, String);

/// Rows looked at in one go: plans of warps take memory.
const STRIP: usize = 256;

pub(super) fn id(asset: &SourceAsset) -> AssetId {
    (asset.period, asset.item.clone())
}

impl Group {
    /// The first and the last day.
    pub(super) fn days(&self) -> (Date, Date) {
        let days = || self.parts.iter().flat_map(|p| p.days.iter().copied());
        (days().min().unwrap_or(Date::MIN), days().max().unwrap_or(Date::MIN))
    }
}

impl Context<'_> {
    /// Some rows of a tile as a target of their own. Its box is the tile's: an item
    /// whose own box is inexact then counts for all rows or for none.
    pub(super) fn rows(&self, tile: &Tile, bbox: Bbox, row: i64, rows: i64) -> Target {
        let range = PixelRange { row0: tile.range.row0 + row, rows, ..tile.range };
        let geobox = self.request.prepare.grid.grid.geobox(range);
        let anchor = Index { row: range.row0, col: range.col0 };
        Target { tile: tile.name.clone(), anchor, geobox, bbox }
    }

    /// Opens a series on a target, or `None` if none of it lies there.
    pub(super) fn open<T: Sample>(
        &self,
        series: &Series,
        target: Target,
        period: Period,
    ) -> Result<Option<TileReader<'_, T>>, PrepError> {
        let rules = self.request.prepare.rules.clone();
        let plans = Plans::default();
        match TileReader::open(series, target, rules, period, plans, self.spool, self.projections) {
            Ok(reader) => Ok(Some(reader)),
            Err(PrepError::Outside { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A tile's groups, or `None` if nothing touches it.
    pub(super) fn plan<T: Sample>(&self, tile: &Tile) -> Result<Option<TilePlan>, PrepError> {
        let (_, bbox) = self.request.prepare.grid.geobox(tile).footprint(self.projections, 16)?;
        let mut window = 0;
        // Per group and series.
        let mut found: BTreeMap<String, BTreeMap<usize, Days>> = BTreeMap::new();
        for (n, series) in self.series.iter().enumerate() {
            let all = series.period();
            let Some(period) = self.request.prepare.period.map_or(Some(all), |p| all.intersection(p)) else {
                continue;
            };
            for row in (0..tile.range.rows).step_by(STRIP) {
                let rows = (tile.range.rows - row).min(STRIP.cast_signed() as i64);
                let Some(reader) = self.open::<T>(series, self.rows(tile, bbox, row, rows), period)? else {
                    continue;
                };
                window = window.max(reader.window()?.div_ceil(usize::try_from(rows).unwrap_or(1)));
                for day in reader.dates().filter(|d| period.contains(*d)) {
                    let group = found.entry(self.request.grouping.group(day)).or_default();
                    let assets = group.entry(n).or_default().entry(day).or_default();
                    for asset in reader.assets(day) {
                        if let Entry::Vacant(free) = assets.entry(id(asset)) {
                            let origins = asset.origins().cloned().collect();
                            free.insert(Found { key: asset.key()?, origins });
                        }
                    }
                }
            }
        }
        let groups = found.into_iter().map(|(name, series)| self.group::<T>(tile, name, series));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        Ok((!groups.is_empty()).then(|| TilePlan { tile: tile.clone(), bbox, window, groups }))
    }

    fn group<T: Sample>(
        &self,
        tile: &Tile,
        period: String,
        series: BTreeMap<usize, Days>,
    ) -> Result<Group, PrepError> {
        let request = self.request;
        let mut inputs = Vec::new();
        let mut parts = Vec::new();
        let mut origins = BTreeSet::new();
        for (n, days) in series {
            let read: Vec<_> = days
                .iter()
                .map(|(day, assets)| (day, assets.values().map(|f| &f.key).collect::<Vec<_>>()))
                .collect();
            inputs.push(json!([self.series[n].name, read]));
            origins.extend(days.values().flat_map(|a| a.values().flat_map(|f| f.origins.iter().cloned())));
            parts.push(Part {
                series: n,
                days: days.keys().copied().collect(),
                assets: days.values().flat_map(|a| a.keys().cloned()).collect(),
            });
        }
        let key = TaskKey::of(&json!([
            "composite",
            [REVISION, Resampling::REVISION, composite::REVISION],
            T::PRECISION,
            [&request.prepare.name, &request.process, &period],
            [json!(tile), json!(request.prepare.grid.geobox(tile))],
            [json!(request.grouping), json!(request.statistics), json!(request.least), json!(request.share)],
            inputs,
            request.prepare.rules,
            request.prepare.cog,
        ]))?;
        let names = parts.iter().map(|p| self.series[p.series].name.as_str());
        let variables = (parts.len() < self.series.len()).then(|| request.variables(names));
        Ok(Group { member: Member { tile: tile.name.clone(), period, key, variables }, parts, origins })
    }
}

/// Days, and the assets that hold each in the order of merging.
type Days = BTreeMap<Date, BTreeMap<AssetId, Found>>;

/// An asset that holds a day.
struct Found {
    key: TaskKey,
    origins: Vec<Location>,
}
