//! Buffers of a thread that undoes chunks, used again from one to the next.

use super::inflate::{self, Inflating, Room};
use libdeflater::{DecompressionError, Decompressor};
use seedbed_block::simd::Level;
use std::cell::RefCell;
use std::ops::Range;
use weezl::decode::Decoder as Lzw;
use weezl::{BitOrder, LzwStatus};

/// The most that deflate makes of one byte: 258 bytes from two bits
/// (RFC 1951, 3.2.5), and the stream's own header.
const LARGEST_RATIO: usize = 1032;
/// Bytes that a thread keeps: what a group of chunks inflates to, and the chunks as stored.
const KEPT: usize = 24 << 20;

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// What one thread needs.
pub struct Scratch {
    inflate: Decompressor,
    together: Option<Room>,
    /// What was inflated ahead: where the stream lies in memory, and its bytes.
    ahead: Vec<(Range<*const u8>, Vec<u8>)>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    spare: Vec<Vec<u8>>,
}

/// A chunk without its filters, but for the shuffling.
pub struct Plain {
    /// The bytes, in a buffer for [`Scratch::give_back`], unless they are the stored ones.
    pub buffer: Option<Vec<u8>>,
    /// Whether bytes of the same rank still stand together.
    pub shuffled: bool,
}

/// Whether so few bytes can inflate to so many.
fn is_possible(stored: &[u8], length: usize) -> bool {
    length / LARGEST_RATIO <= stored.len()
}

impl Scratch {
    fn new() -> Self {
        Self {
            inflate: Decompressor::new(),
            together: None,
            ahead: Vec::new(),
            zstd: None,
            spare: Vec::new(),
        }
    }

    /// Lends this thread's.
    pub fn lend<R>(work: impl FnOnce(&mut Self) -> R) -> R {
        // Taken out, since what waits for other threads may be given their work.
        let mut scratch = SCRATCH.take().unwrap_or_else(Self::new);
        let result = work(&mut scratch);
        SCRATCH.set(Some(scratch));
        result
    }

    /// A buffer of that length, whose content is of no meaning.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let fitting = self.spare.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= length);
        let place = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(place, _)| place);
        let mut buffer = place.map(|place| self.spare.swap_remove(place)).unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    /// Takes a buffer back.
    pub fn give_back(&mut self, buffer: Option<Vec<u8>>) {
        let held: usize = self.spare.iter().map(Vec::capacity).sum();
        self.spare.extend(buffer.filter(|b| b.capacity() > 0 && held + b.capacity() <= KEPT));
    }

    /// Does work for which zlib streams, each with the number of its bytes, are inflated together, which takes less
    /// time than one by one.
    pub fn ahead<R>(&mut self, streams: &[(&[u8], usize)], work: impl FnOnce(&mut Self) -> R) -> R {
        let level = Level::best();
        let several = streams.iter().filter(|(stored, length)| is_possible(stored, *length));
        if level != Level::base() && several.clone().count() > 1 {
            let mut buffers: Vec<Vec<u8>> = several.clone().map(|(_, length)| self.take(*length)).collect();
            let pairs = several.clone().zip(&mut buffers);
            let streams = pairs.map(|((stored, _), out)| Inflating { stored, out }).collect();
            let done = inflate::inflate(level, streams, self.together.get_or_insert_with(Room::new));
            for (((stored, _), buffer), done) in several.zip(buffers).zip(done) {
                if done {
                    self.ahead.push((stored.as_ptr_range(), buffer));
                } else {
                    self.give_back(Some(buffer));
                }
            }
        }
        let result = work(self);
        self.ahead.clear();
        result
    }

    /// The `length` bytes of a zlib stream.
    ///
    /// # Errors
    /// If it has another number of bytes, or is none.
    pub fn inflate(&mut self, stored: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let here = stored.as_ptr_range();
        if let Some(place) = self.ahead.iter().position(|(of, out)| *of == here && out.len() == length) {
            return Ok(self.ahead.swap_remove(place).1);
        }
        if !is_possible(stored, length) {
            return Err(format!("{} bytes can't inflate to {length}", stored.len()));
        }
        let mut out = self.take(length);
        match self.inflate.zlib_decompress(stored, &mut out) {
            Ok(found) if found == length => Ok(out),
            Ok(found) => Err(format!("{} bytes inflate to {found} instead of {length}", stored.len())),
            Err(DecompressionError::InsufficientSpace) => {
                Err(format!("{} bytes inflate to more than {length}", stored.len()))
            }
            Err(DecompressionError::BadData) => Err(format!("{} bytes are no zlib stream", stored.len())),
        }
    }

    /// The first `length` bytes of an LZW stream as TIFF writes them.
    ///
    /// # Errors
    /// If it has fewer, or is none.
    pub fn expand(&mut self, stored: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let mut out = self.take(length);
        let mut decoder = Lzw::with_tiff_size_switch(BitOrder::Msb, 8);
        let (mut read, mut made) = (0, 0);
        while made < length {
            let step = decoder.decode_bytes(&stored[read..], &mut out[made..]);
            read += step.consumed_in;
            made += step.consumed_out;
            let status = step.status.map_err(|e| format!("{} bytes are no LZW stream: {e}", stored.len()))?;
            if !matches!(status, LzwStatus::Ok) || (step.consumed_in, step.consumed_out) == (0, 0) {
                break;
            }
        }
        if made == length {
            Ok(out)
        } else {
            Err(format!("{} bytes expand to {made} instead of {length}", stored.len()))
        }
    }

    /// The `length` bytes of a Zstandard frame.
    ///
    /// # Errors
    /// If it has another number of bytes, or is none.
    pub fn unfold(&mut self, stored: &[u8], length: usize) -> Result<Vec<u8>, String> {
        let mut out = self.take(length);
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(|e| e.to_string())?),
        };
        match zstd.decompress_to_buffer(stored, &mut out[..]) {
            Ok(found) if found == length => Ok(out),
            Ok(found) => Err(format!("{} bytes hold {found} instead of {length}", stored.len())),
            Err(error) => Err(format!("{} bytes are no Zstandard frame of {length}: {error}", stored.len())),
        }
    }
}
