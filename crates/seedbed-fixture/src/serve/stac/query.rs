//! A search, by query string or by JSON body.

use serde_json::{Map, Value};

use super::filter::Expression;
use crate::listing::granule::Footprint;
use crate::spec::Area;

/// The most that a page may be asked for.
const MOST_LIMIT: usize = 10_000;

/// Where a page begins: after an item, and how often pages were given for it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Cursor {
    /// The last item of the page before; empty at the start.
    pub(super) after: String,
    /// How often a page was given for this place.
    pub(super) again: u64,
}

impl Cursor {
    /// The token, as the Planetary Computer's: `next:<collection>:<id>`, with `~n` where a fault counts.
    pub(super) fn token(&self, collection: &str) -> String {
        let again = if self.again > 0 { format!("~{}", self.again) } else { String::new() };
        format!("next:{collection}:{}{again}", self.after)
    }

    fn parse(token: &str) -> Option<Self> {
        let (_, place) = token.strip_prefix("next:")?.split_once(':')?;
        let (after, again) = place.split_once('~').unwrap_or((place, "0"));
        Some(Self { after: after.into(), again: again.parse().ok()? })
    }
}

/// A search.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) ids: Vec<String>,
    pub(super) collections: Vec<String>,
    pub(super) boxes: Vec<Area>,
    pub(super) datetime: Option<(String, String)>,
    pub(super) limit: Option<usize>,
    pub(super) cursor: Cursor,
    pub(super) filter: Option<Expression>,
    /// Fields, and whether they descend.
    pub(super) sortby: Vec<(String, bool)>,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
}

impl Query {
    /// From a query string.
    pub(super) fn from_pairs(pairs: &[(String, String)], basic: bool) -> Result<Self, String> {
        let list = |value: &str| value.split(',').map(|part| Value::from(part.trim())).collect::<Value>();
        let mut map = Map::new();
        for (key, value) in pairs {
            let value = match key.as_str() {
                "ids" | "collections" | "sortby" | "fields" => list(value),
                "bbox" => value
                    .split(',')
                    .map(|part| {
                        part.trim().parse::<f64>().map(Value::from).map_err(|_| format!("bbox: `{part}`"))
                    })
                    .collect::<Result<Value, _>>()?,
                "limit" => Value::from(value.parse::<u64>().map_err(|_| format!("limit: `{value}`"))?),
                "intersects" => {
                    serde_json::from_str(value).map_err(|error| format!("intersects: {error}"))?
                }
                _ => Value::from(value.as_str()),
            };
            map.insert(key.clone(), value);
        }
        if map.get("filter-lang").is_some_and(|lang| lang == "cql2-json")
            && let Some(text) = map.get("filter").and_then(Value::as_str)
        {
            let filter = serde_json::from_str(text).map_err(|error| format!("filter: {error}"))?;
            map.insert("filter".into(), filter);
        }
        Self::from_map(&map, basic)
    }

