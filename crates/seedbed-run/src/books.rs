//! The balance of a run: what rounding doesn't explain stops a tile.

use crate::{RunError, Runner};
use seedbed_block::Date;
use seedbed_model::{Balance, BalanceRule};
use seedbed_prep::{BalanceRecord, Target};

impl Runner<'_> {
    /// Refuses days that don't add up, by tile, pixel and day.
    pub(crate) fn check_balances(
        &self,
        target: &Target,
        dates: &[Date],
        balances: &[Balance],
    ) -> Result<(), RunError> {
        let rule = self.model.balance();
        rule.map_or(Ok(()), |rule| refuse(rule, &target.tile, target.geobox.shape.cols, dates, balances))
    }

    /// Whether its model keeps a balance, which every record of its outputs then has.
    #[must_use]
    pub fn has_balance(&self) -> bool {
        self.model.balance().is_some()
    }

    /// What a product's record says of a period's balance, if the model has one.
    pub(crate) fn balance_record(&self, balance: &Balance) -> Option<BalanceRecord> {
        let rule = self.model.balance()?;
        Some(BalanceRecord {
            equation: rule.equation.to_owned(),
            unit: rule.unit.to_owned(),
            largest: balance.largest,
            mean: balance.mean(),
            pixel_days: balance.counted,
            left_out: balance.left_out,
            left_out_are: rule.left_out.to_owned(),
            turnover: balance.turnover,
            precision: self.precision,
            roundings: rule.roundings,
        })
    }
}

/// Refuses the first day of a tile, of so many columns, that doesn't add up.
fn refuse(
    rule: &BalanceRule,
    tile: &str,
    cols: usize,
    dates: &[Date],
    balances: &[Balance],
) -> Result<(), RunError> {
    let breach = dates.iter().zip(balances).find_map(|(date, day)| Some((*date, day.breach?)));
    let Some((date, breach)) = breach else { return Ok(()) };
    Err(RunError::Balance {
        tile: tile.to_owned(),
        row: breach.pixel / cols.max(1),
        col: breach.pixel % cols.max(1),
        date,
        residual: breach.residual,
        allowed: breach.allowed,
        unit: rule.unit,
        equation: rule.equation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;
    use seedbed_model::Breach;

    #[test]
    fn a_day_that_doesnt_add_up_is_named_with_its_pixel() {
        let rule = seedbed_model::find("veget").unwrap().balance().unwrap();
        let dates = [date(2003, 5, 1), date(2003, 5, 2), date(2003, 5, 3)];
        let mut balances = [Balance::default(); 3];
        assert!(refuse(rule, "west", 10, &dates, &balances).is_ok());
        let breach = Breach { pixel: 37, residual: 0.25, allowed: 3e-4 };
        balances[1].breach = Some(breach);
        balances[2].breach = Some(Breach { pixel: 1, ..breach });
        let said = refuse(rule, "west", 10, &dates, &balances).unwrap_err().to_string();
        assert!(said.contains("west doesn't close on 2003-05-02 at row 3, column 7"), "{said}");
        assert!(said.contains("2.5e-1 mm") && said.contains("3e-4"), "{said}");
    }
}
