//! A STAC API with the MODIS collection, as the Planetary Computer answers.

use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Site;
use super::body::{self, Reply, not_found, whole};
use super::request::{Asked, encoded};
use crate::modis::{self, COLLECTION};
use crate::spec::Area;

const ROOT: &str = "/api/stac/v1";
const GEOJSON: &str = "application/geo+json";
/// As many as the Planetary Computer gives unless asked otherwise, and at most.
const DEFAULT_LIMIT: usize = 250;
const MOST_LIMIT: usize = 1000;
const CONFORMS_TO: [&str; 9] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0-rc.2/item-search#context",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
];

/// A path under the API's root.
pub(super) fn serve(site: &Site, asked: &Asked, rest: &str) -> Reply {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let posts = asked.method == Method::POST;
    if posts && parts != ["search"] {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Method Not Allowed");
    }
    match parts[..] {
        [] => body::json("application/json", &landing(asked)),
        ["conformance"] => body::json("application/json", &json!({ "conformsTo": CONFORMS_TO })),
        ["collections"] => {
            let list = json!({
                "collections": [collection(asked)],
                "links": [link("root", "/", asked), link("self", "/collections", asked)],
            });
            body::json("application/json", &list)
        }
        ["collections", COLLECTION] => body::json("application/json", &collection(asked)),
        ["collections", COLLECTION, "items"] => {
            let query = Query::from_pairs(&asked.query).map(|mut query| {
                query.collections = vec![COLLECTION.into()];
                query
            });
            answer(site, asked, query, &format!("/collections/{COLLECTION}/items"))
        }
        ["collections", COLLECTION, "items", id] => {
            items(site, asked).into_iter().find(|item| item["id"] == id).map_or_else(
                || missing(&format!("Item {id} in Collection {COLLECTION}")),
                |item| body::json(GEOJSON, &item),
            )
        }
        ["collections", other, ..] => missing(&format!("Collection {other}")),
        ["search"] if posts => answer(site, asked, Query::from_body(&asked.body), "/search"),
        ["search"] => answer(site, asked, Query::from_pairs(&asked.query), "/search"),
        _ => not_found("resource of this name"),
    }
}

fn problem(status: StatusCode, code: &str, description: &str) -> Reply {
    whole(status, "application/json", json!({ "code": code, "description": description }).to_string())
}

fn missing(what: &str) -> Reply {
    problem(StatusCode::NOT_FOUND, "NotFoundError", &format!("{what} does not exist."))
}

fn href(path: &str, asked: &Asked) -> String {
    format!("{}{ROOT}{path}", asked.base)
}

fn link(rel: &str, path: &str, asked: &Asked) -> Value {
    json!({ "rel": rel, "type": "application/json", "href": href(path, asked) })
}

fn landing(asked: &Asked) -> Value {
    json!({
        "type": "Catalog",
        "id": "microsoft-pc",
        "title": "Microsoft Planetary Computer STAC API",
        "description": "Searchable spatiotemporal metadata describing Earth science datasets hosted by the Microsoft Planetary Computer",
        "stac_version": "1.0.0",
        "conformsTo": CONFORMS_TO,
        "links": [
            link("self", "/", asked),
            link("root", "/", asked),
            link("data", "/collections", asked),
            link("conformance", "/conformance", asked),
            { "rel": "search", "type": GEOJSON, "title": "STAC search", "href": href("/search", asked), "method": "GET" },
            { "rel": "search", "type": GEOJSON, "title": "STAC search", "href": href("/search", asked), "method": "POST" },
            {
                "rel": "child",
                "type": "application/json",
                "title": "MODIS Vegetation Indices 16-Day (500m)",
                "href": href(&format!("/collections/{COLLECTION}"), asked),
            },
            { "rel": "service-desc", "type": "application/vnd.oai.openapi+json;version=3.0", "href": href("/openapi.json", asked) },
        ],
    })
}

