//! Buffers of a thread that undoes chunks, used again from one to the next.

use libdeflater::{DecompressionError, Decompressor};
use std::cell::RefCell;
use weezl::decode::Decoder as Lzw;
use weezl::{BitOrder, LzwStatus};

/// The most that deflate makes of one byte: 258 bytes from two bits
/// (RFC 1951, 3.2.5), and the stream's own header.
const LARGEST_RATIO: usize = 1032;
/// Bytes of a buffer that a thread keeps; a larger one goes.
const KEPT: usize = 2 << 20;
/// Buffers that a thread keeps: a chunk as stored, and two while filters are undone.
const MOST: usize = 3;

thread_local! {
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// What one thread needs.
pub struct Scratch {
    inflate: Decompressor,
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

impl Scratch {
    fn new() -> Self {
        Self { inflate: Decompressor::new(), zstd: None, spare: Vec::new() }
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
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    /// Takes a buffer back.
    pub fn give_back(&mut self, buffer: Option<Vec<u8>>) {
        let has_room = self.spare.len() < MOST;
        self.spare.extend(buffer.filter(|b| has_room && b.capacity() <= KEPT));
    }

    /// The `length` bytes of a zlib stream.
    ///
    /// # Errors
    /// If it has another number of bytes, or is none.
    pub fn inflate(&mut self, stored: &[u8], length: usize) -> Result<Vec<u8>, String> {
        if length / LARGEST_RATIO > stored.len() {
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
