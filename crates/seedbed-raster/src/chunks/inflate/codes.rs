//! Huffman codes, and the tables by which they are decoded (RFC 1951, 3.2).
//!
//! A code has two tables of symbols: the first is asked by as many bits as most codes have, the second by those
//! that are left of longer ones. From the first those of [`Tables`] are made, each of whose entries says all that
//! one step does.

/// Bits by which literals and lengths are looked up, and distances.
pub const SYMBOL_BITS: usize = 10;
pub const DISTANCE_BITS: usize = 9;
const SYMBOLS: usize = 1 << SYMBOL_BITS;
const DISTANCES: usize = 1 << DISTANCE_BITS;
/// Room for the second tables: a code that needs more is left to another.
const SECOND: usize = 512;
/// Bits of the longest code.
const LONGEST: usize = 15;
/// The symbol that ends a block.
pub const END: u32 = 256;
/// The length that a step of another kind has: no distance is that short.
const OTHER: u32 = 15;

/// The shortest match of each length symbol, from the 257th on, and how many bits are added to it.
pub const LENGTHS: [(u32, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The smallest distance of each distance symbol, and how many bits are added to it.
#[rustfmt::skip]
pub const SPANS: [(u32, u32); 30] = [
    (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4), (49, 4), (65, 5), (97, 5),
    (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8), (1025, 9), (1537, 9), (2049, 10), (3073, 10), (4097, 11),
    (6145, 11), (8193, 12), (12289, 12), (16385, 13), (24577, 13),
];

/// Up to two literals.
#[derive(Clone, Copy, Default)]
#[repr(C, align(4))]
pub struct Literals {
    /// Bits of their codes together.
    pub bits: u8,
    pub count: u8,
    pub bytes: [u8; 2],
}

impl Literals {
    #[inline(always)]
    fn of([bits, count, first, second]: [u8; 4]) -> Self {
        Self { bits, count, bytes: [first, second] }
    }
}

/// Up to two literals, and the length of a match of up to ten bytes where one follows.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
pub struct Step {
    /// Bits of their codes together.
    pub bits: u8,
    pub count: u8,
    /// The match's, 0 where none follows, and [`OTHER`] where the code is another's: a longer match's, one of many
    /// bits or the block's end.
    pub length: u8,
    /// Bits by which the match's distance is looked up; 0 where there is none, 1 where the code is another's.
    pub distance: u8,
    pub bytes: [u8; 2],
    none: [u8; 2],
}

impl Step {
    #[inline(always)]
    fn of([bits, count, length, distance]: [u8; 4], bytes: u16) -> Self {
        Self { bits, count, length, distance, bytes: bytes.to_le_bytes(), none: [0; 2] }
    }
}

/// A distance.
#[derive(Clone, Copy, Default)]
#[repr(C, align(4))]
pub struct Distance {
    /// Bits of its code and those added to it.
    pub bits: u8,
    /// Bits of its code.
    pub code: u8,
    pub base: u16,
}

/// Decodes symbols one by one: `symbol << 16 | bits`, or `place << 16 | LINK | bits` of a second table.
const LINK: u32 = 1 << 15;

/// What a stream's block is decoded by.
pub struct Tables {
    pub literals: [Literals; SYMBOLS],
    pub steps: [Step; SYMBOLS],
    /// By the bits that follow, from place [`DISTANCE_BITS`] on. Place 0 is for steps without a match, and of those
    /// before nothing is known, as of longer codes: distance 0 is shorter than any match.
    pub distances: [Distance; DISTANCES + DISTANCE_BITS],
    symbols: [u32; SYMBOLS + SECOND],
    spans: [u32; DISTANCES + SECOND],
}

/// A distance that steps without a match have: of bytes that weren't just written, since reading such takes longer.
const FAR: u16 = 4096;

impl Tables {
    /// Room for them.
    pub const EMPTY: Self = Self {
        literals: [Literals { bits: 0, count: 0, bytes: [0; 2] }; SYMBOLS],
        steps: [Step { bits: 0, count: 0, length: 0, distance: 0, bytes: [0; 2], none: [0; 2] }; SYMBOLS],
        distances: [Distance { bits: 0, code: 0, base: 0 }; DISTANCES + DISTANCE_BITS],
        symbols: [0; SYMBOLS + SECOND],
        spans: [0; DISTANCES + SECOND],
    };

    /// Makes them from the lengths of the codes. `None` where these are no whole code.
    #[inline(always)]
    pub fn build(&mut self, symbols: &[u8], distances: &[u8]) -> Option<()> {
        table(symbols, SYMBOL_BITS, &mut self.symbols)?;
        table(distances, DISTANCE_BITS, &mut self.spans)?;
        self.distances = [Distance::default(); DISTANCES + DISTANCE_BITS];
        self.distances[0].base = FAR;
        for (to, entry) in self.distances[DISTANCE_BITS..].iter_mut().zip(&self.spans) {
            *to = distance(*entry);
        }
        let mut kinds = [0; 288];
        for (symbol, kind) in (0..).zip(&mut kinds) {
            *kind = Kind::of(symbol).0;
        }
        let mut first = [0; SYMBOLS];
        for (to, entry) in first.iter_mut().zip(&self.symbols) {
            let kind = kinds[(entry >> 16).min(287) as usize];
            *to =
                if entry & LINK == 0 && kind != Kind::OTHER.0 { kind + (entry & 15) } else { Kind::OTHER.0 };
        }
        self.compose(&first);
        Some(())
    }

    /// Joins symbols whose codes are looked up together, by the first one of what follows. It is plain arithmetic, so that many are joined by one
    /// instruction.
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    #[inline(always)]
    fn compose(&mut self, first: &[u32; SYMBOLS]) {
        const MOST: u32 = SYMBOL_BITS as u32;
        let (mut literals, mut steps) = ([0_u32; SYMBOLS], [0_u32; SYMBOLS]);
        for bits in 0..SYMBOLS {
            let at = |taken: u32| Kind(first[bits >> taken]);
            let one = at(0);
            let two = at(one.bits());
            let both = one.bits() + two.bits();
            let three = at(both);
            let all = both + three.bits();
            let second = one.is_literal() & !two.is_other() & (both <= MOST);
            let pair = second & two.is_literal();
            let third = pair & three.is_match() & (all <= MOST);
            // Each as a number all of whose bits are set, or none.
            let [literal, second, pair, third] =
                [one.is_literal(), second, pair, third].map(|yes| 0_u32.wrapping_sub(yes.into()));
            let bytes = literal & one.byte() | pair & two.byte() << 8;
            let both = one.bits() + (second & two.bits());
            let count = (literal & 1) + (pair & 1);
            literals[bits] = (literal & (one.bits() + (pair & two.bits()))) | (count << 8) | (bytes << 16);
            let last = Kind(third & three.0 | !third & (second & two.0 | !second & one.0));
            let [ends, matches] =
                [last.is_other(), last.is_match()].map(|yes| 0_u32.wrapping_sub(yes.into()));
            let length = last.length() | ends & OTHER;
            let distance = matches & DISTANCE_BITS as u32 | ends & 1;
            steps[bits] = (both + (third & three.bits())) | (count << 8) | (length << 16) | (distance << 24);
        }
        for ((to, bits), bytes) in self.steps.iter_mut().zip(steps).zip(&literals) {
            *to = Step::of(bits.to_le_bytes(), (bytes >> 16) as u16);
        }
        for (to, bits) in self.literals.iter_mut().zip(literals) {
            *to = Literals::of(bits.to_le_bytes());
        }
    }

    /// The next literal or length of what follows: its symbol and its bits. `None` where no code begins so.
    #[inline(always)]
    pub fn symbol(&self, bits: u64) -> Option<(u32, u32)> {
        look_up(&self.symbols, SYMBOL_BITS, bits)
    }

    /// The distance symbol of what follows, and its bits.
    #[inline(always)]
    pub fn span(&self, bits: u64) -> Option<(u32, u32)> {
        look_up(&self.spans, DISTANCE_BITS, bits)
    }
}

/// What a symbol is: its bits, at 6 whether it is a literal, from 8 on a match's length, from 16 on a literal's byte.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind(u32);

impl Kind {
    /// A longer match, a code of many bits, or the block's end; it has no bits.
    const OTHER: Self = Self(1 << 7);

    fn of(symbol: u32) -> Self {
        match symbol {
            0..=255 => Self(1 << 6 | symbol << 16),
            257..=264 => Self((symbol - 254) << 8),
            _ => Self::OTHER,
        }
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.0 & 15
    }

    #[inline(always)]
    fn is_literal(self) -> bool {
        self.0 & 1 << 6 != 0
    }

    #[inline(always)]
    fn is_other(self) -> bool {
        self.0 & 1 << 7 != 0
    }

    #[inline(always)]
    fn is_match(self) -> bool {
        self.0 & 15 << 8 != 0
    }

    /// 0 where it is no match.
    #[inline(always)]
    fn length(self) -> u32 {
        self.0 >> 8 & 15
    }

    #[inline(always)]
    fn byte(self) -> u32 {
        self.0 >> 16 & 255
    }
}

#[inline(always)]
fn distance(entry: u32) -> Distance {
    let symbol = (entry >> 16) as usize;
    if entry & LINK != 0 || entry.trailing_zeros() >= 4 || symbol >= SPANS.len() {
        return Distance::default();
    }
    let (base, extra) = SPANS[symbol];
    Distance { bits: ((entry & 15) + extra) as u8, code: (entry & 15) as u8, base: base as u16 }
}

#[inline(always)]
fn look_up(table: &[u32], bits: usize, what: u64) -> Option<(u32, u32)> {
    let mut entry = table[what as usize & ((1 << bits) - 1)];
    if entry & LINK != 0 {
        let within = (what >> bits) as usize & ((1 << (entry & 15)) - 1);
        entry = *table.get((entry >> 16) as usize + within)?;
    }
    (entry & 15 != 0).then_some((entry >> 16, entry & 15))
}

/// Fills a table of the codes that symbols have by their lengths; its first `bits` bits ask the first part. `None`
/// where the lengths are no whole code.
pub fn table(lengths: &[u8], bits: usize, table: &mut [u32]) -> Option<()> {
    let mut counts = [0_u16; LONGEST + 1];
    for length in lengths {
        counts[usize::from(*length)] += 1;
    }
    let mut left = 1_i32;
    for count in &counts[1..] {
        left = left * 2 - i32::from(*count);
        if left < 0 {
            return None;
        }
    }
    if left != 0 {
        return None;
    }
    let mut next = [0_u16; LONGEST + 2];
    for length in 1..=LONGEST {
        next[length + 1] = next[length] + counts[length];
    }
    let mut sorted = [0_u16; 320];
    for (symbol, length) in (0..).zip(lengths) {
        let length = usize::from(*length);
        if length > 0 {
            *sorted.get_mut(usize::from(next[length]))? = symbol;
            next[length] += 1;
        }
    }
    let mut symbols = sorted.iter().map(|symbol| u32::from(*symbol) << 16);
    // Codes are asked from their first bit on, which is the last of `code`; the table doubles with each bit.
    let (mut code, mut filled) = (0_usize, 1);
    for (length, count) in counts.iter().enumerate().take(bits + 1).skip(1) {
        table.copy_within(..filled, filled);
        filled *= 2;
        for _ in 0..*count {
            table[code] = symbols.next()? | length as u32;
            code = following(code, length);
        }
    }
    let (mut end, mut first, mut part) = (1 << bits, usize::MAX, (0, 0));
    for length in bits + 1..=LONGEST {
        for n in 0..counts[length] {
            let head = code & ((1 << bits) - 1);
            if head != first {
                first = head;
                // As many bits as the codes need that begin so.
                let (mut more, mut room) = (length - bits, i32::from(counts[length] - n));
                while room < 1 << more && bits + more < LONGEST {
                    more += 1;
                    room = room * 2 + i32::from(counts[bits + more]);
                }
                part = (end, more);
                end += 1 << more;
                table.get_mut(part.0..end)?.fill(0);
                table[head] = (part.0 as u32) << 16 | LINK | more as u32;
            }
            let entry = symbols.next()? | length as u32;
            for k in ((code >> bits)..1 << part.1).step_by(1 << (length - bits)) {
                *table.get_mut(part.0 + k)? = entry;
            }
            code = following(code, length);
        }
    }
    Some(())
}

/// The code of so many bits after another, with its bits turned round.
fn following(code: usize, length: usize) -> usize {
    let all = (1_usize << length) - 1;
    if code == all {
        // The last one.
        return code;
    }
    let top = 1 << (usize::BITS - 1 - (code ^ all).leading_zeros());
    code & (top - 1) | top
}
