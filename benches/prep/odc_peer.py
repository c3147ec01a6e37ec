"""What a notebook with xarray, odc-geo and rio-cogeo does.

    odc_peer.py cogs SOURCE FOLDER THREADS CODEC LEVEL WIDTH HEIGHT W S E N
"""
import sys

import numpy as np
import odc.geo.xr  # noqa: F401
import rasterio
import rioxarray  # noqa: F401
import xarray
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

_, source, folder, threads, codec, level, width, height, *bounds = sys.argv[1:]
geobox = GeoBox.from_bbox([float(b) for b in bounds], "EPSG:4326", shape=(int(height), int(width)))
with xarray.open_dataset(source, decode_coords="all", mask_and_scale=True) as opened:
    data = opened.tmax.rio.write_crs(opened.rio.crs)
    warped = data.odc.reproject(geobox, resampling="bilinear")
    for n in range(warped.sizes["time"]):
        values = warped.isel(time=n).values
        stored = np.where(np.isnan(values), -32768, np.round(values * 100)).astype("int16")
        profile = {
            "driver": "GTiff", "dtype": "int16", "count": 1, "width": int(width), "height": int(height),
            "crs": "EPSG:4326", "transform": geobox.transform, "nodata": -32768,
        }
        with MemoryFile() as memory:
            with memory.open(**profile) as day:
                day.write(stored, 1)
                day.scales = (0.01,)
            with memory.open() as day:
                options = dict(cog_profiles.get(codec), blockxsize=512, blockysize=512, predictor=2)
                key = "zstd_level" if codec == "zstd" else "zlevel"
                options[key] = level
                cog_translate(
                    day, f"{folder}/{n + 1:03}.tif", options, overview_resampling="average", quiet=True,
                    config={"GDAL_NUM_THREADS": threads}, forward_band_tags=True,
                )
