//! One tile through time: inputs in, products out.

use crate::runner::{Input, Output, Runner, Static};
use crate::sums::{Gathered, MissingDays};
use crate::{Event, Ledger, PeriodKind, RunError, Task};
use seedbed_block::{Date, Period, Precision, Real};
use seedbed_grid::Projections;
use seedbed_model::{Forcing, Outputs, Simulation, Statics, Values, ValuesMut};
use seedbed_prep::{
    Attempt, Description, Done, Member, Outcome, PrepError, Provenance, Target, TileReader, Variable, is_done,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

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

/// Memory that one piece of time may take, in bytes.
pub(crate) const PIECE: usize = 192 << 20;

/// Runs one tile and commits its products.
pub(crate) fn run(
    runner: &Runner<'_>,
    task: &Task,
    ledger: &Ledger,
    tick: Tick<'_>,
) -> Result<TileOutcome, RunError> {
    match runner.precision {
        Precision::Single => run_as::<f32>(runner, task, ledger, tick),
        Precision::Double => run_as::<f64>(runner, task, ledger, tick),
    }
}

/// Opens a tile's inputs, checks that every day can be read, and reads the first
/// day and the statics, so that a mistaken unit is found before anything is written.
pub(crate) fn check(runner: &Runner<'_>, task: &Task) -> Result<(), RunError> {
    let target = runner.target(runner.grid.tile(&task.tile)?)?;
    let (mut readers, plans) = open::<f32>(runner, &target)?;
    for (index, reader) in &mut readers {
        reader.read(&[runner.period.start]).map_err(|source| runner.input_error(*index, source))?;
    }
    read_statics(runner, &target, &plans).map(|_| ())
}

/// Which products of a task are not committed yet.
pub(crate) fn pending(runner: &Runner<'_>, task: &Task) -> Vec<bool> {
    task.products.iter().map(|m| is_done(&runner.out, m) != Done::Yes).collect()
}

type Readers<'a, T> = Vec<(usize, TileReader<'a, T>)>;

fn open<'a, T: Real>(
    runner: &'a Runner<'a>,
    target: &Target,
) -> Result<(Readers<'a, T>, seedbed_prep::Plans), RunError> {
    let plans = seedbed_prep::Plans::default();
    let mut readers = Vec::new();
    for Input { index, series, rules } in &runner.inputs {
        let named = |source: PrepError| RunError::Input {
            path: runner.project.path.clone(),
            key: format!("inputs.{}", series.name),
            source: Box::new(source),
        };
        let reader = TileReader::open(
            series,
            target.clone(),
            rules.clone(),
            runner.period,
            plans.clone(),
            &runner.spool,
            runner.projections,
        )
        .map_err(named)?;
        reader.check(runner.period).map_err(named)?;
        readers.push((*index, reader));
    }
    Ok((readers, plans))
}

/// A period under way: which product it is, and what has been gathered of it.
struct Gathering {
    product: usize,
    days: Period,
    sums: Vec<Gathered>,
}

fn run_as<T: Number>(
    runner: &Runner<'_>,
    task: &Task,
    ledger: &Ledger,
    tick: Tick<'_>,
) -> Result<TileOutcome, RunError> {
    let pending = pending(runner, task);
    let mut outcome = TileOutcome { made: 0, present: pending.iter().filter(|p| !**p).count() };
    if outcome.present == task.products.len() {
        return Ok(outcome);
    }
    let target = runner.target(runner.grid.tile(&task.tile)?)?;
    let pixels = target.geobox.shape.len();
    let (mut readers, plans) = open::<T>(runner, &target)?;
    let statics = read_statics(runner, &target, &plans)?;
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
    let periods = runner.periods();
    let mut under_way: Vec<Gathering> = Vec::new();
    let days: Vec<Date> = runner.period.days().collect();
    let arrays = readers.len() + runner.outputs.len() + 1;
    let piece = (PIECE / (arrays * pixels.max(1) * size_of::<T>())).clamp(1, 128);
    for (at, dates) in days.chunks(piece).enumerate() {
        let outputs = advance(runner, &mut readers, simulation.as_mut(), dates, pixels)?;
        for (n, day) in dates.iter().enumerate() {
            for (product, (_, _, span)) in periods.iter().enumerate().filter(|(_, p)| p.2.start == *day) {
                let sums = runner.outputs.iter().map(|o| Gathered::new(o.aggregation, missing, pixels));
                under_way.push(Gathering { product, days: *span, sums: sums.collect() });
            }
            let counted = variant.sums_first_day || *day != runner.period.start;
            for gathering in &mut under_way {
                for (sum, values) in gathering.sums.iter_mut().zip(&outputs) {
                    sum.add(&values[n * pixels..(n + 1) * pixels], counted);
                }
            }
            let (done, open): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|g| g.days.end == *day);
            under_way = open;
            for gathering in done.into_iter().filter(|g| pending[g.product]) {
                let member = &task.products[gathering.product];
                let kind = periods[gathering.product].0;
                match write(runner, &target, member, kind, gathering)? {
                    Outcome::Created => outcome.made += 1,
                    Outcome::Adopted => outcome.present += 1,
                }
                ledger.note(&task.tile, Some((&member.period, &member.key)), Event::Committed)?;
            }
        }
        if !tick((at * piece + dates.len()).min(days.len())) {
            return Err(RunError::Interrupted);
        }
    }
    Ok(outcome)
}

