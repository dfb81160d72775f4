# Every target bootstraps what it needs: Python 3.11+ and make are enough.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
export DBT_PROFILES_DIR := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := yes
export GX_ANALYTICS_ENABLED := false

UV := $(shell command -v uv 2>/dev/null || echo .venv/boot/bin/uv)
READY := .venv/.ready

.PHONY: help test check fmt

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

# A virtual environment where the system has one; else a private folder, which also
# works on Debian, whose own Python refuses to be installed into.
.venv/boot/bin/uv:
	@mkdir -p .venv
	@$(PYTHON) -m venv .venv/boot >/dev/null 2>&1 && .venv/boot/bin/pip install -q uv \
		|| { rm -rf .venv/boot; $(PYTHON) -m pip install -q --target .venv/boot uv; } \
		|| { echo "Python's pip or venv is missing; install one of them, or uv."; exit 1; }

$(READY): pyproject.toml uv.lock $(if $(findstring .venv,$(UV)),.venv/boot/bin/uv)
	@UV_PROJECT_ENVIRONMENT=.venv/env $(UV) sync --frozen -q
	@touch $@

test: $(READY) ## Run all tests
	@.venv/env/bin/python -m pytest

check: $(READY) ## Lint Python and parse the dbt project
	@.venv/env/bin/ruff check .
	@.venv/env/bin/dbt --quiet parse --target-path data/target

fmt: $(READY) ## Format Python
	@.venv/env/bin/ruff format .
