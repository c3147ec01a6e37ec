//! What a collection says of its items, gathered one item at a time: extent,
//! what assets of a key have in common, and summaries.

use crate::{Item, time};
use jiff::Timestamp;
use seedbed_grid::Bbox;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Values that a summary lists; a property with more is told by its range, or not at all.
const MOST_VALUES: usize = 50;
/// The longest text that a summary lists.
const LONGEST: usize = 100;
/// Properties that the extent tells already, or that differ from item to item by nature.
const NOT_SUMMARISED: [&str; 9] = [
    "datetime",
    "start_datetime",
    "end_datetime",
    "created",
    "updated",
    "title",
    "description",
    "proj:wkt2",
    "proj:projjson",
];

/// Gathers.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    items: u64,
    place: Place,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    assets: Map<String, Value>,
    summaries: BTreeMap<String, Summary>,
}

impl Cover {
    /// Takes an item in.
    pub fn add(&mut self, item: &Item) {
        self.items += 1;
        if let Some(bbox) = item.bbox() {
            self.place.add(bbox);
        }
        let start = item.start_text().and_then(time::instant);
        let end = item.end_text().and_then(time::instant);
        self.start = [self.start, start].into_iter().flatten().min();
        self.end = [self.end, end].into_iter().flatten().max();
        self.add_assets(item);
        for (name, value) in item.as_value()["properties"].as_object().into_iter().flatten() {
            if NOT_SUMMARISED.contains(&name.as_str()) {
                continue;
            }
            match self.summaries.get_mut(name) {
                Some(summary) => summary.add(value),
                None => {
                    let mut summary = Summary::default();
                    summary.add(value);
                    self.summaries.insert(name.clone(), summary);
                }
            }
        }
    }

    /// For each asset key, the fields that are the same in every item that has it;
    /// what belongs to one file (href, size, checksum, alternates) is left out.
    fn add_assets(&mut self, item: &Item) {
        for (key, asset) in item.assets() {
            let asset = asset.as_object();
            if let Some(fields) = self.assets.get_mut(key).and_then(Value::as_object_mut) {
                fields.retain(|name, value| asset.get(name) == Some(value));
                continue;
            }
            let of_all = |name: &str| {
                !matches!(name, "href" | "alternate" | "updated" | "created" | "version" | "deprecated")
                    && !name.starts_with("file:")
                    && !name.starts_with("alternate:")
                    && !name.starts_with("seedbed:")
                    && !name.starts_with("listing:")
            };
            let fields = asset.iter().filter(|(name, _)| of_all(name));
            let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            self.assets.insert(key.to_owned(), Value::Object(fields));
        }
    }

    /// How many items there are.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The smallest box around all; across the antimeridian only if one of them is.
    #[must_use]
    pub fn bbox(&self) -> Option<Bbox> {
        self.place.union()
    }

    /// STAC's `extent`; the whole Earth and all time without any item.
    #[must_use]
    pub fn extent(&self) -> Value {
        let bbox = self.bbox().map_or([-180.0, -90.0, 180.0, 90.0], <[f64; 4]>::from);
        // Whole seconds, as most readers expect.
        let text = |i: Option<Timestamp>| i.map(|i| i.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        json!({
            "spatial": {"bbox": [bbox]},
            "temporal": {"interval": [[text(self.start), text(self.end)]]},
        })
    }

    /// STAC's `item_assets`: of each key what all agree on, if that is two fields or more.
    #[must_use]
    pub fn item_assets(&self) -> Map<String, Value> {
        let enough = |fields: &Value| fields.as_object().is_some_and(|f| f.len() >= 2);
        self.assets.iter().filter(|(_, f)| enough(f)).map(|(k, f)| (k.clone(), f.clone())).collect()
    }

    /// STAC's `summaries`: values of texts and flags, ranges of numbers.
    #[must_use]
    pub fn summaries(&self) -> Map<String, Value> {
        let of = |(name, summary): (&String, &Summary)| Some((name.clone(), summary.value()?));
        self.summaries.iter().filter_map(of).collect()
    }
}

/// What the items have of one property.
#[derive(Debug, Clone)]
enum Summary {
    Values(Vec<Value>),
    Range(f64, f64, Value, Value),
    /// Too various to be told.
    None,
}

impl Default for Summary {
    fn default() -> Self {
        Self::Values(Vec::new())
    }
}

impl Summary {
    fn add(&mut self, value: &Value) {
        match (&mut *self, value) {
            (Self::None, _) | (_, Value::Null) => {}
            (Self::Values(values), Value::String(_) | Value::Bool(_))
                if values.first().is_none_or(|v| !v.is_number()) =>
            {
                if !values.contains(value) {
                    values.push(value.clone());
                }
                let long = value.as_str().is_some_and(|t| t.len() > LONGEST);
                if values.len() > MOST_VALUES || long {
                    *self = Self::None;
                }
            }
            (Self::Values(values), Value::Number(number)) if values.is_empty() => {
                let n = number.as_f64().unwrap_or(f64::NAN);
                *self = Self::Range(n, n, value.clone(), value.clone());
            }
            (Self::Range(least, most, low, high), Value::Number(number)) => {
                let n = number.as_f64().unwrap_or(f64::NAN);
                if n < *least {
                    (*least, *low) = (n, value.clone());
                }
                if n > *most {
                    (*most, *high) = (n, value.clone());
                }
            }
            _ => *self = Self::None,
        }
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Values(values) if !values.is_empty() => {
                let mut values = values.clone();
                values.sort_by_key(ToString::to_string);
                Some(Value::Array(values))
            }
            Self::Range(least, most, low, _) if least == most => Some(json!([low])),
            Self::Range(_, _, low, high) => Some(json!({"minimum": low, "maximum": high})),
            _ => None,
        }
    }
}

