//! TIFF's strips and tiles read by offset, against GDAL, locally and through ranges.

use super::{Remote, bits, by_ranges, source, window, windows};
use crate::support::{field, geobox, has, noise, real_data, run, save};
use seedbed_block::Shape2d;
use seedbed_raster::{FUZZ_TARGETS, Raster, RasterError};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

const SHAPE: Shape2d = Shape2d { rows: 133, cols: 170 };

/// Ways to lay pixels out, and whether they are read by offset.
const LAYOUTS: [(&str, &[&str], bool); 15] = [
    ("strips", &[], true),
    ("strip", &["BLOCKYSIZE=133"], true),
    ("deflate", &["COMPRESS=DEFLATE", "BLOCKYSIZE=20"], true),
    ("tiles", &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=48"], true),
    ("tiles-deflate", &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=48", "COMPRESS=DEFLATE"], true),
    (
        "differences",
        &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=48", "COMPRESS=DEFLATE", "PREDICTOR=2"],
        true,
    ),
    ("zstd", &["COMPRESS=ZSTD", "PREDICTOR=2"], true),
    ("big", &["BIGTIFF=YES", "COMPRESS=DEFLATE"], true),
    ("turned", &["ENDIANNESS=BIG"], true),
    ("turned-tiles", &["ENDIANNESS=BIG", "TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=YES"], true),
    ("turned-differences", &["ENDIANNESS=BIG", "COMPRESS=DEFLATE", "PREDICTOR=2"], true),
    ("lzw", &["COMPRESS=LZW", "BLOCKYSIZE=50"], true),
    ("lzw-differences", &["COMPRESS=LZW", "PREDICTOR=2", "TILED=YES"], true),
    ("packbits", &["COMPRESS=PACKBITS"], false),
    ("lerc", &["COMPRESS=LERC", "MAX_Z_ERROR=0"], false),
];

/// Files of every type in every layout: name, path, whether they are read by offset.
fn files(folder: &Path) -> Vec<(String, PathBuf, bool)> {
    let plain = folder.join("plain.tif");
    let geobox = geobox("EPSG:32633", (500_000.0, 5_000_000.0), (30.0, 30.0), (SHAPE.rows, SHAPE.cols));
    save(&plain, &geobox, &field(SHAPE));
    let translate = |name: &str, extra: &[&str], options: &[&str]| {
        let out = folder.join(format!("{name}.tif"));
        let mut arguments = vec!["-q"];
        arguments.extend(extra);
        for option in options {
            arguments.extend(["-co", option]);
        }
        arguments.extend([plain.to_str().unwrap(), out.to_str().unwrap()]);
        run("gdal_translate", &arguments);
        out
    };
    let mut files = Vec::new();
    for dtype in ["Byte", "UInt16", "Int16", "UInt32", "Int32", "Float32", "Float64"] {
        let is_float = dtype.starts_with("Float");
        let whole = ["-ot", dtype, "-scale", "0", "20", "3", "250", "-a_nodata", "0"];
        let extra: &[&str] = if is_float { &["-ot", dtype] } else { &whole };
        for (layout, options, by_offset) in LAYOUTS {
            // GDAL 3.6 can't difference 64-bit numbers.
            if dtype == "Float64" && options.contains(&"PREDICTOR=2") {
                continue;
            }
            let name = format!("{dtype}-{layout}");
            files.push((name.clone(), translate(&name, extra, options), by_offset));
        }
        if is_float {
            for (n, more) in
                [&["TILED=YES", "BLOCKXSIZE=64"][..], &["ENDIANNESS=BIG"], &[]].iter().enumerate()
            {
                let options = [&["COMPRESS=DEFLATE", "PREDICTOR=3"], *more].concat();
                let name = format!("{dtype}-ranked-{n}");
                files.push((name.clone(), translate(&name, extra, &options), true));
            }
        }
    }
    let three = ["-b", "1", "-b", "1", "-b", "1", "-a_scale", "0.5", "-a_offset", "-3"];
    let apart = ["INTERLEAVE=BAND", "TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=3"];
    files.push(("bands".to_owned(), translate("bands", &three, &apart), true));
    files.push(("pixels".to_owned(), translate("pixels", &three, &["INTERLEAVE=PIXEL"]), false));
    let sparse = ["-ot", "Int16", "-scale", "100", "200", "0", "0", "-a_nodata", "none"];
    let left_out = ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=48"];
    files.push(("sparse".to_owned(), translate("sparse", &sparse, &left_out), true));
    let window = ["-srcwin", "-200", "-90", "400", "300", "-a_nodata", "-1"];
    let compressed = [&left_out[..], &["COMPRESS=DEFLATE"]].concat();
    files.push(("sparse-nodata".to_owned(), translate("sparse-nodata", &window, &compressed), true));
    files
}

#[test]
fn every_layout_gives_the_values_of_gdal() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    for (name, path, by_offset) in &files {
        let raster = Raster::open(&source(path, None)).unwrap();
        assert_eq!(raster.reads_chunks(), *by_offset, "{name}");
        let mut library = Raster::open(&source(path, None)).unwrap();
        library.leave_to_library();
        assert!(!library.reads_chunks());
        let remote = by_ranges(path, None);
        match &remote {
            Err(RasterError::Ranges { reason, .. }) if !*by_offset => println!("{name}: {reason}"),
            Err(error) => panic!("{name}: {error}"),
            Ok(remote) => {
                assert!(*by_offset, "{name}");
                assert_eq!(remote.geobox(), raster.geobox(), "{name}");
                let told = |r: &Raster| (r.nodata().map(f64::to_bits), r.scale(), r.offset(), r.data_type());
                assert_eq!(told(remote), told(&raster), "{name}");
            }
        }
        let shape = raster.geobox().shape;
        for (layers, window) in windows(raster.layers().len(), shape.rows, shape.cols) {
            let expected = bits(&library.read_layers::<f64>(layers.clone(), window).unwrap());
            for raster in [Some(&raster), remote.as_ref().ok()].into_iter().flatten() {
                let found = bits(&raster.read_layers::<f64>(layers.clone(), window).unwrap());
                let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
                let told = differs.map(|n| (n, f64::from_bits(found[n]), f64::from_bits(expected[n])));
                assert_eq!(told, None, "{name}, {window:?}: place, found, expected");
            }
        }
    }
    let by_offset = files.iter().filter(|(_, _, by_offset)| *by_offset).count();
    println!("{} files, {by_offset} read by offset", files.len());
    assert!(by_offset > 70);
}

#[test]
fn a_window_of_a_remote_tiff_costs_its_tiles_in_one_request() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, large) = (folder.path().join("plain.tif"), folder.path().join("large.tif"));
    let geobox = geobox("EPSG:4326", (10.0, 50.0), (0.01, 0.01), (700, 900));
    save(&path, &geobox, &field(geobox.shape));
    let options =
        ["-co", "TILED=YES", "-co", "BLOCKXSIZE=128", "-co", "BLOCKYSIZE=128", "-co", "COMPRESS=ZSTD"];
    let arguments = [&["-q"][..], &options, &[path.to_str().unwrap(), large.to_str().unwrap()]].concat();
    run("gdal_translate", &arguments);
    let remote = Remote::open(&large);
    let raster = Raster::open_at(remote.clone(), &source(&large, None)).unwrap();
    let part = window(130, 130, 100, 100);
    let stored = raster.stored_bytes(0..1, part).unwrap().unwrap();
    let whole = std::fs::metadata(&large).unwrap().len();
    let (before, requests) = (remote.read.load(Ordering::Relaxed), remote.requests.load(Ordering::Relaxed));
    let found = raster.read::<f64>(0, part).unwrap();
    let read = remote.read.load(Ordering::Relaxed) - before;
    assert_eq!(remote.requests.load(Ordering::Relaxed) - requests, 1);
    assert!(read == stored && read < whole / 20, "{read} of {whole}, {stored} said");
    let local = Raster::open(&source(&large, None)).unwrap();
    assert!(bits(&local.read::<f64>(0, part).unwrap()) == bits(&found));
}

