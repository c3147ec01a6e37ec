//! What of an archive is asked for: `--where`, `--datetime` and `--bbox`.

use crate::calendar::Strategy;
use crate::template::{Captures, Template};
use jiff::ToSpan;
use jiff::civil::Date;
use seedbed_grid::Bbox;
use std::collections::{BTreeMap, BTreeSet};

/// The filters, checked against the definition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    values: BTreeMap<String, BTreeSet<String>>,
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    pub(crate) bbox: Option<Bbox>,
}

/// More names than this in one query are not sent; all granules are asked for instead.
const MOST_NAMES: usize = 64;

impl Wanted {
    pub(crate) fn new(
        values: BTreeMap<String, BTreeSet<String>>,
        (from, to): (Option<Date>, Option<Date>),
        bbox: Option<Bbox>,
    ) -> Self {
        Self { values, from, to, bbox }
    }

    /// Whether these captures (of a name or a folder) have wanted values.
    pub(crate) fn has(&self, captures: &Captures) -> bool {
        self.values.iter().all(|(key, values)| captures.get(key).is_none_or(|v| values.contains(v)))
    }

    /// Whether any of the days from first to last is wanted.
    pub(crate) fn meets(&self, (first, last): (Date, Date)) -> bool {
        self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first <= to)
    }

    /// The one value wanted for a key.
    pub(crate) fn only(&self, key: &str) -> Option<&str> {
        let values = self.values.get(key)?;
        values.first().filter(|_| values.len() == 1).map(String::as_str)
    }

    /// Whether this value of a key is wanted.
    pub(crate) fn takes(&self, key: &str, value: &str) -> bool {
        self.values.get(key).is_none_or(|values| values.contains(value))
    }

    /// All filters as a text, to tell one crawl from another.
    pub(crate) fn signature(&self) -> String {
        format!("{:?} {:?} {:?} {:?}", self.values, self.from, self.to, self.bbox)
    }

    /// Whether the box is wanted.
    pub(crate) fn touches(&self, bbox: Bbox) -> bool {
        self.bbox.is_none_or(|wanted| wanted.intersects(bbox))
    }

    /// Whether a folder with these captures may hold wanted granules: its
    /// values are wanted, and so may be some day of its year, month or day.
    pub(crate) fn may_be_under(&self, folder: &Captures, strategy: Strategy) -> bool {
        let days = || {
            let number = |key: &str| folder.get(key).and_then(|n| n.parse::<i16>().ok());
            let small = |key: &str| number(key).and_then(|n| i8::try_from(n).ok());
            let year = number("year")?;
            let (first, last) = match (small("month"), small("day")) {
                (None, _) => (Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?),
                (Some(month), None) => {
                    let first = Date::new(year, month, 1).ok()?;
                    (first, first.last_of_month())
                }
                (Some(month), Some(day)) => {
                    let day = Date::new(year, month, day).ok()?;
                    (day, day)
                }
            };
            let overhang = strategy.overhang_days(folder.contains_key("day"))?;
            Some((first, last.checked_add(overhang.days()).ok()?))
        };
        self.has(folder) && days().is_none_or(|days| self.meets(days))
    }

    /// The names that a template gives for the wanted values, `*` where any
    /// value will do. `None` if that narrows nothing, or there are too many.
    pub(crate) fn names(&self, template: &Template) -> Option<Vec<String>> {
        let keys: BTreeSet<&str> = template.keys().filter(|k| self.values.contains_key(*k)).collect();
        if keys.is_empty() {
            return None;
        }
        let mut choices: Vec<BTreeMap<&str, &str>> = vec![BTreeMap::new()];
        for key in keys {
            let values = &self.values[key];
            if choices.len() * values.len() > MOST_NAMES {
                return None;
            }
            choices = choices
                .iter()
                .flat_map(|c| {
                    values
                        .iter()
                        .map(|v| c.iter().map(|(k, v)| (*k, *v)).chain([(key, v.as_str())]).collect())
                })
                .collect();
        }
        Some(choices.iter().map(|c| template.render_with(|key| c.get(key).copied().unwrap_or("*"))).collect())
    }

    /// The wanted days as two RFC 3339 instants, `open` where there is no end; `None` without any.
    pub(crate) fn interval(&self, open: &str, between: &str) -> Option<String> {
        if self.from.is_none() && self.to.is_none() {
            return None;
        }
        let from = self.from.map_or(open.to_owned(), |d| format!("{d}T00:00:00Z"));
        let to = self.to.map_or(open.to_owned(), |d| format!("{d}T23:59:59Z"));
        Some(format!("{from}{between}{to}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn wanted(pairs: &[(&str, &[&str])]) -> Wanted {
        let values =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), v.iter().map(|v| (*v).to_owned()).collect()));
        Wanted::new(values.collect(), (Some(date(2004, 1, 2)), None), None)
    }

    #[test]
    fn names_are_narrowed_by_the_wanted_values() {
        let template = Template::parse("d_{region}_{variable}_{year}.nc").unwrap();
        let w = wanted(&[("region", &["hi"]), ("variable", &["tmin", "tmax"]), ("other", &["x"])]);
        assert_eq!(w.names(&template).unwrap(), ["d_hi_tmax_*.nc", "d_hi_tmin_*.nc"]);
        assert_eq!(Wanted::default().names(&template), None);
    }

    #[test]
    fn folders_are_pruned_by_year_but_not_too_early() {
        let folder: Captures = [("year".to_owned(), "2003".to_owned())].into();
        let w = wanted(&[]);
        assert!(!w.may_be_under(&folder, Strategy::Date));
        assert!(w.may_be_under(&folder, Strategy::Composite16Day));
        let day: Captures = [("year", "2003"), ("month", "12"), ("day", "18")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        assert!(w.may_be_under(&day, Strategy::Composite16Day));
        let earlier: Captures = [("year", "2003"), ("month", "12"), ("day", "02")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        assert!(!w.may_be_under(&earlier, Strategy::Composite16Day));
        let odd: Captures = [("year".to_owned(), "latest".to_owned())].into();
        assert!(w.may_be_under(&odd, Strategy::Date));
    }

    #[test]
    fn intervals_may_be_open() {
        assert_eq!(wanted(&[]).interval("..", "/").unwrap(), "2004-01-02T00:00:00Z/..");
        assert_eq!(Wanted::default().interval("..", "/"), None);
    }
}
