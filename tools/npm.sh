#!/bin/sh
# Runs npm: the machine's own where Node.js is 20 or newer, else the one that comes as a Python package.
# Packages' own install scripts never run.
set -eu
cd "$(dirname "$0")/.."

node_is_new_enough() {
    command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null
}

if ! node_is_new_enough; then
    PATH="$PWD/.venv/bin:$PATH"
    export PATH
    if ! node_is_new_enough; then
        .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements/node.txt
    fi
fi
exec npm "$@" --ignore-scripts --no-fund --no-audit --no-update-notifier --loglevel=error >/dev/null
