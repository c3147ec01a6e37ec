//! What an array's `zarr.json` says (Zarr core specification 3.0).

use super::codec::Codec;
use super::layout::Extent;
use crate::DType;
use crate::chunks::Fault;
use serde_json::{Map, Value};

/// The most elements that one chunk may have: beyond it a document is damaged, or
/// the array isn't meant to be read in pieces.
const LARGEST: usize = 1 << 28;

/// The most chunks that one shard may have, whose index is read as one.
const MOST: usize = 1 << 22;

/// A stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// A type that rasters may have.
    Raster(DType),
    /// 16-bit floating point numbers (IEEE 754 binary16), which 32 bits hold.
    Float16,
    /// 64-bit integers, as coordinates are.
    Int64,
    /// 64-bit integers without a sign.
    UInt64,
}

impl Number {
    fn of(name: &str) -> Result<Self, Fault> {
        match name {
            "float16" => Ok(Self::Float16),
            "int64" => Ok(Self::Int64),
            "uint64" => Ok(Self::UInt64),
            "bool" => Ok(Self::Raster(DType::UInt8)),
            other => other
                .parse()
                .map(Self::Raster)
                .map_err(|_| unknown(format!("its values are of the type `{other}`, not of real numbers"))),
        }
    }

    /// Bytes of one.
    pub fn bytes(self) -> usize {
        match self {
            Self::Raster(DType::UInt8 | DType::Int8) => 1,
            Self::Raster(DType::UInt16 | DType::Int16) | Self::Float16 => 2,
            Self::Raster(DType::UInt32 | DType::Int32 | DType::Float32) => 4,
            Self::Raster(DType::Float64) | Self::Int64 | Self::UInt64 => 8,
        }
    }

    /// The bytes of a fill value as documents write it.
    fn fill(self, value: &Value) -> Option<Vec<u8>> {
        let float = || number(value);
        #[expect(clippy::cast_possible_truncation, reason = "a float32 array's fill value is a float32")]
        match self {
            Self::Raster(DType::Float32) => Some((float()? as f32).to_le_bytes().to_vec()),
            Self::Raster(DType::Float64) => Some(float()?.to_le_bytes().to_vec()),
            Self::Float16 => Some(half_of(float()?).to_le_bytes().to_vec()),
            _ => {
                let whole = value.as_bool().map(i128::from);
                let whole = whole.or_else(|| value.as_i64().map(i128::from));
                let whole = whole.or_else(|| value.as_u64().map(i128::from))?;
                Some(whole.to_le_bytes()[..self.bytes()].to_vec())
            }
        }
    }
}

/// A binary16 number (IEEE 754-2019, section 3.6) from its bits.
pub fn of_half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff) / 1024.0);
    let size = match exponent {
        0 => fraction * 2_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The bits of the binary16 number that a number is, or of NaN where it is none.
fn half_of(value: f64) -> u16 {
    let is_it = |bits: &u16| f64::from(of_half(*bits)) == value;
    (0..=u16::MAX).find(is_it).unwrap_or(0x7e00)
}

/// A number as Zarr and CF documents write it: NaN and infinities are texts, and
/// xarray writes the `_FillValue` of floats as the base64 of their eight bytes.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            other => base64(other).map(f64::from_le_bytes),
        },
        _ => None,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Eight bytes from their base64.
fn base64(text: &str) -> Option<[u8; 8]> {
    let digits = text.strip_suffix('=')?.bytes();
    let mut bits = 0_u128;
    let mut n = 0;
    for digit in digits {
        let value = ALPHABET.iter().position(|a| *a == digit)?;
        bits = (bits << 6) | u128::try_from(value).ok()?;
        n += 1;
        if n > 11 {
            return None;
        }
    }
    // Eleven digits hold 66 bits, of which the last two are nothing.
    (n == 11).then(|| u64::try_from((bits >> 2) & u128::from(u64::MAX)).ok()).flatten().map(u64::to_be_bytes)
}

