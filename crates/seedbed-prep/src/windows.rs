//! Decoded source pixels that several tiles need, read once for all of them.

use crate::PrepError;
use crate::parallel::lock;
use seedbed_block::{PixelRange, Real};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What tiles need of their sources, and what was decoded for them of late.
///
/// Chunks of an archive's files are often larger than a tile, so tiles that each read
/// their own window decode the same chunks again and again. Here the window around all
/// of theirs is decoded once, layer by layer as they come by, and each tile takes its
/// part of it. Tiles that lie so far apart that the window around them is more than
/// their own together read their own.
pub(crate) struct Windows<T> {
    needs: Mutex<HashMap<FileVariable, Need>>,
    held: Mutex<Held<T>>,
    /// Bytes that may be held; what is in use when its turn to go comes stays for so long.
    most: usize,
}

/// A variable of a file.
pub(crate) type FileVariable = (PathBuf, Option<String>);

/// What all tiles need of a variable.
#[derive(Clone, Copy)]
struct Need {
    /// The window around theirs.
    around: PixelRange,
    /// The pixels of each, together.
    pixels: usize,
    tiles: usize,
}

/// A window of layers, once it is decoded.
type Decoded<T> = Arc<Mutex<Option<Arc<Vec<T>>>>>;

/// What is held, the oldest first.
struct Held<T> {
    order: VecDeque<((FileVariable, Range<usize>), usize)>,
    windows: HashMap<(FileVariable, Range<usize>), Decoded<T>>,
    bytes: usize,
}

impl<T: Real> Windows<T> {
    /// Holds at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        let held = Held { order: VecDeque::new(), windows: HashMap::new(), bytes: 0 };
        Self { needs: Mutex::default(), held: Mutex::new(held), most }
    }

    /// Notes that a tile needs a window of a variable; all are noted before the first reads.
    pub(crate) fn need(&self, variable: FileVariable, window: PixelRange) {
        let mut needs = lock(&self.needs);
        let none = Need { around: window, pixels: 0, tiles: 0 };
        let need = needs.entry(variable).or_insert(none);
        need.around = need.around.union(window);
        need.pixels += window.shape().len();
        need.tiles += 1;
    }

    /// How many layers to read at once where a tile shares its window; `None` where it
    /// reads its own. All tiles are told the same.
    pub(crate) fn at_once(&self, variable: &FileVariable, window: PixelRange) -> Option<usize> {
        let around = self.shared(variable, window)?;
        // Two at a time: one that is used while the next is decoded.
        Some((self.most / 2 / (around.shape().len() * size_of::<T>())).max(1))
    }

    /// The window that a tile shares, if it does.
    fn shared(&self, variable: &FileVariable, window: PixelRange) -> Option<PixelRange> {
        let need = lock(&self.needs).get(variable).copied()?;
        let size = need.around.shape().len();
        let fits = size * size_of::<T>() <= self.most;
        let worth = need.tiles > 1 && size <= need.pixels && need.around.contains(window);
        (fits && worth).then_some(need.around)
    }

    /// Layers on a tile's window: layer, row, column. `read` decodes them on the window
    /// that it is given, the tile's or one around several.
    pub(crate) fn read(
        &self,
        variable: FileVariable,
        layers: Range<usize>,
        window: PixelRange,
        read: impl FnOnce(PixelRange) -> Result<Vec<T>, PrepError>,
    ) -> Result<Vec<T>, PrepError> {
        let Some(around) = self.shared(&variable, window) else { return read(window) };
        let bytes = around.shape().len() * layers.len() * size_of::<T>();
        let slot = self.slot((variable, layers), bytes);
        // Whoever comes while another decodes waits for it.
        let mut decoded = lock(&slot);
        let all = match &*decoded {
            Some(all) => all.clone(),
            None => decoded.insert(Arc::new(read(around)?)).clone(),
        };
        drop(decoded);
        Ok(part(&all, around, window))
    }

    fn slot(&self, key: (FileVariable, Range<usize>), bytes: usize) -> Decoded<T> {
        let mut held = lock(&self.held);
        if let Some(slot) = held.windows.get(&key) {
            return slot.clone();
        }
        while held.bytes + bytes > self.most
            && let Some((oldest, size)) = held.order.pop_front()
        {
            held.windows.remove(&oldest);
            held.bytes -= size;
        }
        let slot = Decoded::default();
        held.windows.insert(key.clone(), slot.clone());
        held.order.push_back((key, bytes));
        held.bytes += bytes;
        slot
    }
}

