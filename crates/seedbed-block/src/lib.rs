//! Values that every part of Seedbed shares: pixel coordinates, dates and
//! calendars, units, the time × y × x [`Block`] that models consume, and the
//! [`composite`](mod@composite)s made of many layers.
//!
//! Nothing here knows a file format, a CRS or a store. Conventions that hold
//! throughout the workspace:
//!
//! * axis order is time, y, x; rows count from the north, columns from the west;
//! * ranges of pixels are half-open;
//! * a missing value in memory is NaN, whatever the file's nodata value was.

mod block;
mod bridge;
pub mod composite;
mod date;
mod extent;
mod grouping;
mod real;
pub mod series;
pub mod simd;
mod unit;

pub use block::{Block, BlockError};
pub use bridge::{Bridge, BridgeError};
pub use date::{Calendar, DateError, Period, is_leap};
pub use extent::{Index, PixelRange, Shape2d, Xy};
pub use grouping::{Across, Every, Grouping, GroupingError};
pub use jiff::civil::{Date, date};
pub use real::{Precision, Real};
pub use unit::{Conversion, Unit, UnitError, unit_suffix};
