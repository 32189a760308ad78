# Everything here makes what it needs: a fresh machine wants Python 3.11 and pip, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check docs clean

# Agents that measure compressors decide which one to use; a real decision that needs no key and no server.
demo: $(VENV)/.ready
	$(BIN)/maos workflow run workflows/compression_choice.yaml

# All tests, on SQLite and on a PostgreSQL that comes with the test requirements.
test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report= --durations=10
	$(BIN)/python -m coverage report --fail-under=95
	$(BIN)/python -m coverage report --fail-under=100 --include='$(PURE)'

# The core and the protocols decide; every branch of them is tested.
PURE := maos_flows/errors.py,maos_flows/quorum.py,maos_flows/model/*,maos_flows/scrutiny.py,maos_flows/questions.py,maos_flows/tally.py,maos_flows/margin.py,maos_flows/selection.py,maos_flows/policies/*,maos_flows/protocols/*,maos_flows/weights/*

# Format, lint, types, layers, the manual.
check: $(VENV)/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs: $(VENV)/.ready-dev
	$(BIN)/mkdocs serve

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.ready

clean:
	rm -rf $(VENV) site build dist
