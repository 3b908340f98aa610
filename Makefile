# Cutroom on one machine. `make` lists what can be made.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:
.PHONY: help setup demo up down status test lint fmt bench lock browser clean

CUTROOM := .venv/bin/cutroom
PYTEST_ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.cutroom .venv-localstack/.cutroom plugins/media_catalog/static/vendor/.cutroom ## Install everything into this folder (twice does nothing)

demo: setup ## Start the stack, publish a sample (or FILE=path), print where it plays
	@$(CUTROOM) demo $(if $(FILE),"$(FILE)")

up: setup ## Start the stack
	@$(CUTROOM) up

down: ## Stop the stack; databases and objects are kept
	@if [ -x $(CUTROOM) ]; then $(CUTROOM) down; else echo "Nothing is installed here, so nothing runs."; fi

status: ## Show the services
	@$(CUTROOM) status

test: setup browser ## Run every test (PYTEST_ARGS="-k name" for some), a process for each core
	.venv/bin/python -m pytest --numprocesses logical --no-loadscope-reorder $(PYTEST_ARGS)

lint: setup ## Check format, style, types and the direction of imports
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy include plugins benchmarks
	.venv/bin/lint-imports

fmt: setup ## Format the code
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

bench: setup ## Measure against one plain ffmpeg
	.venv/bin/python -m benchmarks

lock: setup ## Resolve the dependencies anew
	sh scripts/lock.sh

browser: setup # Chromium, for the tests of the player page
	@sh scripts/browser.sh

clean: down ## Remove what was installed; data in .cutroom stays
	rm -rf .venv .venv-localstack .tools plugins/media_catalog/node_modules plugins/media_catalog/static/vendor

# A stamp is newer than what it was made from, so a second run does nothing.
.venv/.cutroom: requirements.txt pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh library
	@touch $@

.venv-localstack/.cutroom: requirements-localstack.txt .venv/.cutroom
	@sh scripts/setup.sh localstack
	@touch $@

plugins/media_catalog/static/vendor/.cutroom: plugins/media_catalog/package-lock.json .venv/.cutroom
	@sh scripts/setup.sh player
	@touch $@
