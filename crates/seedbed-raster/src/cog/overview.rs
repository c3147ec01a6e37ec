//! Smaller versions of an image.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]

use super::sample::Sample;
use seedbed_block::Shape2d;
use seedbed_block::simd::{Level, Work};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How a pixel of an overview follows from the 2×2 pixels under it, in the level below. Missing
/// ones don't count; where all are missing, so is the overview's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overview {
    /// Their mean, halves away from zero: for measurements. Where a mean of valid numbers is just
    /// the nodata value, its neighbour is stored.
    #[default]
    Average,
    /// The upper left one, missing or not: for classes, quick.
    Nearest,
    /// The most frequent one, and of several the first in rows, then columns: for classes.
    Mode,
}

impl FromStr for Overview {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "average" => Ok(Self::Average),
            "nearest" => Ok(Self::Nearest),
            "mode" => Ok(Self::Mode),
            _ => Err(format!("`{text}` is no way to make overviews; there are average, nearest and mode")),
        }
    }
}

/// Half as many rows and columns, rounded up: the last of an odd number has half a partner.
pub fn half(shape: Shape2d) -> Shape2d {
    Shape2d { rows: shape.rows.div_ceil(2), cols: shape.cols.div_ceil(2) }
}

/// Halves whole rows of `cols` pixels. A pixel on the last of an odd number of rows or columns
/// follows from those that there are.
pub fn halve<S: Sample>(image: &[S], cols: usize, nodata: Option<S>, overview: Overview) -> Vec<S> {
    let mut out = Vec::with_capacity(image.len().div_ceil(4) + cols);
    Level::best().run(Halve { image, cols, nodata, overview, out: &mut out });
    out
}

struct Halve<'a, S> {
    image: &'a [S],
    cols: usize,
    nodata: Option<S>,
    overview: Overview,
    out: &'a mut Vec<S>,
}

impl<S: Sample> Work for Halve<'_, S> {
    #[inline(always)]
    fn run(self) {
        let Self { image, cols, nodata, overview, out } = self;
        for pair in image.chunks(2 * cols) {
            let (upper, lower) = pair.split_at(cols);
            match overview {
                Overview::Nearest => out.extend(upper.iter().step_by(2)),
                Overview::Average => {
                    for (upper, lower) in runs(upper, lower) {
                        if !quick(upper, lower, nodata, out) {
                            rows(upper, lower, nodata, out, S::mean);
                        }
                    }
                }
                Overview::Mode => rows(upper, lower, nodata, out, |few, _| mode(few)),
            }
        }
    }
}

/// Pixels of a row that are averaged as one if none of them is missing; even.
const RUN: usize = 128;

/// Two rows in pieces; `lower` is empty under the last of an odd number of rows.
fn runs<'a, S>(upper: &'a [S], lower: &'a [S]) -> impl Iterator<Item = (&'a [S], &'a [S])> {
    let below = move |i: usize| lower.get(i * RUN..lower.len().min((i + 1) * RUN)).unwrap_or_default();
    upper.chunks(RUN).enumerate().map(move |(i, above)| (above, below(i)))
}

/// The means of a whole run, several at a time; not so, and nothing is added, where a pixel is
/// missing, a mean would be taken for missing, or the run isn't whole.
#[inline(always)]
fn quick<S: Sample>(upper: &[S], lower: &[S], nodata: Option<S>, out: &mut Vec<S>) -> bool {
    if upper.len() != RUN || lower.len() != RUN {
        return false;
    }
    let missing = |pixels: &[S]| nodata.is_some_and(|n| pixels.iter().fold(false, |any, v| any | v.is(n)));
    if missing(upper) || missing(lower) {
        return false;
    }
    let (above, below) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    let mut means = [upper[0]; RUN / 2];
    for ((mean, [a, b]), [c, d]) in means.iter_mut().zip(above).zip(below) {
        *mean = S::mean_of_four([*a, *b, *c, *d]);
    }
    let fine = !missing(&means);
    if fine {
        out.extend_from_slice(&means);
    }
    fine
}

