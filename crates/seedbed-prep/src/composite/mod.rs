//! Composites: all layers of a group of days to one, on every tile.
//!
//! A product is one tile and one group, such as day 113 of all years. Its rows are
//! read and composited in blocks whose size follows from a limit of memory; pixels
//! are independent, and a warp doesn't depend on how the grid is cut, so neither
//! the limit nor the number of threads changes a bit.

mod blocks;
mod budget;
mod coverage;
mod plan;
mod steps;

use crate::parallel::in_parallel;
use crate::prepare::without;
use crate::production::{Job, OnUnread, Production};
use crate::{
    Attempt, Description, Expected, LeapRule, Member, Outcome, PrepError, Prepare, PrepareReport, Provenance,
    Spool, TimeRule, Variable,
};
use blocks::Working;
use coverage::Coverage;
use plan::{Group, Part, TilePlan};
use seedbed_block::composite::{Sample, Statistic};
use seedbed_block::{Grouping, Period};
use seedbed_grid::Projections;
use seedbed_raster::DType;
use seedbed_raster::cog::{CogOptions, Threads};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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
    /// Likewise one that has observations in a smaller share of the layers: of groups
    /// within a year those that there should be, such as the days of a month.
    pub share: f64,
    /// Bytes that all work at once may take: layers, windows of the sources and their
    /// quality, plans of warps, results, and what writing takes. What the program takes
    /// for its items and libraries for their files comes on top.
    pub memory: usize,
    /// What stands in records as the process: `seedbed composite`.
    pub process: String,
}

/// The revision of this algorithm, part of every key.
const REVISION: u32 = 3;

/// Stored where there is no tile, so that counts can be put together over any area:
/// no pixel has as many layers.
const NOT_COUNTED: f64 = 65_535.0;

/// The unit of an asset's values, and its blocks with one array a statistic.
type Made<T> = (Option<String>, Vec<Vec<Vec<T>>>);

/// What all products have in common.
struct Context<'a> {
    request: &'a Composite,
    production: Production<'a>,
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
    let variables = request.variables(request.prepare.assets.iter().map(String::as_str));
    Expected::check_variables(&request.prepare.out, &variables)?;
    let production = Production::open(&request.prepare, OnUnread::Stop, spool, projections)?;
    production.digest()?;
    let context = Context { request, production };
    let production = &context.production;
    let (tiles, untouched) = production.tiles(|tile| context.plan::<T>(tile))?;
    let members = tiles.iter().flat_map(|t| t.groups.iter().map(|g| g.member.clone())).collect();
    let placed: Vec<_> = tiles.iter().map(|t| (&t.tile, t.bbox)).collect();
    let set = production.expected(variables, &placed, members, request.recipe(T::PRECISION)?)?;
    let unmade = production.open_of(&set)?;
    let mut report = production.report(&set, &unmade, untouched)?;
    report.missing = without(&request.prepare.items, &request.prepare.assets);
    report.partial = tiles.iter().flat_map(|t| &t.groups).flat_map(|g| context.partial(g)).collect();
    let open: Vec<(&TilePlan, Vec<&Group>)> = tiles
        .iter()
        .map(|t| (t, t.groups.iter().filter(|g| unmade.contains(&g.member)).collect::<Vec<_>>()))
        .filter(|(_, groups)| !groups.is_empty())
        .collect();
    let at_work: Vec<&TilePlan> = open.iter().map(|(tile, _)| *tile).collect();
    let budget = context.budget::<T>(&at_work, open.iter().map(|(_, groups)| groups.len()).sum())?;
    if dry_run {
        return Ok(report);
    }
    let working: Vec<Working<'_>> = open
        .iter()
        .zip(&budget.layouts)
        .map(|((tile, groups), layout)| Working::new(tile, *layout, groups.len()))
        .collect();
    let jobs: Vec<Job<'_, (&Working<'_>, &Group)>> = working
        .iter()
        .zip(&open)
        .flat_map(|(tile, (_, groups))| groups.iter().map(move |g| (tile, *g)))
        .map(|(tile, group)| Job { members: vec![&group.member], what: (tile, group) })
        .collect();
    let act = |(tile, group): &(&Working<'_>, &Group)| {
        let made = context.product::<T>(tile, group, budget.blocks);
        tile.is_behind();
        vec![made]
    };
    production.make(&set, &mut report, &jobs, budget.products, act, progress)?;
    Ok(report)
}

