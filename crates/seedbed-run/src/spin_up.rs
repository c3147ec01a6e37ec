//! Days that are run before the first, so that stores have forgotten how they began.

use schemars::JsonSchema;
use seedbed_block::{Date, Period};
use serde::{Deserialize, Serialize};

/// `spin_up` of `[model]`: `{ years = 3 }` runs the run's first three years before its
/// first day, `{ years = 1, cycles = 20 }` its first year twenty times over, and
/// `{ period = "1980/1989", cycles = 2 }` other days, that the inputs must have. Nothing of
/// it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpinUp {
    /// So many years from the run's first day on.
    pub years: Option<u16>,
    /// These days instead.
    #[schemars(with = "Option<String>")]
    pub period: Option<Period>,
    /// How often they are run.
    #[serde(default = "once")]
    pub cycles: u16,
}

fn once() -> u16 {
    1
}

impl SpinUp {
    /// The days that are run, for a run that begins on `start`.
    ///
    /// # Errors
    /// In words, where nothing would be run, or two things are asked for.
    pub fn days(self, start: Date) -> Result<Period, String> {
        if self.cycles == 0 {
            return Err("`cycles = 0` runs nothing: leave `spin_up` out".to_owned());
        }
        match (self.years, self.period) {
            (Some(0), None) => Err("`years = 0` runs nothing: leave `spin_up` out".to_owned()),
            (Some(years), None) => {
                let span = jiff::Span::new().try_years(years);
                let next = span.and_then(|span| start.checked_add(span));
                let end = next.and_then(seedbed_block::Date::yesterday);
                let outside = |_| format!("{years} years from {start} on lie outside the calendar");
                Ok(Period { start, end: end.map_err(outside)? })
            }
            (None, Some(period)) => Ok(period),
            _ => Err("give either `years` or `period`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;

    #[test]
    fn years_count_from_the_first_day_and_a_period_stands_for_itself() {
        let years = |years, start| {
            SpinUp { years: Some(years), period: None, cycles: 1 }.days(start).map(|d| d.to_string())
        };
        assert_eq!(years(1, date(2003, 10, 1)).unwrap(), "2003-10-01/2004-09-30");
        assert_eq!(years(2, date(2003, 1, 1)).unwrap(), "2003-01-01/2004-12-31");
        assert_eq!(years(1, date(2004, 2, 29)).unwrap(), "2004-02-29/2005-02-27");
        assert!(years(0, date(2004, 1, 1)).is_err() && years(9999, date(2004, 1, 1)).is_err());
        let period = Some(Period::year(1999));
        let days = |spin_up: SpinUp| spin_up.days(date(2004, 1, 1));
        assert_eq!(days(SpinUp { years: None, period, cycles: 2 }).unwrap(), Period::year(1999));
        assert!(days(SpinUp { years: Some(1), period, cycles: 2 }).is_err());
        assert!(days(SpinUp { years: None, period: None, cycles: 2 }).is_err());
        assert!(days(SpinUp { years: None, period, cycles: 0 }).unwrap_err().contains("cycles = 0"));
    }
}
