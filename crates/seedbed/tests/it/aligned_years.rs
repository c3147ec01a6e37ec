//! Five years of MACA's daily temperatures onto Daymet's grid, in one command.

use crate::python::python;
use crate::sandbox::Sandbox;

/// A file as MACA's are: latitudes upwards, longitudes to 360, kelvin, days since 1900.
const WRITE: &str = "
import json, netCDF4, numpy as np
random = np.random.default_rng(3)
days = 1826
with netCDF4.Dataset('tasmax.nc', 'w') as file:
    for name, size in (('time', days), ('lat', 24), ('lon', 30)):
        file.createDimension(name, size)
    axes = {'lat': 39 + (np.arange(24) + 0.5) / 24, 'lon': 284 + (np.arange(30) + 0.5) / 24, 'time': 38716 + np.arange(days)}
    for name, values in axes.items():
        axis = file.createVariable(name, 'f8', (name,))
        axis[:] = values
        axis.units = {'lat': 'degrees_north', 'lon': 'degrees_east', 'time': 'days since 1900-01-01'}[name]
        axis.standard_name = {'lat': 'latitude', 'lon': 'longitude', 'time': 'time'}[name]
    data = file.createVariable('air_temperature', 'f4', ('time', 'lat', 'lon'), zlib=True, fill_value=-9999,
                               chunksizes=(100, 24, 30))
    data.units = 'K'
    season = 285 + 12 * np.sin(np.arange(days) / 365.25 * 2 * np.pi)
    values = season[:, None, None] + random.normal(0, 3, (days, 24, 30))
    values[:, :3, :4] = np.nan
    data[:] = np.ma.masked_invalid(values)
item = {'type': 'Feature', 'stac_version': '1.1.0', 'id': 'maca', 'geometry': None, 'links': [],
        'properties': {'datetime': None, 'start_datetime': '2006-01-01T00:00:00Z', 'end_datetime': '2010-12-31T23:59:59Z'},
        'assets': {'tasmax': {'href': 'tasmax.nc'}}}
open('items.json', 'w').write(json.dumps({'type': 'FeatureCollection', 'features': [item]}))
";

/// The table against the source by netCDF4 and the COGs by rasterio.
const CHECK: &str = "
import csv, glob, json, netCDF4, numpy as np, rasterio
rows = list(csv.DictReader(open('days.csv')))
with netCDF4.Dataset('tasmax.nc') as file:
    source = file['air_temperature'][:] - np.float32(273.15)
cogs = {path.split('_')[-1][:-4]: path for path in glob.glob('out/*/*/*/*.tif')}
worst = 0.0
for n, row in enumerate(rows):
    with rasterio.open(cogs[row['period']]) as cog:
        values, unit = cog.read(1, masked=True), cog.units[0]
    assert unit == 'degC' == row['unit'], unit
    share = 100 * values.count() / values.size
    found = [values.min(), values.max(), share]
    told = [float(row[k]) for k in ('minimum', 'maximum', 'valid_percent')]
    worst = max(worst, *(abs(a - b) for a, b in zip(found, told)))
    # The window is a part of the file: its extremes lie within the file's, and the tile's within its.
    low, high = float(row['source_minimum']), float(row['source_maximum'])
    assert source[n].min() - 1e-4 <= low <= told[0] + 1e-4 and told[1] - 1e-4 <= high <= source[n].max() + 1e-4, row
    assert abs(float(row['source_valid_percent']) - share) < 12, row
print(json.dumps({'rows': len(rows), 'cogs': len(cogs), 'worst': float(worst), 'first': rows[0]['period'], 'last': rows[-1]['period']}))
";

#[test]
fn five_years_of_maca_become_dated_cogs_in_celsius_with_a_table() {
    let sandbox = Sandbox::new();
    let Some(written) = python(&sandbox, WRITE, [""; 0]) else { return };
    written.succeeds();
    let grid = "grid --grid daymet-na --tile 40px --bbox=-75.6,39.4,-75.5,39.5 --out t.geojson --json";
    let tiles = sandbox.seedbed(grid.split(' ')).succeeds().json()["tiles"].as_array().unwrap().len();
    let prep = "prep items.json --assets tasmax --grid t.grid.json --resampling bilinear --to-unit degC \
                --report days.csv --out out --json";
    let report = sandbox.seedbed(prep.split_whitespace()).succeeds().json();
    assert_eq!((tiles, report["made"].as_u64()), (1, Some(1826)));
    let found = python(&sandbox, CHECK, [""; 0]).unwrap().succeeds().json();
    println!("{found}");
    assert_eq!((found["rows"].as_u64(), found["cogs"].as_u64()), (Some(1826), Some(1826)));
    assert_eq!((found["first"].as_str(), found["last"].as_str()), (Some("2006-01-01"), Some("2010-12-31")));
    assert!(found["worst"].as_f64().unwrap() < 1e-4, "{found}");
    // A run that finds everything there writes the same table.
    let table = sandbox.read("days.csv");
    sandbox.write("days.csv", "");
    let again = sandbox.seedbed(prep.split_whitespace()).succeeds().json();
    assert_eq!(again["present"], 1826);
    assert_eq!(sandbox.read("days.csv"), table);
    sandbox.seedbed(prep.replace("degC", "mm").split_whitespace()).exits(2).says("cannot be converted");
}
