//! Inputs held to what a run needs of them, before its first day.

use crate::input_reader::InputReader;
use crate::inputs::{Input, Static};
use crate::orders::{Disorder, join};
use crate::origin::Origin;
use crate::periods::span;
use crate::readers::latitudes;
use crate::work::Work;
use crate::{RunError, Runner};
use rayon::prelude::*;
use seedbed_block::{Date, Period, unit_suffix};
use seedbed_model::InputSpec;
use seedbed_prep::{Plans, PrepError, Rules, Target, TileReader, TimeRule, one_line};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What kind of problem an input has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Days that no source has.
    MissingDays,
    /// A unit that isn't known, or can't be converted.
    Unit,
    /// The project scales what file or item scales already.
    Scale,
    /// A value that makes no sense in its unit.
    Range,
    /// Values that exceed those of another input, which they may not exceed.
    Order,
    /// A class that the table of values lacks.
    Class,
    /// Nothing of it lies under the tile.
    Absent,
    /// A state that the run can't begin from.
    State,
    /// It can't be read.
    Unreadable,
}

/// A problem that one tile has with one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputProblem {
    /// The tile.
    pub tile: String,
    /// The key in the project file: `inputs.tmax`, `statics.whc` or `model.state`.
    pub input: String,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// The days it concerns; none for a static.
    pub days: Vec<Period>,
    /// What is wrong.
    pub what: String,
    /// Whether trying again later may help.
    pub retryable: bool,
    /// Whether the project or the input is at fault, rather than the work.
    pub usage: bool,
}

/// Everything that is wrong with a run's inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputReport {
    /// Tiles whose inputs were looked at.
    pub tiles: usize,
    /// What is wrong, tile by tile.
    pub problems: Vec<InputProblem>,
}

impl InputReport {
    /// The problems as lines for people: one that several tiles have alike stands there
    /// once, with their names.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut alike: BTreeMap<(&str, ProblemKind, &[Period], &str), Vec<&str>> = BTreeMap::new();
        for p in &self.problems {
            alike.entry((&p.input, p.kind, &p.days, &p.what)).or_default().push(&p.tile);
        }
        let line = |((input, kind, days, what), tiles): ((&str, ProblemKind, &[Period], &str), Vec<&str>)| {
            let days: Vec<String> = days.iter().map(|days| span(*days)).collect();
            let days = if days.is_empty() { String::new() } else { format!(" on {}", days.join(", ")) };
            format!("{input}: {kind}{days}: {what} [{}]", tiles.join(", "))
        };
        alike.into_iter().map(line).collect()
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingDays => "missing days",
            Self::Unit => "unit",
            Self::Scale => "scaled twice",
            Self::Range => "range",
            Self::Order => "order",
            Self::Class => "class",
            Self::Absent => "absent",
            Self::State => "state",
            Self::Unreadable => "unreadable",
        })
    }
}

impl fmt::Display for InputReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Lines that an error message has room for.
        const SHOWN: usize = 3;
        let lines = self.lines();
        write!(f, "the inputs won't do: {}", lines[..lines.len().min(SHOWN)].join("; "))?;
        match lines.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// What an inspection found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<InputProblem>,
    /// What is out of order in too few pixels to be a problem.
    pub(crate) disorders: Vec<Disorder>,
    /// The keys of statics that have no value.
    pub(crate) empty: Vec<String>,
}

/// Gathers what there is to say of a tile's inputs.
struct Inspection<'r> {
    runner: &'r Runner<'r>,
    target: Target,
    plans: Plans,
    found: Findings,
}

/// One source of an input, and the days on which its values are looked at.
struct Part<'r> {
    index: usize,
    name: &'r str,
    reader: TileReader<'r, f32>,
    looked_at: Vec<Date>,
}

/// Values that are held to one another: what the project calls each, what the model says of it,
/// and its pixels.
type Values<'r> = BTreeMap<usize, (&'r str, &'r InputSpec, Vec<f64>)>;

