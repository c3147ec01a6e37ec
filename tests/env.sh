# shellcheck shell=sh
# What the tests find in their environment; sourced from the top of the checkout.

# The Python readers that outputs are held against (tests/requirements.txt).
if [ -z "${SEEDBED_PYTHON:-}" ] && [ -x .venv/bin/python ]; then
    SEEDBED_PYTHON=$PWD/.venv/bin/python
fi
[ -z "${SEEDBED_PYTHON:-}" ] || export SEEDBED_PYTHON

# A folder of real archive samples; without it the tests named real_* skip.
SEEDBED_REAL_DATA=${SEEDBED_REAL_DATA:-../shared/data}
if [ -d "$SEEDBED_REAL_DATA" ]; then
    SEEDBED_REAL_DATA=$(cd "$SEEDBED_REAL_DATA" && pwd)
    export SEEDBED_REAL_DATA
else
    unset SEEDBED_REAL_DATA
fi
