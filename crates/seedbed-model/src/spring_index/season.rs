//! A year's first leaf and first bloom, day by day.

use super::lanes::{LANE, Lanes, trace};
use super::plants::{BASE, BLOOM, LEAF, PLANTS, ROUNDING, SYNOPTIC, THRESHOLD};
use super::rules::{AULT, Gaps, NPN, RSDAT, Rules, SPRINGPHENO};

/// Degree hours of so many days before are remembered.
pub const LAGS: usize = 7;

/// Pixels in a year under way.
#[derive(Debug, Clone)]
pub struct Season {
    /// Degree hours of the day before, of two days before, and so on.
    pub lags: [Lanes; LAGS],
    /// `SYN`: synoptic events so far.
    pub synoptic: Lanes,
    /// Day of year of each plant's first leaf, NaN before it.
    pub leaf: [Lanes; PLANTS],
    /// Day of year of each plant's first bloom, NaN before it.
    pub bloom: [Lanes; PLANTS],
    /// `AGDH`: degree hours since each plant's first leaf.
    pub heat: [Lanes; PLANTS],
    /// 0, or NaN where nothing more can happen this year.
    pub closed: Lanes,
    /// 0, or NaN where nothing that happened counts, either.
    pub blank: Lanes,
    /// The lowest temperature of the day before, in degF.
    pub tmin: Lanes,
    /// The highest.
    pub tmax: Lanes,
}

/// A day of each pixel.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// Day of year, from 1.
    pub number: i16,
    /// degF.
    pub tmin: Lanes,
    /// degF.
    pub tmax: Lanes,
}

impl Season {
    /// A year of which no day has passed.
    pub fn new() -> Self {
        let (zero, none) = ([0.0; LANE], [f64::NAN; LANE]);
        Self {
            lags: [zero; LAGS],
            synoptic: zero,
            leaf: [none; PLANTS],
            bloom: [none; PLANTS],
            heat: [zero; PLANTS],
            closed: zero,
            blank: zero,
            tmin: none,
            tmax: none,
        }
    }

    /// Puts a day's temperatures into order with those of the day before, where the
    /// rules ask for it.
    #[inline(always)]
    pub fn put_in_order(&mut self, rules: Rules, day: &mut Day) {
        if !rules.ordered {
            return;
        }
        for l in 0..LANE {
            let (low, high) = (day.tmin[l], day.tmax[l]);
            // What is missing stays so from here on, where that blanks the year.
            let lost = if rules.gaps == Gaps::Blank && day.number > 1 {
                trace(self.tmin[l] + self.tmax[l])
            } else {
                0.0
            };
            let high = if high < self.tmin[l] { self.tmin[l] } else { high };
            let low = if low > self.tmax[l] { self.tmax[l] } else { low };
            (day.tmin[l], day.tmax[l]) = (low + lost, high + lost);
            (self.tmin[l], self.tmax[l]) = (day.tmin[l], day.tmax[l]);
            if rules.gaps == Gaps::Blank {
                self.blank[l] += trace(day.tmax[l]);
            }
        }
    }

    /// Whether no pixel awaits anything more this year.
    #[inline(always)]
    pub fn is_over(&self) -> bool {
        let mut over = true;
        for l in 0..LANE {
            let [a, b, c] = [self.bloom[0][l], self.bloom[1][l], self.bloom[2][l]];
            over &= !(a + b + c).is_nan() | (self.closed[l] + self.blank[l]).is_nan();
        }
        over
    }

    /// Takes the pixels through a day of so many degree hours.
    ///
    /// ```text
    /// DDE2 = G[d] + G[d−1] + G[d−2]     DD57 = G[d−5] + G[d−6] + G[d−7]
    /// SYN  = days so far with DDE2 ≥ 637
    /// leaf:  a·(d−1) + b·SYN + c·DDE2 + e·DD57   reaches 999.5
    /// bloom: a·MDS0 + b·AGDH                     reaches 999.5
    /// ```
    #[inline(always)]
    pub fn advance(&mut self, rules: Rules, day: &Day, degree_hours: &Lanes) {
        if day.number == 1 {
            self.begin(rules, day, degree_hours);
        }
        // A loop for each variant, in which the compiler knows the rules.
        if rules == NPN {
            self.pass(NPN, day, degree_hours);
        } else if rules == SPRINGPHENO {
            self.pass(SPRINGPHENO, day, degree_hours);
        } else if rules == AULT {
            self.pass(AULT, day, degree_hours);
        } else {
            self.pass(RSDAT, day, degree_hours);
        }
    }

    /// Makes days before the first one like it.
    #[inline(always)]
    fn begin(&mut self, rules: Rules, day: &Day, degree_hours: &Lanes) {
        let like_first = if rules.padded { LAGS } else { 2 };
        for lag in &mut self.lags[..like_first] {
            for l in 0..LANE {
                let counts = !(rules.skips_cold && day.tmax[l] < BASE - ROUNDING);
                lag[l] = if counts { degree_hours[l] } else { lag[l] };
            }
        }
    }

    #[inline(always)]
    fn pass(&mut self, rules: Rules, day: &Day, degree_hours: &Lanes) {
        let d = f64::from(day.number);
        for l in 0..LANE {
            let g = degree_hours[l];
            let counts = !(rules.skips_cold && day.tmax[l] < BASE - ROUNDING);
            if rules.gaps != Gaps::Pass {
                self.closed[l] += trace(g);
            }
            let open = self.closed[l] + self.blank[l];
            let mut lags = [0.0; LAGS];
            for k in 0..LAGS {
                lags[k] = self.lags[k][l];
            }
            let recent = g + lags[0] + lags[1];
            // The reference's difference of two sums: missing if any of the eight days is.
            let earlier = lags[4] + lags[5] + lags[6] + trace(recent + lags[2] + lags[3]);
            let event = counts & (recent >= SYNOPTIC);
            self.synoptic[l] += if event { 1.0 } else { 0.0 };
            let added = if g.is_nan() | !counts { 0.0 } else { g };
            for p in 0..PLANTS {
                let (leaf, bloom) = (LEAF[p], BLOOM[p]);
                let y = leaf.days * (d - 1.0)
                    + leaf.synoptic * self.synoptic[l]
                    + leaf.recent * recent
                    + leaf.earlier * earlier
                    + open;
                let out = self.leaf[p][l].is_nan() & counts & reached(y, rules.strict);
                self.leaf[p][l] = if out { d + leaf.delay } else { self.leaf[p][l] };
                let since = d - self.leaf[p][l];
                self.heat[p][l] += if since >= rules.heat_from { added } else { 0.0 };
                let y = bloom.days * (since + rules.clock) + bloom.heat * self.heat[p][l] + open;
                let out = self.bloom[p][l].is_nan() & (since >= rules.heat_from) & reached(y, rules.strict);
                self.bloom[p][l] = if out { d } else { self.bloom[p][l] };
            }
            for k in (1..LAGS).rev() {
                self.lags[k][l] = if counts { lags[k - 1] } else { lags[k] };
            }
            self.lags[0][l] = if counts { g } else { lags[0] };
        }
    }
}

#[inline(always)]
fn reached(y: f64, strict: bool) -> bool {
    if strict { y > THRESHOLD } else { y >= THRESHOLD }
}
