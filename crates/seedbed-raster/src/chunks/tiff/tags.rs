//! The tags of a TIFF's first image.

use crate::chunks::fault::Fault;
use crate::ranges::ReadAt;
use std::collections::BTreeMap;

/// The largest array of a tag that is read, in bytes.
const LARGEST: u64 = 1 << 27;
/// What is asked for first of a remote file: most begin with all their tags.
pub const FIRST: u64 = 1 << 16;
/// How many images are looked through for a mask: overviews are a dozen.
const MOST_IMAGES: usize = 64;
/// What is read at once of one of them.
const IMAGE: u64 = 1 << 12;

/// Tags by their numbers in TIFF 6.0 and its supplements.
pub mod tag {
    /// What an image is for, of which two bits are asked for.
    pub const KIND: u16 = 254;
    /// An image of fewer pixels.
    pub const IS_REDUCED: u64 = 1;
    /// One that says which pixels of another hold data.
    pub const IS_MASK: u64 = 4;
    pub const COLS: u16 = 256;
    pub const ROWS: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const BIT_ORDER: u16 = 266;
    pub const STRIP_AT: u16 = 273;
    pub const SAMPLES: u16 = 277;
    pub const STRIP_ROWS: u16 = 278;
    pub const STRIP_SIZES: u16 = 279;
    pub const PLANES: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_COLS: u16 = 322;
    pub const TILE_ROWS: u16 = 323;
    pub const TILE_AT: u16 = 324;
    pub const TILE_SIZES: u16 = 325;
    pub const FORMAT: u16 = 339;
    /// Those that lead to further images.
    pub const IMAGES: [u16; 4] = [330, 34_665, 34_853, 40_965];
}

/// How a file writes numbers.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub big_endian: bool,
    /// Whether offsets and counts have 64 bits.
    pub is_big_tiff: bool,
}

/// A tag's type, how many values it has, and the bytes of these or where they are.
#[derive(Debug, Clone)]
pub struct Field {
    pub kind: u16,
    pub count: u64,
    /// Four bytes, or eight.
    pub value: Vec<u8>,
}

/// The tags of the first image of a file.
pub struct Tags<'f> {
    file: &'f dyn ReadAt,
    /// Parts of the file that were read, by their places: its first bytes, where it is remote.
    held: Vec<(u64, Vec<u8>)>,
    pub order: Order,
    pub fields: BTreeMap<u16, Field>,
    /// Where it is said where the next image's tags are.
    next: u64,
}

impl Order {
    /// Of a file that begins so; `None` if it is no TIFF.
    pub fn of(head: &[u8]) -> Option<Self> {
        let (big_endian, is_big_tiff) = match head.get(..4)? {
            b"II*\0" => (false, false),
            b"II+\0" => (false, true),
            b"MM\0*" => (true, false),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        Some(Self { big_endian, is_big_tiff })
    }

    /// A whole number of any width.
    pub fn number(self, bytes: &[u8]) -> u64 {
        let add = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }

    /// Bytes of the number of tags, and of an offset.
    pub fn widths(self) -> (usize, usize) {
        if self.is_big_tiff { (8, 8) } else { (2, 4) }
    }

    /// Where the first image's tags are said to be.
    pub fn start(self) -> usize {
        if self.is_big_tiff { 8 } else { 4 }
    }
}

impl Field {
    /// Bytes of a value; 0 of a type that isn't known.
    fn width(&self) -> u64 {
        match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 0,
        }
    }

    /// Bytes of all values, if it has any.
    pub fn length(&self) -> Option<u64> {
        self.count.checked_mul(self.width()).filter(|length| *length > 0)
    }

    /// Whether the values are somewhere else.
    pub fn is_apart(&self) -> bool {
        self.length().is_some_and(|length| length > self.value.len() as u64)
    }
}

impl<'f> Tags<'f> {
    /// Reads which tags there are.
    ///
    /// # Errors
    /// [`Fault::Unknown`] if it is no TIFF, [`Fault::Damaged`] for tags outside the file,
    /// [`Fault::Io`].
    pub fn read(file: &'f dyn ReadAt) -> Result<Self, Fault> {
        let whole = file.size();
        let length = if file.needless() == 0 { 16 } else { FIRST };
        let first = file.read_at(0, usize::try_from(length.min(whole)).unwrap_or(0)).map_err(Fault::Io)?;
        let order = Order::of(&first).ok_or_else(|| Fault::Unknown("it is no TIFF".to_owned()))?;
        let mut tags = Self { file, held: vec![(0, first)], order, fields: BTreeMap::new(), next: 0 };
        let wide = order.widths().1 as u64;
        let at = order.number(&tags.bytes(order.start() as u64, wide)?);
        (tags.fields, tags.next) = tags.image(at)?;
        Ok(tags)
    }

