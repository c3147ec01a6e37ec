//! Runs from inputs on disk to committed products, through the library.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod checkpoints;
mod classes;
mod climate;
mod cubes;
mod infinite;
mod inspection;
mod intervals;
mod keys;
mod masks;
mod observed;
mod outputs;
mod own_models;
mod parts;
mod refusals;
mod resume;
mod schema;
mod screening;
mod states;
mod support;
mod workers;
mod yearly;