/// Opens all that a tile's work reads and says what is wrong with it: days that are missing,
/// units, statics, the state it begins from, and values of some first days.
///
/// # Errors
/// [`RunError::Grid`] and [`RunError::Projection`]; what is wrong with inputs is no error here.
pub(crate) fn inspect(runner: &Runner<'_>, work: &Work<'_>) -> Result<Findings, RunError> {
    let to_make = work.to_make(runner)?;
    if work.finished(runner, &to_make)?.is_some() {
        return Ok(Findings::default());
    }
    let beginning = work.beginning(runner, &to_make)?;
    let tile = &work.task.tile;
    let target = runner.target(runner.grid.tile(tile)?)?;
    let mut inspection = Inspection { runner, target, plans: Plans::default(), found: Findings::default() };
    if beginning.checkpoint.is_none() {
        match &runner.origin {
            Origin::Cold => {}
            Origin::SpinUp { days, .. } => inspection.inputs(*days),
            Origin::Kept(tiles) => {
                if let Some(Err(error)) = tiles.get(tile).map(|kept| kept.read(runner, tile)) {
                    inspection.problem(
                        "model",
                        "state",
                        ProblemKind::State,
                        Vec::new(),
                        without_key(&error),
                        [false, true],
                    );
                }
            }
        }
    }
    inspection.inputs(Period { start: beginning.from, end: runner.period.end });
    inspection.statics()?;
    Ok(inspection.found)
}

impl<'r> Inspection<'r> {
    fn inputs(&mut self, period: Period) {
        let runner = self.runner;
        let mut parts: Vec<Part<'r>> = Vec::new();
        for input in &runner.inputs {
            parts.extend(self.input(input, period));
        }
        let days: BTreeSet<Date> = parts.iter().flat_map(|part| part.looked_at.iter().copied()).collect();
        let specs = &runner.model.spec().inputs;
        let in_order: BTreeSet<usize> =
            runner.model.spec().input_orders().flat_map(|(a, b)| [a, b]).collect();
        for day in days {
            let mut values = Values::new();
            let read = parts
                .par_iter_mut()
                .map(|part| part.looked_at.contains(&day).then(|| part.reader.read(&[day])));
            let read: Vec<_> = read.collect();
            for (part, read) in parts.iter_mut().zip(read) {
                let Some(read) = read else { continue };
                match read {
                    Ok(block) if in_order.contains(&part.index) => {
                        let pixels = block.values().iter().map(|v| f64::from(*v)).collect();
                        values.insert(part.index, (part.name, &specs[part.index], pixels));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        self.failure("inputs", part.name, vec![Period { start: day, end: day }], &error);
                        part.looked_at.clear();
                    }
                }
            }
            self.orders("inputs", runner.model.spec().input_orders(), &values, Some(day));
        }
    }

    /// The sources of an input on the days of a period, opened and held to what needs no values.
    fn input(&mut self, input: &'r Input, period: Period) -> Vec<Part<'r>> {
        let mut parts = Vec::new();
        for (days, interval) in input.within(period) {
            match InputReader::part(self.runner, interval, &self.target, days, &self.plans) {
                Ok(reader) => parts.extend(self.part(input, days, &interval.rules, reader)),
                Err(error) => self.failure("inputs", &input.name, vec![days], &error),
            }
        }
        parts
    }

    /// One source of an input, on the days that are read of it.
    fn part(
        &mut self,
        input: &'r Input,
        days: Period,
        rules: &Rules,
        reader: TileReader<'r, f32>,
    ) -> Option<Part<'r>> {
        let Input { index, name, .. } = input;
        let missing = reader.missing_days(days);
        if !missing.is_empty() {
            let what = match missing.len() {
                1 => "it has no source for this day".to_owned(),
                count => format!("it has no source for {count} days"),
            };
            let what = match rules.time {
                TimeRule::CompositeDay => {
                    format!(
                        "{what}; a day needs a composite whose 16 days are over, and one that begins then or later"
                    )
                }
                TimeRule::Climatology | TimeRule::Composite if rules.bridge.is_none() => {
                    format!("{what}; `bridge` says up to how many days between layers are filled")
                }
                _ => what,
            };
            self.problem("inputs", name, ProblemKind::MissingDays, runs(&missing), what, [false, true]);
        }
        let units = reader.unit_errors();
        if let Some((_, first)) = units.first() {
            let days: Vec<Period> = units.iter().map(|(days, _)| *days).collect();
            self.failure("inputs", name, joined(days), first);
            return None;
        }
        let looked_at =
            looked_at(days, rules.time).filter(|day| missing.binary_search(day).is_err()).collect();
        Some(Part { index: *index, name, reader, looked_at })
    }

