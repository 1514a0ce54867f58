# make demo   the main job on sample_logs/
# make test   the tests
# make lint   ruff and mypy
# make fuzz   the readers under a coverage-guided fuzzer, SECONDS each
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILT_FROM := setup.cfg setup.py pyproject.toml $(wildcard replay/scanner/*.[ch])

SECONDS ?= 300

.PHONY: demo test lint fuzz clean

demo: $(VENV)/.installed
	$(BIN)/cbreplay analyze sample_logs

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	for target in records events history folder model; do \
		$(BIN)/python tests/fuzz/run.py --target $$target --seconds $(SECONDS) || exit 1; done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "cbreplay needs Python 3.10 or later; name one with: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BUILT_FROM) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: $(BUILT_FROM) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist cbreplay-report
