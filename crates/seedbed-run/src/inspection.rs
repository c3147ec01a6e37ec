//! Inputs held to what a run needs of them, before its first day.

use crate::input_reader::InputReader;
use crate::inputs::{Input, Static};
use crate::origin::Origin;
use crate::periods::span;
use crate::work::Work;
use crate::{RunError, Runner};
use seedbed_block::{Date, Period};
use seedbed_prep::{Plans, PrepError, Target, TileReader, TimeRule, one_line};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What kind of problem an input has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Days that no source has.
    MissingDays,
    /// A unit that isn't known, or can't be converted.
    Unit,
    /// A value that makes no sense in its unit.
    Range,
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
            Self::Range => "range",
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

/// Gathers a tile's problems.
struct Inspection<'r> {
    runner: &'r Runner<'r>,
    target: Target,
    plans: Plans,
    problems: Vec<InputProblem>,
}

/// Opens all that a tile's work reads and says what is wrong with it: days that are missing,
/// units, statics, the state it begins from, and values of some first days.
///
/// # Errors
/// [`RunError::Grid`] and [`RunError::Projection`]; what is wrong with inputs is no error here.
pub(crate) fn inspect(runner: &Runner<'_>, work: &Work<'_>) -> Result<Vec<InputProblem>, RunError> {
    let to_make = work.to_make(runner)?;
    if work.finished(runner, &to_make)?.is_some() {
        return Ok(Vec::new());
    }
    let beginning = work.beginning(runner, &to_make)?;
    let tile = &work.task.tile;
    let target = runner.target(runner.grid.tile(tile)?)?;
    let mut inspection = Inspection { runner, target, plans: Plans::default(), problems: Vec::new() };
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
                        one_line(&error),
                        [false, true],
                    );
                }
            }
        }
    }
    inspection.inputs(Period { start: beginning.from, end: runner.period.end });
    inspection.statics();
    Ok(inspection.problems)
}

impl Inspection<'_> {
    fn inputs(&mut self, period: Period) {
        let runner = self.runner;
        for input in &runner.inputs {
            self.input(input, period);
        }
    }

    fn input(&mut self, input: &Input, period: Period) {
        for (days, interval) in input.within(period) {
            match InputReader::part(self.runner, interval, &self.target, days, &self.plans) {
                Ok(reader) => self.part(&input.name, days, interval.rules.time, reader),
                Err(error) => self.failure("inputs", &input.name, vec![days], &error),
            }
        }
    }

    /// One source of an input, on the days that are read of it.
    fn part(&mut self, name: &str, days: Period, time: TimeRule, mut reader: TileReader<'_, f32>) {
        let missing = reader.missing_days(days);
        if !missing.is_empty() {
            let what = match missing.len() {
                1 => "it has no source for this day".to_owned(),
                count => format!("it has no source for {count} days"),
            };
            let what = match time {
                TimeRule::CompositeDay => {
                    format!(
                        "{what}; a day needs a composite whose 16 days are over, and one that begins then or later"
                    )
                }
                _ => what,
            };
            self.problem("inputs", name, ProblemKind::MissingDays, runs(&missing), what, [false, true]);
        }
        let units = reader.unit_errors();
        if let Some((_, first)) = units.first() {
            let days: Vec<Period> = units.iter().map(|(days, _)| *days).collect();
            self.failure("inputs", name, joined(days), first);
            return;
        }
        for day in looked_at(days, time).filter(|day| missing.binary_search(day).is_err()) {
            if let Err(error) = reader.read(&[day]) {
                self.failure("inputs", name, vec![Period { start: day, end: day }], &error);
                return;
            }
        }
    }

    fn statics(&mut self) {
        let runner = self.runner;
        for (_, field) in &runner.statics {
            let Static::Field { series, rules } = field else { continue };
            let opened = TileReader::<f64>::open_static(
                series,
                self.target.clone(),
                (**rules).clone(),
                self.plans.clone(),
                &runner.spool,
                runner.projections,
            );
            let read = opened.and_then(|mut reader| reader.read_static());
            if let Err(error) = read {
                self.failure("statics", &series.name, Vec::new(), &error);
            }
        }
    }

    fn failure(&mut self, section: &str, name: &str, days: Vec<Period>, error: &PrepError) {
        let (kind, days) = match error {
            PrepError::Outside { .. } => (ProblemKind::Absent, days),
            PrepError::NoUnit { .. } | PrepError::Units { .. } | PrepError::Unit { .. } => {
                (ProblemKind::Unit, days)
            }
            PrepError::Range { date, .. } if section == "inputs" => {
                (ProblemKind::Range, vec![Period { start: *date, end: *date }])
            }
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
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
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
