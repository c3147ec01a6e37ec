"""Decodes the same netCDF-4 files with seedbed, GDAL, h5py and xarray, turn by turn."""
import argparse
import os
import subprocess
import sys
import time

import h5py
import netCDF4
import numpy as np
import xarray

LAYERS, SIDE, CHUNK = 20, 2000, 1000


def write(path, dtype):
    """A rough temperature over land, with a sea that has no data."""
    random = np.random.default_rng(7)
    rows, cols = np.mgrid[0:SIDE, 0:SIDE]
    land = np.sin(rows / 310) + np.cos(cols / 270) > -0.6
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", LAYERS), ("y", SIDE), ("x", SIDE)):
            file.createDimension(name, size)
        for name, step in (("y", -1000.0), ("x", 1000.0)):
            axis = file.createVariable(name, "f8", (name,))
            axis.units, axis.standard_name = "m", f"projection_{name}_coordinate"
            axis[:] = np.arange(SIDE) * step
        clock = file.createVariable("time", "f8", ("time",))
        clock.units = "days since 2001-01-01"
        clock[:] = np.arange(LAYERS)
        mapping = file.createVariable("crs", "i4")
        mapping.grid_mapping_name = "lambert_conformal_conic"
        mapping.standard_parallel = [25.0, 60.0]
        mapping.latitude_of_projection_origin, mapping.longitude_of_central_meridian = 42.5, -100.0
        data = file.createVariable(
            "tmax", dtype, ("time", "y", "x"), zlib=True, complevel=4, shuffle=True,
            chunksizes=(1, CHUNK, CHUNK), fill_value=-9999,
        )
        data.grid_mapping, data.units = "crs", "degrees C"
        if dtype == "i2":
            data.scale_factor, data.add_offset = 0.01, 0.0
        for layer in range(LAYERS):
            smooth = 15 + 12 * np.sin(rows / 517 + layer / 9) * np.cos(cols / 431)
            values = np.round(smooth + random.normal(0, 0.4, (SIDE, SIDE)), 2)
            data[layer] = np.ma.array(values, mask=~land)


def by_h5py(path):
    with h5py.File(path) as file:
        return file["tmax"][()]


def by_xarray(path):
    with xarray.open_dataset(path, chunks=None, decode_times=False) as file:
        return file["tmax"].values


def of_python(read, rounds, path):
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        values = read(path)
        yield time.perf_counter() - wall, time.process_time() - cpu
        del values


def of_seedbed(who, threads, rounds, path):
    command = [os.environ["DECODE"], path, "tmax", who, str(threads), str(rounds)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in told.splitlines():
        wall, cpu, _ = line.split()
        yield float(wall), float(cpu)


def main():
    parser = argparse.ArgumentParser(prog="bench-netcdf", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="the best of how many (default 5)")
    parser.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rounds = options.rounds
    ways = {
        "seedbed, 1 thread": lambda p: of_seedbed("chunks", 1, rounds, p),
        "seedbed, 2 threads": lambda p: of_seedbed("chunks", 2, rounds, p),
        "GDAL's library": lambda p: of_seedbed("library", 1, rounds, p),
        "h5py": lambda p: of_python(by_h5py, rounds, p),
        "xarray (netCDF4)": lambda p: of_python(by_xarray, rounds, p),
    }
    for dtype in ("f4", "i2"):
        path = f"{options.folder}/{dtype}.nc"
        write(path, dtype)
        decoded = LAYERS * SIDE * SIDE * np.dtype(dtype).itemsize / 1e6
        print(f"{dtype}: {LAYERS} layers of {SIDE}×{SIDE} in chunks of {CHUNK}×{CHUNK}, shuffle and deflate 4:")
        print(f"{decoded:.0f} MB stored in {os.path.getsize(path) / 1e6:.0f} MB; the best of {rounds} rounds")
        for name, way in ways.items():
            told = list(way(path))
            wall, cpu = min(w for w, _ in told), min(c for _, c in told)
            print(f"  {name:20} {wall:6.3f} s  {decoded / wall:6.0f} MB/s   {decoded / cpu:6.0f} MB per CPU second")
            sys.stdout.flush()
        os.remove(path)


main()
