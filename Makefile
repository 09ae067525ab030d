# Bounceback's doors. `make` alone says what each one does.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test lint bench soak lock clean

# Tried in this order; `make run PYTHON=/some/python3` tries only that one.
PYTHON ?= python3.11 python3 python3.12 python3.13 python3.14 python
UV := uv==0.13.9

VENV := .venv
BIN := $(VENV)/bin
SOAKS := $(or $(ARGS),discord slack outbox)
LOCK := pyproject.toml --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
NOT_GOT := { echo 'The packages could not be installed. Is the network there? Then try again; nothing is lost.' >&2; exit 1; }
FIND := for python in $(PYTHON); do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; done; \
	if [ -z "$$python" ]; then \
	echo "Bounceback needs Python 3.11 or newer, and found none. Install it, or name it: make PYTHON=/path/to/python3" >&2; \
	exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	echo "$$python cannot make a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv" >&2; \
	exit 1; fi

help:
	@echo 'make run     start the bot (first makes .venv); settings: config.toml, see config.example.toml'
	@echo '             make run ARGS="--config other.toml"'
	@echo 'make test    run the tests, on several cores; one of them: make test ARGS="tests/test_config.py -k zone"'
	@echo 'make lint    check style, types and who may import whom'
	@echo 'make bench   measure, and print the figures'
	@echo 'make soak    the long tests: a Discord that fails, a Slack, databases, bots killed again and again;'
	@echo '             one part: make soak ARGS=outbox (discord, slack); other faults: SEED=2'
	@echo 'make lock    write requirements*.lock for pyproject.toml; all to their newest: make lock UPGRADE=1'
	@echo 'make clean   remove what make made; never your data or settings'

run: $(VENV)/.run
	@exec $(BIN)/bounceback run $(ARGS)

test: $(VENV)/.dev
	@$(BIN)/python -m tests.browser
	@exec $(BIN)/python -m pytest $(or $(ARGS),-n logical --maxprocesses 4 --dist loadfile)

lint: $(VENV)/.dev
	@echo 'Style (ruff)'
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@echo 'Types (pyright)'
	@$(BIN)/pyright
	@echo 'Imports (import-linter)'
	@$(BIN)/lint-imports --no-logo --no-cache

bench: $(VENV)/.dev
	@exec $(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev
	@BOUNCEBACK_SOAK=$(or $(SEED),1) exec $(BIN)/python -m pytest -s $(SOAKS:%=tests/test_%_chaos.py) -k long

# The second is a part of the first, pin by pin, so that one environment serves both.
lock: .venv-lock/bin/uv
	@echo 'Writing requirements.lock and requirements-run.lock'
	@$< pip compile $(LOCK) $(if $(UPGRADE),--upgrade) --group dev --output-file requirements.lock
	@rm -f requirements-run.lock
	@$< pip compile $(LOCK) --group build --constraints requirements.lock --output-file requirements-run.lock

.venv-lock/bin/uv: Makefile
	@$(FIND); echo "Making .venv-lock with $$python"; "$$python" -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check --no-input --quiet --quiet install '$(UV)'
	@touch $@

clean:
	@rm -rf $(VENV) .venv-lock build dist *.egg-info tests/artefacts
	@rm -rf .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	@find bot cogs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# .venv/.here names the folder the environment was made in. One that was moved, or whose Python
# went away, cannot run: it is made anew.
$(VENV)/.here:
	@$(FIND); echo "Making .venv with $$python"; \
	"$$python" -m venv $$([ ! -e $@ ] || echo --clear) $(VENV)
	@pwd -P > $@
ifneq ($(shell [ -x $(BIN)/python ] && [ "$$(cat $(VENV)/.here 2>/dev/null)" = "$$(pwd -P)" ] && echo good),good)
.PHONY: $(VENV)/.here
endif

# Everything for `make run` is also in what `make test` installs: that one satisfies both.
$(VENV)/.run: $(VENV)/.here requirements-run.lock pyproject.toml
	@echo 'Installing what the bot needs (once, about a minute)'
	@$(PIP) install --require-hashes --requirement requirements-run.lock || $(NOT_GOT)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.here requirements.lock pyproject.toml
	@echo 'Installing what the bot, its tests and its checks need (once, a minute or two)'
	@$(PIP) install --require-hashes --requirement requirements.lock || $(NOT_GOT)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@
