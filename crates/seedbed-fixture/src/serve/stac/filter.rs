//! CQL2, in text and JSON, as far as properties go, and boxes of geometries.

mod text;

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use super::query::{bbox, bounds};
use crate::spec::Area;

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// A property of the item.
    Property(String),
    /// A constant.
    Constant(Value),
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    /// `=`, `<>`, `<`, `<=`, `>` or `>=`.
    Compare(String, Operand, Operand),
    Like(Operand, String),
    In(Operand, Vec<Operand>),
    Between(Operand, Operand, Operand),
    IsNull(Operand),
    /// The item's bounding box meets this one.
    Meets(Area),
}

/// A property's value, as queries name it: with or without `properties.` before it.
pub(super) fn property<'a>(item: &'a Value, name: &str) -> &'a Value {
    let properties = &item["properties"];
    match name.strip_prefix("properties.").unwrap_or(name) {
        "id" => &item["id"],
        "collection" => &item["collection"],
        // An item with an interval is sorted and filtered by its start.
        "datetime" if properties["datetime"].is_null() => &properties["start_datetime"],
        name => &properties[name],
    }
}

/// The order of two values of a kind: numbers, booleans, times, texts; none between kinds.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => match (a.parse::<Timestamp>(), b.parse::<Timestamp>()) {
            (Ok(a), Ok(b)) => Some(a.cmp(&b)),
            _ => Some(a.cmp(b)),
        },
        _ => None,
    }
}

impl Operand {
    fn of<'a>(&'a self, item: &'a Value) -> &'a Value {
        match self {
            Self::Property(name) => property(item, name),
            Self::Constant(value) => value,
        }
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        let Some(map) = value.as_object() else { return Ok(Self::Constant(value.clone())) };
        if let Some(name) = map.get("property").and_then(Value::as_str) {
            return Ok(Self::Property(name.into()));
        }
        if let Some(time) = map.get("timestamp").and_then(Value::as_str) {
            return instant(time).map(Self::Constant);
        }
        if let Some(day) = map.get("date").and_then(Value::as_str) {
            return instant(&format!("{day}T00:00:00Z")).map(Self::Constant);
        }
        Err(format!("filter: {value} is no property and no constant"))
    }
}

/// A time, as text.
fn instant(text: &str) -> Result<Value, String> {
    match text.parse::<Timestamp>() {
        Ok(_) => Ok(text.into()),
        Err(_) => Err(format!("filter: `{text}` isn't a time of RFC 3339")),
    }
}

impl Expression {
    /// Reads CQL2 text.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        text::parse(text)
    }

    /// Reads CQL2 JSON.
    pub(super) fn from_json(value: &Value) -> Result<Self, String> {
        let operator = value["op"].as_str().ok_or_else(|| format!("filter: {value} has no `op`"))?;
        let arguments =
            value["args"].as_array().ok_or_else(|| format!("filter: `{operator}` has no `args`"))?;
        let parts = || arguments.iter().map(Self::from_json).collect::<Result<Vec<_>, _>>();
        let list = |value: &Value| -> Result<Vec<Operand>, String> {
            value.as_array().ok_or("filter: no list")?.iter().map(Operand::from_json).collect()
        };
        match (operator, arguments.as_slice()) {
            ("and", _) => Ok(Self::And(parts()?)),
            ("or", _) => Ok(Self::Or(parts()?)),
            ("not", [inner]) => Ok(Self::Not(Box::new(Self::from_json(inner)?))),
            ("=" | "<>" | "<" | "<=" | ">" | ">=", [a, b]) => {
                Ok(Self::Compare(operator.into(), Operand::from_json(a)?, Operand::from_json(b)?))
            }
            ("like", [a, pattern]) => {
                let pattern = pattern.as_str().ok_or("filter: `like` wants a text")?;
                Ok(Self::Like(Operand::from_json(a)?, pattern.into()))
            }
            ("in", [a, values]) => Ok(Self::In(Operand::from_json(a)?, list(values)?)),
            ("between", [a, low, high]) => {
                Ok(Self::Between(Operand::from_json(a)?, Operand::from_json(low)?, Operand::from_json(high)?))
            }
            ("isNull", [a]) => Ok(Self::IsNull(Operand::from_json(a)?)),
            ("s_intersects", [_, geometry]) => {
                let area = bounds(geometry).or_else(|| bbox(&geometry["bbox"]).ok());
                area.map(Self::Meets).ok_or_else(|| "filter: s_intersects wants a geometry".into())
            }
            _ => Err(format!("filter: no operator `{operator}` of {} arguments", arguments.len())),
        }
    }

    /// Whether the item fulfils the condition; nothing where a missing value leaves it open.
    pub(super) fn holds(&self, item: &Value) -> Option<bool> {
        let compare = |a: &Operand, b: &Operand| order(a.of(item), b.of(item));
        match self {
            Self::And(parts) => fold(parts.iter().map(|part| part.holds(item)), true),
            Self::Or(parts) => fold(parts.iter().map(|part| part.holds(item)), false),
            Self::Not(inner) => inner.holds(item).map(|holds| !holds),
            Self::Compare(operator, a, b) => compare(a, b).map(|order| match operator.as_str() {
                "=" => order.is_eq(),
                "<>" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }),
            Self::Like(a, pattern) => {
                a.of(item).as_str().map(|text| like(pattern.as_bytes(), text.as_bytes()))
            }
            Self::In(a, list) => fold(list.iter().map(|b| compare(a, b).map(Ordering::is_eq)), false),
            Self::Between(a, low, high) => {
                let ends = [compare(a, low).map(Ordering::is_ge), compare(a, high).map(Ordering::is_le)];
                fold(ends.into_iter(), true)
            }
            Self::IsNull(a) => Some(a.of(item).is_null()),
            Self::Meets(area) => Some(bbox(&item["bbox"]).is_ok_and(|own| own.meets(area))),
        }
    }
}

