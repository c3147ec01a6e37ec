//! A stream that is being inflated, symbol by symbol (RFC 1951, 3.2.3).

use super::codes::{self, END, LENGTHS, SPANS, Tables};

/// Bytes of the input, and of the output, that are left to be read and written carefully at their ends.
const INPUT_MARGIN: usize = 128;
const OUTPUT_MARGIN: usize = 512;
/// The largest distance: after so many bytes every match lies within the output.
const WINDOW: usize = 1 << 15;
/// More than a quick step takes of bits, 42, and makes of bytes, 14.
const STEP_BITS: usize = 64;
const STEP_BYTES: usize = 16;

/// Blocks take time even where they are empty: so many are decoded here, and one more for so many bytes.
const MOST_BLOCKS: usize = 64;
const BYTES_OF_BLOCK: usize = 2048;
/// The same of what quick steps don't take.
const MOST_OTHERS: usize = 512;
const BYTES_BETWEEN: usize = 64;

/// Why a stream can't be inflated here: it is damaged, or of a kind that is left to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd;

/// Codes of a block, and room for a run that leads beyond them.
const MOST_CODES: usize = 288 + 32 + 138;
/// The lengths of the codes of symbols and then of distances, how many are of symbols, and how many there are.
type Codes = ([u8; MOST_CODES], usize, usize);

/// A stream of deflate, and how far it is inflated.
pub struct Stream<'a> {
    pub input: &'a [u8],
    pub out: &'a mut [u8],
    /// Bits of the input that are read.
    pub bit: usize,
    /// Bytes of the output that are written.
    pub at: usize,
    in_block: bool,
    is_last: bool,
    is_odd: bool,
    /// Blocks so far.
    blocks: usize,
    /// How often something else came than quick steps take.
    others: usize,
}

impl<'a> Stream<'a> {
    pub fn new(input: &'a [u8], out: &'a mut [u8]) -> Self {
        Self {
            input,
            out,
            bit: 0,
            at: 0,
            in_block: false,
            is_last: false,
            is_odd: false,
            blocks: 0,
            others: 0,
        }
    }

    /// How many quick steps may be taken without another look at the ends.
    pub fn quick_steps(&self) -> usize {
        if self.at < WINDOW || !self.in_block || self.is_odd {
            return 0;
        }
        let bits = (8 * self.input.len().saturating_sub(INPUT_MARGIN)).saturating_sub(self.bit);
        let bytes = self.out.len().saturating_sub(OUTPUT_MARGIN).saturating_sub(self.at);
        (bits / STEP_BITS).min(bytes / STEP_BYTES)
    }

