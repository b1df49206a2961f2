"""Find the reports that the end of a run lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def reports_with(terminalreporter: TerminalReporter, name: str) -> list[Any]:
    """Return the reports of the run that have an attribute, such as `slow`."""
    return [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, name)
    ]
