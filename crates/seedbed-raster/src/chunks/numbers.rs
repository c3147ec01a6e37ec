//! Elements as they lie in a chunk, to physical values.

#![expect(
    clippy::inline_always,
    reason = "what isn't inlined isn't compiled for the instructions of this processor"
)]

use super::fault::Fault;
use crate::DType;
use crate::stored::{Decoding, Stored};
use seedbed_block::Real;
use seedbed_block::simd::{Level, Work};
use std::array;

/// How many elements are turned at once: they stay in the first-level cache, and few are cleared for a short row.
const BLOCK: usize = 256;

/// The type of a dataset's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    kind: Kind,
    /// Whether the most significant byte comes first.
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    UInt64,
    Int64,
    Float32,
    Float64,
}

/// A chunk's bytes.
#[derive(Clone, Copy)]
pub struct Elements<'a> {
    /// All of them.
    pub bytes: &'a [u8],
    /// Whether bytes of the same rank stand together.
    pub shuffled: bool,
    /// Their type.
    pub number: Number,
}

impl Number {
    /// An integer of so many bytes.
    pub fn integer(size: u8, signed: bool, big_endian: bool) -> Option<Self> {
        let kind = match (size, signed) {
            (1, false) => Kind::UInt8,
            (1, true) => Kind::Int8,
            (2, false) => Kind::UInt16,
            (2, true) => Kind::Int16,
            (4, false) => Kind::UInt32,
            (4, true) => Kind::Int32,
            (8, false) => Kind::UInt64,
            (8, true) => Kind::Int64,
            _ => return None,
        };
        Some(Self { kind, big_endian })
    }

    /// An IEEE 754 number of so many bytes.
    pub fn float(size: u8, big_endian: bool) -> Option<Self> {
        match size {
            4 => Some(Self { kind: Kind::Float32, big_endian }),
            8 => Some(Self { kind: Kind::Float64, big_endian }),
            _ => None,
        }
    }

    /// Bytes an element.
    pub fn size(self) -> usize {
        match self.kind {
            Kind::UInt8 | Kind::Int8 => 1,
            Kind::UInt16 | Kind::Int16 => 2,
            Kind::UInt32 | Kind::Int32 | Kind::Float32 => 4,
            Kind::UInt64 | Kind::Int64 | Kind::Float64 => 8,
        }
    }

    /// As [`Number::read_as`].
    ///
    /// # Errors
    /// [`Fault::Unknown`] where the sizes differ.
    pub fn as_said(self, dtype: DType) -> Result<Self, Fault> {
        let differ = || Fault::Unknown(format!("its elements of {} bytes aren't {dtype}", self.size()));
        self.read_as(dtype).ok_or_else(differ)
    }

    /// The bytes of the number of this type that is nearest to a value.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the nearest there is")]
    pub fn bytes_of(self, value: f64) -> Vec<u8> {
        let mut bytes = match self.kind {
            Kind::UInt8 => (value as u8).to_le_bytes().to_vec(),
            Kind::Int8 => (value as i8).to_le_bytes().to_vec(),
            Kind::UInt16 => (value as u16).to_le_bytes().to_vec(),
            Kind::Int16 => (value as i16).to_le_bytes().to_vec(),
            Kind::UInt32 => (value as u32).to_le_bytes().to_vec(),
            Kind::Int32 => (value as i32).to_le_bytes().to_vec(),
            Kind::UInt64 => (value as u64).to_le_bytes().to_vec(),
            Kind::Int64 => (value as i64).to_le_bytes().to_vec(),
            Kind::Float32 => (value as f32).to_le_bytes().to_vec(),
            Kind::Float64 => value.to_le_bytes().to_vec(),
        };
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The same bytes as what `dtype` says they are: a library's reader may take
    /// signed for unsigned ones. 64-bit integers are read as doubles.
    /// `None` where the sizes differ.
    pub fn read_as(self, dtype: DType) -> Option<Self> {
        let kind = match (dtype, self.kind) {
            (DType::UInt8, Kind::UInt8 | Kind::Int8) => Kind::UInt8,
            (DType::Int8, Kind::UInt8 | Kind::Int8) => Kind::Int8,
            (DType::UInt16, Kind::UInt16 | Kind::Int16) => Kind::UInt16,
            (DType::Int16, Kind::UInt16 | Kind::Int16) => Kind::Int16,
            (DType::UInt32, Kind::UInt32 | Kind::Int32) => Kind::UInt32,
            (DType::Int32, Kind::UInt32 | Kind::Int32) => Kind::Int32,
            (DType::Float32, Kind::Float32) => Kind::Float32,
            (DType::Float64, Kind::Float64 | Kind::UInt64 | Kind::Int64) => self.kind,
            _ => return None,
        };
        Some(Self { kind, ..self })
    }
}

impl Elements<'_> {
    /// Writes the physical values of the elements from place `from` on to `out`.
    pub fn decode<T: Real>(&self, decoding: &Decoding, from: usize, out: &mut [T]) {
        match self.number.kind {
            Kind::UInt8 => self.turn(decoding, from, out, u8::from_le_bytes),
            Kind::Int8 => self.turn(decoding, from, out, i8::from_le_bytes),
            Kind::UInt16 => self.turn(decoding, from, out, u16::from_le_bytes),
            Kind::Int16 => self.turn(decoding, from, out, i16::from_le_bytes),
            Kind::UInt32 => self.turn(decoding, from, out, u32::from_le_bytes),
            Kind::Int32 => self.turn(decoding, from, out, i32::from_le_bytes),
            Kind::Float32 => self.turn(decoding, from, out, f32::from_le_bytes),
            Kind::Float64 => self.turn(decoding, from, out, f64::from_le_bytes),
            #[expect(clippy::cast_precision_loss, reason = "as the library converts them")]
            Kind::UInt64 => self.turn(decoding, from, out, |b| u64::from_le_bytes(b) as f64),
            #[expect(clippy::cast_precision_loss, reason = "as the library converts them")]
            Kind::Int64 => self.turn(decoding, from, out, |b| i64::from_le_bytes(b) as f64),
        }
    }

