//! An image and its overviews, as compressed tiles.

use super::codec::Codec;
use super::overview::{Overview, half, halve};
use super::quantise::Quantiser;
use super::sample::Sample;
use crate::RasterError;
use rayon::prelude::*;
use seedbed_block::{Real, Shape2d};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// On the calling thread.
    Caller,
    /// On those of the current rayon pool.
    Pool,
}

impl Threads {
    /// The results for 0 to `n` − 1, in order.
    pub(crate) fn map<R: Send>(self, n: usize, of: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
        match self {
            Self::Pool if n > 1 => (0..n).into_par_iter().map(of).collect(),
            _ => (0..n).map(of).collect(),
        }
    }
}

/// One image of a file.
#[derive(Debug)]
pub struct Level {
    pub shape: Shape2d,
    /// Rows of tiles, each from left to right; compressed.
    pub tiles: Vec<Arc<Vec<u8>>>,
}

/// How images become tiles.
#[derive(Debug, Clone, Copy)]
pub struct Tiling {
    /// Rows and columns of a tile, even.
    pub tile: usize,
    pub codec: Codec,
    pub overview: Overview,
    pub threads: Threads,
}

/// What can go wrong on the way.
pub enum Failure {
    /// A value that can't be stored.
    Value(RasterError),
    /// A codec's words.
    Codec(String),
}

/// Encodes an image and its overviews, which halve until one tile holds all. The full image
/// comes first.
///
/// A strip of tiles is quantised, halved and compressed as one, while it is near: what is stored
/// of the whole image is never held. A level's pixels follow from the level below.
pub fn encode<T: Real, S: Sample>(
    values: &[T],
    shape: Shape2d,
    quantiser: &Quantiser<'_>,
    tiling: Tiling,
) -> Result<Vec<Level>, Failure> {
    let nodata = quantiser.missing::<S>();
    let constants = Constants::default();
    let job = |shape, last| Job { shape, tiling, nodata, last, constants: &constants };
    let fits = |shape: Shape2d| shape.rows.max(shape.cols) <= tiling.tile;
    let (first, mut reduced) = job(shape, fits(shape)).run(|start, end| {
        let strip = quantiser.stored(&values[start..end], start).map_err(Failure::Value)?;
        Ok(Cow::Owned(strip))
    })?;
    let mut levels = vec![first];
    let mut shape = shape;
    while !fits(shape) {
        shape = half(shape);
        let source: Vec<S> = reduced;
        let (level, next) =
            job(shape, fits(shape)).run(|start, end| Ok(Cow::Borrowed(&source[start..end])))?;
        levels.push(level);
        reduced = next;
    }
    Ok(levels)
}

/// Tiles of one number, by its bits: lakes of nodata, days without rain.
type Constants = Mutex<HashMap<u64, Arc<Vec<u8>>>>;

/// One level's work.
struct Job<'a, S> {
    shape: Shape2d,
    tiling: Tiling,
    nodata: Option<S>,
    /// Whether no level follows.
    last: bool,
    constants: &'a Constants,
}

