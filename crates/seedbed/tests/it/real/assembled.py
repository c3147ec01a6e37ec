import glob, json, os, sys
import numpy as np, rasterio

def assembled(root, corner, size, shape, names=None):
    periods = {}
    for record in sorted(glob.glob(f"{root}/*/*/*.json")):
        item = json.load(open(record))
        canvas = periods.setdefault(item["properties"]["seedbed:period"], {})
        for name, asset in item["assets"].items():
            if names is not None and name not in names:
                continue
            with rasterio.open(os.path.join(os.path.dirname(record), asset["href"])) as tif:
                values = tif.read(1, masked=True).astype("f8").filled(np.nan)
                col = round((tif.transform.c - corner[0]) / size)
                row = round((corner[1] - tif.transform.f) / size)
            whole = canvas.setdefault(name, np.full(shape, np.nan))
            into = whole[row:row + values.shape[0], col:col + values.shape[1]]
            into[...] = values[:into.shape[0], :into.shape[1]]
    return periods
