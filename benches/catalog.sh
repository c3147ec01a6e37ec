#!/usr/bin/env bash
# Ours and pystac's CPU seconds for the same items in one run, and their ratio.
# Usage: benches/catalog.sh [ITEMS] [projected]; `just bench-catalog` sets up what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
items=${1:-2000}
kind=${2:-items}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/ours" "$folder/pystac"
python=${SEEDBED_PYTHON:?name the interpreter with tests/requirements.txt in SEEDBED_PYTHON}

cargo bench --quiet -p seedbed-catalog --bench catalog -- "$kind" "$items" --dir "$folder/ours" | tee "$folder/ours.txt"
"$python" benches/peers/pystac_catalog.py "$items" "$folder/pystac" "$kind" | tee "$folder/pystac.txt"
number() { grep -Eo "$2" "$1" | grep -Eo '[0-9.]+' | head -n 1; }
ours=$(number "$folder/ours.txt" 'in all +[0-9.]+')
theirs=$(number "$folder/pystac.txt" 'in all +[0-9.]+')
awk -v a="$ours" -v b="$theirs" -v n="$items" 'BEGIN { printf "%d items built, saved, split, read: ours %.2f CPU-s, pystac %.2f CPU-s, %.0f times less\n", n, a, b, b / a }'
ours=$(number "$folder/ours.txt" '[0-9.]+ ms an item')
theirs=$(number "$folder/pystac.txt" '[0-9.]+ ms an item')
awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "validated: ours %.3f ms an item, pystac %.3f ms, %.0f times less\n", a, b, b / a }'
