"""Prepares the same netCDF file with seedbed, GDAL's Python and odc-geo with rio-cogeo, turn by turn."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import netCDF4
import numpy as np
import rasterio

SIDE, CHUNK = 2000, 1000
# A tile in the source's middle, where four chunks meet, of about a quarter of a kilometre a pixel.
TILE, STEP = 2000, 0.0022457882
MEASURE = str(pathlib.Path(__file__).parent.parent / "copy" / "measure.py")
HERE = pathlib.Path(__file__).parent


def write(path, days):
    """A temperature over land with a lapse by height, in hundredths, and a sea that has no data."""
    random = np.random.default_rng(7)
    rows, cols = np.mgrid[0:SIDE, 0:SIDE]
    height = sum(
        np.kron(random.normal(0, 600 / 2**k, (2 ** (k + 3),) * 2), np.ones((SIDE // 2 ** (k + 3) + 1,) * 2))
        [:SIDE, :SIDE] for k in range(7)
    )
    land = np.sin(rows / 310) + np.cos(cols / 270) > -0.6
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", days), ("y", SIDE), ("x", SIDE)):
            file.createDimension(name, size)
        for name, first, step in (("y", SIDE * 500.0, -1000.0), ("x", -SIDE * 500.0, 1000.0)):
            axis = file.createVariable(name, "f8", (name,))
            axis.units, axis.standard_name = "m", f"projection_{name}_coordinate"
            axis[:] = first + (np.arange(SIDE) + 0.5) * step
        clock = file.createVariable("time", "f8", ("time",))
        clock.units, clock.standard_name = "days since 2001-01-01", "time"
        clock[:] = np.arange(days)
        mapping = file.createVariable("lambert_conformal_conic", "i4")
        mapping.grid_mapping_name = "lambert_conformal_conic"
        mapping.standard_parallel = [25.0, 60.0]
        mapping.latitude_of_projection_origin, mapping.longitude_of_central_meridian = 42.5, -100.0
        mapping.semi_major_axis, mapping.inverse_flattening = 6378137.0, 298.257223563
        mapping.false_easting = mapping.false_northing = 0.0
        data = file.createVariable(
            "tmax", "f4", ("time", "y", "x"), zlib=True, complevel=4, shuffle=True,
            chunksizes=(1, CHUNK, CHUNK), fill_value=-9999,
        )
        data.grid_mapping, data.units = "lambert_conformal_conic", "degC"
        for day in range(days):
            smooth = 15 + 8 * np.sin(rows / 517 + day / 9) * np.cos(cols / 431)
            values = np.round(smooth - 0.0065 * height + random.normal(0, 0.2, (SIDE, SIDE)), 2)
            data[day] = np.ma.array(values.astype("f4"), mask=~land)


def items(path, source, days):
    end = np.datetime64("2001-01-01") + np.timedelta64(days - 1, "D")
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": "tmax", "geometry": None, "links": [],
        "properties": {"datetime": None, "start_datetime": "2001-01-01T00:00:00Z",
                       "end_datetime": f"{end}T23:59:59Z"},
        "assets": {"tmax": {"href": source}},
    }
    pathlib.Path(path).write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))


def run(command, processors, folder):
    """Wall clock and CPU seconds."""
    log = f"{folder}/measured"
    pinned = ["taskset", "-c", ",".join(map(str, range(processors)))]
    subprocess.run([sys.executable, "-I", "-S", MEASURE, log, *pinned, *map(str, command)],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, cpu, _ = map(float, pathlib.Path(log).read_text().split())
    return wall, cpu


def rasters(folder):
    """A folder's COGs by their names, a tile's and a day's apart from how often they were tried."""
    return {path.name: path for path in sorted(pathlib.Path(folder).rglob("*.tif"))}


def digest(folder):
    total = hashlib.sha256()
    for name, path in rasters(folder).items():
        total.update(name.encode() + path.read_bytes())
    return total.hexdigest()


def line(name, told, of=None, extra=""):
    wall, cpu = (statistics.median(column) for column in zip(*told))
    ratio = f"  × {of[1] / cpu:5.2f} CPU {of[0] / wall:5.2f} wall" if of else ""
    print(f"  {name:36} {wall:7.2f} s wall {cpu:7.2f} s CPU{ratio}  {extra}")
    sys.stdout.flush()
    return wall, cpu


