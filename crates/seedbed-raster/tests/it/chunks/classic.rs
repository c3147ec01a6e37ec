//! Classic netCDF read by offset, locally and through ranges, against GDAL's netCDF library.

use super::{Remote, bits, by_ranges, source, window, windows};
use crate::support::{python, run};
use seedbed_raster::{FUZZ_TARGETS, Raster};
use std::sync::atomic::Ordering;

/// Files of every classic format: days as records or not, with other variables in the records,
/// of several types, scaled and with missing values.
const WRITE: &str = "
import sys, netCDF4, numpy as np
for form in ('NETCDF3_CLASSIC', 'NETCDF3_64BIT_OFFSET', 'NETCDF3_64BIT_DATA'):
    for days in ('records', 'fixed'):
        name = f'{form}-{days}.nc'
        with netCDF4.Dataset(f'{sys.argv[1]}/{name}', 'w', format=form) as f:
            f.createDimension('time', None if days == 'records' else 5)
            f.createDimension('lat', 37)
            f.createDimension('lon', 51)
            lat, lon, time = (f.createVariable(n, 'f8', (n,)) for n in ('lat', 'lon', 'time'))
            lat.units, lon.units, time.units = 'degrees_north', 'degrees_east', 'days since 2004-01-01'
            lat[:], lon[:] = 50 - 0.1 * (np.arange(37) + 0.5), -94 + 0.1 * (np.arange(51) + 0.5)
            time[:] = np.arange(5)
            random = np.random.default_rng(3)
            for dtype in ('i1', 'i2', 'i4', 'f4', 'f8'):
                v = f.createVariable(dtype, dtype, ('time', 'lat', 'lon'), fill_value=-5)
                v.set_auto_maskandscale(False)
                v[:] = random.integers(-20, 100, (5, 37, 51)).astype(dtype)
                if dtype == 'i2':
                    v.scale_factor, v.add_offset = 0.1, 200.0
            f.createVariable('still', 'f4', ('lat', 'lon'))[:] = random.normal(0, 1, (37, 51))
        print(name)
";

#[test]
fn every_classic_format_gives_the_values_of_the_library() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let told = run(&python, &["-c", WRITE, folder.path().to_str().unwrap()]);
    let mut read = 0;
    for name in told.lines() {
        let path = folder.path().join(name);
        // The same values in the oldest format, for libraries that don't know the newest.
        let is_known = !name.contains("64BIT_DATA");
        let known = name.replace("64BIT_DATA", "CLASSIC");
        for variable in ["i1", "i2", "i4", "f4", "f8", "still"] {
            let mut library = Raster::open(&source(&folder.path().join(&known), Some(variable))).unwrap();
            library.leave_to_library();
            let mut readers =
                vec![by_ranges(&path, Some(variable)).unwrap_or_else(|e| panic!("{name}: {e}"))];
            if is_known {
                let raster = Raster::open(&source(&path, Some(variable))).unwrap();
                // GDAL before 3.7 knows no signed bytes, and reads them as 16 bits.
                assert!(raster.reads_chunks() || variable == "i1", "{name} {variable}");
                readers.push(raster);
            }
            for (layers, window) in windows(library.layers().len(), 37, 51) {
                let expected = bits(&library.read_layers::<f64>(layers.clone(), window).unwrap());
                for raster in &readers {
                    let found = raster.read_layers::<f64>(layers.clone(), window).unwrap();
                    assert!(bits(&found) == expected, "{name} {variable} {window:?}");
                }
                read += 1;
            }
        }
    }
    assert_eq!(read, 6 * 6 * 6);
}

#[test]
fn a_window_of_a_remote_classic_file_costs_its_rows() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["-c", WRITE, folder.path().to_str().unwrap()]);
    let path = folder.path().join("NETCDF3_CLASSIC-fixed.nc");
    let remote = Remote::open(&path);
    let raster = Raster::open_at(remote.clone(), &source(&path, Some("f8"))).unwrap();
    let part = window(10, 0, 3, 51);
    let stored = raster.stored_bytes(2..3, part).unwrap().unwrap();
    assert_eq!(stored, 3 * 51 * 8);
    let before = remote.read.load(Ordering::Relaxed);
    raster.read_layers::<f64>(2..3, part).unwrap();
    assert_eq!(remote.read.load(Ordering::Relaxed) - before, stored);
}

#[test]
fn classic_files_that_are_changed_or_cut_never_panic() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let told = run(&python, &["-c", WRITE, folder.path().to_str().unwrap()]);
    let (_, body) = FUZZ_TARGETS.iter().find(|(name, _)| *name == "netcdf").unwrap();
    for name in told.lines() {
        let whole = std::fs::read(folder.path().join(name)).unwrap();
        for copy in 0..200 {
            let mut bytes = whole.clone();
            for n in 0..3 {
                let at = (crate::support::noise(copy * 8 + n) * 1200.0) as usize;
                bytes[at] = (crate::support::noise(copy * 8 + n + 4) * 256.0) as u8;
            }
            if copy % 4 == 0 {
                bytes.truncate(bytes.len() / 2);
            }
            body(&bytes);
        }
    }
}
