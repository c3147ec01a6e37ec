//! What tells items of one first day apart: only granules of the same thing become one layer.

use crate::source::Source;
use jiff::{SignedDuration, Timestamp};
use seedbed_block::Period;
use seedbed_catalog::Item;
use seedbed_grid::Bbox;
use serde_json::Value;
use std::collections::BTreeMap;

/// How much of the smaller box has to lie in the other for items that differ in what values are of.
const OVERLAP: f64 = 0.5;
/// How much of the larger box has to lie in the other for both to cover the same ground.
const SAME_GROUND: f64 = 0.9;

/// How far apart two observations of one day are that don't belong to one pass.
const SAME_TIME: SignedDuration = SignedDuration::from_hours(1);

/// What a product of ours is of; its days are those of the layers that a tile happens to have.
const OF_PRODUCT: &str = "seedbed:period";

/// Properties that say what values are of, whatever stands before their colon.
const SUBJECTS: &[&str] = &[
    "day",
    "depth",
    "ensemble",
    "ensemble_member",
    "experiment",
    "experiment_id",
    "forecast_horizon",
    "gcm",
    "lead",
    "lead_time",
    "level",
    "member",
    "member_id",
    "model",
    "month",
    "parameter",
    "pathway",
    "percentile",
    "period",
    "quantile",
    "rcm",
    "rcp",
    "realization",
    "return_period",
    "scenario",
    "season",
    "source_id",
    "ssp",
    "statistic",
    "variable",
    "variable_id",
    "variable_name",
    "variant_label",
    "week",
];

/// Words in the names of properties that tell one observation of a thing from another.
const OF_OBSERVATIONS: &[&str] = &[
    "acquisition",
    "angle",
    "azimuth",
    "baseline",
    "catalog",
    "checksum",
    "cloud",
    "count",
    "coverage",
    "created",
    "date",
    "datetime",
    "description",
    "elevation",
    "expires",
    "file",
    "frame",
    "granule",
    "gsd",
    "href",
    "id",
    "instrument",
    "instruments",
    "keywords",
    "license",
    "maturity",
    "mission",
    "name",
    "orbit",
    "path",
    "percent",
    "percentage",
    "pixels",
    "platform",
    "constellation",
    "processing",
    "producer",
    "published",
    "quality",
    "row",
    "satellite",
    "scene",
    "sensor",
    "sequence",
    "size",
    "stability",
    "station",
    "status",
    "strip",
    "sun",
    "tile",
    "time",
    "title",
    "updated",
    "uri",
    "url",
    "version",
    "view",
];

/// What an item's properties say its values are of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traits {
    /// Texts and numbers by their property's name.
    of: BTreeMap<String, Value>,
    /// Whether its time is shorter than a day, although it may lie on two.
    is_brief: bool,
    /// When it begins, if it is of a time of day.
    time: Option<Timestamp>,
}

/// How a property tells items apart.
#[derive(PartialEq, Eq)]
enum Kind {
    /// What the values are of.
    Subject,
    /// A key of its archive that we don't know.
    Other,
}

impl Traits {
    pub(crate) fn of(item: &Item) -> Self {
        let all = item.as_value()["properties"].as_object();
        let told = all.into_iter().flatten().filter(|(name, value)| {
            kind(name).is_some_and(|kind| {
                value.is_string()
                    || value.is_i64()
                    || value.is_u64()
                    || (value.is_f64() && kind == Kind::Subject)
            })
        });
        Self {
            of: told.map(|(name, value)| (name.clone(), value.clone())).collect(),
            is_brief: item.is_brief(),
            time: item.time_of_day(),
        }
    }
}

/// What a property tells apart, if anything. A name with a colon is of an extension, which has its own words for
/// observations.
fn kind(name: &str) -> Option<Kind> {
    let (extension, local) = name.split_once(':').map_or((None, name), |(ext, local)| (Some(ext), local));
    let local = local.to_ascii_lowercase();
    if extension == Some("processing") {
        return None;
    }
    if SUBJECTS.contains(&local.as_str()) {
        return Some(Kind::Subject);
    }
    let of_observations = |word: &str| OF_OBSERVATIONS.contains(&word);
    (extension.is_none() && !local.split(['_', '-', '.', ' ']).any(of_observations)).then_some(Kind::Other)
}

