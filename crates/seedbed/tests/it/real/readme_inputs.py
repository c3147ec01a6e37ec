# The inputs of the README's section on aligned rasters, over the upper Delaware: two years of
# 16-day composites with their rank and their pixels' days, and December of a daily temperature.
import json
from datetime import date, timedelta

import numpy as np
import rasterio
from rasterio.transform import from_origin

random = np.random.default_rng(3)
observed = np.random.default_rng(4)


def write(name, values, fill):
    with rasterio.open(name, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
                       dtype=values.dtype, crs="EPSG:4326", nodata=fill,
                       transform=from_origin(-77.0, 43.0, 0.02, 0.02)) as raster:
        raster.write(values, 1)


def item(name, start, days, assets):
    end = start + timedelta(days=days - 1)
    box = [-77.0, 39.8, -73.5, 43.0]
    ring = [[-77.0, 39.8], [-73.5, 39.8], [-73.5, 43.0], [-77.0, 43.0], [-77.0, 39.8]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "bbox": box, "links": [],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": None, "start_datetime": f"{start}T00:00:00Z",
                       "end_datetime": f"{end}T23:59:59Z"},
        "assets": assets,
    }


def collection(name, items):
    with open(name, "w") as out:
        json.dump({"type": "FeatureCollection", "features": items}, out)


shape = (160, 175)
composites = []
for year in (2002, 2003):
    for day in (1, 17, 33, 321, 337, 353):
        start = date(year, 1, 1) + timedelta(days=day - 1)
        index = random.integers(-1500, 9500, shape).astype(np.int16)
        rank = random.integers(0, 4, shape).astype(np.int8).astype(np.uint8)
        write(f"ndvi_{start}.tif", index, -3000)
        write(f"rank_{start}.tif", rank, 255)
        days_of_year = np.array([(start + timedelta(days=n)).timetuple().tm_yday for n in range(16)], np.int16)
        write(f"day_{start}.tif", observed.choice(days_of_year, shape), -1)
        band = {"nodata": -3000, "unit": "1", "raster:scale": 0.0001, "valid_range": [-2000, 10000]}
        composites.append(item(f"ndvi-{start}", start, 16, {
            "ndvi": {"href": f"ndvi_{start}.tif", "bands": [band]},
            "pixel_reliability": {"href": f"rank_{start}.tif"},
            "composite_day": {"href": f"day_{start}.tif", "bands": [{"nodata": -1}]},
        }))
collection("ndvi.json", composites)

days = []
for number in range(31):
    start = date(2003, 12, 1) + timedelta(days=number)
    write(f"tmmx_{start}.tif", np.full(shape, 280 + number, np.float32), np.nan)
    days.append(item(f"tmmx-{start}", start, 1, {"tmmx": {"href": f"tmmx_{start}.tif", "bands": [{"unit": "K"}]}}))
collection("gridmet.json", days)
