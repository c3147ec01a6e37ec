//! Tests of grids, areas and tiles through their public interface.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests fail by panicking, count small things and compare exact results"
)]

mod aoi;
mod cover;
mod coverage;
mod document;
mod export;
mod legacy;
mod named;
mod support;
mod tile_file;
mod zones;
