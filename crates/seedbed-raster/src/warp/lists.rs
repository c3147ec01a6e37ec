//! Samples over areas: any number of weighted source pixels for a target pixel.

use super::lanes::{Lanes, Weighted, mean, sums};
use seedbed_block::{PixelRange, Real};

/// What becomes of a target pixel's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Their weighted mean.
    Mean,
    /// Their sum, each by the share of it that is covered.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value with the largest weight; of equals the least.
    Mode,
    /// The value with half of the weight on either side; the mean of two that share it.
    Median,
}

/// Source pixels beside each other in one row.
#[derive(Clone, Copy)]
struct Run {
    row: u32,
    col: u32,
    /// Where its weights are.
    first: u32,
    len: u32,
}

/// The samples of a cell's pixels, row by row.
#[derive(Default)]
pub struct Lists {
    /// Where each pixel's runs start; one more than there are pixels.
    starts: Vec<u32>,
    runs: Vec<Run>,
    weights: Vec<f64>,
    /// The source pixel that must be valid, row and column; empty where there is no such rule.
    centres: Vec<Option<(u32, u32)>>,
}

impl Lists {
    /// Begins the list of the next pixel. `centre`: which source pixel must be valid,
    /// where there is such a rule.
    pub fn begin(&mut self, centre: Option<(i64, i64)>) {
        self.starts.push(small(self.runs.len() as u64));
        if let Some((row, col)) = centre {
            // Pixels before it had none, being outside.
            self.centres.resize(self.starts.len() - 1, None);
            self.centres.push(Some((small(row.unsigned_abs()), small(col.unsigned_abs()))));
        }
    }

    /// Adds samples to the pixel begun last: row, column and weight, in the source's order.
    pub fn extend(&mut self, samples: &[(i64, i64, f64)]) {
        let start = self.starts.last().map_or(0, |s| *s as usize);
        for &(row, col, weight) in samples {
            let (row, col) = (small(row.unsigned_abs()), small(col.unsigned_abs()));
            let first = small(self.weights.len() as u64);
            self.weights.push(weight);
            match self.runs.last_mut() {
                Some(run) if run.row == row && run.col + run.len == col => {
                    if self.runs.len() > start {
                        self.grow();
                    } else {
                        self.runs.push(Run { row, col, first, len: 1 });
                    }
                }
                _ => self.runs.push(Run { row, col, first, len: 1 }),
            }
        }
    }

    fn grow(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.len += 1;
        }
    }

    /// Ends the last list.
    pub fn end(&mut self) {
        if !self.centres.is_empty() {
            self.centres.resize(self.starts.len(), None);
        }
        self.starts.push(small(self.runs.len() as u64));
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>()
            + self.runs.capacity() * size_of::<Run>()
            + self.weights.capacity() * size_of::<f64>()
            + self.centres.capacity() * size_of::<Option<(u32, u32)>>()
    }

    /// The smallest range of source pixels that holds all.
    pub fn reach(&self) -> Option<PixelRange> {
        let of = |run: &Run| PixelRange {
            row0: run.row.into(),
            col0: run.col.into(),
            rows: 1,
            cols: run.len.into(),
        };
        let centres = self.centres.iter().flatten().map(|(row, col)| PixelRange {
            row0: (*row).into(),
            col0: (*col).into(),
            rows: 1,
            cols: 1,
        });
        let runs = self.runs.iter().map(of).reduce(PixelRange::union)?;
        Some(centres.fold(runs, PixelRange::union))
    }

    /// What becomes of a pixel on every layer; `source` are the values of `region`.
    #[inline(always)]
    pub fn reduce<T: Real, const L: usize>(
        &self,
        pixel: usize,
        by: Reduce,
        source: &[Lanes<T, L>],
        region: PixelRange,
    ) -> Lanes<T, L> {
        let runs = &self.runs[self.starts[pixel] as usize..self.starts[pixel + 1] as usize];
        if runs.is_empty() {
            return [T::NAN; L];
        }
        let at = |row: u32, col: u32| {
            let local = (i64::from(row) - region.row0) * region.cols + i64::from(col) - region.col0;
            // The region holds what the lists reach.
            usize::try_from(local).unwrap_or(usize::MAX)
        };
        let run = |run: &Run| {
            let (from, first) = (at(run.row, run.col), run.first as usize);
            let len = run.len as usize;
            Weighted { pixels: &source[from..from + len], weights: &self.weights[first..first + len] }
        };
        let mut out = match by {
            Reduce::Mean => mean(runs.iter().map(run)),
            Reduce::Sum => {
                let (sum, weight) = sums(runs.iter().map(run));
                let mut out = [T::NAN; L];
                for l in 0..L {
                    out[l] = if weight[l] > T::ZERO { sum[l] } else { T::NAN };
                }
                out
            }
            Reduce::Min => extreme(runs.iter().map(run), |a, b| a < b),
            Reduce::Max => extreme(runs.iter().map(run), |a, b| a > b),
            Reduce::Mode | Reduce::Median => {
                let mut values = Vec::new();
                std::array::from_fn(|l| {
                    values.clear();
                    for run in runs.iter().map(run) {
                        let there = run.pixels.iter().zip(run.weights).map(|(v, w)| (v[l], *w));
                        values.extend(there.filter(|(v, _)| !v.is_missing()));
                    }
                    if by == Reduce::Mode { mode(&mut values) } else { median(&mut values) }
                })
            }
        };
        if let Some(centre) = self.centres.get(pixel) {
            let there = centre.map(|(row, col)| &source[at(row, col)]);
            for l in 0..L {
                if there.is_none_or(|there| there[l].is_missing()) {
                    out[l] = T::NAN;
                }
            }
        }
        out
    }
}

