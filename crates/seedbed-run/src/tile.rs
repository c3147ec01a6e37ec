//! One tile through time: inputs in, products out.

use crate::gathering::{Gathering, gather, gather_unsummed};
use crate::inputs::Static;
use crate::number::Number;
use crate::outputs::Output;
use crate::pieces::pieces;
use crate::readers::{Readers, open, read_statics};
use crate::sums::{Gathered, MissingDays};
use crate::{Event, Ledger, PeriodKind, RunError, Runner, Task};
use seedbed_block::{Date, Period, Precision};
use seedbed_model::{Forcing, Outputs, Simulation, Statics, ValuesMut};
use seedbed_prep::{
    Attempt, Description, Done, Member, Outcome, Provenance, Target, TileReader, Variable, is_done,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What became of a tile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TileOutcome {
    pub(crate) made: usize,
    pub(crate) present: usize,
}

/// Told after each piece of time how many days are behind; says whether to go on.
pub(crate) type Tick<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// Memory that the arrays of one piece of time may take, in bytes: more is not
/// faster, since the days of a piece no longer stay in the cache.
pub(crate) const PIECE: usize = 24 << 20;

/// Runs one tile and commits its products; `outcome` counts them as they come.
pub(crate) fn run(
    runner: &Runner<'_>,
    task: &Task,
    ledger: &Ledger,
    tick: Tick<'_>,
    outcome: &mut TileOutcome,
) -> Result<(), RunError> {
    match runner.precision {
        Precision::Single => run_as::<f32>(runner, task, ledger, tick, outcome),
        Precision::Double => run_as::<f64>(runner, task, ledger, tick, outcome),
    }
}

/// Which products of a task are not committed yet.
pub(crate) fn pending(runner: &Runner<'_>, task: &Task) -> Vec<bool> {
    task.products.iter().map(|m| is_done(&runner.out, m) != Done::Yes).collect()
}

/// Bytes that a tile of so many pixels takes at work, by estimate.
pub(crate) fn memory(runner: &Runner<'_>, pixels: usize) -> usize {
    let (inputs, outputs) = (runner.inputs.len(), runner.outputs.len());
    // Values of a day, once more while they are computed and for a computed input.
    let size = if runner.precision == Precision::Double { 8 } else { 4 };
    let days = (inputs + outputs + 1) * size;
    // Sums in 64 bits with their counts, of each kind of period.
    let sums = outputs * runner.kinds.len() * 10;
    // Statics as they are read and as the model keeps them, its stores, warp plans
    // of bilinear kernels, and what writing a COG takes.
    let stores = runner.model.spec().stores * 8;
    let rest = runner.statics.len() * 2 * 8 + stores + (inputs + runner.statics.len()) * 24 + 40;
    let piece = PIECE.max(pixels.saturating_mul(days));
    piece.saturating_add(pixels.saturating_mul(sums + rest)).saturating_add(seedbed_prep::WINDOWS)
}

fn run_as<T: Number>(
    runner: &Runner<'_>,
    task: &Task,
    ledger: &Ledger,
    tick: Tick<'_>,
    outcome: &mut TileOutcome,
) -> Result<(), RunError> {
    let pending = pending(runner, task);
    outcome.present += pending.iter().filter(|p| !**p).count();
    let mut coming: Vec<(usize, PeriodKind, Period)> = runner
        .periods()
        .into_iter()
        .enumerate()
        .filter(|(product, _)| pending[*product])
        .map(|(product, (kind, _, days))| (product, kind, days))
        .collect();
    // What comes behind the last product that is wanted need not be computed.
    let Some(end) = coming.iter().map(|(_, _, days)| days.end).max() else { return Ok(()) };
    coming.sort_by_key(|(product, _, days)| (days.start, *product));
    let mut coming = coming.into_iter().peekable();

    let target = runner.target(runner.grid.tile(&task.tile)?)?;
    let pixels = target.geobox.shape.len();
    let Readers { mut inputs, statics } = open::<T>(runner, &target)?;
    let statics = read_statics(runner, &target, statics)?;
    let spec = runner.model.spec();
    let mut by_index: Vec<Option<&[f64]>> = vec![None; spec.statics.len()];
    for (index, values) in &statics {
        by_index[*index] = Some(values);
    }
    let mut simulation = runner.model.begin(
        &runner.settings,
        &Statics { pixels, values: by_index },
        runner.precision,
        None,
    )?;
    let variant = spec.variant(runner.settings.variant())?;
    let missing = if variant.lenient { MissingDays::Poison } else { MissingDays::Count };

    let days: Vec<Date> = Period { start: runner.period.start, end }.days().collect();
    let arrays = inputs.len() + runner.outputs.len() + 1;
    let pieces = pieces(&days, PIECE / (arrays * pixels.max(1) * size_of::<T>()));
    let longest = pieces.iter().map(|p| p.len()).max().unwrap_or(0);
    let cadence = spec.cadence;
    let rows = pieces.iter().map(|p| spec.rows(p)).max().unwrap_or(0);
    let mut read: Vec<Vec<T>> = inputs.iter().map(|_| vec![T::NAN; longest * pixels]).collect();
    let mut computed: Vec<Vec<T>> = runner.outputs.iter().map(|_| vec![T::NAN; rows * pixels]).collect();
    let mut under_way: Vec<Gathering> = Vec::new();
    let mut behind = 0;
    for dates in pieces {
        advance(runner, &mut inputs, simulation.as_mut(), dates, &mut read, &mut computed)?;
        let mut added = 0;
        for (n, day) in dates.iter().enumerate() {
            let begins = coming.peek().is_some_and(|(_, _, days)| days.start == *day);
            if begins {
                gather(&mut under_way, &computed, added..n, pixels, cadence);
                added = n;
            }
            while let Some((product, kind, days)) = coming.next_if(|(_, _, days)| days.start == *day) {
                let sums = runner.outputs.iter().map(|o| Gathered::new(o.aggregation, missing, pixels));
                under_way.push(Gathering { product, kind, days, sums: sums.collect() });
            }
            if *day == runner.period.start && !variant.sums_first_day {
                gather_unsummed(&mut under_way, &computed, n, pixels);
                added = n + 1;
            }
            if n + 1 < dates.len() && !under_way.iter().any(|g| g.days.end == *day) {
                continue;
            }
            gather(&mut under_way, &computed, added..n + 1, pixels, cadence);
            added = n + 1;
            let (done, open): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|g| g.days.end == *day);
            under_way = open;
            for gathering in done {
                let member = &task.products[gathering.product];
                match write(runner, &target, member, gathering)? {
                    Outcome::Created => outcome.made += 1,
                    Outcome::Adopted => outcome.present += 1,
                }
                ledger.note(&task.tile, Some((&member.period, &member.key)), Event::Committed)?;
            }
        }
        behind += dates.len();
        if !tick(behind) {
            return Err(RunError::Interrupted);
        }
    }
    tick(runner.period.len());
    Ok(())
}

