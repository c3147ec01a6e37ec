# Holds composites against numpy's nanmedian of the stored numbers, to the last step.
# Arguments: the product's folder, its asset, and JSON: "groups" of files by period, "fill",
# "valid" [low, high], and "quality" files with the numbers to "keep", where they are given.
import glob
import json
import sys
import warnings

import numpy as np
import rasterio

root, asset, spec = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
warnings.simplefilter("ignore", RuntimeWarning)


def stored(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


def observed(path, quality):
    raw = stored(path).astype(np.float64)
    gone = raw == spec["fill"]
    if spec.get("valid"):
        gone |= (raw < spec["valid"][0]) | (raw > spec["valid"][1])
    if quality:
        gone |= ~np.isin(stored(quality), spec["keep"])
    return np.where(gone, np.nan, raw)


different = missing = pixels = 0
for period, files in spec["groups"].items():
    qualities = spec.get("quality", {}).get(period, [None] * len(files))
    layers = np.stack([observed(f, q) for f, q in zip(files, qualities)])
    median = np.nanmedian(layers, axis=0)
    wanted = np.where(np.isnan(median), -32768, np.sign(median) * np.floor(np.abs(median) + 0.5))
    written = glob.glob(f"{root}/*/{period}/*/{asset}_*.tif")
    [path] = [f for f in written if f"/{asset}_count_" not in f]
    found = stored(path)
    different += int((found != wanted).sum())
    missing += int(np.isnan(median).sum())
    pixels += found.size
    for count in glob.glob(f"{root}/*/{period}/*/{asset}_count_*.tif"):
        different += int((stored(count) != (~np.isnan(layers)).sum(axis=0)).sum())
print(json.dumps({"pixels": pixels, "missing": missing, "different": different}))
