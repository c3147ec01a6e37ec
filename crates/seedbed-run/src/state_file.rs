//! The form of files that hold what a tile remembers: a line that names the form, a line of
//! JSON, and vectors of numbers, exact to the bit.
//!
//! ```text
//! seedbed-state 1\n
//! {"head": …, "vectors": [{"name": "swf", "stored": "f32", "length": 36}, …]}\n
//! the vectors' bytes in that order, little-endian
//! SHA-256 of all before, in 64 hex digits
//! ```

use seedbed_storage::Checksum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first line, with the version of the form.
const FORM: &[u8] = b"seedbed-state 1\n";

/// More pixels than any tile has.
const MOST: usize = 1 << 31;

/// Hex digits of the digest at the end.
const DIGEST: usize = 64;

/// How a vector's numbers are stored: the shortest way that keeps every bit of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    /// One 64-bit number for all.
    Same,
    /// Whole numbers in 16 bits.
    U16,
    /// 32-bit numbers.
    F32,
    /// 64-bit numbers.
    F64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Described {
    name: String,
    stored: Stored,
    length: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<H> {
    head: H,
    vectors: Vec<Described>,
}

/// A name and numbers.
pub(crate) type Vector = (String, Vec<f64>);

/// A file's bytes.
///
/// # Errors
/// If the head can't be written as JSON.
pub(crate) fn encode<H: Serialize>(head: &H, vectors: &[Vector]) -> Result<Vec<u8>, serde_json::Error> {
    let described = vectors
        .iter()
        .map(|(name, values)| Described {
            name: name.clone(),
            stored: Stored::shortest(values),
            length: values.len(),
        })
        .collect();
    let line = Line { head, vectors: described };
    let mut bytes = FORM.to_vec();
    bytes.extend(serde_json::to_vec(&line)?);
    bytes.push(b'\n');
    for (described, (_, values)) in line.vectors.iter().zip(vectors) {
        described.stored.write(values, &mut bytes);
    }
    let digest = Checksum::of_bytes(&bytes).digest_hex();
    bytes.extend_from_slice(digest.as_bytes());
    Ok(bytes)
}

/// What a file holds.
///
/// # Errors
/// What is wrong with it, in a few words.
pub(crate) fn decode<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, Vec<Vector>), String> {
    let content = content(bytes)?;
    let rest = &content[FORM.len()..];
    let end = rest.iter().position(|b| *b == b'\n').ok_or("its second line has no end")?;
    let line: Line<H> = serde_json::from_slice(&rest[..end]).map_err(|e| e.to_string())?;
    let mut body = &rest[end + 1..];
    let mut vectors = Vec::with_capacity(line.vectors.len());
    for Described { name, stored, length } in line.vectors {
        let size = stored.size(length).ok_or_else(|| format!("`{name}` is too long"))?;
        let (own, others) = body.split_at_checked(size).ok_or_else(|| format!("`{name}` is cut off"))?;
        vectors.push((name, stored.read(own, length)));
        body = others;
    }
    if body.is_empty() { Ok((line.head, vectors)) } else { Err("it goes on behind its vectors".to_owned()) }
}

/// Whether a file's bytes are those that were written.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    content(bytes).is_ok()
}

/// What stands before the digest, held to it.
fn content(bytes: &[u8]) -> Result<&[u8], String> {
    if !bytes.starts_with(FORM) {
        let form = String::from_utf8_lossy(FORM);
        return Err(format!("it doesn't begin with `{}`", form.trim_end()));
    }
    let whole = bytes.len().checked_sub(DIGEST).and_then(|at| bytes.split_at_checked(at));
    let (content, digest) = whole.ok_or("it is cut off")?;
    if Checksum::of_bytes(content).digest_hex().as_bytes() != digest {
        return Err("its digest is not that of its bytes".to_owned());
    }
    Ok(content)
}