    /// The tags of the image at an offset, and the offset at which the next one's is.
    fn image(&self, at: u64) -> Result<(BTreeMap<u16, Field>, u64), Fault> {
        let order = self.order;
        let (counting, wide) = order.widths();
        let count = order.number(&self.bytes(at, counting as u64)?);
        let each = 4 + 2 * wide;
        let length = count.checked_mul(each as u64).filter(|_| count < 1 << 16);
        let length = length.ok_or_else(|| Fault::Damaged(format!("an image of it has {count} tags")))?;
        let table = self.bytes(at + counting as u64, length)?;
        let mut fields = BTreeMap::new();
        for entry in table.chunks_exact(each) {
            let [tag, kind] = [&entry[..2], &entry[2..4]].map(|b| order.number(b));
            let [tag, kind] = [tag, kind].map(|n| u16::try_from(n).unwrap_or(u16::MAX));
            let (count, value) = (order.number(&entry[4..4 + wide]), entry[4 + wide..].to_vec());
            fields.insert(tag, Field { kind, count, value });
        }
        Ok((fields, at + counting as u64 + length))
    }

    /// Whether one of the further images is the mask of the first.
    ///
    /// # Errors
    /// [`Fault`] if they lie outside the file, or are too many.
    pub fn has_mask(mut self) -> Result<bool, Fault> {
        let wide = self.order.widths().1 as u64;
        let mut next = self.next;
        for _ in 0..MOST_IMAGES {
            let at = self.order.number(&self.bytes(next, wide)?);
            if at == 0 {
                return Ok(false);
            }
            // All that is asked for of it, in one request.
            let part = self.bytes(at, IMAGE.min(self.file.size().saturating_sub(at)))?;
            self.held.truncate(1);
            self.held.push((at, part));
            let (fields, after) = self.image(at)?;
            // Kept in the field itself, at its beginning.
            let kind = fields.get(&tag::KIND).and_then(|field| field.value.get(..4));
            let is = |bit: u64| kind.is_some_and(|bytes| self.order.number(bytes) & bit != 0);
            if is(tag::IS_MASK) && !is(tag::IS_REDUCED) {
                return Ok(true);
            }
            next = after;
        }
        Err(Fault::Unknown(format!("it has more than {MOST_IMAGES} images")))
    }

    /// Bytes of the file.
    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, Fault> {
        let whole = self.file.size();
        let beyond =
            || Fault::Damaged(format!("its tags have {length} bytes at {offset}, beyond its {whole}"));
        let end = offset.checked_add(length).filter(|end| *end <= whole && length <= LARGEST);
        let [Ok(from), Ok(end)] = [offset, end.ok_or_else(beyond)?].map(usize::try_from) else {
            return Err(beyond());
        };
        let held = |(at, part): &(u64, Vec<u8>)| {
            let before = usize::try_from(*at).ok()?;
            part.get(from.checked_sub(before)?..end.checked_sub(before)?).map(<[u8]>::to_vec)
        };
        if let Some(bytes) = self.held.iter().find_map(held) {
            return Ok(bytes);
        }
        let mut bytes = vec![0; end - from];
        self.file.read_into(offset, &mut bytes).map_err(Fault::Io)?;
        Ok(bytes)
    }

    /// The bytes of a tag's values.
    ///
    /// # Errors
    /// [`Fault`] if it is of an unknown type, or its values lie outside the file.
    pub fn values(&self, field: &Field) -> Result<Vec<u8>, Fault> {
        let length = field.length();
        let length =
            length.ok_or_else(|| Fault::Unknown(format!("a tag of it is of type {}", field.kind)))?;
        if field.is_apart() {
            return self.bytes(self.order.number(&field.value), length);
        }
        Ok(field.value[..usize::try_from(length).unwrap_or(0)].to_vec())
    }

    /// Whether a tag is there.
    pub fn has(&self, tag: u16) -> bool {
        self.fields.contains_key(&tag)
    }

    /// Whether the most significant byte comes first.
    pub fn big_endian(&self) -> bool {
        self.order.big_endian
    }

    /// The whole numbers of a tag; none where it isn't there.
    ///
    /// # Errors
    /// As [`Tags::values`], or if they aren't whole numbers.
    pub fn numbers(&self, tag: u16) -> Result<Vec<u64>, Fault> {
        let Some(field) = self.fields.get(&tag) else { return Ok(Vec::new()) };
        if !matches!(field.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return Err(Fault::Unknown(format!("its tag {tag} holds no whole numbers")));
        }
        let width = usize::try_from(field.width()).unwrap_or(1);
        Ok(self.values(field)?.chunks_exact(width).map(|bytes| self.order.number(bytes)).collect())
    }

    /// A tag's only number, or the number that all its values are.
    ///
    /// # Errors
    /// As [`Tags::numbers`], if they differ, or there is none and nothing stands for that.
    pub fn one(&self, tag: u16, absent: Option<u64>) -> Result<u64, Fault> {
        let numbers = self.numbers(tag)?;
        match (numbers.first(), absent) {
            (Some(first), _) if numbers.iter().all(|n| n == first) => Ok(*first),
            (Some(_), _) => Err(Fault::Unknown(format!("its tag {tag} differs from band to band"))),
            (None, Some(absent)) => Ok(absent),
            (None, None) => Err(Fault::Unknown(format!("it has no tag {tag}"))),
        }
    }

    /// The same as a size in memory.
    ///
    /// # Errors
    /// As [`Tags::one`].
    pub fn size(&self, tag: u16, absent: Option<u64>) -> Result<usize, Fault> {
        usize::try_from(self.one(tag, absent)?).map_err(|e| Fault::Unknown(e.to_string()))
    }
}
