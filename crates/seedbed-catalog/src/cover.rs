//! What items have in common, gathered one by one: the box around them, their
//! time, their assets, the values of their properties.

use crate::{Item, time};
use jiff::Timestamp;
use seedbed_grid::BoxUnion;
use serde_json::{Map, Number, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most distinct texts of a property that a summary lists.
const MOST_VALUES: usize = 64;
/// The longest text that is worth a summary.
const LONGEST_VALUE: usize = 80;
/// Properties that every item has its own of, or that are prose.
const UNSUMMARISED: [&str; 7] =
    ["datetime", "start_datetime", "end_datetime", "created", "updated", "title", "description"];
/// Fields of assets that a summary has as well.
const ASSET_FIELDS: [&str; 2] = ["proj:code", "gsd"];

/// The values of one property.
#[derive(Debug, Clone)]
enum Summary {
    Texts(BTreeSet<String>),
    Numbers(Number, Number),
    Truths(BTreeSet<bool>),
    /// Too many or too different to be told.
    None,
}

/// What the items added so far have in common.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    boxes: BoxUnion,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    assets: Map<String, Value>,
    summaries: BTreeMap<String, Summary>,
}

impl Cover {
    pub fn add(&mut self, item: &Item) {
        self.add_extent(item);
        self.add_assets(item);
        self.add_properties(item);
    }

    /// Box and time alone.
    pub fn add_extent(&mut self, item: &Item) {
        if let Some(bbox) = item.bbox() {
            self.boxes.add(bbox);
        }
        let start = item.start_text().and_then(time::instant);
        let end = item.end_text().and_then(time::instant);
        self.start = [self.start, start].into_iter().flatten().min();
        self.end = self.end.max(end);
    }

    /// For each asset key, the fields that are the same in every item that has
    /// it; what belongs to one file (href, size, checksum, alternates) is left out.
    fn add_assets(&mut self, item: &Item) {
        for (key, asset) in item.assets() {
            let asset = asset.as_object();
            if let Some(fields) = self.assets.get_mut(key).and_then(Value::as_object_mut) {
                fields.retain(|name, value| asset.get(name).is_some_and(|other| same(value, other)));
                continue;
            }
            let of_all = |name: &str| {
                !matches!(name, "href" | "alternate" | "updated" | "created" | "version" | "deprecated")
                    && !name.starts_with("file:")
                    && !name.starts_with("alternate:")
            };
            // A superseded copy is of one item.
            if asset.get("deprecated") == Some(&Value::Bool(true)) {
                continue;
            }
            let fields = asset.iter().filter(|(name, _)| of_all(name));
            let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            self.assets.insert(key.to_owned(), Value::Object(fields));
        }
    }

    fn add_properties(&mut self, item: &Item) {
        let properties = item.as_value()["properties"].as_object();
        for (name, value) in properties.into_iter().flatten() {
            if !UNSUMMARISED.contains(&name.as_str()) {
                self.summarise(name, value);
            }
        }
        for (_, asset) in item.assets() {
            for name in ASSET_FIELDS {
                if let Some(value) = asset.as_object().get(name) {
                    self.summarise(name, value);
                }
            }
        }
    }

    fn summarise(&mut self, name: &str, value: &Value) {
        if let Value::Array(values) = value
            && values.iter().all(Value::is_string)
        {
            return values.iter().for_each(|value| self.summarise(name, value));
        }
        let Some(summary) = self.summaries.get_mut(name) else {
            let summary = match value {
                Value::Null => return,
                Value::String(text) if text.len() <= LONGEST_VALUE => Summary::Texts([text.clone()].into()),
                Value::Number(number) => Summary::Numbers(number.clone(), number.clone()),
                Value::Bool(truth) => Summary::Truths([*truth].into()),
                _ => Summary::None,
            };
            self.summaries.insert(name.to_owned(), summary);
            return;
        };
        let fits = match (&mut *summary, value) {
            (_, Value::Null) => true,
            (Summary::Texts(texts), Value::String(text)) => {
                if !texts.contains(text) {
                    texts.insert(text.clone());
                }
                texts.len() <= MOST_VALUES && text.len() <= LONGEST_VALUE
            }
            (Summary::Numbers(least, most), Value::Number(number)) => {
                if number.as_f64() < least.as_f64() {
                    *least = number.clone();
                }
                if number.as_f64() > most.as_f64() {
                    *most = number.clone();
                }
                true
            }
            (Summary::Truths(truths), Value::Bool(truth)) => {
                truths.insert(*truth);
                true
            }
            _ => false,
        };
        if !fits {
            *summary = Summary::None;
        }
    }

