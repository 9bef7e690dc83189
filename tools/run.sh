#!/bin/sh
# `make run`: the demo on this machine. The first start makes it; later ones keep its data.
set -eu
cd "$(dirname "$0")/.."
data=$1
port=$2

WAYMARK_DATA=$data
export WAYMARK_DATA

if [ -n "${WAYMARK_DATABASE_URL:-}" ] || [ -e "$data/waymark.db" ]; then
    .venv/bin/waymark migrate
else
    # Half a demo would be kept by the next start, so what a failed first start made goes again.
    .venv/bin/waymark init --demo || {
        rm -f "$data/waymark.db" "$data/waymark.db-wal" "$data/waymark.db-shm"
        exit 1
    }
fi

if [ -e "$data/demo-credentials.txt" ]; then
    cat "$data/demo-credentials.txt"
fi
exec .venv/bin/waymark serve --port "$port"
