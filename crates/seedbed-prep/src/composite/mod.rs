//! Composites: all layers of a group of days to one, on every tile.
//!
//! A product is one tile and one group, such as day 113 of all years. Its rows are
//! read and composited in blocks whose size follows from a limit of memory; pixels
//! are independent, and a warp doesn't depend on how the grid is cut, so neither
//! the limit nor the number of threads changes a bit.

mod blocks;
mod plan;

use crate::error::one_line;
use crate::parallel::{cores, in_parallel};
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Outcome, PrepError, Prepare, PrepareReport, Provenance, Series,
    Spool, TimeRule, Variable, is_done,
};
use blocks::Budget;
use plan::{Group, Part, TilePlan};
use seedbed_block::composite::{Sample, Statistic};
use seedbed_block::{Grouping, Period};
use seedbed_grid::{Bbox, Projections};
use seedbed_raster::DType;
use seedbed_raster::cog::{CogOptions, Threads};
use serde_json::{Map, Value, json};

/// What to composite.
#[derive(Debug, Clone)]
pub struct Composite {
    /// Items, assets, tiles, how values are read and written.
    pub prepare: Prepare,
    /// Which days go together.
    pub grouping: Grouping,
    /// What is made of them. The first has the asset's key; another has the
    /// statistic's name after it, as in `ndvi_count`.
    pub statistics: Vec<Statistic>,
    /// A pixel of fewer observations is missing, but in a count.
    pub least: usize,
    /// Likewise one that has observations in a smaller share of the group's layers.
    pub share: f64,
    /// Bytes that all work at once may take, about.
    pub memory: usize,
    /// What stands in records as the process: `seedbed composite`.
    pub process: String,
}

/// The revision of this algorithm, part of every key.
const REVISION: u32 = 1;

/// A value this near to the middle between two stored steps lies on it: decimal
/// scales such as 0.0001 have no exact binary form, so that the mean of 4500 and
/// 4501 steps comes out some 1e-12 steps off.
const TIE: f64 = 1e-6;

/// What all products have in common.
struct Context<'a> {
    request: &'a Composite,
    series: Vec<Series>,
    spool: &'a Spool,
    projections: &'a dyn Projections,
}

