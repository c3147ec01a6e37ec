//! The middle of many layers, a strip of pixels at a time.
//!
//! A strip holds the same 64 pixels of every layer, one pixel a lane, in the
//! nearest cache. A network of compare-exchanges between layers, each the least
//! and the greatest of two lanes without a branch, puts the middle into place.
//!
//! A missing value stands for +∞ and -∞ by turns. Of m missing ones of N, ⌊m/2⌋
//! then lie below all n = N - m others and ⌈m/2⌉ above, so that the middle of the
//! n is at the same place in every lane: at ⌊N/2⌋, at the place before, or between
//! the two, as N and m are even or odd. One network that gets those two places
//! right thus serves all lanes.

use super::lane::Lane;
use super::network::{Exchange, Keep, exchanges};
use crate::simd::{Level, Work};

/// Pixels side by side.
const LANES: usize = 64;

/// A pixel of every layer, in each of [`LANES`] lanes.
type Lanes<S> = [S; LANES];

/// Medians of `layers` (each as long as `out`) into `out`; `gap` where fewer than
/// `least` of a pixel's values, or none, are there.
pub(super) fn medians<S: Lane>(layers: &[&[S]], fill: S, least: usize, gap: S, out: &mut [S], level: Level) {
    let n = layers.len();
    let upper = n / 2;
    let lower = upper.saturating_sub(1);
    let middle = Middle {
        network: exchanges(n, &(lower..(upper + 1).min(n))),
        lower,
        upper,
        odd: n % 2 == 1,
        fill,
        least: S::counted(least.max(1)),
        gap,
    };
    level.run(Task { middle: &middle, layers, out });
}

/// Where the middle of so many layers is, and what becomes of it.
struct Middle<S> {
    network: Vec<Exchange>,
    lower: usize,
    upper: usize,
    /// Whether there is an odd number of layers.
    odd: bool,
    fill: S,
    least: S,
    gap: S,
}

/// All strips of a call.
struct Task<'a, S> {
    middle: &'a Middle<S>,
    layers: &'a [&'a [S]],
    out: &'a mut [S],
}

impl<S: Lane> Work for Task<'_, S> {
    #[inline(always)]
    fn run(self) {
        let mut strip: Vec<Lanes<S>> = vec![[S::NONE; LANES]; self.layers.len()];
        let whole = self.out.len() - self.out.len() % LANES;
        let (front, rest) = self.out.split_at_mut(whole);
        for (k, out) in front.chunks_exact_mut(LANES).enumerate() {
            let at = k * LANES;
            self.middle.strip(self.layers, at..at + LANES, &mut strip, out);
        }
        if !rest.is_empty() {
            let end = whole + rest.len();
            let mut last = [self.middle.gap; LANES];
            self.middle.strip(self.layers, whole..end, &mut strip, &mut last);
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

impl<S: Lane> Middle<S> {
    #[inline(always)]
    fn strip(&self, layers: &[&[S]], at: std::ops::Range<usize>, strip: &mut [Lanes<S>], out: &mut [S]) {
        // The marker that a lane's next missing value gets; high after an even number of them.
        let mut marker: Lanes<S> = [S::HIGH; LANES];
        let mut count: Lanes<S> = [S::NONE; LANES];
        for (layer, lanes) in layers.iter().zip(strip.iter_mut()) {
            let values = &layer[at.clone()];
            if let Ok(values) = <&Lanes<S>>::try_from(values) {
                self.load(values, lanes, &mut marker, &mut count);
            } else {
                let mut padded = [S::NONE; LANES];
                padded[..values.len()].copy_from_slice(values);
                self.load(&padded, lanes, &mut marker, &mut count);
            }
        }
        for exchange in &self.network {
            apply(*exchange, strip);
        }
        let (lower, upper) = (&strip[self.lower], &strip[self.upper]);
        for (lane, out) in out.iter_mut().enumerate() {
            let (a, b) = (lower[lane], upper[lane]);
            let gaps_even = marker[lane] == S::HIGH;
            let between = gaps_even != self.odd;
            let single = if self.odd { b } else { a };
            let value = if between { a.middle(b) } else { single };
            *out = if count[lane].is_less(self.least) { self.gap } else { value };
        }
    }

    /// Brings a layer into its lanes.
    #[inline(always)]
    fn load(&self, values: &Lanes<S>, lanes: &mut Lanes<S>, marker: &mut Lanes<S>, count: &mut Lanes<S>) {
        for lane in 0..LANES {
            let value = values[lane];
            let gap = value.is_gap(self.fill);
            lanes[lane] = if gap { marker[lane] } else { value.plain() };
            marker[lane] = if gap { marker[lane].flipped() } else { marker[lane] };
            count[lane] = if gap { count[lane] } else { count[lane].next() };
        }
    }
}

/// Compares two layers, lane by lane.
#[inline(always)]
fn apply<S: Lane>(exchange: Exchange, strip: &mut [Lanes<S>]) {
    let Exchange { low, high, keep } = exchange;
    let (head, tail) = strip.split_at_mut(high);
    let (below, above) = (&mut head[low], &mut tail[0]);
    match keep {
        Keep::Both => {
            for (a, b) in below.iter_mut().zip(above.iter_mut()) {
                (*a, *b) = (a.lesser(*b), a.greater(*b));
            }
        }
        Keep::Lesser => below.iter_mut().zip(above.iter()).for_each(|(a, b)| *a = a.lesser(*b)),
        Keep::Greater => below.iter().zip(above.iter_mut()).for_each(|(a, b)| *b = a.greater(*b)),
    }
}
