"""The items of the catalog bench, built, saved, split and read again by pystac.

    python benches/peers/pystac_catalog.py N FOLDER [projected]

prints CPU seconds a step; pystac's grow with the square of N. With `projected`
the projection of each asset is spelled out.
"""

import datetime
import os
import sys
import time

import pystac

VARIABLES = {"dayl": "s", "prcp": "mm/day", "srad": "W/m2", "swe": "kg/m2", "tmax": "degC", "tmin": "degC", "vp": "Pa"}


def parameter(name: str, value: float, unit: str, code: int) -> dict:
    return {"name": name, "value": value, "unit": unit, "id": {"authority": "EPSG", "code": code}}


def axis(name: str, short: str, direction: str, unit: str) -> dict:
    return {"name": name, "abbreviation": short, "direction": direction, "unit": unit}


# Daymet's own projection, which has no code: as in crates/seedbed-catalog/benches/catalog.rs
WKT2 = """PROJCRS["unknown",BASEGEOGCRS["unknown",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]],ID["EPSG",6326]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8901]]],CONVERSION["unknown",METHOD["Lambert Conic Conformal (2SP)",ID["EPSG",9802]],PARAMETER["Latitude of false origin",42.5,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8821]],PARAMETER["Longitude of false origin",-100,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8822]],PARAMETER["Latitude of 1st standard parallel",25,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8823]],PARAMETER["Latitude of 2nd standard parallel",60,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8824]],PARAMETER["Easting at false origin",0,LENGTHUNIT["metre",1],ID["EPSG",8826]],PARAMETER["Northing at false origin",0,LENGTHUNIT["metre",1],ID["EPSG",8827]]],CS[Cartesian,2],AXIS["(E)",east,ORDER[1],LENGTHUNIT["metre",1,ID["EPSG",9001]]],AXIS["(N)",north,ORDER[2],LENGTHUNIT["metre",1,ID["EPSG",9001]]]]"""
PROJJSON = {
    "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
    "type": "ProjectedCRS",
    "name": "unknown",
    "base_crs": {
        "name": "unknown",
        "datum": {
            "type": "GeodeticReferenceFrame",
            "name": "World Geodetic System 1984",
            "ellipsoid": {"name": "WGS 84", "semi_major_axis": 6378137, "inverse_flattening": 298.257223563},
            "id": {"authority": "EPSG", "code": 6326},
        },
        "coordinate_system": {
            "subtype": "ellipsoidal",
            "axis": [axis("Longitude", "lon", "east", "degree"), axis("Latitude", "lat", "north", "degree")],
        },
    },
    "conversion": {
        "name": "unknown",
        "method": {"name": "Lambert Conic Conformal (2SP)", "id": {"authority": "EPSG", "code": 9802}},
        "parameters": [
            parameter("Latitude of false origin", 42.5, "degree", 8821),
            parameter("Longitude of false origin", -100.0, "degree", 8822),
            parameter("Latitude of 1st standard parallel", 25.0, "degree", 8823),
            parameter("Latitude of 2nd standard parallel", 60.0, "degree", 8824),
            parameter("Easting at false origin", 0.0, "metre", 8826),
            parameter("Northing at false origin", 0.0, "metre", 8827),
        ],
    },
    "coordinate_system": {
        "subtype": "Cartesian",
        "axis": [axis("Easting", "E", "east", "metre"), axis("Northing", "N", "north", "metre")],
    },
}


def item(n: int, projected: bool) -> pystac.Item:
    region, year = f"r{n // 100:03}", 1900 + n % 100
    west = n // 100 * 0.5 - 120.0
    ring = [[west, 14.0], [west + 0.5, 14.0], [west + 0.5, 15.0], [west, 15.0], [west, 14.0]]
    found = pystac.Item(
        f"daymet-daily-{region}-{year}",
        {"type": "Polygon", "coordinates": [ring]},
        [west, 14.0, west + 0.5, 15.0],
        None,
        {"region": region, "year": year},
        start_datetime=datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc),
        end_datetime=datetime.datetime(year, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc),
    )
    for variable, unit in VARIABLES.items():
        fields = {
            "bands": [{"name": variable, "data_type": "float32", "nodata": -9999, "unit": unit}],
            "file:size": 1_000_000 + n,
            "file:checksum": f"1220{n:064x}",
            "proj:shape": [8075, 7814],
            "proj:transform": [1000, 0, -4_560_750, 0, -1000, 4_984_500],
        }
        if projected:
            fields |= {"proj:code": None, "proj:wkt2": WKT2, "proj:projjson": PROJJSON}
        else:
            fields["proj:code"] = "EPSG:5070"
        href = f"https://data.example.org/daymet/daymet_v4_daily_{region}_{variable}_{year}.nc"
        asset = pystac.Asset(href, variable, None, "application/netcdf", ["data"], fields)
        found.add_asset(variable, asset)
    return found


def main(n: int, folder: str, projected: bool) -> None:
    total = last = time.process_time()

    def lap(what: str) -> None:
        nonlocal last
        now = time.process_time()
        print(f"{what:<36} {now - last:8.2f} CPU-s")
        last = now

    root = pystac.Catalog("bench", "A bench")
    extent = pystac.Extent(pystac.SpatialExtent([[-180, -90, 180, 90]]), pystac.TemporalExtent([[None, None]]))
    collection = pystac.Collection("c", "A bench", extent)
    root.add_child(collection)
    for k in range(n):
        collection.add_item(item(k, projected))
    lap("build")
    root.normalize_and_save(os.path.join(folder, "flat"), pystac.CatalogType.SELF_CONTAINED)
    lap("save")
    root.generate_subcatalogs("${region}")
    lap("split (generate_subcatalogs)")
    root.normalize_and_save(os.path.join(folder, "split"), pystac.CatalogType.SELF_CONTAINED)
    lap("save, split")
    again = pystac.Catalog.from_file(os.path.join(folder, "split", "catalog.json"))
    assert sum(len(i.assets) for i in again.get_items(recursive=True)) == 7 * n
    lap("read")
    print(f"{'in all':<36} {last - total:8.2f} CPU-s")
    again = pystac.Catalog.from_file(os.path.join(folder, "split", "catalog.json"))
    last = time.process_time()
    validated = again.validate_all(max_items=200)
    spent = time.process_time() - last
    print(f"{'(besides: validate)':<36} {spent:8.2f} CPU-s  {validated} items")
    print(f"{'':<36} {spent * 1e3 / validated:8.3f} ms an item, with its catalogs")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], "projected" in sys.argv[3:])
