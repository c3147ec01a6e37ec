#!/usr/bin/env bash
# Models behind definitions, side by side with the same kernels without one: a WebAssembly component beside a native
# loop built for the architecture as such (SSE2 on x86-64), and VegET in NumPy through pipes beside itself alone.
# Usage: benches/host.sh [--pixels 100000] [--days 200] [--rounds 3]. Settings (environment):
#   SEEDBED_PYTHON=PATH  a Python with NumPy; its folder goes first on the PATH
set -euo pipefail
cd "$(dirname "$0")/.."
python=${SEEDBED_PYTHON:-$(command -v python3)} || { echo "bench-host: python3 is needed" >&2; exit 2; }
cargo build --quiet --release -p seedbed-host --features wasm --example host_throughput
export THROUGHPUT=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/host_throughput
PATH=$(dirname "$python"):$PATH "$python" benches/host/main.py "$@"
