//! What netCDF's conventions leave to the reader: values that were never written, axes by other names.

use crate::support::{geobox, python, run};
use jiff::civil::date;
use seedbed_block::PixelRange;
use seedbed_grid::GeoBox;
use seedbed_raster::{Raster, RasterError, RasterSource};
use std::path::Path;
use std::sync::Arc;

/// Six by eight pixels on two days, of values from 1 on; `fill` names what the first four hold.
const WRITE: &str = "
import sys, netCDF4, numpy as np
folder = sys.argv[1] + '/'
sizes = dict(time=2, lat=6, lon=8)
values = np.arange(1, 97).reshape(2, 6, 8)
def write(name, dtype='f4', dims=('time', 'lat', 'lon'), first=(), format='NETCDF4', axes=None, fill=None, **attributes):
    with netCDF4.Dataset(folder + name, 'w', format=format) as f:
        for d in dims:
            f.createDimension(d, sizes.get(d, {'foo': 6, 'bar': 8, 'one': 1}.get(d)))
        usual = {'time': {'units': 'days since 2004-01-01'}, 'lat': {'units': 'degrees_north'}, 'lon': {'units': 'degrees_east'}}
        for d, attrs in (axes or {d: usual[d] for d in dims if d in usual}).items():
            c = f.createVariable(d, 'f8', attrs.pop('on', (d,)))
            c.setncatts(attrs)
            n = np.arange(f.dimensions[d].size) if d in f.dimensions else np.zeros((6, 8))
            c[:] = n if d == 'time' else 50 - .5 * (n + .5) if d in ('lat', 'foo', 'one') else 10 + .5 * (n + .5)
        v = f.createVariable('v', dtype, dims, fill_value=fill)
        v.set_auto_maskandscale(False)
        v.setncatts(attributes)
        data = values[:, :1] if 'one' in dims else values
        data = data.transpose([('time', 'lat', 'lon').index(d) for d in dims]) if set(dims) == set(sizes) else data
        data = data.astype(v.dtype)
        data.flat[:len(first)] = first
        v[:] = data
low, least = -32767, -2147483647
write('short.nc', 'i2', first=[low] * 4)
write('short-classic.nc', 'i2', first=[low] * 4, format='NETCDF3_CLASSIC')
write('int.nc', 'i4', first=[least] * 4)
write('int-64bit.nc', 'i4', first=[least] * 4, format='NETCDF3_64BIT_OFFSET')
write('ushort.nc', 'u2', first=[65535] * 4)
write('uint.nc', 'u4', first=[4294967295] * 4)
write('long.nc', 'i8', first=[-9223372036854775806] * 4)
write('float.nc', 'f4', first=[netCDF4.default_fillvals['f4']] * 4)
write('two.nc', 'f4', first=[-9999, -7777, -8888, -9999], fill=-9999., missing_value=np.array([-7777, -8888], 'f4'))
write('mixed.nc', 'i2', first=[low, -5, low, -5], missing_value=np.int16(-5))
write('byte.nc', 'i1', first=[-127] * 4)
write('stated.nc', 'i2', first=[low] * 4, fill=-5)
write('unfilled.nc', 'i2', first=[low] * 4, fill=False)
write('turned.nc', dims=('time', 'lon', 'lat'))
write('behind.nc', dims=('lat', 'lon', 'time'))
time = dict(time=dict(units='days since 2004-01-01'))
foobar = dict(dims=('time', 'foo', 'bar'))
write('units.nc', **foobar, axes=time | dict(foo=dict(units='degree_N'), bar=dict(units='degreesE')))
write('axis.nc', **foobar, axes=time | dict(foo=dict(axis='Y'), bar=dict(axis='X')))
write('standard.nc', **foobar, axes=time | dict(foo=dict(standard_name='latitude'), bar=dict(standard_name='longitude')))
write('nameless.nc', **foobar, axes=time | dict(foo={}, bar={}))
write('row.nc', dims=('time', 'one', 'lon'), axes=time | dict(one=dict(units='degrees_north'), lon=dict(units='degrees_east')))
for name, value in dict(text=' 0.5', word='half', zero=0., nan=np.nan).items():
    write('scale-' + name + '.nc', 'i2', scale_factor=value)
    write('scale-' + name + '-classic.nc', 'i2', scale_factor=value, format='NETCDF3_CLASSIC')
