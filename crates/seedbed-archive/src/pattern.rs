//! How an archive's names parse.

use crate::definition::MapTable;
use crate::template::Captures;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// The patterns of a definition: what names its granules have, and what other names lie beside them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    granules: Vec<Pattern>,
    others: Vec<Regex>,
    defaults: BTreeMap<String, String>,
    map: BTreeMap<String, MapTable>,
}

/// A pattern for names, or for the ends of paths.
#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    of_path: bool,
}

/// What a name turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A granule's.
    Granule(Captures),
    /// Another known file's, of no interest.
    Other,
    /// Nothing the definition knows.
    Unknown,
}

/// A pattern has to match the whole name.
pub(crate) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

impl Names {
    /// `granules` are patterns as written; one with a `/` is for paths.
    ///
    /// # Errors
    /// The pattern that is none, and why.
    pub(crate) fn new(
        granules: &[String],
        others: Vec<Regex>,
        defaults: BTreeMap<String, String>,
        map: BTreeMap<String, MapTable>,
    ) -> Result<Self, (String, regex::Error)> {
        let compile = |text: &String| {
            let of_path = text.contains('/');
            let regex = if of_path { Regex::new(&format!("^(?:.*/)?(?:{text})$")) } else { whole(text) };
            regex.map(|regex| Pattern { regex, of_path }).map_err(|e| (text.clone(), e))
        };
        let granules = granules.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { granules, others, defaults, map })
    }

    /// Whether there is no pattern at all: every name is a granule's.
    pub(crate) fn is_empty(&self) -> bool {
        self.granules.is_empty()
    }

    /// The captures that every granule has.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let of = |p: &Pattern| p.regex.capture_names().flatten().map(str::to_owned).collect::<BTreeSet<_>>();
        let common = self.granules.iter().map(of).reduce(|a, b| a.intersection(&b).cloned().collect());
        let mut keys: BTreeSet<String> = common.unwrap_or_default();
        keys.extend(self.defaults.keys().cloned());
        keys.extend(self.map.keys().cloned());
        keys
    }

    /// Reads a file's name, and its path where a pattern is for paths; the first pattern that matches counts.
    pub(crate) fn read(&self, name: &str, path: &str) -> Reading {
        if self.granules.is_empty() {
            return Reading::Granule(self.completed(Captures::new()));
        }
        for pattern in &self.granules {
            if let Some(found) = pattern.regex.captures(if pattern.of_path { path } else { name }) {
                let captures = pattern
                    .regex
                    .capture_names()
                    .flatten()
                    .filter_map(|key| Some((key.to_owned(), found.name(key)?.as_str().to_owned())));
                return Reading::Granule(self.completed(captures.collect()));
            }
        }
        if self.others.iter().any(|pattern| pattern.is_match(name)) {
            Reading::Other
        } else {
            Reading::Unknown
        }
    }

    /// With the defaults, and what the tables make of them.
    fn completed(&self, mut captures: Captures) -> Captures {
        for (key, value) in &self.defaults {
            captures.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (key, MapTable { from, values }) in &self.map {
            if let Some(value) = captures.get(from).and_then(|v| values.get(v)) {
                captures.insert(key.clone(), value.clone());
            }
        }
        captures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Names {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        let defaults = [("format".to_owned(), "nc".to_owned())].into();
        let values = [("nc".to_owned(), String::new()), ("tif".to_owned(), "_cog".to_owned())].into();
        let map = [("suffix".to_owned(), MapTable { from: "format".to_owned(), values })].into();
        Names::new(&patterns, vec![whole(r".*\.sha256").unwrap()], defaults, map).unwrap()
    }

    #[test]
    fn a_pattern_matches_the_whole_name_or_not_at_all() {
        let names = names(&[r"a_(?P<year>\d{4})\.nc|b_(?P<day>\d+)"]);
        assert!(matches!(names.read("a_2003.nc", ""), Reading::Granule(c) if c["year"] == "2003"));
        assert_eq!(names.read("xa_2003.nc", ""), Reading::Unknown);
        assert_eq!(names.read("a_2003.nc.sha256", ""), Reading::Other);
    }

    #[test]
    fn a_pattern_with_a_slash_matches_the_end_of_the_path() {
        let names = names(&[r"(?P<year>\d{4})/(?P<variable>[a-z]+)\.(?P<format>nc|tif)"]);
        let Reading::Granule(c) = names.read("tmax.tif", "/mirror/x/2003/tmax.tif") else { panic!() };
        assert_eq!(
            (c["year"].as_str(), c["variable"].as_str(), c["suffix"].as_str()),
            ("2003", "tmax", "_cog")
        );
        assert!(matches!(names.read("tmax.nc", "2003/tmax.nc"), Reading::Granule(_)));
        assert_eq!(names.read("tmax.nc", "x2003/tmax.nc"), Reading::Unknown);
    }

    #[test]
    fn defaults_and_tables_complete_the_captures() {
        let names = names(&[r"a_(?P<year>\d{4})(\.(?P<format>tif))?"]);
        let suffix = |name: &str| match names.read(name, "") {
            Reading::Granule(c) => c["suffix"].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((suffix("a_2003").as_str(), suffix("a_2003.tif").as_str()), ("", "_cog"));
        assert!(names.keys().contains("suffix"));
    }
}
