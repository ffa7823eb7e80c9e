# `make` lists the targets. `make demo` and `make test` set up everything they need in .venv. Outside this directory they only
# install Debian's python3-venv and, for the tests, its C compiler, its Chromium and its mosquitto, when those are missing and we are root or have sudo.

PYTHON  ?=
VENV    ?= .venv
WORKERS ?= 2
BIN      = $(VENV)/bin
SECOND   = tests/unit/eventstore tests/unit/projections tests/unit/devices/gpio tests/unit/station/wire \
           tests/unit/station/runtime tests/unit/deploy tests/scenarios tests/contract tests/integration/test_released_logs.py \
           tests/integration/test_gpio_daemon.py
SOURCES  = eventstore station projections devices migrations deploy tests

ifneq ($(PYTHON),)
# Another interpreter has an environment of its own.
VENV     = .venv-$(notdir $(PYTHON))
endif

# A stamp's name carries the digest of what it stands for: another lock file, another stamp.
RUN_DIGEST = $(shell cat deploy/requirements.txt deploy/make-venv.sh pyproject.toml station/__init__.py | sha256sum | cut -c1-16)
DEV_DIGEST = $(shell cat tests/requirements.txt deploy/make-venv.sh pyproject.toml station/__init__.py | sha256sum | cut -c1-16)
RUN = $(VENV)/.run-$(RUN_DIGEST)
DEV = $(VENV)/.dev-$(DEV_DIGEST)

# Branch coverage of the pure modules (pyproject.toml says which) by their own tests, which run first for it and by themselves: tracing
# and threads do not go together on Python 3.11. A run of some tests only measures nothing.
MEASURED = tests/scenarios tests/unit/projections $(addprefix tests/unit/station/,core features rules telling views wire)
PYTEST   = $(BIN)/pytest -q --dist worksteal -n $(WORKERS)
# The others mostly wait, for daemons, deadlines and each other: twice as many of them keep the processors busy.
WAITING  = $(BIN)/pytest -q --dist worksteal -n $(shell expr $(WORKERS) + $(WORKERS))

.PHONY: help demo test test-long check lint types coverage bench deb sbom release-check wheel lock docs pictures conformance-table compiler browser broker venv clean
.NOTPARALLEL:
.DEFAULT_GOAL = help

# Hundreds of processes are started here; each would compile all of the station anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@echo "make TARGET [ARGS=...]  (ARGS are added to the command that the target runs)"
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN) ## half a minute: a car charges, the network and the power are cut, and the books are compared
	@$(BIN)/chargebox demo $(ARGS)

ifeq ($(PYTHON),)
test: compiler browser broker check ## check, then every test but the long ones (ARGS="-k outbox" chooses); PYTHON=python3.13: what differs there
ifeq ($(ARGS),)
	@$(PYTEST) --cov --cov-report= --cov-fail-under=95 $(MEASURED)
	@$(WAITING) $(addprefix --ignore=,$(MEASURED))
else
	@$(PYTEST) $(ARGS)
endif
else
test: compiler browser broker $(DEV)
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(or $(ARGS),$(SECOND))
endif

test-long: compiler browser broker $(DEV) ## the tests that take minutes each
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m long --timeout 7200 $(ARGS)

check: lint types ## format, lint and types, without the tests

lint: $(DEV) ## ruff: format and lint
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "run: $(BIN)/ruff format $(SOURCES)" >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)

types: $(DEV) ## mypy --strict
	@$(BIN)/mypy --no-error-summary

coverage: $(DEV) ## branch coverage of the pure modules, with the lines that no test reaches
	@$(PYTEST) --cov --cov-report=term-missing:skip-covered $(or $(ARGS),$(MEASURED))

bench: $(DEV) ## the table of docs/performance.md; each tests/performance/bench_*.py runs by itself as well
	@$(BIN)/python -m tests.performance.table $(ARGS)

wheel: $(DEV) ## the wheel, the same bytes each time
	@$(BIN)/python -m deploy.wheel $(ARGS)

lock: $(DEV) ## the hashes of the pinned packages anew, after a version in a requirements.txt was changed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m deploy.lock $(ARGS)

deb: $(DEV) ## the Debian packages (ARGS="--architecture arm64" makes only that one): deploy/README.md
	@$(BIN)/python -m deploy.debian.build $(ARGS)

sbom: $(DEV) ## the list of the parts of the package, as CycloneDX
	@$(BIN)/python -m deploy.debian.parts $(ARGS)

release-check: $(DEV) ## the release checklist (ARGS=--slow goes through all of it)
	@$(BIN)/python -m deploy.release $(ARGS)

docs: $(DEV) ## write the tables and pictures of docs/, the man page and the completion anew from the code
	@$(BIN)/python -m tests.docs.generate
	@$(BIN)/python -m docs.pictures.smart_charging

pictures: browser $(DEV) ## take the pictures of docs/page.md anew, from the running page
	@$(BIN)/python -m tests.docs.page_pictures

conformance-table: $(DEV) ## run the certification cases and write their results to docs/conformance-cases.md
	@CHARGEBOX_CONFORMANCE_TABLE=docs/conformance-cases.md $(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests/conformance

# The reliability tests put a small C library between the daemon and its disk; without a compiler they are left out, by name.
compiler:
	@command -v gcc >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 || sh deploy/apt-install.sh gcc libc6-dev || true

# The page's tests look at it in a real browser; without one they are left out, by name.
browser:
	@{ command -v chromium && command -v chromedriver; } >/dev/null 2>&1 || sh deploy/apt-install.sh chromium chromium-driver || true

# The MQTT tests speak to a real broker; without one they are left out, by name. Debian starts it as a service: this machine needs none.
broker:
	@{ command -v mosquitto || test -x /usr/sbin/mosquitto; } >/dev/null 2>&1 || sh deploy/apt-install.sh mosquitto || true

venv: $(DEV) ## make or refresh .venv for development

clean: ## remove the environments and everything that was built
	@rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	@find $(SOURCES) -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(RUN):
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh $(VENV) deploy/requirements.txt
	@rm -f $(VENV)/.run-* && touch $@

$(DEV):
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh $(VENV) tests/requirements.txt
	@rm -f $(VENV)/.run-* $(VENV)/.dev-* && touch $@ $(RUN)
