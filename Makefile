# Every target that a developer needs, one line of help each. Needs git, make and Python 3.11 or newer.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
UV_COMPILE = .venv-tools/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint fix types contracts duplicates spelling golden e2e e2e-kind kind-clean \
	moments cluster cluster-stop docs docs-check bench bench-plan bench-live bench-apply new-rule lock clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' \
		| while IFS=$$'\t' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

define new_venv
@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
@$(PYTHON) -m venv --clear $(VENV)
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
endef

# A changed lock file makes a new environment, so nothing is left over from the old one. The demo
# needs the run-time packages only; everything else needs the developers' too.
$(VENV)/run.stamp: requirements/run.txt
	@echo "setting up $(VENV) to run (a few seconds)"
	$(new_venv)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt requirements/run.txt
	@echo "setting up $(VENV) to develop (a few seconds)"
	$(new_venv)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(VENV)/run.stamp $@

setup: $(VENV)/dev.stamp ## make .venv with the locked packages and the command `migrate`
	@echo "ready: source $(BIN)/activate && migrate --help"

demo: $(VENV)/run.stamp ## walk the example meshes: scan, check, plan, show, simulated apply and rollback
	@$(BIN)/python -m tools.demo

test: $(VENV)/dev.stamp ## run every test
	@$(BIN)/pytest -n $(JOBS)

check: lint types contracts docs-check duplicates spelling ## all that needs no test: lint, types, contracts, docs, duplicates, spelling
	@echo "check: all good"

lint: $(VENV)/dev.stamp ## ruff: format and rules
	@$(BIN)/ruff format --check --quiet . || { echo "make fix formats these"; $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/ruff check .

fix: $(VENV)/dev.stamp ## ruff: format, and mend what can be mended
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: $(VENV)/dev.stamp ## mypy --strict
	@$(BIN)/mypy

contracts: $(VENV)/dev.stamp ## import-linter: which layer may import which
	@$(BIN)/lint-imports

duplicates: $(VENV)/dev.stamp ## the same lines twice in our own code
	@$(BIN)/pylint --score=n --disable=all --enable=duplicate-code migrator

spelling: $(VENV)/dev.stamp ## codespell over code and texts
	@git ls-files -z '*.md' '*.py' '*.j2' '*.toml' '*.txt' ':!requirements' | xargs -0 $(BIN)/codespell

docs: $(VENV)/dev.stamp ## write the generated pages: rules, commands, schemas, README's session
	@$(BIN)/python -m tools.docs

docs-check: $(VENV)/dev.stamp ## fail when a generated page is not what `make docs` would write
	@$(BIN)/python -m tools.docs --check

e2e: $(VENV)/dev.stamp ## [JOBS=2]: the examples on a real API server with a real istiod (needs Go; the first run builds them)
	@$(BIN)/python -m e2e.binaries
	@$(BIN)/pytest -p no:cacheprovider -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=15 e2e

e2e-kind: $(VENV)/dev.stamp ## [TESTS=...]: a real kind cluster with Istio, pods and traffic; no image is pulled (needs root, Go, Debian's docker.io)
	@$(BIN)/python -m e2e.kind test $(TESTS)

kind-clean: $(VENV)/dev.stamp ## end and remove what `make e2e-kind` left; what it built stays in the user's cache
	@$(BIN)/python -m e2e.kind clean

moments: $(VENV)/dev.stamp ## PAIRS=1000 [FIRST=0]: so many generated meshes with their plans, each moment held against istiod
	@MIGRATE_E2E_PAIRS=$(or $(PAIRS),1000) MIGRATE_E2E_FIRST=$(or $(FIRST),0) $(BIN)/pytest -p no:cacheprovider -s \
		e2e/test_moments_generated.py

cluster: $(VENV)/dev.stamp ## PROFILE=ambient|default [EXAMPLE=shop] [FILL="100 20 3"]: one to try the product on (needs Go)
	@$(BIN)/python -m e2e.cluster start "$(or $(PROFILE),ambient)" "$(EXAMPLE)" $(FILL)

cluster-stop: ## end what `make cluster` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m e2e.cluster stop; fi

golden: $(VENV)/dev.stamp ## update every golden file and page; then read the diff
	@UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/golden
	@$(BIN)/python -m tools.docs

bench: $(VENV)/dev.stamp ## time and memory on generated meshes
	@$(BIN)/python -m bench

bench-plan: $(VENV)/dev.stamp ## `migrate plan` of 20,000 workloads, from files to files (SIZE="2000 10 1")
	@$(BIN)/python -m bench.plan_command $(SIZE)

bench-live: $(VENV)/dev.stamp ## [SIZE="100 20 3"]: a live check of 6,000 pods beside raw lists and istioctl analyze (needs Go)
	@$(BIN)/python -m bench.live $(SIZE)

bench-apply: $(VENV)/dev.stamp ## [EXAMPLE=bank] [POD_SECONDS=5]: applied and rolled back, own time beside waiting for the cluster (needs Go)
	@$(BIN)/python -m bench.applying $(EXAMPLE) $(if $(POD_SECONDS),--pod-seconds $(POD_SECONDS))

new-rule: $(VENV)/dev.stamp ## NAME=l7-policy-in-no-namespace [SUBJECT=authz | CODE=AMB130]: a new rule and its fixtures
	@$(BIN)/python -m tools.new_rule --name "$(NAME)" --subject "$(SUBJECT)" --code "$(CODE)"

lock: requirements/uv.txt ## resolve the newest packages that pyproject.toml allows, with hashes
	@$(PYTHON) -m venv .venv-tools
	@.venv-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(UV_COMPILE) --upgrade pyproject.toml -o requirements/run.txt
	@$(UV_COMPILE) --upgrade pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@git diff --stat -- requirements

clean: ## remove the environments and every cache
	@rm -rf $(VENV) .venv-tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		.cache build dist bench/data
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
