//! Which days of which assets go into which product.

use super::coverage::Coverage;
use super::{Context, REVISION, steps};
use crate::{Member, Plans, PrepError, Target, TaskKey, revisions};
use seedbed_block::composite::{self, Sample};
use seedbed_block::{Date, Grouping, Precision};
use seedbed_grid::{Bbox, GeoBox, Index, PixelRange, Tile};
use seedbed_raster::WarpPlan;
use seedbed_storage::Location;
use serde_json::{Value, json};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One tile, planned.
pub(super) struct TilePlan {
    pub(super) tile: Tile,
    /// Its box in WGS 84.
    pub(super) bbox: Bbox,
    /// What its sources lie on.
    pub(super) grounds: Vec<Ground>,
    pub(super) groups: Vec<Group>,
}

/// A grid of sources, and what reading from it takes.
pub(super) struct Ground {
    pub(super) geobox: GeoBox,
    /// Bytes a source pixel, for each layer that is read at once.
    pub(super) layer: usize,
    /// Bytes a source pixel once, however many layers are read.
    pub(super) once: usize,
    /// What each strip of the tile needs of it, by the strip's number.
    pub(super) strips: BTreeMap<usize, Need>,
}

/// What some rows of a tile need of a grid of sources.
#[derive(Clone, Copy, Default)]
pub(super) struct Need {
    /// Its pixels.
    pub(super) window: Option<PixelRange>,
    /// Bytes of the warp's plan.
    pub(super) plan: usize,
}

impl Need {
    /// What is needed by a plan.
    pub(super) fn of(plan: &WarpPlan) -> Self {
        Self { window: plan.source_window(), plan: plan.bytes() }
    }
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
    /// How much of the group's span they are; groups across the years have none.
    pub(super) coverage: Option<Coverage>,
    /// The assets that hold them, by their place in the series.
    pub(super) assets: BTreeSet<usize>,
    /// Whether values are held as 16-bit steps.
    pub(super) in_steps: bool,
}

/// A series on a tile.
#[derive(Default)]
struct Found {
    /// Its days, and the assets that hold each.
    days: BTreeMap<Date, BTreeSet<usize>>,
    /// Days that its calendar hasn't.
    left_out: BTreeSet<Date>,
    /// Whether every source is of 16-bit steps.
    in_steps: bool,
}

/// Rows looked at in one go: plans of warps take memory.
pub(super) const STRIP: usize = 256;

impl Ground {
    fn new(geobox: &GeoBox) -> Self {
        Self { geobox: geobox.clone(), layer: 0, once: 0, strips: BTreeMap::new() }
    }
}

impl Group {
    /// The first and the last day.
    pub(super) fn days(&self) -> (Date, Date) {
        let days = || self.parts.iter().flat_map(|p| p.days.iter().copied());
        (days().min().unwrap_or(Date::MIN), days().max().unwrap_or(Date::MIN))
    }
}

