//! NASA's Common Metadata Repository, as far as finding granules of Daymet goes.

use hyper::StatusCode;
use hyper::header::HeaderName;
use serde_json::{Value, json};

use super::Site;
use super::body::{self, Reply, not_found, set, whole};
use super::request::{Asked, pairs};
use crate::daymet;
use crate::spec::Area;

const SHORT_NAME: &str = "Daymet_Daily_V4R1_2129";
const CONCEPT_ID: &str = "C2532426483-ORNL_CLOUD";
const TITLE: &str = "Daymet: Daily Surface Weather Data on a 1-km Grid for North America, Version 4 R1";
/// As many as CMR gives unless asked for more.
const DEFAULT_PAGE: usize = 10;
const MOST_PAGE: usize = 2000;

/// A granule of the collection.
struct Granule {
    name: String,
    year: i16,
    /// Bytes.
    size: u64,
}

impl Granule {
    fn start(&self) -> String {
        format!("{}-01-01T00:00:00.000Z", self.year)
    }

    fn end(&self) -> String {
        format!("{}-12-31T23:59:59.000Z", self.year)
    }
}

/// A path under `/search/`.
pub(super) fn serve(site: &Site, asked: &Asked, rest: &str) -> Reply {
    let mut parameters = asked.query.clone();
    // CMR takes its parameters as a form, too.
    parameters.extend(pairs(&String::from_utf8_lossy(&asked.body)));
    match rest {
        "granules.json" | "granules" => granules(site, asked, &parameters),
        "collections.json" | "collections" => collections(&parameters),
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

/// What the parameters ask for.
#[derive(Default)]
struct Query {
    concept_ids: Vec<String>,
    short_names: Vec<String>,
    names: Vec<String>,
    temporal: Vec<(String, String)>,
    boxes: Vec<Area>,
    page_size: Option<usize>,
    page_num: Option<usize>,
}

impl Query {
    fn new(parameters: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self::default();
        for (key, value) in parameters {
            let number =
                || value.parse::<usize>().map_err(|_| format!("{key} must be a number but was [{value}]"));
            match key.trim_end_matches("[]") {
                "collection_concept_id" | "echo_collection_id" | "concept_id" => {
                    query.concept_ids.push(value.clone());
                }
                "short_name" => query.short_names.push(value.clone()),
                "readable_granule_name" | "producer_granule_id" | "granule_ur" => {
                    query.names.push(value.clone());
                }
                "temporal" => {
                    let (from, to) = value.split_once(',').unwrap_or((value, ""));
                    query.temporal.push((from.into(), to.into()));
                }
                "bounding_box" => query.boxes.push(
                    value
                        .parse()
                        .map_err(|_| format!("[{value}] is not a valid URL encoded bounding_box"))?,
                ),
                "page_size" => query.page_size = Some(number()?),
                "page_num" => query.page_num = Some(number()?),
                "version"
                | "provider"
                | "provider_short_name"
                | "sort_key"
                | "downloadable"
                | "online_only" => {}
                key if key.starts_with("options[") => {}
                _ => return Err(format!("Parameter [{key}] was not recognized.")),
            }
        }
        if query.page_size.is_some_and(|size| size > MOST_PAGE) {
            return Err(format!("page_size must be a number between 0 and {MOST_PAGE}"));
        }
        Ok(query)
    }

    fn is_about_daymet(&self) -> bool {
        (self.short_names.is_empty() || self.short_names.iter().any(|name| name == SHORT_NAME))
            && (self.concept_ids.is_empty() || self.concept_ids.iter().any(|id| id == CONCEPT_ID))
    }

    fn wants(&self, granule: &Granule, covered: Area) -> bool {
        let title = format!("Daymet_Daily_V4R1.{}", granule.name);
        let (start, end) = (granule.start(), granule.end());
        // Times of one form compare as text.
        let in_time = |(from, to): &(String, String)| {
            (to.is_empty() || start.as_str() <= to.as_str())
                && (from.is_empty() || end.as_str() >= from.as_str())
        };
        (self.names.is_empty() || self.names.iter().any(|p| matches(p, &granule.name) || matches(p, &title)))
            && (self.temporal.is_empty() || self.temporal.iter().any(in_time))
            && (self.boxes.is_empty() || self.boxes.iter().any(|area| area.meets(&covered)))
    }
}

/// Whether a text is what a pattern with `*` and `?` says.
fn matches(pattern: &str, text: &str) -> bool {
    fn at(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => at(&pattern[1..], text) || (!text.is_empty() && at(pattern, &text[1..])),
            (Some(b'?'), Some(_)) => at(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) if a == b => at(&pattern[1..], &text[1..]),
            _ => false,
        }
    }
    at(pattern.as_bytes(), text.as_bytes())
}

fn granules(site: &Site, asked: &Asked, parameters: &[(String, String)]) -> Reply {
    let query = match Query::new(parameters) {
        Ok(query) => query,
        Err(message) => return refused(&message),
    };
    if query.short_names.is_empty() && query.concept_ids.is_empty() {
        return refused("The CMR does not allow querying across granules in all collections.");
    }
    let covered = covered(site);
    let all = granules_of(site);
    let hits: Vec<(usize, &Granule)> = all
        .iter()
        .enumerate()
        .filter(|(_, granule)| query.is_about_daymet() && query.wants(granule, covered))
        .collect();
    let size = query.page_size.unwrap_or(DEFAULT_PAGE).min(site.options.cmr_page);
    let after = HeaderName::from_static("cmr-search-after");
    let from = match asked.header(after.clone()) {
        // The token is a JSON array, as CMR's is; ours holds the number of granules so far.
        Some(token) => match serde_json::from_str::<(String, usize)>(token) {
            Ok((_, from)) => from,
            Err(_) => return refused(&format!("The search after value {token} is not valid.")),
        },
        None => query.page_num.map_or(0, |page| page.saturating_sub(1) * size),
    };
    let page: Vec<Value> = hits
        .iter()
        .skip(from)
        .take(size)
        .map(|&(number, granule)| entry(asked, number, granule, covered))
        .collect();
    let shown = page.len();
    let feed = json!({
        "feed": {
            "updated": "2023-03-13T00:01:28.691Z",
            "id": format!("{}{}", asked.base, asked.path),
            "title": "ECHO granule metadata",
            "entry": page,
        }
    });
    let mut reply = body::json("application/json; charset=utf-8", &feed);
    set(&mut reply, HeaderName::from_static("cmr-hits"), &hits.len().to_string());
    // The header comes with every page that has granules on it, and the first empty one ends.
    if shown > 0 {
        set(&mut reply, after, &json!(["fixture", from + shown]).to_string());
    }
    reply
}

/// The granules in the folder, oldest first, as CMR sorts them.
fn granules_of(site: &Site) -> Vec<Granule> {
    let files = daymet::data_files(&site.dir.join("daymet")).unwrap_or_default();
    let mut granules: Vec<Granule> = files
        .iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let year = name.strip_suffix(".nc")?.rsplit_once('_')?.1.parse().ok()?;
            Some(Granule { size: path.metadata().ok()?.len(), name, year })
        })
        .collect();
    granules.sort_by(|a, b| (a.year, &a.name).cmp(&(b.year, &b.name)));
    granules
}

