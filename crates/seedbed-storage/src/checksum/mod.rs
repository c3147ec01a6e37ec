//! Digests of bytes, written as multihashes.

mod crc;
mod function;

pub use function::Function;

use crate::StorageError;
use function::Hasher;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

/// A digest and its function: the value of STAC's `file:checksum`.
///
/// Written as a [multihash](https://multiformats.io/multihash/) in lower-case
/// hex: the function's code, the digest's length and the digest. We write
/// SHA2-256 and read MD5, SHA1, SHA2-256, SHA2-512, CRC-32 and CRC-64/NVME. The
/// sums that archives and servers state are written `adler32:0ab1c2d3`;
/// they are no `file:checksum` ([`Checksum::is_multihash`]).
///
/// # Examples
/// ```
/// use seedbed_storage::Checksum;
/// let known: Checksum = Checksum::of_bytes(b"").multihash().parse()?;
/// assert!(known.multihash().starts_with("1220e3b0c442"));
/// # Ok::<(), seedbed_storage::ChecksumError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum {
    function: Function,
    digest: Vec<u8>,
}

/// A string that is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// Not hexadecimal, or too short.
    #[error("`{text}` is no multihash in hex")]
    Form {
        /// What was written.
        text: String,
    },
    /// A multihash of a function that is not read.
    #[error(
        "`{text}`: the multihash function {code:#x} is not supported (md5, sha1, sha2-256, sha2-512, crc32, crc64nvme)"
    )]
    Function {
        /// What was written.
        text: String,
        /// The function's code.
        code: u64,
    },
    /// The digest's length is not the function's.
    #[error("`{text}`: {function} has {expected} bytes, {found} stand here")]
    Length {
        /// What was written.
        text: String,
        /// The function.
        function: Function,
        /// Its length in bytes.
        expected: usize,
        /// The length found.
        found: usize,
    },
}

impl Checksum {
    /// A digest that an archive states bare, without the multihash's head.
    ///
    /// # Errors
    /// [`ChecksumError`] if it is not hexadecimal or not of the function's length.
    pub fn from_hex(function: Function, hex: &str) -> Result<Self, ChecksumError> {
        let digest = unhex(hex.trim()).ok_or_else(|| ChecksumError::Form { text: hex.to_owned() })?;
        Self::new(function, digest, hex)
    }

    /// SHA2-256 of bytes at hand.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of(Function::Sha256, bytes)
    }

    /// The digest of bytes at hand by some function.
    #[must_use]
    pub fn of(function: Function, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(function);
        hasher.update(bytes);
        Self { function, digest: hasher.finish() }
    }

    pub(crate) fn from_digest(function: Function, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == function.length()).then_some(Self { function, digest })
    }

    /// SHA2-256 of a file, read once in pieces.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_file_by(Function::Sha256, path)
    }

    /// The digest of a file by some function, read once in pieces.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn of_file_by(function: Function, path: &Path) -> io::Result<Self> {
        let mut hashing = Hashing::new([function]);
        hashing.read(&mut File::open(path)?)?;
        let digests = hashing.finish();
        Ok(digests.by(function).unwrap_or(&digests.sha256).clone())
    }

    /// Its function.
    #[must_use]
    pub fn function(&self) -> Function {
        self.function
    }

    /// The digest alone, in lower-case hex.
    #[must_use]
    pub fn digest_hex(&self) -> String {
        hex(&self.digest)
    }

    /// The digest's bytes, as they are written.
    pub(crate) fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Whether its function has a multihash code, so that it can be a `file:checksum`.
    #[must_use]
    pub fn is_multihash(&self) -> bool {
        self.function.code().is_some()
    }

    /// The multihash in lower-case hex, as in `file:checksum`; `name:hex` for a function that has no code.
    #[must_use]
    pub fn multihash(&self) -> String {
        let Some(code) = self.function.code() else {
            return format!("{}:{}", self.function, self.digest_hex());
        };
        let mut bytes = Vec::with_capacity(3 + self.digest.len());
        push_varint(&mut bytes, code);
        push_varint(&mut bytes, self.digest.len() as u64);
        bytes.extend_from_slice(&self.digest);
        hex(&bytes)
    }

    fn new(function: Function, digest: Vec<u8>, text: &str) -> Result<Self, ChecksumError> {
        if digest.len() != function.length() {
            let (expected, found) = (function.length(), digest.len());
            return Err(ChecksumError::Length { text: text.to_owned(), function, expected, found });
        }
        Ok(Self { function, digest })
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let form = || ChecksumError::Form { text: text.to_owned() };
        if let Some((name, digest)) = text.split_once(':') {
            return Self::from_hex(Function::named(name).ok_or_else(form)?, digest);
        }
        let bytes = unhex(text.trim()).ok_or_else(form)?;
        let (code, rest) = take_varint(&bytes).ok_or_else(form)?;
        let (length, digest) = take_varint(rest).ok_or_else(form)?;
        let function =
            Function::of_code(code).ok_or_else(|| ChecksumError::Function { text: text.to_owned(), code })?;
        if length != digest.len() as u64 {
            return Err(form());
        }
        Self::new(function, digest.to_vec(), text)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.multihash())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({} {})", self.function, self.digest_hex())
    }
}

