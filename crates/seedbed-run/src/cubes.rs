//! Cubes under way: the periods of a volume become their layers as they end.

use crate::gathering::Gathering;
use crate::periods::Volume;
use crate::sums::Gathered;
use crate::tile::provenance;
use crate::{RunError, Runner};
use rayon::prelude::*;
use seedbed_block::Date;
use seedbed_model::Balance;
use seedbed_prep::{Attempt, BalanceRecord, Description, Member, Outcome, PrepError, Target, Variable};
use seedbed_raster::zarr::CubeWriter;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// The cubes that a tile's passage makes, by their products.
pub(crate) struct Cubes(BTreeMap<usize, (Volume, Option<UnderWay>)>);

/// A product of which some periods are behind.
struct UnderWay {
    attempt: Attempt,
    layers: Vec<Layers>,
    /// Periods behind.
    behind: usize,
    balance: Balance,
}

/// A variable's cube, and how many days each of its layers counted.
struct Layers {
    variable: Variable,
    cube: CubeWriter,
    days: Vec<u16>,
    most_missing: Vec<u16>,
}

impl Cubes {
    /// Those of products still to be made, none of which has a layer yet.
    pub(crate) fn of(volumes: &[(usize, Volume)]) -> Self {
        Self(volumes.iter().map(|(product, volume)| (*product, (volume.clone(), None))).collect())
    }

    /// Adds a period that ended; commits its product if it was the last.
    pub(crate) fn add(
        &mut self,
        runner: &Runner<'_>,
        target: &Target,
        member: &Member,
        gathering: &Gathering,
    ) -> Result<Option<Outcome>, RunError> {
        let Some((volume, under_way)) = self.0.get_mut(&gathering.product) else { return Ok(None) };
        let mut product = match under_way.take() {
            Some(product) => product,
            None => UnderWay::begin(runner, target, member, volume)?,
        };
        product.add(runner, target, gathering)?;
        if product.behind == volume.periods.len() {
            return product.commit(runner, target, volume).map(Some);
        }
        *under_way = Some(product);
        Ok(None)
    }
}

impl UnderWay {
    fn begin(
        runner: &Runner<'_>,
        target: &Target,
        member: &Member,
        volume: &Volume,
    ) -> Result<Self, RunError> {
        let attempt = Attempt::begin(&runner.out, member, &target.geobox, &runner.cog)?;
        let dates = volume.dates();
        let begin = |output: &crate::outputs::Output| {
            let variable = Variable {
                name: output.name.clone(),
                title: format!("{}, {}", output.name, member.period),
                unit: Some(output.unit.clone()),
                facts: Map::new(),
            };
            let cube = attempt.begin_cube(&variable, &dates, &runner.cog)?;
            Ok(Layers { variable, cube, days: Vec::new(), most_missing: Vec::new() })
        };
        let layers = runner.outputs.iter().map(begin).collect::<Result<_, PrepError>>()?;
        Ok(Self { attempt, layers, behind: 0, balance: Balance::default() })
    }

    fn add(&mut self, runner: &Runner<'_>, target: &Target, gathering: &Gathering) -> Result<(), RunError> {
        let add = |(layers, sums): (&mut Layers, &Gathered)| {
            let mut values = sums.finish();
            if let Some(mask) = &runner.mask {
                mask.apply(target, values.to_mut());
            }
            layers.days.push(sums.days());
            layers.most_missing.push(sums.most_missing());
            layers.cube.write(&values)
        };
        if target.geobox.shape.len() <= Attempt::AT_ONCE {
            self.layers.par_iter_mut().zip(&gathering.sums).try_for_each(add).map_err(PrepError::from)?;
        } else {
            self.layers.iter_mut().zip(&gathering.sums).try_for_each(add).map_err(PrepError::from)?;
        }
        self.balance.join(&gathering.balance);
        self.behind += 1;
        Ok(())
    }

    fn commit(mut self, runner: &Runner<'_>, target: &Target, volume: &Volume) -> Result<Outcome, RunError> {
        for Layers { mut variable, cube, days, most_missing } in self.layers {
            variable.facts.insert("seedbed:days".to_owned(), json!(days));
            variable.facts.insert("seedbed:days_missing_at_most".to_owned(), json!(most_missing));
            self.attempt.keep_cube(variable, volume.dates(), cube)?;
        }
        let mut properties = Map::new();
        if let Some(balance) = runner.balance_record(&self.balance) {
            properties.insert(BalanceRecord::PROPERTY.to_owned(), json!(balance));
        }
        if volume.periods.iter().any(|days| volume.kind.holding(days.start) != *days) {
            properties.insert("seedbed:partial".to_owned(), json!(true));
        }
        let provenance = provenance(runner, target, volume.days);
        let description =
            Description { product: runner.name(), period: volume.days, provenance: &provenance, properties };
        Ok(self.attempt.commit(&runner.spool, runner.projections, &description)?.outcome)
    }
}

impl Volume {
    /// The day that each period goes by in a cube: its first in the calendar, also where the
    /// run begins amid it.
    fn dates(&self) -> Vec<Date> {
        self.periods.iter().map(|days| self.kind.holding(days.start).start).collect()
    }
}
