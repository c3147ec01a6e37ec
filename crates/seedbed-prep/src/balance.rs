//! What a record says of how well its model's books closed, and whether that will do.

use crate::product::Flaw;
use seedbed_block::Precision;
use seedbed_catalog::Item;
use serde::{Deserialize, Serialize};

/// The balance of a product's period, over all its pixels and days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceRecord {
    /// What must add up.
    pub equation: String,
    /// The unit of all sizes.
    pub unit: String,
    /// The largest size of what is unexplained at a pixel on a day.
    pub largest: f64,
    /// The mean of these sizes.
    pub mean: f64,
    /// Pixel-days that count.
    pub pixel_days: u64,
    /// Pixel-days that don't.
    pub left_out: u64,
    /// Which those are.
    pub left_out_are: String,
    /// The largest turnover of a pixel-day: the sizes of all terms together.
    pub turnover: f64,
    /// The precision of the computation.
    pub precision: Precision,
    /// By how many roundings of the turnover a day may be off, as derived for the model.
    pub roundings: u32,
}

impl BalanceRecord {
    /// The record's property.
    pub const PROPERTY: &'static str = "seedbed:balance";

    /// Models' derivations come to ten or so; a record that claims many more excuses anything.
    const MOST_ROUNDINGS: u32 = 1000;

    /// What rounding explains at most, in the unit: roundings × half the distance from 1
    /// to the next number of the precision × the largest turnover.
    #[must_use]
    pub fn allowed(&self) -> f64 {
        let roundoff = match self.precision {
            Precision::Single => f64::from(f32::EPSILON) / 2.0,
            Precision::Double => f64::EPSILON / 2.0,
        };
        f64::from(self.roundings) * roundoff * self.turnover
    }

    /// What is wrong with it, if anything is.
    fn flaw(&self) -> Option<String> {
        let Self { largest, mean, unit, roundings, turnover, .. } = self;
        let allowed = self.allowed();
        if *roundings > Self::MOST_ROUNDINGS || !turnover.is_finite() || mean > largest {
            return Some(format!(
                "its balance makes no sense: largest {largest}, mean {mean}, turnover {turnover} {unit}, \
                 {roundings} roundings"
            ));
        }
        // Written so that what isn't a number fails as well.
        let closes = *largest <= allowed && *mean >= 0.0;
        (!closes).then(|| {
            format!(
                "its balance doesn't close: {} is off by up to {largest:e} {unit}, and rounding explains {allowed:e}",
                self.equation
            )
        })
    }
}

/// Holds a record's balance, if it has one, to what rounding explains.
pub(crate) fn check(item: &Item) -> Result<(), Flaw> {
    let Some(said) = item.property(BalanceRecord::PROPERTY) else { return Ok(()) };
    let record = BalanceRecord::deserialize(said)
        .map_err(|e| Flaw::Wrong(format!("its {} can't be read: {e}", BalanceRecord::PROPERTY)))?;
    record.flaw().map_or(Ok(()), |what| Err(Flaw::Wrong(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(largest: f64, mean: f64, precision: Precision) -> BalanceRecord {
        BalanceRecord {
            equation: "in = out".to_owned(),
            unit: "mm".to_owned(),
            largest,
            mean,
            pixel_days: 10,
            left_out: 0,
            left_out_are: "none".to_owned(),
            turnover: 600.0,
            precision,
            roundings: 10,
        }
    }

    #[test]
    fn a_balance_closes_within_what_rounding_explains() {
        assert_eq!(record(3e-4, 1e-5, Precision::Single).flaw(), None);
        assert_eq!(record(0.0, 0.0, Precision::Double).flaw(), None);
        let off = record(3e-4, 1e-5, Precision::Double).flaw().unwrap();
        assert!(off.contains("in = out is off by up to 3e-4 mm"), "{off}");
        for (largest, mean) in [(4e-4, 1e-5), (f64::NAN, 0.0), (0.0, f64::NAN), (1e-5, 2e-5), (0.0, -1.0)] {
            assert!(record(largest, mean, Precision::Single).flaw().is_some(), "{largest} {mean}");
        }
        let excused = BalanceRecord { roundings: 1_000_000, ..record(1.0, 0.1, Precision::Single) };
        assert!(excused.flaw().unwrap().contains("makes no sense"));
        let endless = BalanceRecord { turnover: f64::INFINITY, ..record(1.0, 0.1, Precision::Single) };
        assert!(endless.flaw().is_some());
    }
}
