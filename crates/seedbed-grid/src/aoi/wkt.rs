//! Areas from well-known text (OGC 06-103r4 §7), with `SRID=…;` before it.

use super::outline::{Outline, Outlines};
use crate::AoiError;
use crate::ring::Ring;

/// Collections within collections go this deep at most.
const DEEPEST: usize = 32;

/// Whether a text begins as well-known text of a geometry does: with its kind, and then a
/// bracket or a word, which tells it from a file's name.
#[must_use]
pub fn is_wkt(text: &str) -> bool {
    const KINDS: [&str; 8] = [
        "SRID=",
        "POLYGON",
        "MULTIPOLYGON",
        "GEOMETRYCOLLECTION",
        "POINT",
        "MULTIPOINT",
        "LINESTRING",
        "MULTILINESTRING",
    ];
    let start = text.trim_start().to_ascii_uppercase();
    KINDS.iter().any(|kind| {
        let Some(rest) = start.strip_prefix(kind) else { return false };
        if *kind == "SRID=" {
            return true;
        }
        let tagged = rest.trim_start().trim_start_matches(['Z', 'M']).trim_start();
        tagged.starts_with('(') || tagged.starts_with("EMPTY")
    })
}

/// The polygons of a text, one geometry a line or several, and its CRS.
pub fn outlines(text: &str, what: &str) -> Result<(Outlines, Option<String>), AoiError> {
    let mut reader = Reader { rest: text.trim(), whole: text.trim(), depth: 0, found: Outlines::default() };
    let failed = |reader: &Reader<'_>, expected: &str| {
        let at = reader.whole.len() - reader.rest.len();
        let found: String = reader.rest.chars().take(12).collect();
        AoiError::Wkt {
            what: what.to_owned(),
            reason: format!("byte {at}: {expected} expected, not `{found}`"),
        }
    };
    let mut crs = None;
    if reader.rest.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("SRID=")) {
        let (code, rest) =
            reader.rest[5..].split_once(';').ok_or_else(|| failed(&reader, "`SRID=<code>;`"))?;
        if code.parse::<u32>().is_err() {
            return Err(failed(&reader, "a number after SRID="));
        }
        crs = Some(format!("EPSG:{code}"));
        reader.rest = rest.trim_start();
    }
    let mut number = 0;
    while !reader.rest.is_empty() {
        number += 1;
        if let Err(expected) = reader.geometry(&format!("geometry {number}")) {
            return Err(failed(&reader, expected));
        }
        while reader.take(";") || reader.take(",") {}
    }
    Ok((reader.found, crs))
}

struct Reader<'a> {
    rest: &'a str,
    whole: &'a str,
    /// How many collections are open.
    depth: usize,
    found: Outlines,
}

