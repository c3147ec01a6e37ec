//! The periods outputs are gathered over.

use crate::project::Format;
use schemars::JsonSchema;
use seedbed_block::{Date, Period};
use seedbed_prep::Member;
use serde::{Deserialize, Serialize};

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodKind {
    /// Every day.
    Daily,
    /// Calendar months.
    Monthly,
    /// Calendar years.
    Yearly,
}

impl PeriodKind {
    /// The period of this kind that holds `day`, whole.
    #[must_use]
    pub fn holding(self, day: Date) -> Period {
        match self {
            Self::Daily => Period { start: day, end: day },
            Self::Monthly => Period::month_of(day),
            Self::Yearly => Period::year(day.year()),
        }
    }

    /// Its name: `2003-07-15`, `2003-07` or `2003`.
    #[must_use]
    pub fn name(self, day: Date) -> String {
        match self {
            Self::Daily => day.to_string(),
            Self::Monthly => day.strftime("%Y-%m").to_string(),
            Self::Yearly => day.strftime("%Y").to_string(),
        }
    }

    /// All periods of this kind that meet `run`: name, and the days of it inside `run`.
    #[must_use]
    pub fn within(self, run: Period) -> Vec<(String, Period)> {
        let mut found = Vec::new();
        let mut day = run.start;
        loop {
            let whole = self.holding(day);
            let inside = Period { start: day, end: whole.end.min(run.end) };
            found.push((self.name(day), inside));
            match whole.end.tomorrow() {
                Ok(next) if next <= run.end => day = next,
                _ => return found,
            }
        }
    }
}

/// The periods that one product of a tile holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) kind: PeriodKind,
    /// That of its period; of a cube those of its first and last, such as `2003-02--2003-12`.
    pub(crate) name: String,
    /// All its days, of those that are run.
    pub(crate) days: Period,
    /// The days of each period.
    pub(crate) periods: Vec<Period>,
}

impl PeriodKind {
    /// The volumes of this kind that a run makes: one a period, of cubes one a calendar year,
    /// so that another year changes none that is there.
    pub(crate) fn volumes(self, run: Period, format: Format) -> Vec<Volume> {
        let mut volumes: Vec<Volume> = Vec::new();
        for (name, days) in self.within(run) {
            if format == Format::Cog {
                volumes.push(Volume { kind: self, name, days, periods: vec![days] });
                continue;
            }
            let of_year = volumes.last_mut().filter(|last| last.days.end.year() == days.start.year());
            if let Some(volume) = of_year {
                volume.days.end = days.end;
                volume.periods.push(days);
                volume.name = format!("{}--{name}", self.name(volume.days.start));
            } else {
                let name = format!("{name}--{name}");
                volumes.push(Volume { kind: self, name, days, periods: vec![days] });
            }
        }
        volumes
    }
}

impl Volume {
    /// Its days, where they are not all that its periods have in the calendar.
    pub(crate) fn partial(&self) -> Option<Period> {
        let (start, end) = (self.kind.holding(self.days.start).start, self.kind.holding(self.days.end).end);
        (self.days != Period { start, end }).then_some(self.days)
    }

    /// Whether it is what a member of an expected set stands for.
    pub(crate) fn is(&self, member: &Member) -> bool {
        self.name == member.period && self.partial() == member.days
    }
}

/// A period as text: a single day by itself.
pub(crate) fn span(period: Period) -> String {
    if period.start == period.end { period.start.to_string() } else { period.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_a_run_are_cut_at_its_ends() {
        let months = PeriodKind::Monthly.within("2003-12-15/2004-02-10".parse().unwrap());
        let names: Vec<&str> = months.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["2003-12", "2004-01", "2004-02"]);
        assert_eq!(months[0].1.to_string(), "2003-12-15/2003-12-31");
        assert_eq!(months[2].1.to_string(), "2004-02-01/2004-02-10");
    }

    #[test]
    fn a_cube_holds_the_periods_of_a_calendar_year() {
        let run = "2003-12-30/2004-02-10".parse().unwrap();
        let cubes = PeriodKind::Monthly.volumes(run, Format::Zarr);
        let told: Vec<(&str, String, usize)> =
            cubes.iter().map(|c| (c.name.as_str(), c.days.to_string(), c.periods.len())).collect();
        let first = ("2003-12--2003-12", "2003-12-30/2003-12-31".to_owned(), 1);
        assert_eq!(told, [first, ("2004-01--2004-02", "2004-01-01/2004-02-10".to_owned(), 2)]);
        let daily = PeriodKind::Daily.volumes(run, Format::Zarr);
        assert_eq!(daily.iter().map(|c| c.periods.len()).collect::<Vec<_>>(), [2, 41]);
        let cogs = PeriodKind::Monthly.volumes(run, Format::Cog);
        assert!(cogs.iter().map(|c| c.name.as_str()).eq(["2003-12", "2004-01", "2004-02"]));
    }

    #[test]
    fn days_and_years_tile_the_run_without_gaps() {
        let run: Period = "2003-02-01/2005-01-31".parse().unwrap();
        for kind in [PeriodKind::Daily, PeriodKind::Monthly, PeriodKind::Yearly] {
            let days: usize = kind.within(run).iter().map(|(_, p)| p.len()).sum();
            assert_eq!(days, run.len());
        }
    }
}
