#!/usr/bin/env bash
# Medians over stored 16-bit layers with gaps, megapixels per second of one core: our kernels, numpy's
# nanmedian and bottleneck's on the same numbers in the same run; results are compared, too.
# Usage: benches/composite.sh [LAYERS [SIDE]], 18 layers of 2400 × 2400 pixels if not given.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-$(command -v python3)} || { echo "bench-composite: python3 is needed" >&2; exit 2; }
cargo build --quiet --release -p seedbed-block --example composite
program=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/composite
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What isn't among the tests' packages is installed for this run alone.
if ! "$python" -c 'import bottleneck' 2>/dev/null; then
    if { "$python" -m venv --system-site-packages "$folder/venv" &&
        "$folder/venv/bin/pip" install --quiet numpy bottleneck; } >"$folder/pip.txt" 2>&1; then
        python=$folder/venv/bin/python
    else
        echo "bottleneck can't be installed: $(tail -n 1 "$folder/pip.txt")"
    fi
fi
"$python" benches/composite/main.py "$program" "$folder" "${1:-18}" "${2:-2400}"
