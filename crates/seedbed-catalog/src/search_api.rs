//! Searching a STAC API, or whatever else a location turns out to be.

use crate::document::{links, parse, read_json, text};
use crate::item_collection::entry;
use crate::{CatalogError, DateInterval, Item, ItemCollection, Query, Tree};
use seedbed_storage::{Location, Method, Request, Response, Stores};
use serde_json::{Map, Value, json};
use stac::api::{Filter as ApiFilter, Search};
use std::collections::HashSet;
use url::Url;

/// Items a page, unless fewer are wanted in all.
const PAGE: usize = 250;
/// Pages after which an API is taken to go in circles: 25 million items.
const MOST_PAGES: usize = 100_000;

/// The items that a query selects at a location: a STAC API is searched by its
/// own means, anything else is read ([`ItemCollection::read`]) and sifted.
///
/// # Errors
/// As [`search_api`], [`ItemCollection::read`] and [`Query::matches`].
pub async fn search(stores: &Stores, at: &Location, query: &Query) -> Result<ItemCollection, CatalogError> {
    if let Location::Http(url) = at {
        if is_endpoint(url) {
            return search_api(stores, url, query).await;
        }
        let document = read_json(stores, at).await;
        if let Ok(document) = &document
            && is_api(document)
        {
            return search_api(stores, &endpoint(document, url), query).await;
        }
        if let Ok(document) = document
            && crate::tree::kind_of(&document).is_some()
        {
            let items = Tree::from_document(stores, at, document).await?.into_items();
            return ItemCollection { items }.select(query);
        }
    }
    ItemCollection::read(stores, &entry(at)).await?.select(query)
}

/// Whether a document is the landing page of a STAC API that can be searched.
pub fn is_api(document: &Value) -> bool {
    document["conformsTo"].is_array() && links(document).any(|l| text(l, "rel") == Some("search"))
}

fn is_endpoint(url: &Url) -> bool {
    url.path().trim_end_matches('/').ends_with("/search")
}

/// The search endpoint that a landing page names, preferably for POST.
fn endpoint(document: &Value, at: &Url) -> Url {
    let named: Vec<&Map<String, Value>> =
        links(document).filter(|l| text(l, "rel") == Some("search")).collect();
    let post = named.iter().find(|l| text(l, "method") == Some("POST")).or_else(|| named.first());
    post.and_then(|l| at.join(text(l, "href")?).ok()).unwrap_or_else(|| at.clone())
}

/// Searches a STAC API by POST to its `/search` and follows its `next` links.
///
/// `url` is the landing page or the endpoint. Every item that comes is checked
/// against the query again, since an API may not know all of it (patterns for
/// ids, box and area at once, a filter). Items count their hrefs from their
/// `self` link, else from the page they came on.
///
/// # Errors
/// [`CatalogError::Read`] from the network; [`CatalogError::Api`] if the answer
/// is no item collection or the pages go in circles.
pub async fn search_api(stores: &Stores, url: &Url, query: &Query) -> Result<ItemCollection, CatalogError> {
    let mut endpoint = url.clone();
    if !is_endpoint(url) {
        let path = format!("{}/search", url.path().trim_end_matches('/'));
        endpoint.set_path(&path);
    }
    let mut found: Vec<Item> = Vec::new();
    let wanted = query.limit.unwrap_or(usize::MAX);
    let mut page = Page { method: Method::Post, url: endpoint, headers: Vec::new(), body: body(query)? };
    let mut asked = HashSet::new();
    while found.len() < wanted {
        let api_error = |reason: &str| CatalogError::Api { url: shown(&page.url), reason: reason.to_owned() };
        if !asked.insert((page.url.clone(), page.body.to_string())) || asked.len() > MOST_PAGES {
            return Err(api_error("its pages go in circles"));
        }
        let response = page.fetch(stores).await?;
        let at = Location::Http(response.url.clone());
        let answer = parse(&response.body, &at)?;
        let features =
            answer["features"].as_array().ok_or_else(|| api_error("it answered no item collection"))?;
        for feature in features {
            let item = Item::from_value(feature.clone()).map_err(|e| api_error(&e.to_string()))?;
            let own = item.self_href().and_then(|href| at.resolve(href).ok());
            let item = item.at(own.unwrap_or_else(|| at.clone()));
            if query.matches(&item)? && found.len() < wanted {
                found.push(item);
            }
        }
        match page.next(&answer, &response) {
            Some(next) => page = next,
            None => break,
        }
    }
    Ok(ItemCollection { items: found })
}

