//! Catalogs on disk and over HTTP, and other people's readers of them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing helper fails its test, and a skipped test says so"
)]

mod copy;
mod copy_claims;
mod copy_places;
mod copy_sharing;
mod copy_sidecars;
mod copy_survey;
mod diff;
mod forms;
mod legible;
mod mutants;
mod python;
mod real;
mod rewrite;
mod search;
mod split;
mod support;
mod tree;
mod validate;
