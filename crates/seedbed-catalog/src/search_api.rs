//! Searching a STAC API, page by page.

use crate::document::{links, parse, text};
use crate::search::{ApiHeader, Asked, Asking, Each, Search, Searched, Short, Sift, shown, with_headers};
use crate::{CatalogError, DateInterval, Item, ItemCollection, Query, SortBy};
use seedbed_storage::{Location, Method, Request, Response, StorageError, Stores};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use url::{Origin, Url};

pub use crate::search::is_api;

/// Items a page, unless fewer are wanted in all.
const PAGE: usize = 250;
/// Pages after which an API is taken to go in circles: 25 million items.
const MOST_PAGES: usize = 100_000;
/// What is needed to judge an item again.
const JUDGED: [&str; 7] = [
    "id",
    "collection",
    "geometry",
    "bbox",
    "properties.datetime",
    "properties.start_datetime",
    "properties.end_datetime",
];

/// Searches a STAC API: POST to its `/search`, or GET where that is refused, and
/// on by its `next` links.
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
    let api = Api::at(stores, url, &[]).await?;
    let search = Search { query: query.clone(), ..Search::default() };
    let mut items = Vec::new();
    run(stores, &api, &search, &mut |item| {
        items.push(item);
        Ok(())
    })
    .await?;
    Ok(ItemCollection { items })
}

/// Whether an address is a search itself and no landing page.
pub fn is_endpoint(url: &Url) -> bool {
    url.path().trim_end_matches('/').ends_with("/search")
}

/// An API, and what it says it can do.
#[derive(Debug, Clone)]
pub struct Api {
    endpoint: Url,
    home: Origin,
    /// `None`: it doesn't say.
    posts: Option<bool>,
    filters: Option<Language>,
    sorts: bool,
    picks: bool,
}

/// The forms of CQL2 that an API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Json,
    Text,
    Both,
}

impl Api {
    /// The API whose landing page or search stands at an address. Without a
    /// landing page that says what it can do, everything but the core is done here.
    ///
    /// # Errors
    /// [`CatalogError::Read`] if the server fails for now.
    pub async fn at(stores: &Stores, url: &Url, headers: &[ApiHeader]) -> Result<Self, CatalogError> {
        let mut landing = url.clone();
        landing.set_query(None);
        if is_endpoint(url) {
            let path = url.path().trim_end_matches('/').trim_end_matches("search");
            landing.set_path(path);
        }
        let at = Location::Http(landing.clone());
        let document = match stores.request(with_headers(Request::get(landing.clone()), headers)).await {
            Ok(response) => parse(&response.body, &at).unwrap_or_default(),
            Err(source) if source.retryable() => return Err(CatalogError::Read { at, source }),
            Err(_) => Value::Null,
        };
        let mut api = Self::of(&document, &landing);
        if is_endpoint(url) {
            api.endpoint = url.clone();
            api.home = url.origin();
        }
        Ok(api)
    }

