//! Crawls of small archives and of real listings.

mod crawls;
mod earth;
mod fuzz;
mod real;
mod server;
