//! In which order items are wanted.

use crate::Item;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Fields to sort by, the first one first: `-properties.datetime,+id`.
///
/// Names are those of the item's own fields or of its properties, with or without
/// `properties.`. Numbers come before truth values, instants and texts; what an
/// item lacks comes last, whichever the direction. An item without a `datetime`
/// is sorted by its start.
///
/// ```
/// use seedbed_catalog::SortBy;
/// let newest: SortBy = "-datetime,id".parse().unwrap();
/// assert_eq!(newest.to_string(), "-datetime,+id");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortBy(Vec<(String, Direction)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl FromStr for SortBy {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let fields = text.split(',').map(str::trim).filter(|field| !field.is_empty());
        let directed = fields.map(|field| match field.strip_prefix('-') {
            Some(name) => (name.to_owned(), Direction::Down),
            None => (field.strip_prefix('+').unwrap_or(field).to_owned(), Direction::Up),
        });
        Ok(Self(directed.collect()))
    }
}

impl fmt::Display for SortBy {
    /// As a STAC API takes it by GET.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (field, direction)) in self.0.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            let sign = if *direction == Direction::Up { '+' } else { '-' };
            write!(f, "{comma}{sign}{field}")?;
        }
        Ok(())
    }
}

impl SortBy {
    /// Whether no order is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a STAC API takes it by POST.
    pub(crate) fn to_value(&self) -> Value {
        let fields = self.0.iter().map(|(field, direction)| {
            let direction = if *direction == Direction::Up { "asc" } else { "desc" };
            json!({"field": field, "direction": direction})
        });
        Value::Array(fields.collect())
    }

    /// Bytes whose order is the wanted one.
    pub(crate) fn key(&self, item: &Item) -> Vec<u8> {
        let mut key = Vec::new();
        for (field, direction) in &self.0 {
            let value = field_of(item, field).filter(|value| !value.is_null());
            let Some(value) = value else {
                key.push(1);
                continue;
            };
            key.push(0);
            let begin = key.len();
            write(value, &mut key);
            if *direction == Direction::Down {
                key[begin..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        key
    }
}

/// A field of the item's own, or a property.
fn field_of<'a>(item: &'a Item, field: &str) -> Option<&'a Value> {
    let value = item.as_value();
    let (name, own) = match field.strip_prefix("properties.") {
        Some(name) => (name, None),
        None => (field, value.get(field)),
    };
    let time = if name == "datetime" { item.property("start_datetime") } else { None };
    own.or_else(|| item.property(name).filter(|value| !value.is_null()).or(time))
        // `a.b` inside of a property or field.
        .or_else(|| field.split('.').try_fold(value, |value, part| value.get(part)))
}

fn write(value: &Value, key: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            key.push(1);
            let bits = number.as_f64().unwrap_or_default().to_bits();
            // Negative numbers run backwards.
            let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
            key.extend(ordered.to_be_bytes());
        }
        Value::Bool(truth) => key.extend([2, u8::from(*truth)]),
        Value::String(text) => {
            if let Ok(instant) = text.parse::<Timestamp>() {
                key.push(3);
                let nanoseconds = instant.as_nanosecond() ^ i128::MIN;
                key.extend(nanoseconds.to_be_bytes());
            } else {
                key.push(4);
                escape(text, key);
            }
        }
        other => {
            key.push(5);
            escape(&other.to_string(), key);
        }
    }
}

/// A text that ends in a mark that sorts before all that may follow.
fn escape(text: &str, key: &mut Vec<u8>) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(by: &str, values: &[Value]) -> Vec<usize> {
        let by: SortBy = by.parse().unwrap();
        let keys = values.iter().enumerate().map(|(n, value)| {
            let mut item = Item::new(&format!("i{n}"));
            item.set_property("x", value.clone());
            (by.key(&item), n)
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        keys.into_iter().map(|(_, n)| n).collect()
    }

    #[test]
    fn values_are_ordered_as_what_they_are() {
        let numbers = [json!(10), json!(-2.5), json!(null), json!(9), json!(-30)];
        assert_eq!(order("x", &numbers), [4, 1, 3, 0, 2]);
        assert_eq!(order("-properties.x", &numbers), [0, 3, 1, 4, 2], "what is missing stays last");
        let texts = [json!("b"), json!("a"), json!("ab"), json!("")];
        assert_eq!(order("x", &texts), [3, 1, 2, 0]);
        assert_eq!(order("-x", &texts), [0, 2, 1, 3]);
        let times = [
            json!("2003-01-01T00:00:00Z"),
            json!("2003-01-01T00:00:00.5Z"),
            json!("2003-01-01T01:30:00+02:00"),
        ];
        assert_eq!(order("x", &times), [2, 0, 1]);
    }

    #[test]
    fn later_fields_decide_between_equals() {
        let by: SortBy = " -a, b".parse().unwrap();
        let key = |a: i32, b: &str| {
            let mut item = Item::new("i");
            item.set_property("a", json!(a));
            item.set_property("b", json!(b));
            by.key(&item)
        };
        assert!(key(2, "z") < key(1, "a") && key(1, "a") < key(1, "ab") && key(1, "ab") < key(1, "b"));
        assert_eq!(by.to_value()[0], json!({"field": "a", "direction": "desc"}));
    }

    #[test]
    fn items_without_a_datetime_are_sorted_by_their_start() {
        let mut item = Item::new("i");
        item.set_property("start_datetime", json!("2003-01-01T00:00:00Z"));
        let by: SortBy = "datetime".parse().unwrap();
        let mut other = Item::new("j");
        other.set_property("datetime", json!("2002-01-01T00:00:00Z"));
        assert!(by.key(&other) < by.key(&item));
        assert!("id".parse::<SortBy>().unwrap().key(&item) < "id".parse::<SortBy>().unwrap().key(&other));
    }
}