    /// By its landing page.
    pub fn of(landing: &Value, at: &Url) -> Self {
        let classes: Vec<&str> =
            landing["conformsTo"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let ends = |end: &str| classes.iter().any(|class| class.ends_with(end));
        let filters = match (ends("/conf/cql2-json"), ends("/conf/cql2-text")) {
            (true, true) => Some(Language::Both),
            (true, false) => Some(Language::Json),
            (false, true) => Some(Language::Text),
            // Before the languages were classes, JSON was what POST took.
            (false, false) => ends("item-search#filter").then_some(Language::Json),
        };
        let named: Vec<&Map<String, Value>> =
            links(landing).filter(|l| text(l, "rel") == Some("search")).collect();
        let by = |method: &str| {
            named.iter().find(|l| text(l, "method").is_some_and(|m| m.eq_ignore_ascii_case(method)))
        };
        let posts = match (by("POST"), by("GET")) {
            (Some(_), _) => Some(true),
            (None, Some(_)) => Some(false),
            (None, None) => None,
        };
        let link = by("POST").or_else(|| named.first());
        let endpoint = link.and_then(|l| at.join(text(l, "href")?).ok()).unwrap_or_else(|| {
            let mut endpoint = at.clone();
            endpoint.set_path(&format!("{}/search", at.path().trim_end_matches('/')));
            endpoint
        });
        Self {
            endpoint,
            home: at.origin(),
            posts,
            filters,
            sorts: ends("item-search#sort"),
            picks: ends("item-search#fields"),
        }
    }
}

/// Searches an API and gives its items away.
///
/// # Errors
/// As [`search_api`], and those of `each`.
pub async fn run(
    stores: &Stores,
    api: &Api,
    search: &Search,
    each: Each<'_>,
) -> Result<Searched, CatalogError> {
    let mut notes = shortcomings(api, search);
    let judged = Query {
        filter: if api.filters.is_some() { None } else { search.query.filter.clone() },
        ..search.query.clone()
    };
    let sort = if api.sorts { SortBy::default() } else { search.sort.clone() };
    let mut sift = Sift::new(search, judged, sort, each);
    let post = match search.asking {
        Asking::Auto => api.posts != Some(false),
        Asking::Post => true,
        Asking::Get => false,
    };
    let question =
        Question { post, url: api.endpoint.clone(), headers: Vec::new(), body: body(api, search)? };
    let mut pages = Pages {
        api,
        search,
        text: search.query.filter.as_ref().map(crate::Filter::to_text).transpose()?,
        get_only: !post,
        next: Some(question),
        asked: HashSet::new(),
        hasher: RandomState::new(),
    };
    let (mut met, mut twice, mut count) = (HashSet::new(), 0_usize, 0);
    let (mut came, mut announced) = (0_u64, None);
    while sift.wants_more()
        && let Some((answer, at)) = pages.next(stores).await?
    {
        count += 1;
        let api_error =
            |reason: &str| CatalogError::Api { url: shown(&api.endpoint), reason: reason.to_owned() };
        let features =
            answer["features"].as_array().ok_or_else(|| api_error("it answered no item collection"))?;
        came += features.len() as u64;
        announced = matched(&answer).or(announced);
        let mut fresh = features.is_empty();
        for feature in features {
            let item = Item::from_value(feature.clone()).map_err(|e| api_error(&e.to_string()))?;
            if !met.insert(pages.hasher.hash_one((item.collection(), item.id()))) {
                twice += 1;
                continue;
            }
            fresh = true;
            let own = item.self_href().and_then(|href| at.resolve(href).ok());
            if !sift.offer(item.at(own.unwrap_or_else(|| at.clone())))? {
                break;
            }
        }
        if !fresh && pages.next.is_some() {
            return Err(api_error("its pages go in circles: one held nothing that had not come before"));
        }
    }
    // Some servers count no further than they must: only fewer than announced is a fault. Nobody asks for what comes
    // after a limit.
    let is_short = sift.wants_more() && announced.is_some_and(|announced| announced > came);
    let short = announced.filter(|_| is_short).map(|announced| Short { announced, came });
    if twice > 0 {
        notes.push(format!("{twice} items came more than once and were taken once"));
    }
    let method = if pages.get_only { Asking::Get } else { Asking::Post };
    if post && pages.get_only {
        notes.push("the API refused POST and was asked by GET".to_owned());
    }
    let asked = Asked { url: shown(&api.endpoint), method, pages: count };
    Ok(Searched { items: sift.finish()?, api: Some(asked), notes, short, ..Searched::default() })
}

/// How many items an API says there are in all.
fn matched(answer: &Value) -> Option<u64> {
    answer["numberMatched"].as_u64().or_else(|| answer["context"]["matched"].as_u64())
}

/// What is done here since the API can't.
fn shortcomings(api: &Api, search: &Search) -> Vec<String> {
    let query = &search.query;
    let mut here = Vec::new();
    if query.filter.is_some() && api.filters.is_none() {
        here.push("filtering");
    }
    if !search.sort.is_empty() && !api.sorts {
        here.push("sorting");
    }
    if !search.fields.is_all() && !api.picks {
        here.push("choosing fields");
    }
    if query.ids.iter().any(|glob| glob.literal().is_none()) {
        here.push("matching patterns of ids");
    }
    if query.bbox.is_some() && query.intersects.is_some() {
        here.push("matching box and area at once");
    }
    here.into_iter().map(|what| format!("done here, since the API can't: {what}")).collect()
}

/// One request of a paged search.
#[derive(Debug, Clone)]
struct Question {
    post: bool,
    url: Url,
    headers: Vec<(String, String)>,
    /// What is asked, as POST has it.
    body: Value,
}

struct Pages<'a> {
    api: &'a Api,
    search: &'a Search,
    /// The filter as GET has it.
    text: Option<String>,
    /// POST was refused or isn't wanted: also no `next` link leads back to it.
    get_only: bool,
    next: Option<Question>,
    asked: HashSet<u64>,
    hasher: RandomState,
}

