#!/usr/bin/env bash
# So many granules listed by a server, crawled into a tree, and searched by box and date.
# Prints CPU, wall clock and peak memory of each step, then files, inodes and bytes.
# Usage: benches/million.sh [GRANULES]
set -euo pipefail
cd "$(dirname "$0")/.."
granules=${1:-1000000}
folder=$(mktemp -d)
cargo build --quiet --release -p seedbed -p seedbed-fixture
bin=${CARGO_TARGET_DIR:-target}/release
"$bin/seedbed-fixture" serve-synthetic --granules "$granules" >"$folder/address" &
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
until [ -s "$folder/address" ]; do sleep 0.1; done
root=$(head -n 1 "$folder/address")

# Bash's own clock gives CPU and wall; the kernel gives the peak of the process's memory.
measure() {
    local what=$1
    shift
    python3 - "$what" "$@" <<'PY'
import resource, subprocess, sys, time
what, command = sys.argv[1], sys.argv[2:]
begun = time.time()
code = subprocess.call(command)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{what}: exit {code}, {used.ru_utime + used.ru_stime:.1f} CPU-s, {time.time() - begun:.1f} s, peak {used.ru_maxrss / 1024:.0f} MB")
PY
}
measure "crawl and save" "$bin/seedbed" crawl mod13q1 --root "$root" --out "$folder/catalog" --by '${year}' --no-progress
measure "search by box and date" "$bin/seedbed" catalog search "$folder/catalog" --bbox=-75,41,-74,42 --datetime 2003 --out "$folder/found.ndjson"
find "$folder/catalog" -printf '%y %s\n' | awk '{ n[$1]++; if ($1 == "f") bytes += $2 } END { printf "%d files, %d inodes, %.1f MB\n", n["f"], n["f"] + n["d"], bytes / 1e6 }'
