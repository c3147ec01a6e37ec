//! From a granule to what is known of it: captures, days, place.

use crate::calendar::Strategy;
use crate::definition::Definition;
use crate::granule::Granule;
use crate::grid::{GridFailure, Grids, Placed};
use crate::outline::Outline;
use crate::pattern::Reading;
use crate::source::{decode, path_of};
use crate::template::Captures;
use crate::wanted::Wanted;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use seedbed_grid::{Bbox, Projections};
use serde_json::Value;
use std::sync::Arc;

/// A granule whose name, dates and place are known.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub granule: Granule,
    pub captures: Captures,
    pub days: (Date, Date),
    /// `None` where nothing tells it.
    pub place: Option<Arc<Placed>>,
}

/// What becomes of a granule.
#[derive(Debug)]
pub(crate) enum Verdict<T> {
    /// It is wanted.
    Wanted(T),
    /// Another file, or filtered out.
    Unwanted,
    /// It can't be used.
    Rejected(String),
}

/// What its name and its listing tell of a granule, if it is wanted.
pub(crate) fn read(
    definition: &Definition,
    wanted: &Wanted,
    granule: &Granule,
) -> Verdict<(Captures, (Date, Date))> {
    let captures = match captures(definition, granule) {
        Verdict::Wanted(captures) => captures,
        Verdict::Unwanted => return Verdict::Unwanted,
        Verdict::Rejected(reason) => return Verdict::Rejected(reason),
    };
    let rules = &definition.group;
    let defined = |a: &crate::template::Template| {
        definition.assets.is_empty() || definition.assets.contains_key(&a.render(&captures))
    };
    if !wanted.has(&captures) || !rules.assets.iter().all(defined) {
        return Verdict::Unwanted;
    }
    let days = match rules.strategy {
        Strategy::Listed => listed_days(granule),
        strategy => strategy.days(&captures, rules.calendar).and_then(|days| in_phase(days, rules.phase)),
    };
    match days {
        Ok(days) if wanted.meets(days) => Verdict::Wanted((captures, days)),
        Ok(_) => Verdict::Unwanted,
        Err(reason) => Verdict::Rejected(reason),
    }
}

/// Days that begin where composites do.
fn in_phase(days: (Date, Date), phase: Option<i16>) -> Result<(Date, Date), String> {
    let doy = days.0.day_of_year();
    match phase {
        Some(phase) if (doy - phase) % 16 != 0 => {
            Err(format!("no composite of this archive starts on day {doy} of a year"))
        }
        _ => Ok(days),
    }
}

/// The captures of a granule's name, path and listing.
fn captures(definition: &Definition, granule: &Granule) -> Verdict<Captures> {
    let path = if granule.href.is_empty() { String::new() } else { decode(path_of(&granule.href)) };
    let mut captures = match definition.names.read(&granule.name, &path) {
        Reading::Granule(captures) => captures,
        Reading::Other => return Verdict::Unwanted,
        Reading::Unknown => return Verdict::Rejected("its name is none of this archive's".to_owned()),
    };
    if granule.name.contains('\0') {
        return Verdict::Rejected("its name has a NUL in it".to_owned());
    }
    captures.extend(granule.captures.iter().map(|(k, v)| (k.clone(), v.clone())));
    let stem = match granule.name.rsplit_once('.') {
        Some((stem, _)) if granule.item.is_none() && !stem.is_empty() => stem,
        _ => &granule.name,
    };
    captures.insert("stem".to_owned(), stem.to_owned());
    captures.insert("name".to_owned(), granule.name.clone());
    Verdict::Wanted(captures)
}

/// The days that the listing tells, in UTC.
fn listed_days(granule: &Granule) -> Result<(Date, Date), String> {
    let of = |text: &str| -> Result<Date, String> {
        text.parse::<Timestamp>()
            .map(|t| t.to_zoned(TimeZone::UTC).date())
            .map_err(|_| format!("`{text}` is no instant"))
    };
    let none = || "its listing tells no dates".to_owned();
    let (start, end) = match (&granule.times, &granule.item) {
        (Some((start, end)), _) => (of(start)?, of(end)?),
        (None, Some(item)) => {
            let text = |name: &str| item["properties"][name].as_str();
            let start = text("start_datetime").or_else(|| text("datetime")).ok_or_else(none)?;
            let end = text("end_datetime").or_else(|| text("datetime")).ok_or_else(none)?;
            (of(start)?, of(end)?)
        }
        _ => return Err(none()),
    };
    if end < start { Err(format!("it ends ({end}) before it starts ({start})")) } else { Ok((start, end)) }
}

/// The place of a granule: on its grid, or where the listing says. The grid's is resolved if need be.
pub(crate) fn place(
    definition: &Definition,
    grids: &mut Grids,
    projections: &dyn Projections,
    granule: &Granule,
    captures: &Captures,
) -> Result<Option<Arc<Placed>>, GridFailure> {
    match &definition.group.grid {
        Some(grid) => grids.place(&definition.grids, projections, &grid.render(captures), captures).map(Some),
        None => Ok(listed_place(granule)),
    }
}

/// The place that was resolved before.
pub(crate) fn known_place(
    definition: &Definition,
    grids: &Grids,
    granule: &Granule,
    captures: &Captures,
) -> Option<Arc<Placed>> {
    match &definition.group.grid {
        Some(grid) => grids.placed(&definition.grids, &grid.render(captures), captures),
        None => listed_place(granule),
    }
}

fn listed_place(granule: &Granule) -> Option<Arc<Placed>> {
    let outline = match (&granule.outline, &granule.item) {
        (Some(outline), _) => outline.clone(),
        (None, Some(item)) => Outline { geometry: item["geometry"].clone(), bbox: bbox_of(&item["bbox"])? },
        _ => return None,
    };
    Some(Arc::new(Placed { geobox: None, axes: None, outline }))
}

/// A box of four or six numbers.
fn bbox_of(value: &Value) -> Option<Bbox> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
    match numbers?[..] {
        [west, south, east, north] | [west, south, _, east, north, _] => {
            Some(Bbox { west, south, east, north })
        }
        _ => None,
    }
}
