//! HDF5's shuffle filter: bytes of the same rank of all elements stand together.

/// Puts the bytes of each element of `size` bytes together again. What is left
/// over beyond whole elements was stored as it is.
pub fn unshuffle(shuffled: &[u8], size: usize, out: &mut [u8]) {
    let elements = shuffled.len() / size.max(1);
    let whole = elements * size;
    for (rank, plane) in shuffled[..whole].chunks_exact(elements.max(1)).enumerate() {
        for (byte, element) in plane.iter().zip(out[..whole].chunks_exact_mut(size)) {
            element[rank] = *byte;
        }
    }
    out[whole..].copy_from_slice(&shuffled[whole..]);
}

#[cfg(test)]
mod tests {
    use super::unshuffle;

    #[test]
    fn bytes_of_an_element_come_together() {
        let mut out = [0; 11];
        unshuffle(b"adgbehcfiXY", 3, &mut out);
        assert_eq!(&out, b"abcdefghiXY");
        let mut short = [0; 2];
        unshuffle(b"ab", 3, &mut short);
        assert_eq!(&short, b"ab");
    }
}
