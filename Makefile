# Everything a stranger, a developer or a build server does with the gate. Needs Python 3.11 or later with its venv
# module; needs neither root nor a server. `make help` lists the targets.

PYTHON ?= python3
PYTEST_ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input
MANAGE := $(BIN)/python manage.py
# Tests start processes and wait for them, so more runners than cores would do no harm; four keep the memory small.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 $(PYTEST_ARGS)

# Where the test servers listen unless told otherwise: the standard ports.
GATE_TEST_DATABASE_URL ?= postgres://postgres@localhost:5432/gate
GATE_TEST_REDIS_URL ?= redis://localhost:6379/15

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-dev lock demo run static test test-servers test-versions test-image check e2e bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Set-up: again only when a lock file or pyproject.toml has changed ------------------------------------------------
# Everything is installed from the lock files, each package with its hash. `make lock` writes them.

LOCKS := deploy/requirements

setup: .venv/.ready ## the virtual environment, with what runs

setup-test: .venv/.ready-test ## the same, with what tests

setup-dev: .venv/.ready-dev ## the same, with what checks, formats and measures

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The gate needs Python 3.11 or later; PYTHON=… chooses one ($(PYTHON) is older or missing)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv

.venv/.ready: .venv/bin/python pyproject.toml $(LOCKS)/runtime.txt
	@echo "Installing what the gate needs into .venv (a minute, the first time) …"
	@$(PIP) --require-hashes --requirement $(LOCKS)/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@echo "Compiling the search for copies (half a minute, the first time) …"
	@$(BIN)/python -m checks.fingerprint.precompile
	@ldconfig -p 2>/dev/null | grep -q libchromaprint || sh config/apt-install.sh libchromaprint1 \
		|| echo "libchromaprint is not here and cannot be installed: the gate uses its own port, bit for bit the same."
	@touch $@

.venv/.ready-test: .venv/.ready $(LOCKS)/test.txt
	@echo "Installing what the tests need …"
	@$(PIP) --require-hashes --requirement $(LOCKS)/test.txt
	@touch $@

.venv/.ready-dev: .venv/.ready-test $(LOCKS)/dev.txt
	@echo "Installing what developers need …"
	@$(PIP) --require-hashes --requirement $(LOCKS)/dev.txt
	@touch $@

# One resolution for every supported Python (3.11 to 3.14) and platform; the other files are parts of the first.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml --extra build

lock: setup-dev ## write the lock files anew from pyproject.toml; LOCK_ARGS=--upgrade takes the newest versions
	@$(LOCK) --extra dev --output-file $(LOCKS)/dev.txt
	@$(LOCK) --constraint $(LOCKS)/dev.txt --output-file $(LOCKS)/runtime.txt
	@$(LOCK) --constraint $(LOCKS)/dev.txt --extra test --output-file $(LOCKS)/test.txt
	@$(LOCK) --constraint $(LOCKS)/dev.txt --extra prod --output-file $(LOCKS)/image.txt

# --- Use it -----------------------------------------------------------------------------------------------------------

demo: setup ## sample releases through the API of a gate of their own, and what became of them
	@$(MANAGE) demo

run: setup ## web, workers and clock in the foreground, until Ctrl-C
	@$(MANAGE) migrate --verbosity=0
	@if [ "$$GATE_ENV" != production ] && $(MANAGE) help --commands | grep -qx demo_moderator; then $(MANAGE) demo_moderator; fi
	@exec $(MANAGE) supervise

# --- Prove it ---------------------------------------------------------------------------------------------------------
# `make check` is the whole gate: `static` reads the code, `test` runs it. make runs a target once per invocation, so
# `make check test` runs the tests once.

static: setup-dev ## format, lint, types, import contracts, migrations, system checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check
	GATE_ENV=production GATE_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		GATE_PUBLIC_URL=https://gate.example GATE_ALLOWED_HOSTS=gate.example \
		DATABASE_URL=$(GATE_TEST_DATABASE_URL) REDIS_URL=$(GATE_TEST_REDIS_URL) \
		$(MANAGE) check --deploy --fail-level WARNING

test: setup-test ## the tests, on SQLite and the embedded broker
	@echo "Tests on SQLite and the embedded broker. On PostgreSQL and Redis: make test-servers"
	@$(PYTEST) -m "not browser"

test-servers: setup-test ## the same tests on PostgreSQL and Redis; GATE_SKIP_SERVERS=1 lets it pass where they are missing
	@if $(BIN)/python -m tests.servers "$(GATE_TEST_DATABASE_URL)" "$(GATE_TEST_REDIS_URL)"; then \
		GATE_TEST_DATABASE_URL="$(GATE_TEST_DATABASE_URL)" GATE_TEST_REDIS_URL="$(GATE_TEST_REDIS_URL)" \
			$(PYTEST) -m "not browser" --create-db; \
	elif [ "$(GATE_SKIP_SERVERS)" = 1 ]; then \
		echo "Tests on PostgreSQL and Redis: skipped, as GATE_SKIP_SERVERS=1 says."; \
	else \
		echo "Tests on PostgreSQL and Redis: not run. Start the servers, or say GATE_SKIP_SERVERS=1."; exit 1; \
	fi

test-versions: setup-dev ## the lowest and the newest allowed packages on every supported Python here
	@$(BIN)/python -m tests.versions $(VERSIONS_ARGS)

test-image: ## the tests inside the production image
	docker build --target test --tag release-intake-gate:test .
	docker run --rm --network=none --tmpfs /tmp:exec release-intake-gate:test

check: static test ## everything that must hold before a change goes in

e2e: setup-dev ## the moderators' desk in a real browser
	@command -v chromium >/dev/null || sh config/apt-install.sh chromium \
		|| { echo "The browser tests need Chromium. On Debian: apt-get install chromium"; exit 1; }
	@$(BIN)/python -m pytest -m browser $(PYTEST_ARGS)

bench: setup ## the figures in docs/performance.md
	@$(BIN)/python -m benchmarks

clean: ## remove what was made here; the state in var/ stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
