//! Tests of the models through their public interface.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests fail by panicking, count small things and compare exact results"
)]

mod balance;
mod golden;
mod npy;
mod point;
mod short;
mod spring;
mod spring_golden;
mod support;
mod veget;
