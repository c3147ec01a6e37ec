use super::*;
use libdeflater::{CompressionLvl, Compressor};

/// Numbers without a pattern, but the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn deflated(bytes: &[u8], level: i32) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
    let mut stored = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let length = compressor.zlib_compress(bytes, &mut stored).unwrap();
    stored.truncate(length);
    stored
}

/// Bytes of many kinds: noise, one value, few values, short and long repetitions, and shuffled numbers of a smooth
/// field with gaps.
fn kinds(length: usize) -> Vec<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut byte = |most: u64| u8::try_from(random.next() % most).unwrap();
    let noise: Vec<u8> = (0..length).map(|_| byte(256)).collect();
    let few: Vec<u8> = (0..length).map(|_| byte(5) * 40).collect();
    let rare: Vec<u8> = (0..length).map(|_| if byte(60) == 0 { byte(250) } else { 7 }).collect();
    let words: Vec<u8> =
        (0..length / 4).flat_map(|n| noise[n % 999 * 3 % length.max(1)..].iter().take(4).copied()).collect();
    let mut value = |n: usize| {
        let (wave, noise) = (f32::from(u16::try_from(n % 9000).unwrap()) / 300.0, f32::from(byte(9)) / 100.0);
        if n % 97 < 20 { -9999.0 } else { wave.sin() * 30.0 + noise }
    };
    let field: Vec<f32> = (0..length / 4).map(&mut value).collect();
    let shuffled = (0..4).flat_map(|k| field.iter().map(move |v| v.to_le_bytes()[k])).collect();
    vec![noise, vec![0; length], few, rare, words, shuffled, (0_u8..=255).cycle().take(length).collect()]
}

/// Inflates streams in buffers with something before and after them, which stays as it was.
fn inflate_guarded(level: Level, stored: &[(Vec<u8>, usize)], room: &mut Room) -> Vec<Option<Vec<u8>>> {
    const GUARD: usize = 512;
    let mut buffers: Vec<Vec<u8>> = stored.iter().map(|(_, length)| vec![0xA5; length + 2 * GUARD]).collect();
    let streams = stored
        .iter()
        .zip(&mut buffers)
        .map(|((stored, length), buffer)| Inflating { stored, out: &mut buffer[GUARD..GUARD + length] });
    let done = inflate(level, streams.collect(), room);
    let outside =
        |b: &Vec<u8>| [&b[..GUARD], &b[b.len() - GUARD..]].concat().iter().all(|byte| *byte == 0xA5);
    assert!(buffers.iter().all(outside), "it wrote beside its output");
    let inner = buffers.iter().map(|b| b[GUARD..b.len() - GUARD].to_vec());
    done.iter().zip(inner).map(|(done, bytes)| done.then_some(bytes)).collect()
}

#[test]
fn streams_of_every_kind_inflate_to_what_they_were() {
    let mut room = Room::new();
    for level in Level::all() {
        for length in [0, 1, 300, 33_000, 200_000, 700_000] {
            let plain = kinds(length);
            for compression in [0, 1, 4, 6, 12] {
                let stored: Vec<_> = plain.iter().map(|p| (deflated(p, compression), p.len())).collect();
                for together in [1, 2, 3, 7] {
                    for (stored, plain) in stored.chunks(together).zip(plain.chunks(together)) {
                        for (found, plain) in inflate_guarded(level, stored, &mut room).iter().zip(plain) {
                            // What has one distance, or none, may have no whole code: it is left to libdeflate.
                            assert!(found.as_ref().is_none_or(|found| found == plain));
                            let is_usual = plain.iter().any(|byte| *byte != plain[0]);
                            assert!(
                                found.is_some() || !is_usual || plain.len() < 1000,
                                "{length} {compression}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn damaged_streams_are_told_and_nothing_is_written_beside_them() {
    let (mut room, mut random) = (Room::new(), Random(77));
    let plain = kinds(120_000);
    let mut damages = 0;
    for compression in [1, 6] {
        let whole: Vec<_> = plain.iter().map(|p| (deflated(p, compression), p.len())).collect();
        for _ in 0..400 {
            let mut stored = whole.clone();
            for (bytes, length) in &mut stored {
                match random.next() % 5 {
                    0 => {
                        let at = usize::try_from(random.next()).unwrap() % bytes.len();
                        bytes[at] ^= 1 << (random.next() % 8);
                    }
                    1 => bytes.truncate(usize::try_from(random.next()).unwrap() % bytes.len()),
                    2 => {
                        let (from, to) =
                            (random.next() as usize % bytes.len(), random.next() as usize % bytes.len());
                        bytes[from.min(to)..from.max(to)].reverse();
                    }
                    3 => *length = random.next() as usize % (2 * *length),
                    _ => {}
                }
            }
            for ((found, plain), (_, length)) in
                inflate_guarded(Level::best(), &stored, &mut room).iter().zip(&plain).zip(&stored)
            {
                damages += usize::from(found.is_none());
                assert!(found.as_ref().is_none_or(|found| found == plain && *length == plain.len()));
            }
        }
    }
    assert!(damages > 2000, "{damages}");
}

#[test]
fn what_libdeflate_refuses_is_refused_at_every_level() {
    let mut room = Room::new();
    let plain = kinds(60_000).pop().unwrap();
    let stored = deflated(&plain, 6);
    // A window that no stream may have, with the header's own check put right.
    let mut wide = stored.clone();
    (wide[0], wide[1]) = (0x88, 0x1c);
    // A wrong checksum, and the right one after other bytes.
    let (stream, checksum) = stored.split_at(stored.len() - 4);
    let late = [stream, &[1, 2, 3, 4, 5, 6, 7], checksum].concat();
    // Blocks of nothing, which takes long to tell.
    let empty =
        [&[0x78, 0x9c][..], &[0x02, 0x08, 0x20, 0x80, 0x00].repeat(40_000), &[3, 0, 0, 0, 0, 1]].concat();
    for level in Level::all() {
        let streams = [
            (wide.clone(), plain.len()),
            (late.clone(), plain.len()),
            (empty.clone(), 0),
            (stored.clone(), plain.len()),
        ];
        let found = inflate_guarded(level, &streams, &mut room);
        assert!(found[..3].iter().all(Option::is_none), "{level:?}");
        assert_eq!(found[3].as_ref(), Some(&plain));
    }
    let mut out = vec![0; plain.len()];
    let mut theirs = libdeflater::Decompressor::new();
    assert!(
        theirs.zlib_decompress(&wide, &mut out).is_err() && theirs.zlib_decompress(&late, &mut out).is_err()
    );
}
