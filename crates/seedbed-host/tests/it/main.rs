//! Models in programs of their own, as a caller of the crate sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "wasm")]
mod components;
mod definitions;
mod programs;
mod support;