fn check(request: &Composite) -> Result<(), PrepError> {
    let refused = |what: String| Err(PrepError::Request(what));
    let rules = &request.prepare.rules;
    if (rules.time, rules.leap) != (TimeRule::Daily, LeapRule::Error) {
        return refused("dates are composited as they are: no time or leap rule applies".to_owned());
    }
    if request.statistics.is_empty() {
        return refused("a composite needs a statistic".to_owned());
    }
    for (n, statistic) in request.statistics.iter().enumerate() {
        if request.statistics[..n].contains(statistic) {
            return refused(format!("the statistic {statistic} is asked for twice"));
        }
    }
    if let Some(key) = request.twice() {
        return refused(format!(
            "two variables would be called `{key}`: give each asset once, and composite assets whose names \
             end like a statistic by themselves"
        ));
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

    /// Observations that a pixel needs, of so many layers that there should be.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a number of layers"
    )]
    fn least_of(&self, layers: usize) -> usize {
        // A share such as 0.8 of 30 mustn't come out as 25 for the last bit of 0.8.
        let share = (self.share * layers as f64 - 1e-9).ceil().max(0.0) as usize;
        self.least.max(share)
    }

    /// What the record says of how it was made.
    fn parameters(&self) -> Map<String, Value> {
        let mut parameters = match serde_json::to_value(&self.prepare.rules) {
            Ok(Value::Object(rules)) => rules,
            _ => Map::new(),
        };
        parameters.insert("grouping".to_owned(), json!(self.grouping));
        parameters.insert("statistics".to_owned(), json!(self.statistics));
        parameters.insert("min_count".to_owned(), json!(self.least));
        parameters.insert("min_valid".to_owned(), json!(self.share));
        parameters
    }

    /// The first key that two variables would have.
    fn twice(&self) -> Option<String> {
        let all = self.variables(self.prepare.assets.iter().map(String::as_str));
        let mut seen = BTreeSet::new();
        all.into_iter().find(|key| !seen.insert(key.clone()))
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
            Statistic::Count => CogOptions {
                dtype: DType::UInt16,
                scale: 1.0,
                offset: 0.0,
                nodata: Some(NOT_COUNTED),
                ..asked
            },
            _ => asked,
        }
    }
}

impl Context<'_> {
    /// Makes one product.
    fn product<T: Sample>(
        &self,
        tile: &Working<'_>,
        group: &Group,
        blocks: usize,
    ) -> Result<Outcome, PrepError> {
        let Composite { prepare, statistics, .. } = self.request;
        let geobox = prepare.grid.geobox(&tile.plan.tile);
        let mut attempt = Attempt::begin(&prepare.out, &group.member, &geobox, &prepare.cog)?;
        for part in &group.parts {
            let (unit, mut all) = self.part::<T>(tile, part, blocks)?;
            let asset = self.name(part);
            for (n, statistic) in statistics.iter().enumerate() {
                // Blocks go as they are put together.
                let parts = all.iter_mut().map(|block| std::mem::take(&mut block[n]));
                let mut values = Vec::with_capacity(geobox.shape.len());
                parts.for_each(|mut part| values.append(&mut part));
                let variable = Variable {
                    name: self.request.variable(asset, n),
                    title: format!("{asset}, {statistic} of {}", group.member.period),
                    unit: unit.clone().filter(|_| *statistic != Statistic::Count),
                    facts: Map::new(),
                };
                attempt.write_as(Threads::Caller, variable, &values, self.request.stored(*statistic))?;
            }
        }
        let (first, last) = group.days();
        let provenance = Provenance {
            process: self.request.process.clone(),
            parameters: self.request.parameters(),
            derived_from: group.origins.iter().cloned().collect(),
            created: last,
        };
        let description = Description {
            product: &prepare.name,
            period: self.request.grouping.span(first).unwrap_or(Period { start: first, end: last }),
            provenance: &provenance,
            properties: self.properties(group),
        };
        let Production { spool, projections, .. } = self.production;
        Ok(attempt.commit(spool, projections, &description)?.outcome)
    }

    /// All blocks of one asset, each with one array a statistic, and the unit of its values.
    fn part<T: Sample>(&self, tile: &Working<'_>, part: &Part, blocks: usize) -> Result<Made<T>, PrepError> {
        let read = in_parallel(&tile.blocks(), blocks, |_, n| self.block::<T>(tile, part, *n), |_| ());
        let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
        let unit = read.iter().find_map(|block| block.unit.clone());
        Ok((unit, read.into_iter().map(|block| block.results).collect()))
    }

    fn name(&self, part: &Part) -> &str {
        &self.production.series[part.series].name
    }

    /// What the record says of the layers: how many there are, and of which span some
    /// are lacking.
    fn properties(&self, group: &Group) -> Map<String, Value> {
        let name = |part: &Part| self.name(part).to_owned();
        let layers: Map<String, Value> =
            group.parts.iter().map(|part| (name(part), json!(part.days.len()))).collect();
        let mut properties = Map::from_iter([("seedbed:layers".to_owned(), Value::Object(layers))]);
        let partial: Map<String, Value> = group
            .parts
            .iter()
            .filter_map(|part| Some((part, part.coverage.filter(|c| c.is_partial())?)))
            .map(|(part, c)| (name(part), json!({ "layers": c.had, "expected": c.expected })))
            .collect();
        if !partial.is_empty() {
            properties.insert("seedbed:partial".to_owned(), Value::Object(partial));
        }
        properties
    }

    /// The same for the report.
    fn partial(&self, group: &Group) -> Vec<String> {
        let Member { tile, period, .. } = &group.member;
        let parts = group.parts.iter().filter_map(|part| {
            let Coverage { had, expected } = part.coverage.filter(|c| c.is_partial())?;
            Some(format!("{tile} {period}: {} has {had} of {expected}", self.name(part)))
        });
        parts.collect()
    }
}
