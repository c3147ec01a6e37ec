//! Crawls of small archives and of real listings.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod crawls;
mod earth;
mod fuzz;
mod real;
mod server;
