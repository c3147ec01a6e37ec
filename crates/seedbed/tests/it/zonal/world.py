"""Four tiles of two variables and two months on a grid, and zones of every sort.

Usage: world.py geographic|albers|conic. Writes tiles, items.json and zones.geojson, and
expected.json: what shapely and the formulas of the manuals make of them."""
import json
import sys

import numpy as np
import pyproj
import rasterio
import shapely
from rasterio.transform import Affine
from shapely.geometry import Polygon, box, mapping, shape

kind = sys.argv[1]
code, origin, size = {
    "geographic": ("EPSG:4326", (-76.0, 43.0), 0.1),
    "albers": ("EPSG:5070", (1_500_000.0, 2_400_000.0), 9_000.0),
    "conic": (
        "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +datum=WGS84 +units=m",
        (1_900_000.0, 300_000.0),
        9_000.0,
    ),
}[kind]
crs = rasterio.crs.CRS.from_user_input(code)
rows, cols = 12, 14
rng = np.random.default_rng(7)


def day(month):
    return f"2003-{month:02}-01T00:00:00Z"


values = {}
items = []
for month in (1, 2):
    for name, unit in (("etasw", "mm"), ("tmax", "degC")):
        whole = rng.normal(20, 5, (2 * rows, 2 * cols)).astype("float64")
        whole[rng.random(whole.shape) < 0.1] = np.nan
        values[name, month] = whole
    for i in range(2):
        for j in range(2):
            assets = {}
            for name, unit in (("etasw", "mm"), ("tmax", "degC")):
                part = values[name, month][i * rows : (i + 1) * rows, j * cols : (j + 1) * cols]
                path = f"{name}_{month}_{i}{j}.tif"
                corner = Affine(size, 0, origin[0] + j * cols * size, 0, -size, origin[1] - i * rows * size)
                with rasterio.open(
                    path, "w", driver="GTiff", width=cols, height=rows, count=1, dtype="float64",
                    nodata=np.nan, crs=crs, transform=corner,
                ) as out:
                    out.write(part, 1)
                assets[name] = {"href": "./" + path, "type": "image/tiff; application=geotiff",
                                "roles": ["data"], "bands": [{"unit": unit}]}
            items.append({
                "type": "Feature", "stac_version": "1.1.0", "id": f"t{month}{i}{j}", "geometry": None,
                "links": [], "properties": {"datetime": day(month)}, "assets": assets,
            })
json.dump({"type": "FeatureCollection", "features": items}, open("items.json", "w"))

# Zones are drawn in pixels, and taken to longitude and latitude.
to_lonlat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
to_grid = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)


def lonlat(polygon):
    def ring(r):
        x, y = np.array(r.coords).T
        a, b = to_lonlat.transform(origin[0] + x * size, origin[1] - y * size)
        return list(zip(a, b))

    return Polygon(ring(polygon.exterior), [ring(r) for r in polygon.interiors])


blob = shapely.affinity.rotate(Polygon([(3, 2), (22.3, 4.1), (25, 19), (11.7, 12.2), (2.2, 21.5)]), 4)
drawn = {
    "spans": [blob.difference(box(8.3, 6.2, 12.9, 9.9))],
    "parts": [box(1.25, 1.5, 3.75, 2.5), Polygon([(16, 14), (20.5, 14.2), (18.1, 21.9)])],
    "pixel": [box(5, 7, 6, 8)],
    "partly": [box(-4.5, 3.2, 2.5, 8.8)],
    "outside": [box(60, 60, 62, 62)],
}
zones = {name: shapely.MultiPolygon([lonlat(p) for p in parts]) for name, parts in drawn.items()}
features = [
    {"type": "Feature", "properties": {"name": name, "n": n}, "geometry": mapping(zone)}
    for n, (name, zone) in enumerate(zones.items())
]
json.dump({"type": "FeatureCollection", "features": features}, open("zones.geojson", "w"))

# What the tool should find: each polygon as read back, its edges in pieces as it cuts them.
zones = {f["properties"]["name"]: shape(f["geometry"]) for f in json.load(open("zones.geojson"))["features"]}


def pixels(polygon):
    def ring(r):
        points = list(r.coords)[:-1]
        dense = []
        for a, b in zip(points, points[1:] + points[:1]):
            parts = 1
            if not crs.is_geographic:
                parts = max(1, int(np.ceil(max(abs(b[0] - a[0]), abs(b[1] - a[1])) / 0.005)))
            dense += [(a[0] + t / parts * (b[0] - a[0]), a[1] + t / parts * (b[1] - a[1])) for t in range(parts)]
        x, y = to_grid.transform(*np.array(dense).T)
        return list(zip((np.array(x) - origin[0]) / size, (origin[1] - np.array(y)) / size))

    return Polygon(ring(polygon.exterior), [ring(r) for r in polygon.interiors])


a, f = 6378137.0, 1 / 298.257223563
e2 = f * (2 - f)
geod = pyproj.Geod(ellps="WGS84")


def q(phi):
    s, e = np.sin(np.radians(phi)), np.sqrt(e2)
    return (1 - e2) * (s / (1 - e2 * s * s) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))


def area(row, col):
    if crs.is_geographic:
        south, north = origin[1] - (row + 1) * size, origin[1] - row * size
        return a * a / 2 * np.radians(size) * (q(north) - q(south))
    if kind == "albers":
        return size * size
    # The pixel's outline on the ellipsoid, its edges in 64 geodesics each.
    t = np.linspace(0, 1, 64, endpoint=False)
    x = np.concatenate([col + t, col + 1 + 0 * t, col + 1 - t, col + 0 * t])
    y = np.concatenate([row + 0 * t, row + t, row + 1 + 0 * t, row + 1 - t])
    lon, lat = to_lonlat.transform(origin[0] + x * size, origin[1] - y * size)
    return abs(geod.polygon_area_perimeter(lon, lat)[0])


areas = np.array([[area(r, c) for c in range(2 * cols)] for r in range(2 * rows)])


def median(v, w):
    order = np.argsort(v)
    v, w = v[order], w[order]
    return float(np.interp(0.5 * w.sum(), np.cumsum(w) - w / 2, v))


expected = []
for name, zone in zones.items():
    shares = np.zeros((2 * rows, 2 * cols))
    whole = 0.0
    for polygon in zone.geoms:
        clipped = pixels(polygon)
        whole += clipped.area
        for r in range(2 * rows):
            for c in range(2 * cols):
                shares[r, c] += clipped.intersection(box(c, r, c + 1, r + 1)).area
    for (variable, month), data in values.items():
        there = (shares > 1e-12) & ~np.isnan(data)
        row = {"zone": name, "variable": variable, "period": f"2003-{month:02}-01", "inside": shares.sum() / whole}
        row["count"] = float(shares[there].sum())
        if there.any():
            v, w = data[there], (shares * areas)[there]
            mean = float((v * w).sum() / w.sum())
            row.update(mean=mean, sum=float((v * shares[there]).sum()), integral=float((v * w).sum()),
                       min=float(v.min()), max=float(v.max()), median=median(v, w),
                       stddev=float(np.sqrt((w * (v - mean) ** 2).sum() / w.sum())))
            row["valid"] = float(w.sum() / (shares * areas).sum()) * row["inside"]
        expected.append(row)
json.dump(expected, open("expected.json", "w"))
