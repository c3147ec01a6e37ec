//! The text of a JSON document, looked into without parsing all of it.
//!
//! A cursor passes over it once, from value to value, and goes into those that
//! are asked about. It follows strings and brackets; what stands between them is
//! judged by whoever parses it.

use memchr::memchr2;
use serde_json::Value;
use std::ops::Range;

/// Bytes of a text, from the first of a value to after its last.
pub type Span = Range<usize>;

/// Bytes of a string that are looked at one by one.
const SHORT: usize = 24;

fn after_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// After the closing quote of the string that opens at `at`.
fn after_string(text: &[u8], mut at: usize) -> Option<usize> {
    at += 1;
    loop {
        // Most strings are short, and so is what stands between the escapes of
        // a long one: a loop is then quicker than a search.
        for _ in 0..SHORT {
            match text.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
    }
}

/// After the value that begins at `at`.
fn after_value(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => after_string(text, at),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0_usize, at);
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = after_string(text, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let rest = &text[at..];
            let length =
                rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
            Some(at + length.unwrap_or(rest.len()))
        }
        _ => None,
    }
}

/// A place in a text that moves over it, once. What is no JSON ends it: `None`.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Before the first value of a text.
    pub fn new(text: &'a [u8]) -> Self {
        let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { text, at: after_space(text, start) }
    }

    /// Passes the value that comes next; where it stands.
    pub fn pass(&mut self) -> Option<Span> {
        let start = self.at;
        self.at = after_value(self.text, start)?;
        Some(start..self.at)
    }

    /// Goes into the object that comes next: `each` gets every member's key, as
    /// written and without its quotes, and passes the value, whose span it may
    /// return. What is no object is passed whole. Where it stands.
    pub fn members(&mut self, each: impl FnMut(&mut Self, Span) -> Option<Span>) -> Option<Span> {
        self.container([b'{', b'}'], each, |cursor| {
            if cursor.text.get(cursor.at)? != &b'"' {
                return None;
            }
            let end = after_string(cursor.text, cursor.at)?;
            let key = cursor.at + 1..end - 1;
            cursor.at = after_space(cursor.text, end);
            if cursor.text.get(cursor.at)? != &b':' {
                return None;
            }
            cursor.at = after_space(cursor.text, cursor.at + 1);
            Some(key)
        })
    }

    /// The same for the elements of an array.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Option<Span>) -> Option<Span> {
        self.container([b'[', b']'], |cursor, _| each(cursor), |cursor| Some(cursor.at..cursor.at))
    }

    fn container(
        &mut self,
        [open, close]: [u8; 2],
        mut each: impl FnMut(&mut Self, Span) -> Option<Span>,
        key: impl Fn(&mut Self) -> Option<Span>,
    ) -> Option<Span> {
        if self.text.get(self.at)? != &open {
            return self.pass();
        }
        let start = self.at;
        self.at = after_space(self.text, start + 1);
        if self.text.get(self.at)? == &close {
            self.at += 1;
            return Some(start..self.at);
        }
        loop {
            let key = key(self)?;
            each(self, key)?;
            self.at = after_space(self.text, self.at);
            match self.text.get(self.at)? {
                b',' => self.at = after_space(self.text, self.at + 1),
                found if *found == close => {
                    self.at += 1;
                    return Some(start..self.at);
                }
                _ => return None,
            }
        }
    }
}

/// Goes over the members of a document that is one object and nothing more, as
/// [`Cursor::members`] does.
pub fn document<'a>(text: &'a [u8], each: impl FnMut(&mut Cursor<'a>, Span) -> Option<Span>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    if text.get(cursor.at)? != &b'{' {
        return None;
    }
    let end = cursor.members(each)?.end;
    (after_space(text, end) == text.len()).then_some(())
}

/// The string at a span.
pub fn string(text: &[u8], span: Span) -> Option<String> {
    let inner = text[span.clone()].strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        return serde_json::from_slice(&text[span]).ok();
    }
    std::str::from_utf8(inner).ok().map(str::to_owned)
}

/// The value at a span.
pub fn value(text: &[u8], span: Span) -> Option<Value> {
    serde_json::from_slice(&text[span]).ok()
}

/// The text with spans replaced; they are in order and don't overlap.
pub fn replaced(text: &[u8], edits: &[(Span, Vec<u8>)]) -> Vec<u8> {
    let grown: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut out = Vec::with_capacity(text.len() + grown);
    let mut at = 0;
    for (span, new) in edits {
        out.extend_from_slice(&text[at..span.start]);
        out.extend_from_slice(new);
        at = span.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// The id that a document's text gives; `None` if it is no whole JSON object.
pub fn id_of(document: &[u8]) -> Option<String> {
    let mut id = None;
    self::document(document, |cursor, key| {
        let span = cursor.pass()?;
        if document[key] == *b"id" {
            id = string(document, span.clone());
        }
        Some(span)
    })?;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_stands_in_strings() {
        let text = br#" {"a" : "x\"}{[", "b":[1,{"c":"]"}], "d": -1.5e3 ,"e":{}, "f":null}
"#;
        let mut found = Vec::new();
        document(text, |cursor, key| {
            let span = cursor.pass()?;
            found.push((text[key].to_vec(), text[span.clone()].to_vec()));
            Some(span)
        })
        .unwrap();
        let pairs: Vec<(String, String)> = found
            .into_iter()
            .map(|(k, v)| (String::from_utf8(k).unwrap(), String::from_utf8(v).unwrap()))
            .collect();
        let expected =
            [("a", r#""x\"}{[""#), ("b", r#"[1,{"c":"]"}]"#), ("d", "-1.5e3"), ("e", "{}"), ("f", "null")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_is_cut_short_or_followed_by_more_is_no_document() {
        let text = br#"{"a":[1,{"b":"c"}],"d":"e"}"#;
        for end in 0..text.len() {
            assert!(document(&text[..end], |cursor, _| cursor.pass()).is_none(), "{end}");
        }
        assert!(document(text, |cursor, _| cursor.pass()).is_some());
        assert!(document(b"{} {}", |cursor, _| cursor.pass()).is_none());
        assert!(document(b"[]", |cursor, _| cursor.pass()).is_none());
    }

    #[test]
    fn a_cursor_goes_into_what_it_is_asked_about() {
        let text = br#"{"a": [ {"b": 1}, 2, [] ], "c": {}, "d": "e"}"#;
        let mut found = Vec::new();
        document(text, |cursor, key| match &text[key] {
            b"a" => cursor.elements(|cursor| {
                cursor.members(|cursor, key| {
                    let span = cursor.pass()?;
                    found.push((key, span.clone()));
                    Some(span)
                })
            }),
            _ => cursor.members(|_, _| None),
        })
        .unwrap();
        assert_eq!(found, [(10..11, 14..15)]);
    }

    #[test]
    fn strings_are_unescaped() {
        let text = br#""a\u00e9\n""#;
        assert_eq!(string(text, 0..text.len()).unwrap(), "a\u{e9}\n");
        assert_eq!(string(b"\"plain\"", 0..7).unwrap(), "plain");
        assert_eq!(string(b"12", 0..2), None);
    }
}
