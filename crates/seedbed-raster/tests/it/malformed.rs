//! Files that aren't what they say: one clear error that names the file.

use crate::support::{field, geobox, has, open, read_all, real_data, run, save};
use seedbed_block::{PixelRange, Shape2d};
use seedbed_raster::{Raster, RasterError, RasterSource};
use std::path::{Path, PathBuf};

fn source(path: &Path) -> RasterSource {
    RasterSource { path: path.to_owned(), variable: None, claimed: seedbed_grid::Claim::default() }
}

fn refusal(path: &Path) -> String {
    let error = Raster::open(&source(path)).err().unwrap().to_string();
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(error.contains(&*name), "names the file: {error}");
    println!("{error}");
    error
}

#[test]
fn texts_and_empty_files_are_no_rasters() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let html = b"<html><body>Too many requests, try tomorrow</body></html>";
    for name in ["a.zip", "a.nc", "a.tif", "a.hdf", "a.jp2"] {
        assert!(refusal(&put(name, html)).contains("Too many requests"));
    }
    assert!(refusal(&put("b.nc", b"")).contains("empty"));
    assert!(refusal(&put("c.zip", b"PK\x03\x04 and no more")).contains("zip"));
    assert!(refusal(&put("d.tif", b"II*\0\0\0\0\0")).contains("d.tif"));
    refusal(&put("e.dat", b"\x01\x02\x03"));
    assert!(matches!(
        Raster::open(&source(&folder.path().join("absent.nc"))).err(),
        Some(RasterError::Io { .. })
    ));
}

#[test]
fn urls_and_virtual_paths_are_never_opened() {
    for path in [
        "http://127.0.0.1:9/a.tif",
        "https://example.org/a.nc",
        "/vsicurl/http://127.0.0.1:9/a.tif",
        "/vsizip/a.zip",
        "s3://b/k.tif",
    ] {
        let error = Raster::open(&source(Path::new(path))).err();
        assert!(matches!(error, Some(RasterError::NotLocal { .. })), "{path}: {error:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let vrt = folder.path().join("a.vrt");
    let text = "<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
        <SourceFilename relativeToVRT=\"0\">/vsicurl/http://127.0.0.1:9/a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>";
    std::fs::write(&vrt, text).unwrap();
    let error = Raster::open(&source(&vrt)).err();
    assert!(matches!(error, Some(RasterError::NotLocal { .. })), "{error:?}");
}

#[test]
fn a_vrt_of_a_local_file_opens() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (tif, vrt) = (folder.path().join("a.tif"), folder.path().join("a.vrt"));
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (30, 40));
    save(&tif, &place, &field(place.shape));
    run("gdal_translate", &["-q", "-of", "VRT", tif.to_str().unwrap(), vrt.to_str().unwrap()]);
    assert_eq!(open(&vrt).geobox(), &place);
}

/// A synthetic raster as another format, written by GDAL's own program.
fn translated(folder: &Path, format: &str, name: &str) -> (PathBuf, Vec<f64>, Shape2d) {
    let (tif, out) = (folder.join(format!("{name}.source.tif")), folder.join(name));
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (60, 80));
    let values = field(place.shape);
    save(&tif, &place, &values);
    run(
        "gdal_translate",
        &["-q", "-of", format, "-a_nodata", "-9999", tif.to_str().unwrap(), out.to_str().unwrap()],
    );
    (out, values, place.shape)
}

fn cut_short(path: &Path, by: u64) {
    let size = std::fs::metadata(path).unwrap().len();
    std::fs::File::options().write(true).open(path).unwrap().set_len(size - by).unwrap();
}

#[test]
fn files_cut_short_are_refused_or_fail_to_read() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in [("netCDF", "classic.nc"), ("EHdr", "raw.bil"), ("GTiff", "plain.tif")] {
        let (path, values, shape) = translated(folder.path(), format, name);
        let whole = read_all(&open(&path));
        assert!(whole.len() == values.len() && whole.iter().any(|v| !v.is_nan()), "{name}");
        cut_short(&path, 900);
        let result = Raster::open(&source(&path)).and_then(|r| r.read::<f64>(0, PixelRange::of_shape(shape)));
        let error = result.map(|values| values.len()).expect_err(name).to_string();
        println!("{error}");
        assert!(error.contains(name), "{error}");
    }
}

/// A zip of members, deflated or stored.
pub fn zipped(path: &Path, members: &[PathBuf], method: zip::CompressionMethod) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for member in members {
        zip.start_file(member.file_name().unwrap().to_str().unwrap(), options).unwrap();
        std::io::Write::write_all(&mut zip, &std::fs::read(member).unwrap()).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn a_changed_bit_in_a_zip_is_an_error_that_names_the_member() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (bil, ..) = translated(folder.path(), "EHdr", "raw.bil");
    let (tif, ..) = translated(folder.path(), "GTiff", "plain.tif");
    let (header, place) = (bil.with_extension("hdr"), bil.with_extension("prj"));
    for (n, method) in
        [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored].into_iter().enumerate()
    {
        for (member, files) in
            [("raw.bil", vec![bil.clone(), header.clone(), place.clone()]), ("plain.tif", vec![tif.clone()])]
        {
            let path = folder.path().join(format!("{member}-{n}.zip"));
            zipped(&path, &files, method);
            let expected = read_all(&open(&path));
            assert!(expected.iter().any(|v| !v.is_nan()));
            let whole = std::fs::read(&path).unwrap();
            for place in [1000, 3000, 5000] {
                let mut changed = whole.clone();
                changed[place] ^= 0x10;
                let path = path.with_file_name(format!("{place}-{member}-{n}.zip"));
                std::fs::write(&path, changed).unwrap();
                let told = refusal(&path);
                assert!(told.contains(member), "{told}");
            }
        }
    }
    // So is one of the header that says what the numbers are.
    let path = folder.path().join("header.zip");
    zipped(&path, &[bil, header.clone(), place], zip::CompressionMethod::Stored);
    let mut changed = std::fs::read(&path).unwrap();
    let text = std::fs::read(header).unwrap();
    let at = changed.windows(text.len()).position(|part| part == text).unwrap();
    changed[at + text.len() / 2] ^= 1;
    std::fs::write(&path, changed).unwrap();
    assert!(refusal(&path).contains("raw.hdr"));
}

