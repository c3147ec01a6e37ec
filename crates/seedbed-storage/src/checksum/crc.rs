//! Cyclic redundancy checks that no library of ours has: CRC-64/NVME, CRC-32C and POSIX `cksum`.

use std::sync::LazyLock;

/// The polynomial of CRC-64/NVME, bits reversed.
const NVME: u64 = 0x9a6c_9329_ac4b_c9b5;

/// The polynomial of CRC-32C (Castagnoli), bits reversed.
const CASTAGNOLI: u64 = 0x82f6_3b78;

/// The polynomial of POSIX `cksum`, highest bit first.
const POSIX: u32 = 0x04c1_1db7;

/// How many bytes are taken in at once.
const SLICES: usize = 8;

/// `[k][b]`: what byte `b`, followed by `k` zero bytes, adds to the sum.
type Tables = [[u64; 256]; SLICES];

static NVME_TABLES: LazyLock<Tables> = LazyLock::new(|| reflected(NVME));
static CASTAGNOLI_TABLES: LazyLock<Tables> = LazyLock::new(|| reflected(CASTAGNOLI));

/// The tables of a polynomial whose bits are reversed; one of 32 bits leaves the upper half of a sum alone.
fn reflected(polynomial: u64) -> Tables {
    let mut tables = [[0u64; 256]; SLICES];
    for (byte, entry) in (0u64..).zip(tables[0].iter_mut()) {
        let mut sum = byte;
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ polynomial } else { sum >> 1 };
        }
        *entry = sum;
    }
    for slice in 1..SLICES {
        for byte in 0..256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
        }
    }
    tables
}

/// Takes bytes into a sum of reversed bits.
fn take(tables: &Tables, mut sum: u64, bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<SLICES>();
    for eight in eights {
        let mixed = (sum ^ u64::from_le_bytes(*eight)).to_le_bytes();
        sum = (0..SLICES).fold(0, |sum, i| sum ^ tables[SLICES - 1 - i][usize::from(mixed[i])]);
    }
    for byte in rest {
        sum = (sum >> 8) ^ tables[0][usize::from((sum & 0xff) as u8 ^ byte)];
    }
    sum
}

/// The same for POSIX, whose bits are not reversed.
static POSIX_TABLES: LazyLock<[[u32; 256]; SLICES]> = LazyLock::new(|| {
    let mut tables = [[0u32; 256]; SLICES];
    for (byte, entry) in (0u32..).zip(tables[0].iter_mut()) {
        let mut sum = byte << 24;
        for _ in 0..8 {
            sum = if sum >> 31 == 1 { (sum << 1) ^ POSIX } else { sum << 1 };
        }
        *entry = sum;
    }
    for slice in 1..SLICES {
        for byte in 0..256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before << 8) ^ tables[0][(before >> 24) as usize];
        }
    }
    tables
});

/// CRC-64/NVME, as S3 has it.
#[derive(Clone)]
pub(super) struct Crc64Nvme(u64);

impl Crc64Nvme {
    pub(super) fn new() -> Self {
        Self(!0)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0 = take(&NVME_TABLES, self.0, bytes);
    }

    pub(super) fn finish(&self) -> [u8; 8] {
        (!self.0).to_be_bytes()
    }
}

/// CRC-32C, as Google's store and S3 have it, in the lower half.
#[derive(Clone)]
pub(super) struct Crc32c(u64);

impl Crc32c {
    pub(super) fn new() -> Self {
        Self(u32::MAX.into())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0 = take(&CASTAGNOLI_TABLES, self.0, bytes);
    }

    pub(super) fn finish(&self) -> [u8; 4] {
        let [.., a, b, c, d] = (!self.0).to_be_bytes();
        [a, b, c, d]
    }
}

/// POSIX `cksum`: the length is taken in at the end.
#[derive(Clone)]
pub(super) struct Cksum {
    sum: u32,
    length: u64,
}

impl Cksum {
    pub(super) fn new() -> Self {
        Self { sum: 0, length: 0 }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let tables = &*POSIX_TABLES;
        let mut sum = self.sum;
        let (eights, rest) = bytes.as_chunks::<SLICES>();
        for eight in eights {
            let mut mixed = *eight;
            mixed.iter_mut().zip(sum.to_be_bytes()).for_each(|(m, s)| *m ^= s);
            sum = (0..SLICES).fold(0, |sum, i| sum ^ tables[SLICES - 1 - i][usize::from(mixed[i])]);
        }
        for byte in rest {
            sum = step(tables, sum, *byte);
        }
        self.sum = sum;
        self.length += bytes.len() as u64;
    }

    pub(super) fn finish(&self) -> [u8; 4] {
        let mut sum = self.sum;
        let mut length = self.length;
        while length > 0 {
            sum = step(&POSIX_TABLES, sum, (length & 0xff) as u8);
            length >>= 8;
        }
        (!sum).to_be_bytes()
    }
}

fn step(tables: &[[u32; 256]; SLICES], sum: u32, byte: u8) -> u32 {
    (sum << 8) ^ tables[0][usize::from((sum >> 24) as u8 ^ byte)]
}
