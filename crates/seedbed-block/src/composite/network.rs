//! Sorting networks: which layers to compare and exchange, and in what order.

use std::ops::Range;

/// Which results of a comparison are needed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The lesser and the greater one.
    Both,
    /// The lesser one, at the lower place.
    Lesser,
    /// The greater one, at the higher place.
    Greater,
}

/// A comparison of the values at two places, `low < high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) low: usize,
    pub(super) high: usize,
    pub(super) keep: Keep,
}

/// The exchanges after which the places in `wanted` hold what they would in a
/// sorted list of `n`.
///
/// They are those of Batcher's merge exchange (Knuth, The Art of Computer
/// Programming 3, algorithm 5.2.2M), which takes any `n`, less the ones on
/// which no wanted place depends.
pub(super) fn exchanges(n: usize, wanted: &Range<usize>) -> Vec<Exchange> {
    let mut needed: Vec<bool> = (0..n).map(|place| wanted.contains(&place)).collect();
    let mut kept: Vec<Exchange> = Vec::new();
    for (low, high) in merge_exchange(n).into_iter().rev() {
        let keep = match (needed[low], needed[high]) {
            (false, false) => continue,
            (true, true) => Keep::Both,
            (true, false) => Keep::Lesser,
            (false, true) => Keep::Greater,
        };
        (needed[low], needed[high]) = (true, true);
        kept.push(Exchange { low, high, keep });
    }
    kept.reverse();
    kept
}

/// Batcher's merge exchange, in the names of Knuth's algorithm M.
fn merge_exchange(n: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let top = n.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut d) = (top, 0, p);
        loop {
            pairs.extend((0..n.saturating_sub(d)).filter(|i| i & p == r).map(|i| (i, i + d)));
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(exchanges: &[Exchange], values: &mut [bool]) {
        for Exchange { low, high, keep } in exchanges {
            let (a, b) = (values[*low], values[*high]);
            if *keep != Keep::Greater {
                values[*low] = a & b;
            }
            if *keep != Keep::Lesser {
                values[*high] = a | b;
            }
        }
    }

    /// A network that sorts every list of zeros and ones sorts every list
    /// (Knuth, theorem 5.3.4Z).
    #[test]
    fn zeros_and_ones_are_sorted_at_the_wanted_places() {
        for n in 1..=12_usize {
            for wanted in [0..n, 0..1, n - 1..n, n / 2..n / 2 + 1, n / 3..n / 2] {
                let network = exchanges(n, &wanted);
                for bits in 0..1_u32 << n {
                    let mut values: Vec<bool> = (0..n).map(|i| bits >> i & 1 == 1).collect();
                    apply(&network, &mut values);
                    let zeros = n - bits.count_ones() as usize;
                    for place in wanted.clone() {
                        assert_eq!(values[place], place >= zeros, "n {n}, bits {bits:b}, place {place}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_middle_of_a_few_needs_fewer_exchanges() {
        assert_eq!(exchanges(8, &(0..8)).len(), 19);
        assert!(exchanges(18, &(8..10)).len() < exchanges(18, &(0..18)).len());
        assert!(exchanges(1, &(0..1)).is_empty() && exchanges(0, &(0..0)).is_empty());
    }
}
