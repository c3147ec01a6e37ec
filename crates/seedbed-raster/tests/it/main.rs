//! Rasters against GDAL and other readers.
