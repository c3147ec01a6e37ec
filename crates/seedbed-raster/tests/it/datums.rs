//! Grid mappings that name their datum, and have no WKT.

use crate::support::{python, run};
use seedbed_grid::Projections;
use seedbed_raster::{Proj, Raster, RasterError, RasterSource};
use std::path::Path;

/// Files of some systems, with what pyproj says of them in CF's words but for the WKT.
const WRITE: &str = "
import sys, netCDF4, numpy as np, pyproj
folder = sys.argv[1] + '/'
def write(name, x, y, attributes):
    degrees = attributes['grid_mapping_name'] == 'latitude_longitude'
    with netCDF4.Dataset(folder + name + '.nc', 'w') as f:
        for d, first, standard, unit in (
            ('y', y, 'projection_y_coordinate', 'degrees_north'), ('x', x, 'projection_x_coordinate', 'degrees_east')
        ):
            f.createDimension(d, 4)
            c = f.createVariable(d, 'f8', (d,))
            c.setncatts(dict(units=unit) if degrees else dict(units='m', standard_name=standard))
            step = .1 if degrees else 1000
            c[:] = first + (np.arange(4) * step if d == 'x' else -np.arange(4) * step)
        f.createVariable('crs', 'i4').setncatts({k: v for k, v in attributes.items() if v is not None})
        v = f.createVariable('v', 'f4', ('y', 'x'))
        v.grid_mapping = 'crs'
        v[:] = 1
def of(code):
    cf = pyproj.CRS.from_epsg(code).to_cf()
    cf.pop('crs_wkt')
    return cf
for code, x, y in [line.split() for line in sys.argv[2:]]:
    write(code, float(x), float(y), of(int(code)))
bessel = dict(of(30161), geographic_crs_name='unknown', horizontal_datum_name='D_Mine')
write('unheard-of', 0, 0, bessel)
write('shifted', 0, 0, dict(bessel, towgs84=np.array([-146.414, 507.337, 680.507])))
write('vague', 0, 0, dict(bessel, horizontal_datum_name='Unknown based on Bessel 1841 ellipsoid'))
only = {k: v for k, v in of(23031).items() if k not in ('semi_major_axis', 'semi_minor_axis', 'inverse_flattening')}
write('named-ellipsoid', 500000, 5205000, dict(only, geographic_crs_name='unknown', horizontal_datum_name='European_Datum_1950'))
write('strange-ellipsoid', 500000, 5205000, dict(only, reference_ellipsoid_name='Mine 1900'))
";

fn opened(folder: &Path, name: &str) -> Result<Raster, RasterError> {
    Raster::open(&RasterSource::new(folder.join(format!("{name}.nc"))))
}

/// Longitude and latitude of the file's first pixel.
fn corner(raster: &Raster) -> (f64, f64) {
    let to = Proj.transform(&raster.geobox().crs, &Proj.resolve("OGC:CRS84").unwrap()).unwrap();
    let at = raster.geobox().affine.apply(0.5, 0.5);
    let (mut x, mut y) = ([at.x], [at.y]);
    to.forward(&mut x, &mut y);
    (x[0], y[0])
}

#[test]
fn the_datum_that_a_grid_mapping_names_is_where_the_data_lie() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    // System, first pixel's coordinates, and its place as pyproj has it.
    let places = [
        ("27700", (400_000.0, 234_000.0), (-2.001_411, 52.004_437)),
        ("23031", (500_000.0, 5_205_000.0), (2.998_784, 46.996_670)),
        ("30161", (47_000.0, -0.0), (130.000_737, 33.002_309)),
        ("26718", (500_000.0, 4_539_000.0), (-74.999_600, 41.004_098)),
        ("4277", (-2.0, 52.0), (-2.001_410, 52.000_425)),
    ];
    let told: Vec<String> = places.iter().map(|(code, (x, y), _)| format!("{code} {x} {y}")).collect();
    let mut arguments = vec!["-c", WRITE, folder.path().to_str().unwrap()];
    arguments.extend(told.iter().map(String::as_str));
    run(&python, &arguments);
    let near = |raster: &Raster, (lon, lat): (f64, f64), what: &str| {
        let found = corner(raster);
        // Five metres: which of several transformations is taken is PROJ's choice.
        let off = (found.0 - lon).abs().max((found.1 - lat).abs());
        assert!(off < 5e-5, "{what}: {found:?}, not {lon} {lat}");
    };
    for (code, _, place) in places {
        near(&opened(folder.path(), code).unwrap(), place, code);
    }
    let ed50 = places[1];
    let named = opened(folder.path(), "named-ellipsoid").unwrap();
    assert_eq!(named.geobox().crs, opened(folder.path(), ed50.0).unwrap().geobox().crs);
    let refused = |name: &str, part: &str| {
        let error = opened(folder.path(), name).err().unwrap();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains(part) && why.contains("proj:code"), "{error}: {why}");
    };
    refused("unheard-of", "`D_Mine`");
    refused("strange-ellipsoid", "`Mine 1900`");
    // A shift says it all, and a datum that is called unknown is none.
    let (shifted, vague) =
        (opened(folder.path(), "shifted").unwrap(), opened(folder.path(), "vague").unwrap());
    let (a, b) = (corner(&shifted), corner(&vague));
    assert!((a.0 - b.0).abs() > 1e-3 && (a.1 - b.1).abs() > 1e-3, "{a:?} {b:?}");
    near(&shifted, (129.497_756, 33.003_313), "shifted");
}
