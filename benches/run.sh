#!/usr/bin/env bash
# VegET from daily COGs to monthly and yearly COGs: wall clock and CPU seconds of `seedbed run`, of the NumPy and
# rasterio program of benches/peers on the same files, and of decoding each input once and writing the same outputs
# once without any model, turn by turn, on one processor and on two. What both write is compared.
# Usage: benches/run.sh [--side 1000] [--days 90] [--rounds 3]; a year of a tile of ten degrees:
# benches/run.sh --side 4800 --days 365 --distinct 10 --alone 8GB. The files are made in TMPDIR, a gigabyte or two.
# Settings (environment):
#   SEEDBED_PYTHON=PATH  a Python with rasterio
#   SEEDBED=PATH         the program to measure, instead of a release build made now
#   RECODE=PATH          the example that decodes and writes, likewise
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-python3}
"$python" -c 'import numpy, rasterio' || { echo "bench-run: numpy and rasterio are needed" >&2; exit 2; }
target=${CARGO_TARGET_DIR:-$PWD/target}/release
if [ -z "${SEEDBED:-}" ]; then
    cargo build --quiet --release -p seedbed
    SEEDBED=$target/seedbed
fi
if [ -z "${RECODE:-}" ]; then
    cargo build --quiet --release -p seedbed-raster --example recode
    RECODE=$target/examples/recode
fi
export SEEDBED RECODE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" benches/run/main.py --folder "$folder" "$@"