    /// From a JSON body.
    pub(super) fn from_map(map: &Map<String, Value>, basic: bool) -> Result<Self, String> {
        let mut query = Self::default();
        for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            let texts = || -> Result<Vec<String>, String> {
                let list = value.as_array().ok_or_else(|| format!("{key}: not a list"))?;
                list.iter()
                    .map(|v| v.as_str().map(String::from).ok_or_else(|| format!("{key}: not text")))
                    .collect()
            };
            match key.as_str() {
                "ids" => query.ids = texts()?,
                "collections" => query.collections = texts()?,
                "bbox" => query.boxes = boxes(value)?,
                "intersects" => query.boxes = vec![bounds(value).ok_or("intersects: no coordinates")?],
                "datetime" => query.datetime = Some(interval(value.as_str().unwrap_or_default())?),
                "limit" => {
                    let limit = value.as_u64().filter(|&n| n > 0).ok_or("limit: at least 1")?;
                    query.limit = Some(usize::try_from(limit).unwrap_or(MOST_LIMIT).min(MOST_LIMIT));
                }
                "token" => {
                    let token = value.as_str().unwrap_or_default();
                    query.cursor = Cursor::parse(token).ok_or_else(|| format!("token: `{token}`"))?;
                }
                // An API that doesn't conform to an extension doesn't look at its parameters.
                "filter" | "sortby" | "fields" if basic => {}
                "filter" => {
                    query.filter = Some(match value.as_str() {
                        Some(text) => Expression::from_text(text)?,
                        None => Expression::from_json(value)?,
                    });
                }
                "sortby" => query.sortby = sort(value)?,
                "fields" => (query.include, query.exclude) = fields(value)?,
                "query" => return Err("query: this API doesn't conform to that extension".into()),
                _ => {}
            }
        }
        Ok(query)
    }

    /// Whether an item is asked for.
    pub(super) fn wants(&self, item: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let properties = &item["properties"];
        let (start, end) = (text(&properties["start_datetime"]), text(&properties["end_datetime"]));
        let in_time = self.datetime.as_ref().is_none_or(|(from, to)| {
            (to == ".." || start.as_str() <= to.as_str()) && (from == ".." || end.as_str() >= from.as_str())
        });
        let meets = || {
            let footprints = polygons(&item["geometry"]);
            footprints.iter().any(|footprint| self.boxes.iter().any(|wanted| footprint.meets(wanted)))
        };
        in_time
            && (self.ids.is_empty() || self.ids.contains(&text(&item["id"])))
            && (self.collections.is_empty() || self.collections.contains(&text(&item["collection"])))
            && (self.boxes.is_empty() || meets())
            && self.filter.as_ref().is_none_or(|filter| filter.holds(item) == Some(true))
    }
}

/// `[{"field": …, "direction": …}]`, or the words of a query string, `-` for descending.
fn sort(value: &Value) -> Result<Vec<(String, bool)>, String> {
    let refused = || format!("sortby: {value}");
    let one = |value: &Value| match value {
        Value::String(text) => {
            Some((text.trim_start_matches(['+', '-', ' ']).to_owned(), text.starts_with('-')))
        }
        value => Some((value["field"].as_str()?.to_owned(), value["direction"] == "desc")),
    };
    value.as_array().ok_or_else(refused)?.iter().map(|value| one(value).ok_or_else(refused)).collect()
}

/// `{"include": […], "exclude": […]}`, or the words of a query string, `-` for excluded.
fn fields(value: &Value) -> Result<(Vec<String>, Vec<String>), String> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
    };
    match value {
        Value::Array(_) => {
            let (out, kept): (Vec<String>, Vec<String>) =
                texts(value).into_iter().partition(|field| field.starts_with('-'));
            let bare = |list: Vec<String>| {
                list.into_iter().map(|field| field.trim_start_matches(['+', '-', ' ']).to_owned()).collect()
            };
            Ok((bare(kept), bare(out)))
        }
        Value::Object(map) => {
            let of = |key: &str| map.get(key).map(texts).unwrap_or_default();
            Ok((of("include"), of("exclude")))
        }
        _ => Err(format!("fields: {value}")),
    }
}

/// Four numbers, or six with heights; the two boxes that one over the antimeridian is.
pub(super) fn boxes(value: &Value) -> Result<Vec<Area>, String> {
    let area = bbox(value)?;
    if area.west <= area.east {
        return Ok(vec![area]);
    }
    Ok(vec![Area { east: 180.0, ..area }, Area { west: -180.0, ..area }])
}

/// Four numbers, or six with heights.
pub(super) fn bbox(value: &Value) -> Result<Area, String> {
    let numbers: Option<Vec<f64>> = value
        .as_array()
        .map(|list| list.iter().map(Value::as_f64).collect::<Option<_>>())
        .unwrap_or_default();
    match numbers.as_deref() {
        Some(&[west, south, east, north] | &[west, south, _, east, north, _]) if south <= north => {
            Ok(Area { west, south, east, north })
        }
        _ => Err(format!("bbox: {value}")),
    }
}

