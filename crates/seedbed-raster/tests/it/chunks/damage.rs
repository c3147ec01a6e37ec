//! Files that are cut short or changed at any byte: an error or values, never a panic.

use super::{cases, source, window};
use crate::support::noise;
use seedbed_block::PixelRange;
use seedbed_raster::{Raster, RasterError, ReadAt};
use std::path::Path;
use std::sync::Arc;

/// How many changed copies are read of each file.
const COPIES: usize = 250;
/// Values that a changed file may ask for; real ones ask for their window only.
const MOST: usize = 1 << 24;

/// A file in memory.
struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
        Ok(self.0[offset as usize..][..length].to_vec())
    }
}

/// A number from 0 to below `end` that depends on `seed` alone.
fn draw(seed: usize, end: usize) -> usize {
    (noise(seed) * end as f64) as usize
}

fn read(bytes: Vec<u8>, path: &Path) -> Result<Vec<f32>, RasterError> {
    let raster = Raster::open_at(Arc::new(Bytes(bytes)), &source(path, Some("v")))?;
    let (layers, shape) = (raster.layers().len(), raster.geobox().shape);
    let rows = shape.rows.min(MOST / shape.cols.max(1)).max(1);
    let layers = layers.min(MOST / (rows * shape.cols)).max(1);
    raster.read_layers(0..layers, window(0, 0, rows, shape.cols.min(MOST)))
}

#[test]
fn changed_files_are_refused_or_read_but_nothing_panics() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    let (mut refused, mut same, mut other) = (0, 0, 0);
    for (number, case) in cases.iter().enumerate().filter(|(_, c)| c.who == "chunks" || c.who == "neither") {
        let name = case.path.file_name().unwrap().to_string_lossy();
        let whole = std::fs::read(&case.path).unwrap();
        let values = read(whole.clone(), &case.path).unwrap();
        if ![
            "old_",
            "new_many",
            "new_time",
            "new_unlimited",
            "new_all",
            "new_single",
            "implicit",
            "latest",
            "netcdf",
        ]
        .iter()
        .any(|kind| name.starts_with(kind))
            || name.starts_with("old_l")
            || name.starts_with("old_b")
        {
            continue;
        }
        for copy in 0..COPIES {
            let seed = (number * COPIES + copy) * 16;
            let mut bytes = whole.clone();
            if copy % 10 == 0 {
                bytes.truncate(draw(seed, bytes.len()));
            } else {
                for change in 0..=copy % 4 {
                    let seed = seed + 3 * change;
                    let at = draw(seed, bytes.len());
                    bytes[at] = match draw(seed + 1, 4) {
                        0 => 0xff,
                        1 => 0,
                        2 => bytes[at] ^ (1 << draw(seed + 2, 8)),
                        _ => draw(seed + 2, 256) as u8,
                    };
                }
            }
            match read(bytes, &case.path) {
                Err(error) => {
                    assert!(error.to_string().contains(&*name), "{error}");
                    refused += 1;
                }
                Ok(found)
                    if found.len() == values.len() && found.iter().zip(&values).all(|(a, b)| a == b) =>
                {
                    same += 1;
                }
                Ok(_) => other += 1,
            }
        }
    }
    println!("{refused} refused, {same} read as before, {other} read otherwise");
    assert!(refused > 100 && same > 100);
}

#[test]
fn a_damaged_chunk_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = cases(folder.path()) else { return };
    let case = cases.iter().find(|c| c.path.ends_with("old_all.nc")).unwrap();
    let whole = std::fs::read(&case.path).unwrap();
    // A zlib stream at level 6 begins with these two bytes; the first chunk's checksum follows it.
    let at = whole.windows(2).position(|w| w == [0x78, 0x5e] || w == [0x78, 0x9c]).unwrap();
    let mut changed = whole.clone();
    changed[at + 40] ^= 0x10;
    let error = read(changed, &case.path).unwrap_err();
    assert!(matches!(error, RasterError::Damaged { .. }), "{error}");
    let text = error.to_string();
    println!("{text}");
    assert!(text.contains("Fletcher-32") && text.contains("at byte") && text.contains("row"), "{text}");
    let damaged = folder.path().join("damaged.nc");
    let mut on_disk = whole;
    on_disk[at + 40] ^= 0x10;
    std::fs::write(&damaged, on_disk).unwrap();
    let raster = Raster::open(&source(&damaged, Some("v"))).unwrap();
    let all = PixelRange::of_shape(raster.geobox().shape);
    let error = raster.read_layers::<f32>(0..5, all).unwrap_err();
    assert!(matches!(error, RasterError::Damaged { .. }), "{error}");
}
