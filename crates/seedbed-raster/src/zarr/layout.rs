//! How an array is cut into shards, and a shard into chunks.

use seedbed_block::Shape2d;

/// Elements along each dimension, the slowest first.
pub type Extent = Vec<usize>;

/// Layers, rows and columns of a cube's chunks and shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CubeLayout {
    /// What is compressed as one.
    pub chunk: [usize; 3],
    /// What is one file: a multiple of the chunk.
    pub shard: [usize; 3],
}

/// Layers that a chunk has at most: a map of one day and a series of one pixel
/// shall both be read without much of what lies beside.
const LAYERS: usize = 16;
/// Rows and columns of a chunk.
const SIDE: usize = 256;
/// Chunks along a side of a shard.
const CHUNKS: usize = 4;
/// Bytes of values, in 64 bits, that are written as one.
const BATCH: usize = 256 << 20;

impl CubeLayout {
    /// That of a cube: it depends on its shape alone.
    pub fn of(shape: Shape2d, layers: usize) -> Self {
        let most = BATCH / (shape.len() * size_of::<f64>()).max(1);
        let deep = most.clamp(1, LAYERS).min(layers.max(1));
        let side = |pixels: usize| pixels.clamp(1, SIDE);
        let along = |pixels: usize| side(pixels) * pixels.div_ceil(side(pixels)).clamp(1, CHUNKS);
        Self {
            chunk: [deep, side(shape.rows), side(shape.cols)],
            shard: [deep, along(shape.rows), along(shape.cols)],
        }
    }
}

/// How many pieces of `size` an extent has along each dimension.
pub fn counts(extent: &[usize], size: &[usize]) -> Extent {
    extent.iter().zip(size).map(|(n, size)| n.div_ceil(*size)).collect()
}

/// Every place from `first` to before `end`, the last dimension running fastest.
pub fn places(first: &[usize], end: &[usize]) -> Vec<Extent> {
    let mut all = vec![Vec::with_capacity(first.len())];
    for (from, to) in first.iter().zip(end) {
        all = all
            .iter()
            .flat_map(|place: &Extent| {
                (*from..*to).map(move |n| {
                    let mut longer = place.clone();
                    longer.push(n);
                    longer
                })
            })
            .collect();
    }
    all
}

/// The number of a place in an extent, counted with the last dimension running fastest.
pub fn number(place: &[usize], extent: &[usize]) -> usize {
    place.iter().zip(extent).fold(0, |number, (at, n)| number * n + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_multiple_of_its_chunks() {
        for (rows, cols, layers) in
            [(6, 5, 3), (256, 257, 400), (891, 2000, 16), (4453, 4453, 366), (1, 1, 1)]
        {
            let layout = CubeLayout::of(Shape2d { rows, cols }, layers);
            for (shard, chunk) in layout.shard.iter().zip(layout.chunk) {
                assert!(chunk > 0 && shard % chunk == 0, "{layout:?}");
            }
            assert!(layout.shard[0] * rows * cols * 8 <= BATCH || layout.shard[0] == 1, "{layout:?}");
            assert!(layout.shard[0] <= layers);
        }
    }

    #[test]
    fn places_run_fastest_along_the_last_dimension() {
        let all = places(&[1, 0], &[3, 2]);
        assert_eq!(all, [[1, 0], [1, 1], [2, 0], [2, 1]]);
        assert_eq!(all.iter().map(|p| number(p, &[3, 2])).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(places(&[], &[]), [Vec::<usize>::new()]);
        assert!(places(&[0, 2], &[3, 2]).is_empty());
        assert_eq!(counts(&[5, 6], &[2, 3]), [3, 2]);
    }
}
