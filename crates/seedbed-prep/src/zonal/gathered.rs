//! A zone's pixels, summed up as they come.

use super::ZoneStatistic;

/// Sums over the pixels of one zone in one frame.
#[derive(Debug, Clone)]
pub(crate) struct Gathered {
    /// Σ share.
    count: f64,
    /// Σ share · value.
    sum: f64,
    /// Σ weight.
    weight: f64,
    /// Weighted mean of what has come.
    mean: f64,
    /// Σ weight · (value − mean)².
    squares: f64,
    min: f64,
    max: f64,
    /// Values with their weights, where a quantile is asked for.
    values: Option<Vec<(f64, f64)>>,
}

/// The areas of a run's pixels, in square metres.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Areas<'a> {
    /// One for all.
    Same(f64),
    /// One each.
    Each(&'a [f64]),
}

impl Areas<'_> {
    fn of(self, n: usize) -> f64 {
        match self {
            Self::Same(area) => area,
            Self::Each(areas) => areas[n],
        }
    }
}

impl Gathered {
    /// Nothing yet.
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            count: 0.0,
            sum: 0.0,
            weight: 0.0,
            mean: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: keep.then(Vec::new),
        }
    }

    /// Adds pixels beside one another, each by the same share. Missing ones are left out.
    ///
    /// Mean and squares of a run are those around its own mean; runs are joined as
    /// partitions are.
    ///
    /// # References
    /// Chan, Golub and others (1979), Updating formulae and a pairwise
    /// algorithm for computing sample variances, Stanford STAN-CS-79-773.
    pub(crate) fn add(&mut self, values: &[f64], share: f64, areas: Areas<'_>) {
        // Counted from a value of the run's, so that equal values have just that mean.
        let Some(from) = values.iter().copied().find(|v| !v.is_nan()) else { return };
        let (mut weight, mut moment, mut pixels, mut sum) = (0.0, 0.0, 0.0, 0.0);
        for (n, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            let w = share * areas.of(n);
            weight += w;
            moment += w * (value - from);
            pixels += 1.0;
            sum += value;
            self.min = self.min.min(*value);
            self.max = self.max.max(*value);
        }
        if weight <= 0.0 {
            return;
        }
        let mean = from + moment / weight;
        let mut squares = 0.0;
        for (n, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            let w = share * areas.of(n);
            squares += w * (value - mean) * (value - mean);
            if let Some(kept) = &mut self.values {
                kept.push((*value, w));
            }
        }
        self.count += share * pixels;
        self.sum += share * sum;
        let (before, delta) = (self.weight, mean - self.mean);
        self.weight += weight;
        self.mean += delta * (weight / self.weight);
        self.squares += squares + delta * delta * (before * weight / self.weight);
    }

    /// Square metres of the pixels that had values, by their shares.
    pub(crate) fn weight(&self) -> f64 {
        self.weight
    }

    /// The statistics asked for, in their order; none where no pixel had a value, but of
    /// counts and sums.
    pub(crate) fn finish(&mut self, statistics: &[ZoneStatistic]) -> Vec<Option<f64>> {
        if let Some(kept) = &mut self.values {
            kept.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        }
        let there = self.weight > 0.0;
        let of = |statistic: &ZoneStatistic| match statistic {
            ZoneStatistic::Count => Some(self.count),
            _ if !there => None,
            ZoneStatistic::Mean => Some(self.mean),
            ZoneStatistic::Sum => Some(self.sum),
            ZoneStatistic::Integral => Some(self.mean * self.weight),
            ZoneStatistic::Min => Some(self.min),
            ZoneStatistic::Max => Some(self.max),
            ZoneStatistic::Stddev => Some((self.squares / self.weight).sqrt()),
            ZoneStatistic::Quantile(q) => self.values.as_ref().and_then(|kept| quantile(kept, *q)),
        };
        statistics.iter().map(of).collect()
    }
}

