# Everything runs in .venv, which the first target that needs it makes. No step needs root.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv
STAMP := $(VENV)/.synced
AXE := deploy/page/node_modules/axe-core/axe.min.js

EXTRAS := --extra kubernetes --extra postgres --extra speed

.PHONY: $(shell grep -oE '^[a-z-]+:' Makefile | tr -d :)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV)/uv && $(VENV)/uv/bin/pip --quiet install 'uv>=0.8'; }
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras
	@touch $(STAMP)

setup: $(STAMP) ## Install everything into .venv
	@$(BIN)/python deploy/page/vendor.py || echo "The status page will have tables in place of charts."

page: $(STAMP) ## Bring the charting library of the status page (needs npm); setup does it too
	$(BIN)/python deploy/page/vendor.py

check: $(STAMP) ## Lint, format check, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format, and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(STAMP) ## Everything but the targets below (TEST_JOBS=auto)
	$(BIN)/pytest -n $(or $(TEST_JOBS),auto) --dist worksteal \
	  -m "not browser and not foreign and not chaos and not mutation and not kubernetes and not image and not chart"

$(AXE): deploy/page/package-lock.json
	cd deploy/page && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

test-browser: page $(AXE) ## The status page in a real Chromium (Debian package chromium; needs npm)
	$(BIN)/pytest tests/browser -n 2 --dist worksteal -m browser

test-foreign: $(STAMP) ## The emulator driven by the platform's own public client (from PyPI)
	$(BIN)/pytest tests/foreign -m foreign

test-api: $(STAMP) ## The API against its OpenAPI document, at length (EXAMPLES=200)
	API_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/pytest tests/process/test_api_conformance.py

test-kubernetes: $(STAMP) ## What talks to a real API server (see .ci/kubernetes-assets)
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras --group cluster
	$(BIN)/pytest tests/kubernetes -m kubernetes

test-chart: $(STAMP) ## Lint and render the chart over a matrix of values; unit tests; alerts (promtool)
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras --group cluster
	$(BIN)/pytest tests/chart -m chart -n auto --dist worksteal

checkov: $(STAMP) ## Look for insecure settings in the rendered chart
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras --group cluster
	rm -rf build/chart && mkdir -p build/chart
	set -e; for values in tests/chart/values/*.yaml; do $(BIN)/helm template web deploy/chart --no-hooks \
	  --namespace scaling --values $$values > build/chart/$${values##*/}; done
	$(UV) tool run --quiet --from checkov==3.3.30 checkov --directory build/chart --config-file deploy/checkov.yaml

test-image: $(STAMP) ## Lint the Dockerfile, and run the image that .ci/image built
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras --group cluster
	$(BIN)/hadolint Dockerfile
	$(BIN)/pytest tests/image -m image

failover-times: $(STAMP) ## Measure failovers on a real API server; writes docs/failover.md (RUNS=20)
	KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$$(.ci/kubernetes-assets)}" PYTHONPATH=. \
	  $(BIN)/python tests/bench/failover_times.py --runs $(or $(RUNS),20) --into docs/failover.md

mutations: $(STAMP) ## Break each guard on purpose; the simulation must see it
	$(BIN)/pytest tests/simulation -n auto --dist worksteal -m mutation

chaos: $(STAMP) ## Daemon and emulator as processes; faults, and ten kills, under load
	$(BIN)/pytest tests/process -m chaos

soak: $(STAMP) ## Simulated days of faults (SEEDS=300 HOURS=2)
	$(BIN)/autoscaler soak --seeds $(or $(SEEDS),300) --hours $(or $(HOURS),2)

reference: $(STAMP) ## Write the generated tables of docs/, and the dashboard, anew
	$(BIN)/autoscaler schema --markdown --into docs/configuration.md
	$(BIN)/autoscaler policies --into docs/policies.md
	$(BIN)/autoscaler schema --metrics --into docs/metrics.md
	$(BIN)/python -m deploy.dashboards
	$(BIN)/autoscaler schema --cli --into docs/cli.md

plots: $(STAMP) ## Draw the pictures of docs/policies.md anew
	$(BIN)/autoscaler policies --plot docs/images/policies

screenshots: page ## Take the pictures of docs/status-page.md anew (needs chromium and npm)
	$(BIN)/python -m tests.browser.screenshots

lab: $(STAMP) ## Make every table and picture of docs/benchmarks.md anew (some twenty minutes)
	$(BIN)/autoscaler lab --out docs/lab --images docs/images/lab --into docs/benchmarks.md

bench: $(STAMP) ## Measure the whole daemon; compare with, and replace, the last run (SECONDS=30)
	$(BIN)/python -m tests.bench.fleet --seconds $(or $(SECONDS),30) \
	  --json docs/performance.json --into docs/performance.md --targets-into docs/benchmarks.md

scale: $(STAMP) ## Compute docs/scale.md anew, from what the last `make bench` measured
	$(BIN)/python -m tests.bench.scale --into docs/scale.md

demo: $(STAMP) ## The main job, end to end, on this machine (DEMO_SPEED=1)
	$(BIN)/autoscaler demo --speed $(or $(DEMO_SPEED),1)

image-requirements: $(STAMP) ## Write deploy/image/build-requirements.txt anew, from uv.lock
	$(UV) export --quiet --frozen --only-group image --no-emit-project --no-header \
	  --output-file deploy/image/build-requirements.txt >/dev/null

chart-docs: $(STAMP) ## Write the chart's values.schema.json, README.md and custom resource anew
	PYTHONPATH=. $(BIN)/python deploy/generate.py

sbom: $(STAMP) ## Write what the image is made of to dist/sbom.json (CycloneDX)
	UV_PROJECT_ENVIRONMENT=build/image $(UV) sync --quiet --frozen --no-default-groups --no-editable $(EXTRAS)
	mkdir -p dist
	$(UV) tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment build/image/bin/python \
	  --pyproject pyproject.toml --mc-type application --output-reproducible --output-file dist/sbom.json

audit: $(STAMP) ## Look for known vulnerabilities of the libraries (needs a vulnerability service on the internet)
	mkdir -p build
	$(UV) export --quiet --frozen --no-default-groups --no-emit-project $(EXTRAS) --output-file build/requirements.txt >/dev/null
	$(UV) tool run --quiet pip-audit==2.10.1 --requirement build/requirements.txt --require-hashes --disable-pip --strict

clean: ## Remove what the targets made
	rm -rf $(VENV) deploy/page/node_modules autoscaler/web/page/vendor build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
