"""GeoPandas reads our tiles, in the right place, and shapely finds the same shares."""
import sys

try:
    import geopandas as gpd
except ImportError:
    print("skipped: there is no geopandas")
    sys.exit()
import numpy as np
import shapely

area = gpd.GeoSeries([shapely.segmentize(shapely.box(-76, 40, -74, 41), 0.01)], crs=4326).to_crs(5070)[0]
for file in sys.argv[1:]:
    tiles = gpd.read_file(file)
    assert tiles.is_valid.all()
    # A GeoJSON feature's own id is a column, too.
    columns = [name for name in tiles.columns if name != "id"]
    assert columns == ["name", "col0", "row0", "cols", "rows", "share", "geometry"], columns
    assert tiles.crs.equals("EPSG:4326" if file.endswith("json") else "EPSG:5070", ignore_axis_order=True), tiles.crs
    metres = tiles.to_crs(5070)
    for tile in metres.itertuples():
        west, north = tile.col0 * 500, -tile.row0 * 500
        box = shapely.box(west, north - tile.rows * 500, west + tile.cols * 500, north)
        assert shapely.hausdorff_distance(shapely.segmentize(box, 4000), shapely.segmentize(tile.geometry, 4000)) < 5, tile
        share = box.intersection(area).area / box.area
        assert abs(share - tile.share) < 1e-5, (share, tile)
    assert abs(metres.union_all().buffer(1).intersection(area).area / area.area - 1) < 1e-6
    print(file, len(tiles), "tiles")
