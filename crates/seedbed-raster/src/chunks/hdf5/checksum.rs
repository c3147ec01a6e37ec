//! The checksum of HDF5's Fletcher-32 filter.

/// How many words are summed before the carries are folded in: 360 words keep
/// both sums within 32 bits.
const BLOCK: usize = 360;

/// Fletcher's checksum of big-endian 16-bit words, an odd last byte being a
/// word's upper half.
///
/// With `s1` the sum of the words and `s2` the sum of the sums, both modulo
/// 65535: `s2 · 2^16 + s1`.
///
/// Source: J. G. Fletcher, "An Arithmetic Checksum for Serial Transmissions",
/// IEEE Trans. Commun. 30 (1982) 247–252; words and start values as HDF5's
/// format has them (both sums start at 0).
pub fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut s1, mut s2) = (0_u32, 0_u32);
    let (words, odd) = bytes.as_chunks::<2>();
    for block in words.chunks(BLOCK) {
        for word in block {
            s1 += u32::from(u16::from_be_bytes(*word));
            s2 += s1;
        }
        (s1, s2) = (fold(s1), fold(s2));
    }
    if let [last] = odd {
        s1 += u32::from(*last) << 8;
        s2 += s1;
        (s1, s2) = (fold(s1), fold(s2));
    }
    (fold(s2) << 16) | fold(s1)
}

#[cfg(test)]
mod tests {
    use super::fletcher32;

    #[test]
    fn sums_are_those_of_the_definition() {
        // Straight from the definition, modulo 65535 in 64 bits. A sum that is a
        // multiple of 65535 may be either of its two zeros.
        let definition = |bytes: &[u8]| {
            let (mut s1, mut s2) = (0_u64, 0_u64);
            for word in bytes.chunks(2) {
                s1 += (u64::from(word[0]) << 8) | u64::from(word.get(1).copied().unwrap_or(0));
                s2 += s1;
            }
            (s1 % 65_535, s2 % 65_535)
        };
        for length in [0, 1, 2, 3, 719, 720, 721, 10_000, 100_001] {
            let bytes: Vec<u8> =
                (0..length).map(|i: u32| i.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
            let sum = fletcher32(&bytes);
            let halves = (u64::from(sum & 0xffff) % 65_535, u64::from(sum >> 16) % 65_535);
            assert_eq!(halves, definition(&bytes), "{length} bytes");
        }
    }

    #[test]
    fn the_largest_words_do_not_overflow() {
        assert_eq!(fletcher32(&vec![0xff; 1 << 20]), 0xffff_ffff);
    }
}
