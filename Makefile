# Everything from a fresh machine with Python and make: each target makes its own .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint check snapshots pictures recording clean

run: .venv/installed             ## the main job on built-in data: about a minute of training
	$(BIN)/cnntop run --preset demo

test: .venv/developer            ## the tests
	$(BIN)/pytest -n 2 -m 'not long and not alone'
	$(BIN)/pytest -m 'alone and not long'

lint: .venv/developer .typing    ## format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .typing/cnntop
	PYTHONPATH=.typing $(BIN)/lint-imports

snapshots: .venv/developer        ## keep what the screens look like now; look through git diff then
	CNNTOP_UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/tui -k "looks_as_kept"
	find tests/tui -path "*snapshots/*.new.*" -delete

pictures: .venv/developer         ## the README's pictures, from a recorded run
	$(BIN)/python -m tests.tui.draw_pictures

recording: .venv/developer        ## the recorded run, anew, with the images of CNNTOP_TEST_IMAGES
	$(BIN)/python -m tests.tui.record_run

check: lint test                 ## all that must hold before a commit

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cnntop needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up .venv; the first time this downloads PyTorch (several GB, some minutes)."
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/developer: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/installed

# Type checkers do not follow the editable install; links under the installed names they do.
.typing:
	mkdir -p .typing/cnntop
	ln -sfn ../../core .typing/cnntop/core
	ln -sfn ../../tui .typing/cnntop/tui
	ln -sfn ../../presets .typing/cnntop/presets

clean:
	rm -rf .venv .typing .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info