    fn statics(&mut self) -> Result<(), RunError> {
        let runner = self.runner;
        let spec = runner.model.spec();
        let mut values = Values::new();
        let mut opened = Vec::new();
        for (index, field) in &runner.statics {
            let spec = &spec.statics[*index];
            let (series, rules) = match field {
                Static::Field { series, rules } => (series, rules),
                Static::Value(value) => {
                    values.insert(*index, (spec.name, spec, vec![*value; self.target.geobox.shape.len()]));
                    continue;
                }
                Static::Latitude => {
                    if let (_, _, Some(first)) = spec.outside(latitudes(&self.target, runner.projections)?) {
                        let what = outside(spec, first);
                        self.problem(
                            "statics",
                            spec.name,
                            ProblemKind::Range,
                            Vec::new(),
                            what,
                            [false, true],
                        );
                    }
                    continue;
                }
            };
            let reader = TileReader::<f64>::open_static(
                series,
                self.target.clone(),
                (**rules).clone(),
                self.plans.clone(),
                &runner.spool,
                runner.projections,
            );
            opened.push((*index, series, reader));
        }
        let read = opened.into_par_iter().map(|(index, series, reader)| {
            (index, series, reader.and_then(|mut reader| reader.read_static()))
        });
        for (index, series, read) in read.collect::<Vec<_>>() {
            let spec = &spec.statics[index];
            match read {
                Ok(pixels) => {
                    self.mask(&series.name, spec, &pixels)?;
                    if pixels.iter().all(|value| value.is_nan()) {
                        self.found.empty.push(format!("statics.{}", series.name));
                    }
                    values.insert(index, (&series.name, spec, pixels));
                }
                Err(error) => self.failure("statics", &series.name, Vec::new(), &error),
            }
        }
        self.orders("statics", spec.static_orders(), &values, None);
        Ok(())
    }

    /// Refuses fractions in a mask; most of its pixels, where single values out of range pass.
    fn mask(&mut self, name: &str, spec: &InputSpec, pixels: &[f64]) -> Result<(), RunError> {
        let (fractions, there, first) = spec.fractions(pixels.iter().copied());
        let lenient = self.runner.is_lenient()?;
        if let Some(first) = first.filter(|_| !lenient || 2 * fractions > there) {
            let what = format!(
                "it is a mask, 0 or 1, and {fractions} of {there} pixels lie between, the first at {first}; take \
                 resampling = \"nearest\""
            );
            self.problem("statics", name, ProblemKind::Range, Vec::new(), what, [false, true]);
        }
        Ok(())
    }

    /// Holds pairs of values to their order: a problem where more than half of the pixels break it.
    fn orders(
        &mut self,
        section: &str,
        pairs: impl Iterator<Item = (usize, usize)>,
        values: &Values<'_>,
        date: Option<Date>,
    ) {
        for (lesser, greater) in pairs {
            let (Some((lesser, a, below)), Some((greater, b, above))) =
                (values.get(&lesser), values.get(&greater))
            else {
                continue;
            };
            let pixels = below.iter().copied().zip(above.iter().copied());
            let (pixels, there, _) = a.exceeding(b, pixels);
            let [lesser_key, greater] = [lesser, greater].map(|name| format!("{section}.{name}"));
            let told = |p: &InputProblem| p.kind == ProblemKind::Order && p.input == lesser_key;
            if pixels == 0 || self.found.problems.iter().any(told) {
                continue;
            }
            if 2 * pixels > there {
                let what =
                    format!("it exceeds {greater} in {pixels} of {there} pixels; are the two swapped?");
                let days = date.map(|day| Period { start: day, end: day }).into_iter().collect();
                self.problem(section, lesser, ProblemKind::Order, days, what, [false, true]);
            } else {
                let tile = self.target.tile.clone();
                join(&mut self.found.disorders, Disorder { lesser: lesser_key, greater, pixels, tile, date });
            }
        }
    }

    fn failure(&mut self, section: &str, name: &str, days: Vec<Period>, error: &PrepError) {
        let (kind, days) = match error {
            PrepError::Outside { .. } => (ProblemKind::Absent, days),
            PrepError::NoUnit { .. } | PrepError::Units { .. } | PrepError::Unit { .. } => {
                (ProblemKind::Unit, days)
            }
            PrepError::Range { date: Some(date), .. } if section == "inputs" => {
                (ProblemKind::Range, vec![Period { start: *date, end: *date }])
            }
            PrepError::Scaled { .. } => (ProblemKind::Scale, days),
            PrepError::Range { .. } => (ProblemKind::Range, days),
            PrepError::Class { .. } => (ProblemKind::Class, days),
            _ => (ProblemKind::Unreadable, days),
        };
        let blame = [error.retryable(), error.is_usage()];
        self.problem(section, name, kind, days, one_line(error), blame);
    }

