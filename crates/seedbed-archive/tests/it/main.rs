//! Crawls of small archives and of real listings.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod archives;
mod crawls;
mod earth;
mod fuzz;
mod mirrors;
mod modis;
mod prism;
mod real;
mod resume;
mod server;