/// One row of the overview; `lower` is empty under the last of an odd number of rows.
fn rows<S: Sample>(
    upper: &[S],
    lower: &[S],
    nodata: Option<S>,
    out: &mut Vec<S>,
    of: impl Fn(&[S], Option<S>) -> S,
) {
    let cell = |under: &[S]| {
        let mut few = [under[0]; 4];
        let mut n = 0;
        for value in under {
            few[n] = *value;
            n += usize::from(!nodata.is_some_and(|n| value.is(n)));
        }
        // A missing number is overwritten, or the first of none.
        if n == 0 { under[0] } else { of(&few[..n], nodata) }
    };
    let (whole, odd) = upper.as_chunks::<2>();
    if lower.is_empty() {
        out.extend(whole.iter().map(|pair| cell(pair)));
    } else {
        let below = lower.as_chunks::<2>().0;
        out.extend(whole.iter().zip(below).map(|([a, b], [c, d])| cell(&[*a, *b, *c, *d])));
    }
    if let [last] = odd {
        match lower.last() {
            Some(under) => out.push(cell(&[*last, *under])),
            None => out.push(*last),
        }
    }
}

fn mode<S: Sample>(few: &[S]) -> S {
    let votes = |v: &S| few.iter().filter(|o| o.is(*v)).count();
    let mut best = few[0];
    for value in &few[1..] {
        if votes(value) > votes(&best) {
            best = *value;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_ones_dont_count() {
        let image = [1_i16, 3, -1, -1, 5, 7, -1, 9];
        assert_eq!(halve(&image, 4, Some(-1), Overview::Average), [4, 9]);
        assert_eq!(halve(&[-1_i16; 8], 4, Some(-1), Overview::Average), [-1, -1]);
        assert_eq!(halve(&image, 4, None, Overview::Average), [4, 2]);
        let nan = f32::NAN;
        let v = halve(&[1.0, nan, nan, nan], 2, Some(nan), Overview::Average);
        assert_eq!(v, [1.0]);
        let v = halve(&[nan, nan, nan, nan], 2, Some(nan), Overview::Average);
        assert!(v.len() == 1 && v[0].is_nan());
    }

    #[test]
    fn long_rows_are_as_short_ones() {
        let cols = 2 * RUN + 37;
        let image: Vec<i16> = (0..5 * cols).map(|i| i16::try_from(i * 7919 % 613).unwrap() - 300).collect();
        for nodata in [None, Some(-299), Some(0), Some(9999)] {
            let mut expected = Vec::new();
            for pair in image.chunks(2 * cols) {
                let (upper, lower) = pair.split_at(cols);
                rows(upper, lower, nodata, &mut expected, i16::mean);
            }
            assert_eq!(halve(&image, cols, nodata, Overview::Average), expected, "{nodata:?}");
        }
        let rough: Vec<f32> = image.iter().map(|v| f32::from(*v) * 1e36).collect();
        let mean = halve(&rough, cols, Some(f32::NAN), Overview::Average);
        assert!(mean.len() == 3 * cols.div_ceil(2) && mean.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn odd_edges_follow_from_what_there_is() {
        let image = [1_u8, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(halve(&image, 3, None, Overview::Average), [3, 5, 8, 9]);
        assert_eq!(halve(&image, 3, None, Overview::Nearest), [1, 3, 7, 9]);
        assert_eq!(halve(&[7_u8], 1, None, Overview::Average), [7]);
        assert_eq!(halve(&[1_u8, 2, 3], 3, None, Overview::Average), [2, 3]);
        assert_eq!(halve(&[1_u8, 2, 3], 1, None, Overview::Average), [2, 3]);
    }

    #[test]
    fn the_most_frequent_class_wins_and_the_first_of_equals() {
        let image = [1_u8, 2, 4, 4, 3, 2, 4, 9];
        assert_eq!(halve(&image, 4, None, Overview::Mode), [2, 4]);
        assert_eq!(halve(&[3_u8, 1, 1, 3], 2, None, Overview::Mode), [3]);
        assert_eq!(halve(&[0_u8, 0, 0, 3], 2, Some(0), Overview::Mode), [3]);
        assert_eq!(halve(&[0_u8, 5], 2, Some(0), Overview::Mode), [5]);
    }
}
