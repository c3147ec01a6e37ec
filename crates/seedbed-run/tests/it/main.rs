//! Runs from inputs on disk to committed products, through the library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod keys;
mod masks;
mod outputs;
mod refusals;
mod resume;
mod screening;
mod support;
mod workers;
mod yearly;
