//! Files that can't be opened: each keeps its own days from being made, and no others.

use crate::error::one_line;
use crate::parallel::in_parallel;
use crate::store_root::AT_ONCE;
use crate::{Ancillary, PrepError, Prepare, SourceAsset, Spool};
use seedbed_block::{Date, Period};
use seedbed_catalog::Item;
use seedbed_grid::{Bbox, Projections};
use seedbed_raster::RasterError;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// After so many files one after the other that only fail for now, their server isn't asked for more.
const IN_A_ROW: usize = 8;

/// An item's asset whose file can't be opened.
#[derive(Clone)]
pub(crate) struct Unread {
    /// The asset's place in the request.
    pub(crate) series: usize,
    /// The item.
    pub(crate) item: String,
    /// A day of those that are asked for, as far as its item tells them: else the first.
    pub(crate) day: Date,
    /// Where it lies, as far as its item says.
    bbox: Option<Bbox>,
    /// Why, with the file.
    pub(crate) reason: String,
    /// Whether it may be opened later with nothing changed.
    pub(crate) retryable: bool,
}

impl Unread {
    /// Whether some of it may lie in a box.
    pub(crate) fn is_near(&self, bbox: Bbox) -> bool {
        self.bbox.is_none_or(|own| own.intersects(bbox))
    }
}

/// What is left of a request's items.
#[derive(Default)]
pub(crate) struct Sifted {
    pub(crate) unread: Vec<Unread>,
    /// Items, by their place, without an asset, by its place.
    left_out: BTreeSet<(usize, usize)>,
}

impl Sifted {
    /// The items of an asset, by its place, that can be read, or weren't asked for.
    pub(crate) fn items<'a>(&self, series: usize, items: &'a [Item]) -> Cow<'a, [Item]> {
        if self.left_out.is_empty() {
            return Cow::Borrowed(items);
        }
        let is_left = |(n, _): &(usize, &Item)| !self.left_out.contains(&(*n, series));
        Cow::Owned(items.iter().enumerate().filter(is_left).map(|(_, item)| item.clone()).collect())
    }
}

/// Opens the files that touch some boxes, of a request whose days are those of its layers.
///
/// # Errors
/// Of the first file, if no file of an asset can be opened or its server doesn't answer; what an item or a file says
/// that can't be.
pub(crate) fn sift(
    request: &Prepare,
    boxes: &[Bbox],
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Sifted, PrepError> {
    let mut sifted = Sifted::default();
    let asked = request.period.unwrap_or(Period { start: Date::MIN, end: Date::MAX });
    let (from, to) = request.rules.reach(asked);
    for (series, key) in request.assets.iter().enumerate() {
        let (mut opened, mut in_a_row, mut first) = (0, 0, None);
        let is_near = |own: Bbox| boxes.iter().any(|bbox| own.intersects(*bbox));
        let asked_for = request.items.iter().enumerate().filter_map(|(n, item)| {
            item.asset(key)?;
            let (start, _) =
                item.start().zip(item.end()).filter(|(start, end)| *start <= to && *end >= from)?;
            item.bbox().is_none_or(is_near).then_some((n, item, start))
        });
        let asked_for: Vec<(usize, &Item, Date)> = asked_for.collect();
        let look =
            |_: usize, (_, item, _): &(usize, &Item, Date)| open(item, key, request, spool, projections);
        // Some at a time, lest a server that doesn't answer be asked for all.
        let looks = asked_for.chunks(IN_A_ROW * AT_ONCE).flat_map(|some| {
            let found = in_parallel(some, AT_ONCE, look, |_| ());
            some.iter().zip(found)
        });
        for ((n, item, start), looked) in looks {
            let error = match looked {
                Ok(()) => {
                    (opened, in_a_row) = (opened + 1, 0);
                    continue;
                }
                Err(error) if is_of_file(&error) => error,
                Err(error) => return Err(error),
            };
            let retryable = error.retryable();
            in_a_row = if retryable { in_a_row + 1 } else { 0 };
            if in_a_row == IN_A_ROW {
                return Err(error);
            }
            sifted.left_out.insert((*n, series));
            let reason = one_line(&error);
            sifted.unread.extend(days(item, key, *start, asked).into_iter().map(|day| Unread {
                series,
                item: item.id().to_owned(),
                day,
                bbox: item.bbox(),
                reason: reason.clone(),
                retryable,
            }));
            first = first.or(Some(error));
        }
        if let (0, Some(error)) = (opened, first) {
            return Err(error);
        }
    }
    Ok(sifted)
}

/// The days of an asset that are asked for, as its cube's time axis or its item's has them: by their values, or by an
/// extent in steps of a day. The first one if neither does.
fn days(item: &Item, key: &str, start: Date, asked: Period) -> Vec<Date> {
    let dimensions = "cube:dimensions";
    let of_asset = item.asset(key).and_then(|asset| asset.as_object().get(dimensions));
    let dimensions = of_asset.or_else(|| item.property(dimensions)).and_then(Value::as_object);
    let is_time = |axis: &&Value| axis["type"] == "temporal";
    let axis = dimensions.and_then(|all| all.values().find(is_time)).unwrap_or(&Value::Null);
    let day = |said: &Value| said.as_str()?.get(..10)?.parse::<Date>().ok();
    let values = axis["values"].as_array().map(|all| all.iter().filter_map(day).collect::<Vec<Date>>());
    let by_step = || {
        let (first, last) = (day(&axis["extent"][0])?, day(&axis["extent"][1])?);
        let is_daily = axis["step"] == "P1D";
        is_daily.then(|| Period::new(first, last).ok()).flatten().map(|all| all.days().collect())
    };
    let mut days: Vec<Date> = values.or_else(by_step).unwrap_or_default();
    days.retain(|day| asked.contains(*day));
    if days.is_empty() { vec![start.max(asked.start)] } else { days }
}

/// Opens an asset's file, and that of its quality.
fn open(
    item: &Item,
    key: &str,
    request: &Prepare,
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<(), PrepError> {
    let stated = |key: &str| {
        let found = item.asset(key);
        found.map(|found| SourceAsset::stated(item, &found, projections)).transpose()
    };
    let Some(mut asset) = stated(key)? else { return Ok(()) };
    if let Some(mask) = &request.rules.mask {
        let layer = stated(&mask.asset)?.map(|asset| Ancillary::Asset(Arc::new(asset)));
        asset.quality = Some(layer.unwrap_or_else(|| Ancillary::Variable(mask.asset.clone())));
    }
    spool.source(&Arc::new(asset)).map(|_| ())
}

/// Whether a file is at fault, or the way to it, rather than what is said of it.
fn is_of_file(error: &PrepError) -> bool {
    match error {
        PrepError::Raster(error) => {
            matches!(error, RasterError::Damaged { .. } | RasterError::Gdal { .. } | RasterError::Io { .. })
        }
        PrepError::Read { .. }
        | PrepError::Storage(_)
        | PrepError::Size { .. }
        | PrepError::Checksum { .. } => true,
        _ => false,
    }
}
