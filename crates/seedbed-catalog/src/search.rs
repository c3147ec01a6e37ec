//! Searching whatever a location turns out to be, with the same questions.

use crate::document::{links, text};
use crate::fields::Fields;
use crate::item_collection::document_at;
use crate::item_file::{ItemFile, Opened};
use crate::search_api::{self, Api};
use crate::{Broken, CatalogError, Item, ItemCollection, NodeKind, Query, SortBy, Sorter, Step, Walk};
use seedbed_storage::{Location, Request, Stores};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// What is held in memory of items that are to be sorted; the rest is on the disk.
const SORTED_IN_MEMORY: usize = 64 << 20;

/// What is wanted, and how an API is to be asked.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Which items.
    pub query: Query,
    /// In which order; as they come, if it is empty.
    pub sort: SortBy,
    /// Which fields of them.
    pub fields: Fields,
    /// By which method an API is asked.
    pub asking: Asking,
    /// Headers for the API's own host.
    pub headers: Vec<ApiHeader>,
}

/// By which method an API is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Asking {
    /// As it says it can be; POST, and GET where that is refused.
    #[default]
    Auto,
    /// POST.
    Post,
    /// GET.
    Get,
}

/// A header, `NAME=VALUE`. Its `Debug` doesn't show the value.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiHeader {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for ApiHeader {
    type Err = String;

    /// The error does not repeat the text, which may be a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a header is written NAME=VALUE")?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.!#$%&'*+^`|~".contains(c);
        let name = name.trim();
        if name.is_empty() || !name.chars().all(is_name) || value.contains(['\r', '\n']) {
            return Err("a header is written NAME=VALUE, on one line".to_owned());
        }
        Ok(Self { name: name.to_owned(), value: value.trim().to_owned() })
    }
}

impl fmt::Debug for ApiHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

/// How a search went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Searched {
    /// Items found.
    pub items: usize,
    /// How the API was asked, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Asked>,
    /// What is worth knowing, such as what the API could not do.
    pub notes: Vec<String>,
    /// Whether fewer items came than an API had announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<Short>,
    /// Items that can't be read, and were passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Broken>,
    /// The collections of a catalog that was walked, without their links.
    #[serde(skip)]
    pub collections: Vec<Value>,
}

/// Items that an API announced, of which it gave no way to the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Short {
    /// How many there are, by its own word.
    pub announced: u64,
    /// How many came.
    pub came: u64,
}

/// How an API was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The address of the search, without its query.
    pub url: String,
    /// The method of the last page.
    pub method: Asking,
    /// Pages read.
    pub pages: usize,
}

/// What a search gives its items to.
pub type Each<'a> = &'a mut (dyn FnMut(Item) -> Result<(), CatalogError> + Send);

/// Finds items at a location and gives them away one by one: a STAC API is
/// searched by its own means, a catalog is walked, a file is read.
///
/// Items that can't be read are passed over, and named in what is given back.
///
/// Memory does not grow with the number of items, unless a file is one JSON document.
///
/// # Errors
/// As [`crate::search_api`], [`ItemCollection::read`], [`Query::matches`], and those of `each`.
pub async fn search_each(
    stores: &Stores,
    at: &Location,
    search: &Search,
    each: Each<'_>,
) -> Result<Searched, CatalogError> {
    match open(stores, at, search).await? {
        Source::Api(api) => search_api::run(stores, &api, search, each).await,
        Source::Tree(at, document) => {
            let mut sift = Sift::new(search, search.query.clone(), SortBy::clone(&search.sort), each);
            let (mut collections, mut broken) = (Vec::new(), Vec::new());
            if sift.wants_more() {
                let mut walk = match document {
                    Value::Object(document) => Walk::of(stores, &at, document),
                    _ => Walk::new(stores, &at),
                }
                .legible();
                while let Some(step) = walk.next().await? {
                    match step {
                        Step::Enter(entered) if entered.kind == NodeKind::Collection => {
                            // Its links lead nowhere from another place.
                            let mut fields = entered.document.clone();
                            fields.insert("links".to_owned(), Value::Array(Vec::new()));
                            collections.push(Value::Object(fields));
                        }
                        Step::Item(leaf) => match leaf.item() {
                            Ok(item) => {
                                if !sift.offer(item)? {
                                    break;
                                }
                            }
                            Err(error) => walk.pass_over(leaf.location(), error)?,
                        },
                        _ => {}
                    }
                }
                broken = walk.broken();
            }
            Ok(Searched { items: sift.finish()?, collections, broken, ..Searched::default() })
        }
        Source::Items(mut items) => {
            let mut sift = Sift::new(search, search.query.clone(), SortBy::clone(&search.sort), each);
            let mut broken = Vec::new();
            while sift.wants_more()
                && let Some(next) = items.next_legible()
            {
                match next? {
                    Ok(item) => drop(sift.offer(item)?),
                    Err(one) => broken.push(one),
                }
            }
            Ok(Searched { items: sift.finish()?, broken, ..Searched::default() })
        }
    }
}

