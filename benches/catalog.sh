#!/usr/bin/env bash
# Ours and pystac's CPU seconds for the same items in one run, and their ratio.
# Usage: benches/catalog.sh [ITEMS]; `just bench-catalog` sets up what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
items=${1:-2000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/ours" "$folder/pystac"
python=${SEEDBED_PYTHON:?name the interpreter with tests/requirements.txt in SEEDBED_PYTHON}

cargo bench --quiet -p seedbed-catalog --bench catalog -- items "$items" --dir "$folder/ours" | tee "$folder/ours.txt"
"$python" benches/peers/pystac_catalog.py "$items" "$folder/pystac" | tee "$folder/pystac.txt"
ours=$(grep -Eo 'in all[^0-9]*[0-9.]+' "$folder/ours.txt" | grep -Eo '[0-9.]+$' | head -n 1)
theirs=$(grep -Eo 'in all[^0-9]*[0-9.]+' "$folder/pystac.txt" | grep -Eo '[0-9.]+$' | head -n 1)
awk -v a="$ours" -v b="$theirs" -v n="$items" 'BEGIN { printf "%d items: ours %.2f CPU-s, pystac %.2f CPU-s, %.0f times less\n", n, a, b, b / a }'