impl Stored {
    fn shortest(values: &[f64]) -> Self {
        let first = values.first().map_or(0, |v| v.to_bits());
        if values.iter().all(|v| v.to_bits() == first) {
            Self::Same
        } else if values.iter().all(|v| f64::from(whole(*v)).to_bits() == v.to_bits()) {
            Self::U16
        } else if values.iter().all(|v| f64::from(single(*v)).to_bits() == v.to_bits()) {
            Self::F32
        } else {
            Self::F64
        }
    }

    /// Bytes of so many numbers; none if no tile has as many.
    fn size(self, length: usize) -> Option<usize> {
        let (each, count) = match self {
            Self::Same => (8, 1),
            Self::U16 => (2, length),
            Self::F32 => (4, length),
            Self::F64 => (8, length),
        };
        if length <= MOST { count.checked_mul(each) } else { None }
    }

    fn write(self, values: &[f64], to: &mut Vec<u8>) {
        match self {
            Self::Same => to.extend(values.first().unwrap_or(&0.0).to_le_bytes()),
            Self::U16 => to.extend(values.iter().flat_map(|v| whole(*v).to_le_bytes())),
            Self::F32 => to.extend(values.iter().flat_map(|v| single(*v).to_le_bytes())),
            Self::F64 => to.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        }
    }

    fn read(self, bytes: &[u8], length: usize) -> Vec<f64> {
        match self {
            Self::Same => vec![numbers(bytes, f64::from_le_bytes).next().unwrap_or(f64::NAN); length],
            Self::U16 => numbers(bytes, |b| f64::from(u16::from_le_bytes(b))).collect(),
            Self::F32 => numbers(bytes, |b| f64::from(f32::from_le_bytes(b))).collect(),
            Self::F64 => numbers(bytes, f64::from_le_bytes).collect(),
        }
    }
}

fn numbers<const N: usize>(bytes: &[u8], number: fn([u8; N]) -> f64) -> impl Iterator<Item = f64> {
    bytes.as_chunks::<N>().0.iter().map(move |chunk| number(*chunk))
}

#[expect(clippy::cast_possible_truncation, reason = "the caller compares")]
fn single(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller compares")]
fn whole(value: f64) -> u16 {
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Vec<Vector> {
        let odd = f64::from_bits(0xfff8_0000_0000_0001);
        [
            ("same", vec![-0.0; 5]),
            ("counts", vec![0.0, 3.0, 65_535.0]),
            ("zeros", vec![0.0, -0.0]),
            ("single", vec![f64::from(0.1_f32), f64::from(f32::NAN), f64::INFINITY]),
            ("double", vec![0.1, odd, f64::NAN, -f64::NAN, 1e300]),
            ("none", Vec::new()),
        ]
        .map(|(name, values)| (name.to_owned(), values))
        .to_vec()
    }

    #[test]
    fn every_bit_comes_back_in_the_shortest_form() {
        let all = vectors();
        let bytes = encode(&"head", &all).unwrap();
        let (head, found): (String, Vec<Vector>) = decode(&bytes).unwrap();
        assert_eq!(head, "head");
        for ((name, meant), (same_name, values)) in all.iter().zip(&found) {
            assert_eq!(name, same_name);
            let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(meant), bits(values), "{name}");
        }
        let forms: Vec<Stored> = all.iter().map(|(_, v)| Stored::shortest(v)).collect();
        assert_eq!(forms, [Stored::Same, Stored::U16, Stored::F32, Stored::F32, Stored::F64, Stored::Same]);
    }

    #[test]
    fn a_byte_changed_or_lost_anywhere_is_found() {
        let bytes = encode(&"head", &vectors()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode::<String>(&changed).is_err(), "byte {at}");
            assert!(decode::<String>(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(decode::<String>(&[&bytes[..], b"x"].concat()).is_err());
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let text = r#"{"head":"h","vectors":[{"name":"v","stored":"f64","length":18446744073709551615}]}"#;
        let mut bytes = [FORM, text.as_bytes(), b"\n"].concat();
        let digest = Checksum::of_bytes(&bytes).digest_hex();
        bytes.extend_from_slice(digest.as_bytes());
        assert!(decode::<String>(&bytes).unwrap_err().contains("too long"));
    }
}