/// Digests of bytes that pass by: always SHA2-256, and others where they are asked for.
#[derive(Clone)]
pub(crate) struct Hashing {
    sha256: Sha256,
    others: Vec<(Function, Hasher)>,
}

/// What the bytes that passed digest to.
pub(crate) struct Digests {
    pub(crate) sha256: Checksum,
    others: Vec<Checksum>,
}

impl Hashing {
    pub(crate) fn new(functions: impl IntoIterator<Item = Function>) -> Self {
        let mut hashing = Self { sha256: Sha256::new(), others: Vec::new() };
        functions.into_iter().for_each(|function| hashing.also(function));
        hashing
    }

    /// Digests by one more function. No bytes may have passed yet.
    pub(crate) fn also(&mut self, function: Function) {
        if function != Function::Sha256 && self.others.iter().all(|(f, _)| *f != function) {
            self.others.push((function, Hasher::new(function)));
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.sha256, bytes);
        for (_, hasher) in &mut self.others {
            hasher.update(bytes);
        }
    }

    /// SHA2-256 of the bytes that have passed so far.
    pub(crate) fn so_far(&self) -> Checksum {
        let digest = self.sha256.clone().finalize().to_vec();
        Checksum { function: Function::Sha256, digest }
    }

    /// Takes in all that `from` gives; the number of bytes.
    pub(crate) fn read(&mut self, from: &mut impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; 256 << 10];
        let mut total = 0;
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => {
                    self.update(&buffer[..n]);
                    total += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    pub(crate) fn finish(self) -> Digests {
        let others = self.others.into_iter();
        Digests {
            sha256: Checksum { function: Function::Sha256, digest: self.sha256.finalize().to_vec() },
            others: others.map(|(function, h)| Checksum { function, digest: h.finish() }).collect(),
        }
    }
}

impl Digests {
    /// Digests that a server tells of a file that it has, the first of them SHA2-256.
    pub(crate) fn told(sha256: Checksum, other: Checksum) -> Self {
        Self { sha256, others: vec![other] }
    }

    /// The digest by the function that `expected` has.
    pub(crate) fn like(&self, expected: &Checksum) -> &Checksum {
        self.by(expected.function).unwrap_or(&self.sha256)
    }

    /// The digest by a function, if that one was asked for.
    pub(crate) fn by(&self, function: Function) -> Option<&Checksum> {
        self.others.iter().chain([&self.sha256]).find(|c| c.function == function)
    }

