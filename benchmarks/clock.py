"""A pytest plugin for the service under measure: when each test was done, and when it was over.

Done is the end of its own code, over is the end of its teardown and report. The times are those
of `time.monotonic`, which all processes of a machine share.
"""

import json
import os
import time
from pathlib import Path

import pytest

_events: list[tuple[str, str, float]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _events.append(("done", report.nodeid, time.monotonic()))


def pytest_runtest_logfinish(nodeid: str) -> None:
    _events.append(("over", nodeid, time.monotonic()))


def pytest_unconfigure() -> None:
    Path(os.environ["BENCHMARK_CLOCK"]).write_text(json.dumps(_events))
