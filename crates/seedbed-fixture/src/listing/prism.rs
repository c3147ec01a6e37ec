//! PRISM as it is listed: the tree since 2025, the tree before, and releases.

use jiff::civil::{Date, DateTime, date};

use super::shelf::Shelf;
use super::{Listings, moment};

/// The elements of the time series.
pub const ELEMENTS: [&str; 7] = ["ppt", "tmin", "tmax", "tmean", "tdmean", "vpdmin", "vpdmax"];
/// Those that only normals have.
const SOLAR: [&str; 4] = ["solclear", "soltotal", "solslope", "soltrans"];
/// The long-term series has monthly grids of these.
const LONG_TERM: [&str; 4] = ["ppt", "tmin", "tmax", "tmean"];
/// Resolutions: folder's name and code in files' names.
const RESOLUTIONS: [(&str, &str); 2] = [("4km", "25m"), ("800m", "30s")];
/// The last version of a day, and of a month.
pub(crate) const FINAL_DAILY: u32 = 8;
const FINAL_MONTHLY: u32 = 7;
/// Days between a day and its versions, the last after about six months.
const AGES: [i64; 8] = [1, 2, 5, 30, 60, 90, 120, 180];

/// The code of a resolution in files' names.
#[must_use]
pub fn code(resolution: &str) -> Option<&'static str> {
    RESOLUTIONS.iter().find(|(name, _)| *name == resolution).map(|(_, code)| *code)
}

/// A day, a month or a year, as it stands in files' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum When {
    /// A day.
    Day(Date),
    /// A month, by its first day.
    Month(Date),
    /// A year, by its first day.
    Year(Date),
}

impl When {
    /// Reads `YYYYMMDD`, `YYYYMM` or `YYYY`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i8>().ok();
        let year = text.get(..4)?.parse().ok()?;
        match text.len() {
            8 => Date::new(year, number(4..6)?, number(6..8)?).ok().map(Self::Day),
            6 => Date::new(year, number(4..6)?, 1).ok().map(Self::Month),
            4 => Some(Self::Year(date(year, 1, 1))),
            _ => None,
        }
    }

    /// As in files' names.
    #[must_use]
    pub fn compact(self) -> String {
        match self {
            Self::Day(day) => day.strftime("%Y%m%d").to_string(),
            Self::Month(day) => day.strftime("%Y%m").to_string(),
            Self::Year(day) => day.strftime("%Y").to_string(),
        }
    }

    /// As the service of release dates writes it.
    #[must_use]
    pub fn dashed(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Month(day) => day.strftime("%Y-%m").to_string(),
            Self::Year(day) => day.strftime("%Y").to_string(),
        }
    }

    /// The first day.
    #[must_use]
    pub fn first(self) -> Date {
        match self {
            Self::Day(day) | Self::Month(day) | Self::Year(day) => day,
        }
    }

    /// The one after, of the same length.
    #[must_use]
    pub fn next(self) -> Self {
        let plus = |day: Date, span: jiff::Span| day.saturating_add(span);
        match self {
            Self::Day(day) => Self::Day(plus(day, jiff::Span::new().days(1))),
            Self::Month(day) => Self::Month(plus(day, jiff::Span::new().months(1))),
            Self::Year(day) => Self::Year(plus(day, jiff::Span::new().years(1))),
        }
    }

    /// The last day.
    fn last(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Month(day) => day.last_of_month(),
            Self::Year(day) => day.last_of_year(),
        }
    }

    /// How many versions there are in the end.
    fn versions(self) -> u32 {
        if matches!(self, Self::Day(_)) { FINAL_DAILY } else { FINAL_MONTHLY }
    }
}

/// The file of an element at a time, at a resolution.
#[must_use]
pub fn file(element: &str, resolution: &str, when: When) -> Option<String> {
    Some(format!("prism_{element}_us_{}_{}.zip", code(resolution)?, when.compact()))
}

/// The file's place in the tree.
#[must_use]
pub fn path(element: &str, series: &str, resolution: &str, when: When) -> Option<String> {
    let step = if matches!(when, When::Day(_)) { "daily" } else { "monthly" };
    let year = when.first().year();
    Some(format!(
        "time_series/us/{series}/{resolution}/{element}/{step}/{year}/{}",
        file(element, resolution, when)?
    ))
}

/// The newest day of a spec: the young days before it are not final yet.
fn newest(spec: &Listings) -> Date {
    spec.prism_start.saturating_add(jiff::Span::new().days(i64::from(spec.prism_days) - 1))
}

/// How many versions a grid has had before a test released any. The last four days of the listing
/// are young.
#[must_use]
pub fn count(spec: &Listings, when: When) -> u32 {
    let When::Day(day) = when else { return when.versions() };
    match day.until(newest(spec)).map(|span| span.get_days()) {
        Ok(0) => 1,
        Ok(1..=3) => 2,
        _ => FINAL_DAILY,
    }
}

/// When a version was released.
#[must_use]
pub fn released(when: When, version: u32) -> Date {
    let more = i64::from(version.saturating_sub(FINAL_DAILY)) * 30;
    let age = AGES.get(version.saturating_sub(1) as usize).copied().unwrap_or(AGES[7]);
    when.last().saturating_add(jiff::Span::new().days(age + more))
}

fn at(spec: &Listings, when: When, name: &str) -> DateTime {
    moment(&released(when, count(spec, when)).to_string(), name)
}

/// Every time that a spec lists: the days, or the months and years.
fn whens(spec: &Listings, daily: bool) -> Vec<When> {
    if daily {
        let days = 0..i64::from(spec.prism_days);
        return days.map(|k| When::Day(spec.prism_start.saturating_add(jiff::Span::new().days(k)))).collect();
    }
    let years = spec.prism_years.clone();
    years
        .flat_map(|year| {
            let months = (1..=12).map(move |month| When::Month(date(year, month, 1)));
            months.chain([When::Year(date(year, 1, 1))])
        })
        .collect()
}

