//! Inflating several zlib streams at once in one thread.
//!
//! Each symbol of a stream says where the next one begins, so a processor that inflates one stream waits most of
//! the time: for the look-up before, and after each wrong guess of whether a match follows. Chunks are streams of
//! their own. Four are decoded in turn, step by step: what one waits for the others use, and a step has no
//! branch but one that is seldom taken. It decodes up to four literals and a match of up to ten bytes, where the
//! codes are that short; anything else, the first and the last bytes of a stream among it, is decoded symbol by symbol.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]
#![expect(clippy::cast_possible_truncation, reason = "codes and lengths are numbers of few bits")]

mod codes;
mod stream;
#[cfg(test)]
mod tests;

use codes::Tables;
use seedbed_block::simd::{Level, Work};
use std::ptr::with_exposed_provenance;
use stream::Stream;

/// Streams that are decoded in turn.
const TURNS: usize = 4;
/// The fewest bytes of a stream that is worth it.
pub const WORTH: usize = 1 << 19;

/// A zlib stream, and as many bytes as it inflates to.
pub struct Inflating<'a> {
    pub stored: &'a [u8],
    pub out: &'a mut [u8],
}

/// What is used again from one call to the next.
pub struct Room(Box<[Tables; TURNS]>);

impl Room {
    #[expect(clippy::large_stack_arrays, reason = "150 kB, once a thread")]
    pub fn new() -> Self {
        Self(Box::new([Tables::EMPTY; TURNS]))
    }
}

/// Inflates streams; says of each whether it is done, its length and its checksum being right. Of one that isn't,
/// which may be damaged or just unusual, the output has no meaning. Results don't depend on the level.
pub fn inflate(level: Level, streams: Vec<Inflating<'_>>, room: &mut Room) -> Vec<bool> {
    let mut done = vec![false; streams.len()];
    level.run(Inflate { streams, room, done: &mut done });
    done
}

/// Bytes as up to four streams of deflate: nothing else may come of them than what libdeflate makes of each.
pub fn any_streams(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let each = rest.len().div_ceil(usize::from(first & 3) + 1).max(1);
    // What each is in a wrapping of zlib, and its content, if it has any.
    let streams: Vec<_> = rest
        .chunks(each)
        .map(|part| {
            let mut content = vec![0; 1 << 16];
            let length = libdeflater::Decompressor::new().deflate_decompress(part, &mut content).ok();
            content.truncate(length.unwrap_or(usize::from(*first) << 4));
            let checksum = libdeflater::adler32(&content).to_be_bytes();
            ([&[0x78, 0x9C], part, &checksum].concat(), content, length.is_some())
        })
        .collect();
    let mut out: Vec<Vec<u8>> = streams.iter().map(|(_, content, _)| vec![0; content.len()]).collect();
    let inflating = streams.iter().zip(&mut out).map(|((stored, ..), out)| Inflating { stored, out });
    let done = inflate(Level::best(), inflating.collect(), &mut Room::new());
    for (((_, content, is_stream), out), done) in streams.iter().zip(&out).zip(done) {
        assert!(!done || (*is_stream && out == content), "libdeflate makes something else of a stream");
    }
}

struct Inflate<'a, 'b> {
    streams: Vec<Inflating<'b>>,
    room: &'a mut Room,
    done: &'a mut [bool],
}

/// A stream that has a turn.
struct Turn<'a> {
    number: usize,
    stream: Stream<'a>,
    checksum: u32,
}

impl Work for Inflate<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let Self { streams, room, done } = self;
        let mut waiting = streams.into_iter().enumerate();
        let mut turns: Vec<Turn<'_>> = Vec::with_capacity(TURNS);
        loop {
            while turns.len() < TURNS {
                let Some((number, Inflating { stored, out })) = waiting.next() else { break };
                if let Some((input, checksum)) = unwrapped(stored) {
                    turns.push(Turn { number, stream: Stream::new(input, out), checksum });
                }
            }
            let tables = &mut *room.0;
            if let Some(slow) = turns.iter().position(|turn| turn.stream.quick_steps() == 0) {
                let ended = turns[slow].stream.go_carefully(&mut tables[slow]);
                if ended != Ok(false) {
                    let turn = turns.swap_remove(slow);
                    tables.swap(slow, turns.len());
                    done[turn.number] = ended.is_ok() && turn.is_right();
                }
                continue;
            }
            match &mut turns[..] {
                [] => break,
                [a] => in_turn([a], tables),
                [a, b] => in_turn([a, b], tables),
                [a, b, c] => in_turn([a, b, c], tables),
                [a, b, c, d, ..] => in_turn([a, b, c, d], tables),
            }
        }
    }
}

impl Turn<'_> {
    fn is_right(&self) -> bool {
        libdeflater::adler32(self.stream.out) == self.checksum
    }
}

