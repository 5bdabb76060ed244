# What to type. `make` alone lists it.
# Works with the make of macOS (3.81) and of Linux; needs Python 3.11 or newer and nothing else installed.

# The first Python on PATH that starts and is new enough; name another with `make run PYTHON=/path/to/python3`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
VENV ?= .venv
BIN = $(VENV)/bin/python
# Tests run in this many processes; browser tests of one file stay together.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run demo test test-local check bench bench-local mutants sheets tables clean program tools local browser python

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

run: program ## start the editor; the page's address is printed
	@$(BIN) app.py

demo: tools ## start the editor with all backends answered by fake providers on this machine: no keys, no network
	@$(BIN) -m tests.fakes

test: tools browser ## run the tests but for the local model's (PYTEST_ARGS="-k tree" narrows them)
	@$(BIN) -m tests.tools.scripts test
	@$(BIN) -m pytest -n $(WORKERS) --dist loadfile -m "not local" $(PYTEST_ARGS)

test-local: tools local browser ## run the tests of the local model, which need torch
	@$(BIN) -m pytest -n $(WORKERS) --dist loadfile -m local $(PYTEST_ARGS)

check: tools ## formatting, lint, types, layers, and a start with nothing but requirements.txt
	@$(BIN) -m ruff format --check .
	@$(BIN) -m ruff check .
	@$(BIN) -m mypy
	@$(BIN) $(VENV)/bin/lint-imports
	@$(BIN) -m tests.tools.row_types --check
	@$(BIN) -m tests.tools.scripts check
	@$(BIN) -m tests.readme --check
	@$(BIN) -m tests.guard_runtime "$(PYTHON)"

bench: tools browser ## measure the page and the history; prints a table
	@$(BIN) -m tests.bench

bench-local: tools local ## measure the local model's engine around a tiny pipeline: overhead, stop, caches
	@$(BIN) -m tests.bench local

mutants: tools ## plant faults one at a time and list those that no test notices (ONLY=word narrows them)
	@$(BIN) -m tests.mutants --only "$(ONLY)"

sheets: tools ## write contact sheets of the built-in engine to tests/output/sheets, to be looked at
	@$(BIN) -m tests.sheets

tables: tools ## write anew what follows from the code: the documents' tables, the scripts' types
	@$(BIN) -m tests.tools.row_types --write
	@$(BIN) -m tests.readme --write

clean: ## remove environments, caches and test output; projects and pictures stay
	rm -rf node_modules $(VENV) $(VENV)-runtime .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/output
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

program: python
	@"$(PYTHON)" .ci/make_venv.py $(VENV) requirements.txt

tools: python
	@"$(PYTHON)" .ci/make_venv.py $(VENV) requirements.txt tests/requirements.txt

local: tools # torch and diffusers, for the tests of the local model
	@"$(PYTHON)" .ci/make_venv.py $(VENV) tests/requirements-local.txt

browser: tools
	@$(BIN) -m tests.chromium

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH." \
		"Install one from python.org or name it: make run PYTHON=/path/to/python3" >&2; exit 2; }
