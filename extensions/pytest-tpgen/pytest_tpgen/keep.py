"""`--keep-db`: keep the database of the first test that fails, with its rows, after the run.

The run then ends without stopping its server. What it leaves looks like that of a killed run, so
the next run removes it, unless that one is to keep databases too.
"""

import shutil
from collections.abc import Generator
from typing import Any

import pytest

from .postgres import installs, lease

_NEXT = "The server stays up. The next run without --keep-db removes the database."


class _State:
    """The state of this process: the test that runs now, and what was kept."""

    enabled = False
    has_failed = False
    done = False
    line = ""


_state = _State()
# One line for each kept database; under xdist the controller collects those of the workers.
_lines: list[str] = []


def wanted() -> bool:
    """Return whether the database of the running test must be kept: it is the first that failed."""
    return _state.enabled and _state.has_failed and not _state.done


def keep(url: str) -> None:
    """Report the URL of a database that was kept."""
    _state.done = True
    _state.line = f"{_psql()} '{url}'"


def could_not(reason: str) -> None:
    """Report why the database of the failed test can't be kept."""
    _state.done = True
    _state.line = f"not kept: {' '.join(reason.split())}"


def lines() -> list[str]:
    """Return a line for each kept database of the run: the test, and how to open it."""
    return _lines


def pytest_configure(config: pytest.Config) -> None:
    _state.enabled = bool(config.getoption("--keep-db", False))
    lease.keeps_kept = _state.enabled


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    _state.has_failed = False
    _state.line = ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, pytest.TestReport]:
    report: pytest.TestReport = yield
    _state.has_failed = _state.has_failed or report.failed
    if report.when == "teardown" and _state.line:
        report.kept_database = f"{report.nodeid}\n  {_state.line}"  # type: ignore[attr-defined]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if line := getattr(report, "kept_database", ""):
        _lines.append(line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _lines:
        terminalreporter.section("kept databases")
        for line in _lines:
            terminalreporter.write_line(line)
        terminalreporter.write_line(_NEXT)


def _psql() -> str:
    """Return the psql on PATH, else that of an installation of the server."""
    if shutil.which("psql") is None:
        tools = (install.bin / "psql" for install in [*installs.local(), *installs.wheels()])
        return str(next((tool for tool in tools if tool.exists()), "psql"))
    return "psql"
