//! Which fields of items are wanted.

use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What an item has whatever is asked for, unless it is excluded: what makes it one.
const DEFAULT: [&str; 11] = [
    "type",
    "stac_version",
    "id",
    "geometry",
    "bbox",
    "collection",
    "links",
    "assets",
    "properties.datetime",
    "properties.start_datetime",
    "properties.end_datetime",
];
/// What can't be excluded.
const NEEDED: [&str; 2] = ["type", "id"];
const TOP: [&str; 10] = [
    "type",
    "stac_version",
    "stac_extensions",
    "id",
    "geometry",
    "bbox",
    "collection",
    "properties",
    "links",
    "assets",
];

/// Fields to include and to exclude, as the fields extension of STAC APIs has
/// them: those included beside the ones that make an item, less those excluded.
/// `properties` stands for all of them; a name that is no field of items for
/// a property; a longer path for what is inside. `id` and `type` always stay.
///
/// ```
/// use seedbed_catalog::Fields;
/// let fields: Fields = "properties,-assets,-properties.created".parse().unwrap();
/// assert_eq!(fields.to_string(), "properties,-assets,-properties.created");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl FromStr for Fields {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let mut fields = Self::default();
        for field in text.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            match field.strip_prefix('-') {
                Some(name) => fields.exclude.push(full(name)),
                None => fields.include.push(full(field.strip_prefix('+').unwrap_or(field))),
            }
        }
        Ok(fields)
    }
}

/// The path from the item on.
fn full(name: &str) -> String {
    let first = name.split('.').next().unwrap_or(name);
    if TOP.contains(&first) { name.to_owned() } else { format!("properties.{name}") }
}

impl fmt::Display for Fields {
    /// As a STAC API takes it by GET.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excluded = self.exclude.iter().map(|name| format!("-{name}"));
        let all: Vec<String> = self.include.iter().cloned().chain(excluded).collect();
        f.write_str(&all.join(","))
    }
}

impl Fields {
    /// Whether all fields are wanted.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// As a STAC API takes it by POST.
    pub(crate) fn to_value(&self) -> Value {
        json!({"include": self.include, "exclude": self.exclude})
    }

    /// The same with fields that are needed to judge an item; they are taken away again later.
    pub(crate) fn with(&self, needed: &[&str]) -> Self {
        let mut fields = self.clone();
        fields.exclude.retain(|name| !needed.contains(&name.as_str()));
        fields.include.extend(needed.iter().map(|name| (*name).to_owned()));
        fields
    }

    /// The item with the wanted fields, in their order.
    #[must_use]
    pub fn of(&self, item: Value) -> Value {
        if self.is_all() {
            return item;
        }
        let Value::Object(fields) = item else { return item };
        let wanted: Vec<&str> =
            DEFAULT.iter().copied().chain(self.include.iter().map(String::as_str)).collect();
        let mut kept = pick(fields, &wanted, "");
        for path in self.exclude.iter().filter(|path| !NEEDED.contains(&path.as_str())) {
            remove(&mut kept, path);
        }
        Value::Object(kept)
    }
}

/// The fields that are wanted or have something wanted inside.
fn pick(fields: Map<String, Value>, wanted: &[&str], above: &str) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in fields {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let inside = |w: &&str| w.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'));
        if wanted.contains(&path.as_str()) {
            kept.insert(name, value);
        } else if wanted.iter().any(inside)
            && let Value::Object(inner) = value
        {
            kept.insert(name, Value::Object(pick(inner, wanted, &path)));
        }
    }
    kept
}

fn remove(fields: &mut Map<String, Value>, path: &str) {
    if fields.shift_remove(path).is_some() {
        return;
    }
    // Names may hold dots themselves.
    for (dot, _) in path.match_indices('.') {
        if let Some(Value::Object(inner)) = fields.get_mut(&path[..dot]) {
            remove(inner, &path[dot + 1..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(fields: &str) -> Value {
        let item = json!({"type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "a", "geometry": null,
            "properties": {"datetime": null, "created": "c", "eo:cloud_cover": 1, "deep": {"a": 1, "b": 2}},
            "links": [], "assets": {"x": {"href": "x", "roles": []}, "y": {"href": "y"}}});
        fields.parse::<Fields>().unwrap().of(item)
    }

    #[test]
    fn what_makes_an_item_stays_unless_excluded() {
        let plain = json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": null,
            "properties": {"datetime": null, "eo:cloud_cover": 1}, "links": [],
            "assets": {"x": {"href": "x", "roles": []}, "y": {"href": "y"}}});
        assert_eq!(kept("eo:cloud_cover"), plain);
        assert_eq!(kept("+properties.eo:cloud_cover"), plain);
        let mut without = plain.clone();
        without.as_object_mut().unwrap().shift_remove("geometry");
        assert_eq!(kept("id,eo:cloud_cover,-geometry,-id,-type"), without);
        assert!(kept("").get("stac_extensions").is_some(), "nothing asked, nothing taken away");
    }

    #[test]
    fn paths_lead_inside() {
        assert_eq!(
            kept("properties,-properties.created")["properties"],
            json!({"datetime": null, "eo:cloud_cover": 1, "deep": {"a": 1, "b": 2}})
        );
        assert_eq!(kept("deep.b")["properties"], json!({"datetime": null, "deep": {"b": 2}}));
        assert_eq!(kept("-assets.x,-links")["assets"], json!({"y": {"href": "y"}}));
        assert!(kept("-links").get("links").is_none());
    }
}
