//! Zips whose members are the days of one variable.

use crate::malformed::zipped;
use crate::support::{field, geobox, open, read_all, save};
use seedbed_block::{PixelRange, date};
use seedbed_raster::{Raster, RasterSource};
use zip::CompressionMethod::Deflated;

#[test]
fn members_whose_names_differ_by_their_dates_are_layers() {
    let folder = tempfile::tempdir().unwrap();
    let place = geobox("EPSG:4326", (-124.0, 44.0), (0.05, 0.05), (30, 40));
    let values = field(place.shape);
    let files = ["ppt_20170102_x.tif", "ppt_20170101_x.tif"].map(|name| folder.path().join(name));
    save(&files[0], &place, &values.iter().map(|v| v + 1.0).collect::<Vec<_>>());
    save(&files[1], &place, &values);
    let path = folder.path().join("days.zip");
    zipped(&path, &files, Deflated);
    let raster = open(&path);
    let days: Vec<_> = raster.layers().iter().map(|layer| layer.date).collect();
    assert_eq!(days, [Some(date(2017, 1, 1)), Some(date(2017, 1, 2))]);
    let whole = PixelRange::of_shape(place.shape);
    let (first, second) = (read_all(&open(&files[1])), read_all(&open(&files[0])));
    let all: Vec<f64> = raster.read_layers(0..2, whole).unwrap();
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
    assert!(same(&all[..first.len()], &first) && same(&all[first.len()..], &second));
    assert!(same(&raster.read::<f64>(1, whole).unwrap(), &second));
    // One may still be named.
    let named = RasterSource { variable: Some("ppt_20170102_x".to_owned()), ..RasterSource::new(&path) };
    assert!(same(&read_all(&Raster::open(&named).unwrap()), &second));
    assert_eq!(Raster::variables(&path).unwrap().len(), 2);

    // Another grid, or another variable among them.
    std::fs::remove_file(&files[0]).unwrap();
    save(&files[0], &geobox("EPSG:4326", (-124.0, 44.0), (0.1, 0.1), (30, 40)), &values);
    let path = folder.path().join("two-grids.zip");
    zipped(&path, &files, Deflated);
    let told = open(&path).read_layers::<f64>(0..2, whole).unwrap_err().to_string();
    assert!(told.contains("ppt_20170102_x.tif") && told.contains("another grid"), "{told}");
    let other = folder.path().join("tmax_20170103_x.tif");
    save(&other, &place, &values);
    let path = folder.path().join("two-variables.zip");
    zipped(&path, &[files[1].clone(), other], Deflated);
    let told = Raster::open(&RasterSource::new(&path)).err().unwrap().to_string();
    assert!(told.contains("several variables"), "{told}");
}
