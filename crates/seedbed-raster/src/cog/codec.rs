//! Compression of a tile.

use libdeflater::{CompressionLvl, Compressor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    /// Deflate with the predictor that fits the type; levels 1 to 12, 7 where none is said. Read
    /// everywhere.
    #[default]
    Deflate,
    /// Zstandard with the predictor that fits the type; levels 1 to 22, 9 where none is said.
    Zstd,
    /// Limited error raster compression, within `max_z_error` of the values.
    Lerc,
    /// The same, its bytes then through Zstandard; levels 1 to 22.
    LercZstd,
    /// The same, its bytes then through deflate; levels 1 to 12.
    LercDeflate,
    /// None.
    None,
}

impl Compress {
    /// Every compression.
    const ALL: [Self; 6] =
        [Self::Deflate, Self::Zstd, Self::Lerc, Self::LercZstd, Self::LercDeflate, Self::None];

    /// Whether values may come back a little changed.
    #[must_use]
    pub fn is_lerc(self) -> bool {
        matches!(self, Self::Lerc | Self::LercZstd | Self::LercDeflate)
    }

    /// Checks that it has a level.
    ///
    /// # Errors
    /// The levels that it has, in words.
    pub fn check_level(self, level: Option<u8>) -> Result<(), String> {
        let Some(level) = level else { return Ok(()) };
        let most = match self {
            Self::Deflate | Self::LercDeflate => 12,
            Self::Zstd | Self::LercZstd => 22,
            Self::Lerc | Self::None => {
                return Err(format!("with compression {self} there is no level {level}"));
            }
        };
        if (1..=most).contains(&level) {
            return Ok(());
        }
        Err(format!("{self} has levels 1 to {most}, not {level}"))
    }

    /// The name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Lerc => "lerc",
            Self::LercZstd => "lerc-zstd",
            Self::LercDeflate => "lerc-deflate",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no compression; there are {names}")
        })
    }
}

/// A compression at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    /// libdeflate's level.
    Deflate(CompressionLvl),
    /// Zstandard's level.
    Zstd(i32),
}

impl Codec {
    /// The codec for a compression, at its usual level or at this one; else what is wrong.
    pub fn new(compress: Compress, level: Option<u8>) -> Result<Self, String> {
        compress.check_level(level)?;
        match compress {
            Compress::None => Ok(Self::None),
            lerc if lerc.is_lerc() => Err(format!("{lerc} is GDAL's to encode")),
            // libdeflate's 7 gives files of the size that zlib's 6 gives.
            Compress::Deflate => CompressionLvl::new(level.unwrap_or(7).into())
                .map(Self::Deflate)
                .map_err(|e| format!("deflate can't be set to level {level:?} ({e:?})")),
            _ => Ok(Self::Zstd(level.unwrap_or(9).into())),
        }
    }

    /// TIFF's `Compression`.
    pub fn tag(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Deflate(_) => 8,
            Self::Zstd(_) => 50_000,
        }
    }

    /// A tile's bytes, compressed. They depend on the tile and the codec alone.
    pub fn compress(self, tile: Vec<u8>) -> Result<Vec<u8>, String> {
        WORKSHOP.with_borrow_mut(|workshop| match self {
            Self::None => Ok(tile),
            Self::Deflate(level) => workshop.deflate(level, &tile),
            Self::Zstd(level) => workshop.zstd(level, &tile),
        })
    }
}

/// The highest level of Zstandard whose context may be used again. From level 5 on its search
/// salts its hashes with what the context has seen, so that a context used before gives other bytes.
const STATELESS: i32 = 4;

/// A thread's compressors and its room for their output: making them takes longer than a small tile.
#[derive(Default)]
struct Workshop {
    deflate: Option<(CompressionLvl, Compressor)>,
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
    room: Vec<u8>,
}

thread_local!(static WORKSHOP: RefCell<Workshop> = RefCell::default());

impl Workshop {
    fn deflate(&mut self, level: CompressionLvl, tile: &[u8]) -> Result<Vec<u8>, String> {
        let kept = self.deflate.take().filter(|(l, _)| *l == level);
        let made = kept.unwrap_or_else(|| (level, Compressor::new(level)));
        let (_, compressor) = self.deflate.insert(made);
        self.room.resize(compressor.zlib_compress_bound(tile.len()), 0);
        let n = compressor
            .zlib_compress(tile, &mut self.room)
            .map_err(|e| format!("deflate failed on {} bytes: {e}", tile.len()))?;
        Ok(self.room[..n].to_vec())
    }

    fn zstd(&mut self, level: i32, tile: &[u8]) -> Result<Vec<u8>, String> {
        let said = |e: std::io::Error| format!("zstd failed on {} bytes: {e}", tile.len());
        let kept = self.zstd.take().filter(|(l, _)| *l == level && level <= STATELESS);
        let made = match kept {
            Some(kept) => kept,
            None => (level, zstd::bulk::Compressor::new(level).map_err(said)?),
        };
        let (_, compressor) = self.zstd.insert(made);
        self.room.resize(zstd::zstd_safe::compress_bound(tile.len()), 0);
        let n = compressor.compress_to_buffer(tile, self.room.as_mut_slice()).map_err(said)?;
        Ok(self.room[..n].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rough(seed: u32, n: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..n).map(|_| next() & next() & next()).collect()
    }

    #[test]
    fn bytes_dont_depend_on_what_was_compressed_before() {
        let tiles: Vec<Vec<u8>> = (0..4).map(|seed| rough(seed * 77 + 5, 300_000)).collect();
        for (compress, levels) in [(Compress::Deflate, 1..=12), (Compress::Zstd, 1..=19)] {
            for level in levels.step_by(2) {
                let codec = Codec::new(compress, Some(level)).unwrap();
                let alone =
                    |tile: Vec<u8>| std::thread::spawn(move || codec.compress(tile).unwrap()).join().unwrap();
                for tile in &tiles {
                    assert!(
                        codec.compress(tile.clone()).unwrap() == alone(tile.clone()),
                        "{compress} {level}"
                    );
                }
            }
        }
    }

    #[test]
    fn tiles_come_back() {
        let tile = rough(9, 70_000);
        let deflated = Codec::new(Compress::Deflate, None).unwrap().compress(tile.clone()).unwrap();
        let mut back = vec![0; tile.len()];
        libdeflater::Decompressor::new().zlib_decompress(&deflated, &mut back).unwrap();
        assert!(back == tile && deflated.len() < tile.len());
        let packed = Codec::new(Compress::Zstd, Some(3)).unwrap().compress(tile.clone()).unwrap();
        assert!(zstd::bulk::decompress(&packed, tile.len()).unwrap() == tile);
        assert!(Codec::new(Compress::None, None).unwrap().compress(tile.clone()).unwrap() == tile);
    }

    #[test]
    fn levels_that_dont_exist_are_refused() {
        for (compress, level) in [(Compress::Deflate, 13), (Compress::Zstd, 0), (Compress::None, 1)] {
            let reason = Codec::new(compress, Some(level)).unwrap_err();
            assert!(reason.contains(&level.to_string()), "{reason}");
        }
    }
}
