"""Degree days above a base, of the day and since 1 January: a model in Python."""
import json, sys
import numpy as np

UNITS = {"gdd": "degC", "gdd_total": "degC", "total": None}

class Pipe:  # numpy seeks in files, which a pipe can't
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write

for line in sys.stdin.buffer:
    call = json.loads(line)
    given = {name: np.lib.format.read_array(Pipe) for name in call["arrays"]}
    base, upper = call["parameters"]["base"], call["parameters"]["upper"]
    gdd = np.maximum((np.minimum(given["tmin"], upper) + np.minimum(given["tmax"], upper)) / 2 - base, 0)
    total, gdd_total = given.get("total", np.zeros(gdd.shape[1])), np.empty_like(gdd)
    for day, date in enumerate(call["dates"]):
        total = (0 if date.endswith("-01-01") else total) + np.nan_to_num(gdd[day]).astype("f8")
        gdd_total[day] = total
    answer = {"gdd": gdd, "gdd_total": gdd_total, "total": total}
    Pipe.write(json.dumps({"arrays": {name: UNITS[name] for name in call["wanted"]}}).encode() + b"\n")
    for name in call["wanted"]:
        np.lib.format.write_array(Pipe, answer[name])
    sys.stdout.buffer.flush()