/// Why two sources can't become one layer, if they can't.
pub(crate) fn apart(a: &Source, b: &Source) -> Option<String> {
    if a.asset.undated || b.asset.undated {
        return None;
    }
    let (ours, theirs) = (&a.asset.traits.of, &b.asset.traits.of);
    let same_grid = a.facts.geobox == b.facts.geobox;
    let shared = a.asset.bbox.zip(b.asset.bbox).map(|(a, b)| shared(a, b));
    let overlaps = shared.map_or(same_grid, |(of_smaller, _)| of_smaller >= OVERLAP);
    let is_same_ground = same_grid && shared.is_none_or(|(_, of_larger)| of_larger >= SAME_GROUND);
    let names = ours.keys().chain(theirs.keys());
    let differing = |name: &&String| match kind(name) {
        Some(Kind::Subject) => overlaps && ours.get(*name) != theirs.get(*name),
        Some(Kind::Other) => {
            is_same_ground && ours.get(*name).zip(theirs.get(*name)).is_some_and(|(a, b)| a != b)
        }
        None => false,
    };
    let differs =
        names.filter(differing).min_by_key(|name| (kind(name) != Some(Kind::Subject), *name == "day", *name));
    if let Some(name) = differs {
        return Some(by_property(name, (a, ours.get(name)), (b, theirs.get(name))));
    }
    if is_same_ground && let Some(reason) = by_time(a, b) {
        return Some(reason);
    }
    let is_one_product = ours.contains_key(OF_PRODUCT) && ours.get(OF_PRODUCT) == theirs.get(OF_PRODUCT);
    let (first, second) = (layer_period(a)?, layer_period(b)?);
    let differ = first != second && !is_one_product && !(a.asset.traits.is_brief && b.asset.traits.is_brief);
    differ.then(|| {
        format!(
            "`{}` is of {first} and `{}` of {second}: take those of one length with `seedbed catalog search`, by \
             --ids or by --filter",
            a.asset.item, b.asset.item
        )
    })
}

/// Of two observations of the same pixels at different times of a day one would hide the other.
fn by_time(a: &Source, b: &Source) -> Option<String> {
    let (first, second) = a.asset.traits.time.zip(b.asset.traits.time)?;
    let layers = a.facts.dates.len().max(b.facts.dates.len());
    (layers == 1 && first.duration_since(second).abs() >= SAME_TIME).then(|| {
        format!(
            "`{}` is of {first} and `{}` of {second}, on the same pixels: take those of one time of day with `seedbed \
             catalog search`, by --ids or by --filter, or make one layer a day of them first",
            a.asset.item, b.asset.item
        )
    })
}

fn by_property(name: &str, ours: (&Source, Option<&Value>), theirs: (&Source, Option<&Value>)) -> String {
    let ((a, ours), (b, theirs)) = (ours, theirs);
    let said = |value: Option<&Value>| value.map_or("not stated".to_owned(), Value::to_string);
    let chosen = if ours.is_some() { a } else { b };
    // A day of a normal is one of its month.
    let names = [(name == "day").then_some("month"), Some(name)];
    let terms = names.iter().flatten().filter_map(|name| {
        let value = chosen.asset.traits.of.get(*name)?;
        let value =
            value.as_str().map_or(value.to_string(), |text| format!("'{}'", text.replace('\'', "''")));
        Some(if name.contains(':') { format!("\"{name}\" = {value}") } else { format!("{name} = {value}") })
    });
    format!(
        "`{name}` is {} in `{}` and {} in `{}`: take one at a time with `seedbed catalog search`, by --ids or by \
         --filter, such as `{}`",
        said(ours),
        a.asset.item,
        said(theirs),
        b.asset.item,
        terms.collect::<Vec<_>>().join(" AND ")
    )
}

/// The days that a source's layer stands for; none where its file has layers of days of their own.
fn layer_period(source: &Source) -> Option<Period> {
    (source.facts.dates.len() == 1).then_some(source.asset.period)
}

/// The same of a layer that stands for all of its item's days; an observation that only ends behind midnight doesn't.
pub(crate) fn whole_layer(source: &Source) -> Option<Period> {
    layer_period(source).filter(|_| !source.asset.undated && !source.asset.traits.is_brief)
}

/// How much of the smaller box and of the larger one lies in both.
fn shared(a: Bbox, b: Bbox) -> (f64, f64) {
    let common = a.common_area(b);
    let (a, b) = (a.common_area(a), b.common_area(b));
    let share = |of: f64| if of > 0.0 { common / of } else { 0.0 };
    (share(a.min(b)), share(a.max(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_values_are_of_is_told_from_what_observations_are() {
        for name in ["scenario", "cmip6:model", "month", "seedbed:period", "Variable"] {
            assert!(kind(name) == Some(Kind::Subject), "{name}");
        }
        for name in ["crop", "landcover_class", "region"] {
            assert!(kind(name) == Some(Kind::Other), "{name}");
        }
        for name in
            ["platform", "s2:product_uri", "eo:cloud_cover", "updated", "scene_id", "processing:level"]
        {
            assert!(kind(name).is_none(), "{name}");
        }
    }

    #[test]
    fn boxes_share_what_lies_in_both_across_the_antimeridian() {
        let bbox = |text: &str| text.parse::<Bbox>().unwrap();
        let (smaller, larger) = shared(bbox("0,0,10,10"), bbox("5,0,25,10"));
        assert!((smaller - 0.5).abs() < 1e-12 && (larger - 0.25).abs() < 1e-12, "{smaller} {larger}");
        let (smaller, larger) = shared(bbox("170,0,190,10"), bbox("170,0,-170,10"));
        assert!((smaller - 1.0).abs() < 1e-12 && (larger - 1.0).abs() < 1e-12, "{smaller} {larger}");
        assert_eq!(shared(bbox("0,0,10,10"), bbox("10,0,20,10")), (0.0, 0.0));
    }
}
