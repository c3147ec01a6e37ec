//! One pixel, from columns to columns.

use crate::settings::unknown;
use crate::{
    Cadence, Fallback, Forcing, InputSpec, Model, ModelError, ModelSpec, Outputs, SettingValue, Settings,
    Statics, Values, ValuesMut,
};
use jiff::ToSpan;
use seedbed_block::{Date, Precision};
use serde::Serialize;

/// A table of days: one row a day, NaN where a cell is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    /// The day of each row.
    pub dates: Vec<Date>,
    /// Name and values of each column.
    pub columns: Vec<(String, Vec<f64>)>,
}

/// What a table's rows stand for.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// One a day.
    Days(Vec<Date>),
    /// One a calendar year.
    Years(Vec<i16>),
}

impl Rows {
    /// What the column that names the rows is called.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Days(_) => "date",
            Self::Years(_) => "year",
        }
    }

    /// The rows' names: `2003-07-15` or `2003`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Days(days) => days.iter().map(Date::to_string).collect(),
            Self::Years(years) => years.iter().map(i16::to_string).collect(),
        }
    }
}

/// A table of results: NaN where a value is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What each row stands for.
    pub rows: Rows,
    /// Name and values of each column.
    pub columns: Vec<(String, Vec<f64>)>,
}

/// What a run of one pixel gives.
#[derive(Debug, Clone, PartialEq)]
pub struct PointRun {
    /// The settings used.
    pub settings: Settings,
    /// The variant's outputs, in the spec's order.
    pub output: Table,
    /// Columns of the forcing that the model doesn't know.
    pub ignored: Vec<String>,
    /// Inputs that were computed in place of given ones.
    pub computed: Vec<&'static str>,
    /// Columns that exceed on some days what they may not exceed.
    pub disorders: Vec<Disorder>,
}

/// A column that exceeds another on some days, though it may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disorder {
    /// The input that exceeds.
    pub lesser: &'static str,
    /// The input that is exceeded.
    pub greater: &'static str,
    /// On how many days.
    pub days: usize,
    /// Days that have both.
    pub of: usize,
    /// The first of them.
    pub first: Date,
}

/// Runs one pixel in 64 bits.
///
/// `set` names the variant, parameters, switches and static inputs alike.
/// Columns go by an input's name or alias. Every day from the first to the last
/// row must have its row.
///
/// # Errors
/// [`ModelError`] for unknown or missing settings, statics and columns, for rows
/// that skip days, and for values out of range: a single one, or in a lenient
/// variant more than half of a column, which means another unit. Likewise for statics
/// that exceed others which they may not exceed, and columns that do on more than half
/// of the days.
pub fn run_point(
    model: &dyn Model,
    set: &[(String, SettingValue)],
    forcing: &Columns,
) -> Result<PointRun, ModelError> {
    let spec = model.spec();
    let (fixed, pairs): (Vec<_>, Vec<_>) =
        set.iter().partition(|(name, _)| spec.static_input(name).is_some());
    let settings = match Settings::new(spec, pairs.iter().map(|(n, v)| (n.as_str(), v.clone()))) {
        Err(ModelError::UnknownSetting { name, .. }) => return Err(unknown(spec, &name)),
        other => other?,
    };
    let lenient = spec.variant(settings.variant())?.lenient;
    let statics = static_values(spec, &fixed, lenient)?;
    check_days(&forcing.dates)?;

    let mut inputs: Vec<Option<&[f64]>> = vec![None; spec.inputs.len()];
    let mut ignored = Vec::new();
    for (name, values) in &forcing.columns {
        crate::values::length(name, values.len(), forcing.dates.len())?;
        match spec.input(name) {
            // A column under the input's own name wins over one under an alias.
            Some(i) if inputs[i].is_none() || spec.inputs[i].name == name => {
                check_column(&spec.inputs[i], &forcing.dates, values, lenient)?;
                inputs[i] = Some(values);
            }
            _ => ignored.push(name.clone()),
        }
    }
    let disorders = column_orders(spec, &forcing.dates, &inputs)?;
    let computed: Vec<&'static str> = spec
        .inputs
        .iter()
        .zip(&inputs)
        .filter(|(s, v)| v.is_none() && s.is_computed_in(settings.variant()))
        .map(|(s, _)| s.name)
        .collect();
    for input in &computed {
        settings.check_computed(spec, input)?;
    }

    let rows = match spec.cadence {
        Cadence::Daily => Rows::Days(forcing.dates.clone()),
        Cadence::Yearly => Rows::Years(crate::years(&forcing.dates)),
    };
    let mut outputs: Vec<Option<Vec<f64>>> = vec![None; spec.outputs.len()];
    for (i, _) in spec.outputs_of(settings.variant()) {
        outputs[i] = Some(vec![f64::NAN; spec.rows(&forcing.dates)]);
    }
    let given =
        Statics { pixels: 1, values: statics.iter().map(|v| v.as_ref().map(std::slice::from_ref)).collect() };
    let mut simulation = model.begin(&settings, &given, Precision::Double, None)?;
    simulation.advance(
        &Forcing { dates: &forcing.dates, inputs: inputs.into_iter().map(|v| v.map(Values::F64)).collect() },
        &mut Outputs { values: outputs.iter_mut().map(|v| v.as_deref_mut().map(ValuesMut::F64)).collect() },
    )?;
    let columns =
        spec.outputs.iter().zip(outputs).filter_map(|(s, v)| Some((s.name.to_owned(), v?))).collect();
    Ok(PointRun { settings, output: Table { rows, columns }, ignored, computed, disorders })
}

