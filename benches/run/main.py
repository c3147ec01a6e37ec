"""Runs VegET on the same COGs with seedbed and with NumPy and rasterio, turn by turn."""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import numpy as np
import rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin

HERE = pathlib.Path(__file__).parent
MEASURE = str(HERE.parent / "copy" / "measure.py")
STEP, WEST, NORTH, FIRST = 0.002, -122.0, 45.0, datetime.date(2003, 1, 1)
# The inputs by the model's names: unit, steps per unit as they are stored.
DAILY = {"ppt": ("mm", 10), "tmin": ("degC", 10), "tmax": ("degC", 10), "tavg": ("degC", 20), "ndvi": ("1", 10000),
         "eto": ("mm", 10)}
STATIC = {"whc": ("whc", "mm"), "fc": ("field_capacity", "mm"), "sat": ("saturation", "mm"),
          "intercept": ("interception", "%"), "water": ("water", "1")}
VARIABLES = ["etasw", "dd", "srf", "etc", "netet", "rain", "swe"]


class Fields:
    """Weather with the smoothness and the noise of gridded archives, rounded as they round."""

    def __init__(self, side):
        self.random, self.side = np.random.default_rng(11), side
        rows, cols = np.mgrid[0:side, 0:side] / side
        self.height = sum(
            np.kron(self.random.normal(0, 500 / 2**k, (2 ** (k + 2),) * 2),
                    np.ones((side // 2 ** (k + 2) + 1,) * 2))[:side, :side] for k in range(7))
        self.rows, self.cols = rows, cols

    def day(self, number):
        r, c, noise = self.rows, self.cols, self.random.normal(0, 0.3, (self.side, self.side))
        season = np.sin(2 * np.pi * (number - 100) / 365)
        tmin = 4 + 9 * season + 3 * np.sin(5 * r + number / 4) - 0.006 * self.height + noise
        tmax = tmin + 9 + 3 * np.cos(4 * c + number / 5)
        rain = np.maximum(np.sin(6 * r + 3 * c + number * 1.7) - 0.55, 0) * 40
        eto = np.maximum(3 + 2.5 * season + np.sin(3 * c) + noise / 4, 0.2)
        ndvi = 0.45 + 0.25 * season + 0.15 * np.sin(9 * r) * np.cos(7 * c) + noise / 20
        rounded = {name: np.round(v * DAILY[name][1]) / DAILY[name][1] for name, v in
                   (("ppt", rain), ("tmin", tmin), ("tmax", tmax), ("ndvi", ndvi), ("eto", eto))}
        rounded["tavg"] = (rounded["tmin"] + rounded["tmax"]) / 2
        return rounded

    def static(self):
        span = lambda low, high: np.round(np.clip(low + (high - low) * (0.5 + self.height / 3000), low, high))
        water = (np.sin(11 * self.rows) * np.sin(13 * self.cols) > 0.97).astype("f4")
        return {"whc": span(40, 250), "fc": span(200, 350), "sat": span(360, 500), "intercept": span(0, 20),
                "water": water}


def write(path, values):
    """A COG of 32-bit numbers, deflate with a predictor, as archives give them out."""
    profile = dict(driver="GTiff", dtype="float32", count=1, width=values.shape[1], height=values.shape[0],
                   crs="EPSG:4326", transform=from_origin(WEST, NORTH, STEP, STEP), nodata=np.nan)
    plain = f"{path}.plain"
    with rasterio.open(plain, "w", **profile) as file:
        file.write(values.astype("f4"), 1)
    copy(plain, path, driver="COG", compress="DEFLATE", predictor="YES", level=6, overviews="NONE")
    os.remove(plain)


def make(folder, side, days, distinct):
    """The files of some days; the days after them are the same files once more."""
    fields, source = Fields(side), pathlib.Path(folder, "source")
    for name in (*DAILY, "static"):
        (source / name).mkdir(parents=True)
    for name, values in fields.static().items():
        write(source / "static" / f"{name}.tif", values)
    items = []
    for number in range(days):
        date = FIRST + datetime.timedelta(number)
        assets = {}
        for name, values in (fields.day(number) if number < distinct else dict.fromkeys(DAILY)).items():
            if values is None:
                os.link(source / name / f"{FIRST + datetime.timedelta(number % distinct)}.tif", source / name / f"{date}.tif")
            else:
                write(source / name / f"{date}.tif", values)
            digest = hashlib.sha256((source / name / f"{date}.tif").read_bytes()).hexdigest()
            # As items say of what `seedbed prep` and `seedbed copy` made.
            assets[name] = {"href": f"./source/{name}/{date}.tif", "bands": [{"unit": DAILY[name][0]}],
                            "file:checksum": f"1220{digest}"}
        items.append({
            "type": "Feature", "stac_version": "1.1.0", "id": f"weather-{date}", "geometry": None, "links": [],
            "properties": {"datetime": f"{date}T12:00:00Z"}, "assets": assets})
    pathlib.Path(folder, "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))


def project(folder, side, days, tile):
    """The grid of the files in tiles, and a project that runs on it."""
    inset = STEP / 2
    box = [WEST + inset, NORTH - side * STEP + inset, WEST + side * STEP - inset, NORTH - inset]
    subprocess.run(
        [os.environ["SEEDBED"], "grid", "--bbox", ",".join(map(str, box)), f"--origin={WEST},{NORTH}",
         "--resolution", str(STEP), "--tile", f"{tile}px", "--out", f"{folder}/tiles.geojson"],
        check=True, stdout=subprocess.DEVNULL)
    last = FIRST + datetime.timedelta(days - 1)
    text = [f'[project]\nname = "bench"\nout = "out"\nperiod = "{FIRST}/{last}"\n[grid]\nfile = "tiles.grid.json"\n']
    text += [f'[inputs.{name}]\nitems = "items.json"\nasset = "{name}"\nresampling = "nearest"\n' for name in DAILY]
    text += [f'[statics.{ours}]\nhref = "source/static/{name}.tif"\nunit = "{unit}"\n'
             for name, (ours, unit) in STATIC.items()]
    text += ['[model]\nname = "veget"\nvariant = "reference"\n[model.set]\nbias_corr = 0.85\n']
    text += [f'[output]\nvariables = {json.dumps(VARIABLES)}\nperiods = ["monthly", "yearly"]\ncompress = "deflate"\n']
    pathlib.Path(folder, "seedbed.toml").write_text("".join(text))


def run(command, processors, folder):
    """Wall clock, CPU seconds and peak memory in MiB."""
    log = f"{folder}/measured"
    pinned = ["taskset", "-c", ",".join(map(str, range(processors)))]
    subprocess.run([sys.executable, "-I", "-S", MEASURE, log, *pinned, *map(str, command)], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall, cpu, peak = map(float, pathlib.Path(log).read_text().split())
    return wall, cpu, peak


def compare(folder):
    """The largest difference between what both wrote, of the largest value, and how many rasters were compared."""
    worst, count = 0.0, 0
    for theirs in pathlib.Path(folder, "numpy").glob("*.tif"):
        variable, period = theirs.stem.split("_")
        with rasterio.open(theirs) as file:
            expected, place = file.read(1), file.transform
        for ours in pathlib.Path(folder, "out").glob(f"*/{period}/*/{variable}_*.tif"):
            with rasterio.open(ours) as file:
                col, row = map(round, ~place * (file.transform.c, file.transform.f))
                count += 1
                part = expected[row:row + file.height, col:col + file.width]
                worst = max(worst, np.nanmax(np.abs(file.read(1) - part)) / max(np.nanmax(np.abs(part)), 1e-9))
    return worst, count


def alone(options):
    """A run with so much memory, without a peer."""
    folder, processors = options.folder, options.processors[-1]
    command = [os.environ["SEEDBED"], "run", "seedbed.toml", "--no-progress", "-q", "--memory", options.alone]
    wall, cpu, peak = run(command, processors, folder)
    print(f"VegET, {options.side}×{options.side} pixels, {options.days} days of six inputs, {len(VARIABLES)} variables a "
          f"month and year, on {processors} processors with --memory {options.alone}:\n  {wall:.0f} s wall, "
          f"{cpu:.0f} s CPU, {peak / 1024:.2f} GiB at the peak, {options.side**2 * options.days / wall:.3g} px-days a second")


def bench(options):
    folder = options.folder
    make(folder, options.side, options.days, options.distinct or options.days)
    project(folder, options.side, options.days, options.tile or options.side)
    if options.alone:
        return alone(options)
    source, out = f"{folder}/source", f"{folder}/out"
    inputs = sorted(str(p) for p in pathlib.Path(source).rglob("*.tif"))
    pathlib.Path(folder, "inputs.txt").write_text("\n".join(inputs))
    pixel_days = options.side**2 * options.days
    print(f"VegET, {options.side}×{options.side} pixels, {options.days} days of six inputs, "
          f"{len(VARIABLES)} variables a month and year; medians of {options.rounds} rounds")
    for processors in options.processors:
        told = {"seedbed": [], "numpy": [], "floor": []}
        for _ in range(options.rounds):
            shutil.rmtree(out, ignore_errors=True)
            told["seedbed"].append(run([os.environ["SEEDBED"], "run", "seedbed.toml", "--no-progress", "-q"],
                                       processors, folder))
            outputs = sorted(str(p) for p in pathlib.Path(out).rglob("*.tif"))
            pathlib.Path(folder, "outputs.txt").write_text("\n".join(outputs))
            shutil.rmtree(f"{folder}/recoded", ignore_errors=True)
            told["floor"].append(run([os.environ["RECODE"], "inputs.txt", "outputs.txt", f"{folder}/recoded"],
                                     processors, folder))
            shutil.rmtree(f"{folder}/numpy", ignore_errors=True)
            peer = [sys.executable, HERE.parent / "peers" / "veget_numpy.py", "run", source, f"{folder}/numpy"]
            told["numpy"].append(run(peer, processors, folder))
        median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in told.items()}
        print(f"\non {processors} processor{'s' if processors > 1 else ''}"
              f"{'':26}wall s   CPU s   MiB   px-days a wall second")
        for name, title in (("seedbed", "seedbed run"), ("numpy", "NumPy and rasterio"),
                            ("floor", "decode once and write, no model")):
            wall, cpu, peak = median[name]
            print(f"  {title:34} {wall:8.2f} {cpu:7.2f} {peak:5.0f}   {pixel_days / wall:.3g}")
        ours = median["seedbed"]
        print(f"  throughput of NumPy and rasterio: × {median['numpy'][0] / ours[0]:.2f} wall, "
              f"× {median['numpy'][1] / ours[1]:.2f} CPU; time of decoding and writing: "
              f"× {ours[0] / median['floor'][0]:.2f} wall, × {ours[1] / median['floor'][1]:.2f} CPU")
        worst, count = compare(folder)
        print(f"  largest difference of what both wrote, in {count} rasters: {worst:.1e} of the largest value")
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--tile", type=int, help="pixels a side of a tile; one tile where it isn't given")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--distinct", type=int, help="days with files of their own; the others have the same again")
    parser.add_argument("--alone", metavar="MEMORY", help="run once with so much memory, such as 8GB, and no peer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processors", type=int, nargs="+", default=[1, 2])
    bench(parser.parse_args())
