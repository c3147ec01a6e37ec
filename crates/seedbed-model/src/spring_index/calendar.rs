//! A strip's years: where they begin, and whether they are whole.

use seedbed_block::Date;

/// Days of a year that must have passed before it counts as whole.
const WHOLE: i16 = 365;

/// How far a strip has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calendar {
    /// The last day.
    pub last: Option<Date>,
    /// Whether a day of the year under way was left out, its first ones included.
    pub void: bool,
}

/// A day on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Day of year, from 1.
    pub day: i16,
    /// Whether a year begins with it; then, whether the one before was whole.
    pub after: Option<bool>,
    /// Whether the year has lost a day by now.
    pub void: bool,
    /// The output's row to fill behind it: it is the last given day of its year.
    pub row: Option<usize>,
}

impl Step {
    /// Whether the year can be judged as a whole behind this day.
    pub fn is_whole(self) -> bool {
        !self.void && self.day >= WHOLE
    }
}

impl Calendar {
    /// Goes on through days that increase.
    pub fn steps(&mut self, dates: &[Date]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::with_capacity(dates.len());
        let mut row = 0;
        for (n, date) in dates.iter().enumerate() {
            let day = date.day_of_year();
            let before = self.last.map(|last| (last.year(), last.day_of_year()));
            let after = match before {
                Some((year, _)) if year == date.year() => None,
                Some((_, last)) => Some(!self.void && last >= WHOLE),
                None => Some(false),
            };
            let expected = if after.is_some() { 1 } else { before.map_or(1, |(_, last)| last + 1) };
            self.void = (after.is_none() && self.void) || day != expected;
            self.last = Some(*date);
            let ends = dates.get(n + 1).is_none_or(|next| next.year() != date.year());
            steps.push(Step { day, after, void: self.void, row: ends.then_some(row) });
            row += usize::from(ends);
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::Period;

    fn days(period: &str) -> Vec<Date> {
        period.parse::<Period>().unwrap().days().collect()
    }

    #[test]
    fn a_year_is_whole_from_its_first_day_on_and_void_without_one() {
        let mut calendar = Calendar::default();
        let steps = calendar.steps(&days("2002-12-30/2004-01-02"));
        assert_eq!((steps[0].after, steps[0].void, steps[0].row), (Some(false), true, None));
        assert_eq!((steps[1].row, steps[1].is_whole()), (Some(0), false));
        assert_eq!((steps[2].day, steps[2].after, steps[2].void), (1, Some(false), false));
        assert_eq!((steps[366].row, steps[366].is_whole()), (Some(1), true));
        assert_eq!((steps[367].after, steps[368].row), (Some(true), Some(2)));
        let gap = calendar.steps(&days("2004-01-04/2004-01-05"));
        assert!(gap[0].void && gap[1].void && gap[0].after.is_none());
    }

    #[test]
    fn a_year_without_its_366th_day_is_whole() {
        let mut calendar = Calendar::default();
        let mut dates = days("2004-01-01/2004-12-30");
        dates.extend(days("2005-01-01/2005-01-01"));
        let steps = calendar.steps(&dates);
        assert!(steps[364].is_whole());
        assert_eq!((steps[365].after, steps[365].void), (Some(true), false));
    }
}
