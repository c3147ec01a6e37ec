//! XML as a small tree: the answers of S3 and WebDAV.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements nested deeper than this are refused.
const DEEPEST: usize = 50;

/// An XML element without its namespace and attributes.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) children: Vec<Element>,
    text: String,
}

impl Element {
    /// The document's root element, or why the text is no whole document.
    pub(crate) fn read(xml: &[u8]) -> Result<Self, String> {
        let xml = std::str::from_utf8(xml).map_err(|_| "it is not in UTF-8".to_owned())?;
        let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
        let mut open: Vec<Self> = Vec::new();
        loop {
            let closed = match reader.read_event().map_err(|e| e.to_string())? {
                Event::Start(start) => {
                    open.push(Self::start(&start));
                    if open.len() > DEEPEST {
                        return Err("its elements nest too deep".to_owned());
                    }
                    continue;
                }
                Event::Empty(start) => Self::start(&start),
                Event::End(_) => open.pop().ok_or("an element ends that never began")?,
                Event::Text(text) => {
                    append(&mut open, &text);
                    continue;
                }
                Event::CData(text) => {
                    append(&mut open, &text);
                    continue;
                }
                Event::GeneralRef(reference) => {
                    append(&mut open, &resolved(&reference));
                    continue;
                }
                Event::Eof if open.is_empty() => return Err("there is no element in it".to_owned()),
                Event::Eof => return Err(format!("it ends inside `{}`", open[open.len() - 1].name)),
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.children.push(closed),
                None => return Ok(closed),
            }
        }
    }

    /// The first child of that local name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Every child of that local name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The text of the first child of that local name, if there is some.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(Self::text).filter(|t| !t.is_empty())
    }

    /// Its own text.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    fn start(start: &BytesStart<'_>) -> Self {
        Self { name: start.local_name().as_ref().to_owned(), ..Self::default() }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// What a reference such as `&amp;` or `&#38;` stands for; nothing, if that isn't known.
fn resolved(reference: &BytesRef<'_>) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => quick_xml::escape::resolve_predefined_entity(reference).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements_whatever_their_prefix() {
        let text = "<?xml version='1.0'?><d:a xmlns:d='DAV:'><d:b>x &amp; &#228;</d:b><b/><D:c>1</D:c></d:a>";
        let root = Element::read(text.as_bytes()).unwrap();
        assert_eq!(root.text_of("b"), Some("x & ä"));
        assert_eq!((root.all("b").count(), root.text_of("c")), (2, Some("1")));
    }

    #[test]
    fn refuses_what_is_cut_off_or_nests_without_end() {
        assert!(Element::read(b"<a><b>").unwrap_err().contains("ends inside `b`"));
        assert!(Element::read(b"").is_err() && Element::read(b"\xff").is_err());
        assert!(Element::read("<a>".repeat(100).as_bytes()).unwrap_err().contains("too deep"));
    }
}
