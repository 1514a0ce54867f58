# make demo   the main job on sample_logs/
# make test   the tests
# make lint   ruff and mypy
# make fuzz   the readers under a coverage-guided fuzzer, SECONDS each
# make sanitize   the compiled scanner under the address and undefined-behaviour sanitizers
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILT_FROM := setup.cfg setup.py pyproject.toml $(wildcard replay/scanner/*.[ch])

SECONDS ?= 300

.PHONY: demo test lint fuzz sanitize clean

demo: $(VENV)/.installed
	$(BIN)/cbreplay analyze sample_logs

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris
	for target in records events scanner history folder model; do \
		$(BIN)/python tests/fuzz/run.py --target $$target --seconds $(SECONDS) || exit 1; done

# Python's own allocator would hide what lies beyond a block, and Python itself frees little at its end.
SANITIZED := build/sanitized
sanitize: $(VENV)/.installed-dev
	rm -rf $(SANITIZED)
	CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g" \
		$(BIN)/python setup.py --quiet build_ext --build-lib $(SANITIZED) --build-temp $(SANITIZED)/objects
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" PYTHONMALLOC=malloc \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
		CBREPLAY_TEST_SCANNER="$$(echo $(SANITIZED)/cbreplay/_scanner*.so)" \
		$(BIN)/python -m pytest tests/cbreplay/logs/test_scanner.py tests/cbreplay/logs/test_events.py \
		tests/fuzz/test_smoke.py -k "test_scanner or test_events or scanner"

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
