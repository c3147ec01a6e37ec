//! What precedes compression, undone.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined isn't compiled for the instructions of this processor"
)]

use seedbed_block::simd::{Level, Work};

/// What is stored instead of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predictor {
    /// The difference of each number to the one before it in its row, as a whole number
    /// in the file's order of bytes.
    Differences { big_endian: bool },
    /// The bytes of a row's numbers by their rank, the most significant first, and of
    /// these the difference of each to the one before.
    FloatingPoint,
}

impl Predictor {
    /// Turns rows of `line` bytes of numbers of `size` bytes, which it spoils, into the
    /// numbers, the least significant byte first.
    pub fn undo(self, stored: &mut [u8], line: usize, size: usize, out: &mut [u8]) {
        Level::best().run(Undo { by: self, stored, line, size, out });
    }
}

/// Adds up a row of differences.
macro_rules! add {
    ($t:ty, $big_endian:ident, $row:ident, $out:ident) => {{
        let mut last: $t = 0;
        let to = $out.as_chunks_mut::<{ size_of::<$t>() }>().0;
        for (out, bytes) in to.iter_mut().zip($row.as_chunks().0) {
            let read = if $big_endian { <$t>::from_be_bytes } else { <$t>::from_le_bytes };
            last = last.wrapping_add(read(*bytes));
            *out = last.to_le_bytes();
        }
    }};
}

struct Undo<'a> {
    by: Predictor,
    stored: &'a mut [u8],
    line: usize,
    size: usize,
    out: &'a mut [u8],
}

impl Work for Undo<'_> {
    #[inline(always)]
    fn run(self) {
        let rows = self.stored.chunks_exact_mut(self.line).zip(self.out.chunks_exact_mut(self.line));
        // Not by an iterator's own loop, which isn't compiled for this processor.
        for (row, out) in rows {
            match (self.by, self.size) {
                (Predictor::FloatingPoint, 4) => rank::<4>(row, out),
                (Predictor::FloatingPoint, _) => rank::<8>(row, out),
                (Predictor::Differences { .. }, 1) => {
                    sums(row);
                    out.copy_from_slice(row);
                }
                (Predictor::Differences { big_endian }, 2) => add!(u16, big_endian, row, out),
                (Predictor::Differences { big_endian }, 4) => add!(u32, big_endian, row, out),
                (Predictor::Differences { big_endian }, _) => add!(u64, big_endian, row, out),
            }
        }
    }
}

/// Replaces each byte by the sum of all up to it.
#[inline(always)]
fn sums(bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    let (last, rest) = unsafe { sums_of_blocks(bytes) };
    #[cfg(not(target_arch = "x86_64"))]
    let (last, rest) = (0, bytes);
    let mut last = last;
    for byte in rest {
        last = byte.wrapping_add(last);
        *byte = last;
    }
}

/// The same for whole blocks of 16 bytes, a few instructions each; gives the last sum and
/// the bytes that are left. A block's own sum is known before that of the blocks above it, so that from one
/// block to the next there is a single addition to wait for.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn sums_of_blocks(bytes: &mut [u8]) -> (u8, &mut [u8]) {
    use std::arch::x86_64::{
        _mm_add_epi8, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_setzero_si128, _mm_shufflehi_epi16,
        _mm_slli_si128, _mm_unpackhi_epi8, _mm_unpackhi_epi64,
    };
    let (blocks, rest) = bytes.as_chunks_mut::<16>();
    // The last sum in each byte.
    let mut last = _mm_setzero_si128();
    for block in blocks {
        let [low, high] = [block.first_chunk::<8>(), block.last_chunk::<8>()]
            .map(|half| half.map_or(0, |half| i64::from_le_bytes(*half)));
        let mut sums = _mm_set_epi64x(high, low);
        sums = _mm_add_epi8(sums, _mm_slli_si128::<1>(sums));
        sums = _mm_add_epi8(sums, _mm_slli_si128::<2>(sums));
        sums = _mm_add_epi8(sums, _mm_slli_si128::<4>(sums));
        sums = _mm_add_epi8(sums, _mm_slli_si128::<8>(sums));
        // Its last byte twice, then in every byte.
        let twice = _mm_shufflehi_epi16::<0b11_11_11_11>(_mm_unpackhi_epi8(sums, sums));
        sums = _mm_add_epi8(sums, last);
        last = _mm_add_epi8(last, _mm_unpackhi_epi64(twice, twice));
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
        block[..8].copy_from_slice(&_mm_cvtsi128_si64(sums).to_le_bytes());
        block[8..].copy_from_slice(&high.to_le_bytes());
    }
    (_mm_cvtsi128_si64(last).to_le_bytes()[0], rest)
}

/// A row of numbers of `W` bytes.
#[inline(always)]
fn rank<const W: usize>(row: &mut [u8], out: &mut [u8]) {
    sums(row);
    let numbers = row.len() / W;
    let planes: [&[u8]; W] = std::array::from_fn(|rank| &row[(W - 1 - rank) * numbers..][..numbers]);
    for (place, number) in out.as_chunks_mut::<W>().0.iter_mut().enumerate() {
        *number = std::array::from_fn(|rank| planes[rank][place]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of differences, as a writer makes them.
    fn differ(bytes: &[u8], line: usize) -> Vec<u8> {
        let row = |row: &[u8]| {
            let before = [0].into_iter().chain(row.iter().copied());
            row.iter().zip(before).map(|(now, before)| now.wrapping_sub(before)).collect::<Vec<_>>()
        };
        bytes.chunks_exact(line).flat_map(row).collect()
    }

    #[test]
    fn a_floating_point_predictor_is_undone_row_by_row() {
        let numbers: Vec<f32> = (0..74_u8).map(|n| f32::from(n).sin() * 1e3).collect();
        let ranked: Vec<u8> = numbers
            .chunks_exact(37)
            .flat_map(|row| (0..4).flat_map(move |rank| row.iter().map(move |n| n.to_be_bytes()[rank])))
            .collect();
        let mut stored = differ(&ranked, 37 * 4);
        let mut out = vec![0; stored.len()];
        Predictor::FloatingPoint.undo(&mut stored, 37 * 4, 4, &mut out);
        let found: Vec<f32> = out.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(found, numbers);
    }

    #[test]
    fn differences_are_of_whole_numbers_in_either_order_of_bytes() {
        let numbers: Vec<u16> = (0..66_u16).map(|n| n.wrapping_mul(9973)).collect();
        for big_endian in [false, true] {
            let mut stored = Vec::new();
            for row in numbers.chunks_exact(33) {
                for (n, number) in row.iter().enumerate() {
                    let change = number.wrapping_sub(if n > 0 { row[n - 1] } else { 0 });
                    stored.extend(if big_endian { change.to_be_bytes() } else { change.to_le_bytes() });
                }
            }
            let mut out = vec![0; stored.len()];
            Predictor::Differences { big_endian }.undo(&mut stored, 66, 2, &mut out);
            let found: Vec<u16> = out.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect();
            assert_eq!(found, numbers, "{big_endian}");
        }
    }
}
