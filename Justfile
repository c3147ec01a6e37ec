# Seedbed's recipes. `./justw RECIPE` sees to what they need first.

set positional-arguments
set shell := ["bash", "-euo", "pipefail", "-c"]

locked := if env("CI", "") == "" { "" } else { "--locked" }
bin := env("CARGO_TARGET_DIR", justfile_directory() / "target") / "debug"

# What the demo does without: minutes of building
all := "--features seedbed/wasm"

# List the recipes
default:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# The whole pipeline, from empty directory to mosaics, on small archives served on loopback
[no-cd]
demo *ARGS: build
    @"{{ bin }}/seedbed-fixture" demo "$@"

# Every test, then every check; ARGS go to cargo test, and only the tests they choose are run
test *ARGS:
    @. tests/env.sh; cargo test --workspace {{ all }} {{ locked }} --no-fail-fast "$@"
    @if [ $# -eq 0 ]; then "{{ just_executable() }}" check; fi

# Build seedbed (optimised) and put it on the PATH, in cargo's own bin folder
install *ARGS:
    cargo install --path crates/seedbed --features wasm --locked "$@"

# Build everything as the demo and the tests use it
build:
    @cargo build --workspace {{ locked }}

# Catalogs: build, save, split and read ITEMS items of seven assets, side by side with pystac,
# whose time grows with the square of ITEMS (20000 take it a quarter of an hour)
# (KIND `projected` spells out each asset's projection, in documents five times as large)
bench-catalog ITEMS="2000" KIND="items":
    @. tests/env.sh; benches/catalog.sh {{ ITEMS }} {{ KIND }}

# A million items crawled from a served listing, saved and searched; takes some 12 GB of disk
bench-million GRANULES="1000000":
    @benches/million.sh {{ GRANULES }}

# Copies from a web server here to disk and to S3, side by side with curl, rclone and stac-asset;
# ARGS: --rounds 3, --jobs 4, --set small, --to disk; takes some 6 GB of disk while it runs
bench-copy *ARGS:
    @. tests/env.sh; benches/copy.sh "$@"

# A long series onto another grid, memory to memory, side by side with GDAL's warper;
# ARGS: LAYERS [SIDE [ROUNDS]], 60 2000 3 where they aren't given, which takes some 5 GB of memory
bench-warp *ARGS:
    @cargo bench --quiet {{ locked }} -p seedbed-raster --bench warp -- "$@"

# COGs of the same arrays by seedbed, GDAL's COG driver and rio-cogeo, with one thread and two;
# ARGS: --size 5000, --rounds 3
bench-cog *ARGS:
    @. tests/env.sh; benches/cog.sh "$@"

# Medians of many layers by our kernels, numpy and bottleneck on the same numbers and core
bench-composite *ARGS:
    @. tests/env.sh; benches/composite.sh "$@"

# netCDF-4 decoded by chunks, side by side with GDAL, h5py and xarray; ARGS: --rounds 5
bench-netcdf *ARGS:
    @. tests/env.sh; benches/netcdf.sh "$@"

# From a netCDF to COGs on a tile, many tiles of one source, and a stream into memory, side by side with
# GDAL's Python and odc-geo with rio-cogeo; ARGS: --days 20, --rounds 3, --only zstd
bench-prep *ARGS:
    @. tests/env.sh; benches/prep.sh "$@"

# VegET and the spring indices beside NumPy programs on the same numbers, one core; ARGS: SIDE [ROUNDS]
bench-model *ARGS:
    @. tests/env.sh; benches/model.sh "$@"

# VegET from daily COGs to monthly and yearly ones, beside NumPy with rasterio, and beside decoding and
# writing alone; ARGS: --side 1000, --days 90, --rounds 3, --tile 500
bench-run *ARGS:
    @. tests/env.sh; benches/run.sh "$@"

# Models behind definitions beside the same kernels without: a component, and Python through pipes;
# ARGS: --pixels 100000, --days 200, --rounds 3
bench-host *ARGS:
    @. tests/env.sh; benches/host.sh "$@"

# All that CI checks besides the tests
check: check-format lint doc check-house check-shell

# Format the code
fmt:
    cargo fmt --all

[private]
check-format:
    @if cargo fmt --version >/dev/null 2>&1; then set -x; cargo fmt --all --check; \
    else echo "skipped: rustfmt is not installed (rustup component add rustfmt)"; fi

# Clippy on everything, warnings being errors
lint:
    @if cargo clippy --version >/dev/null 2>&1; then set -x; cargo clippy --workspace --all-targets {{ all }} {{ locked }} -- -D warnings; \
    else echo "skipped: clippy is not installed (rustup component add clippy)"; fi

# The libraries' documentation, in target/doc
doc *ARGS:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps {{ all }} {{ locked }} "$@"

[private]
check-house:
    tests/check/house.sh

[private]
check-shell:
    @if command -v shellcheck >/dev/null; then set -x; shellcheck -x justw .ci/run tests/*.sh tests/check/*.sh; \
    else echo "skipped: shellcheck is not installed"; fi

# Licences, bans and advisories of the dependency tree (needs cargo-deny)
deny:
    cargo deny check

# Remove what building and the demo made; .venv and .tools stay
clean:
    cargo clean
    rm -rf demo-out
