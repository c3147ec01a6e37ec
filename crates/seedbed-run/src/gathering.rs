//! The periods under way, and the days that are added to them.

use crate::PeriodKind;
use crate::sums::Gathered;
use rayon::prelude::*;
use seedbed_block::{Period, Real};
use seedbed_model::{Aggregation, Balance, Cadence};
use std::ops::Range;

/// A product still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its place among the task's.
    pub(crate) product: usize,
    pub(crate) kind: PeriodKind,
    /// Its days, of those that are run.
    pub(crate) days: Period,
}

/// A period under way: which product it is, and what has been gathered of it.
pub(crate) struct Gathering {
    pub(crate) product: usize,
    pub(crate) kind: PeriodKind,
    pub(crate) days: Period,
    pub(crate) sums: Vec<Gathered>,
    /// How well its days closed so far.
    pub(crate) balance: Balance,
}

/// Adds the piece's days numbered `days` to every period under way. Of a model with
/// one value a year a piece, which lies within a year, has one row: what is known of
/// the year at its end.
pub(crate) fn gather<T: Real>(
    under_way: &mut [Gathering],
    computed: &[Vec<T>],
    days: Range<usize>,
    pixels: usize,
    cadence: Cadence,
) {
    // Of each variable all periods' sums.
    let mut sums: Vec<Vec<&mut Gathered>> = computed.iter().map(|_| Vec::new()).collect();
    for gathering in under_way {
        for (all, sum) in sums.iter_mut().zip(&mut gathering.sums) {
            all.push(sum);
        }
    }
    sums.par_iter_mut().zip(computed).for_each(|(all, values)| match cadence {
        Cadence::Daily => Gathered::add_to_all(all, &values[days.start * pixels..days.end * pixels]),
        Cadence::Yearly if days.is_empty() => {}
        Cadence::Yearly => {
            for sum in all {
                sum.replace(&values[..pixels], days.len());
            }
        }
    });
}

/// Adds a day that no sum counts: to products of that day alone, which are no
/// sums, and to stores.
pub(crate) fn gather_unsummed<T: Real>(
    under_way: &mut [Gathering],
    computed: &[Vec<T>],
    day: usize,
    pixels: usize,
) {
    for (index, values) in computed.iter().enumerate() {
        for gathering in under_way.iter_mut() {
            let sum = &mut gathering.sums[index];
            if gathering.kind == PeriodKind::Daily || sum.aggregation() == Aggregation::State {
                sum.add(&values[day * pixels..(day + 1) * pixels]);
            }
        }
    }
}
