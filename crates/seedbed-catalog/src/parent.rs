//! Catalogs and collections that may link to a million items: read and written
//! link by link.

use crate::CatalogError;
use crate::document::{self, DEEPEST, new_line, separate, write_string, write_value};
use seedbed_storage::{Location, Stores};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};

/// Documents that are larger are read from the disk piece by piece.
const WHOLE: u64 = 8 << 20;

/// A link that leads down.
#[derive(Debug, Clone, PartialEq)]
pub struct Down {
    /// To a catalog or collection, rather than to an item.
    pub child: bool,
    pub href: String,
    /// The fields besides `rel` and `href`, in their order.
    pub rest: Map<String, Value>,
}

/// Reads a catalog or collection, giving its `child` and `item` links to `each`;
/// the document has the others.
pub async fn read(
    stores: &Stores,
    at: &Location,
    mut each: impl FnMut(Down) -> Result<(), CatalogError>,
) -> Result<Map<String, Value>, CatalogError> {
    let (mut bytes, mut large) = (Vec::new(), None);
    if let Some(path) = at.as_path() {
        let failed = |e| failed_io("read", path, e);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > WHOLE {
            large = Some(file);
        } else {
            bytes.reserve(usize::try_from(size).unwrap_or_default() + 1);
            file.take(u64::MAX).read_to_end(&mut bytes).map_err(failed)?;
        }
    } else {
        bytes = document::read_bytes(stores, at).await?;
    }
    let Some(file) = large else { return parse(&bytes, at, each) };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, file));
    visit(at, &mut each, |seed| seed.deserialize(&mut json).and_then(|found| json.end().map(|()| found)))
}

/// The same of bytes that were read.
pub fn parse(
    bytes: &[u8],
    at: &Location,
    mut each: impl FnMut(Down) -> Result<(), CatalogError>,
) -> Result<Map<String, Value>, CatalogError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut json = serde_json::Deserializer::from_slice(text);
    visit(at, &mut each, |seed| seed.deserialize(&mut json).and_then(|found| json.end().map(|()| found)))
}

fn visit(
    at: &Location,
    each: &mut dyn FnMut(Down) -> Result<(), CatalogError>,
    read: impl FnOnce(ParentSeed<'_>) -> serde_json::Result<Map<String, Value>>,
) -> Result<Map<String, Value>, CatalogError> {
    let mut failed = None;
    let found = read(ParentSeed(&mut |down| {
        each(down).map_err(|e| {
            failed = Some(e);
        })
    }));
    match (found, failed) {
        (_, Some(error)) => Err(error),
        (Ok(found), None) => Ok(found),
        (Err(source), None) => Err(CatalogError::Json { at: at.to_string(), line: None, source }),
    }
}

fn failed_io(action: &'static str, path: &std::path::Path, source: io::Error) -> CatalogError {
    CatalogError::Io { action, path: path.to_owned(), source }
}

type Each<'a> = &'a mut dyn FnMut(Down) -> Result<(), ()>;

struct ParentSeed<'a>(Each<'a>);

impl<'de> DeserializeSeed<'de> for ParentSeed<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ParentSeed<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a STAC document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut document = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = if key == "links" {
                Value::Array(map.next_value_seed(LinksSeed(&mut *self.0))?)
            } else {
                map.next_value()?
            };
            document.insert(key, value);
        }
        Ok(document)
    }
}

struct LinksSeed<'a>(Each<'a>);

impl<'de> DeserializeSeed<'de> for LinksSeed<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LinksSeed<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of links")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut others = Vec::new();
        while let Some(found) = list.next_element_seed(LinkSeed)? {
            match found {
                Found::Other(link) => others.push(link),
                Found::Down(down) => (self.0)(down).map_err(|()| A::Error::custom("given up"))?,
            }
        }
        Ok(others)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Err(A::Error::custom("`links` is no list"))
    }
}

enum Found {
    Down(Down),
    Other(Value),
}

struct LinkSeed;

