//! What a table could not hold: found by reading back what was written.

use super::kind::At;
use crate::time::INSTANTS;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Places that are told one by one.
const MOST: usize = 100;

/// What was lost, by place, and in how many items.
#[derive(Debug, Default)]
pub struct Losses(BTreeMap<(String, &'static str), usize>);

impl Losses {
    /// Compares an item with what became of it. The order of an object's fields,
    /// `1` or `1.0`, and how an instant is spelt mean nothing.
    pub fn compare(&mut self, item: &Value, back: &Value) {
        let (Some(item), Some(back)) = (item.as_object(), back.as_object()) else { return };
        for (name, value) in item {
            self.look(value, back.get(name), At { above: None, name });
        }
        for name in back.keys().filter(|name| !item.contains_key(*name)) {
            self.note(At { above: None, name }, "added");
        }
    }

    /// In sentences.
    pub fn sentences(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|((place, what), count)| {
            let items = if count == 1 { "1 item".to_owned() } else { format!("{count} items") };
            match what {
                "null" => format!("`{place}` is null in {items}: a table does not tell null from absent"),
                "added" => {
                    format!("`{place}`, which STAC demands, was absent in {items} and comes back empty")
                }
                "changed" => {
                    format!("`{place}` comes back changed from {items}: more digits than a table holds")
                }
                _ => format!("`{place}` of {items} is not held by a table"),
            }
        })
    }

    fn note(&mut self, at: At<'_>, what: &'static str) {
        let key = (at.to_string(), what);
        if self.0.len() < MOST || self.0.contains_key(&key) {
            *self.0.entry(key).or_default() += 1;
        }
    }

    fn look(&mut self, value: &Value, back: Option<&Value>, at: At<'_>) {
        match (value, back) {
            (Value::Null, None) => self.note(at, "null"),
            (_, None) => self.note(at, "lost"),
            (Value::Object(fields), Some(Value::Object(back))) => {
                for (name, value) in fields {
                    self.look(value, back.get(name), At { above: Some(&at), name });
                }
                for name in back.keys().filter(|name| !fields.contains_key(*name)) {
                    self.note(At { above: Some(&at), name }, "added");
                }
            }
            (Value::Array(values), Some(Value::Array(back))) if values.len() == back.len() => {
                for (value, back) in values.iter().zip(back) {
                    self.look(value, Some(back), At { above: Some(&at), name: "[]" });
                }
            }
            (Value::Number(a), Some(Value::Number(b))) => {
                // A whole number may come back as a float, unless it has too many digits for one.
                let whole = |b: f64| a.is_f64() || format!("{b:.0}") == a.to_string();
                if a != b && !b.as_f64().is_some_and(|f| a.as_f64() == Some(f) && whole(f)) {
                    self.note(at, "changed");
                }
            }
            (Value::String(a), Some(Value::String(b))) => {
                let instant = |text: &str| text.parse::<Timestamp>().ok();
                let same = a == b
                    || (INSTANTS.contains(&at.name) && instant(a).is_some_and(|a| Some(a) == instant(b)));
                if !same {
                    self.note(at, "changed");
                }
            }
            (value, Some(back)) if value == back => {}
            _ => self.note(at, "changed"),
        }
    }
}