    /// The bits that follow, at least 56 of them; zeros beyond the end.
    #[inline(always)]
    fn bits(&self) -> u64 {
        let rest = self.input.get(self.bit / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        word >> (self.bit % 8)
    }

    /// Inflates until quick steps may be taken, or the stream has ended: whether it has.
    #[inline(always)]
    pub fn go_carefully(&mut self, tables: &mut Tables) -> Result<bool, Odd> {
        if self.is_odd {
            return Err(Odd);
        }
        loop {
            if self.in_block {
                if self.quick_steps() > 0 {
                    return Ok(false);
                }
                self.symbol(tables)?;
            } else if self.is_last {
                let is_all = self.at == self.out.len() && self.bit.div_ceil(8) == self.input.len();
                return if is_all { Ok(true) } else { Err(Odd) };
            } else {
                self.begin_block(tables)?;
            }
        }
    }

    /// Takes what no quick step does: some literals and a match. What ends a block, or the stream, or is damaged, is
    /// left.
    #[inline(always)]
    pub fn go_on(&mut self, tables: &Tables) {
        self.others += 1;
        // A stream of mostly long codes takes longer here than elsewhere.
        self.is_odd = self.others > MOST_OTHERS + self.at / BYTES_BETWEEN;
        while self.quick_steps() > 0 {
            if self.symbol(tables).is_err() {
                self.is_odd = true;
                return;
            }
            let next = tables.steps[self.bits() as usize % tables.steps.len()];
            if next.distance != 1 {
                return;
            }
        }
    }

    /// Decodes one symbol, and the distance of a match.
    #[inline(always)]
    fn symbol(&mut self, tables: &Tables) -> Result<(), Odd> {
        let bits = self.bits();
        let (symbol, taken) = tables.symbol(bits).ok_or(Odd)?;
        let bits = bits >> taken;
        self.take(taken)?;
        if symbol < END {
            *self.out.get_mut(self.at).ok_or(Odd)? = symbol as u8;
            self.at += 1;
            return Ok(());
        }
        if symbol == END {
            self.in_block = false;
            return Ok(());
        }
        let (least, more) = *LENGTHS.get(symbol as usize - 257).ok_or(Odd)?;
        let length = least as usize + low(bits, more);
        let bits = bits >> more;
        let (symbol, taken) = tables.span(bits).ok_or(Odd)?;
        let (nearest, further) = *SPANS.get(symbol as usize).ok_or(Odd)?;
        let distance = nearest as usize + low(bits >> taken, further);
        self.take(more + taken + further)?;
        self.copy(distance, length)
    }

    fn take(&mut self, bits: u32) -> Result<(), Odd> {
        self.bit += bits as usize;
        if self.bit <= 8 * self.input.len() { Ok(()) } else { Err(Odd) }
    }

    /// Writes again what was written so many bytes ago, which may be less than is to be written.
    #[inline(always)]
    fn copy(&mut self, distance: usize, length: usize) -> Result<(), Odd> {
        let (from, end) = (self.at.checked_sub(distance).ok_or(Odd)?, self.at + length);
        if end > self.out.len() {
            return Err(Odd);
        }
        if distance == 1 {
            let byte = self.out[from];
            self.out[self.at..end].fill(byte);
        } else if distance >= length {
            self.out.copy_within(from..from + length, self.at);
        } else {
            // Each copy is twice as long as the one before.
            let mut made = 0;
            while made < length {
                let some = (length - made).min(distance + made);
                self.out.copy_within(from..from + some, self.at + made);
                made += some;
            }
        }
        self.at = end;
        Ok(())
    }

    /// Reads a block's header, and the whole of a block that isn't compressed.
    #[inline(always)]
    fn begin_block(&mut self, tables: &mut Tables) -> Result<(), Odd> {
        self.blocks += 1;
        if self.blocks > MOST_BLOCKS + self.at / BYTES_OF_BLOCK {
            return Err(Odd);
        }
        let bits = self.bits();
        self.take(3)?;
        self.is_last = bits & 1 != 0;
        let (lengths, symbols, all) = match bits >> 1 & 3 {
            0 => return self.stored(),
            1 => fixed_codes(),
            2 => self.own_codes()?,
            _ => return Err(Odd),
        };
        tables.build(&lengths[..symbols], &lengths[symbols..all]).ok_or(Odd)?;
        self.in_block = true;
        Ok(())
    }

    fn stored(&mut self) -> Result<(), Odd> {
        let head = self.bit.div_ceil(8);
        let [a, b, c, d] = *self.input.get(head..).and_then(|rest| rest.first_chunk()).ok_or(Odd)?;
        let length = usize::from(u16::from_le_bytes([a, b]));
        if u16::from_le_bytes([c, d]) != !u16::from_le_bytes([a, b]) {
            return Err(Odd);
        }
        let from = self.input.get(head + 4..head + 4 + length).ok_or(Odd)?;
        self.out.get_mut(self.at..self.at + length).ok_or(Odd)?.copy_from_slice(from);
        self.at += length;
        self.bit = 8 * (head + 4 + length);
        Ok(())
    }

    /// The codes of a block that brings its own (RFC 1951, 3.2.7).
    fn own_codes(&mut self) -> Result<Codes, Odd> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let bits = self.bits();
        let (symbols, distances) = (257 + low(bits, 5), 1 + low(bits >> 5, 5));
        let given = 4 + low(bits >> 10, 4);
        self.take(14)?;
        let mut own = [0; 19];
        for place in &ORDER[..given] {
            own[*place] = low(self.bits(), 3) as u8;
            self.take(3)?;
        }
        let mut codes = [0; 128];
        codes::table(&own, 7, &mut codes).ok_or(Odd)?;
        let mut lengths = [0; MOST_CODES];
        let (mut n, all) = (0, symbols + distances);
        while n < all {
            let bits = self.bits();
            let entry = codes[low(bits, 7)];
            let (symbol, taken) = (entry >> 16, entry & 15);
            let bits = bits >> taken;
            let (value, times, more) = match symbol {
                0..16 => (symbol as u8, 1, 0),
                16 => (*lengths[..n].last().ok_or(Odd)?, 3 + low(bits, 2), 2),
                17 => (0, 3 + low(bits, 3), 3),
                _ => (0, 11 + low(bits, 7), 7),
            };
            self.take(taken + more)?;
            lengths[n..n + times].fill(value);
            n += times;
        }
        if n != all || symbols > 286 {
            return Err(Odd);
        }
        Ok((lengths, symbols, all))
    }
}

/// The codes of a block that brings none (RFC 1951, 3.2.6).
fn fixed_codes() -> Codes {
    let mut lengths = [8; MOST_CODES];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths[288..320].fill(5);
    (lengths, 288, 320)
}

/// So many of the bits, the first ones.
#[inline(always)]
fn low(bits: u64, count: u32) -> usize {
    (bits & !(u64::MAX << count)) as usize
}
