//! Classic netCDF, whose values lie as they are, row by row.

use super::fault::Fault;
use super::numbers::Number;
use super::pieces::{Entry, Piece, Stored, Wanted};
use super::scratch::{Plain, Scratch};
use super::{Axes, Form};
use crate::DType;
use crate::classic::{Place, contents, type_bytes};
use crate::ranges::ReadAt;
use std::io::{self, Read};

/// How many bytes in one piece are read at once.
const STRETCH: u64 = 1 << 20;

/// A variable.
pub struct Classic {
    number: Number,
    begin: u64,
    /// Bytes from layer to layer.
    layer: u64,
    /// Elements of a row.
    cols: u64,
    /// The file's size in bytes.
    end: u64,
}

/// A file from its first byte on.
struct Sequential<'f> {
    file: &'f dyn ReadAt,
    at: u64,
}

impl Read for Sequential<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size().saturating_sub(self.at);
        let length = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        self.file.read_into(self.at, &mut out[..length])?;
        self.at += length as u64;
        Ok(length)
    }
}

/// Whether a file that begins so is classic netCDF.
pub fn is_classic(head: &[u8]) -> bool {
    matches!(head.get(..4), Some(b"CDF\x01" | b"CDF\x02" | b"CDF\x05"))
}

/// The bytes of a variable's whole numbers, and whether they have a sign; none of other types.
///
/// # Errors
/// [`Fault`] if there is no such variable, or the header can't be read.
pub fn integer(file: &dyn ReadAt, name: &str) -> Result<Option<(u8, bool)>, Fault> {
    let contents = contents(Sequential { file, at: 0 }).map_err(Fault::Io)?;
    let place = contents.and_then(|contents| contents.variables.into_iter().find(|v| v.name == name));
    let place = place.ok_or_else(|| Fault::Unknown("its header has no such variable".to_owned()))?;
    Ok(match place.nc_type {
        1 => Some((1, true)),
        3 => Some((2, true)),
        4 => Some((4, true)),
        7 => Some((1, false)),
        8 => Some((2, false)),
        9 => Some((4, false)),
        10 => Some((8, true)),
        11 => Some((8, false)),
        _ => None,
    })
}

impl Classic {
    /// Reads where a variable's values are. `shape` is what its dimensions say.
    ///
    /// # Errors
    /// [`Fault`]: stored in a way that isn't known, or the file can't be read.
    pub fn open(
        file: &dyn ReadAt,
        name: &str,
        axes: Axes,
        shape: &[usize],
        dtype: DType,
    ) -> Result<Self, Fault> {
        let contents = contents(Sequential { file, at: 0 }).map_err(Fault::Io)?;
        let unknown = |reason: &str| Fault::Unknown(reason.to_owned());
        let contents = contents.ok_or_else(|| unknown("it is no classic netCDF"))?;
        let place = contents.variables.iter().find(|v| v.name == name);
        let place = place.ok_or_else(|| unknown("its header has no such variable"))?;
        let records = contents.records.ok_or_else(|| unknown("it doesn't say how many records it has"))?;
        let mut sizes = place.sizes.clone();
        if place.is_in_records() {
            sizes[0] = records;
        }
        if !sizes.iter().copied().eq(shape.iter().map(|n| *n as u64)) {
            return Err(Fault::Unknown(format!(
                "its {sizes:?} elements aren't the {shape:?} of its dimensions"
            )));
        }
        let number =
            number(place).ok_or_else(|| unknown("its elements aren't plain numbers"))?.as_said(dtype)?;
        let too_large = || Fault::Damaged(format!("it has {sizes:?} elements, more than the file"));
        let product =
            |from: usize| sizes[from..].iter().try_fold(type_bytes(place.nc_type), |a, b| a.checked_mul(*b));
        let layer = match axes.along {
            Some(0) if place.is_in_records() => contents.record,
            Some(along) => product(along + 1).ok_or_else(too_large)?,
            None => 0,
        };
        let cols = sizes.last().copied().unwrap_or(0);
        // What is asked for later is within these.
        let last = product(axes.leading).and_then(|bytes| bytes.checked_add(place.begin));
        let layers = axes.along.and_then(|along| sizes.get(along)).map_or(0, |n| n.saturating_sub(1));
        let last = layers.checked_mul(layer).and_then(|bytes| bytes.checked_add(last?));
        if last.is_none_or(|last| last > file.size()) {
            return Err(too_large());
        }
        Ok(Self { number, begin: place.begin, layer, cols, end: file.size() })
    }
}

fn number(place: &Place) -> Option<Number> {
    match place.nc_type {
        1 => Number::integer(1, true, true),
        3 => Number::integer(2, true, true),
        4 => Number::integer(4, true, true),
        5 => Number::float(4, true),
        6 => Number::float(8, true),
        7 => Number::integer(1, false, true),
        8 => Number::integer(2, false, true),
        9 => Number::integer(4, false, true),
        10 => Number::integer(8, true, true),
        11 => Number::integer(8, false, true),
        _ => None,
    }
}

impl Form for Classic {
    fn number(&self) -> Number {
        self.number
    }

    fn fill(&self) -> &[u8] {
        // Every element is there.
        &[]
    }

    fn cut(&self, wanted: &Wanted) -> Result<Vec<Piece>, Fault> {
        let Wanted([layers, rows, cols]) = wanted;
        let size = self.number.size() as u64;
        let width = usize::try_from(self.cols).unwrap_or(usize::MAX);
        // Rows between which little lies that isn't wanted are read together.
        let stretch = usize::try_from(STRETCH / (self.cols * size).max(1)).unwrap_or(1).max(1);
        let together = if cols.len() * 2 >= width { stretch } else { 1 };
        let mut pieces = Vec::new();
        for layer in layers.clone() {
            for row in rows.clone().step_by(together) {
                let last = rows.end.min(row + together);
                let place = |row: usize, col: usize| {
                    self.begin + layer as u64 * self.layer + (row as u64 * self.cols + col as u64) * size
                };
                let range = place(row, cols.start)..place(last - 1, cols.end);
                if range.end > self.end {
                    let end = self.end;
                    return Err(Fault::Damaged(format!("its row {row} lies beyond the file's {end} bytes")));
                }
                pieces.push(Piece {
                    stored: Stored::Straight(range),
                    origin: [layer, row, cols.start],
                    strides: [0, width],
                    part: [layer..layer + 1, row..last, cols.clone()],
                });
            }
        }
        Ok(pieces)
    }

    fn undo(&self, _: &[u8], _: &Entry, _: usize, _: &mut Scratch) -> Result<Plain, String> {
        Err("it has no chunks".to_owned())
    }
}
