//! One tile through time: inputs in, products out.

use crate::inputs::{Input, Static};
use crate::outputs::Output;
use crate::sums::{Gathered, MissingDays};
use crate::{Event, Ledger, PeriodKind, RunError, Runner, Task};
use seedbed_block::{Date, Period, Precision, Real};
use seedbed_grid::Projections;
use seedbed_model::{
    Aggregation, Balance, Cadence, Forcing, Outputs, Simulation, Statics, Values, ValuesMut,
};
use seedbed_prep::{
    Attempt, BalanceRecord, Description, Done, Member, Outcome, PrepError, Provenance, Target, TileReader,
    Variable, is_done,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::ops::Range;

/// A number type the models know: turns slices into their arrays.
pub(crate) trait Number: Real {
    fn values(slice: &[Self]) -> Values<'_>;
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_>;
}

impl Number for f32 {
    fn values(slice: &[Self]) -> Values<'_> {
        Values::F32(slice)
    }
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F32(slice)
    }
}

impl Number for f64 {
    fn values(slice: &[Self]) -> Values<'_> {
        Values::F64(slice)
    }
    fn values_mut(slice: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F64(slice)
    }
}

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

/// The most days of a piece. Pieces begin on the days 1, 1 + 60, 1 + 120… of a
/// year, or of a divisor of 60 days: chunks of yearly files often hold 10, 20 or
/// 30, and one that spans two pieces is decoded twice.
const DAYS: usize = 60;

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