/// The items that a query selects at a location, as [`search_each`] finds them.
///
/// # Errors
/// As [`search_each`]; [`CatalogError::Document`] if an item can't be read.
pub async fn search(stores: &Stores, at: &Location, query: &Query) -> Result<ItemCollection, CatalogError> {
    let search = Search { query: query.clone(), ..Search::default() };
    let mut items = Vec::new();
    let searched = search_each(stores, at, &search, &mut |item| {
        items.push(item);
        Ok(())
    })
    .await?;
    match searched.broken.into_iter().next() {
        Some(Broken { at, reason }) => Err(CatalogError::Document { at, reason }),
        None => Ok(ItemCollection { items }),
    }
}

enum Source {
    Api(Api),
    /// With its first document.
    Tree(Location, Value),
    Items(ItemFile),
}

async fn open(stores: &Stores, at: &Location, search: &Search) -> Result<Source, CatalogError> {
    let at = document_at(stores, at).await;
    let opened = if let Location::Http(url) = &at {
        if search_api::is_endpoint(url) {
            return Ok(Source::Api(Api::at(stores, url, &search.headers).await?));
        }
        if crate::ItemForm::of_name(&at).is_some_and(|form| form != crate::ItemForm::Json) {
            ItemFile::open(stores, &at).await?
        } else {
            let failed = |source| CatalogError::Read { at: at.clone(), source };
            let request = with_headers(Request::get(url.clone()), &search.headers);
            ItemFile::of_bytes(stores.request(request).await.map_err(failed)?.body.to_vec(), &at)?
        }
    } else {
        ItemFile::open(stores, &at).await?
    };
    Ok(match (opened, &at) {
        (Opened::Tree(document), Location::Http(url)) if is_api(&document) => {
            Source::Api(Api::of(&document, url))
        }
        (Opened::Tree(document), _) if is_api(&document) => {
            return Err(CatalogError::NotStatic { at: at.to_string() });
        }
        (Opened::Tree(document), _) => Source::Tree(at, document),
        (Opened::Items(items), _) => Source::Items(items),
    })
}

/// Whether a document is the landing page of a STAC API that can be searched.
pub fn is_api(document: &Value) -> bool {
    document["conformsTo"].is_array() && links(document).any(|l| text(l, "rel") == Some("search"))
}

pub(crate) fn with_headers(request: Request, headers: &[ApiHeader]) -> Request {
    headers.iter().fold(request, |request, header| request.header(&header.name, &header.value))
}

/// The address without its query, which may hold a token.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// Lets through what is wanted: in order, so many, with their wanted fields.
pub(crate) struct Sift<'a> {
    query: Query,
    sort: SortBy,
    fields: Fields,
    sorter: Option<Sorter>,
    found: usize,
    each: Each<'a>,
}

impl<'a> Sift<'a> {
    /// `query` and `sort` are what is left to be judged here.
    pub fn new(search: &Search, query: Query, sort: SortBy, each: Each<'a>) -> Self {
        let sorter = (!sort.is_empty()).then(|| Sorter::new(&std::env::temp_dir(), SORTED_IN_MEMORY));
        Self { query, sort, fields: search.fields.clone(), sorter, found: 0, each }
    }

    /// Whether more items may be of use.
    pub fn wants_more(&self) -> bool {
        self.sorter.is_some() || self.query.limit.is_none_or(|limit| self.found < limit)
    }

    /// Judges an item; whether more are wanted.
    pub fn offer(&mut self, item: Item) -> Result<bool, CatalogError> {
        if !self.query.matches(&item)? {
            return Ok(true);
        }
        if let Some(sorter) = &mut self.sorter {
            let key = self.sort.key(&item);
            let at = item.location().map(ToString::to_string);
            let record = serde_json::json!([at, item.into_value()]);
            sorter.push(&key, record.to_string().as_bytes())?;
            return Ok(true);
        }
        self.give(item)?;
        Ok(self.wants_more())
    }

    /// Gives away what had to wait; how many items were found.
    pub fn finish(mut self) -> Result<usize, CatalogError> {
        let Some(sorter) = self.sorter.take() else { return Ok(self.found) };
        for record in sorter.finish()?.take(self.query.limit.unwrap_or(usize::MAX)) {
            let (_, bytes) = record?;
            let failed = |source| CatalogError::Json { at: "a sorted item".to_owned(), line: None, source };
            let (at, item): (Option<String>, Value) = serde_json::from_slice(&bytes).map_err(failed)?;
            let item = Item::from_value(item)?;
            self.give(match at.and_then(|at| at.parse().ok()) {
                Some(at) => item.at(at),
                None => item,
            })?;
        }
        Ok(self.found)
    }

    fn give(&mut self, item: Item) -> Result<(), CatalogError> {
        self.found += 1;
        if self.fields.is_all() {
            return (self.each)(item);
        }
        let at = item.location().cloned();
        let item = Item::from_value(self.fields.of(item.into_value()))?;
        (self.each)(match at {
            Some(at) => item.at(at),
            None => item,
        })
    }
}
