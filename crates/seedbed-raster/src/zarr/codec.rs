//! How a chunk's numbers become bytes, and back.

use super::checksum::crc32c;
use crate::cog::Compress;
use crate::ffi;
use serde_json::{Value, json};

/// One step from an array's bytes to those that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard at a level, with its own checksum.
    Zstd(i32),
    /// Deflate in a gzip member (RFC 1952), at a level of libdeflate.
    Gzip(i32),
    /// Blocks by Blosc, which is read alone.
    Blosc,
    /// Four bytes of CRC-32C behind.
    Crc32c,
}

/// The levels where none is said. Chunks are written once a cube and read often,
/// and beyond these files shrink by few percent only.
const ZSTD_LEVEL: u8 = 3;
const GZIP_LEVEL: u8 = 6;

impl Codec {
    /// The steps for a compression; else what is wrong.
    pub fn of(compress: Compress, level: Option<u8>) -> Result<Vec<Self>, String> {
        match (compress, level) {
            (Compress::None, None) => Ok(Vec::new()),
            (Compress::None, Some(level)) => Err(format!("without compression there is no level {level}")),
            (lerc, _) if lerc.is_lerc() => Err(format!(
                "{lerc} is for COGs, and readers of Zarr don't know it: choose deflate, zstd or none"
            )),
            // Zarr's metadata know gzip's levels, of which libdeflate has three more.
            (Compress::Deflate, level) => match level.unwrap_or(GZIP_LEVEL) {
                level @ 1..=9 => Ok(vec![Self::Gzip(level.into())]),
                level => Err(format!("gzip has levels 1 to 9, not {level}")),
            },
            (_, level) => match level.unwrap_or(ZSTD_LEVEL) {
                level @ 1..=22 => Ok(vec![Self::Zstd(level.into())]),
                level => Err(format!("zstd has levels 1 to 22, not {level}")),
            },
        }
    }

    /// As Zarr's metadata write it.
    pub fn to_json(self) -> Value {
        match self {
            Self::Zstd(level) => {
                json!({ "name": "zstd", "configuration": { "level": level, "checksum": true } })
            }
            Self::Gzip(level) => json!({ "name": "gzip", "configuration": { "level": level } }),
            Self::Blosc => json!({ "name": "blosc" }),
            Self::Crc32c => json!({ "name": "crc32c" }),
        }
    }