fn static_values(
    spec: &ModelSpec,
    set: &[&(String, SettingValue)],
    lenient: bool,
) -> Result<Vec<Option<f64>>, ModelError> {
    let mut values = vec![None; spec.statics.len()];
    for (name, value) in set.iter().copied() {
        let number = value.number().ok_or_else(|| ModelError::SettingKind {
            name: name.clone(),
            value: value.text(),
            expected: "a number",
        })?;
        if let Some(i) = spec.static_input(name) {
            let input = &spec.statics[i];
            if !lenient && input.outside([number]).0 > 0 {
                return Err(out_of_range(input, input.name.to_owned(), number));
            }
            if let (Some(value), false) = (input.fractions([number]).2, lenient) {
                return Err(ModelError::Fraction { name: input.name, value });
            }
            values[i] = Some(number);
        }
    }
    for (value, input) in values.iter_mut().zip(&spec.statics) {
        if let (None, Fallback::Value(v)) = (&value, input.fallback) {
            *value = Some(v);
        }
    }
    for (lesser, greater) in spec.static_orders() {
        let (Some(value), Some(limit)) = (values[lesser], values[greater]) else { continue };
        let (lesser, greater) = (&spec.statics[lesser], &spec.statics[greater]);
        if lesser.exceeding(greater, [(value, limit)]).0 > 0 {
            let unit = lesser.unit.to_string();
            return Err(ModelError::Disorder {
                lesser: lesser.name,
                value,
                greater: greater.name,
                limit,
                unit,
            });
        }
    }
    Ok(values)
}

/// Columns that exceed what they may not exceed on some days; on most is an error.
fn column_orders(
    spec: &ModelSpec,
    dates: &[Date],
    inputs: &[Option<&[f64]>],
) -> Result<Vec<Disorder>, ModelError> {
    let mut disorders = Vec::new();
    for (lesser, greater) in spec.input_orders() {
        let (Some(a), Some(b)) = (inputs[lesser], inputs[greater]) else { continue };
        let (lesser, greater) = (&spec.inputs[lesser], &spec.inputs[greater]);
        let (days, of, first) = lesser.exceeding(greater, a.iter().copied().zip(b.iter().copied()));
        let Some(first) = first.map(|place| dates[place]) else { continue };
        let (lesser, greater) = (lesser.name, greater.name);
        if 2 * days > of {
            return Err(ModelError::DisorderedDays { lesser, greater, count: days, of, first });
        }
        disorders.push(Disorder { lesser, greater, days, of, first });
    }
    Ok(disorders)
}

fn out_of_range(input: &InputSpec, name: String, value: f64) -> ModelError {
    ModelError::OutOfRange {
        name,
        value,
        low: input.range.0,
        high: input.range.1,
        unit: input.unit.to_string(),
        doc: input.doc,
    }
}

fn check_days(dates: &[Date]) -> Result<(), ModelError> {
    for pair in dates.windows(2) {
        let (after, before) = (pair[0], pair[1]);
        if before <= after {
            return Err(ModelError::Order { before: after, after: before });
        }
        if after.checked_add(1.day()).ok() != Some(before) {
            return Err(ModelError::Gap { after, before });
        }
    }
    Ok(())
}

fn check_column(input: &InputSpec, dates: &[Date], values: &[f64], lenient: bool) -> Result<(), ModelError> {
    let (outside, there, _) = input.outside(values.iter().copied());
    if outside == 0 || (lenient && 2 * outside <= there) {
        return Ok(());
    }
    let first = values.iter().zip(dates).find(|(v, _)| input.outside([**v]).0 > 0);
    match first {
        Some((value, date)) => Err(out_of_range(input, format!("{} on {date}", input.name), *value)),
        None => Ok(()),
    }
}
