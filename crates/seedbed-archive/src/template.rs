//! Text with `{capture}` places in it: `daymet-{region}-{year}`. Nothing more.

use std::collections::BTreeMap;

/// What a name's pattern captured, by the capture's name.
pub(crate) type Captures = BTreeMap<String, String>;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Capture(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with its braces.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let inner = from.strip_prefix('{').and_then(|f| f.split_once('}'));
            let Some((key, after)) = inner.filter(|(key, _)| is_key(key)) else {
                return Err(format!("`{text}` is no template: write {{capture}}"));
            };
            parts.push(Part::Capture(key.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The captures it needs.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Capture(key) => Some(key.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Its texts and captures in order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The one capture that is all of it.
    pub(crate) fn single_capture(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Capture(key)] => Some(key),
            _ => None,
        }
    }

    /// The text with the captures in their places; a capture that isn't there leaves nothing.
    pub(crate) fn render(&self, captures: &Captures) -> String {
        self.render_with(|key| captures.get(key).map_or("", String::as_str))
    }

    /// The text, if all its captures are there.
    pub(crate) fn render_whole(&self, captures: &Captures) -> Option<String> {
        self.keys().all(|key| captures.contains_key(key)).then(|| self.render(captures))
    }

    /// The text with `value(capture)` in each place.
    pub(crate) fn render_with<'a>(&'a self, mut value: impl FnMut(&'a str) -> &'a str) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Capture(key) => value(key),
            })
            .collect()
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_captures_in_their_places() {
        let t = Template::parse("daymet-{region}-{year}").unwrap();
        assert_eq!(t.keys().collect::<Vec<_>>(), ["region", "year"]);
        let captures = [("region", "hi"), ("year", "2003")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(t.render(&captures.into()), "daymet-hi-2003");
        assert_eq!(Template::parse("{year}").unwrap().single_capture(), Some("year"));
        assert_eq!(t.single_capture(), None);
    }

    #[test]
    fn refuses_unpaired_braces() {
        for bad in ["{year", "year}", "{}", "{a b}", "{{year}}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
