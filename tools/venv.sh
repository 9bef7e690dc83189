#!/bin/sh
# Makes .venv with the pinned installer in it. Says in one sentence what a bare machine lacks.
set -eu
cd "$(dirname "$0")/.."

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done

if [ -z "$python" ]; then
    echo "Waymark needs Python 3.11 or newer: install it (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python3), or name it: make PYTHON=/path/to/python3." >&2
    exit 1
fi
no_venv() {
    echo "Waymark needs Python's venv module: install it (Debian, Ubuntu: apt-get install python3-venv)." >&2
    exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || no_venv

# A folder that an interrupted run left behind, or whose Python is gone, is made anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear .venv >/dev/null || no_venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/installer.txt
