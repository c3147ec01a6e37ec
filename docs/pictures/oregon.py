"""Runs VegET over south-east Oregon for the year 2000, and draws its evapotranspiration and one pixel's year.

    SEEDBED=target/release/seedbed python3 docs/pictures/oregon.py FOLDER

FOLDER holds real archive samples: what SEEDBED_REAL_DATA names for the tests. Needs numpy and rasterio.
Weather is gridMET's, soil water capacity that of the state's soil map; NDVI is an idealised season, which
peaks in June and is greener in the north, and reference evapotranspiration is Hargreaves and Samani's.
"""
import datetime
import glob
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import rasterio
from rasterio.transform import from_origin

folder, here = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(__file__).parent
seedbed = os.path.abspath(os.environ.get("SEEDBED", "seedbed"))
STEP, SMALL, SERIES = 2000, 10, ["rain", "swe", "etasw", "swf", "snwpk"]
# From dry to wet, after ColorBrewer's YlGnBu (Apache 2.0).
WET = [(255, 255, 217), (199, 233, 180), (65, 182, 196), (34, 94, 168), (8, 29, 88)]
AREA = [[-1971400, 2336400], [-1720500, 2336400], [-1720500, 2635300], [-1971400, 2635300], [-1971400, 2336400]]


def item(name, start, end, assets):
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "geometry": None, "links": [],
        "properties": {"datetime": None, "start_datetime": f"{start}T00:00:00Z", "end_datetime": f"{end}T23:59:59Z"},
        "assets": assets}


def collection(path, items):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))


def season(work):
    """NDVI as 16-day composites on a grid of its own."""
    days = [datetime.date(1999, 12, 19), *(datetime.date(2000, 1, 1) + datetime.timedelta(16 * n) for n in range(23)),
            datetime.date(2001, 1, 1)]
    for day in days:
        of_year = (day - datetime.date(2000, 1, 1)).days + 1
        rows = 0.25 + 0.35 * np.exp(-(((of_year - 165) / 50) ** 2)) - 0.003 * np.arange(40)
        path = work / f"ndvi-{day}.tif"
        with rasterio.open(path, "w", driver="GTiff", dtype="float32", count=1, width=50, height=40, crs="EPSG:4326",
                           transform=from_origin(-121.5, 45.5, 0.1, 0.1)) as file:
            file.write(np.repeat(rows[:, None], 50, 1).astype("f4"), 1)
        band = {"name": "ndvi", "unit": "1"}
        yield item(f"ndvi-{day}", day, day + datetime.timedelta(15), {"ndvi": {"href": path.name, "bands": [band]}})


def project(out, grid, periods, variables):
    weather = "".join(f'[inputs.{n}]\nitems = "weather.json"\nasset = "{n}"\n' for n in ("ppt", "tmin", "tmax"))
    return f"""
[project]
name = "oregon"
out = "{out}"
period = "2000"
[grid]
file = "{grid}.grid.json"
{weather}
[inputs.ndvi]
items = "ndvi.json"
asset = "ndvi"
time = "composite"
[statics.whc]
href = "{folder}/veget/oregon_available_water_capacity.asc"
unit = "inch"  # a foot of soil
scale = 3.0    # feet of root zone
[statics.field_capacity]
value = 300
[statics.saturation]
value = 450
[statics.interception]
value = 10
[model]
name = "veget"
[model.set]
bias_corr = 1.1
[output]
periods = ["{periods}"]
variables = {json.dumps(variables)}
"""


def canvas(path, work, out, period, variable):
    """All tiles on one raster."""
    tiles = json.loads((work / path).read_text())["tiles"]
    top, left = min(t["row0"] for t in tiles), min(t["col0"] for t in tiles)
    bottom, right = max(t["row0"] + t["rows"] for t in tiles), max(t["col0"] + t["cols"] for t in tiles)
    whole = np.full((bottom - top, right - left), np.nan)
    for tile in tiles:
        for cog in glob.glob(f"{work}/{out}/{tile['name']}/{period}/*/{variable}_*.tif"):
            with rasterio.open(cog) as file:
                whole[tile["row0"] - top:, tile["col0"] - left:][:tile["rows"], :tile["cols"]] = file.read(1)
    return whole


def painted(values, low, high):
    at = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)
    rgb = np.stack([np.interp(at, np.linspace(0, 1, len(WET)), [c[k] for c in WET]) for k in range(3)])
    rgb[:, np.isnan(values)] = 225
    return rgb.astype("uint8")


def draw_map(values, low, high, zoom=4):
    """The map, and beside it a bar from low (bottom) to high."""
    rows = len(values) * zoom
    bar = np.repeat(np.linspace(high, low, rows)[:, None], 20, 1)
    gap = np.full((3, rows, 12), 255, "uint8")
    picture = np.concatenate([np.repeat(np.repeat(painted(values, low, high), zoom, 1), zoom, 2), gap,
                              painted(bar, low, high)], 2)
    path = here / "oregon_et.png"
    with rasterio.open(path, "w", driver="PNG", width=picture.shape[2], height=rows, count=3, dtype="uint8") as file:
        file.write(picture)
    pathlib.Path(f"{path}.aux.xml").unlink(missing_ok=True)
    print(path, path.stat().st_size)