fn collection(asked: &Asked) -> Value {
    let at = format!("/collections/{COLLECTION}");
    json!({
        "type": "Collection",
        "id": COLLECTION,
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
        ],
        "title": "MODIS Vegetation Indices 16-Day (500m)",
        "description": "The Moderate Resolution Imaging Spectroradiometer (MODIS) Vegetation Indices 16-Day Version 6.1 product at 500 m, from Terra and Aqua. These are synthetic items, made for tests.",
        "license": "proprietary",
        "keywords": ["NASA", "MODIS", "Satellite", "MOD13A1", "MYD13A1"],
        "providers": [
            { "name": "NASA LP DAAC at the USGS EROS Center", "roles": ["producer", "licensor", "processor"], "url": "https://lpdaac.usgs.gov/" },
            { "name": "Microsoft", "roles": ["host"], "url": "https://planetarycomputer.microsoft.com" },
        ],
        "extent": {
            "spatial": { "bbox": [[-180, -90, 180, 90]] },
            "temporal": { "interval": [["2000-02-18T00:00:00Z", null]] },
        },
        "summaries": { "instruments": ["modis"], "platform": ["aqua", "terra"] },
        "item_assets": {
            modis::NDVI: {
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": "500m 16 days NDVI",
                "roles": ["data"],
                "raster:bands": [{ "unit": "NDVI", "scale": 0.0001, "data_type": "int16", "spatial_resolution": 500 }],
            },
            modis::RELIABILITY: {
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": "Quality reliability of VI pixel",
                "roles": ["data"],
                "raster:bands": [{ "unit": "Rank", "data_type": "int8", "spatial_resolution": 500 }],
            },
        },
        "links": [
            link("self", &at, asked),
            link("root", "/", asked),
            link("parent", "/", asked),
            { "rel": "items", "type": GEOJSON, "href": href(&format!("{at}/items"), asked) },
            { "rel": "license", "href": "https://lpdaac.usgs.gov/data/data-citation-and-policies/", "title": "LP DAAC - Data Citation and Policies" },
        ],
    })
}

/// The items, with this server's address in their links.
fn items(site: &Site, asked: &Asked) -> Vec<Value> {
    let stored = modis::read_items(&site.dir.join("modis")).unwrap_or_default();
    stored.into_iter().map(|item| addressed(item, &asked.base)).collect()
}

fn addressed(value: Value, base: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(modis::BASE, base)),
        Value::Array(list) => list.into_iter().map(|value| addressed(value, base)).collect(),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, addressed(value, base))).collect())
        }
        other => other,
    }
}

/// A search.
#[derive(Debug, Default, Clone, PartialEq)]
struct Query {
    ids: Vec<String>,
    collections: Vec<String>,
    bbox: Option<Area>,
    datetime: Option<(String, String)>,
    limit: Option<usize>,
    /// The last item of the page before.
    after: Option<String>,
}

