"""xarray's coordinates are the centres of the grid's pixels, to the last bit."""
import glob, json, sys
import numpy as np, rioxarray, xarray

grid, top = sys.argv[1:]
with open(grid) as f:
    grid = json.load(f)
(x0, y0), (dx, dy) = grid["origin"], grid["resolution"]
found = {"arrays": 0}
for tile in grid["tiles"]:
    cols = tile["col0"] + np.arange(tile["cols"])
    rows = tile["row0"] + np.arange(tile["rows"])
    x, y = x0 + (cols + 0.5) * dx, y0 - (rows + 0.5) * dy
    for file in sorted(glob.glob(f"{top}/{tile['name']}/2004-*/*/etasw_*.tif")):
        array = rioxarray.open_rasterio(file, mask_and_scale=True).squeeze("band")
        assert np.array_equal(array.x, x) and np.array_equal(array.y, y), (file, array.x, x, array.y, y)
        assert array.rio.crs.to_epsg() == 5070 and array.shape == (tile["rows"], tile["cols"]), file
        assert array.attrs["units"] == "mm" and array.attrs["long_name"] == "etasw", array.attrs
        dataset = xarray.open_dataset(file, engine="rasterio", mask_and_scale=True)
        assert np.array_equal(dataset.band_data[0], array, equal_nan=True), file
        found["arrays"] += 1
print(json.dumps(found))
