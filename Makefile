# Two commands set up everything: `make demo` and `make test`. All others take what those have installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests mostly wait for servers, clocks and kills: one worker more than there are processors.
WORKERS ?= $(shell echo $$((1 + $$(getconf _NPROCESSORS_ONLN))))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --no-deps --require-hashes
LOCAL := $(PIP) install --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help demo up test test-scale chaos fuzz fuzz-guided reading-files operations pictures promises mutants lint types contracts audit sbom check lock bench clean

help: ## what can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# The stamps name the lock that is installed: a changed lock installs again.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked versions into $(VENV) ..."
	@$(INSTALL) -r requirements.lock
	@$(LOCAL)
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what tests and checks need ..."
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	@$(INSTALL) -r requirements-fuzz.lock
	@touch $@

$(VENV)/.cluster: requirements-cluster.lock $(VENV)/.dev
	@$(INSTALL) -r requirements-cluster.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	@$(INSTALL) -r requirements-bench.lock
	@touch $@

demo: $(VENV)/.runtime ## the nightly job on the sandbox, over the last two weeks, and the report of the last one
	@$(BIN)/smartconnect demo

up: $(VENV)/.runtime ## everything for real use on this host; ARGS=--sandbox for invented data
	@$(BIN)/smartconnect up $(ARGS)

test: $(VENV)/.dev ## all tests but the long rehearsals
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not rehearsal" --durations=25 --durations-min=5 $(ARGS)

test-scale: $(VENV)/.dev ## the long rehearsals: kills at every point, chaos, lost power, canaries, the whole corpus
	@$(BIN)/python -m pytest -n auto --dist loadfile -m rehearsal $(ARGS)

fuzz: $(VENV)/.dev ## ten thousand damaged files against the truth; ARGS="--seed 1 --only 7" shows one again
	@$(BIN)/python -m fuzz $(ARGS)

chaos: $(VENV)/.dev ## runs killed and a vendor that misbehaves, until all is right again; ARGS="--seed 7 --minutes 15 --faults 500 --kills 100"
	@$(BIN)/python -m chaos $(ARGS)

# Every input is written to a file: on a disk in memory that costs little.
fuzz-guided: $(VENV)/.fuzz ## ten minutes of coverage-guided fuzzing of the careful path (Linux); ARGS="--seconds 60" for less
	@PYTHONPATH=tests/transform/readers $(BIN)/python -m awkward .fuzz/seeds
	@TMPDIR=$$(test -d /dev/shm && echo /dev/shm || echo /tmp) $(BIN)/python -m fuzz.guided .fuzz $(ARGS)

reading-files: $(VENV)/.dev ## docs/reading-files.md anew, from the awkward files of the tests
	@PYTHONPATH=.:tests/transform/readers $(BIN)/python -m awkward --page docs/reading-files.md

operations: $(VENV)/.dev ## every operation of the vendor, end to end on the sandbox, with the table of what uses it
	@$(BIN)/python -m pytest -q -s tests/flows/test_operations.py

# Debian's Chromium looks at the dashboard of two invented weeks.
pictures: $(VENV)/.dev ## the dashboard's pictures anew, and that of the demo's last report
	@PYTHONPATH=.:tests/browser:tests/dashboard $(BIN)/python tests/dashboard/pictures.py docs/pictures
	@PYTHONPATH=tests/browser $(BIN)/python tests/browser/demoreport.py data-sandbox docs/pictures/demo-report.png

promises: $(VENV)/.dev ## docs/promises.md anew, from the markers of the tests
	@PYTHONPATH=tests/promises $(BIN)/python -m proof page

mutants: $(VENV)/.dev ## the code broken on purpose: the tests of each promise must fail; ARGS="vendor" for some rows
	@PYTHONPATH=tests/promises $(BIN)/python -m proof mutants $(ARGS)

lint: $(VENV)/.dev ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

contracts: $(VENV)/.dev ## who may import whom
	@$(BIN)/lint-imports

bench: $(VENV)/.bench ## this pipeline beside plain DuckDB, polars, pandas and dlt, kept in docs/benchmarks.md; ARGS=all for every benchmark
	@$(BIN)/python -m benchmarks $(or $(ARGS),pipeline --keep)

# A venv of its own: what audits is no part of what is audited.
$(VENV)/audit/.stamp: requirements-audit.lock $(VENV)/.runtime
	@test -x $(VENV)/audit/bin/python || $(PYTHON) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements-audit.lock
	@touch $@

audit: $(VENV)/audit/.stamp ## known vulnerabilities of the locked packages; loud where nobody can be asked
	@$(VENV)/audit/bin/pip-audit -r requirements-dev.lock --disable-pip --require-hashes --progress-spinner off --timeout 10 --format json 2>/dev/null | $(BIN)/python .ci/audit.py

sbom: $(VENV)/audit/.stamp ## dist/sbom.cdx.json: what a release is made of (CycloneDX)
	@mkdir -p dist
	@$(VENV)/audit/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o dist/sbom.cdx.json

check: lint types contracts test test-scale ## all that CI checks

# uv is needed for this one alone (pip install uv): it writes a lock for all platforms, without hosts.
LOCK := env -u PIP_FIND_LINKS uv --no-config pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --extra build
lock: ## write the locks anew from the ranges of pyproject.toml
	@$(LOCK) -q -o requirements.lock
	@$(LOCK) -q --extra dev -c requirements.lock -o requirements-dev.lock
	@$(LOCK) -q --extra dev --extra redis --extra dask --extra ray -c requirements-dev.lock -o requirements-cluster.lock
	@$(LOCK) -q --extra dev --extra fuzz -c requirements-dev.lock -o requirements-fuzz.lock
	@env -u PIP_FIND_LINKS uv --no-config pip compile --group audit --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements-audit.lock
	@$(LOCK) -q --extra dev --extra bench -c requirements-dev.lock -o requirements-bench.lock

clean: ## what builds left; never data
	@rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz
