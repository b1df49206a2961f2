# Needs git, make and CPython >= 3.11, and nothing else: uv comes from PyPI into .tools.
PYTHON ?= python3
UV := .tools/bin/uv
export UV_PYTHON_DOWNLOADS := never

.PHONY: demo quick test lint wheel release

demo: $(UV)  ## render a service into a new folder, and run its whole suite there
	$(UV) run --frozen python -m maintainer.demo

quick: $(UV)  ## the tests that start no process: under 30 seconds
	$(UV) run --frozen pytest tests/unit

test: $(UV)  ## the tests of this project
	$(UV) run --frozen pytest

lint: $(UV)
	$(UV) run --frozen ruff check
	$(UV) run --frozen ruff format --check
	$(UV) run --frozen mypy
	$(UV) run --frozen lint-imports

wheel: $(UV)  ## the engine as a wheel in the template, after its sources changed
	$(UV) run --frozen python -m maintainer.wheel

release: $(UV)  ## make release VERSION=0.2.0: see docs/release.md
	$(UV) run --frozen python -m maintainer.release $(VERSION)

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