write('offset-text.nc', 'i2', add_offset='-3')
write('versions.nc')
with netCDF4.Dataset(folder + 'versions.nc', 'a') as f:
    f.createDimension('expver', 2)
    f.createVariable('t2m', 'f4', ('time', 'expver', 'lat', 'lon'))[:] = 1
both = dict(on=('lat', 'lon'))
write('plane.nc', axes=time | dict(north=dict(units='degrees_north', **both), east=dict(units='degrees_east', **both)))
";

fn written() -> Option<tempfile::TempDir> {
    let python = python()?;
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["-c", WRITE, folder.path().to_str().unwrap()]);
    Some(folder)
}

fn source(path: &Path, claimed: Option<&GeoBox>) -> RasterSource {
    RasterSource {
        path: path.to_owned(),
        variable: Some("v".to_owned()),
        claimed: claimed.cloned().map(Into::into).unwrap_or_default(),
    }
}

/// The file by its chunks, by the library, and by ranges.
fn ways(path: &Path, claimed: Option<&GeoBox>) -> Vec<Result<Raster, RasterError>> {
    let source = source(path, claimed);
    let mut library = Raster::open(&source);
    if let Ok(raster) = &mut library {
        raster.leave_to_library();
    }
    let bytes = Arc::new(std::fs::read(path).unwrap());
    vec![Raster::open(&source), library, Raster::open_at(bytes, &source)]
}

fn values(raster: &Raster) -> Vec<f64> {
    raster.read(0, PixelRange::of_shape(raster.geobox().shape)).unwrap()
}

#[test]
fn what_was_never_written_is_missing_unless_all_numbers_count() {
    let Some(folder) = written() else { return };
    let missing =
        ["short", "short-classic", "int", "int-64bit", "ushort", "uint", "long", "float", "two", "mixed"];
    for (name, first) in missing.map(|name| (name, f64::NAN)).into_iter().chain([
        ("byte", -127.0),
        ("stated", -32_767.0),
        ("unfilled", -32_767.0),
    ]) {
        for (way, raster) in ways(&folder.path().join(format!("{name}.nc")), None).into_iter().enumerate() {
            let found = values(&raster.unwrap());
            let is_right = |(n, v): (usize, &f64)| {
                let expected = if n < 4 { first } else { (n + 1) as f64 };
                v.total_cmp(&expected).is_eq()
            };
            assert!(found.iter().enumerate().all(is_right), "{name}, way {way}: {found:?}");
        }
    }
}

#[test]
fn a_variable_on_other_axes_is_there_but_not_on_rows_and_columns() {
    let Some(folder) = written() else { return };
    for (name, axes) in
        [("turned", "time, lon, lat"), ("behind", "lat, lon, time"), ("nameless", "time, foo, bar")]
    {
        for raster in ways(&folder.path().join(format!("{name}.nc")), None) {
            let error = raster.err().unwrap();
            assert!(matches!(error, RasterError::Axes { .. }), "{error}");
            let told = error.to_string();
            assert!(told.contains(name) && told.contains("`v`") && told.contains(axes), "{told}");
        }
    }
    // Also where no variable is named.
    for name in ["turned.nc", "behind.nc"] {
        let error = Raster::open(&RasterSource { variable: None, ..source(&folder.path().join(name), None) });
        assert!(matches!(error, Err(RasterError::Axes { .. })));
    }
}