/// The weighted quantile of sorted values.
fn quantile(sorted: &[(f64, f64)], q: f64) -> Option<f64> {
    let total: f64 = sorted.iter().map(|(_, w)| w).sum();
    let wanted = q * total;
    let mut below = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for (value, weight) in sorted {
        let at = below + weight / 2.0;
        if at >= wanted {
            return Some(match last {
                Some((before, lower)) => {
                    lower + (value - lower) * ((wanted - before) / (at - before)).clamp(0.0, 1.0)
                }
                None => *value,
            });
        }
        last = Some((at, *value));
        below += weight;
    }
    last.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ZoneStatistic::{Count, Integral, Max, Mean, Min, Quantile, Stddev, Sum};

    #[test]
    fn shares_and_areas_are_weights() {
        let mut zone = Gathered::new(true);
        zone.add(&[1.0, f64::NAN, 3.0], 1.0, Areas::Each(&[10.0, 99.0, 30.0]));
        zone.add(&[5.0], 0.5, Areas::Same(40.0));
        let all = zone.finish(&[Mean, Sum, Integral, Count, Min, Max, Stddev]);
        let squares: f64 = [(1.0, 10.0), (3.0, 30.0), (5.0, 20.0)]
            .iter()
            .map(|(v, w): &(f64, f64)| w * (v - 200.0 / 60.0).powi(2))
            .sum();
        let wanted = [200.0 / 60.0, 6.5, 200.0, 2.5, 1.0, 5.0, (squares / 60.0).sqrt()];
        for (found, wanted) in all.iter().zip(wanted) {
            assert!((found.unwrap() - wanted).abs() < 1e-12, "{all:?}");
        }
    }

    #[test]
    fn quantiles_of_equal_weights_are_the_usual_ones() {
        let of = |values: &[f64], q| {
            let mut zone = Gathered::new(true);
            zone.add(values, 1.0, Areas::Same(7.0));
            zone.finish(&[Quantile(q)])[0].unwrap()
        };
        assert_eq!(of(&[3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!((of(&[4.0, 1.0, 2.0], 0.0), of(&[4.0, 1.0, 2.0], 1.0)), (1.0, 4.0));
        // numpy.quantile([1, 2, 3, 4, 10], 0.9, method="hazen")
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 10.0], 0.9), 10.0);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 10.0], 0.8), 7.0);
    }

    #[test]
    fn a_zone_without_values_has_a_count_only() {
        let mut zone = Gathered::new(true);
        zone.add(&[f64::NAN], 1.0, Areas::Same(1.0));
        assert_eq!(zone.finish(&[Count, Mean, Sum, Quantile(0.5)]), [Some(0.0), None, None, None]);
    }

    #[test]
    fn large_values_that_differ_little_keep_their_spread() {
        let mut zone = Gathered::new(false);
        for n in 0..1000 {
            zone.add(&[1e8 + f64::from(n % 2)], 1.0, Areas::Same(1.0));
        }
        assert!((zone.finish(&[Stddev])[0].unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn another_unit_gives_the_same_in_that_unit() {
        let values: Vec<f64> = (0..40).map(|n| f64::from(n * n % 37) / 3.0).collect();
        let of = |convert: &dyn Fn(f64) -> f64| {
            let mut zone = Gathered::new(true);
            for (n, part) in values.chunks(7).enumerate() {
                let converted: Vec<f64> = part.iter().map(|v| convert(*v)).collect();
                zone.add(&converted, 0.9_f64.powi(n.try_into().unwrap()), Areas::Same(2.0));
            }
            zone.finish(&[Mean, Min, Max, Quantile(0.5), Quantile(0.9), Stddev, Count])
        };
        let (plain, other) = (of(&|v| v), of(&|v| 1.8 * v + 32.0));
        for (n, (a, b)) in plain.iter().zip(&other).enumerate() {
            let (a, b) = (a.unwrap(), b.unwrap());
            let wanted = match n {
                0..5 => 1.8 * a + 32.0,
                5 => 1.8 * a,
                _ => a,
            };
            assert!((b - wanted).abs() < 1e-11, "{n}: {b} {wanted}");
        }
    }
}
