"""A required case that is new only warns until its day: `@pytest.mark.required_from("2027-01-15")`.

The mark stands on a case of a suite, or on a whole suite, and is about the cases that the suite
states: tests of your own fail as ever. Until the day a case that fails is reported at the end of
the run and fails nothing; from the day on it fails.
"""

from collections.abc import Generator
from datetime import date

import pytest

MARK = "required_from"
MARKER = f'{MARK}("YYYY-MM-DD"): a new required case; until that day its failure only warns'


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        required_from(item)


def required_from(item: pytest.Item) -> date | None:
    """The day from which on a test must pass; None where that is every day.

    Raises:
        pytest.UsageError: the mark holds no day.
    """
    mark = _mark(item)
    if mark is None:
        return None
    try:
        return date.fromisoformat(*mark.args, **mark.kwargs)
    except (TypeError, ValueError):
        given = ", ".join(map(repr, mark.args))
        raise pytest.UsageError(
            f"{item.nodeid}: required_from({given}) names no day; write it like "
            '@pytest.mark.required_from("2027-01-15")'
        ) from None


def _mark(item: pytest.Item) -> pytest.Mark | None:
    """The mark on a case, or on the suite that states it; that of an heir is not about it."""
    name = getattr(item, "originalname", "")
    lineage = getattr(getattr(item, "cls", None), "__mro__", ())
    suite = next((one for one in lineage if name in vars(one)), None)
    if suite is None or not suite.__module__.startswith(f"{__package__}.suites"):
        return None
    places = (vars(suite)[name], suite)
    marks = [mark for place in places for mark in vars(place).get("pytestmark", ())]
    return next((mark for mark in marks if mark.name == MARK), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    day = required_from(item)
    left = (day - date.today()).days if day else 0
    if report.failed and call.when != "teardown" and left > 0:
        # What pytest calls an expected failure: it is listed with its reason, and fails nothing.
        report.outcome = "skipped"
        report.wasxfail = f"will fail from {day} on (in {left} day{'s' * (left > 1)})"
        report.required_from = str(day)  # type: ignore[attr-defined]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    waiting = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "required_from")
    ]
    if waiting:
        terminalreporter.section("new required cases that still fail", yellow=True)
        for report in sorted(waiting, key=lambda report: report.required_from):
            terminalreporter.line(f"{report.wasxfail}: {report.nodeid}")
            if reason := getattr(report.longrepr, "reprcrash", None) or report.longrepr:
                said = str(getattr(reason, "message", reason)).strip().splitlines()
                terminalreporter.line(f"    {said[0] if said else ''}")
