# Everything runs in .venv, which the first target that needs it makes. No step needs root.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
STAMP := $(VENV)/.synced

.PHONY: help setup check format test test-foreign test-api mutations chaos soak reference plots lab demo clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/pip --quiet install 'uv>=0.8'; }
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras
	@touch $(STAMP)

setup: $(STAMP) ## Install everything into .venv

check: $(STAMP) ## Lint, format check, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format, and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(STAMP) ## Everything but the targets below; at most five minutes
	$(BIN)/pytest -n auto --dist worksteal -m "not foreign and not chaos and not mutation"

test-foreign: $(STAMP) ## The emulator driven by the platform's own public client (from PyPI)
	$(BIN)/pytest tests/foreign -m foreign

test-api: $(STAMP) ## The API against its OpenAPI document, at length (EXAMPLES=200)
	API_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/pytest tests/process/test_api_conformance.py

mutations: $(STAMP) ## Break each guard on purpose; the simulation must see it
	$(BIN)/pytest tests/simulation -n auto --dist worksteal -m mutation

chaos: $(STAMP) ## Daemon and emulator as processes; faults, and ten kills, under load
	$(BIN)/pytest tests/process -m chaos

soak: $(STAMP) ## Simulated days of faults (SEEDS=300 HOURS=2)
	$(BIN)/autoscaler soak --seeds $(or $(SEEDS),300) --hours $(or $(HOURS),2)

reference: $(STAMP) ## Write the tables of docs/configuration.md, policies.md and cli.md anew
	$(BIN)/autoscaler schema --markdown --into docs/configuration.md
	$(BIN)/autoscaler policies --into docs/policies.md
	$(BIN)/autoscaler schema --cli --into docs/cli.md

plots: $(STAMP) ## Draw the pictures of docs/policies.md anew
	$(BIN)/autoscaler policies --plot docs/images/policies

lab: $(STAMP) ## Make every table and picture of docs/benchmarks.md anew (about half an hour)
	$(BIN)/autoscaler lab --out docs/lab --images docs/images/lab --into docs/benchmarks.md

demo: $(STAMP) ## The main job, end to end, on this machine (DEMO_SPEED=1)
	$(BIN)/autoscaler demo --speed $(or $(DEMO_SPEED),1)

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