    fn problem(
        &mut self,
        section: &str,
        name: &str,
        kind: ProblemKind,
        days: Vec<Period>,
        what: String,
        [retryable, usage]: [bool; 2],
    ) {
        let (tile, input) = (self.target.tile.clone(), format!("{section}.{name}"));
        let problem = InputProblem { tile, input, kind, days, what, retryable, usage };
        // A spin-up may read the run's own days.
        if !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }
}

/// An error about a key of the project without the file and the key, which the report names itself.
fn without_key(error: &RunError) -> String {
    match error {
        RunError::Key { message, .. } => message.clone(),
        RunError::Input { source, .. } => one_line(&**source),
        error => one_line(error),
    }
}

/// What is said of a value outside the range of its input.
fn outside(spec: &InputSpec, value: f64) -> String {
    let ((low, high), unit) = (spec.range, unit_suffix(spec.unit));
    format!("{value}{unit} lies outside {low}..{high} ({})", spec.doc)
}

/// The days whose values are looked at: the first, and where every day has a layer of its
/// own the first of each further year. A day between layers would read months of them.
fn looked_at(period: Period, time: TimeRule) -> impl Iterator<Item = Date> {
    let years = time == TimeRule::Daily;
    period.days().filter(move |day| *day == period.start || (years && day.day_of_year() == 1))
}

/// Days in order, as periods of days that follow one another.
fn runs(days: &[Date]) -> Vec<Period> {
    days.chunk_by(|a, b| a.tomorrow().is_ok_and(|next| next == *b))
        .map(|run| Period { start: run[0], end: run[run.len() - 1] })
        .collect()
}

/// Periods in order, those joined that touch.
fn joined(mut periods: Vec<Period>) -> Vec<Period> {
    periods.sort();
    let mut joined: Vec<Period> = Vec::new();
    for period in periods {
        match joined.last_mut() {
            Some(last) if last.end.tomorrow().is_ok_and(|next| period.start <= next) => {
                last.end = last.end.max(period.end);
            }
            _ => joined.push(period),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(periods: &[Period]) -> Vec<String> {
        periods.iter().map(|p| span(*p)).collect()
    }

    #[test]
    fn days_are_told_as_ranges() {
        let mut days: Vec<Date> = "2003-12-30/2004-01-03".parse::<Period>().unwrap().days().collect();
        days.remove(2);
        assert_eq!(texts(&runs(&days)), ["2003-12-30/2003-12-31", "2004-01-02/2004-01-03"]);
        assert_eq!(texts(&runs(&days[..1])), ["2003-12-30"]);
        let periods = ["2003", "2004-01", "2005", "2003-05"].map(|p| p.parse().unwrap());
        assert_eq!(texts(&joined(periods.to_vec())), ["2003-01-01/2004-01-31", "2005-01-01/2005-12-31"]);
    }

    #[test]
    fn each_year_of_daily_layers_has_a_day_that_is_looked_at() {
        let days = |time| {
            let days = looked_at("2003-03-05/2005-02-01".parse().unwrap(), time);
            days.map(|d| d.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(days(TimeRule::Daily), ["2003-03-05", "2004-01-01", "2005-01-01"]);
        assert_eq!(days(TimeRule::Climatology), ["2003-03-05"]);
    }

    #[test]
    fn what_several_tiles_have_alike_is_said_once() {
        let problem = |tile: &str, what: &str| InputProblem {
            tile: tile.to_owned(),
            input: "inputs.ppt".to_owned(),
            kind: ProblemKind::MissingDays,
            days: vec!["2003-03".parse().unwrap()],
            what: what.to_owned(),
            retryable: false,
            usage: true,
        };
        let problems = vec![problem("a", "gone"), problem("b", "gone"), problem("c", "lost")];
        let report = InputReport { tiles: 3, problems };
        let lines = report.lines();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "inputs.ppt: missing days on 2003-03-01/2003-03-31: gone [a, b]");
        assert!(report.to_string().ends_with("lost [c]"), "{report}");
    }
}
