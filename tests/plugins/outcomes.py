"""A pytest plugin that writes what a run did to the file `OUTCOMES`, as JSON."""

import json
import os
import warnings
from typing import Any

import pytest

found: dict[str, Any] = {"tests": [], "warnings": [], "collected": [], "failed": []}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a phase; a required case that fails before its date has failed, too."""
    wasxfail = getattr(report, "wasxfail", None)
    found["tests"].append([report.nodeid, report.when, report.outcome, wasxfail])
    if report.failed or hasattr(report, "required_from"):
        found["failed"].append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that can't be collected."""
    if report.failed:
        found["failed"].append(report.nodeid)


def pytest_warning_recorded(warning_message: warnings.WarningMessage, nodeid: str) -> None:
    """Note a warning."""
    found["warnings"].append([nodeid, str(warning_message.message)])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note the tests, their fixtures and their markers, in the order in which they run."""
    for item in session.items:
        fixtures = sorted(getattr(item, "fixturenames", ()))
        marks = [mark.name for mark in item.iter_markers()]
        found["collected"].append([item.nodeid, fixtures, marks])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file; of a run with xdist, the controller does."""
    if not hasattr(session.config, "workerinput"):
        with open(os.environ["OUTCOMES"], "w", encoding="utf-8") as file:
            json.dump(found, file)