#[test]
fn a_changed_tile_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tile.tif");
    let geobox = geobox("EPSG:4326", (10.0, 50.0), (0.01, 0.01), (200, 200));
    save(&path, &geobox, &field(geobox.shape));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, &bytes).unwrap();
    let raster = Raster::open(&source(&path, None)).unwrap();
    assert!(raster.reads_chunks());
    let error = raster.read::<f32>(0, window(0, 0, 200, 200)).unwrap_err();
    assert!(matches!(error, RasterError::Damaged { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("tile.tif") && said.contains("its chunk of"), "{said}");
    bytes.truncate(middle);
    std::fs::write(&path, &bytes).unwrap();
    let raster = Raster::open(&source(&path, None)).unwrap();
    let said = raster.read::<f32>(0, window(0, 0, 200, 200)).unwrap_err().to_string();
    assert!(said.contains("tile.tif") && said.contains("beyond"), "{said}");
}

#[test]
fn changed_files_never_panic() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_, body) = FUZZ_TARGETS.iter().find(|(name, _)| *name == "tiff").unwrap();
    let wanted = ["Int16-zstd", "Float32-ranked-1", "Byte-big", "bands", "Float64-turned-tiles", "sparse"];
    for (name, path, _) in files(folder.path()).iter().filter(|(name, ..)| wanted.contains(&name.as_str())) {
        let whole = std::fs::read(path).unwrap();
        for copy in 0..300 {
            let mut bytes = whole.clone();
            for n in 0..3 {
                let seed = copy * 16 + 4 * n;
                // The tags are at the beginning or at the end.
                let near = (noise(seed) * 600.0) as usize;
                let at =
                    if noise(seed + 1) < 0.6 { near } else { bytes.len() - 1 - near.min(bytes.len() - 1) };
                let last = bytes.len() - 1;
                bytes[at.min(last)] = (noise(seed + 2) * 256.0) as u8;
            }
            body(&bytes);
        }
        println!("{name}: 300 copies");
    }
}

