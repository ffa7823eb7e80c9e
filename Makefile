# `make demo` and `make test` set up everything they need in .venv; nothing outside this directory is touched,
# except that Debian's python3-venv is installed when it is missing and we may.

VENV    ?= .venv
PYTHON  ?=
WORKERS ?= 2
BIN      = $(VENV)/bin
SOURCES  = eventstore station projections devices migrations deploy tests

# A stamp's name carries the digest of what it stands for: another lock file, another stamp.
RUN_DIGEST = $(shell cat deploy/requirements.txt deploy/make-venv.sh pyproject.toml station/__init__.py | sha256sum | cut -c1-16)
DEV_DIGEST = $(shell cat tests/requirements.txt deploy/make-venv.sh pyproject.toml station/__init__.py | sha256sum | cut -c1-16)
RUN = $(VENV)/.run-$(RUN_DIGEST)
DEV = $(VENV)/.dev-$(DEV_DIGEST)

.PHONY: compiler demo test test-long check bench deb sbom docs conformance-table clean venv lint types
.NOTPARALLEL:

# Hundreds of processes are started here; each would compile all of the station anew.
unexport PYTHONDONTWRITEBYTECODE

demo: $(RUN)
	@$(BIN)/chargebox demo $(ARGS)

venv: $(DEV)

lint: $(DEV)
	@$(BIN)/ruff check --quiet $(SOURCES)

types: $(DEV)
	@$(BIN)/mypy --no-error-summary

# The reliability tests put a small C library between the daemon and its disk.
compiler:
	@command -v gcc >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 || sh tests/reliability/install-compiler.sh

test: compiler lint types
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

test-long: compiler $(DEV)
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m long --timeout 7200 $(ARGS)

check: $(DEV)
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(MAKE) --no-print-directory test

bench: $(DEV)
	@status=0; \
	for file in tests/performance/bench_*.py; do \
	    echo "== $$file"; PYTHONPATH=. $(BIN)/python "$$file" $(ARGS) || status=1; \
	done; exit $$status

# The Debian packages, and the list of their parts: deploy/README.md. ARGS="--architecture arm64" makes only that one.
deb: $(DEV)
	@$(BIN)/python -m deploy.debian.build $(ARGS)

sbom: $(DEV)
	@$(BIN)/python -m deploy.debian.parts $(ARGS)

# Writes the tables and pictures of docs/ anew, from what the code declares.
docs: $(DEV)
	@$(BIN)/python -m tests.docs.generate
	@$(BIN)/python -m docs.pictures.smart_charging

# Runs the certification cases and writes what they showed.
conformance-table: $(DEV)
	@CHARGEBOX_CONFORMANCE_TABLE=docs/conformance-cases.md $(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests/conformance

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find $(SOURCES) -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(RUN):
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh $(VENV) deploy/requirements.txt
	@rm -f $(VENV)/.run-* && touch $@

$(DEV):
	@PYTHON="$(PYTHON)" sh deploy/make-venv.sh $(VENV) tests/requirements.txt
	@rm -f $(VENV)/.run-* $(VENV)/.dev-* && touch $@ $(RUN)
