//! One module a subcommand: its `Args`, its report, its `run`.

#![expect(clippy::unused_async, reason = "all commands have one signature, whether they wait or not")]

pub mod archives;
pub mod catalog_describe;
pub mod catalog_diff;
pub mod catalog_export;
pub mod catalog_rewrite;
pub mod catalog_search;
pub mod catalog_split;
pub mod catalog_validate;
pub mod check;
pub mod clean;
pub mod composite;
pub mod copy;
pub mod crawl;
pub mod doctor;
pub mod grid;
pub mod init;
pub mod model_describe;
pub mod model_list;
pub mod model_point;
pub mod mosaic;
pub mod prep;
pub mod run;
pub mod series;
pub mod status;
pub mod verify;
pub mod view;
pub mod worker;
pub mod zonal;
