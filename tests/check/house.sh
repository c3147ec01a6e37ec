#!/bin/sh
# Checks what neither the compiler nor clippy knows of the house's rules:
#   - every arrow between the crates is in ARCHITECTURE.md's crate table;
#   - a library of the table "libraries that stay in one place" is used only there;
#   - no Rust file is longer than 600 lines, unless it says why;
#   - no tracked file names a machine's own folders or a package registry's host.
# Usage: tests/check/house.sh [ARCHITECTURE.md]; exit 1 and a list where a rule is broken.
set -eu
cd "$(dirname "$0")/../.."
architecture=${1:-ARCHITECTURE.md}
broken=$(mktemp)
trap 'rm -f "$broken"' EXIT

# "from to kind" for each direct dependency; kind is normal, build or dev. Reads
# `cargo metadata` an object a line: a package's has a version next to its name, a
# dependency's a source.
arrows() {
    cargo metadata --no-deps --format-version 1 | tr '{' '\n' | awk -F '"' '
        $2 == "name" && $6 == "version" { from = $4 }
        $2 == "name" && $6 == "source" {
            kind = "normal"
            if (/"kind":"dev"/) kind = "dev"
            if (/"kind":"build"/) kind = "build"
            print from, $4, kind
        }'
}
arrows=$(arrows)

# The first column of a Markdown table row holds the name, the second a list of
# names: "`a`, `b`", "all", or a dash. Prints "name other other…".
table() {
    awk -F '|' -v head="$1" '
        $2 ~ "^ *" head " *$" { inside = 1; next }
        !/^\|/ { inside = 0 }
        inside && $2 !~ /^[ -]*$/ { gsub(/[`,–]/, " "); print $2, $3 }' "$architecture"
}
crates=$(table crate)
libraries=$(table library)
case $arrows in *"seedbed seedbed-"*) ;; *) echo "house: cargo metadata can't be read" >&2; exit 1 ;; esac
[ -n "$crates" ] || { echo "house: no crate table in $architecture" >&2; exit 1; }
[ -n "$libraries" ] || { echo "house: no library table in $architecture" >&2; exit 1; }

printf '%s\n' "$crates" '--' "$libraries" '--' "$arrows" | awk -v doc="$architecture" '
    $0 == "--" { part++; next }
    part == 0 { known[$1]; for (i = 2; i <= NF; i++) may[$1, $i] }
    part == 1 { kept[$1]; for (i = 2; i <= NF; i++) home[$1, $i] }
    part == 2 {
        seen[$1]
        if (!($1 in known)) { print $1 ": not in the crate table of " doc; known[$1] }
        # Any crate may test itself on the fixture, and with all its features.
        if ($3 == "dev" && ($2 == "seedbed-fixture" || $2 == $1)) next
        if ($2 ~ /^seedbed/ && !(($1, $2) in may) && !((($1, "all") in may) && $2 != "seedbed-fixture"))
            print $1 " -> " $2 ": not an arrow of " doc
        if ($2 in kept && !(($2, $1) in home) && $3 != "dev")
            print $1 " uses " $2 ": " doc " keeps that library elsewhere"
    }
    END { for (crate in known) if (!(crate in seen)) print crate ": in the crate table of " doc ", not in the workspace" }
' | sort -u >>"$broken"

tracked() {
    git ls-files -z "$@" 2>/dev/null || true
}

tracked '*.rs' | xargs -0 awk '
    FNR == 1 { if (name && lines > 600 && !said) print name ": " lines " lines; split it, or say why with \"// long because\""; said = 0 }
    { name = FILENAME; lines = FNR }
    /^\/\/ long because / { said = 1 }
    END { if (lines > 600 && !said) print name ": " lines " lines; split it, or say why with \"// long because\"" }
' >>"$broken"

# Written so that the patterns don't find themselves.
folders='(^|[^A-Za-z0-9_.$}])/(r[o]ot|w[o]rk|home/[a-z]+|Users/[A-Za-z]+|tmp/b[a-z]+)/'
registries='(p[y]pi\.org|pyth[o]nhosted\.org|(index|static)\.crates\.i[o]|registry\.npm[j]s|--(extra-)?index-ur[l]|--find-link[s])'
tracked | xargs -0 grep -nIE "$folders|$registries" /dev/null | cut -c 1-160 >>"$broken" || true
grep '^source = ' Cargo.lock | grep -v 'registry+https://github.com/rust-lang/crates.io-index"' >>"$broken" || true

if [ -s "$broken" ]; then
    sed 's/^/house: /' "$broken" >&2
    exit 1
fi
echo "house: $(printf '%s\n' "$crates" | wc -l) crates keep to $architecture"
