# The whole interface of the project. Everything installs itself into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed

.PHONY: demo demo-cluster walk test lint chaos bench fresh locale sample snapshots clean

demo: $(READY)  ## the control room on the sample export
	$(BIN)/obmen demo

demo-cluster: $(READY)  ## the same on PostgreSQL, Redis and two Celery workers, for two shops
	PYTHONPATH=.:tests $(BIN)/python -m demo.cluster

walk: $(READY)  ## a person's walk through the control room in tmux; makes the pictures of the pages, and the guide's keys
	PYTHONPATH=. $(BIN)/python docs/keys.py
	PYTHONPATH=. $(BIN)/python -m walk --pictures docs/pictures

test: $(READY) lint  ## everything that must hold before a commit lands
	$(BIN)/pytest -n 3 -m "not chaos"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: $(READY)  ## the long forms of the proofs: races, kills, fuzzing
	$(BIN)/pytest -m chaos --timeout 3600

bench: $(READY)  ## speed and memory, as ratios to a floor measured in the same run: docs/performance.md
	$(BIN)/python -m bench

fresh:  ## does an install without the lock still work?
	rm -rf .venv-fresh && $(PYTHON) -m venv .venv-fresh
	.venv-fresh/bin/pip install --quiet .
	cd / && $(CURDIR)/.venv-fresh/bin/obmen --version
	cd / && $(CURDIR)/.venv-fresh/bin/python -c "import tui.app, importers.worker.run"

locale: $(READY)  ## collect texts into the .po files and compile them
	for room in importers tui; do \
	    $(BIN)/pybabel -q extract --no-location --sort-output -k N_ -o .venv/$$room.pot $$room && \
	    $(BIN)/pybabel -q update -w 120 --no-fuzzy-matching --ignore-obsolete -D $$room -i .venv/$$room.pot -d $$room/locale && \
	    $(BIN)/pybabel compile -D $$room -d $$room/locale || exit 1; \
	done

sample: $(READY)  ## write the sample export anew
	$(BIN)/python -m importers.sample.make

snapshots: $(READY)  ## accept the screens as they are now, and write a page to look at them
	$(BIN)/pytest -k "not resized" tests/snapshots --accept
	PYTHONPATH=.:tests/tui $(BIN)/python tests/snapshots/picture_page.py

clean:
	rm -rf .venv .venv-fresh build dist *.egg-info

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@