impl<'de> DeserializeSeed<'de> for LinkSeed {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LinkSeed {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut rest = Map::new();
        let (mut rel, mut href) = (None, None);
        let mut order = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "rel" => rel = Some(map.next_value::<Value>()?),
                "href" => href = Some(map.next_value::<Value>()?),
                _ => {
                    rest.insert(key, map.next_value()?);
                    continue;
                }
            }
            order.push((rest.len(), key));
        }
        match (rel, href) {
            (Some(Value::String(rel)), Some(Value::String(href))) if rel == "item" || rel == "child" => {
                Ok(Found::Down(Down { child: rel == "child", href, rest }))
            }
            (rel, href) => {
                let mut values = [("rel", rel), ("href", href)];
                for (n, (at, key)) in order.into_iter().enumerate() {
                    let slot = values.iter_mut().find(|(name, _)| *name == key);
                    if let Some(value) = slot.and_then(|(_, value)| value.take()) {
                        rest.shift_insert((at + n).min(rest.len()), key, value);
                    }
                }
                Ok(Found::Other(Value::Object(rest)))
            }
        }
    }
}

/// The parts of a catalog or collection in their order, with room for links:
/// what stands before them, and what after.
pub struct Frame {
    before: Vec<u8>,
    links: usize,
    after: Vec<u8>,
}

impl Frame {
    /// Of a document whose `links` are those that come first.
    pub fn of(document: &Map<String, Value>) -> Self {
        let (mut before, mut after) = (vec![b'{'], Vec::new());
        let mut links = 0;
        let mut seen = false;
        for (n, (key, value)) in document.iter().enumerate() {
            let out = if seen { &mut after } else { &mut before };
            separate(out, n, Some(0));
            write_string(out, key);
            out.extend_from_slice(b": ");
            if key != "links" {
                write_value(out, value, 1);
                continue;
            }
            seen = true;
            out.push(b'[');
            for link in value.as_array().into_iter().flatten() {
                separate(&mut before, links, Some(1));
                write_value(&mut before, link, DEEPEST);
                links += 1;
            }
        }
        if !seen {
            separate(&mut before, document.len(), Some(0));
            before.extend_from_slice(b"\"links\": [");
        }
        after.extend_from_slice(b"\n}\n");
        Self { before, links, after }
    }

    /// Writes the first part.
    pub fn open(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.before)
    }

    /// Writes one more link.
    pub fn link(
        &mut self,
        out: &mut dyn Write,
        rel: &str,
        href: &str,
        rest: &Map<String, Value>,
    ) -> io::Result<()> {
        let mut line = Vec::with_capacity(href.len() + 80);
        separate(&mut line, self.links, Some(1));
        self.links += 1;
        line.extend_from_slice(b"{\"rel\": \"");
        line.extend_from_slice(rel.as_bytes());
        line.extend_from_slice(b"\", \"href\": ");
        write_string(&mut line, href);
        for (key, value) in rest {
            line.extend_from_slice(b", ");
            write_string(&mut line, key);
            line.extend_from_slice(b": ");
            write_value(&mut line, value, DEEPEST);
        }
        line.push(b'}');
        out.write_all(&line)
    }

    /// Writes the last part.
    pub fn close(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut end = Vec::new();
        if self.links > 0 {
            new_line(&mut end, 1);
        }
        end.push(b']');
        out.write_all(&end)?;
        out.write_all(&self.after)
    }
}

/// By which what lies deeper is sorted before what is above it.
pub fn depth_of(document: &str) -> u8 {
    u8::MAX - u8::try_from(document.matches('/').count()).unwrap_or(u8::MAX)
}

/// The key by which a link to an item is sorted: by its parent, then its path.
pub fn key_of(depth: u8, parent: &str, item: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(parent.len() + item.len() + 2);
    key.push(depth);
    key.extend_from_slice(parent.as_bytes());
    key.push(0);
    key.extend_from_slice(item.as_bytes());
    key
}
