//! Series onto tiles, products, mosaics and their verification, on small
//! rasters made here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod antimeridian;
mod calendars;
mod cleaning;
mod commits;
mod compositing;
mod cubes;
mod daily;
mod groups;
mod layers;
mod mosaics;
mod netcdf3;
mod observed;
mod preparing;
mod ranges;
mod reading;
mod roots;
mod seams;
mod support;
mod units;
mod verifying;
mod zones;