/// Reads a piece of time and simulates it; returns day × pixel of each output wanted.
fn advance<T: Number>(
    runner: &Runner<'_>,
    readers: &mut Readers<'_, T>,
    simulation: &mut dyn Simulation,
    dates: &[Date],
    pixels: usize,
) -> Result<Vec<Vec<T>>, RunError> {
    let spec = runner.model.spec();
    let blocks = readers
        .iter_mut()
        .map(|(index, reader)| {
            let block = reader.read(dates).map_err(|source| runner.input_error(*index, source))?;
            Ok((*index, block))
        })
        .collect::<Result<Vec<_>, RunError>>()?;
    let mut inputs = vec![None; spec.inputs.len()];
    for (index, block) in &blocks {
        inputs[*index] = Some(T::values(block.values()));
    }
    let mut arrays: Vec<Vec<T>> = vec![vec![T::NAN; dates.len() * pixels]; runner.outputs.len()];
    let mut values: Vec<Option<ValuesMut<'_>>> = (0..spec.outputs.len()).map(|_| None).collect();
    for (Output { index, .. }, array) in runner.outputs.iter().zip(&mut arrays) {
        values[*index] = Some(T::values_mut(array));
    }
    simulation.advance(&Forcing { dates, inputs }, &mut Outputs { values })?;
    Ok(arrays)
}

fn read_statics(
    runner: &Runner<'_>,
    target: &Target,
    plans: &seedbed_prep::Plans,
) -> Result<Vec<(usize, Vec<f64>)>, RunError> {
    let pixels = target.geobox.shape.len();
    runner
        .statics
        .iter()
        .map(|(index, field)| {
            let values = match field {
                Static::Value(value) => vec![*value; pixels],
                Static::Latitude => latitudes(target, runner.projections)?,
                Static::Field { series, rules } => {
                    let named = |source: PrepError| RunError::Input {
                        path: runner.project.path.clone(),
                        key: format!("statics.{}", series.name),
                        source: Box::new(source),
                    };
                    TileReader::<f64>::open_static(
                        series,
                        target.clone(),
                        rules.clone(),
                        plans.clone(),
                        &runner.spool,
                        runner.projections,
                    )
                    .and_then(|mut reader| reader.read_static())
                    .map_err(named)?
                }
            };
            Ok((*index, values))
        })
        .collect()
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
    kind: PeriodKind,
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
    if kind.holding(span.start) != span {
        properties.insert("seedbed:partial".to_owned(), json!(true));
    }
    let provenance = provenance(runner, target, span);
    let description =
        Description { product: runner.name(), period: span, provenance: &provenance, properties };
    Ok(attempt.commit(&runner.spool, runner.projections, &description)?.outcome)
}

fn provenance(runner: &Runner<'_>, target: &Target, span: Period) -> Provenance {
    let mut origins = BTreeSet::new();
    let mut newest = span.end;
    for input in &runner.inputs {
        let (from, to) = crate::runner::reach(input.rules.time, span);
        for asset in input.series.near(target.bbox, from, to) {
            origins.insert(asset.origin.clone());
            newest = newest.max(asset.period.end);
        }
    }
    for (_, field) in &runner.statics {
        if let Static::Field { series, .. } = field {
            origins.extend(series.assets.iter().map(|a| a.origin.clone()));
        }
    }
    let spec = runner.model.spec();
    let mut parameters = Map::new();
    parameters.insert("model".to_owned(), json!(spec.name));
    parameters.insert("revision".to_owned(), json!(spec.revision));
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
