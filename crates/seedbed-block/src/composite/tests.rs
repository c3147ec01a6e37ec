//! Held to definitions written out.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::manual_midpoint,
    reason = "small numbers, and definitions as they are written"
)]

use super::*;
use crate::simd::Level;

/// Numbers that look random (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Layers of hundredths; a share of the values, which differs from pixel to pixel, is missing.
    fn layers(&mut self, n: usize, pixels: usize) -> Vec<Vec<f32>> {
        let mut layer = |_| {
            let mut value = |pixel: usize| {
                let gap = self.next() % 16 < (pixel % 17) as u64;
                let value = (self.next() % 400) as f32 / 100.0 - 2.0;
                if gap { f32::NAN } else { value }
            };
            (0..pixels).map(&mut value).collect()
        };
        (0..n).map(&mut layer).collect()
    }
}

fn slices<S>(layers: &[Vec<S>]) -> Vec<&[S]> {
    layers.iter().map(Vec::as_slice).collect()
}

/// A pixel's values in order.
fn column<T: Real>(layers: &[&[T]], pixel: usize) -> Vec<T> {
    let mut values: Vec<T> = layers.iter().map(|l| l[pixel]).filter(|v| !v.is_missing()).collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values
}

fn brute<T: Real>(values: &[T], statistic: Statistic, least: usize) -> T {
    let n = values.len();
    if statistic == Statistic::Count {
        return T::of(n as f64);
    }
    if n < least.max(1) {
        return T::NAN;
    }
    let sum: f64 = values.iter().map(|v| v.to_f64()).sum();
    match statistic {
        Statistic::Median if n % 2 == 1 => values[n / 2],
        Statistic::Median => (values[n / 2 - 1] + values[n / 2]) * T::of(0.5),
        Statistic::Mean => T::of(sum / n as f64),
        Statistic::Sum => T::of(sum),
        Statistic::Min => values[0],
        Statistic::Max => values[n - 1],
        Statistic::Count => unreachable!(),
        Statistic::Quantile(q) => {
            let h = q * (n - 1) as f64;
            let (low, high) = (values[h.floor() as usize], values[h.ceil() as usize]);
            T::of(low.to_f64() + (h - h.floor()) * (high.to_f64() - low.to_f64()))
        }
    }
}

/// Bits, all NaN being one.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
}

