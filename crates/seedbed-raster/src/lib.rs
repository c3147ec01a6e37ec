//! Rasters in and out: GDAL, warp plans, composites, COGs.
