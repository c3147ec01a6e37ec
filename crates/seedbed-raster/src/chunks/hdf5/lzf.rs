//! LZF, the compression of h5py's own filter.
//!
//! Source: `LibLZF`'s `lzf_d.c`. A byte below 32 precedes one more literal byte than it says; any other has in its
//! upper three bits the length of a repetition less 2, where 7 adds the next byte, and in the lower five
//! and the byte that follows how far back it begins, less 1.

/// Appends the `length` bytes of a stream to what `out` has none of yet.
///
/// # Errors
/// If it has another number of bytes, or is none.
pub fn expand(stored: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let bad = || format!("{} bytes are no LZF stream of {length}", stored.len());
    let mut rest = stored;
    while let Some((control, behind)) = rest.split_first() {
        rest = behind;
        if *control < 32 {
            let (literal, behind) = rest.split_at_checked(usize::from(*control) + 1).ok_or_else(bad)?;
            out.extend_from_slice(literal);
            rest = behind;
        } else {
            let mut take = || {
                let (byte, behind) = rest.split_first()?;
                rest = behind;
                Some(usize::from(*byte))
            };
            let mut count = usize::from(control >> 5) + 2;
            if count == 9 {
                count += take().ok_or_else(bad)?;
            }
            let back = (usize::from(control & 31) << 8) + take().ok_or_else(bad)? + 1;
            let from = out.len().checked_sub(back).ok_or_else(bad)?;
            // It may reach into what it writes.
            for at in from..from + count {
                out.push(out[at]);
            }
        }
        if out.len() > length {
            return Err(bad());
        }
    }
    if out.len() == length { Ok(()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_repetitions_are_told_apart() {
        // "ab", then 12 bytes from 2 back, then "c".
        let stored = [1, b'a', b'b', 0xe0, 3, 1, 0, b'c'];
        let mut out = Vec::new();
        expand(&stored, 15, &mut out).unwrap();
        assert_eq!(out, b"ababababababab\x63");
        for length in [14, 16] {
            assert!(expand(&stored, length, &mut Vec::new()).is_err());
        }
        for cut in 1..stored.len() {
            assert!(expand(&stored[..cut], 15, &mut Vec::new()).is_err(), "{cut}");
        }
        assert!(expand(&[0x20, 0], 3, &mut Vec::new()).is_err());
    }
}
