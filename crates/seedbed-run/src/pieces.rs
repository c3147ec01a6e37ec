//! A run's days in the pieces in which they are read and simulated.

use seedbed_block::Date;

/// The most days of a piece. Pieces begin on the days 1, 1 + 60, 1 + 120… of a
/// year, or of a divisor of 60 days: chunks of yearly files often hold 10, 20 or
/// 30, and one that spans two pieces is decoded twice.
pub(crate) const DAYS: usize = 60;

/// Cuts days into pieces of at most `most`, which begin anew with every year and behind
/// the days that `ends` says.
pub(crate) fn pieces(days: &[Date], most: usize, ends: impl Fn(Date) -> bool) -> Vec<&[Date]> {
    let divides = |n: &usize| DAYS.is_multiple_of(*n) && *n <= most;
    let length = (1..=DAYS).rev().find(divides).unwrap_or(1);
    let piece = |day: &Date| (day.year(), (day.day_of_year().unsigned_abs() as usize - 1) / length);
    days.chunk_by(|a, b| piece(a) == piece(b) && !ends(*a)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::Period;

    #[test]
    fn pieces_begin_anew_with_the_year_and_lose_no_day() {
        let run: Period = "2003-12-20/2005-01-05".parse().unwrap();
        let days: Vec<Date> = run.days().collect();
        for (most, length) in [(0, 1), (7, 6), (45, 30), (500, 60)] {
            let pieces = pieces(&days, most, |_| false);
            assert_eq!(pieces.concat(), days);
            for piece in pieces {
                let first = piece[0].day_of_year().unsigned_abs() as usize - 1;
                assert!(piece[0] == run.start || first.is_multiple_of(length), "{}", piece[0]);
                assert!(piece.len() <= length);
            }
        }
    }

    #[test]
    fn a_piece_ends_where_it_is_told_to() {
        let run: Period = "2003-01-20/2003-03-05".parse().unwrap();
        let days: Vec<Date> = run.days().collect();
        let pieces = pieces(&days, 60, |day| Period::month_of(day).end == day);
        assert_eq!(pieces.concat(), days);
        let last: Vec<String> = pieces.iter().map(|p| p[p.len() - 1].to_string()).collect();
        assert_eq!(last, ["2003-01-31", "2003-02-28", "2003-03-01", "2003-03-05"]);
    }
}
