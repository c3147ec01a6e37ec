"""How a model in Python talks to seedbed: calls come in, answers go out. Copy this file beside your model."""
import json
import sys

import numpy as np
from numpy.lib import format as npy


class _Pipe:  # numpy seeks in files, which a pipe can't
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write


def _read():
    """An array, read into its place at once."""
    npy.read_magic(_Pipe)
    shape, _, dtype = npy.read_array_header_1_0(_Pipe)
    array = np.empty(shape, dtype)
    if array.size and sys.stdin.buffer.readinto(array.data.cast("B")) < array.nbytes:
        raise EOFError
    return array


def calls():
    """Every call in turn, a dictionary: `model`, `variant`, `parameters`, `switches`, `dates`, the names and units of
    what is `wanted`, and the arrays `given` by name: days × pixels of inputs, pixels of statics and of what was kept."""
    for line in sys.stdin.buffer:
        call = json.loads(line)
        call["given"] = {name: _read() for name in call["arrays"]}
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
