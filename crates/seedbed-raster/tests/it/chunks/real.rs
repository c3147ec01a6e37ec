//! The archives' own files, by chunks, by ranges and by the library.

use super::{bits, by_ranges, source, windows};
use crate::support::real_data;
use seedbed_raster::{Raster, RasterError};

#[test]
fn real_netcdf_values_are_those_of_the_library() {
    let Some(data) = real_data() else { return };
    let (mut files, mut by_chunks) = (0, 0);
    for archive in ["daymet", "gridmet", "maca", "prism", "veget"] {
        let mut paths: Vec<_> =
            std::fs::read_dir(data.join(archive)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.retain(|p| p.extension().is_some_and(|e| e == "nc"));
        paths.sort();
        for path in paths {
            for variable in Raster::variables(&path).unwrap() {
                let name = format!("{} {variable}", path.file_name().unwrap().to_string_lossy());
                let raster = match Raster::open(&source(&path, Some(&variable))) {
                    Ok(raster) => raster,
                    Err(error @ RasterError::NoGeobox { .. }) => {
                        println!("{name}: {error}");
                        continue;
                    }
                    Err(error) => panic!("{name}: {error}"),
                };
                let mut library = Raster::open(&source(&path, Some(&variable))).unwrap();
                library.leave_to_library();
                files += 1;
                by_chunks += usize::from(raster.reads_chunks());
                assert!(raster.reads_chunks(), "{name}");
                let remote = by_ranges(&path, Some(&variable));
                assert_eq!(remote.is_ok(), raster.reads_chunks(), "{name}: {:?}", remote.err());
                let shape = raster.geobox().shape;
                for (layers, window) in windows(raster.layers().len(), shape.rows, shape.cols) {
                    let expected = bits(&library.read_layers::<f64>(layers.clone(), window).unwrap());
                    let found = raster.read_layers::<f64>(layers.clone(), window).unwrap();
                    assert!(bits(&found) == expected, "{name}");
                    if let Ok(remote) = &remote {
                        let found = remote.read_layers::<f64>(layers, window).unwrap();
                        assert!(bits(&found) == expected, "{name} by ranges");
                    }
                }
            }
        }
    }
    println!("{files} variables, {by_chunks} read by chunks");
    assert!(by_chunks > 5);
}
