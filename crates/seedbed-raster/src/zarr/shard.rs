//! Shards: where their chunks lie, and how these are asked for.

use super::codec::unpack;
use super::files::FileRange;
use super::layout::{Extent, counts};
use super::metadata::{Sharding, size};
use std::ops::Range;

/// How many bytes are asked for in one request, unless one chunk has more.
const REQUEST: u64 = 1 << 23;

/// A chunk that lies in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which of the shards that are read it is in.
    pub shard: usize,
    /// Its number in the shard.
    pub number: usize,
    /// Where in the shard's file.
    pub range: Range<u64>,
    /// Its first element in the array.
    pub begin: Extent,
}

/// Chunks of one shard that are asked for at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub shard: usize,
    pub range: Range<u64>,
    pub chunks: Vec<Chunk>,
}

impl Request {
    /// The bytes that it asks for.
    pub fn of(&self, name: &str) -> FileRange {
        FileRange { name: name.to_owned(), range: self.range.clone() }
    }

    /// A chunk's part of them.
    pub fn part<'a>(&self, chunk: &Chunk, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let from = usize::try_from(chunk.range.start - self.range.start).ok()?;
        let length = usize::try_from(chunk.range.end - chunk.range.start).ok()?;
        bytes.get(from..from.checked_add(length)?)
    }
}

/// Joins chunks to requests of at most `most` chunks, where no more than `needless` bytes
/// are between them.
pub fn requests(mut chunks: Vec<Chunk>, needless: u64, most: usize) -> Vec<Request> {
    chunks.sort_by_key(|chunk| (chunk.shard, chunk.range.start));
    let mut requests: Vec<Request> = Vec::new();
    for chunk in chunks {
        let end = |request: &Request| request.range.end.max(chunk.range.end);
        match requests.last_mut() {
            Some(last)
                if last.shard == chunk.shard
                    && last.chunks.len() < most
                    && chunk.range.start <= last.range.end.saturating_add(needless)
                    && end(last) - last.range.start <= REQUEST =>
            {
                last.range.end = end(last);
                last.chunks.push(chunk);
            }
            _ => {
                let range = chunk.range.clone();
                requests.push(Request { shard: chunk.shard, range, chunks: vec![chunk] });
            }
        }
    }
    requests
}

/// How many chunks a shard has.
fn chunks_of(sharding: &Sharding, piece: &[usize]) -> usize {
    size(&counts(piece, &sharding.chunk)).unwrap_or(0)
}

/// How many bytes the index of a shard has.
pub fn index_bytes(sharding: &Sharding, piece: &[usize]) -> usize {
    16 * chunks_of(sharding, piece) + 4 * sharding.index_codecs.len()
}

/// Where the index of a shard of so many bytes lies.
///
/// # Errors
/// If the shard is too short for one.
pub fn index_range(sharding: &Sharding, piece: &[usize], length: u64) -> Result<Range<u64>, String> {
    let chunks = chunks_of(sharding, piece);
    let bytes = u64::try_from(index_bytes(sharding, piece)).unwrap_or(u64::MAX);
    if length < bytes {
        return Err(format!(
            "the index of its {chunks} chunks: the file has {length} bytes, the index alone {bytes}"
        ));
    }
    Ok(if sharding.index_at_end { length - bytes..length } else { 0..bytes })
}

/// Where the chunks of a shard lie, from its index; nothing of one that was never written.
///
/// # Errors
/// What is wrong with the index.
pub fn index(
    sharding: &Sharding,
    piece: &[usize],
    stored: Vec<u8>,
    length: u64,
) -> Result<Vec<Option<Range<u64>>>, String> {
    let chunks = chunks_of(sharding, piece);
    let told = |reason: String| format!("the index of its {chunks} chunks: {reason}");
    let raw = unpack(&sharding.index_codecs, stored, 16 * chunks).map_err(told)?;
    let pairs = raw.as_chunks::<16>().0.iter().map(|pair| {
        let pair = u128::from_le_bytes(*pair);
        let number = |n: u128| u64::try_from(n & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        (number(pair), number(pair >> 64))
    });
    pairs
        .map(|(offset, bytes)| match offset.checked_add(bytes) {
            _ if offset == u64::MAX && bytes == u64::MAX => Ok(None),
            Some(end) if end <= length => Ok(Some(offset..end)),
            _ => Err(told(format!("{bytes} bytes at {offset} lie outside the {length} of the file"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    fn sharding(index_at_end: bool) -> Sharding {
        Sharding { chunk: vec![2], codecs: Vec::new(), index_codecs: vec![Codec::Crc32c], index_at_end }
    }

    #[test]
    fn an_index_says_where_chunks_lie() {
        let sharding = sharding(true);
        assert_eq!(index_range(&sharding, &[6], 100).unwrap(), 48..100);
        assert!(index_range(&sharding, &[6], 51).unwrap_err().contains("the index alone 52"));
        assert_eq!(index_range(&self::sharding(false), &[6], 100).unwrap(), 0..52);
        let stored = |places: [u64; 6]| {
            let raw = places.iter().flat_map(|n| n.to_le_bytes()).collect();
            Codec::Crc32c.encode(raw).unwrap()
        };
        let read = |places| index(&sharding, &[6], stored(places), 100);
        let found = read([0, 10, u64::MAX, u64::MAX, 10, 38]).unwrap();
        assert_eq!(found, [Some(0..10), None, Some(10..48)]);
        assert!(read([0, 101, 0, 0, 0, 0]).unwrap_err().contains("outside the 100"));
        assert!(read([u64::MAX, 7, 0, 0, 0, 0]).is_err());
        let mut damaged = stored([0; 6]);
        damaged[3] ^= 1;
        assert!(index(&sharding, &[6], damaged, 100).unwrap_err().contains("CRC-32C"));
    }

    #[test]
    fn near_chunks_of_one_shard_become_one_request() {
        let chunk = |shard, range: Range<u64>| Chunk { shard, number: 0, range, begin: Vec::new() };
        let all =
            vec![chunk(1, 0..10), chunk(0, 50..60), chunk(0, 0..20), chunk(0, 20..30), chunk(0, 100..110)];
        let joined = requests(all.clone(), 20, 9);
        let told = |all: &[Request]| {
            all.iter().map(|r| (r.shard, r.range.clone(), r.chunks.len())).collect::<Vec<_>>()
        };
        assert_eq!(told(&joined), [(0, 0..60, 3), (0, 100..110, 1), (1, 0..10, 1)]);
        let bytes: Vec<u8> = (0..60).collect();
        assert_eq!(joined[0].part(&joined[0].chunks[1], &bytes), Some(&bytes[20..30]));
        assert_eq!(joined[0].part(&joined[0].chunks[2], &bytes[..55]), None);
        assert_eq!(told(&requests(all, 0, 1)).len(), 5);
        let far = vec![chunk(0, 0..REQUEST), chunk(0, REQUEST..REQUEST + 1)];
        assert_eq!(requests(far, 0, 9).len(), 2);
    }
}
