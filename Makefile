# fpsim: one environment (.venv in this folder), made on first use and left alone afterwards.
# Stamps carry a checksum of pyproject.toml and constraints.txt, so only a change of those installs again.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
RIVALS := benchmarks/.venv-rivals
sum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
PINS := $(call sum,pyproject.toml constraints.txt)
CORE := .venv/stamp-core-$(PINS)
DEV := .venv/stamp-dev-$(PINS)
FULL := .venv/stamp-full-$(PINS)
DOCS := .venv/stamp-docs-$(PINS)
RIVALS_STAMP := $(RIVALS)/stamp-$(call sum,benchmarks/requirements.txt)

# Always with the constraints: a looser torch would pull gigabytes.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test coretest lint docs dist bench sweeps core constraints clean distclean

help:  ## this list
	@echo "make TARGET  (PYTHON=python3.12 chooses the interpreter, ARGS='...' goes to the command)"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-14s%s\n", $$1, $$2}'

demo: $(CORE)  ## the escape time of a double well by every route, and its figure
	@$(BIN)/fpsim demo $(ARGS)

test: $(FULL)  ## the whole test suite, with every extra
	@$(BIN)/python -m pytest -n auto $(ARGS)

coretest: $(DEV)  ## the tests that need no extra
	@$(BIN)/python -m pytest -n auto -m "not network and not animation and not explore" $(ARGS)

lint: $(DEV)  ## ruff and mypy (strict)
	@$(BIN)/ruff check .
	@$(BIN)/mypy

docs: $(DOCS)  ## the documentation site in docs/_build/html, warnings as errors
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html $(ARGS)
	@echo "open docs/_build/html/index.html"

dist: $(DEV)  ## sdist and wheel in dist/, the wheel made from the sdist and tried in an environment of its own
	@rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist .
	@$(BIN)/python -m venv --clear .venv/wheel
	@.venv/wheel/bin/python -m pip --disable-pip-version-check install -qq --constraint constraints.txt dist/*.whl
	@cd dist && ../.venv/wheel/bin/python -c 'import fpsim, landscapes, validation, animations' \
	    && ../.venv/wheel/bin/fpsim --version && ../.venv/wheel/bin/fpsim --help > /dev/null
	@rm -rf .venv/wheel

bench: $(FULL) $(RIVALS_STAMP)  ## speed against plain numba, numpy, diffrax, scipy, py-pde and torch, on one core
	@$(BIN)/python benchmarks/run.py --rivals $(RIVALS)/bin/python $(ARGS)

sweeps: $(FULL)  ## what a sweep costs per point, against plain Dask and joblib
	@$(BIN)/python benchmarks/sweeps.py $(ARGS)

core: $(CORE)  ## only make the environment with the core dependencies
	@:

constraints: $(FULL)  ## write what is installed now to constraints.txt
	@$(BIN)/python -m pip --disable-pip-version-check list --format=freeze --exclude pip --exclude-editable \
	    | sed 's/+[a-z0-9.]*$$//' > .venv/installed
	@# pins of what is not installed here (numba-cuda, the documentation's tools) stay as they are
	@{ sed -n '/^#/p' constraints.txt; { cat .venv/installed; \
	    awk -F== 'NR == FNR { here[tolower($$1)]; next } !/^#/ && !(tolower($$1) in here)' .venv/installed constraints.txt; \
	    } | LC_ALL=C sort -f; } > .venv/constraints.new
	@mv .venv/constraints.new constraints.txt

clean:  ## remove caches and build products
	@rm -rf build dist docs/_build docs/_staged docs/_studies docs/api docs/gallery .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './*/.venv-rivals/*' -not -path './.venv/*' -prune \
	    -exec rm -rf {} +

distclean: clean  ## remove the environments too
	@rm -rf .venv $(RIVALS)

# --- environments ---

.venv/stamp-venv:
	@command -v $(PYTHON) > /dev/null || { echo "There is no '$(PYTHON)' here. fpsim needs Python 3.11 or newer:" \
	    "install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fpsim needs Python 3.11 or newer," \
	    "but '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || PYTHON=$(PYTHON) sh .ci/system venv
	@test -x $(BIN)/python && $(BIN)/python -m pip --version > /dev/null 2>&1 \
	    || { echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear .venv; }
	@touch $@

$(CORE): | .venv/stamp-venv
	@echo "Installing fpsim and its core dependencies into .venv (a minute or two the first time)"
	@$(INSTALL) --editable .
	@rm -f .venv/stamp-core-* && touch $@

$(DEV): | $(CORE)
	@echo "Installing the developers' tools into .venv"
	@$(INSTALL) --editable '.[dev]'
	@rm -f .venv/stamp-dev-* && touch $@

$(FULL): | $(DEV)
	@PYTHON=$(BIN)/python sh .ci/system manim
	@sh .ci/system browser
	@echo "Installing every extra (torch, manim, dask, starlette) into .venv (some minutes the first time)"
	@$(INSTALL) --editable '.[network,animation,cluster,explore,dev]'
	@rm -f .venv/stamp-full-* && touch $@

$(DOCS): | $(FULL)
	@echo "Installing the documentation's tools into .venv"
	@$(INSTALL) --editable '.[docs]'
	@rm -f .venv/stamp-docs-* && touch $@

$(RIVALS_STAMP): | .venv/stamp-venv
	@echo "Installing the rivals (jax, diffrax, py-pde; fplanck on Python 3.12 or newer) into $(RIVALS)"
	@$(PYTHON) -m venv --clear $(RIVALS)
	@$(RIVALS)/bin/python -m pip --disable-pip-version-check install -qq \
	    --only-binary :all: --requirement benchmarks/requirements.txt
	@touch $@