impl<S: Sample> Job<'_, S> {
    /// The tiles, and the next level's pixels. `strip` gives the pixels from one number to
    /// another, whole rows of them.
    fn run<'s>(
        &self,
        strip: impl Fn(usize, usize) -> Result<Cow<'s, [S]>, Failure> + Sync + Send,
    ) -> Result<(Level, Vec<S>), Failure> {
        let Self { shape, tiling: Tiling { tile, threads, overview, .. }, .. } = *self;
        let across = shape.cols.div_ceil(tile);
        let strips = threads.map(shape.rows.div_ceil(tile), |i| {
            let rows = i * tile..shape.rows.min((i + 1) * tile);
            let pixels = strip(rows.start * shape.cols, rows.end * shape.cols)?;
            let tiles = threads.map(across, |t| self.tile(&pixels, t * tile));
            let tiles = tiles.into_iter().collect::<Result<Vec<_>, _>>().map_err(Failure::Codec)?;
            let smaller =
                if self.last { Vec::new() } else { halve(&pixels, shape.cols, self.nodata, overview) };
            Ok((tiles, smaller))
        });
        let mut level = Level { shape, tiles: Vec::with_capacity(strips.len() * across) };
        let next = half(shape);
        let mut reduced = Vec::with_capacity(if self.last { 0 } else { next.len() });
        // In the image's order, so that of several failures the first is told.
        for strip in strips {
            let (tiles, smaller) = strip?;
            level.tiles.extend(tiles);
            reduced.extend(smaller);
        }
        Ok((level, reduced))
    }

    /// The compressed tile of a strip from column `left`. Beyond the image, its last row and
    /// column go on: they cost least there, and a constant tile stays one.
    fn tile(&self, strip: &[S], left: usize) -> Result<Arc<Vec<u8>>, String> {
        let Tiling { tile, codec, .. } = self.tiling;
        let right = self.shape.cols.min(left + tile);
        let mut rows = strip.chunks_exact(self.shape.cols).map(|row| &row[left..right]);
        let first = strip[left];
        let constant = rows.clone().all(|row| row.iter().all(|v| v.same_bits(first)));
        if constant && let Some(known) = self.known().get(&first.bits()) {
            return Ok(Arc::clone(known));
        }
        let mut bytes = vec![0; tile * tile * S::BYTES];
        let mut whole = vec![first; tile];
        let mut row: &[S] = &[];
        for out in bytes.chunks_exact_mut(tile * S::BYTES) {
            row = rows.next().unwrap_or(row);
            let line = if row.len() == tile {
                row
            } else {
                whole[..row.len()].copy_from_slice(row);
                whole[row.len()..].fill(row[row.len() - 1]);
                &whole
            };
            match codec {
                Codec::None => S::plain(line, out),
                Codec::Deflate(_) | Codec::Zstd(_) => S::predicted(line, out),
            }
        }
        let packed = Arc::new(codec.compress(bytes)?);
        if constant {
            self.known().insert(first.bits(), Arc::clone(&packed));
        }
        Ok(packed)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Vec<u8>>>> {
        self.constants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use crate::cog::{CogOptions, Compress};
    use std::path::Path;

    fn levels(values: &[f32], shape: Shape2d, threads: Threads) -> Vec<Level> {
        let options = CogOptions { dtype: DType::Int16, nodata: Some(-1.0), ..CogOptions::default() };
        let quantiser = Quantiser::new(Path::new("a.tif"), shape, &options);
        let codec = Codec::new(Compress::None, None).unwrap();
        let tiling = Tiling { tile: 4, codec, overview: Overview::Average, threads };
        encode::<f32, i16>(values, shape, &quantiser, tiling).map_err(|_| "failed").unwrap()
    }

    #[test]
    fn levels_halve_down_to_one_tile() {
        for ((rows, cols), shapes) in [
            ((1, 1), vec![(1, 1)]),
            ((4, 4), vec![(4, 4)]),
            ((5, 4), vec![(5, 4), (3, 2)]),
            ((1, 17), vec![(1, 17), (1, 9), (1, 5), (1, 3)]),
            ((16, 15), vec![(16, 15), (8, 8), (4, 4)]),
        ] {
            let shape = Shape2d { rows, cols };
            let levels = levels(&vec![3.0; shape.len()], shape, Threads::Caller);
            let found: Vec<_> = levels.iter().map(|l| (l.shape.rows, l.shape.cols)).collect();
            assert_eq!(found, shapes);
            for level in levels {
                assert_eq!(level.tiles.len(), level.shape.rows.div_ceil(4) * level.shape.cols.div_ceil(4));
                assert!(level.tiles.iter().all(|t| **t == [3, 0].repeat(16)), "the padding goes on");
            }
        }
    }

    #[test]
    fn a_constant_tile_is_encoded_once() {
        let shape = Shape2d { rows: 9, cols: 9 };
        let mut values = vec![f32::NAN; shape.len()];
        values[0] = 5.0;
        let levels = levels(&values, shape, Threads::Caller);
        let tiles = &levels[0].tiles;
        assert!(!Arc::ptr_eq(&tiles[0], &tiles[1]));
        assert!(tiles[2..].iter().all(|t| Arc::ptr_eq(t, &tiles[1])));
        assert!(Arc::ptr_eq(&levels[1].tiles[3], &tiles[1]), "also in an overview");
    }

    #[test]
    fn tiles_have_the_bits_of_their_revision() {
        // Where these numbers change, files change, and with them what is kept under a task's key:
        // raise REVISION. A new release of a codec may do so, too.
        let shape = Shape2d { rows: 40, cols: 35 };
        let values: Vec<f32> =
            (0..1400_u16).map(|i| if i % 11 == 3 { f32::NAN } else { f32::from(i * 37 % 211) }).collect();
        let digest = |dtype, compress, level| {
            let options = CogOptions { dtype, nodata: Some(-1.0), ..CogOptions::default() };
            let quantiser = Quantiser::new(Path::new("a.tif"), shape, &options);
            let codec = Codec::new(compress, level).unwrap();
            let tiling = Tiling { tile: 16, codec, overview: Overview::Average, threads: Threads::Caller };
            let levels = match dtype {
                DType::Int16 => encode::<f32, i16>(&values, shape, &quantiser, tiling),
                _ => encode::<f32, f32>(&values, shape, &quantiser, tiling),
            };
            // FNV-1a.
            let levels = levels.map_err(|_| "failed").unwrap();
            let bytes = levels.iter().flat_map(|l| &l.tiles).flat_map(|t| t.iter());
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            })
        };
        let found = [DType::Int16, DType::Float32].map(|dtype| {
            [
                (Compress::None, None),
                (Compress::Deflate, None),
                (Compress::Zstd, Some(3)),
                (Compress::Zstd, None),
            ]
            .map(|(compress, level)| digest(dtype, compress, level))
        });
        println!("{found:#018x?}");
        assert_eq!(crate::cog::REVISION, 2);
        let expected = [
            [0x547e_74b8_4e53_466d, 0x7e1a_56f6_14f8_0a74, 0xed27_97aa_b2dd_6778, 0xb90a_73eb_a2fb_dbd1],
            [0xe2d7_97e1_0d7e_0478, 0x91b4_1702_2ab5_65c8, 0xdc31_9974_5f7f_5057, 0x672d_1a90_cd1a_328e],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn threads_dont_change_a_byte() {
        let shape = Shape2d { rows: 37, cols: 23 };
        let values: Vec<f32> = (0..851_u16).map(|i| f32::from(i * 37 % 211)).collect();
        let alone = levels(&values, shape, Threads::Caller);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let together = pool.install(|| levels(&values, shape, Threads::Pool));
        assert_eq!(alone.len(), together.len());
        for (a, b) in alone.iter().zip(&together) {
            assert_eq!(a.tiles, b.tiles);
        }
    }
}