impl Part {
    /// Layers there should be.
    pub(super) fn expected(&self) -> usize {
        self.coverage.map_or(self.days.len(), |coverage| coverage.expected)
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

    /// A tile's groups, or `None` if nothing touches it.
    pub(super) fn plan<T: Sample>(&self, tile: &Tile) -> Result<Option<TilePlan>, PrepError> {
        let production = &self.production;
        let bbox = self.request.prepare.grid.geobox(tile).territory(production.projections, 16)?.bbox;
        let mut grounds: Vec<Ground> = Vec::new();
        let mut found: BTreeMap<usize, Found> = BTreeMap::new();
        for (n, series) in production.series.iter().enumerate() {
            let Some(period) = production.period(series) else { continue };
            for row in (0..tile.range.rows).step_by(STRIP) {
                let rows = (tile.range.rows - row).min(STRIP.cast_signed() as i64);
                let (target, plans) = (self.rows(tile, bbox, row, rows), Plans::default());
                let Some(reader) = production.reader::<T>(series, target.clone(), &plans, period)? else {
                    continue;
                };
                let strip = usize::try_from(row).unwrap_or(0) / STRIP;
                let mut in_steps = series.unit.is_none();
                for (source, geobox) in reader.sources() {
                    in_steps &= self.in_steps(&source.facts);
                    let known = grounds.iter().position(|ground| ground.geobox == *geobox);
                    let known = known.unwrap_or_else(|| {
                        grounds.push(Ground::new(geobox));
                        grounds.len() - 1
                    });
                    let ground = &mut grounds[known];
                    // What is joined to a sheet lies in memory once more.
                    let joined = if *geobox == source.facts.geobox { 0 } else { size_of::<T>() };
                    ground.layer = ground.layer.max(source.layer_bytes::<T>(1) + joined);
                    ground.once = ground.once.max(source.facts.stored.dtype.bytes() + size_of::<T>());
                    if let Entry::Vacant(strip) = ground.strips.entry(strip) {
                        strip.insert(Need::of(&*self.warp(&plans, geobox, &target)?));
                    }
                }
                let all = found.entry(n).or_insert_with(|| Found { in_steps: true, ..Found::default() });
                all.in_steps &= in_steps;
                all.left_out.extend(reader.left_out());
                for day in reader.dates().filter(|d| period.contains(*d)) {
                    all.days.entry(day).or_default().extend(reader.assets(day));
                }
            }
        }
        let groups = self.groups::<T>(tile, &found)?;
        Ok((!groups.is_empty()).then(|| TilePlan { tile: tile.clone(), bbox, grounds, groups }))
    }

    /// The warp from a grid of sources.
    pub(super) fn warp(&self, plans: &Plans, from: &GeoBox, to: &Target) -> Result<Arc<WarpPlan>, PrepError> {
        plans.get(from, to, self.request.prepare.rules.resampling, self.production.projections)
    }

    /// Whether a file's values are the steps in which composites are stored, so that they
    /// and their medians are 16-bit numbers.
    fn in_steps(&self, facts: &crate::source::Facts) -> bool {
        steps::may_hold(facts, &self.request.prepare, &self.request.statistics)
    }

    /// What goes together, in the order of the groups' names.
    fn groups<T: Sample>(
        &self,
        tile: &Tile,
        found: &BTreeMap<usize, Found>,
    ) -> Result<Vec<Group>, PrepError> {
        let mut parts: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        for (&series, of) in found {
            let all: BTreeSet<Date> = of.days.keys().copied().collect();
            let mut groups: BTreeMap<String, Vec<Date>> = BTreeMap::new();
            for day in &all {
                groups.entry(self.request.grouping.group(*day)).or_default().push(*day);
            }
            for (name, days) in groups {
                let assets: BTreeSet<usize> = days.iter().flat_map(|d| of.days[d].iter().copied()).collect();
                let span = days.first().and_then(|day| self.request.grouping.span(*day));
                let alone = assets
                    .first()
                    .map_or(1, |first| self.production.series[series].assets[*first].period.len());
                parts.entry(name).or_default().push(Part {
                    series,
                    coverage: span.map(|span| Coverage::of(&all, &of.left_out, span, alone)),
                    days,
                    assets,
                    in_steps: of.in_steps,
                });
            }
        }
        parts.into_iter().map(|(name, parts)| self.group::<T>(tile, name, parts, found)).collect()
    }

    fn group<T: Sample>(
        &self,
        tile: &Tile,
        period: String,
        parts: Vec<Part>,
        found: &BTreeMap<usize, Found>,
    ) -> Result<Group, PrepError> {
        let production = &self.production;
        let inputs = parts.iter().map(|part| {
            let assets = |day| &found[&part.series].days[day];
            let key = |a: &usize| production.key(part.series, *a);
            let keys = |day| Ok((day, assets(day).iter().map(key).collect::<Result<Vec<_>, PrepError>>()?));
            let days = part.days.iter().map(keys).collect::<Result<Vec<_>, PrepError>>()?;
            Ok(json!([production.named(part.series), part.expected(), days]))
        });
        let inputs = inputs.collect::<Result<Vec<Value>, PrepError>>()?;
        let key = self.request.task(&super::Composite::revisions(), T::PRECISION, tile, &period, &inputs)?;
        let origins =
            parts.iter().flat_map(|p| p.assets.iter().flat_map(|a| production.origins(p.series, *a)));
        let origins = origins.collect();
        let name = |part: &Part| production.series[part.series].name.as_str();
        let variables =
            (parts.len() < production.series.len()).then(|| self.request.variables(parts.iter().map(name)));
        Ok(Group {
            member: Member { tile: tile.name.clone(), period, key, variables, days: None },
            parts,
            origins,
        })
    }
}

impl super::Composite {
    /// The revisions of all that goes into a product.
    fn revisions() -> Vec<u32> {
        revisions(REVISION, &[composite::REVISION])
    }