/// What the granules cover, from the folder's own note; the whole of North America without one.
fn covered(site: &Site) -> Area {
    let note = std::fs::read_to_string(site.dir.join("fixture.json")).unwrap_or_default();
    let note: Value = serde_json::from_str(&note).unwrap_or_default();
    let north_america = Area { west: -178.1333, south: 14.0749, east: -53.0567, north: 82.9143 };
    note["area"].as_str().and_then(|area| area.parse().ok()).unwrap_or(north_america)
}

/// A granule as CMR's JSON has it, with the links that mislead a careless reader.
fn entry(asked: &Asked, number: usize, granule: &Granule, area: Area) -> Value {
    let Granule { name, size, .. } = granule;
    let base = &asked.base;
    let link = |rel: &str, title: &str, href: String| {
        json!({
            "rel": format!("http://esipfed.org/ns/fedsearch/1.1/{rel}#"),
            "title": title,
            "hreflang": "en-US",
            "href": href,
        })
    };
    let inherited = |rel: &str, href: String| {
        json!({
            "inherited": true,
            "rel": format!("http://esipfed.org/ns/fedsearch/1.1/{rel}#"),
            "hreflang": "en-US",
            "href": href,
        })
    };
    json!({
        "boxes": [format!("{} {} {} {}", area.south, area.west, area.north, area.east)],
        "time_start": granule.start(),
        "updated": "2023-03-03T14:27:01.000Z",
        "dataset_id": TITLE,
        "data_center": "ORNL_CLOUD",
        "title": format!("Daymet_Daily_V4R1.{name}"),
        "coordinate_system": "CARTESIAN",
        "day_night_flag": "BOTH",
        "time_end": granule.end(),
        "id": format!("G{}-ORNL_CLOUD", 2_533_270_000 + 37 * number),
        "original_format": "ECHO10",
        // CMR counts a million bytes as one.
        "granule_size": format!("{}", *size as f64 / 1e6),
        "browse_flag": false,
        "collection_concept_id": CONCEPT_ID,
        "online_access_flag": true,
        "links": [
            link(
                "data",
                &format!("Download {name}"),
                format!("{base}/protected/daymet/Daymet_Daily_V4R1/data/{name}"),
            ),
            link(
                "data",
                &format!("Download {name}.sha256"),
                format!("{base}/public/daymet/Daymet_Daily_V4R1/data/{name}.sha256"),
            ),
            link(
                "s3",
                "This link provides direct download access via S3 to the granule",
                format!("s3://ornl-cumulus-prod-protected/daymet/Daymet_Daily_V4R1/data/{name}"),
            ),
            link(
                "metadata",
                "ORNL DAAC Data Set Documentation (USER'S GUIDE)",
                "https://daac.ornl.gov/DAYMET/guides/Daymet_Daily_V4R1.html".into(),
            ),
            link(
                "metadata",
                "Data Set Documentation (GENERAL DOCUMENTATION)",
                // One slash too few, as in the real listing.
                "https:/daac.ornl.gov/daacdata/daymet/Daymet_Daily_V4R1/comp/Daymet_Daily_V4R1.pdf".into(),
            ),
            link(
                "service",
                "OPeNDAP request URL (GET DATA : OPENDAP DATA)",
                format!("https://opendap.earthdata.nasa.gov/collections/{CONCEPT_ID}/granules/Daymet_Daily_V4R1.{name}"),
            ),
            inherited("data", format!("{base}/daacdata/daymet/Daymet_Daily_V4R1/")),
            inherited("documentation", "https://daac.ornl.gov/DAYMET/guides/Daymet_Daily_V4R1.html".into()),
            inherited("metadata", "https://doi.org/10.3334/ORNLDAAC/2129".into()),
        ],
    })
}