/// Rows, columns and counts of a cell's samples: those of a window of fewer than `u32::MAX` pixels.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[inline(always)]
fn extreme<'a, T: Real, const L: usize>(
    runs: impl Iterator<Item = Weighted<'a, T, L>>,
    better: impl Fn(T, T) -> bool,
) -> Lanes<T, L> {
    let mut best = [T::NAN; L];
    for run in runs {
        for v in run.pixels {
            for l in 0..L {
                let first = best[l].is_missing() & !v[l].is_missing();
                best[l] = if first | better(v[l], best[l]) { v[l] } else { best[l] };
            }
        }
    }
    best
}

fn sort<T: Real>(values: &mut [(T, f64)]) {
    values.sort_unstable_by(|a, b| {
        a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal).then(a.1.total_cmp(&b.1))
    });
}

fn mode<T: Real>(values: &mut [(T, f64)]) -> T {
    sort(values);
    let (mut best, mut most) = (T::NAN, 0.0);
    for equal in values.chunk_by(|a, b| a.0 == b.0) {
        let weight: f64 = equal.iter().map(|(_, w)| w).sum();
        if weight > most {
            (best, most) = (equal[0].0, weight);
        }
    }
    best
}

fn median<T: Real>(values: &mut [(T, f64)]) -> T {
    sort(values);
    let half = values.iter().map(|(_, w)| w).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (n, &(value, weight)) in values.iter().enumerate() {
        below += weight;
        if below > half * (1.0 + 1e-12) {
            return value;
        }
        // Half lies between two values.
        if below >= half * (1.0 - 1e-12)
            && let Some((next, _)) = values.get(n + 1)
        {
            return T::of(0.5) * (value + *next);
        }
    }
    values.last().map_or(T::NAN, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_of_the_largest_weight() {
        assert_eq!(mode(&mut [(3.0, 0.4), (1.0, 0.3), (1.0, 0.3), (3.0, 0.1)]), 1.0);
        assert_eq!(mode(&mut [(3.0, 0.5), (1.0, 0.5)]), 1.0, "of equals the least");
        assert!(mode::<f64>(&mut []).is_nan());
    }

    #[test]
    fn the_median_halves_the_weight() {
        assert_eq!(median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(median(&mut [(4.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), 2.5);
        assert_eq!(median(&mut [(4.0, 5.0), (1.0, 1.0), (2.0, 1.0)]), 4.0);
        assert_eq!(median(&mut [(7.0, 0.3)]), 7.0);
        assert!(median::<f64>(&mut []).is_nan());
    }

    #[test]
    fn runs_gather_neighbours_of_one_pixel_only() {
        let mut lists = Lists::default();
        lists.begin(None);
        lists.extend(&[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 2.0)]);
        lists.begin(None);
        lists.extend(&[(1, 1, 1.0)]);
        lists.end();
        let region = PixelRange { row0: 0, col0: 0, rows: 2, cols: 2 };
        assert_eq!(lists.reach(), Some(region));
        let source = [[1.0], [3.0], [5.0], [9.0]];
        assert_eq!(lists.reduce(0, Reduce::Mean, &source, region), [3.5]);
        assert_eq!(lists.reduce(1, Reduce::Mean, &source, region), [9.0]);
        assert_eq!(lists.reduce(0, Reduce::Sum, &source, region), [14.0]);
        assert_eq!(lists.reduce(0, Reduce::Min, &source, region), [1.0]);
        assert_eq!(lists.reduce(0, Reduce::Max, &source, region), [5.0]);
    }
}
