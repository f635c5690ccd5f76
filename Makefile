# `make demo` and `make test` set up all they need: a virtual environment, and for the tests Dovecot and Chromium.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test coverage test-offline lint format bench load clean servers clients torture audit

demo: $(STAMP)
	$(BIN)/mailbot demo

test: lint servers
	$(BIN)/pytest -n 4 --dist worksteal

# The same, and which lines no test reaches. It takes a fifth longer.
coverage: lint servers
	$(BIN)/pytest -n 4 --dist worksteal --cov --cov-report=term

# Without the tests that need a real Dovecot or a browser, for a machine that has none and may install none.
test-offline: lint
	$(BIN)/pytest -n 4 --dist worksteal -m "not dovecot and not browser"

# The long harness, about an hour and a half: every moment of every command is killed at, every act on the disk fails, and a thousand
# seeds play bad lines. SEED=5000 begins elsewhere.
SEED ?= 1
torture: $(STAMP) servers
	MAILBOT_TORTURE=1000 MAILBOT_SEED=$(SEED) $(BIN)/pytest -q -n 4 tests/e2e/test_killed.py tests/e2e/test_disk.py tests/e2e/test_broken_wire.py
	MAILBOT_LIVES=2000 $(BIN)/pytest -q -n 2 tests/e2e/life/test_machine.py

# What is installed is what was looked at; and whether any of it has a known hole, where an index of holes can be reached.
audit: $(STAMP)
	$(BIN)/pip install --quiet --dry-run --ignore-installed --no-deps --require-hashes -r contrib/hashes.txt
	@$(PYTHON) -m venv .audit && .audit/bin/pip install --quiet pip-audit && .audit/bin/pip-audit -r contrib/hashes.txt --no-deps --disable-pip
	@rm -rf .audit

lint: $(STAMP)
	$(BIN)/ruff format --check mailbot tests benchmarks contrib
	$(BIN)/ruff check mailbot tests benchmarks contrib
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format mailbot tests benchmarks contrib
	$(BIN)/ruff check --fix mailbot tests benchmarks contrib

bench: $(STAMP)
	$(BIN)/python -m benchmarks

load: $(STAMP) servers
	$(BIN)/python -m benchmarks.load

servers:
	@sh tests/servers/install

# A real mail client for tests/e2e/life/test_roundcube.py: Roundcube and PHP. Without them those tests are skipped.
clients:
	@sh tests/servers/install clients

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mailbot needs Python 3.11 or later; run make PYTHON=python3.12, say")'
	@echo "setting up $(VENV), about a minute"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* mailbot-demo*
