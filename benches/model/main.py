"""Models by Seedbed and by NumPy, one after the other on one core.

Usage: main.py PROGRAM FOLDER SIDE ROUNDS. Figures are pixel-days per second of processor time.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import time

import numpy as np

# Pixels of a strip and days of a piece: what Seedbed's caller may choose.
STRIP, PIECE = 1024, 15


def peer(name):
    path = os.path.join(os.path.dirname(__file__), "..", "peers", name + ".py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fastest(act, rounds):
    """The least processor time of some rounds, and the last result."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        result = act()
        best = min(best, time.process_time() - start)
    return best, result


def ours(program, folder, model, variant, arrays, pixels, days, rounds, outputs):
    """Seconds of the model and of a stream, the outputs, and a digest of these."""
    for name, values in arrays.items():
        np.ascontiguousarray(values, "<f4").tofile(os.path.join(folder, name + ".in"))
    sizes = [str(n) for n in (pixels, days, STRIP, PIECE, rounds)]
    ran = subprocess.run([program, model, variant, folder, *sizes, *outputs], check=True, capture_output=True, text=True)
    seconds = {name: float(s) for name, s in (line.split() for line in ran.stdout.splitlines())}
    results, digest = {}, hashlib.sha256()
    for name in outputs:
        raw = open(os.path.join(folder, name + ".out"), "rb").read()
        digest.update(raw)
        results[name] = np.frombuffer(raw, "<f8")
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    return seconds, results, digest.hexdigest()[:16]


def told(title, work, seconds, theirs):
    model, stream, numpy = (work / s for s in (seconds["model"], seconds["stream"], theirs))
    print(f"{title:32} {model:12.3g} {numpy:12.3g} {model / numpy:8.1f} {stream:12.3g} {stream / model:8.2f}", flush=True)


def veget(program, folder, side, rounds):
    module, days, pool_size = peer("veget_numpy"), 90, 15
    random = np.random.default_rng(7)
    draw = lambda low, high: random.uniform(low, high, (side, side)).astype("f4")
    statics = [draw(*r) for r in ((40, 250), (200, 350), (360, 500), (0, 20))]
    statics.append((draw(0, 1) > 0.97).astype("f4"))
    pool = []
    for _ in range(pool_size):
        tmin = draw(-15, 18)
        tmax = tmin + draw(3, 15)
        rain = (random.uniform(0, 1, (side, side)) ** 8 * 60).astype("f4")
        pool.append((rain, tmin, tmax, (tmin + tmax) / 2, draw(0.05, 0.9), draw(0.2, 8)))
    names = ("etasw", "dd", "srf", "etc", "netet", "rain", "swe")

    def numpy_run():
        model = module.VegET(*statics, dtype=np.float32)
        sums = {k: np.zeros((side, side)) for k in names}
        for d in range(days):
            out = model.step(*pool[d % pool_size])
            for k in names:
                sums[k] += out[k]
        return sums

    theirs, sums = fastest(numpy_run, rounds)
    arrays = dict(zip(("whc", "field_capacity", "saturation", "interception", "water"), statics))
    for k, name in enumerate(("ppt", "tmin", "tmax", "tavg", "ndvi", "eto")):
        arrays[name] = np.stack([pool[d % pool_size][k] for d in range(days)])
    work = side * side * days
    for variant in ("reference", "default"):
        seconds, results, digest = ours(program, folder, "veget", variant, arrays, side * side, days, rounds, names)
        told(f"veget {variant}", work, seconds, theirs)
        worst = max(float(np.abs(results[k] - sums[k].ravel()).max()) for k in names)
        note = f"sums over {days} days differ by at most {worst:.2g} mm" if variant == "reference" else "another arithmetic on purpose"
        print(f"  {note}; sha256 of ours {digest}")
        # The two round in 32 bits in other orders: a day's terms of up to 300 mm by 2e-5 each.
        assert variant != "reference" or worst < days * 5 * 2e-5, worst
    # What the arithmetic alone takes beside the stream, without seven outputs and their sums.
    seconds, results, digest = ours(program, folder, "veget", "reference", arrays, side * side, days, rounds, names[:1])
    told("veget reference, one output", work, seconds, theirs)
    print(f"  sha256 of ours {digest}")
    assert np.abs(results["etasw"] - sums["etasw"].ravel()).max() < days * 5 * 2e-5


def spring(program, folder, side, rounds):
    module, days = peer("spring_numpy"), 240
    random, d = np.random.default_rng(3), np.arange(days)[:, None, None]
    latitude = np.linspace(48, 30, side)[:, None] * np.ones((1, side))
    season = 40 + 30 * np.sin((d - 100) / 365 * 2 * np.pi) + (40 - latitude) * 1.5
    mean = season + random.normal(0, 6, (days, side, side))
    # Given in degC, as archives have it; NumPy has the conversion for free.
    tmin, tmax = (((mean + s - 32) / 1.8).astype("f4") for s in (-10, 10))
    low, high = ((t.astype("f8") * 1.8 + 32).astype("f4") for t in (tmin, tmax))
    theirs, dates = fastest(lambda: module.indices(low, high, latitude), rounds)
    plants = ("lilac", "arnoldred", "zabelli")
    names = [f"first_{event}_{plant}" for plant in plants for event in ("leaf", "bloom")]
    work = side * side * days
    hours = np.stack([module.day_length(latitude, n + 1) for n in range(days)])
    by_row = {"tmin": tmin, "tmax": tmax, "latitude": latitude}
    lengths = {"tmin": tmin, "tmax": tmax, "dayl": hours * 3600}
    # A grid turned against the parallels: no two pixels of a row have the same latitude.
    turned = {"tmin": tmin, "tmax": tmax, "latitude": latitude + np.linspace(0, 1e-3, side)[None, :]}
    for title, variant, arrays in (
        ("spring-index springpheno", "springpheno", by_row),
        ("the same, latitude by pixel", "springpheno", turned),
        ("spring-index npn", "npn", by_row),
        ("spring-index rsdat", "rsdat", lengths),
        ("spring-index ault", "ault", by_row),
    ):
        seconds, results, digest = ours(program, folder, "spring-index", variant, arrays, side * side, days, rounds, names)
        told(title, work, seconds, theirs)
        note = "another arithmetic on purpose"
        if arrays is by_row and variant == "springpheno":
            want = [dates[plant][k].ravel() for plant in plants for k in (0, 1)]
            differ = sum(int(((results[n] != w) & ~(np.isnan(results[n]) & np.isnan(w))).sum()) for n, w in zip(names, want))
            note = f"{differ} of {len(names) * side * side} dates differ"
            # NumPy's are those of sums in 32 bits.
            assert differ < len(names) * side * side / 1e4, differ
        print(f"  {note}; sha256 of ours {digest}")


def main():
    program, folder, side, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{side} x {side} pixels, float32, numpy {np.__version__}; pixel-days per second of processor time")
    print(f"{'':32} {'seedbed':>12} {'numpy':>12} {'ratio':>8} {'stream':>12} {'of it':>8}")
    veget(program, folder, side, rounds)
    spring(program, folder, side, rounds)


if __name__ == "__main__":
    main()
