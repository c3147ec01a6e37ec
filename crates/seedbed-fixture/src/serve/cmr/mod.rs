//! NASA's Common Metadata Repository: granules and collections, in its JSON and in UMM.

mod entry;
mod query;
mod umm;

use hyper::StatusCode;
use hyper::header::{ACCEPT, HeaderName};
use serde::Serialize;
use serde_json::{Value, json};

use super::Site;
use super::body::{self, Reply, not_found, set, whole};
use super::fault::{Kind, struck};
use super::request::{Asked, pairs};
use crate::daymet;
use crate::listing::granule::{Algorithm, Collection, Footprint, Granule};
use crate::listing::synthetic::{Selection, Synthetic};
use crate::listing::{self, Period};
use crate::spec::Area;
use query::Query;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Umm,
}

/// A path under `/search/`.
pub(super) fn serve(site: &Site, asked: &Asked, rest: &str, fault: Option<Kind>) -> Reply {
    let mut parameters = asked.query.clone();
    // CMR takes its parameters as a form, too.
    parameters.extend(pairs(&String::from_utf8_lossy(&asked.body)));
    // The form may stand in the path, with a version, or in what is accepted.
    let accepts_umm = asked.header(ACCEPT).is_some_and(|accept| accept.contains("umm_results+json"));
    match rest {
        "granules" if accepts_umm => granules(site, asked, &parameters, Form::Umm, fault),
        "granules.json" | "granules" => granules(site, asked, &parameters, Form::Json, fault),
        rest if rest.starts_with("granules.umm_json") => granules(site, asked, &parameters, Form::Umm, fault),
        "collections.json" | "collections" => collections(site, &parameters),
        _ => not_found("search of this name"),
    }
}

fn refused(message: &str) -> Reply {
    whole(
        StatusCode::BAD_REQUEST,
        "application/json; charset=utf-8",
        json!({ "errors": [message] }).to_string(),
    )
}

/// What a search found, in the repository's order.
enum Found<'a> {
    Listed(Vec<Granule>),
    Made(Selection<'a>),
}

impl Found<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Listed(list) => list.len() as u64,
            Self::Made(selection) => selection.len(),
        }
    }

    /// A page of at most `size` from `from` on.
    fn page(&self, from: u64, size: usize) -> Vec<Granule> {
        let places = from..from.saturating_add(size as u64).min(self.len());
        match self {
            Self::Listed(list) => {
                places.filter_map(|k| list.get(usize::try_from(k).ok()?).cloned()).collect()
            }
            Self::Made(selection) => places.filter_map(|k| selection.get(k)).collect(),
        }
    }
}

/// The collections that this server has granules of.
fn known(site: &Site) -> Vec<&'static Collection> {
    if site.synthetic.is_some() {
        return vec![Synthetic::product().collection];
    }
    if site.listed.is_some() {
        let daymet = Period::ALL.iter().map(|period| period.collection());
        return daymet.chain(listing::modis::PRODUCTS.iter().map(|product| product.collection)).collect();
    }
    vec![Period::Daily.collection()]
}

fn search<'a>(site: &'a Site, query: &Query) -> Found<'a> {
    let about: Vec<&Collection> = known(site).into_iter().filter(|known| query.is_about(known)).collect();
    if let Some(synthetic) = &site.synthetic {
        return made(synthetic, query, about.is_empty());
    }
    let mut found = Vec::new();
    for collection in about {
        let mut take = |all: &[Granule]| {
            found.extend(all.iter().filter(|granule| query.wants(granule)).cloned());
        };
        match site.listed() {
            Some(listed) => take(listed.granules(collection)),
            None => take(&in_folder(site)),
        }
    }
    query.sort(&mut found);
    Found::Listed(found)
}

fn made<'a>(synthetic: &'a Synthetic, query: &Query, nothing: bool) -> Found<'a> {
    if nothing {
        return Found::Listed(Vec::new());
    }
    let day = |time: &String| time.get(..10).unwrap_or_default().to_owned();
    let days: Vec<(String, String)> = query.temporal.iter().map(|(from, to)| (day(from), day(to))).collect();
    let selection = synthetic.select(&query.boxes, &days);
    if !query.names_granules() {
        return Found::Made(selection);
    }
    let all = (0..selection.len()).filter_map(|k| selection.get(k));
    Found::Listed(all.filter(|granule| query.wants_name(granule)).collect())
}

/// Where a page begins: how many granules came before, and how often pages were given for it.
struct Cursor {
    from: u64,
    again: u64,
}

impl Cursor {
    /// From the header, which is a JSON array as CMR's is.
    fn parse(token: &str) -> Option<Self> {
        let (_, from, again) = serde_json::from_str::<(String, u64, u64)>(token).ok()?;
        Some(Self { from, again })
    }

