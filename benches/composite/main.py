"""Medians of many layers by Seedbed's kernels, numpy and bottleneck, one after the other on one core.

Usage: main.py PROGRAM FOLDER LAYERS SIDE. Figures are megapixels of the result per second of processor
time. A fifth of the values is missing.
"""

import os
import subprocess
import sys
import time
import warnings

import numpy as np

FILL = -3000
ROUNDS = 3


def fastest(act, rounds=ROUNDS):
    """The least processor time of some rounds, and the last result."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        result = act()
        best = min(best, time.process_time() - start)
    return best, result


def main():
    program, folder, layers, side = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    pixels = side * side
    # All on the same core, where the system lets us choose.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    random = np.random.default_rng(1)
    stored = random.integers(-2000, 10001, (layers, pixels), dtype=np.int16)
    stored[random.random(stored.shape, dtype=np.float32) < 0.2] = FILL
    given, made = os.path.join(folder, "layers.bin"), os.path.join(folder, "medians.bin")
    stored.tofile(given)
    ran = subprocess.run(
        [program, str(layers), str(pixels), str(FILL), given, made, str(ROUNDS)],
        check=True, capture_output=True, text=True,
    )
    ours = {name: float(seconds) for name, seconds in (line.split() for line in ran.stdout.splitlines())}
    os.remove(given)

    # Peers take floats; they are given the conversion for free.
    floats = np.where(stored == FILL, np.float32(np.nan), stored.astype(np.float32))
    warnings.simplefilter("ignore", RuntimeWarning)
    peers = {"numpy nanmedian": fastest(lambda: np.nanmedian(floats, axis=0), 1)}
    peers["numpy nanmean"] = fastest(lambda: np.nanmean(floats, axis=0))
    try:
        import bottleneck
    except ImportError:
        print("bottleneck isn't there")
    else:
        peers["bottleneck nanmedian"] = fastest(lambda: bottleneck.nanmedian(floats, axis=0))
        peers["bottleneck nanmean"] = fastest(lambda: bottleneck.nanmean(floats, axis=0))

    exact = peers["numpy nanmedian"][1]
    rounded = np.where(np.isnan(exact), FILL, np.sign(exact) * np.floor(np.abs(exact) + 0.5))
    same = {
        "median_f32": np.array_equal(np.fromfile(made + ".f32", np.float32), exact, equal_nan=True),
        "median_i16": np.array_equal(np.fromfile(made, np.int16), rounded),
    }
    print(f"{layers} layers of {side} × {side}, Mpx per second of one core")
    rows = [(f"seedbed {name}", seconds) for name, seconds in ours.items()]
    rows += [(name, seconds) for name, (seconds, _) in peers.items()]
    for name, seconds in rows:
        print(f"  {name:24} {pixels / seconds / 1e6:8.2f}")
    for kernel in ("median_i16", "median_f32", "mean_f32"):
        of = "nanmean" if kernel.startswith("mean") else "nanmedian"
        ratios = [f"{s / ours[kernel]:.0f} × {n}" for n, (s, _) in peers.items() if n.endswith(of)]
        print(f"  {kernel}: {', '.join(ratios)}")
    for kernel, equal in same.items():
        print(f"  {kernel} is numpy's nanmedian{', rounded' if kernel.endswith('i16') else ''}: {equal}")
    sys.exit(0 if all(same.values()) else 1)


main()