    /// What all products are made by, whichever tiles are asked for. What lies over years is of the days that it is
    /// made of, too; what is of one month, dekad or year is the same whatever others are made.
    pub(super) fn recipe(&self, precision: Precision) -> Result<TaskKey, PrepError> {
        let is_dated =
            matches!(self.grouping, Grouping::EveryMonth | Grouping::EveryDekad | Grouping::EveryYear);
        TaskKey::of(&json!([
            "composite",
            Self::revisions(),
            precision,
            &self.process,
            [json!(self.grouping), json!(self.statistics), json!(self.least), json!(self.share)],
            self.prepare.rules,
            self.prepare.cog,
            self.prepare.period.filter(|_| !is_dated),
        ]))
    }

    /// The key of one product.
    fn task(
        &self,
        revisions: &[u32],
        precision: Precision,
        tile: &Tile,
        period: &str,
        inputs: &[Value],
    ) -> Result<TaskKey, PrepError> {
        TaskKey::of(&json!([
            "composite",
            revisions,
            precision,
            [&self.prepare.name, &self.process, period],
            [json!(tile), json!(self.prepare.grid.geobox(tile))],
            [json!(self.grouping), json!(self.statistics), json!(self.least), json!(self.share)],
            inputs,
            self.prepare.rules,
            self.prepare.cog,
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Prepare, Rules};
    use seedbed_block::composite::Statistic;
    use seedbed_grid::{Projections, TileGrid, Xy};
    use seedbed_raster::{Proj, Raster, Resampling, cog};

    #[test]
    fn a_revision_that_goes_up_makes_another_key() {
        let crs = Proj.resolve("EPSG:4326").unwrap();
        let range = PixelRange { row0: 0, col0: 0, rows: 2, cols: 2 };
        let tile = Tile { name: "one".to_owned(), range };
        let grid =
            seedbed_grid::PixelGrid { crs, origin: Xy { x: 0.0, y: 0.0 }, resolution: Xy { x: 1.0, y: 1.0 } };
        let request = crate::Composite {
            prepare: Prepare {
                name: "medians".to_owned(),
                items: Vec::new(),
                assets: vec!["value".to_owned()],
                grid: TileGrid { grid, scheme: "test".to_owned(), tiles: vec![tile.clone()] },
                rules: Rules::default(),
                cog: Prepare::default_cog(),
                format: crate::Format::Cog,
                period: None,
                out: crate::Root::Local("out".into()),
            },
            grouping: Grouping::Month,
            statistics: vec![Statistic::Median],
            least: 1,
            share: 0.0,
            memory: 1,
            process: "test".to_owned(),
        };
        let key =
            |revisions: &[u32]| request.task(revisions, Precision::Double, &tile, "month-01", &[]).unwrap();
        let all = crate::Composite::revisions();
        // Its own steps, the warp's kernels, the encoder and the statistics.
        assert_eq!(
            all,
            [REVISION, Raster::REVISION, Resampling::REVISION, cog::REVISION, composite::REVISION]
        );
        for n in 0..all.len() {
            let mut next = all.clone();
            next[n] += 1;
            assert_ne!(key(&next), key(&all), "{next:?}");
        }
    }
}
