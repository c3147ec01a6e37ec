#!/usr/bin/env bash
# Wall clock and CPU seconds of decoding the same netCDF-4 files by chunks with seedbed, by the HDF5
# library through GDAL, and with h5py and xarray, turn by turn.
# Usage: benches/netcdf.sh [--rounds N]. The files are made in TMPDIR, 0.2 GB. Settings (environment):
#   SEEDBED_PYTHON=PATH  a Python with h5py, netCDF4 and xarray, instead of python3
#   DECODE=PATH          the decoder to measure, instead of a release build made now
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-python3}
"$python" -c 'import h5py, netCDF4, xarray' || { echo "bench-netcdf: h5py, netCDF4 and xarray are needed" >&2; exit 2; }
if [ -z "${DECODE:-}" ]; then
    cargo build --quiet --release -p seedbed-raster --example decode
    DECODE=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/decode
fi
export DECODE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" benches/netcdf/main.py --folder "$folder" "$@"