/// Eight bytes as base64.
pub fn to_base64(bytes: [u8; 8]) -> String {
    let bits = u128::from(u64::from_be_bytes(bytes)) << 2;
    let digit = |n: u32| char::from(ALPHABET[((bits >> (6 * (10 - n))) & 63) as usize]);
    (0..11).map(digit).chain(['=']).collect()
}

/// In which order the bytes of a number stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    Little,
    Big,
}

/// How the chunks of a shard lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharding {
    /// Elements of a chunk along each dimension.
    pub chunk: Extent,
    /// What the chunk's bytes went through.
    pub codecs: Vec<Codec>,
    /// What the index's bytes went through: only checksums keep its size.
    pub index_codecs: Vec<Codec>,
    /// Whether the index is behind the chunks rather than before them.
    pub index_at_end: bool,
}

/// An array, as its document says it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayMeta {
    pub shape: Extent,
    pub number: Number,
    /// Elements of what is one file along each dimension.
    pub piece: Extent,
    /// How a piece is cut further.
    pub sharding: Option<Sharding>,
    /// What a piece's bytes went through, where it isn't.
    pub codecs: Vec<Codec>,
    /// The numbers' bytes in a chunk.
    pub endian: Endian,
    /// The bytes of an element that was never written.
    pub fill: Vec<u8>,
    /// A prefix and what stands between the numbers of a piece's file name.
    prefix: &'static str,
    separator: &'static str,
    pub dimensions: Vec<Option<String>>,
    pub attributes: Map<String, Value>,
}

impl ArrayMeta {
    /// Reads a document.
    ///
    /// # Errors
    /// [`Fault::Damaged`] for what isn't as the specification has it, [`Fault::Unknown`] for what isn't read here.
    pub fn parse(document: &Value) -> Result<Self, Fault> {
        let text = |value: &Value, what: &str| {
            value.as_str().map(str::to_owned).ok_or_else(|| damaged(format!("its zarr.json has no {what}")))
        };
        let shape = extent(&document["shape"], "shape")?;
        let number = Number::of(&text(&document["data_type"], "data_type")?)?;
        let grid = text(&document["chunk_grid"]["name"], "chunk_grid")?;
        if grid != "regular" {
            return Err(unknown(format!("its chunk grid is `{grid}`, not regular")));
        }
        let piece = chunk(&document["chunk_grid"]["configuration"]["chunk_shape"], shape.len())?;
        let encoding = &document["chunk_key_encoding"];
        let (prefix, usual) = match encoding["name"].as_str().unwrap_or("default") {
            "default" => ("c", "/"),
            "v2" => ("", "."),
            other => return Err(unknown(format!("its chunks are named by the rule `{other}`"))),
        };
        let separator = match encoding["configuration"]["separator"].as_str().unwrap_or(usual) {
            "." => ".",
            "/" => "/",
            other => {
                return Err(damaged(format!("its chunks' names are separated by `{other}`, not by . or /")));
            }
        };
        let steps = list(&document["codecs"]);
        let shard = steps.first().filter(|s| s["name"] == "sharding_indexed");
        let (sharding, (endian, codecs)) = match shard {
            Some(_) if steps.len() > 1 => {
                return Err(unknown("its shards themselves went through a codec".to_owned()));
            }
            Some(shard) => {
                let (endian, sharding) = sharding(&shard["configuration"], &piece)?;
                (Some(sharding), (endian, Vec::new()))
            }
            None => (None, chain(steps)?),
        };
        let largest = sharding.as_ref().map_or(&piece, |s| &s.chunk);
        size(largest)
            .filter(|n| *n <= LARGEST)
            .ok_or_else(|| damaged(format!("its chunks have {largest:?} elements")))?;
        let dimensions = list(&document["dimension_names"]).iter().map(|n| n.as_str().map(str::to_owned));
        let fill = number.fill(&document["fill_value"]);
        Ok(Self {
            number,
            piece,
            sharding,
            codecs,
            endian,
            fill: fill.ok_or_else(|| damaged(format!("its fill value is {}", document["fill_value"])))?,
            prefix,
            separator,
            dimensions: dimensions.chain(std::iter::repeat(None)).take(shape.len()).collect(),
            shape,
            attributes: document["attributes"].as_object().cloned().unwrap_or_default(),
        })
    }

