# What a newcomer types. Each target sets up what is missing first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)

FUNCTIONS := $(wildcard supabase/*/functions/*/deno.json)
MARKET := $(if $(MARKET_DATA),--market-data "$(abspath $(MARKET_DATA))")
# One cluster of databases a process. One more than the cores of a small machine: many tests wait for processes and clocks.
# What such a machine made too late is tried once more, and counted: `rerun` in the summary is a test to look at.
PYTEST_PROCESSES ?= 3
# What is already pinned stays, and no line says where a package was found.
PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

.PHONY: help setup run demo test check pages lock bench chaos

help: ## what there is
	@printf 'Zmarty: signals with a provable track record, and a chat that charges fairly.\n\n'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  MARKET_DATA=FILE replays real candles with run and demo; zmarty --help lists the operator'"'"'s verbs.\n'

setup: ## install and build everything, start nothing
	@bash local_stack/setup.sh

run: setup ## the whole system at http://127.0.0.1:8000, until Ctrl-C
	@exec zmarty up $(MARKET)

demo: setup ## the main job, step by step on screen, with real processes
	@exec zmarty demo $(MARKET)

test: setup ## every test; PYTEST="-x -k ledger" passes arguments on to pytest
	@for config in $(FUNCTIONS); do (cd "$$(dirname "$$config")" && deno task --quiet test); done
	@bash local_stack/setup.sh browser
	@npm run --silent --prefix web test
	@pytest -n $(PYTEST_PROCESSES) --dist loadscope --reruns 2 -q $(PYTEST)

check: setup ## format, lint, types, import contracts
	@ruff format --check .
	@ruff check .
	@mypy
	@lint-imports
	@for config in $(FUNCTIONS); do (cd "$$(dirname "$$config")" && deno task --quiet check); done
	@python -m local_stack.generated_pages --check
	@python -m local_stack.client_types --check
	@npm run --silent --prefix web check

pages: setup ## write the pages that are generated from the migrated schema
	@WRITE_PAGES=1 pytest -q tests/database/test_schema_pages.py
	@python -m local_stack.generated_pages
	@python -m local_stack.client_types

lock: setup ## pin what pyproject.toml names, with hashes, for production and for development
	@$(PIN) --extra dev --output-file requirements-dev.lock pyproject.toml
	@$(PIN) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	@$(PIN) --constraint requirements-dev.lock --extra exchanges --output-file requirements-exchanges.lock pyproject.toml
	@$(PIN) --constraint requirements-dev.lock --output-file benchmarks/requirements.lock benchmarks/requirements.in

bench: setup ## benchmarks as a table of ratios; ONLY=queue,ledger runs some
	@pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r benchmarks/requirements.lock
	@python -m benchmarks.peers.litellm_peer
	@exec python -m benchmarks $(if $(ONLY),--only "$(ONLY)")

chaos: setup ## real faults for minutes, nothing lost; CHAOS_SECONDS=600 CHAOS_SEED=7 choose how long and which
	@CHAOS_SECONDS=$${CHAOS_SECONDS:-300} pytest -q -s tests/chaos
