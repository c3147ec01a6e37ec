//! Decoded source pixels that several tiles need, read once for all of them.

use crate::PrepError;
use crate::source::Source;
use seedbed_block::{PixelRange, Real};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What tiles need of their sources, and what was decoded for them of late.
///
/// Chunks of an archive's files are often larger than a tile, so tiles that each read
/// their own window decode the same chunks again and again. Here the window around all
/// of theirs is decoded once, layer by layer as they come by, and each tile takes its
/// part of it. Tiles that lie so far apart that the window around them is more than
/// their own together read their own.
pub(crate) struct Windows<T> {
    needs: Mutex<HashMap<Variable, Need>>,
    held: Mutex<Held<T>>,
    /// Bytes that may be held; what is in use when its turn to go comes stays for so long.
    most: usize,
}

/// A variable of a file.
type Variable = (PathBuf, Option<String>);

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
    order: VecDeque<((Variable, Range<usize>), usize)>,
    windows: HashMap<(Variable, Range<usize>), Decoded<T>>,
    bytes: usize,
}

impl<T: Real> Windows<T> {
    /// Holds at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        let held = Held { order: VecDeque::new(), windows: HashMap::new(), bytes: 0 };
        Self { needs: Mutex::default(), held: Mutex::new(held), most }
    }

    /// Notes that a tile needs a window of a source; all are noted before the first reads.
    pub(crate) fn need(&self, source: &Source, window: PixelRange) {
        let mut needs = lock(&self.needs);
        let none = Need { around: window, pixels: 0, tiles: 0 };
        let need = needs.entry(variable(source)).or_insert(none);
        need.around = need.around.union(window);
        need.pixels += window.shape().len();
        need.tiles += 1;
    }

    /// How many layers to read at once where a tile shares its window; `None` where it
    /// reads its own. All tiles are told the same.
    pub(crate) fn at_once(&self, source: &Source, window: PixelRange) -> Option<usize> {
        let around = self.shared(&variable(source), window)?;
        // Two at a time: one that is used while the next is decoded.
        Some((self.most / 2 / (around.shape().len() * size_of::<T>())).max(1))
    }

    /// The window that a tile shares, if it does.
    fn shared(&self, variable: &Variable, window: PixelRange) -> Option<PixelRange> {
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
        source: &Source,
        layers: Range<usize>,
        window: PixelRange,
        read: impl FnOnce(PixelRange) -> Result<Vec<T>, PrepError>,
    ) -> Result<Vec<T>, PrepError> {
        let variable = variable(source);
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

    fn slot(&self, key: (Variable, Range<usize>), bytes: usize) -> Decoded<T> {
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

fn variable(source: &Source) -> Variable {
    (source.path.clone(), source.asset.variable.clone())
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
}