    /// From Zarr's metadata.
    ///
    /// # Errors
    /// The codec's name, if it isn't known here.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let name = value.as_str().or_else(|| value["name"].as_str()).unwrap_or_default();
        let level = || value["configuration"]["level"].as_i64().and_then(|l| i32::try_from(l).ok());
        match name {
            "zstd" => Ok(Self::Zstd(level().unwrap_or(0))),
            "gzip" => Ok(Self::Gzip(level().unwrap_or(0))),
            "blosc" => Ok(Self::Blosc),
            "crc32c" => Ok(Self::Crc32c),
            other => Err(format!(
                "its chunks went through the codec `{other}`; there are zstd, gzip, blosc and crc32c"
            )),
        }
    }

    /// What is stored of some bytes; the same each time.
    pub fn encode(self, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Self::Zstd(level) => {
                let failed = |e: std::io::Error| format!("zstd failed on {} bytes: {e}", bytes.len());
                // A context that was used before may give other bytes.
                let mut compressor = zstd::bulk::Compressor::new(level).map_err(failed)?;
                compressor.include_checksum(true).map_err(failed)?;
                compressor.compress(&bytes).map_err(failed)
            }
            Self::Gzip(level) => {
                let level = libdeflater::CompressionLvl::new(level)
                    .map_err(|e| format!("gzip can't be set to level {level} ({e:?})"))?;
                let mut compressor = libdeflater::Compressor::new(level);
                let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
                let n = compressor
                    .gzip_compress(&bytes, &mut out)
                    .map_err(|e| format!("gzip failed on {} bytes: {e}", bytes.len()))?;
                out.truncate(n);
                Ok(out)
            }
            Self::Blosc => Err("chunks aren't written by blosc".to_owned()),
            Self::Crc32c => {
                let crc = crc32c(&bytes);
                bytes.extend(crc.to_le_bytes());
                Ok(bytes)
            }
        }
    }

    /// From stored bytes back, at most `most` of them.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(self, mut bytes: Vec<u8>, most: usize) -> Result<Vec<u8>, String> {
        match self {
            Self::Zstd(_) => zstd::bulk::decompress(&bytes, most)
                .map_err(|e| format!("a chunk of {} bytes is no zstd of {most}: {e}", bytes.len())),
            Self::Gzip(_) => {
                let mut out = vec![0; most];
                let n = libdeflater::Decompressor::new()
                    .gzip_decompress(&bytes, &mut out)
                    .map_err(|e| format!("a chunk of {} bytes is no gzip of {most}: {e}", bytes.len()))?;
                out.truncate(n);
                Ok(out)
            }
            Self::Blosc => ffi::decompress(c"blosc", &bytes, most)
                .map_err(|e| format!("a chunk of {} bytes is no blosc of {most}: {e}", bytes.len())),
            Self::Crc32c => {
                let Some((body, stated)) = bytes.split_last_chunk::<4>() else {
                    return Err(format!("{} bytes hold no CRC-32C", bytes.len()));
                };
                let (stated, found) = (u32::from_le_bytes(*stated), crc32c(body));
                if stated != found {
                    return Err(format!("its CRC-32C is {found:08x}, {stated:08x} is stated"));
                }
                bytes.truncate(bytes.len() - 4);
                Ok(bytes)
            }
        }
    }
}

/// Undoes several steps; what comes out has to have `size` bytes.
///
/// # Errors
/// What is wrong with the bytes.
pub fn unpack(codecs: &[Codec], mut bytes: Vec<u8>, size: usize) -> Result<Vec<u8>, String> {
    // What lies between two steps is a little larger than the numbers at worst.
    let most = |step: usize| if step == 0 { size } else { size + size / 8 + 1024 };
    for (step, codec) in codecs.iter().enumerate().rev() {
        bytes = codec.decode(bytes, most(step))?;
    }
    if bytes.len() != size {
        return Err(format!("a chunk has {} bytes, not {size}", bytes.len()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_damage_is_seen() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|i| ((i * i) >> 9).to_le_bytes()[0]).collect();
        for codec in [Codec::Zstd(3), Codec::Zstd(9), Codec::Gzip(6), Codec::Crc32c] {
            let stored = codec.encode(bytes.clone()).unwrap();
            assert_eq!(stored, codec.encode(bytes.clone()).unwrap(), "{codec:?}");
            assert_eq!(unpack(&[codec], stored.clone(), bytes.len()).unwrap(), bytes, "{codec:?}");
            assert_eq!(Codec::from_json(&codec.to_json()).unwrap(), codec);
            let mut damaged = stored.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x10;
            assert!(unpack(&[codec], damaged, bytes.len()).is_err(), "{codec:?}");
            assert!(unpack(&[codec], stored[..stored.len() - 1].to_vec(), bytes.len()).is_err());
            assert!(unpack(&[codec], stored, bytes.len() - 1).is_err(), "{codec:?}");
            assert!(unpack(&[codec], Vec::new(), bytes.len()).is_err());
        }
    }

    #[test]
    fn what_isnt_known_is_named() {
        let reason = Codec::from_json(&json!({ "name": "lz4" })).unwrap_err();
        assert!(reason.contains("`lz4`"), "{reason}");
        assert!(Codec::of(Compress::Deflate, Some(12)).unwrap_err().contains("12"));
        assert_eq!(Codec::of(Compress::None, None).unwrap(), []);
    }
}
