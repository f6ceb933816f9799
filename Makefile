# Everything a developer or operator types. `make help` lists it.
# Nothing here needs root, Node or a browser on the machine: what is missing comes from a package registry
# into .venv (Chromium alone comes from Debian's packages, see `chromium`).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .make
SHELL := /bin/bash

# Extra words for `wt roost`, e.g. `make run ARGS="--addr 127.0.0.1:9000"`.
ARGS ?=

WEBAPP_SOURCES := $(shell find webapp -type f -not -path '*/node_modules/*' 2>/dev/null)

UNIT := assembly bench cli cluster crypto deploy drills rehearsal relay sockets store web wing wire \
  test_configuration_page test_errors test_failures test_files test_imports test_project

.DEFAULT_GOAL := help
.PHONY: help run fleet docs test check lint types unit webapp-test build bench fuzz drills chromium clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(STAMPS)/run $(STAMPS)/webapp ## Server and wing on this machine; prints the link to open
	@$(BIN)/wt roost $(ARGS)

fleet: $(STAMPS)/run $(STAMPS)/webapp ## A small Fly on this machine, to rehearse on: `wt fleet up` (docs/rehearsal.md)
	@$(BIN)/wt fleet up $(ARGS)

test: $(STAMPS)/dev $(STAMPS)/webapp chromium webapp-test ## Every test: units, real processes, real browser
	$(BIN)/python -m pytest tests

check: lint types test build ## Lint, types, tests, and the wheel

lint: $(STAMPS)/dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/dev ## mypy --strict
	$(BIN)/mypy

unit: $(STAMPS)/dev ## The unit tests alone, by trial
	$(BIN)/trial $(addprefix tests., $(UNIT))

webapp-test: $(STAMPS)/webapp ## The browser app's own unit tests
	$(BIN)/python build_backend/webapp.py run test

build: $(STAMPS)/dev $(STAMPS)/webapp ## The wheel, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

bench: $(STAMPS)/dev $(STAMPS)/webapp ## The benchmarks (ARGS="relay", "memory", "echo" or "fleet" for one of them)
	$(BIN)/python -m bench $(ARGS)

fuzz: $(STAMPS)/dev ## Bytes that nobody thought of, to the frame parser (ARGS="--seconds 60"; ten minutes)
	$(BIN)/python -m pip install --quiet --config-settings editable_mode=compat -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz $(ARGS)

drills: $(STAMPS)/dev $(STAMPS)/webapp ## Break a rehearsed fleet, and see what holds (ARGS="edge --write"; docs/drills.md)
	$(BIN)/python -m drills $(ARGS)

docs: $(STAMPS)/dev ## docs/configuration.md, from the source
	$(BIN)/python docs/reference.py

chromium: $(STAMPS)/dev
	@$(BIN)/python tests/browser/chromium.py

clean: ## Forget the virtual environment and everything built
	rm -rf $(VENV) $(STAMPS) build dist webapp/node_modules wingthing/web/static/app

# -- the fleet on Fly (docs/operations.md) -------------------------------------------------------------------
# REGIONS, COUNT, LOGIN, EDGE, FORCE and ARGS reach deploy/fleet.py through the environment, where make puts
# what stands on its command line; what they mean, and what is refused, is written there.

.PHONY: deploy deploy-edge scale status keygen fly-found

ON_FLY := $(PYTHON) -m deploy

# What must pass before an image is built. `make deploy CHECK=build` leaves the tests out, at your risk.
CHECK ?= check

deploy: fly-found $(CHECK) ## The fleet: `check`, then `fly deploy` (ARGS for more of its options)
	@$(ON_FLY) deploy

# COUNT edges over all of REGIONS, and at least one in each: REGIONS=nrt,lhr COUNT=2 is one in each, and so is
# REGIONS=nrt,lhr,cdg COUNT=1. It sets what these regions have, and touches neither other regions nor login.
deploy-edge: ## The fleet: edges in regions (REGIONS=nrt,lhr COUNT=2; FORCE=1 for a region it does not know)
	@$(ON_FLY) deploy-edge

scale: ## The fleet: how many machines in all (LOGIN=1 EDGE=3)
	@$(ON_FLY) scale

status: ## The fleet: which machines there are
	@$(ON_FLY) status

# The key alone goes to standard output, also when wingthing must be installed first.
keygen: ## A new signing key: `fly secrets set WT_JWT_KEY=...`
	@$(MAKE) --silent --no-print-directory $(STAMPS)/run >&2
	@$(BIN)/wt keygen

# Before ten minutes of tests, not after them.
fly-found:
	@$(ON_FLY) found

# -- what the targets above stand on ------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wingthing needs Python 3.11 or later; say which: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "python3 -m venv failed: on Debian or Ubuntu install the package python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade pip

# The compat mode puts this folder on the path as it is, which is how twistd finds twisted/plugins.
$(STAMPS)/run: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --config-settings editable_mode=compat -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --config-settings editable_mode=compat -e '.[dev]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

$(STAMPS)/webapp: $(WEBAPP_SOURCES) | $(BIN)/python
	$(BIN)/python build_backend/webapp.py
	@mkdir -p $(STAMPS) && touch $@