    /// STAC's `extent`; without items the whole Earth and all time.
    pub fn extent(&self) -> Value {
        let bbox = self.boxes.bbox().map_or([-180.0, -90.0, 180.0, 90.0], <[f64; 4]>::from);
        // Whole seconds, as most readers expect.
        let text = |t: Option<Timestamp>| t.map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        json!({"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[text(self.start), text(self.end)]]}})
    }

    /// STAC's `item_assets`: at least two fields of each.
    pub fn item_assets(&self) -> Map<String, Value> {
        let told = |fields: &Value| fields.as_object().is_some_and(|f| f.len() >= 2);
        let assets = self.assets.iter().filter(|(_, fields)| told(fields));
        assets.map(|(key, fields)| (key.clone(), fields.clone())).collect()
    }

    /// STAC's `summaries`: sets of texts, ranges of numbers.
    pub fn summaries(&self) -> Map<String, Value> {
        let value = |summary: &Summary| match summary {
            Summary::Texts(texts) => Some(json!(texts)),
            Summary::Numbers(least, most) if least == most => Some(json!([least])),
            Summary::Numbers(least, most) => Some(json!({"minimum": least, "maximum": most})),
            Summary::Truths(truths) => Some(json!(truths)),
            Summary::None => None,
        };
        self.summaries.iter().filter_map(|(name, s)| Some((name.clone(), value(s)?))).collect()
    }
}

/// Equality that is quick where the fields stand in one order, as they mostly do.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|((key, value), (other, found))| {
                    if key == other { same(value, found) } else { b.get(key).is_some_and(|v| same(value, v)) }
                })
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_grid::Bbox;

    fn union(boxes: &[Bbox]) -> Bbox {
        let mut union = BoxUnion::default();
        for bbox in boxes {
            union.add(*bbox);
        }
        union.bbox().unwrap()
    }

    #[test]
    fn extents_cross_the_antimeridian_only_with_an_item() {
        let fiji = Bbox { west: 177.0, south: -20.0, east: -178.0, north: -12.0 };
        let east = Bbox { west: -179.0, south: 0.0, east: -170.0, north: 1.0 };
        let both = union(&[fiji, east]);
        assert_eq!((both.west, both.east, both.south, both.north), (177.0, -170.0, -20.0, 1.0));
        let japan = Bbox { west: 140.0, south: 30.0, east: 145.0, north: 40.0 };
        assert_eq!(union(&[japan, east]).west, -179.0);
        let world = Bbox { west: -180.0, south: 0.0, east: 180.0, north: 1.0 };
        let all = union(&[fiji, world]);
        assert_eq!((all.west, all.east), (-180.0, 180.0));
        let all = union(&[japan, fiji]);
        assert_eq!((all.west, all.east), (140.0, -178.0));
    }

    #[test]
    fn the_order_of_boxes_makes_no_difference_to_their_union() {
        let mut boxes: Vec<Bbox> = (0..200_u32)
            .map(|n| {
                let west = f64::from(n * 7919 % 3000) / 10.0 - 120.0;
                Bbox { west, south: -1.0, east: west + 0.05, north: 1.0 }
            })
            .collect();
        boxes.push(Bbox { west: 179.0, south: -1.0, east: -179.0, north: 1.0 });
        let forth = union(&boxes);
        boxes.reverse();
        assert_eq!(union(&boxes), forth);
        assert!(forth.west > forth.east);
    }

    #[test]
    fn properties_become_sets_and_ranges() {
        let mut cover = Cover::default();
        for n in 0..100_u32 {
            let mut item = Item::new("i");
            for (name, value) in [
                ("region", json!(["na", "hi"][n as usize % 2])),
                ("year", json!(1980 + n % 40)),
                ("gsd", json!(1000)),
                ("name", json!(format!("n{n}"))),
                ("mixed", if n == 3 { json!(1) } else { json!("x") }),
                ("instruments", json!(["modis"])),
                ("nothing", json!(null)),
            ] {
                item.set_property(name, value);
            }
            cover.add(&item);
        }
        assert_eq!(
            Value::Object(cover.summaries()),
            json!({"gsd": [1000], "instruments": ["modis"], "region": ["hi", "na"],
                "year": {"minimum": 1980, "maximum": 2019}})
        );
    }
}