#[test]
fn a_header_makes_numbers_of_raw_files_alone() {
    if !has("gdal_translate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (raw, values, _) = translated(folder.path(), "ENVI", "f.dat");
    assert!(std::fs::metadata(raw.with_extension("hdr")).is_ok());
    assert_eq!(read_all(&open(&raw)).len(), values.len());
    let bytes = std::fs::read(&raw).unwrap();
    let put = |name: &str, begin: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, [begin, &bytes[begin.len()..]].concat()).unwrap();
        path
    };
    assert!(refusal(&put("f.gpkg", b"SQLite format 3\0")).contains("SQLite"));
    // Whatever it is called.
    assert!(refusal(&put("f.raw", b"\x89PNG\r\n\x1a\n")).contains("PNG"));
    assert!(refusal(&put("f.bin", b"GRIB")).contains("GRIB"));
    refusal(&put("f.img", b"EHFA_HEADER_TAG"));
    refusal(&put("f.csv", b"1,2,3\n"));
    for name in ["f", "f.bin", "f.bsq", "f.RAW"] {
        assert_eq!(read_all(&open(&put(name, b""))).len(), values.len(), "{name}");
    }
}

#[test]
fn what_is_whole_and_not_known_is_not_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("five.nc");
    // No records, dimensions, attributes or variables (CDF-5: counts of eight bytes).
    std::fs::write(&path, [&b"CDF\x05"[..], &[0; 8], &[0; 36]].concat()).unwrap();
    match Raster::open(&source(&path)) {
        Err(RasterError::Unsupported { reason, .. }) => assert!(reason.contains("CDF-5"), "{reason}"),
        // A GDAL that knows it finds nothing in it.
        other => assert!(matches!(other, Err(RasterError::Variable { .. })), "{:?}", other.err()),
    }
    if !has("gdal_translate") {
        return;
    }
    let (real, complex) = (folder.path().join("real.tif"), folder.path().join("complex.tif"));
    let shape = geobox("EPSG:5070", (0.0, 0.0), (10.0, 10.0), (20, 30));
    save(&real, &shape, &field(shape.shape));
    run("gdal_translate", &["-q", "-ot", "CFloat32", real.to_str().unwrap(), complex.to_str().unwrap()]);
    let error = Raster::open(&source(&complex)).map(|_| ()).unwrap_err();
    assert!(matches!(error, RasterError::Unsupported { .. }), "{error}");
}

#[test]
fn windows_and_layers_outside_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (30, 40));
    save(&path, &place, &field(place.shape));
    let raster = open(&path);
    for (row0, col0, rows, cols) in [(-1, 0, 2, 2), (0, 39, 2, 2), (0, 0, 0, 2), (29, 0, 2, 2)] {
        let window = PixelRange { row0, col0, rows, cols };
        assert!(matches!(raster.read::<f32>(0, window), Err(RasterError::Window { .. })));
    }
    let window = PixelRange { row0: 0, col0: 0, rows: 1, cols: 1 };
    assert!(matches!(raster.read::<f32>(1, window), Err(RasterError::NoLayer { .. })));
    assert!(raster.read_layers::<f32>(0..0, window).is_err());
    assert_eq!(raster.read::<f32>(0, window).unwrap().len(), 1);
}

#[test]
fn real_malformed_prism_zips_are_refused() {
    let Some(data) = real_data() else { return };
    let folder = data.join("prism/malformed");
    assert!(refusal(&folder.join("bad.zip")).contains("text"));
    assert!(refusal(&folder.join("empty.zip")).contains("nothing"));
    assert!(refusal(&folder.join("good.zip")).contains("this.txt"));
    let short = refusal(&folder.join("PRISM_ppt_stable_4kmD2_20120101_bil.zip"));
    assert!(short.contains("3490020 bytes, there are 3480082"), "{short}");
}

#[test]
fn real_truncated_netcdf_files_are_refused() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, variable) in [
        ("daymet/daymet_v4_daily_na_subset_2019_prcp_dayl.nc", "prcp"),
        ("gridmet/oregon_pr_2000_subset.nc", "precipitation_amount"),
    ] {
        let size = std::fs::metadata(data.join(name)).unwrap().len();
        for kept in [size / 3, size - size / 10, size - 5000] {
            let path = folder.path().join("cut.nc");
            std::fs::copy(data.join(name), &path).unwrap();
            cut_short(&path, size - kept);
            let what = RasterSource { variable: Some(variable.to_owned()), ..source(&path) };
            let result = Raster::open(&what).and_then(|r| {
                r.read_layers::<f32>(0..r.layers().len(), PixelRange::of_shape(r.geobox().shape))
            });
            let error = result.map(|values| values.len()).expect_err(name).to_string();
            println!("{kept} of {size}: {error}");
            assert!(error.contains("cut.nc"), "{error}");
        }
    }
}
