//! The form of files that hold what a tile remembers: a line that names the form, a line of
//! JSON, and vectors of numbers, exact to the bit.
//!
//! ```text
//! seedbed-state 1\n
//! {"head": …, "vectors": [{"name": "swf", "stored": "f32", "length": 36}, …]}\n
//! the vectors' bytes in that order, little-endian
//! SHA-256 of all before, in 64 hex digits
//! ```

use rayon::prelude::*;
use seedbed_storage::Checksum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

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

/// Numbers to be written, one a pixel.
#[derive(Debug, Clone)]
pub(crate) enum Numbers<'a> {
    /// As they are.
    Doubles(Cow<'a, [f64]>),
    /// Counts, which come back as whole numbers.
    Counts(&'a [u16]),
}

/// How many numbers are turned into bytes at once.
const BLOCK: usize = 1 << 13;

/// What is written, and its digest.
struct Digesting<'w> {
    to: &'w mut dyn Write,
    digest: Sha256,
}

impl Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes a file, piece by piece.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write<H: Serialize>(
    head: &H,
    vectors: &[(String, Numbers<'_>)],
    to: &mut dyn Write,
) -> io::Result<()> {
    let described = vectors
        .par_iter()
        .map(|(name, numbers)| Described {
            name: name.clone(),
            stored: numbers.shortest(),
            length: numbers.len(),
        })
        .collect();
    let line = Line { head, vectors: described };
    let mut file = Digesting { to, digest: Sha256::new() };
    file.write_all(FORM)?;
    file.write_all(&serde_json::to_vec(&line)?)?;
    file.write_all(b"\n")?;
    for (described, (_, numbers)) in line.vectors.iter().zip(vectors) {
        numbers.write(described.stored, &mut file)?;
    }
    let digest = hex(file.digest);
    to.write_all(digest.as_bytes())
}

fn hex(digest: Sha256) -> String {
    format!("{:x}", digest.finalize())
}

impl Numbers<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Doubles(values) => values.len(),
            Self::Counts(counts) => counts.len(),
        }
    }

    fn shortest(&self) -> Stored {
        match self {
            Self::Doubles(values) => Stored::shortest(values),
            Self::Counts(counts) if counts.iter().all(|n| Some(n) == counts.first()) => Stored::Same,
            Self::Counts(_) => Stored::U16,
        }
    }

    fn write(&self, stored: Stored, to: &mut dyn Write) -> io::Result<()> {
        if stored == Stored::Same {
            let first = match self {
                Self::Doubles(values) => values.first().copied(),
                Self::Counts(counts) => counts.first().map(|n| f64::from(*n)),
            };
            return to.write_all(&first.unwrap_or(0.0).to_le_bytes());
        }
        let mut bytes = Vec::with_capacity(BLOCK * 8);
        for start in (0..self.len()).step_by(BLOCK) {
            bytes.clear();
            let part = start..self.len().min(start + BLOCK);
            match self {
                Self::Doubles(values) => stored.write(&values[part], &mut bytes),
                Self::Counts(counts) => bytes.extend(counts[part].iter().flat_map(|n| n.to_le_bytes())),
            }
            to.write_all(&bytes)?;
        }
        Ok(())
    }
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
///
/// # Errors
/// If it can't be read.
pub(crate) fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(DIGEST as u64) else { return Ok(false) };
    let (mut digest, mut block, mut left) = (Sha256::new(), vec![0; 1 << 16], length);
    while left > 0 {
        let most = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        let part = &mut block[..most];
        file.read_exact(part)?;
        digest.update(&part);
        left -= part.len() as u64;
    }
    let mut said = [0; DIGEST];
    file.read_exact(&mut said)?;
    Ok(hex(digest).as_bytes() == said)
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
            // One number for all, which is written elsewhere.
            Self::Same => {}
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

    fn encode(head: &str, vectors: &[Vector]) -> Vec<u8> {
        let mut numbers = Vec::new();
        for (name, values) in vectors {
            numbers.push((name.clone(), Numbers::Doubles(Cow::Borrowed(values))));
        }
        let mut bytes = Vec::new();
        write(&head, &numbers, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn counts_are_written_as_their_numbers_would_be() {
        for counts in [vec![], vec![7; 9], (0..20_000).map(|n| n % 366).collect::<Vec<u16>>()] {
            let mut bytes = Vec::new();
            write(&"head", &[("n".to_owned(), Numbers::Counts(&counts))], &mut bytes).unwrap();
            let doubles = counts.iter().map(|n| f64::from(*n)).collect();
            assert_eq!(bytes, encode("head", &[("n".to_owned(), doubles)]));
        }
    }

    #[test]
    fn every_bit_comes_back_in_the_shortest_form() {
        let all = vectors();
        let bytes = encode("head", &all);
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
        let bytes = encode("head", &vectors());
        let path = tempfile::NamedTempFile::new().unwrap();
        for (content, whole) in [(&bytes[..], true), (&bytes[..bytes.len() - 1], false), (b"x", false)] {
            std::fs::write(path.path(), content).unwrap();
            assert_eq!(is_whole(path.path()).unwrap(), whole);
        }
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