    fn token(&self) -> String {
        json!(["fixture", self.from, self.again]).to_string()
    }

    /// The cursor after a page of `shown` granules, if there is to be one. A fault may lead it back.
    fn next(&self, shown: usize, fault: Option<Kind>) -> Option<Self> {
        let on = Self { from: self.from + shown as u64, again: 0 };
        match fault {
            Some(Kind::Repeat) if self.again == 0 && shown > 0 => Some(Self { from: self.from, again: 1 }),
            Some(Kind::Loop) if self.from > 0 && shown > 0 => Some(Self { from: 0, again: 0 }),
            Some(Kind::Endless) if shown == 0 => Some(Self { from: self.from, again: self.again + 1 }),
            // The header comes with every page that has granules on it, and the first empty one ends.
            _ => (shown > 0).then_some(on),
        }
    }
}

fn granules(
    site: &Site,
    asked: &Asked,
    parameters: &[(String, String)],
    form: Form,
    fault: Option<Kind>,
) -> Reply {
    let query = match Query::new(parameters) {
        Ok(query) => query,
        Err(message) => return refused(&message),
    };
    if !query.is_bounded() {
        return refused("The CMR does not allow querying across granules in all collections.");
    }
    if site.synthetic.is_some() && !query.is_simple() {
        return refused("A synthetic listing comes by start_date, and its records have no dates.");
    }
    let (size, first) = query.page(site.options.cmr_page);
    let after = HeaderName::from_static("cmr-search-after");
    let cursor = match asked.header(after.clone()) {
        Some(token) => match Cursor::parse(token) {
            Some(cursor) => cursor,
            None => return refused(&format!("The search after value {token} is not valid.")),
        },
        None => Cursor { from: first as u64, again: 0 },
    };
    let found = search(site, &query);
    let page = found.page(cursor.from, size);
    let shown = page.len();
    let page = spoilt(page, cursor.from, fault);
    let hits = if fault == Some(Kind::Hits) { found.len() * 10 + 7 } else { found.len() };
    let mut reply = match form {
        Form::Json => json_page(asked, &page),
        Form::Umm => umm_page(asked, &page, hits),
    };
    set(&mut reply, HeaderName::from_static("cmr-hits"), &hits.to_string());
    if let Some(next) = cursor.next(shown, fault) {
        set(&mut reply, after, &next.token());
    }
    reply
}

/// A page with what its fault does to every tenth granule of the search.
fn spoilt(page: Vec<Granule>, from: u64, fault: Option<Kind>) -> Vec<Granule> {
    let mut spoilt = Vec::with_capacity(page.len());
    for (k, mut granule) in (from..).zip(page) {
        if struck(k) {
            match fault {
                Some(Kind::Duplicates) => spoilt.push(granule.clone()),
                Some(Kind::Names) => {
                    granule.file =
                        format!("unnamed_{k}.{}", granule.file.rsplit('.').next().unwrap_or_default());
                    granule.id = format!("unnamed_{k}");
                }
                Some(Kind::Dates) => {
                    let day =
                        ["2003-02-30", "2003-13-01", "0000-00-00"][usize::try_from(k / 10 % 3).unwrap_or(0)];
                    granule.start = format!("{day}T00:00:00.000Z");
                    // The day that a name tells is as impossible: the 400th of its year.
                    for name in [&mut granule.file, &mut granule.id] {
                        if let Some(at) = name.find(".A").filter(|at| name.len() > at + 9) {
                            name.replace_range(at + 6..at + 9, "400");
                        }
                    }
                }
                _ => {}
            }
        }
        spoilt.push(granule);
    }
    spoilt
}

const UPDATED: &str = "2023-03-13T00:01:28.691Z";

/// What a record takes, bytes, as far as a page's buffer is concerned.
const RECORD: usize = 4800;

/// A page: what stands before its records, and after.
fn page_of<T: Serialize>(
    media_type: &'static str,
    head: &str,
    records: impl Iterator<Item = T>,
    tail: &str,
) -> Reply {
    let mut text = Vec::with_capacity(head.len() + records.size_hint().0 * RECORD);
    text.extend_from_slice(head.as_bytes());
    for (k, record) in records.enumerate() {
        if k > 0 {
            text.push(b',');
        }
        // Writing to memory, and of texts and numbers alone, doesn't fail.
        let _ = serde_json::to_writer(&mut text, &record);
    }
    text.extend_from_slice(tail.as_bytes());
    whole(StatusCode::OK, media_type, text)
}

