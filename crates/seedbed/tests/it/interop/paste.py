"""A mosaic is its tiles, pasted by numpy at their place on the integer grid."""
import glob, json, os, sys
import numpy as np, rasterio

found = {"mosaics": 0, "pixels": 0, "missing": 0}


def rasters(top):
    """{(period, variable): [(file, tile)]} of a product, by its records."""
    all = {}
    for record in sorted(glob.glob(f"{top}/*/*/*.json")):
        with open(record) as f:
            item = json.load(f)
        place = item["properties"]["seedbed:period"], item["properties"]["seedbed:tile"]
        for name, asset in item["assets"].items():
            file = os.path.join(os.path.dirname(record), asset["href"])
            all.setdefault((place[0], name), []).append((file, place[1]))
    return all


for tiles, mosaic in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(f"{tiles}/expected.json") as f:
        ranges = {t["name"]: t for t in json.load(f)["tiles"]}
    row0, col0 = (min(t[k] for t in ranges.values()) for k in ("row0", "col0"))
    rows = max(t["row0"] + t["rows"] for t in ranges.values()) - row0
    cols = max(t["col0"] + t["cols"] for t in ranges.values()) - col0
    parts = rasters(tiles)
    wholes = rasters(mosaic)
    assert parts.keys() == wholes.keys(), (parts.keys(), wholes.keys())
    for key, files in parts.items():
        assert len(files) == len(ranges) and len(wholes[key]) == 1, (key, files)
        with rasterio.open(wholes[key][0][0]) as tif:
            whole, nodata = tif.read(1), tif.nodata
            made = tif.profile["dtype"], nodata, tif.scales, tif.offsets, tif.units, tif.crs
        canvas = np.full((rows, cols), nodata, whole.dtype)
        for file, tile in files:
            with rasterio.open(file) as tif:
                part = tif.profile["dtype"], tif.nodata, tif.scales, tif.offsets, tif.units, tif.crs
                assert str(part) == str(made), (part, made)
                t = ranges[tile]
                row, col = t["row0"] - row0, t["col0"] - col0
                canvas[row:row + t["rows"], col:col + t["cols"]] = tif.read(1)
        assert canvas.shape == whole.shape, (key, canvas.shape, whole.shape)
        assert np.array_equal(canvas, whole, equal_nan=canvas.dtype.kind == "f"), key
        found["mosaics"] += 1
        found["pixels"] += whole.size
        found["missing"] += int(np.isnan(whole).sum() if whole.dtype.kind == "f" else (whole == nodata).sum())
print(json.dumps(found))