impl Pages<'_> {
    /// The next page and where it came from.
    async fn next(&mut self, stores: &Stores) -> Result<Option<(Value, Location)>, CatalogError> {
        let Some(question) = self.next.take() else { return Ok(None) };
        let key = self.hasher.hash_one((question.post, question.url.as_str(), question.body.to_string()));
        if !self.asked.insert(key) || self.asked.len() > MOST_PAGES {
            let reason = "its pages go in circles".to_owned();
            return Err(CatalogError::Api { url: shown(&question.url), reason });
        }
        let response = match self.ask(stores, &question).await {
            Err(CatalogError::Read { at, source }) if question.post && self.may_fall_back(&source) => {
                let by_get = Question { post: false, url: self.by_get(&question), ..question.clone() };
                match self.ask(stores, &by_get).await {
                    Ok(response) => {
                        self.get_only = true;
                        response
                    }
                    Err(_) => return Err(CatalogError::Read { at, source }),
                }
            }
            other => other?,
        };
        let at = Location::Http(response.url.clone());
        let answer = parse(&response.body, &at).map_err(|error| match error {
            CatalogError::Json { source, .. } => {
                CatalogError::Page { url: shown(&question.url), page: self.asked.len(), source }
            }
            other => other,
        })?;
        self.next = self.following(&answer, &response, &question);
        Ok(Some((answer, at)))
    }

    /// Whether the first request was refused for its method, or may have been.
    fn may_fall_back(&self, error: &StorageError) -> bool {
        let refused = error.is_not_found() || matches!(error.status(), Some(400 | 405 | 415 | 501));
        refused && self.search.asking == Asking::Auto && self.asked.len() == 1
    }

    async fn ask(&self, stores: &Stores, question: &Question) -> Result<Response, CatalogError> {
        let mut request = if question.post {
            Request::post(question.url.clone(), "application/json", question.body.to_string())
        } else if self.asked.len() <= 1 && question.url.query().is_none() {
            Request::get(self.by_get(question))
        } else {
            Request::get(question.url.clone())
        };
        debug_assert!(matches!(request.method, Method::Get | Method::Post));
        request = request.header("accept", "application/geo+json, application/json");
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        // What the user says of himself is for the API's own host.
        if question.url.origin() == self.api.home {
            request = with_headers(request, &self.search.headers);
        }
        let failed = |source| CatalogError::Read { at: Location::Http(question.url.clone()), source };
        stores.request(request).await.map_err(failed)
    }

    /// The address that asks by GET what a body asks by POST.
    fn by_get(&self, question: &Question) -> Url {
        let mut url = question.url.clone();
        let said: HashSet<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let mut pairs = url.query_pairs_mut();
        for (name, value) in
            question.body.as_object().into_iter().flatten().filter(|(name, _)| !said.contains(*name))
        {
            match (name.as_str(), value) {
                ("filter", Value::Object(_)) if self.api.filters != Some(Language::Json) => {
                    pairs.append_pair(name, self.text.as_deref().unwrap_or_default());
                }
                ("filter-lang", _) if self.api.filters != Some(Language::Json) => {
                    pairs.append_pair(name, "cql2-text");
                }
                ("sortby", _) => drop(pairs.append_pair(name, &self.search.sort.to_string())),
                ("fields", _) => drop(pairs.append_pair(name, &self.search.fields.with(&JUDGED).to_string())),
                (_, Value::Array(values)) => {
                    let values: Vec<String> = values.iter().map(plain).collect();
                    pairs.append_pair(name, &values.join(","));
                }
                _ => drop(pairs.append_pair(name, &plain(value))),
            }
        }
        drop(pairs);
        url
    }

    /// The request that the answer's `next` link describes.
    fn following(&self, answer: &Value, response: &Response, before: &Question) -> Option<Question> {
        let link = links(answer).find(|l| text(l, "rel") == Some("next"))?;
        let url = response.url.join(text(link, "href")?).ok()?;
        let posts = text(link, "method").is_some_and(|m| m.eq_ignore_ascii_case("POST"));
        let merge = link.get("merge") == Some(&Value::Bool(true));
        let mut body = if posts && merge { before.body.clone() } else { json!({}) };
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
        let mut question = Question { post: posts, url, headers, body };
        if posts && self.get_only {
            question.url = self.by_get(&question);
            question.post = false;
        }
        Some(question)
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What is asked, as the body of an item search by POST.
fn body(api: &Api, search: &Search) -> Result<Value, CatalogError> {
    let query = &search.query;
    let mut body = Map::new();
    // Where the order is made here, all items are needed.
    let wanted = if search.sort.is_empty() || api.sorts { query.limit } else { None };
    body.insert("limit".to_owned(), json!(wanted.map_or(PAGE, |n| n.clamp(1, PAGE))));
    if !query.collections.is_empty() {
        body.insert("collections".to_owned(), json!(query.collections));
    }
    // Patterns can't be asked for; then all ids are fetched and sifted here.
    let ids: Option<Vec<&str>> = query.ids.iter().map(|glob| glob.literal()).collect();
    if let Some(ids) = ids.filter(|ids| !ids.is_empty()) {
        body.insert("ids".to_owned(), json!(ids));
    }
    match (&query.intersects, query.bbox) {
        // Not both may be asked for.
        (Some(area), _) => drop(body.insert("intersects".to_owned(), json!(area.geojson()))),
        (None, Some(bbox)) => drop(body.insert("bbox".to_owned(), json!(<[f64; 4]>::from(bbox)))),
        (None, None) => {}
    }
    if let Some(interval) = query.datetime {
        body.insert("datetime".to_owned(), json!(datetime(interval)));
    }
    if let (Some(filter), Some(language)) = (&query.filter, api.filters) {
        let (name, filter) = match language {
            Language::Text => ("cql2-text", json!(filter.to_text()?)),
            _ => ("cql2-json", filter.to_json()?),
        };
        body.insert("filter-lang".to_owned(), json!(name));
        body.insert("filter".to_owned(), filter);
    }
    if !search.sort.is_empty() && api.sorts {
        body.insert("sortby".to_owned(), search.sort.to_value());
    }
    // What is judged or sorted here must be there.
    let all_there = query.filter.is_none() || api.filters.is_some();
    if !search.fields.is_all() && api.picks && all_there && (search.sort.is_empty() || api.sorts) {
        body.insert("fields".to_owned(), search.fields.with(&JUDGED).to_value());
    }
    Ok(Value::Object(body))
}

fn datetime((from, to): DateInterval) -> String {
    let from = from.map_or_else(|| "..".to_owned(), |d| format!("{d}T00:00:00Z"));
    let to = to.map_or_else(|| "..".to_owned(), |d| format!("{d}T23:59:59Z"));
    format!("{from}/{to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Area, parse_interval};

    fn api(classes: &[&str]) -> Api {
        let landing = json!({"conformsTo": classes, "links": [{"rel": "search", "href": "./search", "method": "POST"}]});
        Api::of(&landing, &"https://h.org/stac/".parse().unwrap())
    }

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
        let search = Search { query: query.clone(), sort: "-datetime".parse().unwrap(), ..Search::default() };
        let able = api(&[
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
            "https://api.stacspec.org/v1.0.0/item-search#sort",
        ]);
        assert_eq!(able.endpoint.as_str(), "https://h.org/stac/search");
        assert_eq!(
            body(&able, &search).unwrap(),
            json!({"limit": 3, "collections": ["c"], "ids": ["a"], "bbox": [-10.0, 0.0, 10.0, 5.0],
                "datetime": "2003-01-01T00:00:00Z/..", "filter-lang": "cql2-json",
                "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20.0]},
                "sortby": [{"field": "datetime", "direction": "desc"}]})
        );
        assert!(shortcomings(&able, &search).is_empty());

        // One that can do less is asked less, and for whole pages where the order is made here.
        let plain = body(&api(&[]), &search).unwrap();
        assert!(plain.get("filter").is_none() && plain.get("sortby").is_none() && plain["limit"] == PAGE);
        assert_eq!(shortcomings(&api(&[]), &search).len(), 2);

        let area = Area::from_value(&json!({"type": "Point", "coordinates": [1, 2]}), "x").unwrap();
        let query = Query { ids: vec!["a*".into()], intersects: Some(area), ..query };
        let both = Search { query, ..Search::default() };
        let asked = body(&able, &both).unwrap();
        assert!(asked.get("ids").is_none() && asked.get("bbox").is_none());
        assert_eq!(asked["intersects"]["type"], "Point");
        assert_eq!(shortcomings(&able, &both).len(), 2);
    }
}
