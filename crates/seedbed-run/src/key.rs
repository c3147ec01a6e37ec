//! Task keys: everything a product's bytes depend on.

use crate::inputs::{Input, Static};
use crate::interval::Interval;
use crate::kept_state;
use crate::mask::OutputMask;
use crate::project::Format;
use crate::{RunError, Runner, Task};
use seedbed_block::{Date, Period};
use seedbed_grid::{Bbox, Tile};
use seedbed_prep::{Member, Target, TaskKey, revisions};
use seedbed_raster::zarr;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The revision of the runner's own arithmetic, part of every key.
const REVISION: u32 = 6;

/// The version of what a recipe stands for: since 2, sets say the days of products that are parts of their periods.
const RECIPE: u32 = 2;

/// What stands for a product's name in a checkpoint's key, with the version of its form.
const CHECKPOINT: &str = "checkpoint 1";

/// The first day of each asset, and the key of all so far.
type Assets = Vec<(Date, TaskKey)>;

/// What all products of one tile depend on.
struct Lineage<'a> {
    /// Of what doesn't change with the days.
    common: TaskKey,
    /// Of each input's intervals, up to the days on which its assets begin.
    inputs: Vec<(&'a Input, Vec<(&'a Interval, Assets)>)>,
}

impl Runner<'_> {
    /// A tile's task: its products, each with its key.
    pub(crate) fn task(&self, tile: &Tile, target: &Target) -> Result<Task, RunError> {
        let lineage = self.lineage(target)?;
        let mut products = self
            .volumes()
            .into_iter()
            .map(|volume| {
                let key = self.key(&lineage, &volume.name, volume.days)?;
                let (period, days) = (volume.name.clone(), volume.partial());
                Ok(Member { tile: tile.name.clone(), period, key, variables: None, days })
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        if self.keeps_state() {
            let period = kept_state::name(self.period.end);
            let days = Period { start: self.period.end, end: self.period.end };
            let key = self.key(&lineage, &period, days)?;
            let variables = Some(vec![kept_state::VARIABLE.to_owned()]);
            products.push(Member { tile: tile.name.clone(), period, key, variables, days: None });
        }
        Ok(Task { tile: tile.name.clone(), products })
    }

    /// The keys of a tile's checkpoints behind some days: what of the run comes later is no
    /// part of them.
    pub(crate) fn checkpoint_keys(
        &self,
        target: &Target,
        days: &[Date],
    ) -> Result<BTreeMap<Date, TaskKey>, RunError> {
        if days.is_empty() {
            return Ok(BTreeMap::new());
        }
        let lineage = self.lineage(target)?;
        let key = |day: &Date| {
            let days = Period { start: *day, end: *day };
            Ok((*day, self.key(&lineage, CHECKPOINT, days)?))
        };
        days.iter().map(key).collect()
    }

    /// What all products of a run are made by, whichever of its days and tiles are asked for; `bbox` has all tiles.
    pub(crate) fn recipe(&self, bbox: Bbox) -> Result<TaskKey, RunError> {
        let statics = self.statics.iter().map(|(index, field)| {
            Ok(match field {
                Static::Value(value) => json!([index, value]),
                Static::Latitude => json!([index]),
                Static::Field { series, rules } => {
                    json!([index, rules, series.lineage(bbox, Date::MIN)?.last()])
                }
            })
        });
        let statics = statics.collect::<Result<Vec<_>, RunError>>()?;
        let spec = self.model.spec();
        let rules = |input: &Input| {
            json!([input.index, input.intervals.iter().map(|i| &i.rules).collect::<Vec<_>>()])
        };
        let origin = |tile: &Tile| self.origin.key(&tile.name);
        Ok(TaskKey::of(&json!({
            "task": "run",
            "form": RECIPE,
            "format": self.project.output.format,
            "revisions": revisions(REVISION, &[spec.revision]),
            "model": [json!(spec.name), json!(self.model.program())],
            "settings": self.settings,
            "precision": self.precision,
            "start": self.period.start,
            "inputs": self.inputs.iter().map(rules).collect::<Vec<_>>(),
            "statics": statics,
            "cog": self.cog,
            "origin": self.grid.tiles.iter().map(origin).collect::<Vec<_>>(),
            "mask": self.mask.as_ref().map(OutputMask::record),
        }))?)
    }

    fn lineage(&self, target: &Target) -> Result<Lineage<'_>, RunError> {
        let inputs = self
            .inputs
            .iter()
            .map(|input| {
                let intervals = input.within(self.until(self.period)).map(|(days, interval)| {
                    let (from, _) = interval.rules.reach(days);
                    Ok((interval, interval.series.lineage(target.bbox, from)?))
                });
                Ok((input, intervals.collect::<Result<_, RunError>>()?))
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let statics = self
            .statics
            .iter()
            .map(|(index, field)| {
                Ok(match field {
                    Static::Value(value) => json!([index, "value", value]),
                    Static::Latitude => json!([index, "latitude"]),
                    Static::Field { series, rules } => {
                        let assets = series.lineage(target.bbox, Date::MIN)?;
                        json!([index, rules, assets.last()])
                    }
                })
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let spec = self.model.spec();
        let outputs: Vec<&str> = self.outputs.iter().map(|o| o.name.as_str()).collect();
        // A model in a program of its own is known by that program's bytes as well.
        let model = match self.model.program() {
            Some(program) => json!([spec.name, program]),
            None => json!(spec.name),
        };
        // Which intervals matter depends on the product's days.
        let input = |input: &Input| match &input.intervals[..] {
            [interval] if input.is_plain() => json!([input.index, interval.rules]),
            _ => json!([input.index]),
        };
        let mut common = json!({
            "task": "run",
            "revisions": revisions(REVISION, &[spec.revision]),
            "name": self.name(),
            "model": model,
            "settings": self.settings,
            "precision": self.precision,
            "tile": [json!(target.tile), json!(target.geobox), json!(target.anchor)],
            "start": self.period.start,
            "inputs": self.inputs.iter().map(input).collect::<Vec<_>>(),
            "statics": statics,
            "outputs": outputs,
            "cog": self.cog,
        });
        // A cold start's key tells nothing of what it isn't.
        if let Some(origin) = self.origin.key(&target.tile) {
            common["origin"] = origin;
        }
        if self.project.output.format == Format::Zarr {
            common["cubes"] = json!(zarr::REVISION);
        }
        // The key of outputs that aren't masked tells nothing of masks.
        if let Some(mask) = &self.mask {
            common["mask"] = json!(mask.key(target)?);
        }
        Ok(Lineage { common: TaskKey::of(&common)?, inputs })
    }

    /// The key of one product. An input counts up to the product's last day, so a
    /// new file at the end of a series redoes only what comes after it.
    fn key(&self, lineage: &Lineage<'_>, name: &str, days: Period) -> Result<TaskKey, RunError> {
        let until = self.until(days);
        let so_far = |interval: &Interval, days: Period, assets: &Assets| {
            let (_, to) = interval.rules.reach(days);
            let so_far = assets.partition_point(|(start, _)| *start <= to);
            so_far.checked_sub(1).map(|last| assets[last].1.clone())
        };
        let inputs: Vec<Value> = lineage
            .inputs
            .iter()
            .map(|(input, intervals)| match &intervals[..] {
                [(interval, assets)] if input.is_plain() => json!(so_far(interval, until, assets)),
                _ => {
                    let begun = intervals.iter().filter_map(|(interval, assets)| {
                        let days = interval.within(until)?;
                        Some(json!([days, interval.rules, so_far(interval, days, assets)]))
                    });
                    begun.collect()
                }
            })
            .collect();
        Ok(TaskKey::of(&(&lineage.common, name, days, inputs))?)
    }
}
