"""rasterio reads of every COG what its record says, and of one a record what gdalinfo says."""
import glob, json, os, shutil, subprocess, sys
import numpy as np, rasterio
from rasterio.crs import CRS

gdalinfo = shutil.which("gdalinfo")
found = {"rasters": 0, "pixels": 0, "missing": 0, "gdalinfo": 0, "dtypes": []}


def number(value):
    return float(value) if value is not None else None


def same(a, b):
    return a == b or (a is not None and b is not None and np.isnan(a) and np.isnan(b))


def against_gdalinfo(file, tif, stored):
    said = json.loads(subprocess.run(
        [gdalinfo, "-json", "-mm", "-checksum", file], check=True, capture_output=True).stdout)
    band = said["bands"][0]
    assert said["size"] == [tif.width, tif.height], file
    assert said["geoTransform"] == list(tif.transform.to_gdal()), file
    assert CRS.from_wkt(said["coordinateSystem"]["wkt"]) == tif.crs, file
    assert same(number(band.get("noDataValue")), tif.nodata), (file, band)
    assert band.get("unit", "") == (tif.units[0] or ""), (file, band)
    assert (band.get("scale", 1.0), band.get("offset", 0.0)) == (tif.scales[0], tif.offsets[0]), (file, band)
    assert band["description"] == tif.descriptions[0], file
    assert band["type"].lower() == tif.dtypes[0], file
    if stored.size:
        # gdalinfo gives three digits after the point.
        assert abs(band["computedMin"] - stored.min()) <= 5.1e-4, file
        assert abs(band["computedMax"] - stored.max()) <= 5.1e-4, file
    assert band["checksum"] == tif.checksum(1), file


for top in sys.argv[1:]:
    for n, record in enumerate(sorted(glob.glob(f"{top}/*/*/*.json"))):
        with open(record) as f:
            item = json.load(f)
        # Another variable at each record.
        compared = list(item["assets"])[n % len(item["assets"])]
        for key, asset in item["assets"].items():
            file = os.path.normpath(os.path.join(os.path.dirname(record), asset["href"]))
            band = asset["bands"][0]
            with rasterio.open(file) as tif:
                assert tif.count == 1, file
                assert tif.crs == CRS.from_user_input(asset["proj:code"]), file
                assert list(tif.transform)[:6] == asset["proj:transform"], file
                assert list(tif.shape) == asset["proj:shape"], file
                assert tif.dtypes[0] == band["data_type"], file
                assert same(tif.nodata, number(band["nodata"])), file
                assert tif.units[0] == band["unit"], (file, tif.units)
                assert tif.descriptions[0] == band["name"] == key, file
                assert (tif.scales[0], tif.offsets[0]) == (band["raster:scale"], band["raster:offset"]), file
                masked = tif.read(1, masked=True)
                stored = masked.compressed()
                values = stored.astype("f8") * tif.scales[0] + tif.offsets[0]
                if gdalinfo and key == compared:
                    against_gdalinfo(file, tif, stored)
                    found["gdalinfo"] += 1
            said = band["statistics"]
            share = 100.0 * values.size / masked.size
            assert abs(share - said["valid_percent"]) < 1e-9, (file, share, said)
            if values.size:
                # Of an integer file the statistics are those of the values before rounding.
                step = band["raster:scale"] / 2 if stored.dtype.kind == "i" else 0.0
                for name, value in [("minimum", values.min()), ("maximum", values.max()), ("mean", values.mean())]:
                    assert abs(value - said[name]) <= step + 1e-6 * max(1.0, abs(value)), (file, name, value, said)
            found["rasters"] += 1
            found["pixels"] += masked.size
            found["missing"] += int(masked.size - stored.size)
            found["dtypes"] = sorted({*found["dtypes"], str(stored.dtype)})
print(json.dumps(found))
