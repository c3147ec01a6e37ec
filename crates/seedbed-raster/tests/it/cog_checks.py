"""Holds COGs against what they should be, with rasterio, rio-cogeo, numpy and a reader of the bytes.

    python cog_checks.py MANIFEST

MANIFEST is a JSON list of files: path, pixels (a file of 64-bit numbers, row by row), rows, cols,
dtype, nodata (a text or null), overview (average, nearest or mode).
"""

import json
import struct
import sys

import numpy as np
import rasterio
from rio_cogeo.cogeo import cog_validate


def directories(data):
    """Each directory's tags, in the file's order, and where the last of them ends."""
    big = struct.unpack_from("<H", data, 2)[0] == 43
    word, count = ("<Q", "<Q") if big else ("<I", "<H")
    size = struct.calcsize(word)
    kinds = {2: "s", 3: "H", 4: "I", 12: "d", 16: "Q"}
    (at,) = struct.unpack_from(word, data, 8 if big else 4)
    found, end = [], 0
    while at:
        (n,) = struct.unpack_from(count, data, at)
        at += struct.calcsize(count)
        tags = {}
        for _ in range(n):
            tag, kind = struct.unpack_from("<HH", data, at)
            (values,) = struct.unpack_from(word, data, at + 4)
            form = f"<{values}{kinds[kind]}"
            place = at + 4 + size
            if struct.calcsize(form) > size:
                (place,) = struct.unpack_from(word, data, place)
                assert place % 2 == 0
            end = max(end, place + struct.calcsize(form))
            assert list(tags) == sorted(tags) and tag not in tags, "tags are in order"
            tags[tag] = struct.unpack_from(form, data, place)
            at += 4 + 2 * size
        (following,) = struct.unpack_from(word, data, at)
        end = max(end, at + size)
        found.append(tags)
        at = following
    return found, end


def check_layout(path):
    """The promises of the lines after the header, one by one."""
    data = open(path, "rb").read()
    head = data[8:].split(b"\n")
    assert head[0] == b"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes", head[0]
    promises = dict(line.split(b"=") for line in data[8 + 43 : 8 + 43 + 140].strip().split(b"\n"))
    assert promises == {
        b"LAYOUT": b"IFDS_BEFORE_DATA",
        b"BLOCK_ORDER": b"ROW_MAJOR",
        b"BLOCK_LEADER": b"SIZE_AS_UINT4",
        b"BLOCK_TRAILER": b"LAST_4_BYTES_REPEATED",
        b"KNOWN_INCOMPATIBLE_EDITION": b"NO",
    }, promises
    found, at = directories(data)
    for tags in reversed(found):
        for offset, size in zip(tags[324], tags[325], strict=True):
            assert offset == at + 4, (offset, at)
            assert struct.unpack_from("<I", data, at)[0] == size
            tile = data[offset : offset + size]
            assert data[offset + size : offset + size + 4] == tile[-4:]
            at = offset + size + 4
    assert at == len(data), "nothing after the last tile"


def away(values):
    """Rounded, halves away from zero."""
    return np.trunc(values + np.copysign(0.5, values))


def smaller(image, nodata, how, whole):
    """The next overview, from groups of 2×2 pixels."""
    rows, cols = image.shape
    padded = np.full((rows + rows % 2, cols + cols % 2), np.nan)
    missing = np.isnan(image) if nodata is None or np.isnan(nodata) else image == nodata
    padded[:rows, :cols] = np.where(missing, np.nan, image)
    groups = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).transpose(0, 2, 1, 3)
    groups = groups.reshape(groups.shape[0], groups.shape[1], 4)
    if how == "nearest":
        out = groups[:, :, 0]
    elif how == "average":
        counts = np.sum(~np.isnan(groups), axis=2)
        sums = np.nansum(groups, axis=2)
        out = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        out = away(out) if whole else out
    else:
        votes = np.sum(groups[:, :, :, None] == groups[:, :, None, :], axis=3)
        out = np.take_along_axis(groups, np.argmax(votes, axis=2)[:, :, None], axis=2)[:, :, 0]
    return np.where(np.isnan(out), np.nan if nodata is None else nodata, out)


def check(entry):
    path = entry["path"]
    # rio-cogeo counts an overview's decimation in columns, so that a single one has none.
    if entry["cols"] > 1 or entry["rows"] <= 512:
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid and not errors and not warnings, (path, errors, warnings)
    check_layout(path)
    nodata = None if entry["nodata"] is None else float(entry["nodata"])
    shape = (entry["rows"], entry["cols"])
    expected = np.fromfile(entry["pixels"], dtype="<f8").reshape(shape)
    whole = not entry["dtype"].startswith("float")
    with rasterio.open(path) as d:
        assert d.dtypes[0] == entry["dtype"] and d.shape == shape, (d.dtypes, d.shape)
        found = d.read(1).astype("float64")
        factors = d.overviews(1)
    assert np.array_equal(found, expected, equal_nan=True), path
    tile = 256 if max(shape) <= 256 else 512
    levels = 0
    while max(found.shape) > tile:
        expected = smaller(found, nodata, entry["overview"], whole)
        with rasterio.open(path, overview_level=levels) as d:
            found = d.read(1).astype("float64")
        tolerance = {"float32": 1e-6, "float64": 1e-14}.get(entry["dtype"], 0)
        assert found.shape == expected.shape, (path, found.shape, expected.shape)
        assert np.allclose(found, expected, rtol=tolerance, atol=0, equal_nan=True), (path, levels)
        levels += 1
    assert len(factors) == levels, (path, factors)


manifest = json.load(open(sys.argv[1]))
for one in manifest:
    check(one)
print(len(manifest))
