# Every target sets up what it needs and is safe to repeat. On a machine with Python 3.11+ and make: nothing else.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
UV_VERSION := 0.13.9
export PYTHONWARNINGS ?= ignore::SyntaxWarning
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.PHONY: demo test check bench ui clean lock format install
.DEFAULT_GOAL := demo

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/pilothouse demo

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadgroup -q

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --level error
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests
	PILOTHOUSE_HOME=.pilothouse $(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks

ui: $(STAMP)
	$(BIN)/pilothouse ui

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .pilothouse dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .hypothesis *.egg-info
