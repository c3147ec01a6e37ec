//! Where items meet tiles: STAC assets become aligned blocks, and results
//! become verified products.
//!
//! Reading: a [`Series`] is one asset key of many items; a [`TileReader`] puts
//! it onto one tile, day by day. Writing: an [`Attempt`] stages a product's
//! files, verifies them and commits one record; [`Expected`] is the set of
//! products there should be, which [`verify`] and [`mosaic()`] hold them to.

mod ancillary;
mod at_hand;
mod balance;
mod classes;
mod clean;
mod clean_store;
mod climatology;
mod common_unit;
mod composite;
mod composite_day;
mod cube;
mod cubes;
mod days;
mod delivery;
mod digests;
mod error;
mod expected;
mod folder;
mod group;
mod identity;
mod inspect;
mod mask;
mod mosaic;
mod parallel;
mod plans;
mod prepare;
mod product;
mod production;
mod reader;
mod record;
mod remote;
mod revision;
mod root;
mod rules;
mod sample;
mod scratch;
mod screen;
mod series;
mod sheet;
mod source;
mod spool;
mod stack;
mod standing;
mod store_root;
mod tally;
mod traits;
mod tree;
mod unread;
mod verify;
mod windows;
mod zonal;

pub use ancillary::Ancillary;
pub use balance::BalanceRecord;
pub use classes::{Classes, ClassesError};
pub use clean::{CleanReport, Unexpected, clean};
pub use composite::{Composite, composite};
pub use error::{PrepError, one_line};
pub use expected::{Cubes, Expected, Member, Slot};
pub use identity::{Identity, TaskKey};
pub use inspect::{Difference, Fetched, Inspected, Inspector};
pub use mask::{Mask, MaskError};
pub use mosaic::{Encoding, MosaicFormat, MosaicReport, MosaicRequest, mosaic};
pub use parallel::in_parallel;
pub use plans::Plans;
pub use prepare::{Format, Prepare, PrepareReport, prepare};
pub use product::{Attempt, Committed, Done, Outcome, Variable, is_done};
pub use reader::{TileReader, WINDOWS};
pub use record::{Description, Provenance};
pub use revision::revisions;
pub use root::Root;
pub use rules::{LeapRule, RuleError, Rules, Sane, Target, TimeRule, ValidRange};
pub use sample::{NamedPoint, PointKernel, PointSink, PointValues, SampleReport, SampleRequest, sample};
pub use series::{Series, SourceAsset};
pub use spool::Spool;
pub use stack::{Frame, Stack, Wanted};
pub use standing::survey;
pub use store_root::StoreRoot;
pub use tally::{Extremes, Tally, tally};
pub use tree::write_catalog;
pub use verify::{Problem, VerifyReport, verify, verify_set};
pub use zonal::{ZonalReport, ZonalRequest, ZonalRow, ZonalSink, ZoneStatistic, zonal};
