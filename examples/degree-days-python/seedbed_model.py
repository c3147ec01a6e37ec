"""How a model in Python talks to seedbed: calls come in, answers go out. Copy this file beside your model."""
import json
import sys

import numpy as np
from numpy.lib import format as npy


class _Pipe:  # numpy seeks in files, which a pipe can't
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write


_places = {}  # fresh memory costs more than what is read into it


def _read(name):
    """An array, read into the place that the last one of its name and shape had."""
    npy.read_magic(_Pipe)
    shape, _, dtype = npy.read_array_header_1_0(_Pipe)
    array = _places.get(name)
    if array is None or (array.shape, array.dtype) != (shape, dtype):
        array = _places[name] = np.empty(shape, dtype)
    if array.size and sys.stdin.buffer.readinto(array.data.cast("B")) < array.nbytes:
        raise EOFError
    return array


def calls():
    """Every call in turn, a dictionary: `model`, `variant`, `parameters`, `switches`, `dates`, the names and units of
    what is `wanted`, and the arrays `given` by name: days × pixels of inputs, pixels of statics and of what was kept.
    The arrays are yours until the next call."""
    for line in sys.stdin.buffer:
        call = json.loads(line)
        call["given"] = {name: _read(name) for name in call["arrays"]}
        yield call


def answer(call, units, **arrays):
    """Answers with what the call wants of these arrays; `units` are those that the model computes in."""
    _Pipe.write(json.dumps({"arrays": {name: units.get(name) for name in call["wanted"]}}).encode() + b"\n")
    for name in call["wanted"]:
        array = np.ascontiguousarray(arrays[name])
        npy.write_array_header_1_0(_Pipe, npy.header_data_from_array_1_0(array))
        _Pipe.write(array.data.cast("B"))
    sys.stdout.buffer.flush()


def refuse(reason):
    """Answers that there is no answer, in words for people."""
    _Pipe.write(json.dumps({"error": reason}).encode() + b"\n")
    sys.stdout.buffer.flush()