    /// The name of a piece's file in the array's folder.
    pub fn file(&self, place: &[usize]) -> String {
        let numbers: Vec<String> = place.iter().map(ToString::to_string).collect();
        match (self.prefix, numbers.is_empty()) {
            ("c", true) => "c".to_owned(),
            ("c", false) => format!("c{}{}", self.separator, numbers.join(self.separator)),
            (_, true) => "0".to_owned(),
            (_, false) => numbers.join(self.separator),
        }
    }
}

fn unknown(reason: String) -> Fault {
    Fault::Unknown(reason)
}

fn damaged(reason: String) -> Fault {
    Fault::Damaged(reason)
}

fn sharding(configuration: &Value, piece: &[usize]) -> Result<(Endian, Sharding), Fault> {
    let chunk = chunk(&configuration["chunk_shape"], piece.len())?;
    if piece.iter().zip(&chunk).any(|(shard, chunk)| shard % chunk != 0) {
        return Err(damaged(format!(
            "its shards of {piece:?} elements don't hold whole chunks of {chunk:?}"
        )));
    }
    let number = piece.iter().zip(&chunk).map(|(shard, chunk)| shard / chunk).collect::<Extent>();
    size(&number)
        .filter(|n| *n <= MOST)
        .ok_or_else(|| damaged(format!("its shards have {number:?} chunks")))?;
    let (order, index_codecs) = chain(list(&configuration["index_codecs"]))?;
    if order == Endian::Big || index_codecs.iter().any(|codec| *codec != Codec::Crc32c) {
        return Err(unknown("the index of its shards is compressed, or big-endian".to_owned()));
    }
    let index_at_end = match configuration["index_location"].as_str().unwrap_or("end") {
        "end" => true,
        "start" => false,
        other => return Err(damaged(format!("the index of its shards is at the `{other}`"))),
    };
    let (endian, codecs) = chain(list(&configuration["codecs"]))?;
    Ok((endian, Sharding { chunk, codecs, index_codecs, index_at_end }))
}

