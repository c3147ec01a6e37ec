//! STAC APIs: item search, with next links of either method.

use super::Web;
use crate::CrawlError;
use crate::granule::{Granule, excerpt};
use crate::page::{Page, Step};
use seedbed_storage::{Response, StorageError};
use serde_json::{Map, Value, json};
use url::Url;

/// Searches the definition's collections.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    let source = &web.source;
    let given = web.given();
    let collections: Vec<String> = source.collections.iter().filter_map(|c| c.render_whole(&given)).collect();
    let mut search = Map::new();
    search.insert("collections".to_owned(), json!(collections));
    search.insert("limit".to_owned(), json!(source.page_size));
    if let Some(interval) = web.wanted.interval("..", "/") {
        search.insert("datetime".to_owned(), json!(interval));
    }
    if let Some(bbox) = web.wanted.bbox {
        search.insert("bbox".to_owned(), json!(<[f64; 4]>::from(bbox)));
    }
    Ok(vec![Step { body: Some(search), ..Step::at(web.start(root)?) }])
}

/// A page of items, with the step that its next link means.
pub(crate) fn read(_: &Web<'_>, step: &Step, response: &Response) -> Result<Page, String> {
    let Listed { mut page, entries, matched, next } = read_page(&response.body)?;
    let listed = step.listed + entries;
    match next {
        Some(link) => match follow(step, &link, &response.url) {
            Ok(next) => {
                page.next = Some(Step {
                    at: next.at,
                    body: next.body,
                    headers: next.headers,
                    ..step.following(&page, entries)
                });
            }
            Err(reason) => page.lose(step.shown(), reason),
        },
        // Some servers count no further than they must: only fewer than announced is a fault.
        None if matched.is_some_and(|matched| matched > listed) => {
            let matched = matched.unwrap_or_default();
            page.lose(step.at.clone(), format!("{matched} items were announced, {listed} came"));
        }
        None => {}
    }
    Ok(page)
}

/// The request that a next link means.
fn follow(step: &Step, link: &Value, at: &Url) -> Result<Step, String> {
    let href = link["href"].as_str().ok_or("the next link has no href")?;
    let url = at.join(href).map_err(|e| format!("the next link `{href}` is no address: {e}"))?;
    let post = link["method"].as_str().is_some_and(|m| m.eq_ignore_ascii_case("post"));
    let body = post.then(|| {
        let mut body = match (&step.body, link["merge"] == true) {
            (Some(body), true) => body.clone(),
            _ => Map::new(),
        };
        body.extend(link["body"].as_object().cloned().unwrap_or_default());
        body
    });
    let headers = link["headers"].as_object().into_iter().flatten();
    let headers = headers.filter_map(|(n, v)| Some((n.clone(), v.as_str()?.to_owned()))).collect();
    Ok(Step { body, headers, ..Step::at(url) })
}

/// The address that asks by GET what a body asks by POST.
pub(crate) fn by_get(url: &Url, body: &Map<String, Value>) -> Url {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut url = url.clone();
    let said: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let mut pairs = url.query_pairs_mut();
    for (name, value) in body.iter().filter(|(name, _)| !said.contains(name)) {
        let text = match value {
            Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
            value => plain(value),
        };
        pairs.append_pair(name, &text);
    }
    drop(pairs);
    url
}

/// Whether an API may take GET alone: it says so or, when it is asked first, refuses in other words.
pub(crate) fn refuses_post(error: &StorageError, step: &Step) -> bool {
    let is_first = step.before == 0;
    matches!(error.status(), Some(405 | 415 | 501))
        || is_first && (error.is_not_found() || error.status() == Some(400))
}

/// What a page of a search says.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub page: Page,
    /// Features, whether or not they are items.
    pub entries: usize,
    /// How many items there are in all.
    pub matched: Option<usize>,
    /// The next link.
    pub next: Option<Value>,
}

/// Reads one page.
pub(crate) fn read_page(body: &[u8]) -> Result<Listed, String> {
    let mut page: Value =
        serde_json::from_slice(body).map_err(|e| format!("no JSON but {} ({e})", excerpt(body)))?;
    let Some(features) = page.get_mut("features").and_then(Value::as_array_mut).map(std::mem::take) else {
        return Err("JSON, but no list of features".to_owned());
    };
    let mut listed = Listed { entries: features.len(), ..Listed::default() };
    for (i, feature) in features.into_iter().enumerate() {
        match feature["id"].as_str().map(str::to_owned) {
            Some(name) if feature["type"] == "Feature" && feature["assets"].is_object() => {
                listed.page.granules.push(Granule { name, item: Some(feature), ..Granule::default() });
            }
            Some(id) => listed.page.reject(id, "it is no item: its type or its assets are wrong"),
            None => listed.page.reject(format!("feature {i}"), "it has no id"),
        }
    }
    let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    listed.matched = number(&page["numberMatched"]).or_else(|| number(&page["context"]["matched"]));
    let links = page["links"].as_array().into_iter().flatten();
    listed.next = links.into_iter().find(|l| l["rel"] == "next").cloned();
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Step {
        let body = json!({"collections": ["c"], "limit": 2}).as_object().cloned();
        Step { body, ..Step::at("https://h/api/search") }
    }

    #[test]
    fn next_links_are_followed_by_their_own_method() {
        let at = Url::parse("https://h/api/search").unwrap();
        let merged = json!({"href": "search", "method": "POST", "merge": true, "body": {"token": "t"}});
        let next = follow(&ask(), &merged, &at).unwrap();
        assert_eq!(
            Value::Object(next.body.unwrap()),
            json!({"collections": ["c"], "limit": 2, "token": "t"})
        );
        let whole = json!({"href": "https://h/api/search", "method": "POST", "body": {"token": "t"}});
        assert_eq!(Value::Object(follow(&ask(), &whole, &at).unwrap().body.unwrap()), json!({"token": "t"}));
        let get = follow(&ask(), &json!({"href": "?token=t"}), &at).unwrap();
        assert_eq!((get.at.as_str(), get.body.is_none()), ("https://h/api/search?token=t", true));
        assert!(follow(&ask(), &json!({"rel": "next"}), &at).is_err());
    }

    #[test]
    fn what_is_posted_can_be_asked_by_get() {
        let body =
            json!({"collections": ["a", "b"], "limit": 2, "datetime": "../x", "bbox": [-1.5, 0, 1, 2]});
        let url = by_get(&Url::parse("https://h/search?limit=9").unwrap(), body.as_object().unwrap());
        let asked: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("limit", "9"),
            pair("collections", "a,b"),
            pair("datetime", "../x"),
            pair("bbox", "-1.5,0,1,2"),
        ];
        assert_eq!(asked, expected);
    }

    #[test]
    fn features_that_are_no_items_are_rejected() {
        let page = json!({"features": [
            {"type": "Feature", "id": "a", "assets": {}, "x": 1}, {"id": "b"}, {"type": "Feature"}, null],
            "links": [{"rel": "self"}, {"rel": "next", "href": "n"}]});
        let Listed { page, entries, next, .. } = read_page(page.to_string().as_bytes()).unwrap();
        assert_eq!((page.granules.len(), page.rejected.len(), entries), (1, 3, 4));
        assert_eq!(page.granules[0].item.as_ref().unwrap()["x"], 1);
        assert!(next.is_some());
        assert!(read_page(b"<!doctype html>").is_err());
        assert!(read_page(b"{}").is_err());
    }
}
