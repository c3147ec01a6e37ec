//! Pages of items.

use std::cmp::Ordering;

use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::filter::{order, property};
use super::query::{Cursor, Query};
use super::{GEOJSON, addressed, href, problem};
use crate::listing::items;
use crate::listing::synthetic::Synthetic;
use crate::modis;
use crate::serve::body::{self, Reply};
use crate::serve::fault::{Kind, struck};
use crate::serve::request::{Asked, encoded};
use crate::serve::{Post, Site};

/// As many as the Planetary Computer gives unless asked otherwise.
const DEFAULT_LIMIT: usize = 250;

/// The items that a query asks for, in its order, with [`modis::BASE`] for the server's address.
pub(super) fn items(site: &Site, query: &Query) -> Vec<Value> {
    let keep = |items: &[Value]| items.iter().filter(|item| query.wants(item)).cloned().collect();
    let mut found: Vec<Value> = match site.listed() {
        Some(listed) => keep(listed.items()),
        None => keep(&modis::read_items(&site.dir.join("modis")).unwrap_or_default()),
    };
    found.sort_by(|a, b| {
        let by = |(field, descends): &(String, bool)| {
            let (a, b) = (property(a, field), property(b, field));
            let order = order(a, b).unwrap_or_else(|| a.is_null().cmp(&b.is_null()));
            if *descends { order.reverse() } else { order }
        };
        query.sortby.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    found
}

/// Some items of a page, and what is told with them.
struct Page {
    /// With the number of each among all that were found.
    items: Vec<(u64, Value)>,
    matched: u64,
    /// Whether there are more.
    more: bool,
}

fn listed(site: &Site, query: &Query, limit: usize) -> Result<Page, String> {
    let all = items(site, query);
    let after = &query.cursor.after;
    let from = if after.is_empty() {
        0
    } else {
        let at = all.iter().position(|item| item["id"] == after.as_str());
        at.ok_or_else(|| format!("token: no item {after}"))? + 1
    };
    let matched = all.len() as u64;
    let more = all.len() > from + limit;
    let items = (0..).zip(all).skip(from).take(limit).collect();
    Ok(Page { items, matched, more })
}

/// A page of a synthetic listing: tokens hold the number of an item.
fn made(synthetic: &Synthetic, query: &Query, limit: usize) -> Result<Page, String> {
    if query.filter.is_some() || !query.sortby.is_empty() || !query.ids.is_empty() {
        return Err("a synthetic listing is searched by collection, bbox and datetime alone".into());
    }
    let day =
        |end: &String| if end == ".." { String::new() } else { end.get(..10).unwrap_or_default().into() };
    let days: Vec<(String, String)> = query.datetime.iter().map(|(from, to)| (day(from), day(to))).collect();
    if !query.collections.is_empty() && !query.collections.iter().any(|id| id == items::COLLECTIONS[0]) {
        return Ok(Page { items: Vec::new(), matched: 0, more: false });
    }
    let selection = synthetic.select(&query.boxes, &days);
    let from: u64 = match query.cursor.after.as_str() {
        "" => 0,
        after => after.parse::<u64>().map_err(|_| format!("token: `{after}`"))? + 1,
    };
    let to = (from + limit as u64).min(selection.len());
    let items = (from..to)
        .filter_map(|k| {
            let (composite, tile) = selection.place(k)?;
            Some((k, items::item(composite, tile, 0, false)))
        })
        .collect();
    Ok(Page { items, matched: selection.len(), more: to < selection.len() })
}

/// Answers a search. `map` is the body of one that was posted.
pub(super) fn answer(
    site: &Site,
    asked: &Asked,
    query: Result<Query, String>,
    map: Option<Map<String, Value>>,
    path: &str,
    fault: Option<Kind>,
) -> Reply {
    let refused = |message: &str| problem(StatusCode::BAD_REQUEST, "BadRequest", message);
    let query = match query {
        Ok(query) => query,
        Err(message) => return refused(&message),
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(site.options.stac_page);
    let page = match &site.synthetic {
        Some(synthetic) => made(synthetic, &query, limit),
        None => listed(site, &query, limit),
    };
    let page = match page {
        Ok(page) => page,
        Err(message) => return refused(&message),
    };
    let mut links = vec![
        json!({ "rel": "root", "type": "application/json", "href": href("/", asked) }),
        json!({ "rel": "self", "type": GEOJSON, "href": href(path, asked) }),
    ];
    if let Some((cursor, collection)) = next(&query.cursor, &page, site, fault) {
        links.push(next_link(site, asked, map, path, limit, &cursor.token(&collection)));
    }
    let mut features = Vec::with_capacity(page.items.len());
    for (k, item) in &page.items {
        let item = chosen(addressed(item, &asked.base), &query);
        features.extend(spoilt(*k, item, fault));
    }
    let returned = features.len();
    let matched = if fault == Some(Kind::Hits) { page.matched * 10 + 7 } else { page.matched };
    body::json(
        GEOJSON,
        &json!({
            "type": "FeatureCollection",
            "features": features,
            "links": links,
            "numberMatched": matched,
            "numberReturned": returned,
        }),
    )
}

/// Where the next page begins and the collection that its token names, if there is to be one. A
/// fault may lead it back or on for ever.
fn next(cursor: &Cursor, page: &Page, site: &Site, fault: Option<Kind>) -> Option<(Cursor, String)> {
    let last = page.items.last();
    let collection = last.and_then(|(_, item)| item["collection"].as_str()).unwrap_or("none").to_owned();
    let after = last.map(|(k, item)| match site.synthetic {
        Some(_) => k.to_string(),
        None => item["id"].as_str().unwrap_or_default().to_owned(),
    });
    let on = |again| Cursor { after: after.clone().unwrap_or_else(|| cursor.after.clone()), again };
    let to = match fault {
        Some(Kind::Repeat) if cursor.again == 0 && !page.items.is_empty() => {
            Some(Cursor { again: 1, ..cursor.clone() })
        }
        Some(Kind::Loop) if !cursor.after.is_empty() => Some(Cursor::default()),
        Some(Kind::Endless) if !page.more => {
            Some(on(if page.items.is_empty() { cursor.again + 1 } else { 0 }))
        }
        _ => page.more.then(|| on(0)),
    };
    to.map(|cursor| (cursor, collection))
}

/// An item with what its fault does to every tenth.
fn spoilt(k: u64, mut item: Value, fault: Option<Kind>) -> Vec<Value> {
    if !struck(k) {
        return vec![item];
    }
    match fault {
        Some(Kind::Duplicates) => return vec![item.clone(), item],
        Some(Kind::Names) => item["id"] = format!("unnamed_{k}").into(),
        Some(Kind::Dates) => item["properties"]["start_datetime"] = "2003-02-30T00:00:00Z".into(),
        _ => {}
    }
    vec![item]
}

/// An item with the fields that were asked for.
fn chosen(mut item: Value, query: &Query) -> Value {
    if !query.include.is_empty() {
        let mut kept = json!({});
        for field in ["id", "collection"].into_iter().chain(query.include.iter().map(String::as_str)) {
            let (outer, inner) = field.split_once('.').unwrap_or((field, ""));
            match item.get(outer) {
                Some(value) if inner.is_empty() => kept[outer] = value.clone(),
                Some(value) if !value[inner].is_null() || value.get(inner).is_some() => {
                    kept[outer][inner] = value[inner].clone();
                }
                _ => {}
            }
        }
        item = kept;
    }
    for field in &query.exclude {
        let (outer, inner) = field.split_once('.').unwrap_or((field, ""));
        if inner.is_empty() {
            item.as_object_mut().map(|map| map.shift_remove(outer));
        } else {
            item[outer].as_object_mut().map(|map| map.shift_remove(inner));
        }
    }
    item
}

/// The way to the next page: by the method that this one was asked with.
fn next_link(
    site: &Site,
    asked: &Asked,
    map: Option<Map<String, Value>>,
    path: &str,
    limit: usize,
    token: &str,
) -> Value {
    if asked.method == Method::POST {
        let mut link = json!({ "rel": "next", "type": GEOJSON, "method": "POST", "href": href(path, asked) });
        let mut body = map.unwrap_or_default();
        if site.options.stac_post == Post::Merged {
            link["merge"] = true.into();
            body.clear();
        } else {
            body.insert("limit".into(), limit.into());
        }
        body.insert("token".into(), token.into());
        link["body"] = Value::Object(body);
        return link;
    }
    let kept = asked.query.iter().filter(|(key, _)| key != "token");
    let token = ("token".to_owned(), token.to_owned());
    let pairs: Vec<String> =
        kept.chain([&token]).map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    json!({
        "rel": "next",
        "type": GEOJSON,
        "method": "GET",
        "href": format!("{}?{}", href(path, asked), pairs.join("&")),
    })
}
