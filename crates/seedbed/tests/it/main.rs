//! The program as its users meet it: in a fresh directory, from outside, and
//! what it writes in other people's hands.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failing helper fails its test, and a skipped test says so"
)]

mod aligned_years;
mod archives;
mod bad_input;
mod basin;
mod catalog_care;
mod chain;
mod composites;
mod copies;
mod copy_care;
mod cubes;
mod folder_copies;
#[path = "../../../seedbed-storage/tests/it/grid_servers.rs"]
#[expect(dead_code, reason = "the storage crate's tests use more of it")]
mod grid_servers;
mod grids;
mod headers;
mod help;
mod hostile;
mod house;
mod inputs_move;
mod interop;
mod outputs_remote;
mod point;
mod points;
mod python;
mod readme;
mod real;
mod real_crawl;
mod real_golden;
mod real_oregon;
mod real_prep;
mod real_rasters;
mod remote_groups;
mod reports;
mod resume;
mod sandbox;
#[path = "../../../seedbed-storage/tests/it/servers.rs"]
#[expect(dead_code, reason = "the storage crate's tests use more of it")]
mod servers;
mod states;
mod stores;
mod wall;
mod world;

/// A location as it is written.
fn at(text: &str) -> seedbed_storage::Location {
    text.parse().unwrap()
}

fn block_on<F: Future>(operation: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(operation)
}

/// The settings that the servers' helpers begin with.
fn hasty() -> seedbed_storage::Settings {
    seedbed_storage::Settings::default()
}
mod zonal;
