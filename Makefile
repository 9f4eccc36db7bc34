# Everything sets itself up: python3 (3.11 or newer, with venv) and make are enough.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DATABASE ?= sqlite:///./desirepath.db

BIN := .venv/bin
INSTALL := @$(PYTHON) scripts/install.py
COMPILE = @$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(UPGRADE) >/dev/null
PROJECT := pyproject.toml requirements/build.in
# Each process takes half of what another has left: a module stays together, and its fixtures are
# made once. Each has a PostgreSQL of its own.
SPREAD := --numprocesses logical --maxprocesses 8 --dist worksteal
# Dozens of processes start in a run: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
title = @printf '\n==> %s\n' '$(1)'

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo analysis train setup test lint types contracts doctests pytest packages torture bench screens lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## Install what the service needs and start it (HOST, PORT, DATABASE)
	$(INSTALL) runtime
	@$(BIN)/desirepath serve --database '$(DATABASE)' --host $(HOST) --port $(PORT) --local-link

demo: ## See it learn from simulated shoppers: a service of its own, two minutes (DATABASE)
	$(INSTALL) train
	@$(BIN)/desirepath demo $(if $(filter-out file,$(origin DATABASE)),--database '$(DATABASE)')

analysis: ## Install what asks the log as well: DuckDB, Ibis, charts
	$(INSTALL) analysis

train: ## Install what trains and serves models as well: LightGBM, implicit
	$(INSTALL) train

setup: ## Install the developer set into .venv
	$(INSTALL) dev

test: setup packages lint types contracts doctests pytest ## Run every check and every test but the long ones

lint: setup ## Check style and format
	$(call title,Lint)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## Check types
	$(call title,Types)
	$(BIN)/mypy

contracts: setup ## Check that imports only point down
	$(call title,Import contracts)
	$(BIN)/lint-imports --no-logo

doctests: setup ## Run the examples in docstrings
	$(call title,Examples in docstrings)
	$(BIN)/python -m pytest --quiet --doctest-modules --ignore-glob='*/migrations/*' src

# One thread a process, as there is a process a core: threads that wait for each other by spinning
# (OpenMP's, of LightGBM and of the BLAS) take five times as long where there are more than cores.
pytest: export OMP_NUM_THREADS := 1
pytest: export OPENBLAS_NUM_THREADS := 1
pytest: setup packages ## Run the tests, on every core
	$(call title,Tests)
	$(BIN)/python -m pytest $(SPREAD)

packages:
	$(call title,System packages)
	@scripts/system-packages test

torture: setup packages ## Run the long tests of what must never be lost
	@scripts/system-packages torture
	$(BIN)/python -m pytest -m torture --timeout=3600

bench: ## Compare with the baseline and print the ratios
	$(INSTALL) bench
	@scripts/system-packages bench
	$(BIN)/python -m benchmarks

screens: setup packages ## Photograph the pages into build/screens
	$(BIN)/python scripts/screens.py build/screens

lock: setup ## Renew requirements/*.txt from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(PROJECT) --extra dev --output-file requirements/dev.txt
	$(COMPILE) $(PROJECT) --extra bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	$(COMPILE) $(PROJECT) --extra analysis --constraint requirements/dev.txt --output-file requirements/analysis.txt
	$(COMPILE) $(PROJECT) --extra train --constraint requirements/dev.txt --output-file requirements/train.txt
	$(COMPILE) $(PROJECT) --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(COMPILE) requirements/sentence-transformers.in \
		--output-file requirements/sentence-transformers.txt

clean: ## Remove .venv, caches and builds; databases stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +
