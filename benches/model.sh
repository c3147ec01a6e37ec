#!/usr/bin/env bash
# VegET and the spring indices, side by side with the NumPy programs of benches/peers on the same numbers, one core
# and run: pixel-days per second of processor time, their ratios, and a plain stream over the same inputs. What both
# compute is compared.
# Usage: benches/model.sh [SIDE [ROUNDS]], 500 pixels a side and 3 rounds if not given.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-$(command -v python3)} || { echo "bench-model: python3 is needed" >&2; exit 2; }
cargo build --quiet --release -p seedbed-model --example throughput
program=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/throughput
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" benches/model/main.py "$program" "$folder" "${1:-500}" "${2:-3}"
