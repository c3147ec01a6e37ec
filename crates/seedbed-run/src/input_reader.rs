//! An input on a tile, each day read from the source whose interval holds it.

use crate::Runner;
use crate::inputs::Input;
use crate::interval::Interval;
use seedbed_block::{Date, Period, Real};
use seedbed_prep::{Plans, PrepError, Target, TileReader};

/// Reads an input onto one tile.
pub(crate) struct InputReader<'a, T> {
    /// The input's place among the model's.
    pub(crate) index: usize,
    name: &'a str,
    pixels: usize,
    /// In order of time.
    parts: Vec<(Period, TileReader<'a, T>)>,
}

impl<'a, T: Real> InputReader<'a, T> {
    /// Opens an input for the days of a period: those sources whose intervals meet it.
    ///
    /// # Errors
    /// [`PrepError::MissingDays`] for days that can't be read, and what opening brings.
    pub(crate) fn open(
        runner: &'a Runner<'a>,
        input: &'a Input,
        target: &Target,
        period: Period,
        plans: &Plans,
    ) -> Result<Self, PrepError> {
        let parts = input.within(period).map(|(days, interval)| {
            let reader = Self::part(runner, interval, target, days, plans)?;
            reader.check(days)?;
            Ok((days, reader))
        });
        let parts = parts.collect::<Result<_, PrepError>>()?;
        Ok(Self { index: input.index, name: &input.name, pixels: target.geobox.shape.len(), parts })
    }

    /// The reader of one of its sources, for days of its interval.
    ///
    /// # Errors
    /// As [`TileReader::open`].
    pub(crate) fn part(
        runner: &'a Runner<'a>,
        interval: &Interval,
        target: &Target,
        days: Period,
        plans: &Plans,
    ) -> Result<TileReader<'a, T>, PrepError> {
        let (target, rules, plans) = (target.clone(), interval.rules.clone(), plans.clone());
        TileReader::open(&interval.series, target, rules, days, plans, &runner.spool, runner.projections)
    }

    /// The values on the given days, which must increase, into `out`: time, y, x.
    ///
    /// # Errors
    /// As [`TileReader::read_into`].
    pub(crate) fn read_into(&mut self, dates: &[Date], out: &mut [T]) -> Result<(), PrepError> {
        let mut at = 0;
        while at < dates.len() {
            let Some((days, reader)) = self.parts.iter_mut().find(|(days, _)| days.contains(dates[at]))
            else {
                return Err(PrepError::Request(format!(
                    "input `{}` has no source for {}",
                    self.name, dates[at]
                )));
            };
            let end = at + dates[at..].partition_point(|day| *day <= days.end);
            reader.read_into(&dates[at..end], &mut out[at * self.pixels..end * self.pixels])?;
            at = end;
        }
        Ok(())
    }

    /// The input's name.
    pub(crate) fn name(&self) -> &str {
        self.name
    }
}