#[test]
fn layers_along_two_axes_are_refused_as_what_they_are() {
    let Some(folder) = written() else { return };
    let source =
        RasterSource { variable: Some("t2m".to_owned()), ..source(&folder.path().join("versions.nc"), None) };
    let error = Raster::open(&source).err().unwrap();
    let told = error.to_string();
    assert!(
        error.is_usage() && told.contains("along time and expver") && !told.contains("damaged"),
        "{told}"
    );
}

#[test]
fn scales_are_numbers_also_as_text() {
    let Some(folder) = written() else { return };
    for (name, last) in [("scale-text", 24.0), ("scale-text-classic", 24.0), ("offset-text", 45.0)] {
        for raster in ways(&folder.path().join(format!("{name}.nc")), None) {
            assert_eq!(values(&raster.unwrap())[47], last, "{name}");
        }
    }
    for (name, said) in [("word", "`half`"), ("zero", "is 0"), ("nan", "is NaN")] {
        for name in [format!("scale-{name}.nc"), format!("scale-{name}-classic.nc")] {
            for raster in ways(&folder.path().join(&name), None) {
                let told = raster.err().unwrap().to_string();
                let all = [name.as_str(), "`v`", "scale_factor", said];
                assert!(all.iter().all(|part| told.contains(part)), "{told}");
            }
        }
    }
}

#[test]
fn axes_of_any_name_are_known_by_their_attributes() {
    let Some(folder) = written() else { return };
    let place = geobox("EPSG:4326", (10.0, 50.0), (0.5, 0.5), (6, 8));
    for name in ["units", "axis", "standard"] {
        for raster in ways(&folder.path().join(format!("{name}.nc")), Some(&place)) {
            let raster = raster.unwrap();
            assert_eq!(raster.geobox(), &place, "{name}");
            assert_eq!(values(&raster)[47], 48.0, "{name}");
        }
    }
}

#[test]
fn a_claim_says_what_axes_dont() {
    let Some(folder) = written() else { return };
    for (name, rows) in [("row", 1), ("plane", 6)] {
        let place = geobox("EPSG:4326", (10.0, 50.0), (0.5, 0.5), (rows, 8));
        let path = folder.path().join(format!("{name}.nc"));
        for raster in ways(&path, Some(&place)) {
            let raster = raster.unwrap();
            assert_eq!(raster.geobox(), &place, "{name}");
            assert_eq!(values(&raster)[7], 8.0, "{name}");
        }
        for raster in ways(&path, None) {
            let error = raster.err().unwrap();
            assert!(matches!(error, RasterError::NoGeobox { .. }), "{error}");
        }
    }
    // The one row's coordinate still has to be that of the claim.
    let off = geobox("EPSG:4326", (10.0, 49.0), (0.5, 0.5), (1, 8));
    for raster in ways(&folder.path().join("row.nc"), Some(&off)) {
        assert!(matches!(raster.err(), Some(RasterError::Claim { .. })));
    }
}

/// Coordinates packed as CF's section 8.1 allows, and ranges as the NUG's appendix A has them.
const PACKED: &str = "
import sys, netCDF4, numpy as np
folder = sys.argv[1] + '/'
lat, lon = 50 - .5 * (np.arange(6) + .5), 10 + .5 * (np.arange(8) + .5)
def write(name, dtype='i2', data=None, format='NETCDF4', fill=None, **attributes):
    with netCDF4.Dataset(folder + name + '.nc', 'w', format=format) as f:
        for d, n in dict(time=2, lat=6, lon=8).items():
            f.createDimension(d, n)
        def axis(name, dtype, values, units, **packing):
            c = f.createVariable(name, dtype, (name,))
            c.set_auto_maskandscale(False)
            c.setncatts(dict(units=units) | packing)
            c[:] = values
        axis('time', 'i2', [10, 30], 'days since 2004-01-01', scale_factor=.5, add_offset=1.)
        axis('lat', 'i4', np.round(lat * 1000), 'degrees_north', scale_factor=.001)
        axis('lon', 'i2', np.round((lon - 12) / .005), 'degrees_east', scale_factor=.005, add_offset=12.)
        v = f.createVariable('v', dtype, ('time', 'lat', 'lon'), fill_value=fill)
        v.set_auto_maskandscale(False)
        v.setncatts(attributes)
        v[:] = np.arange(96).reshape(2, 6, 8).astype(v.dtype) if data is None else data
