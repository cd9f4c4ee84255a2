# Everything there is to do with Sgwrs, from a fresh clone on. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup run test bench audit lint format lock messages clean

PYTHON := .venv/bin/python
MANAGE := $(PYTHON) manage.py
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	--no-emit-index-url --no-header

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: .venv/.requirements ## make .venv with what requirements.txt names

run: setup staticfiles/staticfiles.json ## serve the site on HOST:PORT, web and worker
	@exec $(MANAGE) serve --prepare --with-parent "$$PPID"

test: .venv/.requirements-dev staticfiles/staticfiles.json ## run the tests (ARGS="-k feed")
	@$(PYTHON) -m pytest -n auto $(ARGS)

bench: .venv/.requirements-dev staticfiles/staticfiles.json ## measure, as ratios (ARGS="--quick")
	@$(PYTHON) -m tests.benchmarks $(ARGS)

audit: .venv/.requirements-dev staticfiles/staticfiles.json $(if $(filter --quick,$(ARGS)),,tests/audit/node_modules) ## axe and Lighthouse (ARGS="--quick" or an address)
	@$(PYTHON) -m tests.audit $(ARGS)

lint: .venv/.requirements-dev ## check style, types, templates, migrations and translations
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -m djlint --lint --quiet templates
	$(MANAGE) makemigrations --check --dry-run
	bin/check-messages

format: .venv/.requirements-dev ## put the Python code in its usual shape
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

lock: .venv/.requirements-dev ## write requirements*.txt from requirements*.in (ARGS=--upgrade)
	$(COMPILE) $(ARGS) --output-file requirements.txt requirements.in
	$(COMPILE) $(ARGS) --output-file requirements-dev.txt requirements-dev.in

messages: setup ## collect what is to be translated, and compile the translations
	$(MANAGE) makemessages --locale cy --no-location --extension html,py,txt,xml --ignore tests
	$(MANAGE) compilemessages --locale cy --ignore .venv

clean: ## remove all that is made here, but not the data
	rm -rf .venv staticfiles tests/audit/node_modules .mypy_cache .pytest_cache .ruff_cache

.venv/.requirements: requirements.txt .python-version bin/setup $(PYTHON)
	@bin/setup requirements.txt

.venv/.requirements-dev: .venv/.requirements requirements-dev.txt
	@bin/setup requirements.txt requirements-dev.txt

tests/audit/node_modules: tests/audit/package-lock.json
	@echo "Installing what audits ..."
	@PUPPETEER_SKIP_DOWNLOAD=1 npm ci --prefix tests/audit --silent --no-audit --no-fund
	@touch $@

# No recipe: when the interpreter that .venv points to is gone, the stamps above are out of date.
$(PYTHON):

# The folders are named too, because a file that was removed leaves no other trace.
staticfiles/staticfiles.json: .venv/.requirements config/settings.py $(shell find static)
	@echo "Collecting static files ..."
	@DEBUG=no SECRET_KEY=unused $(MANAGE) collectstatic --noinput --clear --verbosity 0