/// Composites items onto tiles: a COG for each tile, group, asset and statistic, one
/// item for each tile and group. What is there already is left alone; a product that
/// fails doesn't stop the others. With `dry_run` only the report's plan is made.
///
/// In integer types a value is rounded to the nearest stored step, halves away from
/// zero; compute in `f64` for those, so that halves are seen for what they are.
///
/// # Errors
/// [`PrepError::Request`] for a request without statistics, with one twice, or whose
/// tiles don't fit into the memory; else as [`prepare`](crate::prepare()).
pub fn composite<T: Sample>(
    request: &Composite,
    spool: &Spool,
    projections: &dyn Projections,
    dry_run: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<PrepareReport, PrepError> {
    check(request)?;
    let prepare = &request.prepare;
    let mask = prepare.rules.mask.as_ref();
    let series = prepare
        .assets
        .iter()
        .map(|key| Series::masked(key, &prepare.items, key, mask, spool, projections))
        .collect::<Result<Vec<_>, _>>()?;
    let context = Context { request, series, spool, projections };
    let mut untouched = Vec::new();
    let mut tiles: Vec<TilePlan> = Vec::new();
    for tile in &prepare.grid.tiles {
        match context.plan::<T>(tile)? {
            Some(planned) => tiles.push(planned),
            None => untouched.push(tile.name.clone()),
        }
    }
    let set = context.expected(&tiles)?;
    let work: Vec<(&TilePlan, &Group)> = tiles
        .iter()
        .flat_map(|t| t.groups.iter().map(move |g| (t, g)))
        .filter(|(_, g)| is_done(&prepare.out, &g.member) != Done::Yes)
        .collect();
    let budget = context.budget::<T>(&work)?;
    let mut report = PrepareReport {
        expected: set.members.len(),
        made: 0,
        present: set.members.len() - work.len(),
        untouched,
        failed: Vec::new(),
        catalog: prepare.out.join("catalog.json"),
    };
    if dry_run {
        return Ok(report);
    }
    set.write(&prepare.out, spool)?;
    spool.keep_digests();
    let behind = report.present;
    progress(behind, report.expected);
    let results = in_parallel(
        &work,
        budget.products,
        |_, (tile, group)| context.product::<T>(tile, group, &budget).map_err(|e| one_line(&e)),
        |n| progress(behind + n, report.expected),
    );
    for ((_, group), outcome) in work.iter().zip(results) {
        match outcome {
            Ok(Outcome::Created) => report.made += 1,
            Ok(Outcome::Adopted) => report.present += 1,
            Err(reason) => {
                report.failed.push(format!("{} {}: {reason}", group.member.tile, group.member.period));
            }
        }
    }
    let description = format!("{} on tiles of {}", set.variables.join(", "), set.grid.crs);
    write_catalog(&prepare.out, &set, &description, spool)?;
    Ok(report)
}

fn check(request: &Composite) -> Result<(), PrepError> {
    let refused = |what: String| Err(PrepError::Request(what));
    if request.prepare.rules.time != TimeRule::Daily {
        return refused("dates are composited as they are: the time rule must be daily".to_owned());
    }
    if request.statistics.is_empty() {
        return refused("a composite needs a statistic".to_owned());
    }
    for (n, statistic) in request.statistics.iter().enumerate() {
        if request.statistics[..n].contains(statistic) {
            return refused(format!("the statistic {statistic} is asked for twice"));
        }
    }
    if !(0.0..=1.0).contains(&request.share) {
        return refused(format!("a share of {} isn't from 0 to 1", request.share));
    }
    Ok(())
}

impl Composite {
    /// The asset's key of a statistic.
    fn variable(&self, asset: &str, statistic: usize) -> String {
        match self.statistics.get(statistic) {
            Some(found) if statistic > 0 => format!("{asset}_{}", found.key()),
            _ => asset.to_owned(),
        }
    }

    /// The keys of all statistics of some assets.
    fn variables<'a>(&'a self, assets: impl Iterator<Item = &'a str> + 'a) -> Vec<String> {
        let of = |asset: &'a str| (0..self.statistics.len()).map(move |n| self.variable(asset, n));
        assets.flat_map(of).collect()
    }

    /// How a statistic is stored: counts as they are, the others as asked.
    fn stored(&self, statistic: Statistic) -> CogOptions {
        let asked = self.prepare.cog.clone();
        match statistic {
            Statistic::Count => {
                CogOptions { dtype: DType::UInt16, scale: 1.0, offset: 0.0, nodata: None, ..asked }
            }
            _ => asked,
        }
    }
}

