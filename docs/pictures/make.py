"""Draws one file of each of three archives as it comes and as `seedbed prep` lays it on a grid.

    SEEDBED=target/release/seedbed python3 docs/pictures/make.py FOLDER

FOLDER holds real archive samples: what SEEDBED_REAL_DATA names for the tests. Needs numpy, netCDF4 and
rasterio, and GDAL's tools for HDF4. Left is the source on its own grid, right the tiles with their borders.
"""
import glob
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np
import rasterio

folder, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent
seedbed = os.path.abspath(os.environ.get("SEEDBED", "seedbed"))
HEIGHT, GAP = 360, 12
# From low to high: matplotlib's viridis at five places (CC0), and a brown to green for vegetation.
VIRIDIS = [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)]
GREEN = [(140, 100, 50), (222, 200, 140), (200, 215, 110), (90, 160, 60), (10, 90, 30)]
WATER = [(250, 250, 245), (190, 220, 240), (100, 160, 220), (40, 80, 180), (70, 10, 110)]


def painted(values, low, high, colours):
    """RGB bytes; what is missing is light grey."""
    at = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)
    stops = np.linspace(0, 1, len(colours))
    rgb = np.stack([np.interp(at, stops, [c[k] for c in colours]) for k in range(3)])
    rgb[:, np.isnan(values)] = 225
    return rgb.astype("uint8")


def sized(rgb):
    """As high as the pictures are, by the nearest pixel."""
    rows = np.arange(HEIGHT) * rgb.shape[1] // HEIGHT
    width = rgb.shape[2] * HEIGHT // rgb.shape[1]
    return rgb[:, rows][:, :, np.arange(width) * rgb.shape[2] // width]


def save(name, left, right):
    gap = np.full((3, HEIGHT, GAP), 255, "uint8")
    picture = np.concatenate([sized(left), gap, sized(right)], axis=2)
    path = here / f"{name}.png"
    with rasterio.open(path, "w", driver="PNG", height=HEIGHT, width=picture.shape[2], count=3, dtype="uint8") as f:
        f.write(picture)
    pathlib.Path(f"{path}.aux.xml").unlink(missing_ok=True)
    print(path, path.stat().st_size)


def prepared(path, variable, days, bbox, grid, resampling, scale=None):
    """The tiles of one of an item's days on one canvas, and which of its pixels are a tile's border."""
    start, end, day = days
    with tempfile.TemporaryDirectory() as work:
        run = lambda *args: subprocess.run([seedbed, *map(str, args)], cwd=work, check=True, stdout=subprocess.DEVNULL)
        band = {"name": variable} | ({"raster:scale": scale} if scale else {})
        item = {
            "type": "Feature", "stac_version": "1.1.0", "id": "one", "geometry": None, "links": [],
            "properties": {"datetime": None, "start_datetime": f"{start}T00:00:00Z", "end_datetime": f"{end}T23:59:59Z"},
            "assets": {"v": {"href": str(path), "bands": [band]}},
        }
        pathlib.Path(work, "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
        run("grid", f"--bbox={bbox}", *grid, "--out", "tiles.geojson")
        run("prep", "items.json", "--assets", "v", "--grid", "tiles.grid.json", "--resampling", resampling,
            "--datetime", day, "--out", "out")
        tiles = json.loads(pathlib.Path(work, "tiles.grid.json").read_text())["tiles"]
        top, left = min(t["row0"] for t in tiles), min(t["col0"] for t in tiles)
        bottom = max(t["row0"] + t["rows"] for t in tiles)
        right = max(t["col0"] + t["cols"] for t in tiles)
        canvas, border = np.full((bottom - top, right - left), np.nan), np.zeros((bottom - top, right - left), bool)
        thick = max(1, (bottom - top) // HEIGHT)
        for tile in tiles:
            part = np.s_[tile["row0"] - top:, tile["col0"] - left:]
            part = canvas[part][:tile["rows"], :tile["cols"]], border[part][:tile["rows"], :tile["cols"]]
            for cog in glob.glob(f"{work}/out/{tile['name']}/*/*/*.tif"):
                with rasterio.open(cog) as f:
                    part[0][:] = f.read(1, masked=True).astype("f8").filled(np.nan) * f.scales[0] + f.offsets[0]
            part[1][:thick], part[1][:, :thick] = True, True
        return canvas, border


def draw(name, source, low, high, colours, *job, **more):
    canvas, border = prepared(*job, **more)
    right = painted(canvas, low, high, colours)
    right[:, border] = 90
    save(name, painted(source, low, high, colours), right)


ALBERS = ["--crs", "EPSG:5070", "--origin=0,0"]

path = folder / "daymet" / "daymet_v3_daily_prcp_19990913_17_ncss.nc"
with netCDF4.Dataset(path) as file:
    rain = np.ma.filled(np.ma.masked_invalid(file["prcp"][3]).astype("f8"), np.nan)
draw("daymet", rain, 0, 205, WATER, path, "prcp", ("1999-09-13", "1999-09-17", "1999-09-16"), "-79.9,33.5,-75.4,36.9",
     [*ALBERS, "--resolution", 1000, "--tile", "100000m"], "bilinear")

path = next((folder / "modis").glob("MOD13A2*.hdf"))
with tempfile.NamedTemporaryFile(suffix=".tif") as out:
    subprocess.run(["gdal_translate", "-q", f'HDF4_EOS:EOS_GRID:"{path}":MODIS_Grid_16DAY_1km_VI:1 km 16 days NDVI', out.name],
                   check=True)
    with rasterio.open(out.name) as file:
        ndvi = file.read(1, masked=True).astype("f8").filled(np.nan) * 0.0001
draw("modis", ndvi, 0, 0.9, GREEN, path, "1 km 16 days NDVI", ("2021-08-13", "2021-08-28", "2021-08-13"), "-81,20,-70,30",
     ["--resolution", "0.01", "--tile", "2deg"], "average", scale=0.0001)

path = folder / "prism" / "PRISM_tmin_stable_4kmD2_19810101_bil.zip"
with rasterio.open(f"/vsizip/{path}/{path.stem}.bil") as file:
    cold = file.read(1, masked=True).astype("f8").filled(np.nan)
draw("prism", cold, -25, 15, VIRIDIS, path, path.stem, ("1981-01-01", "1981-01-01", "1981-01-01"), "-124.5,24.5,-67,49.3",
     [*ALBERS, "--resolution", 4000, "--tile", "400000m"], "bilinear")
