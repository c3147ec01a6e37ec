"""A prepared asset against its source and against gdalwarp.

The source's share of valid pixels is taken on its own grid, each pixel weighted
by its area (the cosine of latitude on a grid in degrees); the product's over
those of its pixels whose centre lies inside the source's rectangle. The spots
are drawn from the pixels that gdalwarp finds valid, and all pixels of the chosen
periods are compared besides.
"""
import glob, json, os, subprocess, sys
import numpy as np, rasterio
from rasterio.warp import transform

root, asset, spec = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def call(*args):
    subprocess.run([str(a) for a in args], check=True, stdout=subprocess.DEVNULL)


def area(dataset):
    rows = np.arange(dataset.height) + 0.5
    lat = dataset.transform.f + dataset.transform.e * rows
    weight = np.cos(np.radians(lat)) if dataset.crs.is_geographic else np.ones(dataset.height)
    return np.repeat(weight[:, None], dataset.width, axis=1)


def inside(tile, source):
    """Where the tile's pixel centres lie in the source's rectangle."""
    cols, rows = np.meshgrid(np.arange(tile.width) + 0.5, np.arange(tile.height) + 0.5)
    x, y = tile.transform * (cols.ravel(), rows.ravel())
    x, y = transform(tile.crs, source.crs, x, y)
    cols, rows = ~source.transform * (np.array(x), np.array(y))
    within = (cols >= 0) & (cols < source.width) & (rows >= 0) & (rows < source.height)
    return within.reshape(tile.height, tile.width)


tiles, names = {}, set()
for record in sorted(glob.glob(f"{root}/*/*/*.json")):
    item = json.load(open(record))
    if asset in item["assets"]:
        href = os.path.join(os.path.dirname(record), item["assets"][asset]["href"])
        tiles.setdefault(item["properties"]["seedbed:period"], []).append(href)
        names.add(item["properties"]["seedbed:tile"])

spots = np.random.default_rng(20)
source_valid = source_all = ours_valid = ours_all = 0.0
off, masks, compared, reach, chosen = 0.0, 0, 0, 0.0, []
for period, band in spec["bands"].items():
    source_path = f"{asset}-{period}.tif"
    call("gdal_translate", "-q", "-b", band, *spec.get("translate", []), spec["gdal"], source_path)
    with rasterio.open(source_path) as source:
        values, weight = source.read(1, masked=True), area(source)
        there = ~np.ma.getmaskarray(values)
        source_valid, source_all = source_valid + weight[there].sum(), source_all + weight.sum()
        reach = max(reach, float(values.max() - values.min()))
        for path in tiles[period]:
            with rasterio.open(path) as tile:
                got, b = tile.read(1, masked=True), tile.bounds
                within = inside(tile, source)
                with open("tile.prj", "w") as f:
                    f.write(tile.crs.to_wkt())
            found = ~np.ma.getmaskarray(got)
            ours_valid, ours_all = ours_valid + (found & within).sum(), ours_all + within.sum()
            call("gdalwarp", "-q", "-overwrite", "-et", 0, "-r", spec["resampling"], "-t_srs", "tile.prj",
                 "-te", b.left, b.bottom, b.right, b.top, "-ts", got.shape[1], got.shape[0],
                 "-wo", "XSCALE=1", "-wo", "YSCALE=1", source_path, "warped.tif")
            with rasterio.open("warped.tif") as warped:
                want = warped.read(1, masked=True)
            valid = ~np.ma.getmaskarray(want)
            masks += int((valid != found).sum())
            both = valid & found
            compared += int(both.sum())
            if both.any():
                gap = np.abs(got.data[both].astype("f8") - want.data[both].astype("f8"))
                off = max(off, float(gap.max()))
            at = np.argwhere(valid)
            for row, col in at[spots.choice(len(at), min(20, len(at)), replace=False)]:
                chosen.append((float(want[row, col]), float(got[row, col]) if found[row, col] else None))
chosen = [chosen[i] for i in spots.choice(len(chosen), 20, replace=False)]
print(json.dumps({
    "tiles": len(names),
    "periods": len(tiles),
    "share": [source_valid / source_all, ours_valid / ours_all],
    "spots": chosen, "range": reach,
    "all": {"compared": compared, "largest": off, "masks": masks},
}))
