//! The program as its users meet it: in a fresh directory, from outside, and
//! what it writes in other people's hands.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failing helper fails its test, and a skipped test says so"
)]

mod help;
mod house;
mod point;
mod python;
mod reports;
mod sandbox;
