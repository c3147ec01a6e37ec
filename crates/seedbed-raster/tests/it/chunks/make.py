"""Writes netCDF-4 files in every storage there is, and what h5py reads from them.

usage: make.py FOLDER. A line a file on stdout: name, who must read it ("chunks";
"library"; "neither" where the library may be too old; "nobody"), layers, rows, columns. The
values are in NAME.raw, 64-bit floats as this machine has them.
"""
import sys
import h5py
import netCDF4
import numpy as np
from h5py import h5d, h5p, h5s, h5t

folder = sys.argv[1]
random = np.random.default_rng(20)


def axes(file, shape, unlimited=()):
    """Dimension scales as netCDF has them."""
    names = ["time", "y", "x"]
    for dim, (name, size) in enumerate(zip(names, shape)):
        values = np.arange(size) if name != "y" else np.arange(size)[::-1]
        maxshape = (None,) if dim in unlimited else (size,)
        chunks = True if dim in unlimited else None
        axis = file.create_dataset(name, data=values.astype("f8") * 1000, maxshape=maxshape, chunks=chunks)
        axis.make_scale(name)
        if name != "time":
            axis.attrs["standard_name"] = np.bytes_(f"projection_{name}_coordinate")
            axis.attrs["units"] = np.bytes_("m")
    mapping = file.create_dataset("crs", data=np.int32(0))
    mapping.attrs["grid_mapping_name"] = np.bytes_("lambert_conformal_conic")
    mapping.attrs["standard_parallel"] = [25.0, 60.0]
    mapping.attrs["latitude_of_projection_origin"] = 42.5
    mapping.attrs["longitude_of_central_meridian"] = -100.0
    return [file[name] for name in names]


