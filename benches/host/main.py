"""Times models behind definitions beside the same kernels without: a component beside a native loop, Python beside itself."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"


def told(model, options):
    """Wall clock and CPU seconds of each round, by the program that hosts models."""
    command = [os.environ["THROUGHPUT"], str(model), str(options.pixels), str(options.days), "1"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, text.split()))


def alone(step, given, states, options):
    """The same Python on arrays that it has already, ten days at a time."""
    kept = {}
    wall, cpu = time.perf_counter(), time.process_time()
    for start in range(0, options.days, 10):
        part = {name: a[start:start + 10] if a.ndim == 2 else a for name, a in given.items()}
        answer = step(part | kept, len(part["tmin"]), {})
        kept = {name: answer[name] for name in states}
    return time.perf_counter() - wall, time.process_time() - cpu


def veget(options):
    import veget

    random = np.random.default_rng(7)
    field = lambda low, high, *shape: random.uniform(low, high, shape).astype("f4")
    days, pixels = options.days, options.pixels
    given = {
        "ppt": field(0, 40, days, pixels), "tmin": field(-20, 40, days, pixels), "tmax": field(-20, 40, days, pixels),
        "tavg": field(-20, 40, days, pixels), "ndvi": field(-1, 1, days, pixels), "eto": field(0, 30, days, pixels),
        "whc": field(40, 250, pixels), "fc": field(200, 350, pixels), "sat": field(360, 500, pixels),
        "intercept": field(0, 20, pixels), "water": field(0, 1, pixels)}
    return alone(veget.step, given, ("swf", "pack"), options)


def by_shared_memory(folder):
    """The definition of VegET with another transport, in a folder of its own."""
    text = (HERE / "veget.toml").read_text().replace('kind = "exec"', 'kind = "exec"\ntransport = "shared-memory"')
    text = text.replace('"veget.py"', json.dumps(str(HERE / "veget.py")))
    path = pathlib.Path(folder) / "veget.toml"
    path.write_text(text.replace('"../peers/', f'"{HERE.parent}/peers/'))
    return path


def bench(options):
    sys.path.insert(0, str(HERE))
    with tempfile.TemporaryDirectory() as folder:
        measured(options, by_shared_memory(folder))


def measured(options, shared):
    rounds = {"native": [], "wasm": [], "exec": [], "shared": [], "alone": []}
    for _ in range(options.rounds):
        rounds["native"].append(told("native", options))
        rounds["wasm"].append(told(EXAMPLES / "degree-days-wasm" / "degree_days.toml", options))
        rounds["alone"].append(veget(options))
        rounds["exec"].append(told(HERE / "veget.toml", options))
        rounds["shared"].append(told(shared, options))
    median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in rounds.items()}
    count = options.pixels * options.days
    print(f"{options.pixels} pixels, {options.days} days in 32 bits, ten days a call; medians of {options.rounds} rounds")
    titles = {"native": "degree days, a native loop", "wasm": "degree days, as a component",
              "alone": "VegET in NumPy alone", "exec": "VegET in NumPy, through pipes",
              "shared": "VegET in NumPy, shared memory"}
    for name, title in titles.items():
        wall, cpu = median[name]
        print(f"  {title:32} {wall:7.3f} s wall {cpu:7.2f} s CPU   {count / wall:.3g} px-days a second")
    for ours, theirs in (("wasm", "native"), ("exec", "alone"), ("shared", "alone")):
        wall, cpu = (a / b for a, b in zip(median[ours], median[theirs]))
        print(f"  {titles[ours]}: × {wall:.2f} the wall clock of {titles[theirs]}, × {cpu:.2f} its CPU")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pixels", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    bench(parser.parse_args())
