# Every target sets up what it needs: Python 3.11 or newer and make are enough.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
ENVIRONMENT := .venv/env
READY := .venv/.ready
RUN := $(ENVIRONMENT)/bin/python
TAKT := $(RUN) -m orchestration

export DBT_PROFILES_DIR := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := yes
export GX_ANALYTICS_ENABLED := false

# The demo company's story ends on this night. Real exports get the real clock and a
# key of their own: .takt-demo lies only where `takt demo` has written.
DEMO_AS_OF := 2026-07-01T02:00+08:00
DEMO_KEY := a demo key, known to everybody
EXPORTS := $(or $(TAKT_EXPORTS),exports)
AS_THE_DEMO = if [ -e "$(EXPORTS)/.takt-demo" ]; then \
	export TAKT_AS_OF="$${TAKT_AS_OF:-$(DEMO_AS_OF)}" \
		TAKT_PII_KEY="$${TAKT_PII_KEY:-$(DEMO_KEY)}"; fi

.PHONY: help refresh dev query test bench check fmt

help: ## Show this list
	@echo "Takt: from export files to governed KPI marts."
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1|\2/p' $(MAKEFILE_LIST) \
		| while IFS='|' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done
	@echo "The command line: $(ENVIRONMENT)/bin/takt --help"

refresh: $(READY) ## Refresh the KPIs; writes the demo's exports first where there are none
	@$(TAKT) demo --if-empty
	@$(AS_THE_DEMO); $(TAKT) refresh

dev: $(READY) ## Open Dagster on http://127.0.0.1:3000, with the demo where nothing is there
	@$(TAKT) demo --if-empty
	@$(AS_THE_DEMO); $(TAKT) verify >/dev/null 2>&1 || $(TAKT) refresh || [ $$? = 3 ]
	@$(AS_THE_DEMO); $(TAKT) dev

query: $(READY) ## Ask the published version: make query SQL="select * from dim_kpis"
	@$(TAKT) query "$${SQL:-show tables}"

test: $(READY) ## Run all tests
	@$(RUN) -m pytest -n 2 --dist loadgroup

bench: $(READY) ## Measure speed and memory as ratios; about forty minutes
	@$(RUN) -m bench

check: $(READY) ## Lint Python and SQL, and check contracts and registers
	@$(ENVIRONMENT)/bin/ruff check .
	@$(ENVIRONMENT)/bin/ruff format --check .
	@$(ENVIRONMENT)/bin/sqlfluff lint --processes 0 models tests/data
	@TAKT_HOME=.venv/check $(TAKT) check

fmt: $(READY) ## Format Python and SQL
	@$(ENVIRONMENT)/bin/ruff check --fix --quiet .
	@$(ENVIRONMENT)/bin/ruff format .
	@$(ENVIRONMENT)/bin/sqlfluff fix --processes 0 models tests/data

# Without Python downloads: those come from a code host, not from a package registry.
$(READY): pyproject.toml uv.lock .ci/bootstrap.py
	@mkdir -p .venv
	@echo "Setting up the environment; once, about a minute."
	@uv="$$($(PYTHON) .ci/bootstrap.py)"; UV_PROJECT_ENVIRONMENT=$(ENVIRONMENT) \
		UV_PYTHON_DOWNLOADS=never "$$uv" sync --frozen --quiet --python $(PYTHON)
	@touch $@