class Bench:
    def __init__(self, options):
        self.folder, self.days, self.rounds = options.folder, options.days, options.rounds
        self.source, self.items = f"{self.folder}/tmax.nc", f"{self.folder}/items.json"
        write(self.source, self.days)
        items(self.items, self.source, self.days)
        west, north = -100 - TILE * STEP / 2, 42.5 + TILE * STEP / 2
        self.corner = f"{west},{north}"
        self.bounds = [west, north - TILE * STEP, west + TILE * STEP, north]
        self.has_osgeo = subprocess.run(
            [os.environ["GDAL_PYTHON"], "-c", "import osgeo.gdal"], capture_output=True).returncode == 0
        if not self.has_osgeo:
            print("skipped: GDAL's own Python isn't here")

    def grid(self, name, tile):
        out = f"{self.folder}/{name}.geojson"
        inside = [b + s for b, s in zip(self.bounds, (STEP / 2, STEP / 2, -STEP / 2, -STEP / 2))]
        subprocess.run(
            [os.environ["SEEDBED"], "grid", "--bbox", ",".join(map(str, inside)), f"--origin={self.corner}",
             "--resolution", str(STEP), "--tile", f"{tile}px", "--out", out],
            check=True, stdout=subprocess.DEVNULL)
        return f"{self.folder}/{name}.grid.json"

    def prep(self, grid, out, codec, level):
        return [os.environ["SEEDBED"], "prep", self.items, "--assets", "tmax", "--grid", grid, "--resampling",
                "bilinear", "--dtype", "int16", "--scale", "0.01", "--compress", codec, "--level", level,
                "--out", out, "--no-progress", "-q"]

    def fresh(self, name):
        out = f"{self.folder}/{name}"
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        return out

    def peer(self, who, codec, level, threads):
        python = os.environ["GDAL_PYTHON"] if who == "gdal" else sys.executable
        out = self.fresh(who)
        return out, [python, HERE / f"{who}_peer.py", "cogs", self.source, out, threads, codec, level,
                     TILE, TILE, *self.bounds]

    def compare(self, ours, theirs):
        """How many pixels differ by more than a step, and the files' sizes."""
        off = pixels = 0
        for a, b in zip(rasters(ours).values(), rasters(theirs).values()):
            with rasterio.open(a) as x, rasterio.open(b) as y:
                difference = np.abs(x.read(1).astype(int) - y.read(1))
                off, pixels = off + int((difference > 1).sum()), pixels + difference.size
        return off / pixels

    def cogs(self, codec, level, ours_level):
        grid = self.grid("one", TILE)
        print(f"{self.days} days to int16 COGs of {TILE}×{TILE}, {codec} {level}, the median of {self.rounds}:")
        reference = self.fresh("reference")
        subprocess.run(self.prep(grid, f"{reference}/p", codec, ours_level), check=True, stdout=subprocess.DEVNULL)
        expected = digest(reference)
        size = lambda folder: sum(p.stat().st_size for p in rasters(folder).values()) / 1e6
        for processors in (1, 2):
            peers = (["gdal"] if self.has_osgeo else []) + ["odc"]
            told = {who: [] for who in ["seedbed", *peers]}
            sizes = {}
            for _ in range(self.rounds):
                out = self.fresh("ours")
                command = self.prep(grid, f"{out}/p", codec, ours_level)
                told["seedbed"].append(run(command, processors, self.folder))
                assert digest(out) == expected, "the bytes of a timed run differ from the reference's"
                for who in peers:
                    where, command = self.peer(who, codec, level, processors)
                    told[who].append(run(command, processors, self.folder))
                    sizes[who] = size(where)
            print(f" {processors} processor{'s' if processors > 1 else ''}")
            own = line("seedbed prep", told["seedbed"], extra=f"{size(reference):.1f} MB")
            for who, name in (("gdal", "gdal.Warp + COG driver"), ("odc", "odc-geo + rio-cogeo")):
                if who in told:
                    w, c = (statistics.median(column) for column in zip(*told[who]))
                    print(f"  {name:36} {w:7.2f} s wall {c:7.2f} s CPU  seedbed is {c / own[1]:5.2f} × by CPU "
                          f"{w / own[0]:5.2f} × by wall  {sizes[who]:.1f} MB")
        for who in peers:
            off = self.compare(reference, f"{self.folder}/{who}")
            print(f"  pixels that differ by more than a step from {who}: {off:.2e} of all")

    def tiles(self):
        print(f"One source under 25 tiles, zstd 3, the median of {self.rounds}, two processors:")
        told = {}
        for _ in range(self.rounds):
            for name, tile in (("one tile", TILE), ("25 tiles", TILE // 5)):
                grid, out = self.grid(name.replace(" ", "-"), tile), self.fresh("tiles")
                command = self.prep(grid, f"{out}/p", "zstd", "3")
                told.setdefault(name, []).append(run(command, 2, self.folder))
        one = line("one tile of them all", told["one tile"])
        wall, cpu = line("25 tiles", told["25 tiles"])
        print(f"  25 tiles take {cpu / one[1]:.2f} × the CPU and {wall / one[0]:.2f} × the time of one")

    def stream(self):
        print(f"Read and warped into memory, nothing written, the median of {self.rounds}:")
        grid = self.grid("one", TILE)
        for processors in (1, 2):
            told = {"seedbed": [], "gdal": []}
            for _ in range(self.rounds):
                command = [os.environ["STREAM"], self.items, "tmax", grid, processors]
                told["seedbed"].append(run(command, processors, self.folder))
                if self.has_osgeo:
                    command = [os.environ["GDAL_PYTHON"], HERE / "gdal_peer.py", "stream", self.source, "-",
                               processors, "-", "-", TILE, TILE, *self.bounds]
                    told["gdal"].append(run(command, processors, self.folder))
            print(f" {processors} processor{'s' if processors > 1 else ''}")
            own = line("seedbed's reader", told["seedbed"])
            if told["gdal"]:
                w, c = (statistics.median(column) for column in zip(*told["gdal"]))
                print(f"  {'gdal.Warp':36} {w:7.2f} s wall {c:7.2f} s CPU  seedbed is {c / own[1]:5.2f} × by CPU "
                      f"{w / own[0]:5.2f} × by wall")


def main():
    parser = argparse.ArgumentParser(prog="bench-prep", description=__doc__)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["zstd", "deflate", "tiles", "stream"])
    parser.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    bench = Bench(options)
    parts = {
        "zstd": lambda: bench.cogs("zstd", "3", "3"),
        "deflate": lambda: bench.cogs("deflate", "6", "7"),
        "tiles": bench.tiles,
        "stream": bench.stream,
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


main()
