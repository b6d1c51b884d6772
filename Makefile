# make run    sets everything up and opens Hark
# make test   sets everything up, checks the code and runs the tests; ARGS="-k pause" goes to pytest
# make chaos  10,000 jobs while workers, Redis and the network are killed at random; ARGS="--seed 7" makes one run again
# make check  the checks alone: ruff, mypy, import contracts
# make bench  measures Hark beside BullMQ and others; ARGS="--rounds 1 --only drain,add --peers hark,bullmq" selects
# make lock   makes requirements.lock anew from pyproject.toml (needs uv), and from that packaging/headless.lock

.DEFAULT_GOAL := run
.PHONY: run test chaos check setup bench lock clean

BIN := .venv/bin
UV ?= uv
ARGS ?=

run:
	@packaging/setup.sh run
	@$(BIN)/hark $(ARGS)

setup:
	@packaging/setup.sh test

test: setup check
	@packaging/with-display.sh $(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

chaos: setup
	@$(BIN)/python -m tests.chaos $(ARGS)

check: setup
	@$(BIN)/ruff check --quiet engine desktop packaging tests
	@$(BIN)/ruff format --check --quiet engine desktop packaging tests
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .lint-imports.log || { cat .lint-imports.log; exit 1; }

bench: setup
	@$(BIN)/python -m tests.bench $(ARGS)

COMPILE = $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet

lock:
	$(COMPILE) --extra desktop --extra dev -o requirements.lock
	$(COMPILE) --constraint requirements.lock --no-annotate -o packaging/headless.lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .lint-imports.log *.egg-info