/// The TIFFs of the archives' zips, taken out.
fn real_tiffs(data: &Path, to: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for archive in ["modis", "prism"] {
        for path in std::fs::read_dir(data.join(archive)).unwrap().map(|e| e.unwrap().path()) {
            if path.extension().is_none_or(|e| e != "zip") {
                continue;
            }
            let Ok(mut zip) = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()) else { continue };
            for n in 0..zip.len() {
                let mut member = zip.by_index(n).unwrap();
                if member.name().unwrap().ends_with(".tif") {
                    let out = to.join(format!("{}.tif", found.len()));
                    std::io::copy(&mut member, &mut std::fs::File::create(&out).unwrap()).unwrap();
                    found.push(out);
                }
            }
        }
    }
    found
}

#[test]
fn real_tiffs_have_the_values_that_gdal_reads() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (files, mut by_offset) = (real_tiffs(&data, folder.path()), 0);
    for path in &files {
        let raster = Raster::open(&source(path, None)).unwrap();
        let mut library = Raster::open(&source(path, None)).unwrap();
        library.leave_to_library();
        by_offset += usize::from(raster.reads_chunks());
        let remote = by_ranges(path, None).ok();
        assert_eq!(remote.is_some(), raster.reads_chunks(), "{}", path.display());
        let shape = raster.geobox().shape;
        for (layers, window) in windows(raster.layers().len(), shape.rows, shape.cols) {
            let expected = bits(&library.read_layers::<f64>(layers.clone(), window).unwrap());
            for raster in [Some(&raster), remote.as_ref()].into_iter().flatten() {
                let found = raster.read_layers::<f64>(layers.clone(), window).unwrap();
                assert!(bits(&found) == expected, "{}", path.display());
            }
        }
    }
    println!("{} files, {by_offset} read by offset", files.len());
    assert!(files.len() > 20);
}