/// Reads a piece of time and simulates it: day × pixel of each input into `read`,
/// of each output wanted into `computed`.
fn advance<T: Number>(
    runner: &Runner<'_>,
    readers: &mut [(usize, TileReader<'_, T>)],
    simulation: &mut dyn Simulation,
    dates: &[Date],
    read: &mut [Vec<T>],
    computed: &mut [Vec<T>],
) -> Result<(), RunError> {
    let spec = runner.model.spec();
    let mut inputs = vec![None; spec.inputs.len()];
    for ((index, reader), buffer) in readers.iter_mut().zip(read) {
        let values = &mut buffer[..dates.len() * reader.pixels()];
        reader
            .read_into(dates, values)
            .map_err(|source| runner.input_error("inputs", reader.name(), source))?;
        inputs[*index] = Some(T::values(values));
    }
    let pixels = readers.first().map_or(0, |(_, reader)| reader.pixels());
    let mut values: Vec<Option<ValuesMut<'_>>> = (0..spec.outputs.len()).map(|_| None).collect();
    for (Output { index, .. }, buffer) in runner.outputs.iter().zip(computed) {
        values[*index] = Some(T::values_mut(&mut buffer[..spec.rows(dates) * pixels]));
    }
    simulation.advance(&Forcing { dates, inputs }, &mut Outputs { values })?;
    Ok(())
}

/// Writes and commits one product.
fn write(
    runner: &Runner<'_>,
    target: &Target,
    member: &Member,
    gathering: Gathering,
) -> Result<Outcome, RunError> {
    let mut attempt = Attempt::begin(&runner.out, member, &target.geobox, &runner.cog)?;
    let span = gathering.days;
    for (output, sums) in runner.outputs.iter().zip(gathering.sums) {
        let mut facts = Map::new();
        facts.insert("seedbed:days".to_owned(), json!(sums.days()));
        facts.insert("seedbed:days_missing_at_most".to_owned(), json!(sums.most_missing()));
        let variable = Variable {
            name: output.name.clone(),
            title: format!("{}, {}", output.name, member.period),
            unit: Some(output.unit.clone()),
            facts,
        };
        attempt.write(variable, &sums.finish())?;
    }
    let mut properties = Map::new();
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
fn provenance(runner: &Runner<'_>, target: &Target, span: Period) -> Provenance {
    let mut origins = BTreeSet::new();
    let mut newest = span.end;
    for input in &runner.inputs {
        let (from, to) = input.rules.reach(span);
        for asset in input.series.near(target.bbox, from, to) {
            origins.insert(asset.origin.clone());
            newest = newest.max(asset.period.end);
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