/// All (`true`) or any (`false`) of some answers, an open one deciding nothing.
fn fold(answers: impl Iterator<Item = Option<bool>>, all: bool) -> Option<bool> {
    let mut open = false;
    for answer in answers {
        match answer {
            Some(answer) if answer != all => return Some(!all),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(all)
}

/// `%` stands for any characters, `_` for one, `\` takes the meaning of the next.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'%', rest @ ..], _) => like(rest, text) || (!text.is_empty() && like(pattern, &text[1..])),
        ([b'_', rest @ ..], [_, text @ ..]) => like(rest, text),
        ([b'\\', a, rest @ ..] | [a, rest @ ..], [b, text @ ..]) if a == b => like(rest, text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item() -> Value {
        json!({
            "id": "MOD13Q1.A2003001.h12v04",
            "bbox": [-80.0, 40.0, -70.0, 50.0],
            "properties": {
                "datetime": null,
                "start_datetime": "2003-01-01T00:00:00Z",
                "platform": "terra",
                "modis:horizontal-tile": 12,
                "gone": null,
            },
        })
    }

    #[test]
    fn text_and_json_say_the_same() {
        let cases = [
            ("platform = 'terra'", json!({ "op": "=", "args": [{ "property": "platform" }, "terra"] }), true),
            (
                "\"modis:horizontal-tile\" >= 12 AND NOT platform IN ('aqua', 'both')",
                json!({ "op": "and", "args": [
                    { "op": ">=", "args": [{ "property": "modis:horizontal-tile" }, 12] },
                    { "op": "not", "args": [
                        { "op": "in", "args": [{ "property": "platform" }, ["aqua", "both"]] }
                    ] },
                ] }),
                true,
            ),
            (
                "modis:horizontal-tile BETWEEN 1 AND 11 OR id LIKE 'MYD%'",
                json!({ "op": "or", "args": [
                    { "op": "between", "args": [{ "property": "modis:horizontal-tile" }, 1, 11] },
                    { "op": "like", "args": [{ "property": "id" }, "MYD%"] },
                ] }),
                false,
            ),
            (
                "datetime > TIMESTAMP('2002-12-31T00:00:00.000Z')",
                json!({ "op": ">", "args": [
                    { "property": "datetime" }, { "timestamp": "2002-12-31T00:00:00.000Z" }
                ] }),
                true,
            ),
            ("gone IS NULL", json!({ "op": "isNull", "args": [{ "property": "gone" }] }), true),
        ];
        for (text, json, holds) in cases {
            let read = Expression::from_text(text).unwrap();
            assert_eq!(read, Expression::from_json(&json).unwrap(), "{text}");
            assert_eq!(read.holds(&item()), Some(holds), "{text}");
        }
    }

    #[test]
    fn a_missing_value_leaves_open_what_the_rest_does_not_decide() {
        let holds = |text: &str| Expression::from_text(text).unwrap().holds(&item());
        assert_eq!(holds("gone > 3"), None);
        assert_eq!(holds("NOT gone > 3"), None);
        assert_eq!(holds("gone > 3 OR platform = 'terra'"), Some(true));
        assert_eq!(holds("gone > 3 AND platform = 'aqua'"), Some(false));
        assert_eq!(holds("gone IS NOT NULL"), Some(false));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "platform", "platform = ", "platform LIKE 3", "(a = 1", "a = 1 b", "a ~ 1", "a = 'x"]
        {
            assert!(Expression::from_text(text).is_err(), "{text}");
        }
        assert!(Expression::from_json(&json!({ "op": "t_after", "args": [] })).is_err());
        assert!(Expression::from_json(&json!("platform")).is_err());
    }

    #[test]
    fn geometries_meet_by_their_boxes() {
        let holds = |text: &str| Expression::from_text(text).unwrap().holds(&item());
        assert_eq!(holds("S_INTERSECTS(geometry, POLYGON((-75 41, -74 41, -74 42, -75 41)))"), Some(true));
        assert_eq!(holds("s_intersects(geometry, POINT(10 10))"), Some(false));
    }
}
