"""VegET of benches/peers as a model for seedbed, day by day on whole strips."""
import pathlib
import sys

import numpy as np

benches = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(benches / "peers"), str(benches.parent / "examples" / "degree-days-python")]
import seedbed_model  # noqa: E402
import veget_numpy  # noqa: E402

DAILY = ("ppt", "tmin", "tmax", "tavg", "ndvi", "eto")
OUTPUTS = ("etasw", "dd", "srf", "etc", "netet", "rain", "swe")


def step(given, days, room):
    """The outputs of some days, where there is room for them, and what is kept after them."""
    model = veget_numpy.VegET(*(given[n] for n in ("whc", "fc", "sat", "intercept", "water")), dtype=np.float32)
    model.swf, model.pack = given.get("swf"), given.get("pack")
    out = {name: room[name] if name in room else np.empty_like(given["ppt"]) for name in OUTPUTS}
    for day in range(days):
        today = model.step(*(given[name][day] for name in DAILY))
        for name in OUTPUTS:
            out[name][day] = today[name]
    return out | {"swf": model.swf, "pack": model.pack}


if __name__ == "__main__":
    for call in seedbed_model.calls():
        arrays = step(call["given"], len(call["dates"]), call["room"])
        seedbed_model.answer(call, {name: "mm" for name in OUTPUTS}, **arrays)
