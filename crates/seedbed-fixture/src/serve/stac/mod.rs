//! A STAC API with MODIS collections, as the Planetary Computer answers.

mod documents;
mod filter;
mod page;
mod query;

use hyper::header::HeaderName;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{self, Reply, not_found, whole};
use super::fault::Kind;
use super::request::Asked;
use super::{Post, Site};
use crate::listing::items;
use crate::modis::{self, COLLECTION};
use query::Query;

const ROOT: &str = "/api/stac/v1";
const GEOJSON: &str = "application/geo+json";

/// A path under the API's root.
pub(super) fn serve(site: &Site, asked: &Asked, rest: &str, fault: Option<Kind>) -> Reply {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(key) = &site.options.stac_key
        && asked.header(HeaderName::from_static("x-api-key")) != Some(key.as_str())
    {
        return problem(StatusCode::UNAUTHORIZED, "Unauthorized", "X-API-Key is missing or wrong.");
    }
    let posts = asked.method == Method::POST;
    if posts && (parts != ["search"] || site.options.stac_post == Post::Refused) {
        return problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Method Not Allowed");
    }
    let collections = collections(site);
    let known = |id: &str| collections.contains(&id);
    match parts[..] {
        [] => body::json("application/json", &documents::landing(site, asked, &collections)),
        ["conformance"] => {
            body::json("application/json", &json!({ "conformsTo": documents::conforms_to(site) }))
        }
        ["queryables"] => body::json("application/schema+json", &documents::queryables(asked, "/queryables")),
        ["collections"] => body::json("application/json", &documents::collections(asked, &collections)),
        ["collections", id] if known(id) => body::json("application/json", &documents::collection(asked, id)),
        ["collections", id, "queryables"] if known(id) => {
            let at = format!("/collections/{id}/queryables");
            body::json("application/schema+json", &documents::queryables(asked, &at))
        }
        ["collections", id, "items"] if known(id) => {
            let query = Query::from_pairs(&asked.query, site.options.stac_basic)
                .map(|query| Query { collections: vec![id.into()], ..query });
            page::answer(site, asked, query, None, &format!("/collections/{id}/items"), fault)
        }
        ["collections", id, "items", item] if known(id) => {
            let query = Query { ids: vec![item.into()], collections: vec![id.into()], ..Query::default() };
            match page::items(site, &query).first() {
                Some(found) => body::json(GEOJSON, &addressed(found, &asked.base)),
                None => missing(&format!("Item {item} in Collection {id}")),
            }
        }
        ["collections", other, ..] => missing(&format!("Collection {other}")),
        ["search"] if posts => match serde_json::from_slice::<Map<String, Value>>(&asked.body) {
            Ok(map) => {
                let query = Query::from_map(&map, site.options.stac_basic);
                page::answer(site, asked, query, Some(map), "/search", fault)
            }
            Err(error) => problem(StatusCode::BAD_REQUEST, "BadRequest", &error.to_string()),
        },
        ["search"] => {
            let query = Query::from_pairs(&asked.query, site.options.stac_basic);
            page::answer(site, asked, query, None, "/search", fault)
        }
        _ => not_found("resource of this name"),
    }
}

/// The collections that this server has items of.
fn collections(site: &Site) -> Vec<&'static str> {
    if site.synthetic.is_some() {
        return vec![items::COLLECTIONS[0]];
    }
    if site.listed.is_some() {
        return items::COLLECTIONS.to_vec();
    }
    vec![COLLECTION]
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

/// A stored item with this server's address in its links.
fn addressed(value: &Value, base: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(modis::BASE, base)),
        Value::Array(list) => list.iter().map(|value| addressed(value, base)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), addressed(value, base))).collect())
        }
        other => other.clone(),
    }
}