/// The stream of deflate in one of zlib, and its checksum (RFC 1950, 2.2); `None` of one with a dictionary.
fn unwrapped(stored: &[u8]) -> Option<(&[u8], u32)> {
    let ([method, flags], rest) = stored.split_first_chunk()?;
    let (input, checksum) = rest.split_last_chunk()?;
    let is_plain = method & 15 == 8
        && method >> 4 <= 7
        && flags & 32 == 0
        && u16::from_be_bytes([*method, *flags]) % 31 == 0;
    is_plain.then_some((input, u32::from_be_bytes(*checksum)))
}

/// Inflates streams in turn until one has no quick steps left.
#[inline(always)]
fn in_turn<const N: usize>(mut turns: [&mut Turn<'_>; N], tables: &[Tables; TURNS]) {
    loop {
        let steps = turns.iter().map(|turn| turn.stream.quick_steps()).min().unwrap_or(0);
        if steps == 0 {
            return;
        }
        let odd = quick(&mut turns, tables, steps);
        if let Some(turn) = turns.get_mut(odd) {
            turn.stream.go_on(&tables[odd]);
        }
    }
}

/// Takes up to so many quick steps of each stream, none of which has fewer left, until one comes to something else:
/// which; or `N`.
#[inline(always)]
fn quick<const N: usize>(turns: &mut [&mut Turn<'_>; N], tables: &[Tables; TURNS], steps: usize) -> usize {
    let inputs: [usize; N] = std::array::from_fn(|k| turns[k].stream.input.as_ptr().expose_provenance());
    let outs: [*mut u8; N] = std::array::from_fn(|k| turns[k].stream.out.as_mut_ptr());
    // Where the next bit is, counted from the start of memory, which spares a register each. No address of 64 bits has
    // its first three set.
    const { assert!(usize::BITS == 64) };
    let mut bits: [usize; N] = std::array::from_fn(|k| inputs[k] * 8 + turns[k].stream.bit);
    let mut ats: [*mut u8; N] = std::array::from_fn(|k| outs[k].wrapping_add(turns[k].stream.at));
    let mut odd = N;
    'turns: for _ in 0..steps {
        for k in 0..N {
            // SAFETY: the stream has that many quick steps left.
            if !unsafe { step(&tables[k], &mut bits[k], &mut ats[k]) } {
                odd = k;
                break 'turns;
            }
        }
    }
    for (k, turn) in turns.iter_mut().enumerate() {
        turn.stream.bit = bits[k] - inputs[k] * 8;
        turn.stream.at = ats[k].addr() - outs[k].addr();
    }
    odd
}

/// One quick step of a stream whose next bit is at `bit` of memory, and next byte at `at`: up to two literals, up to
/// two more, and a match. `false`, and nothing is taken, where what follows isn't of that kind.
///
/// # Safety
/// There are eight bytes to be read from the bit on, 32 to be written from `at` on, and 32 KiB before it that were
/// written. A step takes at most 42 bits and 14 bytes.
#[inline(always)]
unsafe fn step(tables: &Tables, bit: &mut usize, at: &mut *mut u8) -> bool {
    // SAFETY: eight bytes may be read.
    let word = unsafe { with_exposed_provenance::<u64>(*bit / 8).read_unaligned() };
    let mut word = u64::from_le(word) >> (*bit % 8);
    let mut out = *at;
    let literals = tables.literals[word as usize % tables.literals.len()];
    // SAFETY: bytes 0 and 1 of those that may be written.
    unsafe { out.cast::<[u8; 2]>().write_unaligned(literals.bytes) };
    out = out.wrapping_add(literals.count.into());
    word >>= literals.bits & 63;
    let step = tables.steps[word as usize % tables.steps.len()];
    // SAFETY: bytes 0 to 3: no count is above two.
    unsafe { out.cast::<[u8; 2]>().write_unaligned(step.bytes) };
    out = out.wrapping_add(step.count.into());
    word >>= step.bits & 63;
    let place = usize::from(step.distance) + (word & !(u64::MAX << (step.distance & 63))) as usize;
    // SAFETY: a step looks up no more than `DISTANCE_BITS` bits, from the place of that number on.
    let distance = unsafe { *tables.distances.get_unchecked(place) };
    let code = word & !(u64::MAX << (distance.bits & 63));
    let back = usize::from(distance.base) + (code >> (distance.code & 63)) as usize;
    if back < usize::from(step.length) {
        return false;
    }
    // SAFETY: no distance is above 32 KiB, and what was written before `at` is as long; up to four bytes and a
    // match's sixteen are written.
    unsafe { std::ptr::copy(out.wrapping_sub(back), out, 16) };
    *at = out.wrapping_add(step.length.into());
    *bit += usize::from(literals.bits) + usize::from(step.bits) + usize::from(distance.bits);
    true
}
