//! Digest functions, and how each takes bytes in.

use super::crc::{Cksum, Crc32c, Crc64Nvme};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::fmt;

/// A digest function.
///
/// The first four are written as multihashes, the others as `name:hex`; those of them that have a code are read by it,
/// too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// MD5, as some archives publish it; finds accidents, not forgery.
    Md5,
    /// SHA-1, as older archives publish it.
    Sha1,
    /// SHA2-256: what we write.
    Sha256,
    /// SHA2-512.
    Sha512,
    /// Adler-32, as dCache has it for every file.
    Adler32,
    /// CRC-32, as of zip.
    Crc32,
    /// CRC-32C, as Google's store has it for every object.
    Crc32c,
    /// CRC-64/NVME, as S3 computes by itself.
    Crc64Nvme,
    /// POSIX `cksum`, as in MODIS metadata.
    Cksum,
}

impl Function {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Adler32,
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Cksum,
    ];

    /// The multihash code by which it is written, if it is.
    pub(super) fn code(self) -> Option<u64> {
        match self {
            Self::Md5 => Some(0xd5),
            Self::Sha1 => Some(0x11),
            Self::Sha256 => Some(0x12),
            Self::Sha512 => Some(0x13),
            Self::Adler32 | Self::Crc32 | Self::Crc32c | Self::Crc64Nvme | Self::Cksum => None,
        }
    }

    /// The function of a multihash code ([table](https://github.com/multiformats/multicodec/blob/master/table.csv)).
    pub(super) fn of_code(code: u64) -> Option<Self> {
        match code {
            0x0132 => Some(Self::Crc32),
            0x0165 => Some(Self::Crc64Nvme),
            _ => Self::ALL.into_iter().find(|function| function.code() == Some(code)),
        }
    }

    /// The function of a name: its own, or as checksum programs call it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            name => Self::ALL.into_iter().find(|function| function.to_string() == name),
        }
    }

    /// The digest's length in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
            Self::Adler32 | Self::Crc32 | Self::Crc32c | Self::Cksum => 4,
            Self::Crc64Nvme => 8,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha2-256",
            Self::Sha512 => "sha2-512",
            Self::Adler32 => "adler32",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Cksum => "cksum",
        })
    }
}

/// A digest in the making.
#[derive(Clone)]
pub(super) enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Adler32(simd_adler32::Adler32),
    Crc32(crc32fast::Hasher),
    Crc32c(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Cksum(Cksum),
}

impl Hasher {
    pub(super) fn new(function: Function) -> Self {
        match function {
            Function::Md5 => Self::Md5(Md5::new()),
            Function::Sha1 => Self::Sha1(Sha1::new()),
            Function::Sha256 => Self::Sha256(Sha256::new()),
            Function::Sha512 => Self::Sha512(Sha512::new()),
            Function::Adler32 => Self::Adler32(simd_adler32::Adler32::new()),
            Function::Crc32 => Self::Crc32(crc32fast::Hasher::new()),
            Function::Crc32c => Self::Crc32c(Crc32c::new()),
            Function::Crc64Nvme => Self::Crc64Nvme(Crc64Nvme::new()),
            Function::Cksum => Self::Cksum(Cksum::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(h) => h.update(bytes),
            Self::Sha1(h) => h.update(bytes),
            Self::Sha256(h) => h.update(bytes),
            Self::Sha512(h) => h.update(bytes),
            Self::Adler32(h) => h.write(bytes),
            Self::Crc32(h) => h.update(bytes),
            Self::Crc32c(h) => h.update(bytes),
            Self::Crc64Nvme(h) => h.update(bytes),
            Self::Cksum(h) => h.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(h) => h.finalize().to_vec(),
            Self::Sha1(h) => h.finalize().to_vec(),
            Self::Sha256(h) => h.finalize().to_vec(),
            Self::Sha512(h) => h.finalize().to_vec(),
            Self::Adler32(h) => h.finish().to_be_bytes().to_vec(),
            Self::Crc32(h) => h.finalize().to_be_bytes().to_vec(),
            Self::Crc32c(h) => h.finish().to_vec(),
            Self::Crc64Nvme(h) => h.finish().to_vec(),
            Self::Cksum(h) => h.finish().to_vec(),
        }
    }
}
