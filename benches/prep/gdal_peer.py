"""What a script with GDAL's Python does: all days warped at once, then a COG a day.

    gdal_peer.py cogs SOURCE FOLDER THREADS CODEC LEVEL WIDTH HEIGHT W S E N
    gdal_peer.py stream SOURCE - THREADS - - WIDTH HEIGHT W S E N
"""
import sys

from osgeo import gdal

gdal.UseExceptions()
what, source, folder, threads, codec, level, width, height, *bounds = sys.argv[1:]
gdal.SetConfigOption("GDAL_NUM_THREADS", threads)
gdal.SetCacheMax(1 << 30)
warped = gdal.Warp(
    "", f'NETCDF:"{source}":tmax', format="MEM", dstSRS="EPSG:4326", outputBounds=[float(b) for b in bounds],
    width=int(width), height=int(height), resampleAlg="bilinear", srcNodata=-9999, dstNodata=-9999,
    multithread=threads != "1", warpMemoryLimit=512, outputType=gdal.GDT_Float32,
    warpOptions=[f"NUM_THREADS={threads}"],
)
if what == "stream":
    sys.exit(0)
for band in range(1, warped.RasterCount + 1):
    # Physical values become steps of a hundredth; what has no data becomes -32768.
    values = warped.GetRasterBand(band).ReadAsArray()
    missing = values == -9999
    stored = (values * 100).round()
    stored[missing] = -32768
    day = gdal.GetDriverByName("MEM").Create("", int(width), int(height), 1, gdal.GDT_Int16)
    day.SetGeoTransform(warped.GetGeoTransform())
    day.SetProjection(warped.GetProjection())
    day.GetRasterBand(1).WriteArray(stored.astype("int16"))
    day.GetRasterBand(1).SetNoDataValue(-32768)
    day.GetRasterBand(1).SetScale(0.01)
    options = [
        f"COMPRESS={codec.upper()}", f"LEVEL={level}", "PREDICTOR=YES", f"NUM_THREADS={threads}",
        "OVERVIEW_RESAMPLING=AVERAGE",
    ]
    gdal.Translate(f"{folder}/{band:03}.tif", day, format="COG", creationOptions=options)