    fn turn<const W: usize, S: Stored, T: Real>(
        &self,
        decoding: &Decoding,
        from: usize,
        out: &mut [T],
        read: impl Fn([u8; W]) -> S,
    ) {
        let raw = [read([0; W]); BLOCK];
        Level::best().run(Turn { elements: *self, decoding, from, out, read, raw, _width: [(); W] });
    }

    /// The elements from place `from` on as numbers.
    #[inline(always)]
    fn gather<const W: usize, S>(&self, from: usize, raw: &mut [S], read: impl Fn([u8; W]) -> S) {
        let big = self.number.big_endian;
        if !self.shuffled {
            let bytes = &self.bytes[from * W..(from + raw.len()) * W];
            for (number, bytes) in raw.iter_mut().zip(bytes.as_chunks::<W>().0) {
                let mut bytes = *bytes;
                if big {
                    bytes.reverse();
                }
                *number = read(bytes);
            }
            return;
        }
        let elements = self.bytes.len() / W;
        // The least significant byte's plane first.
        let planes: [&[u8]; W] = array::from_fn(|rank| {
            let rank = if big { W - 1 - rank } else { rank };
            &self.bytes[rank * elements + from..][..raw.len()]
        });
        for (place, number) in raw.iter_mut().enumerate() {
            *number = read(array::from_fn(|rank| planes[rank][place]));
        }
    }
}

/// Elements on their way to values.
struct Turn<'a, T, S, R, const W: usize> {
    elements: Elements<'a>,
    decoding: &'a Decoding,
    from: usize,
    out: &'a mut [T],
    read: R,
    /// As they are stored.
    raw: [S; BLOCK],
    /// For the number of bytes of each.
    _width: [(); W],
}

impl<T: Real, S: Stored, R: Fn([u8; W]) -> S, const W: usize> Work for Turn<'_, T, S, R, W> {
    #[inline(always)]
    fn run(mut self) {
        for (n, part) in self.out.chunks_mut(BLOCK).enumerate() {
            let raw = &mut self.raw[..part.len()];
            self.elements.gather(self.from + n * BLOCK, raw, &self.read);
            self.decoding.decode_into(raw, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::Sign;

    fn plain(dtype: DType) -> Decoding {
        Decoding {
            dtype,
            nodata: None,
            also_nodata: Vec::new(),
            scale: 1.0,
            offset: 0.0,
            sign: Sign::OfType,
            infinite: false,
        }
    }

    #[test]
    fn every_order_of_bytes_gives_the_same_numbers() {
        let numbers: Vec<i32> = (0..3000).map(|i| i * 715_827 - 1_000_000_000).collect();
        for big in [false, true] {
            let straight: Vec<u8> =
                numbers.iter().flat_map(|n| if big { n.to_be_bytes() } else { n.to_le_bytes() }).collect();
            let shuffled: Vec<u8> =
                (0..4).flat_map(|rank| straight.iter().skip(rank).step_by(4).copied()).collect();
            for (bytes, shuffled) in [(&straight, false), (&shuffled, true)] {
                let number = Number::integer(4, true, big).unwrap();
                let mut out = vec![0.0_f64; 2000];
                Elements { bytes, shuffled, number }.decode(&plain(DType::Int32), 700, &mut out);
                assert!(
                    out.iter().zip(&numbers[700..]).all(|(a, b)| *a == f64::from(*b)),
                    "{big} {shuffled}"
                );
            }
        }
    }

    #[test]
    fn types_are_read_as_the_library_says_if_the_sizes_agree() {
        let byte = Number::integer(1, true, false).unwrap();
        assert_eq!(byte.read_as(DType::UInt8), Number::integer(1, false, false));
        assert_eq!(byte.read_as(DType::Int16), None);
        assert_eq!(Number::integer(8, true, true).unwrap().read_as(DType::Float64).unwrap().size(), 8);
        assert_eq!(Number::float(2, false), None);
    }
}
