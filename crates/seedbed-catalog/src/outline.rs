//! What an item's document says where, found in one pass over its text.

use crate::text::{Cursor, Span, document, string};

/// Where an item's document says what. Fields that it lacks are `None`.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// The keys, without their quotes, and values of the document.
    pub fields: Vec<(Span, Span)>,
    /// Those of `properties`.
    pub properties: Vec<(Span, Span)>,
    /// The hrefs of links and assets, in the document's order.
    pub hrefs: Vec<Href>,
}

/// An href, as a span with its quotes, and whose it is.
#[derive(Debug, Clone)]
pub struct Href {
    pub owner: Owner,
    pub span: Span,
}

/// What an href belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A link, with the span of its `rel`.
    Link(Option<Span>),
    /// An asset, with the span of its key.
    Asset(Span),
    /// Another place of an asset.
    Alternate,
}

impl Outline {
    /// `None` if the text is no whole JSON object.
    pub fn of(text: &[u8]) -> Option<Self> {
        let mut outline = Self::default();
        document(text, |cursor, key| {
            let name = &text[key.clone()];
            let span = match name {
                b"links" => cursor.elements(|cursor| outline.link(text, cursor)),
                b"assets" => cursor.members(|cursor, key| outline.asset(text, cursor, &Owner::Asset(key))),
                b"properties" => cursor.members(|cursor, key| {
                    let span = cursor.pass()?;
                    outline.properties.push((key, span.clone()));
                    Some(span)
                }),
                _ => cursor.pass(),
            }?;
            outline.fields.push((key, span.clone()));
            Some(span)
        })?;
        Some(outline)
    }

    fn link(&mut self, text: &[u8], cursor: &mut Cursor<'_>) -> Option<Span> {
        let (mut rel, mut href) = (None, None);
        let whole = cursor.members(|cursor, key| {
            let span = cursor.pass()?;
            match &text[key] {
                b"rel" => rel = Some(span.clone()),
                b"href" => href = Some(span.clone()),
                _ => {}
            }
            Some(span)
        })?;
        self.hrefs.extend(href.map(|span| Href { owner: Owner::Link(rel), span }));
        Some(whole)
    }

    fn asset(&mut self, text: &[u8], cursor: &mut Cursor<'_>, owner: &Owner) -> Option<Span> {
        cursor.members(|cursor, key| match &text[key] {
            b"href" => {
                let span = cursor.pass()?;
                self.hrefs.push(Href { owner: owner.clone(), span: span.clone() });
                Some(span)
            }
            b"alternate" if *owner != Owner::Alternate => {
                cursor.members(|cursor, _| self.asset(text, cursor, &Owner::Alternate))
            }
            _ => cursor.pass(),
        })
    }

    /// Where a field's value stands; the last, if there are several.
    pub fn field(&self, text: &[u8], name: &str) -> Option<Span> {
        find(&self.fields, text, name)
    }

    /// A text of the document.
    pub fn string(&self, text: &[u8], name: &str) -> Option<String> {
        string(text, self.field(text, name)?)
    }

    /// A text of `properties`.
    pub fn property(&self, text: &[u8], name: &str) -> Option<String> {
        string(text, find(&self.properties, text, name)?)
    }
}

fn find(fields: &[(Span, Span)], text: &[u8], name: &str) -> Option<Span> {
    let found = fields.iter().rev().find(|(key, _)| text[key.clone()] == *name.as_bytes());
    found.map(|(_, span)| span.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_properties_and_hrefs_are_found_in_one_pass() {
        let text = br#"{"id": "i", "links": [{"href": "./c.json", "rel": "parent"}, {"rel": "x"}],
            "properties": {"datetime": null, "a": "b"}, "bbox": [1, 2],
            "assets": {"d\"": {"title": "href", "alternate": {"o": {"href": "o"}}, "href": "./d"}, "e": 1}}"#;
        let outline = Outline::of(text).unwrap();
        assert_eq!(outline.string(text, "id").unwrap(), "i");
        assert_eq!(outline.property(text, "a").unwrap(), "b");
        assert_eq!(outline.property(text, "datetime"), None);
        assert_eq!(text[outline.field(text, "bbox").unwrap()], *b"[1, 2]");
        let owners: Vec<(String, &[u8])> = outline
            .hrefs
            .iter()
            .map(|h| {
                let owner = match &h.owner {
                    Owner::Link(rel) => string(text, rel.clone().unwrap()).unwrap(),
                    Owner::Asset(key) => String::from_utf8(text[key.clone()].to_vec()).unwrap(),
                    Owner::Alternate => "alternate".to_owned(),
                };
                (owner, &text[h.span.clone()])
            })
            .collect();
        let expected: [(&str, &[u8]); 3] =
            [("parent", b"\"./c.json\""), ("alternate", b"\"o\""), ("d\\\"", b"\"./d\"")];
        assert_eq!(owners, expected.map(|(owner, href)| (owner.to_owned(), href)));
        for odd in [&br#"{"links": 1, "assets": null, "properties": []}"#[..], b"{}"] {
            assert!(Outline::of(odd).unwrap().hrefs.is_empty());
        }
        for none in [&b""[..], b"[]", br#"{"id": "#, br#"{"links": [{]}"#] {
            assert!(Outline::of(none).is_none());
        }
    }
}
