"""A source raster read without seedbed: netCDF by netCDF4 and its own axes, all else by rasterio.

    extent SPEC        prints west, south, east and north of its pixels' centres, in degrees
    check SPEC ROOT    compares ten pixels of the product, and the share of those that are valid

SPEC is a JSON object: path; variable or member; crs, where the file doesn't say; day; asset.
"""
import glob
import json
import os
import subprocess
import sys
import zipfile

import netCDF4
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.warp import transform

mode, spec = sys.argv[1], json.loads(sys.argv[2])
LONLAT = "EPSG:4326"


class Source:
    """Values (rows, columns; NaN where missing) and the coordinates of rows and columns."""

    def __init__(self, path, variable, member, day, crs):
        if path.endswith(".nc"):
            with netCDF4.Dataset(path) as file:
                data = file[variable]
                data.set_auto_maskandscale(True)
                spatial = [d for d in data.dimensions if d.lower() not in ("time", "day")]
                self.y, self.x = (self.axis(file[d]) for d in spatial)
                layer = 0
                clock = [d for d in data.dimensions if d not in spatial]
                if clock and len(file.dimensions[clock[0]]) > 1:
                    times = file[clock[0]]
                    calendar = getattr(times, "calendar", "standard")
                    dates = netCDF4.num2date(times[:], times.units, calendar)
                    layer = [d.strftime("%Y-%m-%d") for d in dates].index(day)
                values = data[layer] if clock else data[:]
                self.values = np.ma.filled(np.ma.masked_invalid(values).astype("f8"), np.nan)
                self.crs = crs or LONLAT
        else:
            if path.endswith(".zip"):
                with zipfile.ZipFile(path) as archive:
                    member = next(name for name in archive.namelist() if name.endswith(member))
                path = f"/vsizip/{path}/{member}"
            if path.endswith(".hdf"):
                subprocess.run(["gdal_translate", "-q", f'HDF4_EOS:EOS_GRID:"{path}":MODIS_Grid_16DAY_1km_VI:{variable}', "source.tif"], check=True)
                path = "source.tif"
            with rasterio.open(path) as file:
                values = file.read(1, masked=True).astype("f8") * spec.get("scale", 1)
                self.values = values.filled(np.nan)
                rows, cols = np.arange(file.height) + 0.5, np.arange(file.width) + 0.5
                self.x = (file.transform * (cols, 0 * cols))[0]
                self.y = (file.transform * (0 * rows, rows))[1]
                self.crs = crs or file.crs

    @staticmethod
    def axis(variable):
        values = np.asarray(variable[:], "f8")
        return values * 1000 if getattr(variable, "units", "") == "km" else values

    def extent(self):
        x, y = (a.ravel() for a in np.meshgrid(self.x, self.y))
        lon, lat = transform(self.crs, LONLAT, x, y)
        lon = (np.array(lon) + 180) % 360 - 180
        return [lon.min(), min(lat), lon.max(), max(lat)]

    def at(self, lon, lat):
        """The nearest pixels of places (-1 outside), and how near a border each place is, in pixels."""
        x, y = (np.array(a) for a in transform(LONLAT, self.crs, lon, lat))
        if self.x.max() > 180 and str(self.crs) == LONLAT:
            x = x % 360
        found, border = [], np.full(len(x), 1.0)
        for axis, place in ((self.y, y), (self.x, x)):
            # As a regular axis, which seedbed takes it for.
            step = (axis[-1] - axis[0]) / (len(axis) - 1)
            at = (place - axis[0]) / step
            number = np.floor(at + 0.5).astype(int)
            border = np.minimum(border, np.abs(at + 0.5 - np.round(at + 0.5)))
            found.append(np.where((number >= 0) & (number < len(axis)), number, -1))
        return (*found, border)


source = Source(spec["path"], spec.get("variable"), spec.get("member"), spec.get("day"), spec.get("crs"))
if mode == "extent":
    print(json.dumps([float(v) for v in source.extent()]))
    sys.exit()

spots = np.random.default_rng(10)
chosen, wrong, ours, inside, pixels, tiles = [], 0, 0.0, 0.0, 0, 0
for record in sorted(glob.glob(f"{sys.argv[3]}/*/*/*.json")):
    item = json.load(open(record))
    href = os.path.join(os.path.dirname(record), item["assets"][spec["asset"]]["href"])
    with rasterio.open(href) as tile:
        got = tile.read(1, masked=True).astype("f8").filled(np.nan)
        cols, rows = (a.ravel() for a in np.meshgrid(np.arange(tile.width), np.arange(tile.height)))
        lon, lat = tile.transform * (cols + 0.5, rows + 0.5)
    row, col, border = source.at(lon, lat)
    within, sure = (row >= 0) & (col >= 0), border > 1e-6
    want = np.where(within, source.values[row, col], np.nan)
    got = got[rows, cols]
    same = (np.isnan(want) & np.isnan(got)) | (np.abs(want - got) <= 1e-6 * np.abs(want) + 1e-9)
    wrong += int((~same & sure).sum())
    # By area: a degree is narrower in the north.
    area = np.cos(np.radians(lat))
    ours, inside = ours + area[~np.isnan(got)].sum(), inside + area[within].sum()
    pixels, tiles = pixels + int(within.sum()), tiles + 1
    there = np.flatnonzero(~np.isnan(want) & sure)
    for n in spots.permutation(there)[:10]:
        chosen.append([float(want[n]), float(got[n])])
chosen = [chosen[n] for n in spots.permutation(len(chosen))[:10]]
valid = ~np.isnan(source.values)
weight = np.ones(valid.shape)
if CRS.from_user_input(source.crs).is_geographic:
    weight *= np.cos(np.radians(source.y))[:, None]
print(json.dumps({
    "spots": chosen, "wrong": wrong, "pixels": pixels, "tiles": tiles,
    "share": [float((valid * weight).sum() / weight.sum()), ours / inside],
}))
