//! Where an archive's addresses count from: its own root, or a mirror's.

use crate::template::{Captures, Part, Template};
use seedbed_storage::Location;
use url::Url;

/// The address of `relative` under a root, both as text: the root ends with one slash more or less.
fn under(root: &Url, relative: &str) -> Result<Url, url::ParseError> {
    let mut base = root.clone();
    base.set_query(None);
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    // Joined as text: what follows a root is never a path from the server's own root.
    Url::parse(&format!("{base}{}", relative.trim_start_matches('/')))
}

/// The root in use.
#[derive(Debug, Clone)]
pub(crate) enum Root {
    /// A web server, whose listings are those of the definition's kind.
    Web(Url),
    /// A folder, bucket or the like, all of which is listed.
    Prefix(Location),
}

impl Root {
    pub(crate) fn of(location: &Location) -> Self {
        match location {
            Location::Http(url) => Self::Web(url.clone()),
            other => Self::Prefix(other.clone()),
        }
    }
}

/// An address under a web root.
pub(crate) fn address(root: &Url, relative: &str) -> Result<Url, url::ParseError> {
    under(root, relative)
}

/// The same address as that of a folder.
pub(crate) fn folder(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

/// One level of a template of folders: a name, or a pattern for names.
#[derive(Debug, Clone)]
pub(crate) enum Level {
    /// A folder to go to without asking.
    Named(String),
    /// Folders to choose from.
    Chosen {
        /// What a folder's name has to match, whole.
        pattern: regex::Regex,
    },
}

/// The levels of a template such as `4km/{variable}/daily/{year}`.
pub(crate) fn levels(folders: &Template) -> Result<Vec<Level>, regex::Error> {
    let mut levels = vec![(String::new(), String::new(), false)];
    for part in folders.parts() {
        match part {
            Part::Text(text) => {
                for (i, piece) in text.split('/').enumerate() {
                    if i > 0 {
                        levels.push((String::new(), String::new(), false));
                    }
                    if let Some((name, pattern, _)) = levels.last_mut() {
                        name.push_str(piece);
                        pattern.push_str(&regex::escape(piece));
                    }
                }
            }
            Part::Capture(key) => {
                if let Some((_, pattern, captures)) = levels.last_mut() {
                    for piece in ["(?P<", key, ">[^/]+)"] {
                        pattern.push_str(piece);
                    }
                    *captures = true;
                }
            }
        }
    }
    levels
        .into_iter()
        .filter(|(_, pattern, _)| !pattern.is_empty())
        .map(|(name, pattern, captures)| {
            if captures {
                Ok(Level::Chosen { pattern: crate::pattern::whole(&pattern)? })
            } else {
                Ok(Level::Named(name))
            }
        })
        .collect()
}

/// What a chosen folder's name captures.
pub(crate) fn captures_of(pattern: &regex::Regex, name: &str) -> Option<Captures> {
    let found = pattern.captures(name)?;
    let one = |key: &str| Some((key.to_owned(), found.name(key)?.as_str().to_owned()));
    Some(pattern.capture_names().flatten().filter_map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_from_the_root_with_its_path() {
        let root = |r: &str| Url::parse(r).unwrap();
        let a = address(&root("http://127.0.0.1:8080/mirror"), "search/granules.json").unwrap();
        assert_eq!(a.as_str(), "http://127.0.0.1:8080/mirror/search/granules.json");
        let a = address(&root("https://host/"), "/thredds/catalog.xml").unwrap();
        assert_eq!(a.as_str(), "https://host/thredds/catalog.xml");
        assert_eq!(address(&root("https://host/x?y=1#z"), "").unwrap().as_str(), "https://host/x/");
    }

    #[test]
    fn folder_templates_have_named_and_chosen_levels() {
        let levels = levels(&Template::parse("4km/{variable}/daily/y{year}").unwrap()).unwrap();
        assert_eq!(levels.len(), 4);
        assert!(matches!(&levels[2], Level::Named(name) if name == "daily"));
        let Level::Chosen { pattern } = &levels[3] else { panic!("{levels:?}") };
        assert_eq!(captures_of(pattern, "y2003").unwrap()["year"], "2003");
        assert_eq!(captures_of(pattern, "2003"), None);
    }
}
