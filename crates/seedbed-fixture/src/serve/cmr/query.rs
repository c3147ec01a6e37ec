//! What a search of the repository asks for.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::listing::granule::{Collection, Granule};
use crate::spec::Area;

/// As many as CMR gives unless asked for more.
const DEFAULT_PAGE: usize = 10;
const MOST_PAGE: usize = 2000;
/// How deep pages may be counted rather than searched after.
const DEEPEST: usize = 1_000_000;

/// In which order granules come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    by: Key,
    descends: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Start,
    End,
    Name,
}

impl Order {
    fn parse(text: &str) -> Result<Self, String> {
        let by = match text.trim_start_matches(['+', '-', ' ']) {
            "start_date" => Key::Start,
            "end_date" => Key::End,
            "granule_ur" | "readable_granule_name" => Key::Name,
            other => return Err(format!("The sort key [{other}] is not a valid sort key.")),
        };
        Ok(Self { by, descends: text.starts_with('-') })
    }
}

/// A search.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) concept_ids: Vec<String>,
    pub(super) short_names: Vec<String>,
    versions: Vec<String>,
    providers: Vec<String>,
    names: Vec<String>,
    patterns: bool,
    /// From and to, RFC 3339 with milliseconds, empty where open.
    pub(super) temporal: Vec<(String, String)>,
    pub(super) boxes: Vec<Area>,
    /// Only what was changed since, RFC 3339 with milliseconds; all where empty.
    since: String,
    order: Option<Order>,
    page_size: Option<usize>,
    page_num: Option<usize>,
}

impl Query {
    /// Reads the pairs of a query or form.
    pub(super) fn new(parameters: &[(String, String)]) -> Result<Self, String> {
        let mut query = Self::default();
        for (key, value) in parameters {
            let number =
                || value.parse::<usize>().map_err(|_| format!("{key} must be a number but was [{value}]"));
            match key.trim_end_matches("[]") {
                "collection_concept_id" | "echo_collection_id" | "concept_id" => {
                    query.concept_ids.push(value.clone());
                }
                "short_name" => query.short_names.push(value.clone()),
                "version" => query.versions.push(value.clone()),
                "provider" | "provider_short_name" | "provider_id" => query.providers.push(value.clone()),
                "readable_granule_name" | "producer_granule_id" | "granule_ur" => {
                    query.names.push(value.clone());
                }
                "temporal" => {
                    let mut ends = value.splitn(3, ',');
                    let mut end = || ends.next().map_or(Ok(String::new()), instant);
                    query.temporal.push((end()?, end()?));
                }
                "bounding_box" => query.boxes.extend(bounding_box(value)?),
                "page_size" => query.page_size = Some(number()?),
                "page_num" => query.page_num = Some(number()?),
                "point" => {
                    let refused = || format!("[{value}] is not a valid URL encoded point");
                    let (lon, lat) = value.split_once(',').ok_or_else(refused)?;
                    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| refused());
                    query.boxes.extend(Area::around(std::iter::once((number(lon)?, number(lat)?))));
                }
                "updated_since" | "revision_date" => {
                    query.since = instant(value.split(',').next().unwrap_or_default())?;
                }
                "sort_key" => query.order = Some(Order::parse(value)?),
                "downloadable" | "online_only" => {}
                key if key.starts_with("options[") => {
                    let about_names =
                        key.contains("name]") || key.contains("granule_id]") || key.contains("ur]");
                    query.patterns |= about_names && key.ends_with("[pattern]") && value == "true";
                }
                _ => return Err(format!("Parameter [{key}] was not recognized.")),
            }
        }
        if query.page_size.is_some_and(|size| size > MOST_PAGE) {
            return Err(format!("page_size must be a number between 0 and {MOST_PAGE}"));
        }
        let depth = query.page_num.unwrap_or(1).saturating_mul(query.page_size.unwrap_or(DEFAULT_PAGE));
        if depth > DEEPEST {
            return Err(format!(
                "The paging depth (page_num * page_size) of [{depth}] exceeds the limit of {DEEPEST}."
            ));
        }
        Ok(query)
    }

    /// Whether the search may lead to granules of the collection.
    pub(super) fn is_about(&self, collection: &Collection) -> bool {
        let among = |list: &[String], names: &[&str]| {
            list.is_empty() || list.iter().any(|wanted| names.contains(&wanted.as_str()))
        };
        among(&self.short_names, &[collection.short_name])
            && among(&self.concept_ids, &[collection.concept_id])
            && among(&self.versions, collection.versions)
            && among(&self.providers, &[collection.provider])
    }

    /// Whether it names a collection at all.
    pub(super) fn is_bounded(&self) -> bool {
        !(self.short_names.is_empty() && self.concept_ids.is_empty())
    }

    /// Whether it asks for granules by name.
    pub(super) fn names_granules(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether a granule's name is asked for.
    pub(super) fn wants_name(&self, granule: &Granule) -> bool {
        let is = |wanted: &String| {
            [&granule.id, &granule.file]
                .into_iter()
                .any(|name| if self.patterns { matches(wanted, name) } else { wanted == name })
        };
        self.names.is_empty() || self.names.iter().any(is)
    }

    /// Whether a granule is asked for.
    pub(super) fn wants(&self, granule: &Granule) -> bool {
        // Times of one form compare as text.
        let in_time = |(from, to): &(String, String)| {
            (to.is_empty() || granule.start <= *to) && (from.is_empty() || granule.end >= *from)
        };
        self.wants_name(granule)
            && *self.since <= *granule.updated()
            && (self.temporal.is_empty() || self.temporal.iter().any(in_time))
            && (self.boxes.is_empty() || self.boxes.iter().any(|area| granule.footprint.meets(area)))
    }

    /// Brings granules, which come by their start, into the order that is asked for.
    pub(super) fn sort(&self, granules: &mut [Granule]) {
        let Some(Order { by, descends }) = self.order else { return };
        granules.sort_by(|a, b| {
            let order = match by {
                Key::Start => a.start.cmp(&b.start),
                Key::End => a.end.cmp(&b.end),
                Key::Name => a.id.cmp(&b.id),
            };
            if descends { order.reverse() } else { order }
        });
    }

    /// Whether granules are asked for by their start, the oldest first, and however old their
    /// records: as far as a synthetic listing goes.
    pub(super) fn is_simple(&self) -> bool {
        self.since.is_empty()
            && self.order.is_none_or(|order| order == Order { by: Key::Start, descends: false })
    }

    /// The size of a page, and where the first asked for begins.
    pub(super) fn page(&self, most: usize) -> (usize, usize) {
        let size = self.page_size.unwrap_or(DEFAULT_PAGE).min(most);
        (size, self.page_num.map_or(0, |page| page.saturating_sub(1) * size))
    }
}

