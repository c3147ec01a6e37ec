//! Catalogs on disk and over HTTP, and other people's readers of them.

mod copy;
mod python;
mod real;
mod search;
mod support;
mod tree;
mod validate;
