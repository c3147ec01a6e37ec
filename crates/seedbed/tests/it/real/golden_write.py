import sys
import netCDF4, numpy as np

d = np.load(sys.argv[1])
day = d["doy"].astype(int) - 1
fields = {
    "ppt": ("mm", d["in_ppt"]),
    "tmin": ("degC", d["in_tmin"]),
    "tmax": ("degC", d["in_tmax"]),
    "tavg": ("degC", d["in_tavg"]),
    "ndvi": ("1", d["in_ndvi_raw_by_doy"][day] * float(d["ndvi_scale"])),
    "eto": ("mm", d["in_pet_by_doy"][day]),
    "whc": ("mm", d["in_whc"]),
    "field_capacity": ("mm", d["in_field_capacity"]),
    "saturation": ("mm", d["in_saturation"]),
    "interception": ("%", d["in_interception_pct"]),
    "water": ("1", d["in_watermask"]),
}
for name, (unit, values) in fields.items():
    with netCDF4.Dataset(f"{name}.nc", "w") as f:
        for axis, start, step, units in (("lat", 47.4, -0.325, "degrees_north"), ("lon", -106.8, 0.325, "degrees_east")):
            f.createDimension(axis, 8)
            v = f.createVariable(axis, "f8", (axis,))
            v.units, v.standard_name = units, {"lat": "latitude", "lon": "longitude"}[axis]
            v[:] = start + step * (np.arange(8) + 0.5)
        if values.ndim == 3:
            f.createDimension("time", len(values))
            t = f.createVariable("time", "f8", ("time",))
            t.units, t.standard_name, t.calendar = "days since 2019-10-02", "time", "standard"
            t[:] = np.arange(len(values))
        dims = ("time", "lat", "lon")[-values.ndim:]
        v = f.createVariable(name, "f8", dims, zlib=True)
        v.units = unit
        v[:] = values