def draw_series(series, place):
    """The year of a pixel as lines, water a day above, stores below."""
    width, height, left, top = 760, 150, 50, 24
    x = lambda day: left + day * width / 366
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {2 * height + 110}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    panels = [
        ("mm a day", [("rain and snow", series["rain"] + series["swe"], "#9ec9e8", "bars"),
                      ("evapotranspiration", series["etasw"], "#1a7a3c", "line")]),
        ("mm", [("soil water", series["swf"], "#8c5a2b", "line"), ("snowpack", series["snwpk"], "#4a6fb5", "line")]),
    ]
    for n, (unit, lines) in enumerate(panels):
        base = top + n * (height + 50) + height
        high = max(float(np.nanmax(v)) for _, v, _, _ in lines) * 1.05
        y = lambda v: base - v / high * height
        for tick in np.linspace(0, high, 4)[:-1]:
            parts.append(f'<path d="M{left} {y(tick):.1f}h{width}" stroke="#ddd"/>'
                         f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.0f}</text>')
        for k, (name, values, colour, kind) in enumerate(lines):
            if kind == "bars":
                path = "".join(f"M{x(d + .5):.1f} {base}V{y(v):.1f}" for d, v in enumerate(values) if v > 0)
            else:
                path = "M" + "L".join(f"{x(d + .5):.1f} {y(v):.1f}" for d, v in enumerate(values))
            parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
                         f'<text x="{left + 160 * k}" y="{base - height - 8}" fill="{colour}">{name}, {unit}</text>')
        for month in range(12):
            day = (datetime.date(2000, month + 1, 1) - datetime.date(2000, 1, 1)).days
            parts.append(f'<text x="{x(day)}" y="{base + 16}">{datetime.date(2000, month + 1, 1):%b}</text>')
    parts.append(f'<text x="{left}" y="{2 * height + 100}" fill="#555">{place}</text></svg>')
    path = here / "oregon_pixel.svg"
    path.write_text("\n".join(parts) + "\n")
    print(path, path.stat().st_size)


with tempfile.TemporaryDirectory() as temporary:
    work = pathlib.Path(temporary)
    run = lambda *args: subprocess.run([seedbed, *map(str, args)], cwd=work, check=True, stdout=subprocess.DEVNULL)
    file = lambda theirs: {"href": f"{folder}/gridmet/oregon_{theirs}_2000_subset.nc"}
    weather = {"ppt": file("pr"), "tmin": file("tmmn"), "tmax": file("tmmx")}
    collection(work / "weather.json", [item("gridmet-2000", "2000-01-01", "2000-12-31", weather)])
    collection(work / "ndvi.json", list(season(work)))
    (work / "area.geojson").write_text(json.dumps({
        "type": "Polygon", "coordinates": [AREA], "crs": {"type": "name", "properties": {"name": "EPSG:5070"}}}))
    for name, tile in (("tiles", 50), ("small", SMALL)):
        run("grid", "--aoi", "area.geojson", "--crs", "EPSG:5070", "--origin=-1972000,2636000", "--resolution", STEP,
            "--tile", f"{tile}px", "--out", f"{name}.geojson")
    (work / "year.toml").write_text(project("year", "tiles", "yearly", ["etasw"]))
    run("run", "year.toml")
    et = canvas("tiles.grid.json", work, "year", "2000", "etasw")
    draw_map(et, 100, 350)
    print(f"evapotranspiration of {np.isfinite(et).sum()} pixels: {np.nanmin(et):.0f} to {np.nanmax(et):.0f} mm, "
          f"mean {np.nanmean(et):.0f}")
    # The pixel where a hundredth of all is wetter, so that there is snow to see.
    row, col = np.unravel_index(np.nanargmin(np.abs(et - np.nanpercentile(et, 99))), et.shape)
    whole = json.loads((work / "tiles.grid.json").read_text())["tiles"]
    row, col = row + min(t["row0"] for t in whole), col + min(t["col0"] for t in whole)
    tiles = json.loads((work / "small.grid.json").read_text())["tiles"]
    chosen = next(t for t in tiles if 0 <= row - t["row0"] < SMALL and 0 <= col - t["col0"] < SMALL)
    (work / "days.toml").write_text(project("days", "small", "daily", SERIES))
    run("run", "days.toml", "--tiles", chosen["name"])
    days = [str(datetime.date(2000, 1, 1) + datetime.timedelta(n)) for n in range(366)]
    series = {}
    for name in SERIES:
        paths = [glob.glob(f"{work}/days/{chosen['name']}/{day}/*/{name}_*.tif")[0] for day in days]
        series[name] = np.array([rasterio.open(path).read(1)[row - chosen["row0"], col - chosen["col0"]] for path in paths])
    x, y = -1972000 + (col + 0.5) * STEP, 2636000 - (row + 0.5) * STEP
    draw_series(series, f"the pixel at x = {x:.0f}, y = {y:.0f} m in EPSG:5070, of {STEP} m; year 2000")