/// The outer rings of a polygon or of several.
fn polygons(geometry: &Value) -> Vec<Footprint> {
    let several = geometry["type"] == "MultiPolygon";
    let list = geometry["coordinates"].as_array().into_iter().flatten();
    let outer: Vec<&Value> =
        if several { list.map(|rings| &rings[0]).collect() } else { list.take(1).collect() };
    outer.into_iter().map(|ring| Footprint::Ring(points(ring))).collect()
}

/// Every point of nested lists of coordinates.
fn points(coordinates: &Value) -> Vec<(f64, f64)> {
    fn walk(value: &Value, out: &mut Vec<(f64, f64)>) {
        match value.as_array().map(Vec::as_slice) {
            Some([x, y, ..]) if x.is_number() && y.is_number() => {
                out.extend(x.as_f64().zip(y.as_f64()));
            }
            Some(list) => list.iter().for_each(|value| walk(value, out)),
            None => {}
        }
    }
    let mut points = Vec::new();
    walk(coordinates, &mut points);
    points
}

/// The bounding box of a geometry that is asked for, which is as far as this API looks at it.
pub(super) fn bounds(geometry: &Value) -> Option<Area> {
    Area::around(points(&geometry["coordinates"]).into_iter())
}

/// An instant or an interval, as two texts that compare; open ends are `..`.
fn interval(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('/').unwrap_or((text, text));
    let end = |part: &str| match part {
        "" | ".." => Ok("..".to_owned()),
        // Fractions of a second don't matter to composites of 16 days, and texts of one form compare.
        part if part.parse::<jiff::Timestamp>().is_ok() => {
            let whole = part.get(..19).unwrap_or(part).to_uppercase();
            Ok(format!("{whole}Z"))
        }
        part => Err(format!("datetime: `{part}` isn't a time of RFC 3339")),
    };
    Ok((end(from)?, end(to)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(value: &Value) -> Result<Query, String> {
        Query::from_map(value.as_object().unwrap(), false)
    }

    #[test]
    fn a_query_and_a_body_say_the_same() {
        let pairs = super::super::super::request::pairs(
            "collections=modis-13A1-061&bbox=-76,40,-74,42&datetime=2003-01-01T00:00:00Z/..&limit=5\
             &sortby=-datetime,%2Bid&fields=id,-geometry&filter=platform='terra'",
        );
        let value = json!({
            "collections": ["modis-13A1-061"],
            "bbox": [-76.0, 40.0, -74.0, 42.0],
            "datetime": "2003-01-01T00:00:00Z/..",
            "limit": 5,
            "sortby": [{ "field": "datetime", "direction": "desc" }, { "field": "id", "direction": "asc" }],
            "fields": { "include": ["id"], "exclude": ["geometry"] },
            "filter": { "op": "=", "args": [{ "property": "platform" }, "terra"] },
        });
        assert_eq!(Query::from_pairs(&pairs, false), body(&value));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        assert!(body(&json!({ "query": { "platform": { "eq": "terra" } } })).is_err());
        assert!(body(&json!({ "filter": {} })).is_err());
        assert!(body(&json!({ "bbox": [1, 2, 3] })).is_err());
        assert!(interval("2003").is_err());
    }

    #[test]
    fn a_basic_api_does_not_look_at_what_it_does_not_conform_to() {
        let map = json!({ "filter": {}, "sortby": 3, "limit": 2 });
        let query = Query::from_map(map.as_object().unwrap(), true).unwrap();
        assert_eq!((query.limit, query.filter), (Some(2), None));
    }

    #[test]
    fn a_token_leads_back_to_its_place() {
        let cursor = Cursor { after: "MOD13Q1.A2003001.h12v04.061.2020001000000".into(), again: 2 };
        assert_eq!(Cursor::parse(&cursor.token("modis-13Q1-061")), Some(cursor));
        assert_eq!(Cursor::parse("next:c:"), Some(Cursor::default()));
        assert_eq!(Cursor::parse("page2"), None);
    }
}
