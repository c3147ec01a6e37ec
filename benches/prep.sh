#!/usr/bin/env bash
# From a Daymet-like netCDF to one int16 COG a day on a tile: wall clock, CPU seconds and megabytes of
# `seedbed prep`, of a script with GDAL's Python (gdal.Warp, then the COG driver) and of odc-geo with
# rio-cogeo, turn by turn, on one processor and on two. Then one source under 25 tiles, and a stream into
# memory without writing.
# Usage: benches/prep.sh [--days 20] [--rounds 3]. The files are made in TMPDIR, 1 GB. Settings (environment):
#   SEEDBED_PYTHON=PATH  a Python with netCDF4, xarray, odc-geo, rioxarray and rio-cogeo
#   GDAL_PYTHON=PATH     a Python with GDAL's own bindings (osgeo), instead of /usr/bin/python3
#   SEEDBED=PATH         the program to measure, instead of a release build made now
#   STREAM=PATH          the example to measure, likewise
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-python3}
"$python" -c 'import netCDF4, numpy, rasterio' || { echo "bench-prep: netCDF4 and rasterio are needed" >&2; exit 2; }
target=${CARGO_TARGET_DIR:-$PWD/target}/release
if [ -z "${SEEDBED:-}" ]; then
    cargo build --quiet --release -p seedbed
    SEEDBED=$target/seedbed
fi
if [ -z "${STREAM:-}" ]; then
    cargo build --quiet --release -p seedbed-prep --example stream
    STREAM=$target/examples/stream
fi
export SEEDBED STREAM GDAL_PYTHON=${GDAL_PYTHON:-/usr/bin/python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" benches/prep/main.py --folder "$folder" "$@"
