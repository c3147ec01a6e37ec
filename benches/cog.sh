#!/usr/bin/env bash
# CPU seconds, wall clock and megabytes of COGs of the same arrays: seedbed's encoder and GDAL's COG
# driver turn by turn in one process, then rio-cogeo, if the Python in SEEDBED_PYTHON has it.
# Usage: benches/cog.sh [--size 5000] [--rounds 3]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3
for ((i = 1; i < $#; i++)); do
    if [ "${!i}" = --rounds ]; then
        next=$((i + 1))
        rounds=${!next}
    fi
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo bench --quiet -p seedbed-raster --bench cog -- "$@" --dir "$folder"
if [ -n "${SEEDBED_PYTHON:-}" ] && "$SEEDBED_PYTHON" -c 'import rio_cogeo' 2>/dev/null; then
    "$SEEDBED_PYTHON" benches/cog/rio_cogeo_peer.py "$folder" "$rounds" ndvi tmax float32
else
    echo "skipped: rio-cogeo isn't in the Python that SEEDBED_PYTHON names"
fi
