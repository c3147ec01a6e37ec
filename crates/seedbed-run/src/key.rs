//! Task keys: everything a product's bytes depend on.

use crate::inputs::Static;
use crate::{RunError, Runner, Task};
use seedbed_block::{Date, Period};
use seedbed_grid::Tile;
use seedbed_prep::{Member, Rules, Target, TaskKey, revisions};
use serde_json::json;

/// The revision of the runner's own arithmetic, part of every key.
const REVISION: u32 = 4;

/// What all products of one tile depend on.
struct Lineage<'a> {
    /// Of what doesn't change with the days.
    common: TaskKey,
    /// Of each input, up to the days on which its assets begin.
    inputs: Vec<(&'a Rules, Vec<(Date, TaskKey)>)>,
}

impl Runner<'_> {
    /// A tile's task: its products, each with its key.
    pub(crate) fn task(&self, tile: &Tile, target: &Target) -> Result<Task, RunError> {
        let lineage = self.lineage(target)?;
        let products = self
            .periods()
            .into_iter()
            .map(|(_, period, days)| {
                let key = self.key(&lineage, &period, days)?;
                Ok(Member { tile: tile.name.clone(), period, key, variables: None })
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        Ok(Task { tile: tile.name.clone(), products })
    }

    fn lineage(&self, target: &Target) -> Result<Lineage<'_>, RunError> {
        let inputs = self
            .inputs
            .iter()
            .map(|input| {
                let (from, _) = input.rules.reach(self.period);
                Ok((&input.rules, input.series.lineage(target.bbox, from)?))
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
        let mut common = json!({
            "task": "run",
            "revisions": revisions(REVISION, &[spec.revision]),
            "name": self.name(),
            "model": spec.name,
            "settings": self.settings,
            "precision": self.precision,
            "tile": [json!(target.tile), json!(target.geobox), json!(target.anchor)],
            "start": self.period.start,
            "inputs": self.inputs.iter().map(|i| json!([i.index, i.rules])).collect::<Vec<_>>(),
            "statics": statics,
            "outputs": outputs,
            "cog": self.cog,
        });
        // The key of outputs that aren't masked tells nothing of masks.
        if let Some(mask) = &self.mask {
            common["mask"] = json!(mask.key(target)?);
        }
        Ok(Lineage { common: TaskKey::of(&common)?, inputs })
    }

    /// The key of one product. An input counts up to the product's last day, so a
    /// new file at the end of a series redoes only what comes after it.
    fn key(&self, lineage: &Lineage<'_>, name: &str, days: Period) -> Result<TaskKey, RunError> {
        let until = Period { start: self.period.start, end: days.end };
        let inputs: Vec<Option<&TaskKey>> = lineage
            .inputs
            .iter()
            .map(|(rules, assets)| {
                let (_, to) = rules.reach(until);
                let so_far = assets.partition_point(|(start, _)| *start <= to);
                so_far.checked_sub(1).map(|last| &assets[last].1)
            })
            .collect();
        Ok(TaskKey::of(&(&lineage.common, name, days, inputs))?)
    }
}
