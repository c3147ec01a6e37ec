#!/usr/bin/env bash
# Wall clock, CPU seconds and peak memory of copying the same files with seedbed, curl, rclone and
# stac-asset, turn by turn, from a web server on this machine to its disk and to an S3 service.
# Usage: benches/copy.sh [OPTION…]; `benches/copy.sh --help` tells which. The folder for the files is
# made in TMPDIR. Settings (environment):
#   SEEDBED=PATH      the program to measure, instead of a release build made now
#   STAC_ASSET=PATH   the stac-asset to measure, instead of one installed into the folder with pip
set -euo pipefail
cd "$(dirname "$0")/.."
# The servers' programs are often in a folder that is on root's path only.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# rclone and SeaweedFS (weed) come with the tests' Python packages.
if [ -n "${SEEDBED_PYTHON:-}" ]; then PATH=$(dirname "$SEEDBED_PYTHON"):$PATH; fi
python=$(command -v python3) || { echo "bench-copy: python3 (3.10 or later) is needed" >&2; exit 2; }
case " $* " in *" -h "* | *" --help "*) exec "$python" benches/copy/main.py --help ;; esac
command -v nginx >/dev/null || { echo "bench-copy: nginx is needed (Debian, Ubuntu: apt install nginx-light)" >&2; exit 2; }

if [ -z "${SEEDBED:-}" ]; then
    cargo build --quiet --release -p seedbed
    SEEDBED=${CARGO_TARGET_DIR:-$PWD/target}/release/seedbed
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -z "${STAC_ASSET:-}" ]; then
    STAC_ASSET=$folder/venv/bin/stac-asset
    if ! { "$python" -m venv "$folder/venv" && "$folder/venv/bin/pip" install --quiet 'stac-asset[cli]==0.4.8'; } \
        >"$folder/pip.txt" 2>&1; then
        STAC_ASSET=
        echo "stac-asset can't be installed: $(tail -n 1 "$folder/pip.txt")"
    fi
fi
export SEEDBED STAC_ASSET
"$python" benches/copy/main.py --folder "$folder" "$@"
