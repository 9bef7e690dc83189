#!/bin/sh
# Pins and hashes every requirement file; versions change only where pyproject.toml or UPGRADE asks.
# `UPGRADE=1 requirements/compile.sh` takes the newest versions that pyproject.toml allows.
set -eu
cd "$(dirname "$0")/.."

compile() {
    out="requirements/$1.txt"
    shift
    # As uv does unless told otherwise, only names, versions and hashes are written: a committed file has no addresses.
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header ${UPGRADE:+--upgrade} "$@" --output-file "$out"
    echo "$out: $(grep -c '==' "$out") packages"
}

compile run pyproject.toml
compile dev --constraint requirements/run.txt --extra postgresql --extra s3 --group dev pyproject.toml
compile bench --constraint requirements/dev.txt --group bench
compile installer --constraint requirements/dev.txt --group installer
compile node --group node
