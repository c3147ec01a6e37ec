"""rio-cogeo on the arrays of the bench: CPU seconds, wall clock and megabytes.

    python rio_cogeo_peer.py FOLDER ROUNDS NAME…

Each NAME.tif of FOLDER is read into memory first and not counted.
"""

import os
import sys
import time
import warnings

import rasterio
import rio_cogeo
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

folder, rounds, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
# That not everyone reads zstd.
warnings.filterwarnings("ignore", category=UserWarning)
print(f"rio-cogeo {rio_cogeo.__version__} with GDAL {rasterio.__gdal_version__}; CPU s, wall s, MB")


def once(source, out, compress, level, predictor, threads):
    profile = cog_profiles.get(compress)
    profile.update({"blockxsize": 512, "blockysize": 512, "predictor": predictor})
    profile["zstd_level" if compress == "zstd" else "zlevel"] = level
    cog_translate(
        source,
        out,
        profile,
        overview_resampling="average",
        web_optimized=False,
        in_memory=True,
        quiet=True,
        forward_band_tags=True,
        config={"GDAL_NUM_THREADS": str(threads), "GDAL_TIFF_OVR_BLOCKSIZE": "512"},
    )


for name in names:
    with rasterio.open(os.path.join(folder, f"{name}.tif")) as d:
        pixels, profile = d.read(), d.profile
    keep = {k: profile[k] for k in ("dtype", "nodata", "width", "height", "count", "crs", "transform")}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", tiled=True, blockxsize=512, blockysize=512, **keep) as d:
            d.write(pixels)
        predictor = 3 if profile["dtype"].startswith("float") else 2
        for compress, level in (("zstd", 3), ("zstd", 9), ("deflate", 6)):
            for threads in (1, 2):
                cpu = wall = 0.0
                out = os.path.join(folder, "rio.part.tif")
                for _ in range(rounds):
                    with memory.open() as source:
                        cpu0, wall0 = time.process_time(), time.perf_counter()
                        once(source, out, compress, level, predictor, threads)
                        cpu, wall = cpu + time.process_time() - cpu0, wall + time.perf_counter() - wall0
                size = os.path.getsize(out) / 1e6
                os.remove(out)
                print(f"{name:8} {compress} {level} {threads} {cpu / rounds:6.2f} {wall / rounds:6.2f} {size:7.1f}", flush=True)
