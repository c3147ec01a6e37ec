//! The periods outputs are gathered over.

use seedbed_block::{Date, Period};
use serde::{Deserialize, Serialize};

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    fn days_and_years_tile_the_run_without_gaps() {
        let run: Period = "2003-02-01/2005-01-31".parse().unwrap();
        for kind in [PeriodKind::Daily, PeriodKind::Monthly, PeriodKind::Yearly] {
            let days: usize = kind.within(run).iter().map(|(_, p)| p.len()).sum();
            assert_eq!(days, run.len());
        }
    }
}
