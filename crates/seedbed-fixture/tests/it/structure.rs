//! The files' structure, as netCDF4, rasterio and rio-cogeo read it.

use super::{archives, python, run_python};

#[test]
fn daymet_files_have_the_structure_of_the_real_ones() {
    let Some(python) = python() else { return };
    let script = r"
import sys, numpy as np, netCDF4, cftime
d = netCDF4.Dataset(sys.argv[1] + '/daymet/daymet_v4_daily_na_tmax_2004.nc')
assert d.data_model == 'NETCDF4' and d.Conventions == 'CF-1.6' and d.start_year == 2004
assert list(d.dimensions) == ['y', 'x', 'time', 'nv'], list(d.dimensions)
assert d.dimensions['time'].isunlimited() and len(d.dimensions['time']) == 365
v = d['tmax']
assert v.dimensions == ('time', 'y', 'x') and v.dtype == np.float32
assert v._FillValue == -9999 and v.missing_value == -9999 and v.units == 'degrees C'
assert v.grid_mapping == 'lambert_conformal_conic' and v.coordinates == 'lat lon'
assert v.chunking()[0] == 1 and v.filters()['zlib'] and v.filters()['complevel'] == 4
t = netCDF4.num2date(d['time'][:], d['time'].units, d['time'].calendar)
assert str(t[0]) == '2004-01-01 12:00:00' and str(t[59]) == '2004-02-29 12:00:00'
assert str(t[-1]) == '2004-12-30 12:00:00'
assert (d['time_bnds'][:, 1] - d['time_bnds'][:, 0] == 1).all() and (d['yearday'][:] == np.arange(1, 366)).all()
m = d['lambert_conformal_conic']
assert m.grid_mapping_name == 'lambert_conformal_conic' and list(m.standard_parallel) == [25, 60]
x, y = d['x'][:], d['y'][:]
assert d['x'].units == 'm' and d['x'].standard_name == 'projection_x_coordinate'
assert (np.diff(x) == 1000).all() and (np.diff(y) == -1000).all()
assert (x[0] - -4560250) % 1000 == 0 and (4984000 - y[0]) % 1000 == 0
lo = netCDF4.Dataset(sys.argv[1] + '/daymet/daymet_v4_daily_na_tmin_2004.nc')['tmin'][:]
hi = v[:]
assert (hi.mask == lo.mask).all() and 0 < hi.mask.mean() < 1
assert (hi > lo).all() and -45 < lo.min() and hi.max() < 45
p = netCDF4.Dataset(sys.argv[1] + '/daymet/daymet_v4_daily_na_prcp_2004.nc')['prcp'][:]
assert (p >= 0).all() and 0.1 < (p == 0).mean() < 0.9 and 500 < p.sum(axis=0).mean() < 1800
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn daymet_chunks_hold_the_values_that_the_same_pixel_has_elsewhere() {
    let Some(python) = python() else { return };
    // PRISM samples the same climate: away from steep terrain the two archives agree within what
    // 4 km of distance can make, which they would not if a chunk were in the wrong place.
    let script = r"
import sys, zipfile, numpy as np, netCDF4, rasterio
root = sys.argv[1]
d = netCDF4.Dataset(root + '/daymet/daymet_v4_daily_na_tmax_2004.nc')
lon, lat, day = d['lon'][:], d['lat'][:], d['tmax'][59]
with rasterio.open('/vsizip/' + root + '/prism/time_series/us/an/4km/tmax/daily/2004/prism_tmax_us_25m_20040229.zip/prism_tmax_us_25m_20040229.tif') as r:
    assert r.shape == (621, 1405) and r.crs.to_epsg() == 4269 and r.nodata == -9999
    band = r.read(1)
    rows, cols = rasterio.transform.rowcol(r.transform, lon.ravel(), lat.ravel())
other = band[np.array(rows), np.array(cols)].reshape(day.shape)
both = ~day.mask & (other > -9999)
gap = np.abs(day.data - other)[both]
assert both.sum() > 1000 and gap.max() < 2.5 and gap.mean() < 0.6, (both.sum(), gap.max(), gap.mean())
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn modis_layers_are_valid_cogs_on_the_sinusoidal_tile() {
    let Some(python) = python() else { return };
    let script = r"
import sys, glob, numpy as np, rasterio
from rio_cogeo.cogeo import cog_validate
files = sorted(glob.glob(sys.argv[1] + '/modis/MOD13A1/12/04/*/*_500m_16_days_NDVI.tif'))
assert len(files) == 25, len(files)
summer = [f for f in files if '/2004193/' in f][0]
valid, errors, warnings = cog_validate(summer)
assert valid, errors
with rasterio.open(summer) as r:
    assert r.shape == (2400, 2400) and r.dtypes == ('int16',) and r.nodata == -3000
    assert 'Sinusoidal' in r.crs.to_wkt() and '6371007.181' in r.crs.to_wkt()
    assert abs(r.transform.c - -6671703.118) < 1e-6 and abs(r.transform.f - 5559752.598333) < 1e-6
    v = r.read(1, masked=True)
    assert v.count() > 3000 and 6500 < v.mean() < 9500, (v.count(), v.mean())
with rasterio.open(summer.replace('NDVI', 'pixel_reliability')) as r:
    assert r.dtypes == ('uint8',) and r.nodata == 255
    rank = r.read(1, masked=True)
    assert set(np.unique(rank.compressed())) <= {0, 1, 2, 3} and rank.count() == v.count()
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn old_prism_zips_hold_a_bil_that_lies_on_the_same_grid() {
    let Some(python) = python() else { return };
    let script = r"
import sys, zipfile, numpy as np, rasterio
stem = 'PRISM_ppt_stable_4kmD2_20040229_bil'
path = sys.argv[1] + '/prism-old/daily/ppt/2004/' + stem + '.zip'
names = zipfile.ZipFile(path).namelist()
assert set(names) == {stem + e for e in ('.bil', '.bil.aux.xml', '.hdr', '.prj', '.stx', '.info.txt', '.xml')}, names
new = sys.argv[1] + '/prism/time_series/us/an/4km/ppt/daily/2004/prism_ppt_us_25m_20040229.zip'
with rasterio.open(f'/vsizip/{path}/{stem}.bil') as a, rasterio.open(f'/vsizip/{new}/prism_ppt_us_25m_20040229.tif') as b:
    assert a.shape == b.shape == (621, 1405) and a.nodata == -9999 and a.crs.to_epsg() in (4269, None)
    assert np.allclose(a.transform, b.transform, atol=1e-7), (a.transform, b.transform)
    assert abs(a.transform.c - -125.0208333333) < 1e-7 and abs(a.transform.f - 49.9375) < 1e-7
    assert (a.read(1) == b.read(1)).all()
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn maca_files_are_in_kelvin_on_the_whole_grid() {
    let Some(python) = python() else { return };
    let script = r"
import sys, numpy as np, netCDF4
d = netCDF4.Dataset(sys.argv[1] + '/maca/CCSM4/macav2metdata_tasmax_CCSM4_r6i1p1_historical_2000_2004_CONUS_daily.nc')
v = d['air_temperature']
assert v.shape == (1827, 585, 1386) and v.units == 'K' and v.chunking() == [162, 51, 123]
lat, lon = d['lat'][:], d['lon'][:]
assert abs(lat[0] - 25.063078) < 1e-6 and abs(lat[-1] - 49.396023) < 1e-6 and (np.diff(lat) > 0).all()
assert abs(lon[0] - 235.227844) < 1e-6 and abs(lon[-1] - 292.935242) < 1e-6
t = netCDF4.num2date(d['time'][:], d['time'].units, d['time'].calendar)
assert str(t[0])[:10] == '2000-01-01' and str(t[59])[:10] == '2000-02-29' and str(t[-1])[:10] == '2004-12-31'
r, c = np.abs(lat - 41.2).argmin(), np.abs(lon - (360 - 75.1)).argmin()
series = v[:, r, c]
assert series.count() == 1827 and 245 < series.min() < 272 and 298 < series.max() < 315
assert v[900, 300, 300] is np.ma.masked
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn soils_keep_their_order_on_every_pixel() {
    let Some(python) = python() else { return };
    let script = r"
import sys, numpy as np, rasterio
def read(name):
    with rasterio.open(f'{sys.argv[1]}/statics/{name}.tif') as r:
        return r.crs.to_epsg(), r.read(1, masked=True)
(crs, whc), (_, fc), (_, sat) = read('whc'), read('field_capacity'), read('saturation')
assert crs == 5070 and whc.count() > 500 and (whc < fc).all() and (fc < sat).all()
assert whc.min() >= 40 and whc.max() <= 250
crs, water = read('watermask')
assert crs == 4326 and set(np.unique(water.compressed())) == {0, 1}
crs, canopy = read('interception')
assert crs == 4326 and 0 <= canopy.min() and canopy.max() <= 100
print('fine')
";
    assert_eq!(run_python(&python, script, &archives().display().to_string()), "fine\n");
}

#[test]
fn gdal_georeferences_the_netcdf_files() {
    let at = archives().display();
    for (source, wanted) in [
        (
            format!("NETCDF:{at}/daymet/daymet_v4_daily_na_prcp_2004.nc:prcp"),
            "Pixel Size = (1000.000000000000000,-1000.000000000000000)",
        ),
        (
            format!(
                "NETCDF:{at}/maca/CCSM4/macav2metdata_pr_CCSM4_r6i1p1_historical_2000_2004_CONUS_daily.nc:precipitation"
            ),
            "Size is 1386, 585",
        ),
    ] {
        let Ok(output) = std::process::Command::new("gdalinfo").arg(&source).output() else {
            println!("skipped: gdalinfo is not installed");
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(wanted), "{text}");
    }
}
