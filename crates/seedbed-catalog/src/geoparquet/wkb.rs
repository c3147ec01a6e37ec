//! `GeoJSON` geometries as well-known binary (ISO 19125, as `GeoParquet` asks
//! for), heights kept; `PostGIS`'s flags are read too.

use serde_json::{Number, Value, json};

const HEIGHT: u32 = 0x8000_0000;
const MEASURE: u32 = 0x4000_0000;
const REFERENCE: u32 = 0x2000_0000;
/// How deep collections of geometries may nest.
const DEEPEST: usize = 16;

const NAMES: [&str; 7] =
    ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];

/// A geometry as little-endian WKB; `None` if it is no `GeoJSON` geometry.
pub fn encode(geometry: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    write(geometry, &mut bytes)?;
    Some(bytes)
}

/// The name for a geometry in the file's metadata, such as `Polygon Z`.
pub fn type_name(geometry: &Value) -> Option<String> {
    let name = geometry["type"].as_str()?;
    Some(if has_height(geometry) { format!("{name} Z") } else { name.to_owned() })
}

/// A geometry from WKB; `None` if the bytes are none.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { bytes, little: true };
    let geometry = reader.geometry(0)?;
    reader.bytes.is_empty().then_some(geometry)
}

fn has_height(geometry: &Value) -> bool {
    fn deep(value: &Value) -> bool {
        match value.as_array().map(Vec::as_slice) {
            Some([first, ..]) if first.is_number() => value.as_array().is_some_and(|p| p.len() > 2),
            Some(values) => values.iter().any(deep),
            None => false,
        }
    }
    deep(&geometry["coordinates"]) || geometry["geometries"].as_array().into_iter().flatten().any(has_height)
}

fn write(geometry: &Value, out: &mut Vec<u8>) -> Option<()> {
    let name = geometry["type"].as_str()?;
    let code = u32::try_from(NAMES.iter().position(|n| *n == name)?).ok()? + 1;
    let height = has_height(geometry);
    let head = |code: u32, out: &mut Vec<u8>| {
        out.push(1);
        out.extend((code + if height { 1000 } else { 0 }).to_le_bytes());
    };
    head(code, out);
    let coordinates = &geometry["coordinates"];
    match code {
        1 => position(coordinates, height, out),
        2 => line(coordinates, height, out),
        3 => lines(coordinates, height, out),
        4..=6 => {
            let parts = coordinates.as_array()?;
            count(parts.len(), out)?;
            for part in parts {
                head(code - 3, out);
                match code {
                    4 => position(part, height, out)?,
                    5 => line(part, height, out)?,
                    _ => lines(part, height, out)?,
                }
            }
            Some(())
        }
        _ => {
            let parts = geometry["geometries"].as_array()?;
            count(parts.len(), out)?;
            parts.iter().try_for_each(|part| write(part, out))
        }
    }
}

fn count(n: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend(u32::try_from(n).ok()?.to_le_bytes());
    Some(())
}

fn position(value: &Value, height: bool, out: &mut Vec<u8>) -> Option<()> {
    let numbers = value.as_array()?;
    let wanted = if height { 3 } else { 2 };
    // An empty point has no numbers at all.
    for n in 0..wanted {
        let number = match numbers.get(n) {
            Some(number) => number.as_f64()?,
            None if numbers.is_empty() => f64::NAN,
            None => return None,
        };
        out.extend(number.to_le_bytes());
    }
    Some(())
}

fn line(value: &Value, height: bool, out: &mut Vec<u8>) -> Option<()> {
    let positions = value.as_array()?;
    count(positions.len(), out)?;
    positions.iter().try_for_each(|p| position(p, height, out))
}

fn lines(value: &Value, height: bool, out: &mut Vec<u8>) -> Option<()> {
    let rings = value.as_array()?;
    count(rings.len(), out)?;
    rings.iter().try_for_each(|ring| line(ring, height, out))
}

struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn float(&mut self) -> Option<f64> {
        let bytes = self.take()?;
        Some(if self.little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    fn geometry(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        self.little = self.take::<1>()?[0] == 1;
        let code = self.number()?;
        if code & REFERENCE != 0 {
            self.number()?;
        }
        let (mut height, mut measure) = (code & HEIGHT != 0, code & MEASURE != 0);
        let code = code & 0x0fff_ffff;
        height |= matches!(code / 1000, 1 | 3);
        measure |= matches!(code / 1000, 2 | 3);
        let name = *NAMES.get(usize::try_from(code % 1000).ok()?.checked_sub(1)?)?;
        if name == "GeometryCollection" {
            let parts = self.many(|reader| reader.geometry(depth + 1))?;
            return Some(json!({"type": name, "geometries": parts}));
        }
        let coordinates = match name {
            "Point" => self.position(height, measure)?,
            "LineString" => self.line(height, measure)?,
            "Polygon" => Value::Array(self.many(|reader| reader.line(height, measure))?),
            _ => {
                let parts = self.many(|reader| reader.geometry(depth + 1))?;
                let own = name.trim_start_matches("Multi");
                let parts = parts
                    .into_iter()
                    .map(|mut part| (part["type"] == own).then(|| part["coordinates"].take()));
                Value::Array(parts.collect::<Option<_>>()?)
            }
        };
        Some(json!({"type": name, "coordinates": coordinates}))
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.number()?;
        (0..n).map(|_| one(self)).collect()
    }

    fn position(&mut self, height: bool, measure: bool) -> Option<Value> {
        let mut numbers = Vec::with_capacity(3);
        for _ in 0..if height { 3 } else { 2 } {
            numbers.push(self.float()?);
        }
        if measure {
            self.float()?;
        }
        if numbers.iter().all(|n| n.is_nan()) {
            return Some(json!([]));
        }
        let numbers: Option<Vec<Value>> =
            numbers.into_iter().map(|n| Some(Value::Number(Number::from_f64(n)?))).collect();
        numbers.map(Value::Array)
    }

    fn line(&mut self, height: bool, measure: bool) -> Option<Value> {
        self.many(|reader| reader.position(height, measure)).map(Value::Array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_geometry_comes_back_with_its_heights() {
        let ring = json!([[0.5, 0.0], [10.0, 0.0], [10.0, 5.0], [0.5, 0.0]]);
        let high = json!([[0.5, 0.0, 100.0], [10.0, 0.0, 2.5]]);
        for geometry in [
            json!({"type": "Point", "coordinates": [1.0, 2.0]}),
            json!({"type": "Point", "coordinates": [1.0, 2.0, 3.0]}),
            json!({"type": "Point", "coordinates": []}),
            json!({"type": "LineString", "coordinates": high}),
            json!({"type": "Polygon", "coordinates": [ring, ring]}),
            json!({"type": "MultiPoint", "coordinates": [[1.0, 2.0], [3.0, 4.0]]}),
            json!({"type": "MultiLineString", "coordinates": [high]}),
            json!({"type": "MultiPolygon", "coordinates": [[ring], [ring]]}),
            json!({"type": "GeometryCollection", "geometries": [
                {"type": "Point", "coordinates": [1.0, 2.0]}, {"type": "Polygon", "coordinates": [ring]}]}),
        ] {
            assert_eq!(decode(&encode(&geometry).unwrap()), Some(geometry));
        }
        assert_eq!(type_name(&json!({"type": "LineString", "coordinates": high})).unwrap(), "LineString Z");
    }

    #[test]
    fn bytes_are_those_of_the_standard_and_postgis_is_read() {
        let point = "0101000000000000000000f03f0000000000000040";
        let bytes: Vec<u8> =
            (0..point.len()).step_by(2).map(|i| u8::from_str_radix(&point[i..i + 2], 16).unwrap()).collect();
        let geometry = json!({"type": "Point", "coordinates": [1.0, 2.0]});
        assert_eq!(encode(&geometry).unwrap(), bytes);
        // Big-endian, with a reference system and a height.
        let mut other = vec![0];
        other.extend((1 | HEIGHT | REFERENCE).to_be_bytes());
        other.extend(4326_u32.to_be_bytes());
        other.extend([1.0_f64, 2.0, 3.0].into_iter().flat_map(f64::to_be_bytes));
        assert_eq!(decode(&other), Some(json!({"type": "Point", "coordinates": [1.0, 2.0, 3.0]})));
    }

    #[test]
    fn what_is_none_is_refused_without_a_crash() {
        for bad in
            [&b""[..], b"\x01", b"\x01\x01\0\0\0", b"\x01\x63\0\0\0", b"\x01\x02\0\0\0\xff\xff\xff\xff"]
        {
            assert_eq!(decode(bad), None);
        }
        assert_eq!(encode(&json!({"type": "Blob"})), None);
        assert_eq!(encode(&json!({"type": "Point", "coordinates": [1]})), None);
    }
}
