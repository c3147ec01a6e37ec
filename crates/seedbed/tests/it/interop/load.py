"""odc-stac loads a product by its items alone: one cube of all tiles, each pixel in its place."""
import json, sys
import numpy as np, odc.stac, pystac, rasterio

top, variable = sys.argv[1:]
items = list(pystac.Catalog.from_file(f"{top}/catalog.json").get_items(recursive=True))
# Daily, monthly and yearly periods may begin on one day: they are different products.
items = [i for i in items if i.properties["start_datetime"].startswith("2004-08")]
cube = odc.stac.load(items, bands=[variable])
found = {"items": len(items), "times": cube.sizes["time"], "pixels": 0, "valid": 0}
for item in items:
    with rasterio.open(item.assets[variable].get_absolute_href()) as file:
        stored = file.read(1)
        col = round((file.transform.c - cube.x.values[0]) / file.transform.a + 0.5)
        row = round((file.transform.f - cube.y.values[0]) / file.transform.e + 0.5)
        loaded = cube[variable].isel(time=0, y=slice(row, row + file.height), x=slice(col, col + file.width))
        assert loaded.shape == stored.shape and cube.odc.crs == file.crs, (item.id, loaded.shape, cube.odc.crs)
        assert np.array_equal(loaded.values, stored, equal_nan=True), item.id
        nodata = item.assets[variable].to_dict()["bands"][0]["nodata"]
        nodata = float("nan") if nodata == "nan" else nodata
        assert np.array_equal([cube[variable].odc.nodata], [nodata], equal_nan=True), (item.id, nodata)
        found["pixels"] += stored.size
        found["valid"] += int(np.isfinite(stored).sum() if np.isnan(nodata) else (stored != nodata).sum())
print(json.dumps(found))