/// What stood where something else was expected.
type Parsed<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let taken = self.rest.strip_prefix(token).map(str::trim_start);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word.to_ascii_uppercase()
    }

    /// `(item, item, …)`, or `EMPTY`.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if self.rest.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("EMPTY")) {
            self.word();
            return Ok(Vec::new());
        }
        if !self.take("(") {
            return Err("`(`");
        }
        let mut items = vec![item(self)?];
        while self.take(",") {
            items.push(item(self)?);
        }
        if self.take(")") { Ok(items) } else { Err("`,` or `)`") }
    }

    fn geometry(&mut self, feature: &str) -> Parsed<()> {
        let before = self.rest;
        let mut kind = self.word();
        for tag in ["ZM", "Z", "M"] {
            if let Some(bare) = kind.strip_suffix(tag).filter(|k| k.ends_with('N')) {
                kind = bare.to_owned();
            }
        }
        if ["Z", "M", "ZM"].iter().any(|tag| {
            self.rest.get(..tag.len()).is_some_and(|s| s.eq_ignore_ascii_case(tag))
                && self.rest[tag.len()..].starts_with([' ', '('])
        }) {
            self.word();
        }
        match kind.as_str() {
            "POLYGON" => {
                let rings = self.rings()?;
                self.polygon(feature, rings);
            }
            "MULTIPOLYGON" => {
                for rings in self.list(Self::rings)? {
                    self.polygon(feature, rings);
                }
            }
            "GEOMETRYCOLLECTION" => {
                if self.depth == DEEPEST {
                    self.rest = before;
                    return Err("fewer collections within collections");
                }
                self.depth += 1;
                self.list(|r| r.geometry(feature))?;
                self.depth -= 1;
            }
            "POINT" | "LINESTRING" => {
                self.list(Self::position)?;
                self.found.other(&kind);
            }
            "MULTILINESTRING" => {
                self.rings()?;
                self.found.other(&kind);
            }
            "MULTIPOINT" => {
                self.list(|r| {
                    if r.rest.starts_with('(') { r.ring().map(|_| ()) } else { r.position().map(|_| ()) }
                })?;
                self.found.other(&kind);
            }
            _ => {
                self.rest = before;
                return Err("POLYGON, MULTIPOLYGON or GEOMETRYCOLLECTION");
            }
        }
        Ok(())
    }

    fn polygon(&mut self, feature: &str, rings: Vec<Ring>) {
        let mut rings = rings.into_iter();
        if let Some(outer) = rings.next() {
            self.found.polygons.push(Outline { feature: feature.to_owned(), outer, holes: rings.collect() });
        }
    }

    fn rings(&mut self) -> Parsed<Vec<Ring>> {
        self.list(Self::ring)
    }

    fn ring(&mut self) -> Parsed<Ring> {
        self.list(Self::position)
    }

    /// Two numbers; a third and a fourth are heights and measures.
    fn position(&mut self) -> Parsed<(f64, f64)> {
        let mut numbers = Vec::new();
        while numbers.len() < 4 {
            let end = self
                .rest
                .find(|c: char| c.is_whitespace() || c == ',' || c == ')')
                .unwrap_or(self.rest.len());
            let Ok(number) = self.rest[..end].parse::<f64>() else { break };
            numbers.push(number);
            self.rest = self.rest[end..].trim_start();
        }
        match numbers[..] {
            [x, y, ..] => Ok((x, y)),
            _ => Err("two numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_of_every_form_are_read() {
        let read = |text: &str| outlines(text, "text").unwrap();
        let (found, crs) = read("SRID=4269;POLYGON((0 0,1 0,1 1,0 0),(0.2 0.1,0.3 0.1,0.3 0.2,0.2 0.1))");
        assert_eq!((found.polygons.len(), found.polygons[0].holes.len()), (1, 1));
        assert_eq!(crs.as_deref(), Some("EPSG:4269"));
        let many = "MultiPolygon Z (((0 0 5, 1 0 5, 1 1 5, 0 0 5)), ((5 5 1, 6 5 1, 6 6 1, 5 5 1)))";
        assert_eq!(read(many).0.polygons[1].outer[1], (6.0, 5.0));
        assert_eq!(read("POLYGONZ((0 0 5,1 0 5,1 1 5,0 0 5))\nPOLYGON EMPTY\n").0.polygons.len(), 1);
        let mixed =
            read("GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1), POLYGON((0 0,1 0,1 1,0 0)))").0;
        assert_eq!(
            (mixed.polygons.len(), mixed.others),
            (1, vec!["POINT".to_owned(), "LINESTRING".to_owned()])
        );
        assert_eq!(read("MULTIPOINT((1 2),(3 4)) MULTIPOINT(1 2,3 4)").0.others, ["MULTIPOINT"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, says) in [
            ("POLYGON((0 0,1 x,1 1,0 0))", "byte 15: two numbers expected"),
            ("POLYGON((0 0,1 1", "`,` or `)` expected"),
            ("CIRCLE(0 0)", "POLYGON, MULTIPOLYGON or GEOMETRYCOLLECTION expected, not `CIRCLE(0 0)`"),
            ("SRID=x;POLYGON EMPTY", "a number after SRID="),
            (&"GEOMETRYCOLLECTION(".repeat(100_000), "fewer collections within collections expected"),
        ] {
            let message = outlines(text, "text").unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
        assert!(is_wkt(" polygon((0 0)") && is_wkt("SRID=4326;POINT(1 2)"));
        assert!(is_wkt("Polygon ZM ((0 0 1 2") && is_wkt("POLYGONZ((") && is_wkt("MULTIPOLYGON EMPTY"));
        for file in
            ["polygon.geojson", "polygons.geojson", "area.wkt", "Polygon 1.shp", "point", "POINTS/a.shp"]
        {
            assert!(!is_wkt(file), "{file}");
        }
    }
}
