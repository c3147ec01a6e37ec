//! The text of a JSON document, looked into without parsing all of it.
//!
//! A scan finds where members and elements begin and end, and steps over the
//! rest at the speed of memory. It follows strings and brackets; what stands
//! between them is judged by whoever parses it.

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
    // Most strings are short, and a loop is then quicker than a search.
    for _ in 0..SHORT {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    loop {
        let next = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[next] == b'"' {
            return Some(next + 1);
        }
        at = next + 2;
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

/// Calls `each` with every member's key (as written, without its quotes) and
/// value of the object that begins at `at`; where the object ends. `None` if
/// there is no whole object.
pub fn members<'a>(text: &'a [u8], at: usize, mut each: impl FnMut(&'a [u8], Span)) -> Option<usize> {
    let mut at = after_space(text, at);
    if text.get(at)? != &b'{' {
        return None;
    }
    at = after_space(text, at + 1);
    if text.get(at)? == &b'}' {
        return Some(at + 1);
    }
    loop {
        if text.get(at)? != &b'"' {
            return None;
        }
        let end = after_string(text, at)?;
        let key = &text[at + 1..end - 1];
        at = after_space(text, end);
        if text.get(at)? != &b':' {
            return None;
        }
        at = after_space(text, at + 1);
        let end = after_value(text, at)?;
        each(key, at..end);
        at = after_space(text, end);
        match text.get(at)? {
            b',' => at = after_space(text, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The same for the elements of the array that begins at `at`.
pub fn elements(text: &[u8], at: usize, mut each: impl FnMut(Span)) -> Option<usize> {
    let mut at = after_space(text, at);
    if text.get(at)? != &b'[' {
        return None;
    }
    at = after_space(text, at + 1);
    if text.get(at)? == &b']' {
        return Some(at + 1);
    }
    loop {
        let end = after_value(text, at)?;
        each(at..end);
        at = after_space(text, end);
        match text.get(at)? {
            b',' => at = after_space(text, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Every member of a document that is one object and nothing more.
pub fn document<'a>(text: &'a [u8], each: impl FnMut(&'a [u8], Span)) -> Option<()> {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let end = members(text, start, each)?;
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
    self::document(document, |key, span| {
        if key == b"id" {
            id = string(document, span);
        }
    })?;
    id
}

/// Finds the hrefs of an asset and of its alternates.
pub fn hrefs_of_asset(document: &[u8], at: usize, found: &mut Vec<(String, String, Span)>) {
    let mut alternate = None;
    members(document, at, |key, span| match key {
        b"href" => {
            found.extend(string(document, span.clone()).map(|href| (String::new(), href, span)));
        }
        b"alternate" => alternate = Some(span.start),
        _ => {}
    });
    if let Some(at) = alternate {
        members(document, at, |_, span| {
            members(document, span.start, |key, span| {
                if key == b"href" {
                    found.extend(string(document, span.clone()).map(|href| (String::new(), href, span)));
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_stands_in_strings() {
        let text = br#" {"a" : "x\"}{[", "b":[1,{"c":"]"}], "d": -1.5e3 ,"e":{}, "f":null}
"#;
        let mut found = Vec::new();
        document(text, |key, span| found.push((key.to_vec(), text[span].to_vec()))).unwrap();
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
            assert!(document(&text[..end], |_, _| {}).is_none(), "{end}");
        }
        assert!(document(text, |_, _| {}).is_some());
        assert!(document(b"{} {}", |_, _| {}).is_none());
        assert!(document(b"[]", |_, _| {}).is_none());
    }

    #[test]
    fn strings_are_unescaped() {
        let text = br#""a\u00e9\n""#;
        assert_eq!(string(text, 0..text.len()).unwrap(), "a\u{e9}\n");
        assert_eq!(string(b"\"plain\"", 0..7).unwrap(), "plain");
        assert_eq!(string(b"12", 0..2), None);
    }
}