/// A time as granules have it: RFC 3339 with milliseconds. A date means its midnight.
fn instant(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        return Ok(format!("{day}T00:00:00.000Z"));
    }
    let time: Timestamp = text
        .parse()
        .map_err(|_| format!("temporal datetime is invalid: [{text}] is not a valid datetime."))?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// A box, or the two that one over the antimeridian is.
fn bounding_box(text: &str) -> Result<Vec<Area>, String> {
    let refused = || format!("[{text}] is not a valid URL encoded bounding_box");
    let numbers: Vec<f64> =
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| refused())?;
    let [west, south, east, north] = numbers[..] else { return Err(refused()) };
    if south > north {
        return Err(refused());
    }
    if west <= east {
        return Ok(vec![Area { west, south, east, north }]);
    }
    Ok(vec![Area { west, south, east: 180.0, north }, Area { west: -180.0, south, east, north }])
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

    #[test]
    fn times_are_brought_to_one_form_and_boxes_are_split_at_the_antimeridian() {
        assert_eq!(instant("2004-06-01T00:00:00Z").unwrap(), "2004-06-01T00:00:00.000Z");
        assert_eq!(instant("2004-06-01").unwrap(), "2004-06-01T00:00:00.000Z");
        assert!(instant("2004-13-01").is_err());
        assert_eq!(bounding_box("170,-10,-170,10").unwrap().len(), 2);
        assert!(bounding_box("1,2,3").is_err());
        assert!(
            Order::parse("-start_date").is_ok_and(|order| order.descends) && Order::parse("size").is_err()
        );
    }
}
