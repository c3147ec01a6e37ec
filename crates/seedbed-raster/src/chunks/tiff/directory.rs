//! How a TIFF's first image is stored, by its tags.

use super::predictor::Predictor;
use super::tags::{Tags, tag};
use crate::chunks::fault::Fault;
use crate::chunks::numbers::Number;
use seedbed_block::Shape2d;

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    /// An LZW stream.
    Lzw,
    /// A zlib stream.
    Deflate,
    /// A Zstandard frame.
    Zstd,
}

/// How an image is stored.
#[derive(Debug)]
pub struct Directory {
    /// Rows and columns.
    pub shape: Shape2d,
    /// Its bands.
    pub samples: usize,
    /// Elements, as a chunk holds them once the predictor is undone.
    pub number: Number,
    /// Rows and columns of a chunk; the last strip has what rows are left.
    pub chunk: Shape2d,
    /// Whether chunks are tiles, which are whole, rather than strips.
    pub is_tiled: bool,
    pub codec: Codec,
    pub predictor: Option<Predictor>,
    /// Where each chunk begins: by band, row and column.
    pub offsets: Vec<u64>,
    /// Bytes of each; 0 of one that was never written.
    pub sizes: Vec<u64>,
}

impl Directory {
    /// Of an image's tags.
    ///
    /// # Errors
    /// [`Fault::Unknown`] for what isn't read here, [`Fault::Damaged`] for tags that lie
    /// outside the file, [`Fault::Io`].
    pub fn of(tags: &Tags<'_>) -> Result<Self, Fault> {
        let shape = Shape2d { rows: tags.size(tag::ROWS, None)?, cols: tags.size(tag::COLS, None)? };
        let samples = tags.size(tag::SAMPLES, Some(1))?;
        if samples > 1 && tags.one(tag::PLANES, Some(1))? != 2 {
            return Err(Fault::Unknown(format!("its {samples} bands lie pixel by pixel")));
        }
        if tags.one(tag::BIT_ORDER, Some(1))? != 1 {
            return Err(Fault::Unknown("its bits are turned round".to_owned()));
        }
        let codec = match tags.one(tag::COMPRESSION, Some(1))? {
            1 => Codec::None,
            5 => Codec::Lzw,
            8 | 32_946 => Codec::Deflate,
            50_000 => Codec::Zstd,
            other => return Err(Fault::Unknown(format!("compression {other} isn't known"))),
        };
        let bits = tags.one(tag::BITS, Some(1))?;
        let predictor = match (tags.one(tag::PREDICTOR, Some(1))?, codec) {
            // Without compression a predictor isn't applied.
            (1, _) | (_, Codec::None) => None,
            (2, _) => Some(Predictor::Differences { big_endian: tags.big_endian() }),
            (3, _) => Some(Predictor::FloatingPoint),
            (other, _) => return Err(Fault::Unknown(format!("predictor {other} isn't known"))),
        };
        // What a predictor gives has this processor's order.
        let big_endian = tags.big_endian() && predictor.is_none();
        let size = u8::try_from(bits / 8).unwrap_or(0);
        let number = match (tags.one(tag::FORMAT, Some(1))?, bits % 8) {
            (1 | 4, 0) => Number::integer(size, false, big_endian),
            (2, 0) => Number::integer(size, true, big_endian),
            (3, 0) => Number::float(size, big_endian),
            _ => None,
        };
        let number =
            number.ok_or_else(|| Fault::Unknown(format!("its samples of {bits} bits aren't known")))?;
        if predictor == Some(Predictor::FloatingPoint) && tags.one(tag::FORMAT, Some(1))? != 3 {
            return Err(Fault::Unknown("its whole numbers have a floating-point predictor".to_owned()));
        }
        let is_tiled = tags.has(tag::TILE_COLS);
        let chunk = if is_tiled {
            Shape2d { rows: tags.size(tag::TILE_ROWS, None)?, cols: tags.size(tag::TILE_COLS, None)? }
        } else {
            // Without the tag, or with its largest number, there is one strip.
            Shape2d {
                rows: tags.size(tag::STRIP_ROWS, Some(u64::from(u32::MAX)))?.min(shape.rows),
                cols: shape.cols,
            }
        };
        if shape.is_empty() || chunk.is_empty() {
            return Err(Fault::Damaged(format!("its {shape:?} pixels are in chunks of {chunk:?}")));
        }
        let (at, of) =
            if is_tiled { (tag::TILE_AT, tag::TILE_SIZES) } else { (tag::STRIP_AT, tag::STRIP_SIZES) };
        let (offsets, sizes) = (tags.numbers(at)?, tags.numbers(of)?);
        let a_band = shape.rows.div_ceil(chunk.rows).checked_mul(shape.cols.div_ceil(chunk.cols));
        let needed = a_band.and_then(|n| n.checked_mul(samples));
        if needed.is_none_or(|needed| offsets.len() < needed || sizes.len() < needed) {
            return Err(Fault::Unknown(format!(
                "it says where {} chunks begin and how many bytes {} have, of {needed:?}",
                offsets.len(),
                sizes.len()
            )));
        }
        Ok(Self { shape, samples, number, chunk, is_tiled, codec, predictor, offsets, sizes })
    }
}