/// Opens a tile's inputs, checks that every day can be read, and reads the first
/// day and the statics, so that a mistaken unit is found before anything is written.
pub(crate) fn check(runner: &Runner<'_>, task: &Task) -> Result<(), RunError> {
    let target = runner.target(runner.grid.tile(&task.tile)?)?;
    let Readers { inputs, statics } = open::<f32>(runner, &target)?;
    for (_, mut reader) in inputs {
        let read = reader.read(&[runner.period.start]);
        read.map_err(|source| runner.input_error("inputs", reader.name(), source))?;
    }
    read_statics(runner, &target, statics).map(|_| ())
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

/// A tile's readers, those of daily inputs and of statics by the model's indices.
struct Readers<'a, T> {
    inputs: Vec<(usize, TileReader<'a, T>)>,
    statics: Vec<(usize, TileReader<'a, f64>)>,
}

fn open<'a, T: Real>(runner: &'a Runner<'a>, target: &Target) -> Result<Readers<'a, T>, RunError> {
    let plans = seedbed_prep::Plans::default();
    let mut readers = Readers { inputs: Vec::new(), statics: Vec::new() };
    for Input { index, series, rules } in &runner.inputs {
        let (target, rules, plans) = (target.clone(), rules.clone(), plans.clone());
        let opened =
            TileReader::open(series, target, rules, runner.period, plans, &runner.spool, runner.projections);
        let reader = opened.and_then(|reader| reader.check(runner.period).map(|()| reader));
        readers.inputs.push((*index, reader.map_err(|e| runner.input_error("inputs", &series.name, e))?));
    }
    for (index, field) in &runner.statics {
        let Static::Field { series, rules } = field else { continue };
        let (target, rules, plans) = (target.clone(), rules.clone(), plans.clone());
        let reader = TileReader::open_static(series, target, rules, plans, &runner.spool, runner.projections);
        readers.statics.push((*index, reader.map_err(|e| runner.input_error("statics", &series.name, e))?));
    }
    Ok(readers)
}

impl Runner<'_> {
    fn input_error(&self, section: &str, name: &str, source: PrepError) -> RunError {
        RunError::Input {
            path: self.project.path.clone(),
            key: format!("{section}.{name}"),
            source: Box::new(source),
        }
    }
}

/// A period under way: which product it is, and what has been gathered of it.
struct Gathering {
    product: usize,
    kind: PeriodKind,
    days: Period,
    sums: Vec<Gathered>,
    balance: Balance,
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
    simulation.keep_books();
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
        let balances = simulation.take_balances();
        runner.check_balances(&target, dates, &balances)?;
        let mut added = 0;
        for (n, day) in dates.iter().enumerate() {
            let begins = coming.peek().is_some_and(|(_, _, days)| days.start == *day);
            if begins {
                gather(&mut under_way, &computed, added..n, pixels, cadence);
                added = n;
            }
            while let Some((product, kind, days)) = coming.next_if(|(_, _, days)| days.start == *day) {
                let sums = runner.outputs.iter().map(|o| Gathered::new(o.aggregation, missing, pixels));
                let (sums, balance) = (sums.collect(), Balance::default());
                under_way.push(Gathering { product, kind, days, sums, balance });
            }
            if let Some(balance) = balances.get(n) {
                for gathering in &mut under_way {
                    gathering.balance.join(balance);
                }
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

/// Adds the piece's days numbered `days` to every period under way. Of a model with
/// one value a year a piece, which lies within a year, has one row: what is known of
/// the year at its end.
fn gather<T: Real>(
    under_way: &mut [Gathering],
    computed: &[Vec<T>],
    days: Range<usize>,
    pixels: usize,
    cadence: Cadence,
) {
    for (index, values) in computed.iter().enumerate() {
        for gathering in under_way.iter_mut() {
            let sum = &mut gathering.sums[index];
            match cadence {
                Cadence::Daily => sum.add(&values[days.start * pixels..days.end * pixels]),
                Cadence::Yearly if days.is_empty() => {}
                Cadence::Yearly => sum.replace(&values[..pixels], days.len()),
            }
        }
    }
}

/// Adds a day that no sum counts: to products of that day alone, which are no
/// sums, and to stores.
fn gather_unsummed<T: Real>(under_way: &mut [Gathering], computed: &[Vec<T>], day: usize, pixels: usize) {
    for (index, values) in computed.iter().enumerate() {
        for gathering in under_way.iter_mut() {
            let sum = &mut gathering.sums[index];
            if gathering.kind == PeriodKind::Daily || sum.aggregation() == Aggregation::State {
                sum.add(&values[day * pixels..(day + 1) * pixels]);
            }
        }
    }
}

/// Cuts days into pieces of at most `most`, which begin anew with every year.
fn pieces(days: &[Date], most: usize) -> Vec<&[Date]> {
    let divides = |n: &usize| DAYS.is_multiple_of(*n) && *n <= most;
    let length = (1..=DAYS).rev().find(divides).unwrap_or(1);
    let piece = |day: &Date| (day.year(), (day.day_of_year().unsigned_abs() as usize - 1) / length);
    days.chunk_by(|a, b| piece(a) == piece(b)).collect()
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

fn read_statics(
    runner: &Runner<'_>,
    target: &Target,
    readers: Vec<(usize, TileReader<'_, f64>)>,
) -> Result<Vec<(usize, Vec<f64>)>, RunError> {
    let mut values = Vec::new();
    for (index, field) in &runner.statics {
        match field {
            Static::Value(value) => values.push((*index, vec![*value; target.geobox.shape.len()])),
            Static::Latitude => values.push((*index, latitudes(target, runner.projections)?)),
            Static::Field { .. } => {}
        }
    }
    for (index, mut reader) in readers {
        let read = reader.read_static();
        values.push((index, read.map_err(|e| runner.input_error("statics", reader.name(), e))?));
    }
    Ok(values)
}

/// Latitude of every pixel's centre, in degrees.
fn latitudes(target: &Target, projections: &dyn Projections) -> Result<Vec<f64>, RunError> {
    let shape = target.geobox.shape;
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let (mut xs, mut ys) = (Vec::with_capacity(shape.len()), Vec::with_capacity(shape.len()));
    for row in 0..shape.rows {
        for col in 0..shape.cols {
            #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
            let at = target.geobox.affine.apply(col as f64 + 0.5, row as f64 + 0.5);
            xs.push(at.x);
            ys.push(at.y);
        }
    }
    projections.transform(&target.geobox.crs, &wgs84)?.forward(&mut xs, &mut ys);
    Ok(ys)
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
        let mut values = sums.finish();
        if let Some(mask) = &runner.mask {
            mask.apply(target, &mut values);
        }
        attempt.write(variable, &values)?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_anew_with_the_year_and_lose_no_day() {
        let run: Period = "2003-12-20/2005-01-05".parse().unwrap();
        let days: Vec<Date> = run.days().collect();
        for (most, length) in [(0, 1), (7, 6), (45, 30), (500, 60)] {
            let pieces = pieces(&days, most);
            assert_eq!(pieces.concat(), days);
            for piece in pieces {
                let first = piece[0].day_of_year().unsigned_abs() as usize - 1;
                assert!(piece[0] == run.start || first.is_multiple_of(length), "{}", piece[0]);
                assert!(piece.len() <= length);
            }
        }
    }
}