def numbers(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        values = random.normal(280, 10, shape).astype("f4")
        return values.astype(dtype)
    low, high = (-40, 900) if dtype.kind == "i" else (0, 900)
    high = min(high, np.iinfo(dtype).max)
    low = max(low, np.iinfo(dtype).min)
    return random.integers(low, high, shape).astype(dtype)


def finish(name, who):
    with h5py.File(f"{folder}/{name}", "r") as file:
        data = file["v"]
        values = data[()].astype("f8")
        values.tofile(f"{folder}/{name}.raw")
        print(name, who, *values.shape)


def case(name, who="chunks", shape=(5, 37, 43), dtype="<f4", libver=("earliest", "v110"), unlimited=(), part=None, **options):
    path = f"{folder}/{name}.nc"
    with h5py.File(path, "w", libver=libver) as file:
        scales = axes(file, shape, unlimited)
        if unlimited:
            options["maxshape"] = tuple(None if d in unlimited else n for d, n in enumerate(shape))
        data = file.create_dataset("v", shape=shape, dtype=dtype, **options)
        data.attrs["grid_mapping"] = np.bytes_("crs")
        for dim, scale in enumerate(scales):
            data.dims[dim].attach_scale(scale)
        values = numbers(dtype, shape)
        if part is None:
            data[...] = values
        else:
            data[part] = values[part]
    finish(f"{name}.nc", who)


old, new = ("earliest", "v108"), ("v110", "v110")
for era, libver in (("old", old), ("new", new)):
    both = dict(libver=libver)
    for dtype in ("<f4", ">f4", "<f8", ">f8", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "u1", "<i8", ">i8"):
        name = dtype.replace("<", "l").replace(">", "b")
        case(f"{era}_{name}", chunks=(2, 10, 16), dtype=dtype, shuffle=True, compression=4, **both)
        case(f"{era}_{name}_straight", dtype=dtype, **both)
    case(f"{era}_plain", chunks=(2, 10, 16), **both)
    case(f"{era}_deflate", chunks=(2, 10, 16), compression=1, **both)
    case(f"{era}_shuffle", who="chunks" if era == "old" else "library", chunks=(2, 10, 16), shuffle=True, **both)
    case(f"{era}_shuffle_even", chunks=(1, 37, 43), shuffle=True, **both)
    case(f"{era}_checked", chunks=(2, 10, 16), fletcher32=True, **both)
    case(f"{era}_checked_i2", chunks=(3, 7, 5), dtype="<i2", fletcher32=True, **both)
    case(f"{era}_all", chunks=(2, 10, 16), shuffle=True, compression=6, fletcher32=True, **both)
    case(f"{era}_single", chunks=(5, 37, 43), shuffle=True, compression=4, **both)
    case(f"{era}_single_plain", chunks=(5, 37, 43), **both)
    case(f"{era}_many", chunks=(1, 2, 3), dtype="<i2", compression=1, **both)
    case(f"{era}_many_plain", chunks=(1, 2, 3), dtype="<i2", **both)
    case(f"{era}_time", unlimited=(0,), chunks=(1, 16, 16), shuffle=True, compression=4, **both)
    case(f"{era}_time_plain", unlimited=(0,), chunks=(1, 16, 16), **both)
    case(f"{era}_time_many", shape=(400, 9, 7), unlimited=(0,), chunks=(1, 4, 7), dtype="<i2", compression=1, **both)
    case(f"{era}_time_thick", unlimited=(0,), chunks=(7, 16, 43), compression=4, **both)
    case(f"{era}_unlimited", unlimited=(0, 1, 2), chunks=(2, 10, 16), shuffle=True, compression=4, **both)
    case(f"{era}_unlimited_plain", unlimited=(0, 1), chunks=(1, 3, 4), dtype=">i2", **both)
    case(f"{era}_unwritten", chunks=(2, 10, 16), compression=4, fillvalue=-7.5, part=np.s_[1:3, 12:15, :], **both)
    case(f"{era}_unwritten_big", chunks=(2, 10, 16), dtype=">i2", fillvalue=-77, part=np.s_[0:1, :, 20:30], **both)
    case(f"{era}_unwritten_zero", unlimited=(0,), chunks=(2, 10, 16), part=np.s_[4:5, :5, :], **both)
    case(f"{era}_never", chunks=(2, 10, 16), fillvalue=3.5, part=np.s_[0:0], **both)
    case(f"{era}_never_straight", fillvalue=3.5, part=np.s_[0:0], **both)
    case(f"{era}_lzf", who="alone", chunks=(2, 10, 16), compression="lzf", **both)
    case(f"{era}_lzf_all", who="alone", chunks=(2, 10, 16), compression="lzf", shuffle=True, fletcher32=True, **both)
    case(f"{era}_lzf_i2", who="alone", chunks=(1, 37, 43), dtype="<i2", compression="lzf", **both)
    case(f"{era}_scaled", who="library", chunks=(2, 10, 16), dtype="<i4", scaleoffset=0, **both)
case("unknown", who="nobody", libver=old, chunks=(2, 10, 16), compression="lzf")
with open(f"{folder}/unknown.nc", "r+b") as file:
    # The number of a filter that nobody has.
    at = file.read().index(b"lzf\0") - 8
    file.seek(at)
    file.write((32099).to_bytes(2, "little"))
case("latest", who="neither", libver="latest", chunks=(2, 10, 16), shuffle=True, compression=4)
case("latest_time", who="neither", libver="latest", unlimited=(0,), chunks=(1, 10, 16), compression=4)

# What h5py's own functions don't make.
for name, who, change in (
    ("implicit", "chunks", lambda p: (p.set_chunk((2, 10, 16)), p.set_alloc_time(h5d.ALLOC_TIME_EARLY))),
    ("compact", "chunks", lambda p: p.set_layout(h5d.COMPACT)),
    ("nofill", "chunks", lambda p: (p.set_chunk((2, 10, 16)), p.set_fill_time(h5d.FILL_TIME_NEVER))),
    ("twice", "library", lambda p: (p.set_chunk((2, 10, 16)), p.set_deflate(4), p.set_deflate(4))),
    ("sum_first", "chunks", lambda p: (p.set_chunk((2, 10, 16)), p.set_fletcher32(), p.set_shuffle(), p.set_deflate(4))),
    ("shuffle_last", "chunks", lambda p: (p.set_chunk((2, 10, 16)), p.set_deflate(4), p.set_shuffle())),
):
    with h5py.File(f"{folder}/{name}.nc", "w", libver=new) as file:
        scales = axes(file, (5, 37, 43))
        properties = h5p.create(h5p.DATASET_CREATE)
        change(properties)
        space = h5s.create_simple((5, 37, 43))
        data = h5py.Dataset(h5d.create(file.id, b"v", h5t.IEEE_F32LE, space, properties))
        data.attrs["grid_mapping"] = np.bytes_("crs")
        for dim, scale in enumerate(scales):
            data.dims[dim].attach_scale(scale)
        data[...] = numbers("<f4", (5, 37, 43))
    finish(f"{name}.nc", who)

# Behind a user block.
with h5py.File(f"{folder}/block.nc", "w", userblock_size=1024) as file:
    scales = axes(file, (5, 37, 43))
    data = file.create_dataset("v", data=numbers("<i2", (5, 37, 43)), chunks=(2, 10, 16), compression=4)
    data.attrs["grid_mapping"] = np.bytes_("crs")
    for dim, scale in enumerate(scales):
        data.dims[dim].attach_scale(scale)
finish("block.nc", "neither")

# As netCDF writes them, a level more among the dimensions.
with netCDF4.Dataset(f"{folder}/netcdf.nc", "w") as file:
    for name, size in (("time", None), ("level", 1), ("y", 37), ("x", 43)):
        file.createDimension(name, size)
    for name, size in (("y", 37), ("x", 43)):
        axis = file.createVariable(name, "f8", (name,))
        axis.units, axis.standard_name = "m", f"projection_{name}_coordinate"
        axis[:] = np.arange(size) * 500.0
    time = file.createVariable("time", "f8", ("time",))
    time.units = "days since 2001-01-01"
    time[:] = np.arange(6)
    mapping = file.createVariable("crs", "i4")
    mapping.grid_mapping_name = "lambert_conformal_conic"
    mapping.standard_parallel = [25.0, 60.0]
    mapping.latitude_of_projection_origin, mapping.longitude_of_central_meridian = 42.5, -100.0
    data = file.createVariable(
        "v", "i2", ("time", "level", "y", "x"), zlib=True, shuffle=True, fletcher32=True, chunksizes=(4, 1, 16, 16)
    )
    data.grid_mapping = "crs"
    data[0:6] = numbers("<i2", (6, 1, 37, 43))
with h5py.File(f"{folder}/netcdf.nc", "r") as file:
    values = file["v"][()].astype("f8")[:, 0]
    values.tofile(f"{folder}/netcdf.nc.raw")
    print("netcdf.nc", "chunks", *values.shape)
