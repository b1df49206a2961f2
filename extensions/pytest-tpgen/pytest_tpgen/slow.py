"""Report the tests that take longer than the policy allows without the marker `slow`."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from . import policy
from .summaries import reports_with

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    report: pytest.TestReport = yield
    found = policy.covering(item.path)
    unmarked = item.get_closest_marker("slow") is None
    if not found or call.when != "call" or not report.passed or not unmarked:
        return report
    if call.duration > found.slow_seconds:
        report.slow = f"{call.duration:.1f} s"  # type: ignore[attr-defined]
        if item.config.getoption("--slow", "report") == "fail":
            report.outcome = "failed"
            report.longrepr = (
                f"took {call.duration:.1f} s, and the policy's limit is {found.slow_seconds} s: "
                "make it faster, or mark it with @pytest.mark.slow"
            )
    return report


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    slow = reports_with(terminalreporter, "slow")
    if slow:
        terminalreporter.section("slow tests without @pytest.mark.slow", yellow=True)
        for report in slow:
            terminalreporter.line(f"{report.slow:>8}  {report.nodeid}")
