"""A required case that is new only warns until its day: `@pytest.mark.required_from("2027-01-15")`.

The mark stands on a case of a suite, or on a whole suite, and is about the cases that the suite
states: tests of your own fail as ever. Until the day a case that fails is reported at the end of
the run and fails nothing; from the day on it fails.
"""

from collections.abc import Generator
from datetime import date

import pytest

MARKER = 'required_from("YYYY-MM-DD"): a new required case; until that day its failure only warns'


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
    mark = item.get_closest_marker("required_from")
    module = getattr(getattr(item, "function", None), "__module__", "")
    if mark is None or not module.startswith(f"{__package__}.suites"):
        return None
    try:
        return date.fromisoformat(*mark.args, **mark.kwargs)
    except (TypeError, ValueError):
        given = ", ".join(map(repr, mark.args))
        raise pytest.UsageError(
            f"{item.nodeid}: required_from({given}) names no day; write it like "
            '@pytest.mark.required_from("2027-01-15")'
        ) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    day = required_from(item)
    if report.failed and call.when != "teardown" and day and date.today() < day:
        left = (day - date.today()).days
        # What pytest calls an expected failure: it is listed with its reason, and fails nothing.
        report.outcome = "skipped"
        report.wasxfail = f"fails from {day} on, in {left} day{'s' * (left != 1)}"
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
        terminalreporter.section("new required cases that fail as yet", yellow=True)
        for report in sorted(waiting, key=lambda report: report.required_from):
            terminalreporter.line(f"{report.wasxfail}: {report.nodeid}")
            if reason := getattr(report.longrepr, "reprcrash", None) or report.longrepr:
                said = str(getattr(reason, "message", reason)).strip().splitlines()
                terminalreporter.line(f"    {said[0] if said else ''}")
