//! What is in a file that is only listed: a few hundred bytes that depend on its name and on how
//! often it was released, so that sizes and checksums are true and need not be stored.

use std::io::{Cursor, Write};

use md5::Md5;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::write::file::hex;

/// The first bytes of a format, by the extension of the name.
fn magic(name: &str) -> &'static [u8] {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("nc") => b"\x89HDF\r\n\x1a\n",
        Some("hdf") => b"\x0e\x03\x13\x01",
        Some("tif") => b"II*\0",
        Some("jpg") => b"\xff\xd8\xff\xe0",
        Some("bil" | "xml" | "txt") | None => b"",
        Some(_) => b"\0",
    }
}

/// A 64-bit hash of a text (FNV-1a with the finaliser of `SplitMix64`).
pub(crate) fn hash(text: &str) -> u64 {
    let mut x = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |x, byte| (x ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    for shift in [30, 27, 31] {
        x ^= x >> shift;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    x ^ (x >> 32)
}

/// The bytes of the file of a name at its release, the first being 0.
#[must_use]
pub fn body(name: &str, release: u32) -> Vec<u8> {
    let note = format!("{name}\nrelease {release}\n");
    if let Some(stem) = name.strip_suffix(".zip") {
        return zipped(stem, &note);
    }
    let mut x = hash(&note);
    let length = 180 + usize::try_from(x % 521).unwrap_or_default();
    let mut bytes = Vec::with_capacity(length + 8);
    bytes.extend_from_slice(magic(name));
    bytes.extend_from_slice(note.as_bytes());
    while bytes.len() < length {
        x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        bytes.extend_from_slice(&x.to_le_bytes()[2..]);
    }
    bytes
}

/// A true zip with a member that is no raster.
fn zipped(stem: &str, note: &str) -> Vec<u8> {
    let member = match stem.strip_suffix("_bil") {
        Some(_) => format!("{stem}.bil"),
        None => format!("{stem}.tif"),
    };
    let mut out = Cursor::new(Vec::with_capacity(512));
    let mut zip = ZipWriter::new(&mut out);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    // Writing to memory fails only where memory does.
    let written = zip
        .start_file(&member, stored)
        .and_then(|()| Ok(zip.write_all(note.as_bytes())?))
        .and_then(|()| zip.start_file(format!("{stem}.info.txt"), stored))
        .and_then(|()| Ok(zip.write_all(note.as_bytes())?))
        .and_then(|()| zip.finish().map(drop));
    if written.is_err() {
        return Vec::new();
    }
    out.into_inner()
}

/// The lowercase hexadecimal SHA-256 of bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The lowercase hexadecimal MD5 of bytes.
#[must_use]
pub fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// What POSIX's `cksum` prints first: a CRC with polynomial 0x04C11DB7, most significant bit
/// first, over the bytes and then over their number.
#[must_use]
pub fn cksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
            if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04c1_1db7 }
        })
    };
    let mut crc = bytes.iter().fold(0, |crc, &byte| step(crc, byte));
    let mut length = bytes.len();
    while length > 0 {
        crc = step(crc, (length & 0xff) as u8);
        length >>= 8;
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cksum_is_that_of_posix() {
        // printf '' | cksum; printf '123456789' | cksum
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }

    #[test]
    fn a_body_depends_on_name_and_release_alone() {
        assert_eq!(body("a.nc", 0), body("a.nc", 0));
        assert_ne!(body("a.nc", 0), body("b.nc", 0));
        assert_ne!(body("a.zip", 0), body("a.zip", 1));
        assert!(body("a.zip", 0).starts_with(b"PK\x03\x04"));
        assert!(body("a.hdf", 0).starts_with(b"\x0e\x03\x13\x01"));
        assert!((180..800).contains(&body("prism_ppt_us_25m_20240301.tif", 0).len()));
    }
}
