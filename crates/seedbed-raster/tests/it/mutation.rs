//! Readers of bytes from anywhere, on files changed where it hurts: an error or values, but no
//! panic, no endless loop and no memory that the file only claims to need.
//!
//! The work is done by this program itself, started again under a limit of memory: an allocation
//! beyond it ends that process, and the test with it.

use crate::chunks::cases;
use crate::support::noise;
use libdeflater::{CompressionLvl, Compressor};
use seedbed_raster::FUZZ_TARGETS;
use std::process::Command;
use std::time::{Duration, Instant};

/// Memory that reading small files may take, in KiB: the rest is for the threads' stacks.
const MEMORY: &str = "3000000";
/// Where the limited process finds its files.
const FOLDER: &str = "SEEDBED_MUTATION_FOLDER";
/// Changed copies of one file.
const COPIES: usize = 1500;
/// The work ends after so long, wherever it is; what is left out is said.
const LONG: Duration = Duration::from_secs(14);
/// Storage of every kind, and small files among them.
const NAMES: [&str; 14] = [
    "old_all.nc",
    "old_many.nc",
    "old_time.nc",
    "old_unlimited.nc",
    "old_plain.nc",
    "new_all.nc",
    "new_many.nc",
    "new_time_many.nc",
    "new_unlimited.nc",
    "new_single.nc",
    "implicit.nc",
    "compact.nc",
    "latest.nc",
    "netcdf.nc",
];

fn draw(seed: usize, end: usize) -> usize {
    ((noise(seed) * end as f64) as usize).min(end.saturating_sub(1))
}

/// Numbers that lengths, counts and addresses trip over.
fn trap(seed: usize, size: usize) -> u64 {
    let size = size as u64;
    let all = [0, 1, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX >> 1, u64::MAX - 7, u64::MAX];
    match draw(seed, 14) {
        n if n < all.len() => all[n],
        10 => size,
        11 => size - 1,
        12 => draw(seed + 1, size as usize) as u64,
        _ => size / 8,
    }
}

/// Changes a copy: fields of 1 to 8 bytes, single bits, a block put elsewhere, the end cut off.
fn change(bytes: &mut Vec<u8>, seed: usize) {
    // Metadata lie at the beginning for the most part.
    let most = if draw(seed, 3) == 0 { bytes.len() } else { bytes.len().min(6000) };
    let at = draw(seed + 1, most);
    match draw(seed + 2, 8) {
        0..=3 => {
            let width = 1 << draw(seed + 3, 4);
            let at = at / width * width;
            let value = trap(seed + 4, bytes.len()).to_le_bytes();
            let end = bytes.len().min(at + width);
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        4 | 5 => bytes[at] ^= 1 << draw(seed + 3, 8),
        6 => {
            let length = 1 + draw(seed + 3, 96);
            let (from, to) =
                (draw(seed + 4, bytes.len() - length), draw(seed + 5, most - most.min(length) + 1));
            let last = bytes.len() - length;
            bytes.copy_within(from..from + length, to.min(last));
        }
        _ => bytes.truncate(bytes.len() - draw(seed + 3, bytes.len() / 2)),
    }
}

#[test]
fn changed_files_cost_no_more_than_they_hold() {
    if std::env::var_os(FOLDER).is_some() {
        return work();
    }
    let folder = tempfile::tempdir().unwrap();
    if cases(folder.path()).is_none() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let name = "mutation::changed_files_cost_no_more_than_they_hold";
    let script = format!("ulimit -v {MEMORY} && exec \"$0\" --exact {name} --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(program)
        .env(FOLDER, folder.path())
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{}", said.lines().filter(|line| line.contains("copies")).collect::<Vec<_>>().join("\n"));
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("copies"), "the limited process did nothing: {said}");
}

/// What the limited process does.
fn work() {
    let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let files: Vec<(&str, Vec<u8>)> =
        NAMES.iter().map(|name| (*name, std::fs::read(folder.join(name)).unwrap())).collect();
    let (_, netcdf) = FUZZ_TARGETS.iter().find(|(name, _)| *name == "netcdf").unwrap();
    let (begun, mut done) = (Instant::now(), 0);
    let (mut slowest, mut longest) = ((0, 0), Duration::ZERO);
    'all: for copy in 0..COPIES {
        for (number, (name, whole)) in files.iter().enumerate() {
            if begun.elapsed() > LONG {
                break 'all;
            }
            let seed = (number * 10_007 + copy) * 64;
            let mut bytes = whole.clone();
            for n in 0..=draw(seed, 3) {
                change(&mut bytes, seed + 8 + 8 * n);
            }
            // Where something goes wrong, the last line says with what.
            println!("{name} {copy}");
            let start = Instant::now();
            netcdf(&bytes);
            if start.elapsed() > longest {
                (slowest, longest) = ((number, copy), start.elapsed());
            }
            done += 1;
        }
    }
    println!(
        "{done} of {} changed copies read; the slowest, {} {}, took {longest:?}",
        COPIES * files.len(),
        NAMES[slowest.0],
        slowest.1
    );
    assert!(done > files.len());
}

#[test]
fn documents_and_chunks_of_zarr_are_refused_or_read() {
    let document = r#"{"zarr_format":3,"node_type":"array","shape":[4,6],"data_type":"int16","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4,4]}},"chunk_key_encoding":{"name":"default"},"fill_value":-1,"codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,4],"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":3}}],"index_codecs":[{"name":"bytes"},{"name":"crc32c"}]}}]}"#;
    for (name, body) in FUZZ_TARGETS.iter().filter(|(name, _)| name.starts_with("zarr")) {
        for copy in 0..4000 {
            let mut bytes = document.as_bytes().to_vec();
            bytes.extend([0, 7, 40, 181, 47, 253, 4, 0]);
            for n in 0..=draw(copy, 4) {
                change(&mut bytes, copy * 64 + 8 * n);
            }
            body(&bytes);
        }
        println!("{name}: 4000 copies");
    }
}

#[test]
fn streams_inflate_to_what_libdeflate_makes_of_them() {
    let (_, inflate) = FUZZ_TARGETS.iter().find(|(name, _)| *name == "inflate").unwrap();
    // Streams of words and of noise, cut and changed.
    let words: Vec<u8> =
        (0..9000).flat_map(|n| [b'a' + u8::try_from(draw(n, 7)).unwrap(), b'b', b'c']).collect();
    let any: Vec<u8> = (0..4000).map(|n| u8::try_from(draw(n, 256)).unwrap()).collect();
    for (number, content) in [words, any].iter().enumerate() {
        for level in [1, 6, 9] {
            let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
            let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
            let length = compressor.deflate_compress(content, &mut stream).unwrap();
            stream.truncate(length);
            for copy in 0..1500 {
                let seed = (number * 100 + usize::try_from(level).unwrap()) * 100_000 + copy * 64;
                let mut bytes = vec![u8::try_from(copy % 256).unwrap()];
                bytes.extend(&stream);
                for n in 0..draw(seed, 4) {
                    // A shorter one is no longer cut.
                    if bytes.len() > 400 {
                        change(&mut bytes, seed + 8 + 8 * n);
                    }
                }
                inflate(&bytes);
            }
        }
    }
}
