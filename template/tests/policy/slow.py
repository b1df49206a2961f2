"""The policy's watch over slow tests: one over the limit without the mark is reported."""

from collections.abc import Generator

import pytest

from . import POLICY

SECONDS = POLICY["slow"]["seconds"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("policy").addoption(
        "--slow",
        choices=("report", "fail"),
        default="report",
        help=f"what becomes of a test over {SECONDS} s without @pytest.mark.slow",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    unmarked = item.get_closest_marker("slow") is None
    if call.when == "call" and report.passed and call.duration > SECONDS and unmarked:
        report.slow = f"{call.duration:.1f} s"  # type: ignore[attr-defined]
        if item.config.getoption("--slow") == "fail":
            report.outcome = "failed"
            report.longrepr = (
                f"took {call.duration:.1f} s, and the policy's limit is {SECONDS} s: make it "
                "faster, or mark it with @pytest.mark.slow"
            )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    slow = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "slow")
    ]
    if slow:
        terminalreporter.section(f"over {SECONDS} s without @pytest.mark.slow", yellow=True)
        for report in slow:
            terminalreporter.line(f"{report.slow:>8}  {report.nodeid}")
