//! STAC APIs: item search, with next links of either method.

use super::{Web, web::MOST_PAGES};
use crate::CrawlError;
use crate::granule::{Found, Granule, excerpt};
use seedbed_storage::Request;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use url::Url;

/// How many pages in a row may be empty before the paging is taken for endless.
const MOST_EMPTY: usize = 10;

/// Searches the definition's collections and follows the next links.
pub(crate) async fn crawl(web: &Web<'_>, root: &Url) -> Result<Found, CrawlError> {
    let source = &web.definition.source;
    let mut search = Map::new();
    search.insert("collections".to_owned(), json!(source.collections));
    search.insert("limit".to_owned(), json!(source.page_size));
    if let Some(interval) = web.wanted.interval("..", "/") {
        search.insert("datetime".to_owned(), json!(interval));
    }
    if let Some(bbox) = web.wanted.bbox {
        search.insert("bbox".to_owned(), json!(<[f64; 4]>::from(bbox)));
    }
    let mut ask = Ask { url: Web::address(root, &source.address)?, body: Some(search), headers: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut found = Found::default();
    let mut empty = 0;
    for page in 1..=MOST_PAGES {
        seen.insert(ask.key());
        let at = format!("{} (page {page})", ask.url);
        let response = match page {
            1 => web.ask(ask.request()).await?,
            _ => match web.ask_for_part(ask.request()).await? {
                Ok(response) => response,
                Err(rejected) => {
                    found.rejected.push(rejected);
                    break;
                }
            },
        };
        let (more, next) = match read_page(&response.body) {
            Ok(page) => page,
            Err(reason) => {
                found.reject(at, reason);
                break;
            }
        };
        web.progress.page(&at, more.granules.len());
        empty = if more.granules.is_empty() { empty + 1 } else { 0 };
        found.absorb(more);
        let Some(next) = next else { break };
        ask = match ask.follow(&next, &response.url) {
            Ok(ask) => ask,
            Err(reason) => {
                found.reject(at, reason);
                break;
            }
        };
        if seen.contains(&ask.key()) || empty > MOST_EMPTY {
            found.reject(at, "the paging repeats itself: its next link was followed already");
            break;
        }
    }
    Ok(found)
}

/// A search request: POST with a body, GET without.
struct Ask {
    url: Url,
    body: Option<Map<String, Value>>,
    headers: Vec<(String, String)>,
}

impl Ask {
    fn request(&self) -> Request {
        let request = match &self.body {
            Some(body) => {
                Request::post(self.url.clone(), "application/json", Value::Object(body.clone()).to_string())
            }
            None => Request::get(self.url.clone()),
        };
        self.headers.iter().fold(request, |r, (name, value)| r.header(name, value))
    }

    fn key(&self) -> String {
        format!("{} {:?} {:?}", self.url, self.body, self.headers)
    }

    /// The request that a next link means.
    fn follow(&self, link: &Value, at: &Url) -> Result<Self, String> {
        let href = link["href"].as_str().ok_or("the next link has no href")?;
        let url = at.join(href).map_err(|e| format!("the next link `{href}` is no address: {e}"))?;
        let post = link["method"].as_str().is_some_and(|m| m.eq_ignore_ascii_case("post"));
        let body = post.then(|| {
            let mut body = match (&self.body, link["merge"] == true) {
                (Some(body), true) => body.clone(),
                _ => Map::new(),
            };
            body.extend(link["body"].as_object().cloned().unwrap_or_default());
            body
        });
        let headers = link["headers"].as_object().into_iter().flatten();
        let headers = headers.filter_map(|(n, v)| Some((n.clone(), v.as_str()?.to_owned()))).collect();
        Ok(Self { url, body, headers })
    }
}

/// One page: its items, and the next link if there is one.
pub(crate) fn read_page(body: &[u8]) -> Result<(Found, Option<Value>), String> {
    let page: Value =
        serde_json::from_slice(body).map_err(|e| format!("no JSON but {} ({e})", excerpt(body)))?;
    let Some(features) = page["features"].as_array() else {
        return Err("JSON, but no list of features".to_owned());
    };
    let mut found = Found::default();
    for (i, feature) in features.iter().enumerate() {
        match feature["id"].as_str() {
            Some(id) if feature["type"] == "Feature" && feature["assets"].is_object() => {
                let item = Some(feature.clone());
                found.granules.push(Granule { name: id.to_owned(), item, ..Granule::default() });
            }
            Some(id) => found.reject(id, "it is no item: its type or its assets are wrong"),
            None => found.reject(format!("feature {i}"), "it has no id"),
        }
    }
    let links = page["links"].as_array().into_iter().flatten();
    Ok((found, links.into_iter().find(|l| l["rel"] == "next").cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        let body = json!({"collections": ["c"], "limit": 2}).as_object().cloned();
        Ask { url: Url::parse("https://h/api/search").unwrap(), body, headers: Vec::new() }
    }

    #[test]
    fn next_links_are_followed_by_their_own_method() {
        let at = Url::parse("https://h/api/search").unwrap();
        let merged = json!({"href": "search", "method": "POST", "merge": true, "body": {"token": "t"}});
        let next = ask().follow(&merged, &at).unwrap();
        assert_eq!(
            Value::Object(next.body.unwrap()),
            json!({"collections": ["c"], "limit": 2, "token": "t"})
        );
        let whole = json!({"href": "https://h/api/search", "method": "POST", "body": {"token": "t"}});
        assert_eq!(Value::Object(ask().follow(&whole, &at).unwrap().body.unwrap()), json!({"token": "t"}));
        let get = ask().follow(&json!({"href": "?token=t"}), &at).unwrap();
        assert_eq!((get.url.as_str(), get.body.is_none()), ("https://h/api/search?token=t", true));
        assert!(ask().follow(&json!({"rel": "next"}), &at).is_err());
    }

    #[test]
    fn features_that_are_no_items_are_rejected() {
        let page = json!({"features": [
            {"type": "Feature", "id": "a", "assets": {}, "x": 1}, {"id": "b"}, {"type": "Feature"}, null],
            "links": [{"rel": "self"}, {"rel": "next", "href": "n"}]});
        let (found, next) = read_page(page.to_string().as_bytes()).unwrap();
        assert_eq!((found.granules.len(), found.rejected.len()), (1, 3));
        assert_eq!(found.granules[0].item.as_ref().unwrap()["x"], 1);
        assert!(next.is_some());
        assert!(read_page(b"<!doctype html>").is_err());
        assert!(read_page(b"{}").is_err());
    }
}
