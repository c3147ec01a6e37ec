//! How an archive's names parse.

use crate::template::Captures;
use regex::Regex;
use std::collections::BTreeSet;

/// The patterns of a definition: what names its granules have, and what other names lie beside them.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    granules: Vec<Regex>,
    others: Vec<Regex>,
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
    pub(crate) fn new(granules: Vec<Regex>, others: Vec<Regex>) -> Self {
        Self { granules, others }
    }

    /// The captures that every granule's name has.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let of = |r: &Regex| r.capture_names().flatten().map(str::to_owned).collect::<BTreeSet<_>>();
        self.granules.iter().map(of).reduce(|a, b| a.intersection(&b).cloned().collect()).unwrap_or_default()
    }

    /// Reads a file's name; the first pattern that matches counts.
    pub(crate) fn read(&self, name: &str) -> Reading {
        for pattern in &self.granules {
            if let Some(found) = pattern.captures(name) {
                let captures = pattern
                    .capture_names()
                    .flatten()
                    .filter_map(|key| Some((key.to_owned(), found.name(key)?.as_str().to_owned())));
                return Reading::Granule(captures.collect());
            }
        }
        if self.others.iter().any(|pattern| pattern.is_match(name)) {
            Reading::Other
        } else {
            Reading::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_name_or_not_at_all() {
        let granule = whole(r"a_(?P<year>\d{4})\.nc|b_(?P<day>\d+)").unwrap();
        let names = Names::new(vec![granule], vec![whole(r".*\.sha256").unwrap()]);
        assert!(matches!(names.read("a_2003.nc"), Reading::Granule(c) if c["year"] == "2003"));
        assert_eq!(names.read("xa_2003.nc"), Reading::Unknown);
        assert_eq!(names.read("a_2003.nc.sha256"), Reading::Other);
    }
}