#[test]
fn every_statistic_of_1_to_70_layers_is_what_its_definition_says() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let pixels = 64 * 5 + 13;
    for n in (1..=70).chain([NETWORK, NETWORK + 1, 200]) {
        let layers = random.layers(n, pixels);
        let layers = slices(&layers);
        for statistic in [
            "median",
            "mean",
            "sum",
            "min",
            "max",
            "count",
            "quantile=0",
            "quantile=0.1",
            "quantile=0.77",
            "quantile=1",
        ] {
            let statistic: Statistic = statistic.parse().unwrap();
            for least in [0, 1, 3] {
                let mut out = vec![0.0; pixels];
                composite(&layers, statistic, least, &mut out);
                for (pixel, found) in out.into_iter().enumerate() {
                    let wanted = brute(&column(&layers, pixel), statistic, least);
                    let exact = matches!(
                        statistic,
                        Statistic::Median | Statistic::Min | Statistic::Max | Statistic::Count
                    );
                    // Sums depend on the order in their last bits, and numpy's lerp rounds otherwise.
                    let near = (found - wanted).abs() <= 1e-6 * wanted.abs().max(1e-2);
                    let right = found == wanted || (found.is_nan() && wanted.is_nan()) || (!exact && near);
                    assert!(right, "{statistic} of {n}, pixel {pixel}: {found}, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn every_pattern_of_missing_values_leaves_the_median_of_the_others() {
    for n in 1..=10_usize {
        let pixels = 1 << n;
        let value = |layer: usize| ((layer * 7 + 3) % 11) as f32;
        let gap = |layer: usize, pixel: usize| pixel >> layer & 1 == 1;
        let layer =
            |layer| (0..pixels).map(|p| if gap(layer, p) { f32::NAN } else { value(layer) }).collect();
        let layers: Vec<Vec<f32>> = (0..n).map(layer).collect();
        let layers = slices(&layers);
        let mut out = vec![0.0; pixels];
        composite(&layers, Statistic::Median, 1, &mut out);
        let wanted: Vec<f32> =
            (0..pixels).map(|p| brute(&column(&layers, p), Statistic::Median, 1)).collect();
        assert_eq!(bits(&out), bits(&wanted), "{n} layers");
    }
}

#[test]
fn the_order_of_the_layers_doesnt_matter() {
    let mut random = Random(77);
    for n in [2, 5, 18, 33, 140] {
        let mut layers = random.layers(n, 100);
        layers[0][3] = -0.0;
        layers[1][3] = 0.0;
        layers[0][4] = f32::INFINITY;
        layers[1][4] = f32::NEG_INFINITY;
        let mut first = vec![0.0; 100];
        for turn in 0..4 {
            let mut mixed = slices(&layers);
            mixed.rotate_left(turn * n / 4);
            if turn % 2 == 1 {
                mixed.reverse();
            }
            for statistic in [Statistic::Median, Statistic::Quantile(0.3), Statistic::Min, Statistic::Count] {
                let mut out = vec![0.0; 100];
                composite(&mixed, statistic, 1, &mut out);
                if turn == 0 {
                    first.clone_from(&out);
                }
                let mut again = vec![0.0; 100];
                composite(&slices(&layers), statistic, 1, &mut again);
                assert_eq!(bits(&out), bits(&again), "{statistic} of {n}, turn {turn}");
            }
        }
    }
}

#[test]
fn stored_numbers_round_halves_away_from_zero() {
    let mut random = Random(5);
    for n in (1..=40).chain([NETWORK + 1]) {
        let mut layer = |_| {
            let mut value = |_| match random.next() % 5 {
                0 => -3000,
                1 => [i16::MIN, i16::MAX][(random.next() % 2) as usize],
                _ => (random.next() % 7) as i16 - 3,
            };
            (0..300).map(&mut value).collect()
        };
        let layers: Vec<Vec<i16>> = (0..n).map(&mut layer).collect();
        let layers = slices(&layers);
        let mut out = vec![0; 300];
        median_i16(&layers, -3000, 2, &mut out);
        for (pixel, found) in out.into_iter().enumerate() {
            let mut values: Vec<i16> = layers.iter().map(|l| l[pixel]).filter(|v| *v != -3000).collect();
            values.sort_unstable();
            let k = values.len();
            let wanted = match k {
                0 | 1 => -3000,
                _ if k % 2 == 1 => values[k / 2],
                _ => ((f64::from(values[k / 2 - 1]) + f64::from(values[k / 2])) / 2.0).round() as i16,
            };
            assert_eq!(found, wanted, "{n} layers, pixel {pixel}: {values:?}");
        }
    }
}

#[test]
fn every_level_of_instructions_gives_the_same_bits() {
    let mut random = Random(99);
    let layers = random.layers(23, 1000);
    let layers = slices(&layers);
    let results: Vec<Vec<u32>> = Level::all()
        .into_iter()
        .map(|level| {
            let mut out = vec![0.0; 1000];
            strip::medians(&layers, f32::NAN, 1, f32::NAN, &mut out, level);
            bits(&out)
        })
        .collect();
    assert!(results.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn no_layer_is_no_observation() {
    let mut out = [1.0_f64; 3];
    composite(&[], Statistic::Median, 1, &mut out);
    assert!(out.iter().all(|v| v.is_nan()));
    composite(&[], Statistic::Count, 1, &mut out);
    assert_eq!(out, [0.0; 3]);
    composite(&[&[f64::NAN; 3]], Statistic::Sum, 1, &mut out);
    assert!(out.iter().all(|v| v.is_nan()));
}
