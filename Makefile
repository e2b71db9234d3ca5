# `make` alone says what there is. Settings of the gateway are environment variables: `make run PORT=4001`.
PYTHON ?= python3
BIN = .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--override requirements/overrides.txt --exclude-newer 2026-11-06 --exclude-newer-package litellm=2026-11-13

.PHONY: help setup dev run test load bench conformance chaos lint format check lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## install what the gateway runs on into .venv (needs Python 3.11 or newer)
	@$(PYTHON) scripts/install.py runtime

dev:
	@$(PYTHON) scripts/install.py dev

run: setup ## start the gateway here, with simulated providers where none is configured; Ctrl-C stops it
	@$(BIN)/python scripts/run.py

test: dev ## run all tests
	$(BIN)/python -m pytest

load: dev ## load-test and say yes or no: `make load SCENARIO=steady TARGET=https://...`; smoke, simulated, without
	@$(BIN)/python -m loadtests run $(or $(SCENARIO),smoke) $(if $(TARGET),--target $(TARGET)) $(LOAD)

bench: dev ## every way to a provider side by side, in 15 minutes; `make bench BENCH=--quick` in 90 seconds
	$(BIN)/python -m loadtests.bench $(BENCH)

conformance: dev ## what users get while a provider misbehaves: FailoverBench's cases and ours, stock LiteLLM beside, in 90 s
	$(BIN)/python -m loadtests.conformance $(CONFORMANCE)

chaos: dev ## gateways, providers and Redis break under load, stock LiteLLM beside, in 20 min; `CHAOS=--quick` in 6
	$(BIN)/python -m loadtests.chaos $(CHAOS)

lint: dev ## what the linters say: format, rules, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: dev ## write all files in the one format, and repair what ruff can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: setup ## are litellm_config.yaml and policies/ right, and do they fit together?
	@./waferline check

lock: dev ## resolve requirements/*.in anew, within the dates above
	$(LOCK) requirements/runtime.in -o requirements/runtime.lock
	$(LOCK) requirements/dev.in -o requirements/dev.lock

clean: ## remove .venv, logs and caches
	rm -rf .venv .run .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