/// The order of the bytes that numbers are written as, and the codecs behind.
fn chain(steps: &[Value]) -> Result<(Endian, Vec<Codec>), Fault> {
    let Some((first, rest)) = steps.split_first() else {
        return Err(damaged("it has no codecs".to_owned()));
    };
    let name = first.as_str().or_else(|| first["name"].as_str()).unwrap_or_default();
    match (name, first["configuration"]["endian"].as_str().unwrap_or("little")) {
        ("bytes", endian @ ("little" | "big")) => {
            let endian = if endian == "big" { Endian::Big } else { Endian::Little };
            Ok((endian, rest.iter().map(Codec::from_json).collect::<Result<_, _>>().map_err(unknown)?))
        }
        ("bytes", endian) => Err(damaged(format!("its numbers are {endian}-endian"))),
        (other, _) => {
            Err(unknown(format!("its chunks went through the codec `{other}` before they became bytes")))
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// How many elements there are, unless they are too many to count.
pub fn size(extent: &[usize]) -> Option<usize> {
    extent.iter().try_fold(1_usize, |n, along| n.checked_mul(*along))
}

fn extent(value: &Value, what: &str) -> Result<Extent, Fault> {
    let whole = |n: &Value| n.as_u64().and_then(|n| usize::try_from(n).ok());
    let all = value.as_array().and_then(|list| list.iter().map(whole).collect::<Option<Extent>>());
    all.ok_or_else(|| damaged(format!("its zarr.json has no {what}")))
}

fn chunk(value: &Value, dimensions: usize) -> Result<Extent, Fault> {
    let chunk = extent(value, "chunk_shape")?;
    if chunk.len() != dimensions || chunk.contains(&0) {
        return Err(damaged(format!("its chunks of {chunk:?} don't fit its {dimensions} dimensions")));
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int16",
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [4, 4] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "fill_value": -1, "dimension_names": ["y", null], "attributes": { "units": "m" },
            "codecs": [{ "name": "sharding_indexed", "configuration": {
                "chunk_shape": [2, 4],
                "codecs": [{ "name": "bytes", "configuration": { "endian": "little" } },
                           { "name": "zstd", "configuration": { "level": 3, "checksum": false } }],
                "index_codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }, { "name": "crc32c" }],
            } }],
        })
    }

    #[test]
    fn a_document_is_understood() {
        let meta = ArrayMeta::parse(&document()).unwrap();
        assert_eq!((meta.shape.as_slice(), meta.piece.as_slice()), (&[4, 6][..], &[4, 4][..]));
        assert_eq!(meta.fill, [0xff, 0xff]);
        assert_eq!(meta.dimensions, [Some("y".to_owned()), None]);
        let sharding = meta.sharding.as_ref().unwrap();
        assert_eq!((sharding.chunk.as_slice(), sharding.index_at_end), (&[2, 4][..], true));
        assert_eq!(meta.file(&[0, 1]), "c/0/1");
    }

    #[test]
    fn what_isnt_known_or_makes_no_sense_is_refused() {
        let all = |change: &dyn Fn(&mut Value)| {
            let mut document = document();
            change(&mut document);
            match ArrayMeta::parse(&document).unwrap_err() {
                Fault::Unknown(reason) => format!("unknown: {reason}"),
                Fault::Damaged(reason) => reason,
                Fault::Io(error) => panic!("{error}"),
            }
        };
        let at = |d: &mut Value, path: &str, value: Value| *d.pointer_mut(path).unwrap() = value;
        let what = all(&|d| at(d, "/data_type", json!("complex64")));
        assert!(what.starts_with("unknown") && what.contains("complex64"), "{what}");
        assert!(all(&|d| at(d, "/shape", json!([4, -1]))).contains("shape"));
        assert!(all(&|d| at(d, "/chunk_grid/configuration/chunk_shape", json!([0, 4]))).contains("chunks"));
        assert!(all(&|d| at(d, "/codecs/0/configuration/chunk_shape", json!([3, 4]))).contains("shards"));
        assert!(all(&|d| at(d, "/codecs/0/configuration/codecs/1/name", json!("lz4"))).contains("lz4"));
        assert!(all(&|d| at(d, "/codecs", json!([]))).contains("codecs"));
        assert!(all(&|d| at(d, "/fill_value", json!({}))).contains("fill"));
        let huge = json!([1_u64 << 40, 1_u64 << 40]);
        assert!(all(&|d| at(d, "/codecs/0/configuration/chunk_shape", huge.clone())).contains("shards"));
        let wide = |d: &mut Value| {
            at(d, "/chunk_grid/configuration/chunk_shape", json!([1_u64 << 20, 1_u64 << 20]));
            at(d, "/codecs/0/configuration/chunk_shape", json!([1, 1]));
        };
        assert!(all(&wide).contains("shards have"));
    }

    #[test]
    fn half_precision_is_read_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0400, 2_f32.powi(-14)),
            (0x0001, 2_f32.powi(-24)),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(of_half(bits), value, "{bits:x}");
            assert_eq!(half_of(value.into()), bits, "{value}");
        }
        assert!(of_half(0x7e00).is_nan() && half_of(f64::NAN) == 0x7e00);
    }

    #[test]
    fn fill_values_are_numbers_words_or_base64() {
        assert_eq!(number(&json!(-9999)), Some(-9999.0));
        assert!(number(&json!("NaN")).unwrap().is_nan());
        // What xarray writes of NaN and of -9999.
        assert_eq!(to_base64(f64::NAN.to_le_bytes()), "AAAAAAAA+H8=");
        for value in [-9999.0, 0.1, f64::INFINITY] {
            assert_eq!(number(&json!(to_base64(f64::to_le_bytes(value)))), Some(value));
        }
        assert_eq!(number(&json!("nonsense")), None);
        assert_eq!(Number::Int64.fill(&json!(-2)), Some((-2_i64).to_le_bytes().to_vec()));
        assert_eq!(Number::Raster(DType::Float32).fill(&json!(1.5)), Some(1.5_f32.to_le_bytes().to_vec()));
    }
}
