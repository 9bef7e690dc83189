# Waymark: every command does all of its own set-up, and does it once.
#
#   make run      try it, at http://127.0.0.1:8000 (PORT=8001 DATA=/some/folder change the two)
#   make test     linters, types, contracts and every test, on SQLite and PostgreSQL, and in a real browser
#   make bench    the benchmark table, as ratios
#   make fuzz     the property and schema tests, for long
#   make lint     linters, types and contracts alone

PORT ?= 8000
DATA ?= var

STARTED := $(shell date +%s)
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: help run test bench fuzz lint docs browser requirements clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   \(make .*\)/\1/p' Makefile

run: .venv/.run-stamp .venv/.assets-stamp
	@tools/run.sh "$(DATA)" "$(PORT)"

test: .venv/.dev-stamp .venv/.test-assets-stamp .venv/.browser-stamp .venv/.clamd-stamp
	@WAYMARK_SETUP_STARTED=$(STARTED) $(BIN)/python tools/test.py

fuzz: .venv/.dev-stamp .venv/.assets-stamp
	@WAYMARK_SETUP_STARTED=$(STARTED) WAYMARK_TEST_EXAMPLES=long $(BIN)/python tools/test.py fuzz

lint: .venv/.dev-stamp .venv/.assets-stamp
	@WAYMARK_SETUP_STARTED=$(STARTED) $(BIN)/python tools/test.py lint

bench: .venv/.bench-stamp .venv/.assets-stamp
	@$(BIN)/python -m tests.bench

# The pictures in README.md.
docs: .venv/.dev-stamp .venv/.assets-stamp .venv/.browser-stamp
	@$(BIN)/python tools/pictures.py

browser: .venv/.browser-stamp

# After a change of the dependencies in pyproject.toml; UPGRADE=1 takes the newest that it allows.
requirements: .venv/.installer-stamp
	@requirements/compile.sh

clean:
	rm -rf .venv node_modules app/static/vendor .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Set-up. Each stamp stands for a step that is done until what it was made from changes.

.venv/.installer-stamp: requirements/installer.txt tools/venv.sh
	@tools/venv.sh
	@touch $@

.venv/.run-stamp: .venv/.installer-stamp requirements/run.txt pyproject.toml
	@$(INSTALL) --require-hashes --requirement requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev-stamp: .venv/.run-stamp requirements/dev.txt
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@

.venv/.bench-stamp: .venv/.dev-stamp requirements/bench.txt
	@$(INSTALL) --require-hashes --requirement requirements/bench.txt
	@touch $@

.venv/.assets-stamp: .venv/.installer-stamp package.json package-lock.json tools/assets.py tools/npm.sh
	@tools/npm.sh ci --omit=dev --omit=optional
	@$(BIN)/python tools/assets.py
	@touch $@

# What only the tests need besides: one more package, in the same folder.
.venv/.test-assets-stamp: .venv/.assets-stamp
	@tools/npm.sh ci --omit=optional
	@touch $@

.venv/.browser-stamp: .venv/.dev-stamp .venv/.test-assets-stamp tools/browser.py
	@$(BIN)/python tools/browser.py
	@touch $@

.venv/.clamd-stamp: .venv/.installer-stamp tools/clamd.py
	@$(BIN)/python tools/clamd.py
	@touch $@