for format in ('NETCDF4', 'NETCDF3_CLASSIC'):
    of = lambda name: name + ('' if format == 'NETCDF4' else '-classic')
    write(of('packed'), format=format)
    write(of('goes'), format=format, _Unsigned='true', valid_range=np.array([0, -6], 'i2'), data=np.resize([-1, -6, -7, 5], (2, 6, 8)))
    write(of('byte'), 'i1', format=format, _Unsigned='true', valid_max=np.int8(-56), data=np.resize([-1, -56, -55, 5], (2, 6, 8)))
    write(of('unpacked'), format=format, scale_factor=.1, valid_range=np.array([-.5, .5]), data=np.resize([-6, -5, 5, 6], (2, 6, 8)))
    write(of('stored'), format=format, scale_factor=.1, valid_range=np.array([-5, 5], 'i2'), data=np.resize([-6, -5, 5, 6], (2, 6, 8)))
write('signed', 'u1', _Unsigned='false', data=np.resize(np.array([255, 128, 127, 5], 'u1'), (2, 6, 8)))
with netCDF4.Dataset(folder + 'hole.nc', 'w') as f:
    for d, n in dict(lat=6, lon=8).items():
        f.createDimension(d, n)
        c = f.createVariable(d, 'f8', (d,))
        c.units = dict(lat='degrees_north', lon='degrees_east')[d]
        c[:] = dict(lat=lat, lon=lon)[d]
    f['lat'][3] = np.nan
    f.createVariable('v', 'f4', ('lat', 'lon'))[:] = 1
";

#[test]
fn coordinates_are_unpacked_and_ranges_are_meant_as_their_types_say() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["-c", PACKED, folder.path().to_str().unwrap()]);
    let place = geobox("EPSG:4326", (10.0, 50.0), (0.5, 0.5), (6, 8));
    let days = [Some(date(2004, 1, 7)), Some(date(2004, 1, 17))];
    let inf = f64::INFINITY;
    for (name, range, first) in [
        ("packed", None, [0.0, 1.0, 2.0, 3.0]),
        ("goes", Some([0.0, 65_530.0]), [65_535.0, 65_530.0, 65_529.0, 5.0]),
        ("byte", Some([-inf, 200.0]), [255.0, 200.0, 201.0, 5.0]),
        ("unpacked", Some([-5.0, 5.0]), [-0.6, -0.5, 0.5, 0.6]),
        ("stored", Some([-5.0, 5.0]), [-0.6, -0.5, 0.5, 0.6]),
        ("signed", None, [-1.0, -128.0, 127.0, 5.0]),
    ] {
        for form in ["", "-classic"] {
            let path = folder.path().join(format!("{name}{form}.nc"));
            if !path.is_file() {
                continue;
            }
            for (way, raster) in ways(&path, None).into_iter().enumerate() {
                let raster = raster.unwrap();
                let (found, what) = (raster.geobox(), format!("{name}{form}, way {way}"));
                let off = [found.affine.c - place.affine.c, found.affine.f - place.affine.f];
                assert!(off.into_iter().all(|d| d.abs() < 1e-6), "{what}: {found:?}");
                assert_eq!(raster.layers().iter().map(|l| l.date).collect::<Vec<_>>(), days, "{what}");
                assert_eq!(raster.valid_range(), range, "{what}");
                let v = values(&raster);
                assert!(v.iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-9), "{what}: {:?}", &v[..4]);
            }
        }
    }
    for raster in ways(&folder.path().join("hole.nc"), None) {
        let told = raster.err().unwrap().to_string();
        assert!(told.contains("axis `lat` has no number at its place 4"), "{told}");
    }
}
