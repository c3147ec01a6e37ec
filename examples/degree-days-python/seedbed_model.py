"""How a model in Python talks to seedbed: calls come in, answers go out. Copy this file beside your model."""
import json
import mmap
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


def _views(memory):
    """Arrays in the memory that seedbed shares where the definition says `transport = "shared-memory"`."""
    if len(_views.mapped) < memory["bytes"]:
        _views.mapped = mmap.mmap(memory["descriptor"], memory["bytes"])
    view = lambda at: np.ndarray(at["shape"], at["dtype"], _views.mapped, at["offset"])
    return tuple({name: view(at) for name, at in memory[which].items()} for which in ("given", "wanted"))


_views.mapped = b""


def calls():
    """Every call in turn, a dictionary: `model`, `variant`, `parameters`, `switches`, `dates`, the names and units of
    what is `wanted`, and the arrays `given` by name: days × pixels of inputs, pixels of statics and of what was kept.
    In shared memory they hold until the call is answered, and arrays in `room` are where answers may be computed."""
    for line in sys.stdin.buffer:
        call = json.loads(line)
        if "memory" in call:
            call["given"], call["room"] = _views(call["memory"])
        else:
            call["given"], call["room"] = {name: _read() for name in call["arrays"]}, {}
        yield call


def answer(call, units, **arrays):
    """Answers with what the call wants of these arrays; `units` are those that the model computes in."""
    for name, room in call["room"].items():
        array = np.asarray(arrays[name])
        if array.dtype != room.dtype or array.size != room.size or array.shape not in (room.shape, room.shape[1:]):
            raise TypeError(f"`{name}` as {array.dtype} {array.shape} where {room.dtype} {room.shape} is wanted")
        if array is not room:
            room[...] = array
    _Pipe.write(json.dumps({"arrays": {name: units.get(name) for name in call["wanted"]}}).encode() + b"\n")
    for name in call["wanted"] if not call["room"] else ():
        array = np.ascontiguousarray(arrays[name])
        npy.write_array_header_1_0(_Pipe, npy.header_data_from_array_1_0(array))
        _Pipe.write(array.data.cast("B"))
    sys.stdout.buffer.flush()


def refuse(reason):
    """Answers that there is no answer, in words for people."""
    _Pipe.write(json.dumps({"error": reason}).encode() + b"\n")
    sys.stdout.buffer.flush()
