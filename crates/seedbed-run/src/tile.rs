//! One tile through time: inputs in, products out.

use crate::gathering::Gathering;
use crate::inputs::{Input, Static};
use crate::kept_state::KeptState;
use crate::orders::Disorder;
use crate::origin::Origin;
use crate::passage::run_as;
use crate::pieces::DAYS;
use crate::project::Format;
use crate::work::Work;
use crate::{Checkpoints, Ledger, RunError, Runner};
use seedbed_block::{Period, Precision};
use seedbed_prep::{Attempt, BalanceRecord, Description, Member, Outcome, Provenance, Target, Variable};
use seedbed_raster::zarr::CubeWriter;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What became of a tile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TileOutcome {
    pub(crate) made: usize,
    pub(crate) present: usize,
    /// Days simulated.
    pub(crate) days: usize,
    /// Whether it went on from a checkpoint.
    pub(crate) resumed: bool,
    /// What was out of order in a few pixels of its days.
    pub(crate) disorders: Vec<Disorder>,
}

/// Told after each piece of time how many days are behind; says whether to go on.
pub(crate) type Tick<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// Memory that the arrays of one piece of time may take, in bytes: more is not
/// faster, since the days of a piece no longer stay in the cache.
const PIECE: usize = 24 << 20;

/// Memory that those of two days may take, so that sums are fetched once for both.
const PAIR: usize = 208 << 20;

/// The most days of a piece, if one takes so many bytes; 0 where even one takes more than it should.
pub(crate) fn piece(day: usize) -> usize {
    let few = if day <= PAIR / 2 { 2 } else { 0 };
    (PIECE / day.max(1)).max(few)
}

/// Runs one tile and commits its products; `outcome` counts them as they come.
pub(crate) fn run(
    runner: &Runner<'_>,
    work: &Work<'_>,
    ledger: &Ledger,
    tick: Tick<'_>,
    outcome: &mut TileOutcome,
) -> Result<(), RunError> {
    match runner.precision {
        Precision::Single => run_as::<f32>(runner, work, ledger, tick, outcome),
        Precision::Double => run_as::<f64>(runner, work, ledger, tick, outcome),
    }
}

/// Bytes that a tile of so many pixels takes at work, by estimate.
pub(crate) fn memory(runner: &Runner<'_>, pixels: usize) -> usize {
    let (inputs, outputs) = (runner.inputs.len(), runner.outputs.len());
    // Values of a day, those of inputs of the next one as well, and of a computed input.
    let size = if runner.precision == Precision::Double { 8 } else { 4 };
    let days = (2 * inputs + outputs + 1) * size;
    // Sums in 64 bits with their counts, of each kind of period.
    let sums = outputs * runner.kinds.len() * 10;
    // Statics as they are read and as the model keeps them, its stores, warp plans
    // of bilinear kernels, and what writing a COG takes.
    let stores = runner.model.spec().stores * 8;
    // A checkpoint: the stores and sums once more, and as they are written.
    let kept = if runner.checkpoints() == Checkpoints::None { 0 } else { 2 * (stores + sums) };
    // Small rasters are encoded side by side.
    let encoded = if pixels <= Attempt::AT_ONCE { outputs * 12 } else { 0 };
    // Layers of cubes that wait until they fill a file.
    let waiting = match runner.project.output.format {
        Format::Cog => 0,
        Format::Zarr => {
            outputs * runner.kinds.len() * CubeWriter::most_waiting(pixels) * runner.cog.dtype.bytes()
        }
    };
    // Composites around a piece's days.
    let held = |input: &Input| input.intervals.iter().map(|i| i.series.held(&i.rules, DAYS)).max();
    let held = runner.inputs.iter().filter_map(held).sum::<usize>() * size;
    let rest = waiting
        + held
        + encoded
        + runner.statics.len() * 2 * 8
        + stores
        + kept
        + (inputs + runner.statics.len()) * 24
        + 40;
    let day = pixels.saturating_mul(days);
    let piece = PIECE.max(day.saturating_mul(piece(day).clamp(1, 2)));
    piece.saturating_add(pixels.saturating_mul(sums + rest)).saturating_add(seedbed_prep::WINDOWS)
}

/// Writes and commits one product.
pub(crate) fn write(
    runner: &Runner<'_>,
    target: &Target,
    member: &Member,
    gathering: &Gathering,
) -> Result<Outcome, RunError> {
    let mut attempt = Attempt::begin(&runner.out, member, &target.geobox, &runner.cog)?;
    let span = gathering.days;
    let rasters = runner.outputs.iter().zip(&gathering.sums).collect();
    attempt.write_each(rasters, &runner.cog, |(output, sums)| {
        let mut facts = Map::new();
        facts.insert("seedbed:days".to_owned(), json!(sums.days()));
        facts.insert("seedbed:days_missing_at_most".to_owned(), json!(sums.most_missing()));
        let variable = Variable {
            name: output.name.clone(),
            title: format!("{}, {}", output.name, member.period),
            unit: Some(output.unit.clone()),
            facts,
        };
        let mut values = sums.finish();
        if let Some(mask) = &runner.mask {
            mask.apply(target, values.to_mut());
        }
        (variable, values)
    })?;
    let mut properties = Map::new();
    if let Some(balance) = runner.balance_record(&gathering.balance) {
        properties.insert(BalanceRecord::PROPERTY.to_owned(), json!(balance));
    }
    if gathering.kind.holding(span.start) != span {
        properties.insert("seedbed:partial".to_owned(), json!(true));
    }
    let provenance = provenance(runner, target, span);
    let description =
        Description { product: runner.name(), period: span, provenance: &provenance, properties };
    Ok(attempt.commit(&runner.spool, runner.projections, &description)?.outcome)
}

/// What a product was made from: the inputs of its own days. Those of the days
/// before, from the run's start on, stand in the records of these.
pub(crate) fn provenance(runner: &Runner<'_>, target: &Target, span: Period) -> Provenance {
    let mut origins = BTreeSet::new();
    let mut newest = span.end;
    for input in &runner.inputs {
        for (days, interval) in input.within(span) {
            let (from, to) = interval.rules.reach(days);
            for asset in interval.series.near(target.bbox, from, to) {
                origins.insert(asset.origin.clone());
                newest = newest.max(asset.period.end);
            }
        }
    }
    for (_, field) in &runner.statics {
        if let Static::Field { series, .. } = field {
            let all = series.period();
            origins.extend(series.near(target.bbox, all.start, all.end).map(|a| a.origin.clone()));
        }
    }
    let spec = runner.model.spec();
    let mut parameters = Map::new();
    parameters.insert("model".to_owned(), json!(spec.name));
    parameters.insert("revision".to_owned(), json!(spec.revision));
    parameters.insert("start".to_owned(), json!(runner.period.start));
    match &runner.origin {
        Origin::Cold => {}
        Origin::SpinUp { days, cycles } => {
            parameters.insert("spin_up".to_owned(), json!({ "period": days, "cycles": cycles }));
        }
        Origin::Kept(tiles) => {
            let kept = tiles.get(&target.tile);
            parameters.insert("state".to_owned(), json!(kept.map(|kept| &kept.checksum)));
            origins.extend(kept.map(KeptState::location));
        }
    }
    if let Some(mask) = &runner.mask {
        parameters.insert("mask".to_owned(), mask.record());
    }
    if let Ok(Value::Object(settings)) = serde_json::to_value(&runner.settings) {
        parameters.extend(settings);
    }
    Provenance {
        process: format!("seedbed run {}", spec.name),
        parameters,
        derived_from: origins.into_iter().collect(),
        created: newest,
    }
}
