//! NumPy arrays out of an `.npz`, for goldens.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// An array of numbers in C order.
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// All arrays of an archive.
pub fn read(path: &Path) -> HashMap<String, Array> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|i| {
            let mut member = archive.by_index(i).unwrap();
            let name = member.name().unwrap().trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (name, parse(&bytes))
        })
        .collect()
}

/// Version 1 of the format: magic, two version bytes, a little-endian header length, a Python dict.
fn parse(bytes: &[u8]) -> Array {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let after = |key: &str, open: char, close: char| {
        let rest = &header[header.find(key).unwrap() + key.len()..];
        let start = rest.find(open).unwrap() + 1;
        &rest[start..start + rest[start..].find(close).unwrap()]
    };
    let shape: Vec<usize> =
        after("'shape':", '(', ')').split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let body = &bytes[10 + length..];
    let data = body.chunks_exact(8).map(|c| <[u8; 8]>::try_from(c).unwrap());
    let values: Vec<f64> = match after("'descr':", '\'', '\'') {
        "<f4" => body.chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap()).into()).collect(),
        "<f8" => data.map(f64::from_le_bytes).collect(),
        "<i8" => data.map(|b| i64::from_le_bytes(b) as f64).collect(),
        other => panic!("dtype {other}"),
    };
    assert_eq!(values.len(), shape.iter().product::<usize>());
    Array { shape, values }
}
