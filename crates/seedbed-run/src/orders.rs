//! Quantities that may not exceed one another, such as `tmin` and `tmax`.

use seedbed_block::Date;
use serde::Serialize;
use std::fmt;

/// An input or static that exceeds another in some pixels, though it may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disorder {
    /// The key in the project file of what exceeds: `inputs.tmin`.
    pub lesser: String,
    /// The key of what is exceeded.
    pub greater: String,
    /// Pixels in which it does, of all days and tiles that were looked at.
    pub pixels: usize,
    /// The first tile that has one.
    pub tile: String,
    /// The first of its days; none of statics.
    pub date: Option<Date>,
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lesser, greater, pixels, tile, date } = self;
        let s = if *pixels == 1 { "" } else { "s" };
        write!(f, "{lesser} exceeds {greater} in {pixels} pixel{s}, first in tile {tile}")?;
        date.map_or(Ok(()), |date| write!(f, " on {date}"))
    }
}

/// Adds one more: the pixels of a pair count together, and its first tile stays.
pub(crate) fn join(all: &mut Vec<Disorder>, more: Disorder) {
    let same = all.iter_mut().find(|d| (&d.lesser, &d.greater) == (&more.lesser, &more.greater));
    match same {
        Some(same) => same.pixels += more.pixels,
        None => all.push(more),
    }
}
