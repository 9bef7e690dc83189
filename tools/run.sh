#!/bin/sh
# `make run`: the demo on this machine. The first start makes it; later ones keep its data.
set -eu
cd "$(dirname "$0")/.."
data=$1
port=$2

WAYMARK_DATA=$data
WAYMARK_PORT=$port
export WAYMARK_DATA WAYMARK_PORT

.venv/bin/waymark init --demo

if [ -e "$data/demo-credentials.txt" ]; then
    # Written when the demo was made; this start may use another port.
    sed "s|http://127\.0\.0\.1:[0-9]*|http://127.0.0.1:$port|" "$data/demo-credentials.txt"
fi
exec .venv/bin/waymark serve