/// The boxes of items, merged as they come.
#[derive(Debug, Clone, Default)]
struct Place {
    plain: Option<Bbox>,
    /// Whether a box crosses the antimeridian.
    crosses: bool,
    /// Western and eastern ends of what is covered, disjoint and in order; east may exceed 180°.
    arcs: Vec<(f64, f64)>,
}

impl Place {
    fn add(&mut self, bbox: Bbox) {
        self.plain = Some(self.plain.map_or(bbox, |all| all.union(bbox)));
        self.crosses |= bbox.west > bbox.east;
        let (mut west, mut east) =
            (bbox.west, if bbox.west <= bbox.east { bbox.east } else { bbox.east + 360.0 });
        // Those that end before it, then those it meets, then the rest.
        let from = self.arcs.partition_point(|arc| arc.1 < west);
        let to = self.arcs.partition_point(|arc| arc.0 <= east);
        for arc in &self.arcs[from..to.max(from)] {
            west = west.min(arc.0);
            east = east.max(arc.1);
        }
        self.arcs.splice(from..to.max(from), [(west, east)]);
    }

    fn union(&self) -> Option<Bbox> {
        let plain = self.plain?;
        if !self.crosses {
            return Some(plain);
        }
        // On the circle: the union is what the widest gap between the boxes leaves.
        let (first, mut reach) = *self.arcs.first()?;
        let (mut gap, mut west, mut east) = (0.0, -180.0, 180.0);
        for &(start, end) in self.arcs[1..].iter().chain(std::iter::once(&(first + 360.0, 0.0))) {
            if start - reach > gap {
                (gap, west, east) = (start - reach, start, reach);
            }
            reach = reach.max(end);
        }
        let wrapped = |x: f64| if x > 180.0 { x - 360.0 } else { x };
        let (west, east) = if gap > 0.0 { (wrapped(west), wrapped(east)) } else { (-180.0, 180.0) };
        Some(Bbox { west, east, south: plain.south, north: plain.north })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn union(boxes: &[[f64; 4]]) -> Option<[f64; 4]> {
        let mut place = Place::default();
        for &[west, south, east, north] in boxes {
            place.add(Bbox { west, south, east, north });
        }
        place.union().map(<[f64; 4]>::from)
    }

    #[test]
    fn extents_cross_the_antimeridian_only_with_an_item() {
        let (fiji, east) = ([177.0, -20.0, -178.0, -12.0], [-179.0, 0.0, -170.0, 1.0]);
        assert_eq!(union(&[fiji, east]), Some([177.0, -20.0, -170.0, 1.0]));
        assert_eq!(union(&[[140.0, 30.0, 145.0, 40.0], east]), Some([-179.0, 0.0, 145.0, 40.0]));
        assert_eq!(union(&[fiji, [-180.0, 0.0, 180.0, 1.0]]), Some([-180.0, -20.0, 180.0, 1.0]));
        assert_eq!(union(&[]), None);
    }

    #[test]
    fn the_order_of_boxes_changes_nothing() {
        let boxes = [
            [170.0, 0.0, -170.0, 1.0],
            [-100.0, 0.0, -90.0, 1.0],
            [-95.0, 0.0, -80.0, 1.0],
            [10.0, 0.0, 20.0, 1.0],
            [15.0, 0.0, 16.0, 1.0],
            [-170.0, 0.0, -160.0, 1.0],
        ];
        let expected = union(&boxes);
        assert_eq!(expected, Some([170.0, 0.0, 20.0, 1.0]));
        for turn in 1..boxes.len() {
            let mut turned = boxes;
            turned.rotate_left(turn);
            assert_eq!(union(&turned), expected, "{turn}");
            turned.reverse();
            assert_eq!(union(&turned), expected, "reversed {turn}");
        }
    }

    #[test]
    fn summaries_list_few_values_and_give_ranges_of_numbers() {
        let mut cover = Cover::default();
        for n in 0..200 {
            let mut item = Item::new(&format!("i{n}"));
            item.set_property("platform", json!(if n % 2 == 0 { "terra" } else { "aqua" }));
            item.set_property("year", json!(1980 + n % 40));
            item.set_property("constant", json!(3));
            item.set_property("name", json!(format!("only this {n}")));
            item.set_property("mixed", if n % 2 == 0 { json!(1) } else { json!("one") });
            cover.add(&item);
        }
        assert_eq!(
            Value::Object(cover.summaries()),
            json!({"constant": [3], "platform": ["aqua", "terra"], "year": {"minimum": 1980, "maximum": 2019}})
        );
    }
}