    /// An error if the bytes are not what their server says that they are; what can't be compared is no error.
    pub(crate) fn agree(&self, claimed: Option<&Checksum>, at: String) -> Result<(), StorageError> {
        let pair = claimed.and_then(|claimed| Some((claimed, self.by(claimed.function)?)));
        match pair {
            Some((claimed, found)) if claimed != found => {
                let (expected, found) = (claimed.to_string(), found.to_string());
                Err(StorageError::Checksum { at, expected, found })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn matches(&self, expected: &Checksum) -> bool {
        self.like(expected) == expected
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Unsigned LEB128, as multihash uses it.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    // Multihash bounds its integers to 63 bits, nine bytes.
    for (i, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_multihash_of_each_function() {
        let md5 = "d50110d41d8cd98f00b204e9800998ecf8427e";
        let sha256 = "1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sha512 = "1340cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, b"").unwrap();
        for text in [md5, sha256, sha512] {
            let checksum: Checksum = text.parse().unwrap();
            assert_eq!(checksum.multihash(), text);
            assert_eq!(text.to_uppercase().parse::<Checksum>().unwrap(), checksum);
            assert_eq!(Checksum::of_file_by(checksum.function(), &empty).unwrap(), checksum);
            std::fs::write(folder.path().join("full"), b"x").unwrap();
            let full = Checksum::of_file_by(checksum.function(), &folder.path().join("full")).unwrap();
            assert_ne!(full, checksum);
        }
        assert_eq!(Checksum::of_bytes(b"").multihash(), sha256);
    }

    #[test]
    fn refuses_what_is_no_checksum_by_name() {
        assert!(matches!("12".parse::<Checksum>(), Err(ChecksumError::Form { .. })));
        assert!(matches!("xyz0".parse::<Checksum>(), Err(ChecksumError::Form { .. })));
        assert!(matches!("1220ff".parse::<Checksum>(), Err(ChecksumError::Form { .. })));
        assert!(matches!("1201ff".parse::<Checksum>(), Err(ChecksumError::Length { found: 1, .. })));
        assert!(matches!("1401ff".parse::<Checksum>(), Err(ChecksumError::Function { code: 0x14, .. })));
        assert!(matches!("é0".parse::<Checksum>(), Err(ChecksumError::Form { .. })));
    }

    #[test]
    fn sums_agree_with_their_check_values() {
        // The catalogue's check value of each is that of these nine digits; cksum's is the program's own.
        let digits = b"123456789";
        for (function, hex) in [
            (Function::Adler32, "091e01de"),
            (Function::Crc32, "cbf43926"),
            (Function::Crc32c, "e3069283"),
            (Function::Crc64Nvme, "ae8b14860a799888"),
            (Function::Cksum, "377a6011"),
        ] {
            assert_eq!(Checksum::of(function, digits).digest_hex(), hex, "{function}");
            let text = Checksum::of(function, digits).to_string();
            assert_eq!(text, format!("{function}:{hex}"));
            assert_eq!(text.parse::<Checksum>().unwrap(), Checksum::of(function, digits));
            // In one piece or in pieces of any size.
            let bytes: Vec<u8> = (0..1000u32).map(|i| (i * i % 251) as u8).collect();
            let mut hashing = Hashing::new([function]);
            for piece in bytes.chunks(7) {
                hashing.update(piece);
            }
            assert_eq!(hashing.finish().by(function).unwrap(), &Checksum::of(function, &bytes), "{function}");
        }
        assert!("adler32:091e01".parse::<Checksum>().is_err() && "nil:00".parse::<Checksum>().is_err());
    }

    #[test]
    fn sums_are_read_by_their_codes_and_by_what_programs_call_them() {
        let digits = b"123456789";
        for (text, function) in [
            ("b20204cbf43926", Function::Crc32),
            ("e50208ae8b14860a799888", Function::Crc64Nvme),
            ("1114f7c3bc1d808e04732adf679965ccc34ca7ae3441", Function::Sha1),
            ("sha1:f7c3bc1d808e04732adf679965ccc34ca7ae3441", Function::Sha1),
            ("SHA256:15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225", Function::Sha256),
        ] {
            assert_eq!(text.parse::<Checksum>().unwrap(), Checksum::of(function, digits), "{text}");
        }
    }

    #[test]
    fn takes_a_bare_digest_of_an_archive() {
        let bare = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Checksum::from_hex(Function::Sha256, bare).unwrap(), Checksum::of_bytes(b""));
        assert!(Checksum::from_hex(Function::Md5, bare).is_err());
    }
}
