//! Arrays as `NumPy` writes them: a short head, then the numbers.
//!
//! Format versions 1 to 3 are read, version 1 is written; little-endian floats, rows
//! before pixels. Source: the documentation of `numpy.lib.format`.

use seedbed_block::Precision;
use std::io::{self, Read, Write};

#[cfg(target_endian = "big")]
compile_error!("blocks go to guests as they lie in memory, which must be little-endian");

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest head that is believed.
const HEAD: usize = 1 << 16;

/// Type and shape of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// As `NumPy` names it, such as `<f4`.
    pub(crate) descr: String,
    /// Whether columns come first.
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
}

/// `NumPy`'s name of a precision.
pub(crate) fn descr(precision: Precision) -> &'static str {
    match precision {
        Precision::Single => "<f4",
        Precision::Double => "<f8",
    }
}

/// Writes the head of an array whose bytes follow.
pub(crate) fn write_head(out: &mut impl Write, precision: Precision, shape: &[usize]) -> io::Result<()> {
    let shape = shape.iter().fold(String::new(), |text, n| text + &format!("{n}, "));
    let mut text = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
        descr(precision),
        shape.trim_end()
    );
    // The head ends with a newline on a multiple of 64 bytes.
    let length = (MAGIC.len() + 4 + text.len() + 1).next_multiple_of(64) - MAGIC.len() - 4;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes())?;
    out.write_all(text.as_bytes())
}

/// Reads the head of an array.
pub(crate) fn read_head(from: &mut impl Read) -> io::Result<Head> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut start = [0_u8; 8];
    from.read_exact(&mut start)?;
    if &start[..6] != MAGIC {
        return Err(bad(format!("`{}` where an array in npy form should begin", start.escape_ascii())));
    }
    let length = if start[6] == 1 {
        let mut two = [0_u8; 2];
        from.read_exact(&mut two)?;
        usize::from(u16::from_le_bytes(two))
    } else {
        let mut four = [0_u8; 4];
        from.read_exact(&mut four)?;
        usize::try_from(u32::from_le_bytes(four)).unwrap_or(usize::MAX)
    };
    if length > HEAD {
        return Err(bad(format!("an npy head of {length} bytes")));
    }
    let mut text = vec![0_u8; length];
    from.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    parse(&text).ok_or_else(|| bad(format!("an npy head that can't be read: {}", text.trim())))
}

fn parse(text: &str) -> Option<Head> {
    let after = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}'"))?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = after("descr")?.strip_prefix('\'')?.split('\'').next()?.to_owned();
    let fortran = after("fortran_order")?.starts_with("True");
    let inside = after("shape")?.strip_prefix('(')?.split(')').next()?;
    let sides = inside.split(',').map(str::trim).filter(|n| !n.is_empty());
    let shape = sides.map(|n| n.parse().ok()).collect::<Option<Vec<usize>>>()?;
    Some(Head { descr, fortran, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_as_it_was_written() {
        for shape in [vec![], vec![7], vec![60, 1_000_000]] {
            let mut bytes = Vec::new();
            write_head(&mut bytes, Precision::Single, &shape).unwrap();
            assert!(bytes.len().is_multiple_of(64));
            let head = read_head(&mut &bytes[..]).unwrap();
            assert_eq!(head, Head { descr: "<f4".to_owned(), fortran: false, shape });
        }
    }

    #[test]
    fn a_head_of_version_two_and_in_another_order_is_read() {
        let text = b"{'shape': (3, 4), 'fortran_order': True, 'descr': '<f8'}\n";
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text);
        let head = read_head(&mut &bytes[..]).unwrap();
        assert_eq!(head, Head { descr: "<f8".to_owned(), fortran: true, shape: vec![3, 4] });
    }

    #[test]
    fn what_is_no_array_is_told() {
        let error = read_head(&mut &b"hello world"[..]).unwrap_err().to_string();
        assert!(error.contains("hello wo"), "{error}");
        assert!(read_head(&mut &b"\x93NUMPY\x01\x00\x04\x00{}\n "[..]).is_err());
    }
}
