"""Degree days above a base, of the day and since 1 January: a model in Python."""
import numpy as np
import seedbed_model

UNITS = {"gdd": "degC", "gdd_total": "degC"}

for call in seedbed_model.calls():
    given, base, upper = call["given"], call["parameters"]["base"], call["parameters"]["upper"]
    gdd = np.maximum((np.minimum(given["tmin"], upper) + np.minimum(given["tmax"], upper)) / 2 - base, 0)
    total, gdd_total = given.get("total", np.zeros(gdd.shape[1])), np.empty_like(gdd)
    for day, date in enumerate(call["dates"]):
        total = (0 if date.endswith("-01-01") else total) + np.nan_to_num(gdd[day]).astype("f8")
        gdd_total[day] = total
    seedbed_model.answer(call, UNITS, gdd=gdd, gdd_total=gdd_total, total=total)