/// The part of every layer in a window of a larger one.
fn part<T: Copy>(all: &[T], around: PixelRange, window: PixelRange) -> Vec<T> {
    let index = |n: i64| usize::try_from(n).unwrap_or(0);
    let (top, left) = (index(window.row0 - around.row0), index(window.col0 - around.col0));
    let (from, to) = (around.shape(), window.shape());
    let mut out = Vec::with_capacity(all.len() / from.len().max(1) * to.len());
    for layer in all.chunks_exact(from.len()) {
        for row in layer.chunks_exact(from.cols).skip(top).take(to.rows) {
            out.extend_from_slice(&row[left..left + to.cols]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_each_layer_is_what_its_window_holds() {
        let around = PixelRange { row0: -1, col0: 2, rows: 3, cols: 4 };
        let all: Vec<u32> = (0..24).collect();
        let window = PixelRange { row0: 0, col0: 3, rows: 2, cols: 2 };
        assert_eq!(part(&all, around, window), [5, 6, 9, 10, 17, 18, 21, 22]);
        assert_eq!(part(&all, around, around), all);
    }

    #[test]
    fn tiles_that_lie_together_share_what_is_decoded_and_others_do_not() {
        let variable = |name: &str| (PathBuf::from(name), None);
        let tile = |row0, col0| PixelRange { row0, col0, rows: 4, cols: 4 };
        let place = |row: i64, col: i64| f64::from(i32::try_from(row * 100 + col).unwrap());
        let windows = Windows::<f64>::new(1 << 20);
        let near = [tile(0, 0), tile(0, 3), tile(3, 0), tile(3, 3)];
        for window in near {
            windows.need(variable("near"), window);
        }
        for window in [tile(0, 0), tile(90, 90)] {
            windows.need(variable("far"), window);
        }
        let mut decoded = Vec::new();
        let mut read = |name: &str, layers: Range<usize>, window| {
            let part = windows.read(variable(name), layers.clone(), window, |around| {
                decoded.push((name.to_owned(), layers.clone(), around));
                let PixelRange { row0, col0, rows, cols } = around;
                let place = |p: i64| place(row0 + p / cols, col0 + p % cols);
                let layer = |n: usize| f64::from(u8::try_from(n).unwrap()) * 10_000.0;
                let pixels = |n: usize| (0..rows * cols).map(move |p| layer(n) + place(p));
                Ok(layers.clone().flat_map(pixels).collect())
            });
            part.unwrap()
        };
        for window in near {
            let part = read("near", 2..4, window);
            let corner = place(window.row0, window.col0);
            assert_eq!((part.len(), part[0], part[31]), (32, 20_000.0 + corner, 30_303.0 + corner));
        }
        read("near", 4..5, near[0]);
        read("far", 0..1, tile(0, 0));
        read("far", 0..1, tile(90, 90));
        let around = PixelRange { row0: 0, col0: 0, rows: 7, cols: 7 };
        let expected = [
            ("near".to_owned(), 2..4, around),
            ("near".to_owned(), 4..5, around),
            ("far".to_owned(), 0..1, tile(0, 0)),
            ("far".to_owned(), 0..1, tile(90, 90)),
        ];
        assert_eq!(decoded, expected);
    }

    #[test]
    fn what_was_held_longest_goes_when_there_is_no_room() {
        let windows = Windows::<f32>::new(2 * 16 * 4);
        let (variable, window) =
            ((PathBuf::from("x"), None), PixelRange { row0: 0, col0: 0, rows: 4, cols: 4 });
        windows.need(variable.clone(), window);
        windows.need(variable.clone(), window);
        assert_eq!(windows.at_once(&variable, window), Some(1));
        let decoded = std::cell::Cell::new(0);
        for layer in [0, 1, 0, 1, 2, 1, 0] {
            let read = |_| {
                decoded.set(decoded.get() + 1);
                Ok(vec![0.0; 16])
            };
            windows.read(variable.clone(), layer..layer + 1, window, read).unwrap();
        }
        // 0 and 1, then 2 in place of 0, then 0 in place of 1.
        assert_eq!(decoded.get(), 4);
        assert!(lock(&windows.held).bytes <= windows.most);
    }
}
