//! Series at points held against rasterio.

use crate::python::python;
use crate::sandbox::Sandbox;

const WORLD: &str = include_str!("zonal/world.py");

/// Points in and around the world's tiles, and what rasterio reads there.
const POINTS: &str = r#"
import csv, json, sys
import numpy as np, pyproj, rasterio

items = json.load(open("items.json"))["features"]
files = {}
for item in items:
    for name, asset in item["assets"].items():
        files.setdefault((name, item["properties"]["datetime"][:10]), []).append(asset["href"])
# The four tiles of a frame as one array.
frames = {}
for key, hrefs in files.items():
    parts = [rasterio.open(h) for h in sorted(hrefs)]
    whole = np.block([[parts[0].read(1), parts[1].read(1)], [parts[2].read(1), parts[3].read(1)]])
    frames[key] = (parts[0].crs, parts[0].transform, whole)
crs, transform, _ = next(iter(frames.values()))
rng = np.random.default_rng(3)
to_lonlat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
to_grid = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
places = [(rng.uniform(1, 27), rng.uniform(1, 23)) for _ in range(40)] + [(12.0, 14.02), (50.0, 3.0)]
rows, expected = [], {}
for n, (col, row) in enumerate(places):
    lon, lat = to_lonlat.transform(*(transform * (col, row)))
    name = "far" if n == len(places) - 1 else f"p{n}"
    rows.append((name, repr(float(lat)), repr(float(lon))))
    if name == "far":
        continue
    c, r = ~transform * to_grid.transform(float(lon), float(lat))
    for (variable, day), (_, _, whole) in frames.items():
        nearest = whole[int(np.floor(r + 1e-10)), int(np.floor(c + 1e-10))]
        y, x = int(np.floor(r - 0.5)), int(np.floor(c - 0.5))
        v, u = r - 0.5 - y, c - 0.5 - x
        four = whole[y : y + 2, x : x + 2]
        weights = np.outer([1 - v, v], [1 - u, u])
        there = ~np.isnan(four)
        linear = (four[there] * weights[there]).sum() / weights[there].sum() if not np.isnan(nearest) else np.nan
        expected[name, variable, day] = (float(nearest), float(linear))
with open("points.csv", "w") as out:
    csv.writer(out).writerows([("site", "lat", "lon"), *rows])

def check(table, which):
    found = list(csv.DictReader(open(table)))
    assert len(found) == len(expected), (len(found), len(expected))
    assert [r["point"] for r in found[:4]] == ["p0"] * 4
    for r in found:
        wanted = expected[r["point"], r["variable"], r["period"]][which]
        if np.isnan(wanted):
            assert r["value"] == "", r
        else:
            assert abs(float(r["value"]) - wanted) < 1e-9, (r, wanted)
        assert r["unit"] == ("mm" if r["variable"] == "etasw" else "degC")

if sys.argv[1] == "check":
    check("nearest.csv", 0)
    check("bilinear.csv", 1)
    wide = list(csv.DictReader(open("wide.csv")))
    assert len(wide) == len(expected) // 2 and set(wide[0]) >= {"etasw", "tmax", "period", "start"}
    for r in wide:
        for variable in ("etasw", "tmax"):
            wanted = expected[r["point"], variable, r["period"]][0]
            assert r[variable] == "" if np.isnan(wanted) else float(r[variable]) == wanted, r
"#;

#[test]
fn values_at_points_are_rasterios() {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, WORLD, ["albers"]) else { return };
    made.succeeds();
    python(&sandbox, POINTS, ["make"]).unwrap().succeeds();
    let series = |more: &[&str]| {
        let series = ["series", "items.json", "--points", "points.csv"];
        sandbox.seedbed([&series[..], more].concat())
    };
    let dry = series(&["--out", "dry.csv", "--dry-run", "--json"]).succeeds().json();
    assert_eq!((&dry["rows"], sandbox.path("dry.csv").exists()), (&(41 * 4).into(), false));
    let report = series(&["--out", "nearest.csv", "--json"]).succeeds().says("1 of 42 points").json();
    assert_eq!((&report["outside"][0], &report["units"]["etasw"]), (&"far".into(), &"mm".into()));
    series(&["--out", "bilinear.csv", "--bilinear"]).succeeds().prints("outside: point `far`");
    series(&["--out", "wide.csv", "--wide"]).succeeds();
    python(&sandbox, POINTS, ["check"]).unwrap().succeeds();
    series(&["--out", "x.csv", "--id", "code"]).exits(2).says("no column `code`").says("site, lat, lon");
}

#[test]
fn a_cube_has_a_row_a_date() {
    let sandbox = Sandbox::new();
    let Some(made) = python(&sandbox, WORLD, ["albers"]) else { return };
    made.succeeds();
    python(&sandbox, POINTS, ["make"]).unwrap().succeeds();
    let grid = ["grid", "--like", "etasw_1_00.tif", "--tile", "12px", "--out", "tiles.geojson"];
    sandbox.seedbed(grid).succeeds();
    let prep = ["prep", "items.json", "--assets", "etasw", "--grid", "tiles.grid.json", "--format", "zarr"];
    sandbox.seedbed([&prep[..], &["--dtype", "float64", "--out", "cube"]].concat()).succeeds();
    let read = |product: &str, out: &str| {
        let series = ["series", product, "--points", "points.csv", "--variables", "etasw", "--out", out];
        sandbox.seedbed(series).succeeds();
        let table = sandbox.read(out);
        table.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let (cube, cogs) = (read("cube", "cube.csv"), read("items.json", "cogs.csv"));
    assert!(cube.len() > 4 && cube.iter().all(|row| cogs.contains(row)), "{cube:?}");
    assert!(cube.iter().any(|row| row.contains(",2003-02-01,")), "{cube:?}");
}