impl Context<'_> {
    fn expected(&self, tiles: &[TilePlan]) -> Result<Expected, PrepError> {
        let prepare = &self.request.prepare;
        let Some(bbox) = tiles.iter().map(|t| t.bbox).reduce(Bbox::union) else {
            return Err(PrepError::Outside {
                input: prepare.assets.join(", "),
                assets: self.series.iter().map(|s| s.assets.len()).sum(),
                what: format!("any of the {} tiles", prepare.grid.tiles.len()),
            });
        };
        Ok(Expected {
            format_version: Expected::FORMAT,
            name: prepare.name.clone(),
            variables: self.request.variables(prepare.assets.iter().map(String::as_str)),
            grid: prepare.grid.grid.clone(),
            tiles: tiles.iter().map(|t| t.tile.clone()).collect(),
            bbox,
            members: tiles.iter().flat_map(|t| t.groups.iter().map(|g| g.member.clone())).collect(),
        })
    }

    /// Makes one product.
    fn product<T: Sample>(
        &self,
        tile: &TilePlan,
        group: &Group,
        budget: &Budget,
    ) -> Result<Outcome, PrepError> {
        let Composite { prepare, statistics, .. } = self.request;
        let geobox = prepare.grid.geobox(&tile.tile);
        let mut attempt = Attempt::begin(&prepare.out, &group.member, &geobox, &prepare.cog)?;
        for part in &group.parts {
            let (unit, results) = self.part::<T>(tile, part, budget)?;
            let asset = &self.series[part.series].name;
            for (n, (statistic, mut values)) in statistics.iter().zip(results).enumerate() {
                let stored = self.request.stored(*statistic);
                settle(&mut values, &stored);
                let variable = Variable {
                    name: self.request.variable(asset, n),
                    title: format!("{asset}, {statistic} of {}", group.member.period),
                    unit: unit.clone().filter(|_| *statistic != Statistic::Count),
                    facts: Map::new(),
                };
                attempt.write_as(Threads::Caller, variable, &values, stored)?;
            }
        }
        let (first, last) = group.days();
        let mut parameters = match serde_json::to_value(&prepare.rules) {
            Ok(Value::Object(rules)) => rules,
            _ => Map::new(),
        };
        parameters.insert("grouping".to_owned(), json!(self.request.grouping));
        parameters.insert("statistics".to_owned(), json!(statistics));
        parameters.insert("min_count".to_owned(), json!(self.request.least));
        parameters.insert("min_valid".to_owned(), json!(self.request.share));
        let provenance = Provenance {
            process: self.request.process.clone(),
            parameters,
            derived_from: group.origins.iter().cloned().collect(),
            created: last,
        };
        let layers: Map<String, Value> = group
            .parts
            .iter()
            .map(|part| (self.series[part.series].name.clone(), json!(part.days.len())))
            .collect();
        let description = Description {
            product: &prepare.name,
            period: self.request.grouping.span(first).unwrap_or(Period { start: first, end: last }),
            provenance: &provenance,
            properties: Map::from_iter([("seedbed:layers".to_owned(), Value::Object(layers))]),
        };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }

    /// All statistics of one asset on a whole tile, and the unit of its values.
    fn part<T: Sample>(
        &self,
        tile: &TilePlan,
        part: &Part,
        budget: &Budget,
    ) -> Result<(Option<String>, Vec<Vec<T>>), PrepError> {
        let blocks = self.blocks::<T>(tile, part, budget);
        let read = in_parallel(&blocks, budget.blocks, |_, rows| self.block::<T>(tile, part, *rows), |_| ());
        let mut unit = None;
        let mut results: Vec<Vec<T>> = self.request.statistics.iter().map(|_| Vec::new()).collect();
        for block in read {
            let block = block?;
            unit = unit.or(block.unit);
            results.iter_mut().zip(block.results).for_each(|(all, mut some)| all.append(&mut some));
        }
        Ok((unit, results))
    }
}

/// Rounds values to the steps in which they are stored, halves away from zero.
fn settle<T: Sample>(values: &mut [T], stored: &CogOptions) {
    if !stored.dtype.is_integer() || (stored.scale == 1.0 && stored.offset == 0.0) {
        return;
    }
    for value in values.iter_mut().filter(|v| !v.is_missing()) {
        let steps = (value.to_f64() - stored.offset) / stored.scale;
        let halves = (2.0 * steps).round();
        let steps = if (2.0 * steps - halves).abs() < 2.0 * TIE { halves / 2.0 } else { steps };
        *value = T::of(steps.round() * stored.scale + stored.offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_decimal_step_go_away_from_zero() {
        let stored = CogOptions { dtype: DType::Int16, scale: 0.0001, ..CogOptions::default() };
        let steps = |stored_as: i32| f64::from(stored_as) * 0.0001;
        for first in -10_000..10_000 {
            let mut values = [(steps(first) + steps(first + 1)) * 0.5, f64::NAN];
            settle(&mut values, &stored);
            let wanted = (f64::from(first) + 0.5).round();
            assert_eq!((values[0] / 0.0001).round(), wanted, "between {first} and the next");
            assert!(values[1].is_nan());
        }
    }
}