fn json_page(asked: &Asked, page: &[Granule]) -> Reply {
    let id = Value::from(format!("{}{}", asked.base, asked.path));
    let head = format!(
        "{{\"feed\":{{\"updated\":\"{UPDATED}\",\"id\":{id},\"title\":\"ECHO granule metadata\",\"entry\":["
    );
    let entries = page.iter().map(|granule| entry::Entry::new(&asked.base, granule));
    page_of("application/json;charset=utf-8", &head, entries, "]}}")
}

fn umm_page(asked: &Asked, page: &[Granule], hits: u64) -> Reply {
    let media_type = "application/vnd.nasa.cmr.umm_results+json;version=1.6.4; charset=utf-8";
    let head = format!("{{\"hits\":{hits},\"took\":372,\"items\":[");
    let items = page.iter().map(|granule| umm::Item::new(&asked.base, granule));
    page_of(media_type, &head, items, "]}")
}

/// The granules in the folder, oldest first, as CMR sorts them.
fn in_folder(site: &Site) -> Vec<Granule> {
    let files = daymet::data_files(&site.dir.join("daymet")).unwrap_or_default();
    let area = covered(site);
    let mut granules: Vec<(String, Granule)> = files
        .iter()
        .filter_map(|path| {
            let file = path.file_name()?.to_string_lossy().into_owned();
            let year: i16 = file.strip_suffix(".nc")?.rsplit_once('_')?.1.parse().ok()?;
            let sum = std::fs::read_to_string(path.with_file_name(format!("{file}.sha256"))).ok();
            let granule = Granule {
                collection: Period::Daily.collection(),
                id: format!("Daymet_Daily_V4R1.{file}"),
                number: 0,
                start: format!("{year}-01-01T00:00:00.000Z"),
                end: format!("{year}-12-31T23:59:59.000Z"),
                produced: "2023-03-01T00:00:00.000Z".into(),
                footprint: Footprint::Box(area),
                size: path.metadata().ok()?.len(),
                checksum: sum.map(|text| (Algorithm::Sha256, text.trim().to_owned())),
                file: file.clone(),
            };
            Some((format!("{year} {file}"), granule))
        })
        .collect();
    granules.sort_by(|a, b| a.0.cmp(&b.0));
    let numbered = granules.into_iter().zip(0_u64..);
    numbered.map(|((_, granule), k)| Granule { number: 2_533_270_000 + 37 * k, ..granule }).collect()
}

/// What the granules in the folder cover, from its own note; the whole of North America without one.
fn covered(site: &Site) -> Area {
    let note = std::fs::read_to_string(site.dir.join("fixture.json")).unwrap_or_default();
    let note: Value = serde_json::from_str(&note).unwrap_or_default();
    note["area"].as_str().and_then(|area| area.parse().ok()).unwrap_or(listing::daymet::REGIONS[0].2)
}

fn collections(site: &Site, parameters: &[(String, String)]) -> Reply {
    let query = match Query::new(parameters) {
        Ok(query) => query,
        Err(message) => return refused(&message),
    };
    let entries: Vec<Value> = known(site)
        .into_iter()
        .filter(|collection| query.is_about(collection))
        .map(|collection| {
            json!({
                "id": collection.concept_id,
                "short_name": collection.short_name,
                "version_id": collection.versions[0],
                "title": collection.title,
                "dataset_id": collection.title,
                "data_center": collection.provider,
                "archive_center": collection.provider,
                "time_start": format!("{}T00:00:00.000Z", collection.days.0),
                "has_granules": true,
                "links": [],
            })
        })
        .collect();
    let mut reply = body::json(
        "application/json;charset=utf-8",
        &json!({ "feed": { "updated": UPDATED, "title": "ECHO dataset metadata", "entry": entries } }),
    );
    set(&mut reply, HeaderName::from_static("cmr-hits"), &entries.len().to_string());
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_go_on_come_back_or_never_end_as_their_fault_says() {
        let at = |from, again| Cursor { from, again };
        let next = |cursor: Cursor, shown, fault| cursor.next(shown, fault).map(|c| (c.from, c.again));
        assert_eq!(next(at(4, 0), 2, None), Some((6, 0)));
        assert_eq!(next(at(4, 0), 0, None), None);
        assert_eq!(next(at(4, 0), 2, Some(Kind::Repeat)), Some((4, 1)));
        assert_eq!(next(at(4, 1), 2, Some(Kind::Repeat)), Some((6, 0)));
        assert_eq!(next(at(4, 0), 2, Some(Kind::Loop)), Some((0, 0)));
        assert_eq!(next(at(6, 3), 0, Some(Kind::Endless)), Some((6, 4)));
        assert_eq!(Cursor::parse(&at(4, 1).token()).map(|c| c.again), Some(1));
    }
}
