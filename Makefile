# Needs only git, make and CPython >= 3.11: uv is installed from PyPI into .tools.
PYTHON ?= python3
UV := .tools/bin/uv
export UV_PYTHON_DOWNLOADS := never

.PHONY: demo quick test lint wheel release

demo: $(UV)  ## render a service into a new folder, and run its tests there
	$(UV) run --frozen python -m maintainer.demo

quick: $(UV)  ## run the tests that start no process: under 30 seconds
	$(UV) run --frozen pytest tests/unit

test: $(UV)  ## run all tests of this project; the coverage of the tool must not fall
	$(UV) run --frozen pytest --cov --cov-report=

lint: $(UV)
	$(UV) run --frozen ruff check
	$(UV) run --frozen ruff format --check
	$(UV) run --frozen mypy
	$(UV) run --frozen lint-imports

wheel: $(UV)  ## build the wheel of the engine in the template, after a change of its sources
	$(UV) run --frozen python -m maintainer.wheel

release: $(UV)  ## make release VERSION=0.2.0: see docs/release.md
	$(UV) run --frozen python -m maintainer.release $(VERSION)

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
