# Every target sets up what it needs: `make run`, `make test` and `make lint` work in a fresh clone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test bench bench-quick lint clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

run: $(INSTALLED)  ## Run the example: a few thousand tasks of every kind on SQLite
	@$(BIN)/python docs/examples/demo.py $(ARGS)

test: $(INSTALLED)  ## Run the tests on all four databases (ARGS='-k sqlite' for some)
	@$(BIN)/python -m pytest $(ARGS)

bench: $(INSTALLED)  ## Measure everything, with peers: hours (ARGS='-b sqlite -w drain' for a part)
	@$(BIN)/python -m benchmarks run $(ARGS)

bench-quick: $(INSTALLED)  ## Measure asyncqueue, the limit and the fastest peers: minutes
	@$(BIN)/python -m benchmarks run --quick --out build/bench-quick $(ARGS)

lint: $(INSTALLED)  ## Check style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:  ## Remove the virtual environment, the test servers and every cache
	rm -rf $(VENV) .servers .bench build dist *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Warnings are off for setuptools, which is suspicious of folders without Python and of editable installations.
$(INSTALLED): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# Debian packs the module that makes virtual environments apart from Python; elsewhere it is always there.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing: installing the package python3-venv"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