fn collections(parameters: &[(String, String)]) -> Reply {
    let wanted = parameters.iter().all(|(key, value)| match key.as_str() {
        "short_name" => value == SHORT_NAME,
        "concept_id" => value == CONCEPT_ID,
        _ => true,
    });
    let entry = json!({
        "id": CONCEPT_ID,
        "short_name": SHORT_NAME,
        "version_id": "4.1",
        "title": TITLE,
        "dataset_id": TITLE,
        "data_center": "ORNL_CLOUD",
        "time_start": "1950-01-01T00:00:00.000Z",
        "links": [],
    });
    let entries = if wanted { vec![entry] } else { Vec::new() };
    let mut reply = body::json(
        "application/json; charset=utf-8",
        &json!({ "feed": { "title": "ECHO dataset metadata", "entry": entries } }),
    );
    set(&mut reply, HeaderName::from_static("cmr-hits"), &entries.len().to_string());
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_cmr_says() {
        assert!(matches("*_tmax_*", "daymet_v4_daily_na_tmax_2003.nc"));
        assert!(matches("daymet_v4_daily_??_tmax_2003.nc", "daymet_v4_daily_na_tmax_2003.nc"));
        assert!(!matches("*_tmin_*", "daymet_v4_daily_na_tmax_2003.nc"));
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        let message = Query::new(&[("pagesize".into(), "2".into())]).err().unwrap();
        assert_eq!(message, "Parameter [pagesize] was not recognized.");
    }
}
