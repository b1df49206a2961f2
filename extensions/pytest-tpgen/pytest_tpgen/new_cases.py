"""Let a new required case only warn until its date: `@pytest.mark.required_from("2027-01-15")`.

The marker stands on a case of a suite, or on a whole suite, and applies to the cases that the
suite defines: other tests fail as usual. Until the date a failing case is reported at the end of
the run as an expected failure; from the date on it fails.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from . import policy
from .suites import cases, suite_of
from .summaries import reports_with

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MARK = "required_from"
MARKER = f'{MARK}("YYYY-MM-DD"): a new required case; until that date a failure only warns'


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Check the dates of the cases that a test class inherits.

    Raises:
        pytest.Collector.CollectError: a marker holds no date.
    """
    if isinstance(obj, type) and policy.covering(collector.path):
        for case, suite in cases(obj):
            if (mark := _mark(suite, case)) and _date(mark) is None:
                given = ", ".join(map(repr, mark.args))
                raise collector.CollectError(
                    f"{suite.__name__}.{case}: required_from({given}) holds no date; write it like "
                    '@pytest.mark.required_from("2027-01-15")'
                )


def required_from(item: pytest.Item) -> date | None:
    """Return the date from which a case must pass, or None if it must always pass."""
    name = getattr(item, "originalname", "")
    suite = suite_of(getattr(item, "cls", None), name)
    mark = _mark(suite, name) if suite else None
    return _date(mark) if mark else None


def _date(mark: pytest.Mark) -> date | None:
    try:
        return date.fromisoformat(*mark.args, **mark.kwargs)
    except (TypeError, ValueError):
        return None


def _mark(suite: type, case: str) -> pytest.Mark | None:
    """Return the marker of a case, or of the suite that defines it."""
    places = (vars(suite)[case], suite)
    marks = [mark for place in places for mark in vars(place).get("pytestmark", ())]
    return next((mark for mark in marks if mark.name == MARK), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    report: pytest.TestReport = yield
    day = required_from(item)
    left = (day - date.today()).days if day else 0
    if report.failed and call.when != "teardown" and left > 0:
        # pytest lists an expected failure with its reason, and the run passes.
        report.outcome = "skipped"
        report.wasxfail = f"will fail from {day} on (in {left} day{'s' * (left > 1)})"
        report.required_from = str(day)  # type: ignore[attr-defined]
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    waiting = reports_with(terminalreporter, "required_from")
    if waiting:
        terminalreporter.section("new required cases that still fail", yellow=True)
        for report in sorted(waiting, key=lambda report: report.required_from):
            terminalreporter.line(f"{report.wasxfail}: {report.nodeid}")
            if reason := getattr(report.longrepr, "reprcrash", None) or report.longrepr:
                said = str(getattr(reason, "message", reason)).strip().splitlines()
                terminalreporter.line(f"    {said[0] if said else ''}")
