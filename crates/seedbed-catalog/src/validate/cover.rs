//! Whether a collection's extent covers its items.

use super::place;
use super::report::{Check, Name, Problem};
use crate::item::bbox_of;
use crate::time;
use jiff::Timestamp;
use seedbed_grid::Bbox;
use serde_json::Value;

/// What a collection says it covers, and the items that lie outside.
#[derive(Debug)]
pub struct Cover {
    name: Name,
    bbox: Option<Bbox>,
    interval: Option<(Option<Timestamp>, Option<Timestamp>)>,
    outside_box: Outside,
    outside_interval: Outside,
}

#[derive(Debug, Default)]
struct Outside {
    count: usize,
    first: Option<String>,
}

impl Outside {
    fn add(&mut self, item: &Value) {
        self.count += 1;
        self.first.get_or_insert_with(|| item["id"].as_str().unwrap_or_default().to_owned());
    }

    fn problem(&self, check: Check, path: &str) -> Option<Problem> {
        let first = self.first.as_deref()?;
        let message = match self.count {
            1 => format!("the item `{first}` lies outside"),
            n => format!("{n} items lie outside, such as `{first}`"),
        };
        Some(Problem::new(check, path, message))
    }
}

impl Cover {
    /// The overall extent, the first of each list, of a collection.
    pub fn new(name: Name, collection: &Value) -> Self {
        let extent = &collection["extent"];
        let interval = extent["temporal"]["interval"][0].as_array().map(|interval| {
            let bound = |i: usize| interval.get(i).and_then(Value::as_str).and_then(time::instant);
            (bound(0), bound(1))
        });
        Self {
            name,
            bbox: bbox_of(&extent["spatial"]["bbox"][0]),
            interval,
            outside_box: Outside::default(),
            outside_interval: Outside::default(),
        }
    }

    /// Which collection.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Notes whether an item lies outside.
    pub fn look_at(&mut self, item: &Value) {
        if let (Some(outer), Some(inner)) = (self.bbox, bbox_of(&item["bbox"]))
            && !place::contains(outer, inner)
        {
            self.outside_box.add(item);
        }
        let properties = &item["properties"];
        let instant = |field: &str| {
            let text = properties[field].as_str().or_else(|| properties["datetime"].as_str());
            text.and_then(time::instant)
        };
        let Some((first, last)) = self.interval else { return };
        let early = first.is_some_and(|first| instant("start_datetime").is_some_and(|start| start < first));
        let late = last.is_some_and(|last| {
            // Extents are often given in whole seconds.
            instant("end_datetime").is_some_and(|end| end.as_second() > last.as_second())
        });
        if early || late {
            self.outside_interval.add(item);
        }
    }

    /// What is wrong with the extent.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        let place = self.outside_box.problem(Check::Place, "/extent/spatial/bbox/0");
        let time = self.outside_interval.problem(Check::Datetime, "/extent/temporal/interval/0");
        place.into_iter().chain(time)
    }
}