/// One request of a paged search.
struct Page {
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Page {
    async fn fetch(&self, stores: &Stores) -> Result<Response, CatalogError> {
        let mut request = match self.method {
            Method::Post => Request::post(self.url.clone(), "application/json", self.body.to_string()),
            _ => Request::get(self.url.clone()),
        };
        request = request.header("accept", "application/geo+json, application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let failed = |source| CatalogError::Read { at: Location::Http(self.url.clone()), source };
        stores.request(request).await.map_err(failed)
    }

    /// The request that the answer's `next` link describes.
    fn next(&self, answer: &Value, response: &Response) -> Option<Self> {
        let link = links(answer).find(|l| text(l, "rel") == Some("next"))?;
        let url = response.url.join(text(link, "href")?).ok()?;
        let post = text(link, "method").is_some_and(|m| m.eq_ignore_ascii_case("POST"));
        let mut body =
            if post && link.get("merge") == Some(&Value::Bool(true)) { self.body.clone() } else { json!({}) };
        if let (Some(body), Some(new)) = (body.as_object_mut(), link.get("body").and_then(Value::as_object)) {
            body.extend(new.clone());
        }
        // A header that an answer asks for can't be one that says who we are.
        let harmless =
            |name: &str| !matches!(name.to_ascii_lowercase().as_str(), "authorization" | "cookie" | "host");
        let headers = link.get("headers").and_then(Value::as_object).into_iter().flatten();
        let headers = headers
            .filter(|(name, _)| harmless(name))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let method = if post { Method::Post } else { Method::Get };
        Some(Self { method, url, headers, body })
    }
}

/// The query as the body of an item search.
fn body(query: &Query) -> Result<Value, CatalogError> {
    let mut search = Search::new().limit(query.limit.map_or(PAGE, |n| n.clamp(1, PAGE)) as u64);
    search.collections.clone_from(&query.collections);
    // Patterns can't be asked for; then all ids are fetched and sifted here.
    let ids: Option<Vec<String>> = query.ids.iter().map(|glob| glob.literal().map(str::to_owned)).collect();
    search.ids = ids.unwrap_or_default();
    match (&query.intersects, query.bbox) {
        // Not both may be asked for.
        (Some(area), _) => search.intersects = Some(area.geojson().clone()),
        (None, Some(b)) => search.items.bbox = Some(stac::Bbox::new(b.west, b.south, b.east, b.north)),
        (None, None) => {}
    }
    search.items.datetime = query.datetime.map(datetime);
    if let Some(filter) = &query.filter
        && let Value::Object(json) = filter.to_json()?
    {
        search.items.filter = Some(ApiFilter::Cql2Json(json));
    }
    serde_json::to_value(search).map_err(|source| CatalogError::Json {
        at: "the search".to_owned(),
        line: None,
        source,
    })
}

fn datetime((from, to): DateInterval) -> String {
    let from = from.map_or_else(|| "..".to_owned(), |d| format!("{d}T00:00:00Z"));
    let to = to.map_or_else(|| "..".to_owned(), |d| format!("{d}T23:59:59Z"));
    format!("{from}/{to}")
}

/// The address without its query, which may hold a token.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Area, parse_interval};

    #[test]
    fn a_query_becomes_a_search_body() {
        let query = Query {
            ids: vec!["a".into()],
            collections: vec!["c".into()],
            bbox: Some("-10,0,10,5".parse().unwrap()),
            datetime: Some(parse_interval("2003/..").unwrap()),
            filter: Some("eo:cloud_cover < 20".parse().unwrap()),
            limit: Some(3),
            ..Query::default()
        };
        assert_eq!(
            body(&query).unwrap(),
            json!({"limit": 3, "bbox": [-10.0, 0.0, 10.0, 5.0], "datetime": "2003-01-01T00:00:00Z/..",
                   "filter-lang": "cql2-json", "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20.0]},
                   "ids": ["a"], "collections": ["c"]})
        );
        let area = Area::from_value(&json!({"type": "Point", "coordinates": [1, 2]}), "x").unwrap();
        let both = Query { ids: vec!["a*".into()], intersects: Some(area), ..query };
        let body = body(&both).unwrap();
        assert!(body.get("ids").is_none() && body.get("bbox").is_none());
        assert_eq!(body["intersects"]["type"], "Point");
    }
}