impl Query {
    /// From a query string.
    fn from_pairs(pairs: &[(String, String)]) -> Result<Self, String> {
        let list = |value: &str| value.split(',').map(|part| Value::from(part.trim())).collect::<Value>();
        let mut map = Map::new();
        for (key, value) in pairs {
            let value = match key.as_str() {
                "ids" | "collections" => list(value),
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
        Self::from_map(&map)
    }

    /// From a JSON body.
    fn from_body(body: &[u8]) -> Result<Self, String> {
        let map: Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        Self::from_map(&map)
    }

    fn from_map(map: &Map<String, Value>) -> Result<Self, String> {
        let mut query = Self::default();
        for (key, value) in map {
            if value.is_null() {
                continue;
            }
            let texts = || -> Result<Vec<String>, String> {
                let list = value.as_array().ok_or_else(|| format!("{key}: not a list"))?;
                list.iter()
                    .map(|v| v.as_str().map(String::from).ok_or_else(|| format!("{key}: not text")))
                    .collect()
            };
            match key.as_str() {
                "ids" => query.ids = texts()?,
                "collections" => query.collections = texts()?,
                "bbox" => query.bbox = Some(bbox(value)?),
                "intersects" => query.bbox = Some(bounds(value).ok_or("intersects: no coordinates")?),
                "datetime" => query.datetime = Some(interval(value.as_str().unwrap_or_default())?),
                "limit" => {
                    let limit = value.as_u64().filter(|&n| n > 0).ok_or("limit: at least 1")?;
                    query.limit = Some(usize::try_from(limit).unwrap_or(MOST_LIMIT));
                }
                "token" => {
                    let token = value.as_str().unwrap_or_default();
                    let start = format!("next:{COLLECTION}:");
                    let id = token.strip_prefix(&start).ok_or_else(|| format!("token: `{token}`"))?;
                    query.after = Some(id.into());
                }
                "filter" | "query" | "sortby" | "fields" => {
                    return Err(format!("{key}: this API doesn't conform to that extension"));
                }
                _ => {}
            }
        }
        Ok(query)
    }

    fn wants(&self, item: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let properties = &item["properties"];
        let (start, end) = (text(&properties["start_datetime"]), text(&properties["end_datetime"]));
        let in_time = self.datetime.as_ref().is_none_or(|(from, to)| {
            (to == ".." || start.as_str() <= to.as_str()) && (from == ".." || end.as_str() >= from.as_str())
        });
        let item_box = bbox(&item["bbox"]).ok();
        in_time
            && (self.ids.is_empty() || self.ids.contains(&text(&item["id"])))
            && (self.collections.is_empty() || self.collections.contains(&text(&item["collection"])))
            && self.bbox.is_none_or(|area| item_box.is_some_and(|item| item.meets(&area)))
    }

    /// The query as a body that asks for the page after `id`.
    fn body_after(&self, id: &str, limit: usize) -> Value {
        let mut map = Map::new();
        if !self.collections.is_empty() {
            map.insert("collections".into(), json!(self.collections));
        }
        if !self.ids.is_empty() {
            map.insert("ids".into(), json!(self.ids));
        }
        if let Some(area) = self.bbox {
            map.insert("bbox".into(), json!([area.west, area.south, area.east, area.north]));
        }
        if let Some((from, to)) = &self.datetime {
            map.insert("datetime".into(), json!(format!("{from}/{to}")));
        }
        map.insert("limit".into(), json!(limit));
        map.insert("token".into(), json!(format!("next:{COLLECTION}:{id}")));
        Value::Object(map)
    }
}

/// Four numbers, or six with heights.
fn bbox(value: &Value) -> Result<Area, String> {
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

/// The bounding box of a geometry, which is as far as this API looks at it.
fn bounds(geometry: &Value) -> Option<Area> {
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
    walk(&geometry["coordinates"], &mut points);
    points.into_iter().fold(None, |area: Option<Area>, (x, y)| {
        let area = area.unwrap_or(Area { west: x, south: y, east: x, north: y });
        Some(Area {
            west: area.west.min(x),
            south: area.south.min(y),
            east: area.east.max(x),
            north: area.north.max(y),
        })
    })
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

fn answer(site: &Site, asked: &Asked, query: Result<Query, String>, path: &str) -> Reply {
    let query = match query {
        Ok(query) => query,
        Err(message) => return problem(StatusCode::BAD_REQUEST, "BadRequest", &message),
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MOST_LIMIT).min(site.options.stac_page);
    let mut hits: Vec<Value> = items(site, asked).into_iter().filter(|item| query.wants(item)).collect();
    if let Some(after) = &query.after {
        let Some(at) = hits.iter().position(|item| item["id"] == after.as_str()) else {
            return problem(StatusCode::BAD_REQUEST, "BadRequest", &format!("token: no item {after}"));
        };
        hits.drain(..=at);
    }
    let more = hits.len() > limit;
    hits.truncate(limit);
    let mut links = vec![
        json!({ "rel": "root", "type": "application/json", "href": href("/", asked) }),
        json!({ "rel": "self", "type": GEOJSON, "href": href(path, asked) }),
    ];
    if let (true, Some(last)) = (more, hits.last().and_then(|item| item["id"].as_str())) {
        links.push(next_link(asked, &query, path, last, limit));
    }
    let count = hits.len();
    body::json(
        GEOJSON,
        &json!({ "type": "FeatureCollection", "features": hits, "links": links, "numberReturned": count }),
    )
}

/// The way to the next page: by the method that this one was asked with.
fn next_link(asked: &Asked, query: &Query, path: &str, last: &str, limit: usize) -> Value {
    if asked.method == Method::POST {
        return json!({
            "rel": "next",
            "type": GEOJSON,
            "method": "POST",
            "href": href(path, asked),
            "body": query.body_after(last, limit),
        });
    }
    let kept = asked.query.iter().filter(|(key, _)| key != "token");
    let token = ("token".to_owned(), format!("next:{COLLECTION}:{last}"));
    let pairs: Vec<String> =
        kept.chain([&token]).map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    json!({
        "rel": "next",
        "type": GEOJSON,
        "method": "GET",
        "href": format!("{}?{}", href(path, asked), pairs.join("&")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_and_a_body_say_the_same() {
        let pairs = super::super::request::pairs(
            "collections=modis-13A1-061&bbox=-76,40,-74,42&datetime=2003-01-01T00:00:00Z/..&limit=5",
        );
        let body = json!({
            "collections": [COLLECTION],
            "bbox": [-76.0, 40.0, -74.0, 42.0],
            "datetime": "2003-01-01T00:00:00Z/..",
            "limit": 5,
        });
        assert_eq!(Query::from_pairs(&pairs), Query::from_body(body.to_string().as_bytes()));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        assert!(Query::from_body(b"{\"filter\": {}}").is_err());
        assert!(Query::from_body(b"{\"bbox\": [1, 2, 3]}").is_err());
        assert!(interval("2003").is_err());
    }
}