/// The days of normals, in a leap year; names have no year but the period's last.
fn normal_days() -> impl Iterator<Item = Date> {
    (0..366).map(|k| date(2020, 1, 1).saturating_add(jiff::Span::new().days(k)))
}

/// Puts both trees on the shelf.
pub(crate) fn stock(spec: &Listings, shelf: &mut Shelf) {
    stock_new(spec, shelf);
    stock_old(spec, shelf);
}

fn stock_new(spec: &Listings, shelf: &mut Shelf) {
    for (resolution, code) in RESOLUTIONS {
        for element in ELEMENTS {
            for when in [true, false].into_iter().flat_map(|daily| whens(spec, daily)) {
                let series = if LONG_TERM.contains(&element) && !matches!(when, When::Day(_)) {
                    &["an", "lt"][..]
                } else {
                    &["an"]
                };
                for path in series.iter().filter_map(|series| path(element, series, resolution, when)) {
                    let modified = at(spec, when, &path);
                    shelf.put(path, modified);
                }
            }
        }
        for element in ELEMENTS.into_iter().chain(SOLAR) {
            let mut normal = |step: &str, date: &str| {
                let name = format!("prism_{element}_us_{code}_{date}_avg_30y.zip");
                shelf.put(
                    format!("normals/us/{resolution}/{element}/{step}/{name}"),
                    moment("2022-07-01", &name),
                );
            };
            normal("monthly", "2020");
            for month in 1..=12 {
                normal("monthly", &format!("2020{month:02}"));
            }
            if !SOLAR.contains(&element) {
                for day in normal_days() {
                    normal("daily", &day.strftime("%Y%m%d").to_string());
                }
            }
        }
    }
}

/// The version of a month's data set in the old names: by element and age.
fn monthly_version(element: &str, year: i16) -> &'static str {
    match (element, year) {
        ("ppt", ..=1980) => "M2",
        ("ppt", _) => "M4",
        (_, ..=1980) => "M1",
        _ => "M3",
    }
}

/// The stability of a day in the old names.
fn stability(spec: &Listings, day: Date) -> &'static str {
    match count(spec, When::Day(day)) {
        1 => "early",
        2 => "provisional",
        _ => "stable",
    }
}

fn stock_old(spec: &Listings, shelf: &mut Shelf) {
    for element in ELEMENTS {
        let mut put = |folder: &str, name: String| {
            let modified = moment("2024-10-01", &name);
            shelf.put(format!("{folder}/{name}"), modified);
        };
        for when in whens(spec, true) {
            let day = when.first();
            let folder = format!("daily/{element}/{}", day.year());
            let name = |stability: &str, version: &str| {
                format!("PRISM_{element}_{stability}_4km{version}_{}_bil.zip", when.compact())
            };
            put(&folder, name(stability(spec, day), "D2"));
            if day == spec.prism_start {
                // What a mirror may still hold: the provisional grid and the version before.
                put(&folder, name("provisional", "D2"));
                put(&folder, name("stable", "D1"));
            }
        }
        let month = spec.prism_start.first_of_month();
        put(
            &format!("daily/{element}/{}", month.year()),
            format!(
                "PRISM_{element}_stable_4kmD2_{}_{}_bil.zip",
                month.strftime("%Y%m%d"),
                month.last_of_month().strftime("%Y%m%d")
            ),
        );
        let old =
            (1..=12).map(|month| When::Month(date(1895, month, 1))).chain([When::Year(date(1895, 1, 1))]);
        for when in old.chain(whens(spec, false)) {
            let year = when.first().year();
            let version = monthly_version(element, year);
            put(
                &format!("monthly/{element}/{year}"),
                format!("PRISM_{element}_stable_4km{version}_{}_bil.zip", when.compact()),
            );
        }
        put(
            &format!("monthly/{element}/1895"),
            format!("PRISM_{element}_stable_4km{}_1895_all_bil.zip", monthly_version(element, 1895)),
        );
        let folder = format!("normals_bil/4km/{element}");
        for month in
            ["annual", "all"].map(String::from).into_iter().chain((1..=12).map(|m| format!("{m:02}")))
        {
            put(&folder, format!("PRISM_{element}_30yr_normal_4kmM4_{month}_bil.zip"));
        }
        for day in normal_days() {
            put(&folder, format!("PRISM_{element}_30yr_normal_4kmD1_{}_bil.zip", day.strftime("%m%d")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_length_are_read_and_impossible_ones_refused() {
        assert_eq!(When::parse("20240229"), Some(When::Day(date(2024, 2, 29))));
        assert_eq!(When::parse("202402").map(When::dashed), Some("2024-02".into()));
        assert_eq!(When::parse("2024").map(When::compact), Some("2024".into()));
        assert!(When::parse("20230229").is_none() && When::parse("+24").is_none());
    }

    #[test]
    fn young_days_have_few_versions_and_old_ones_are_final() {
        let spec = Listings::default();
        let day = |k: i64| When::Day(spec.prism_start.saturating_add(jiff::Span::new().days(k)));
        let last = i64::from(spec.prism_days) - 1;
        assert_eq!([count(&spec, day(last)), count(&spec, day(last - 3)), count(&spec, day(0))], [1, 2, 8]);
        assert_eq!(released(When::Month(date(2024, 2, 1)), 1), date(2024, 3, 1));
        assert_eq!(released(day(0), 9), released(day(0), 8).saturating_add(jiff::Span::new().days(30)));
    }
}
