"""A pytest plugin for the measured service: when each test was done and over, and peak memory.

Done is the end of its own code, over is the end of its teardown and report. The times are those
of `time.monotonic`, which all processes of a machine share. The memory is that of this process.
"""

import json
import os
import re
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
    noted = {"events": _events, "peak": _peak()}
    Path(os.environ["BENCHMARK_CLOCK"]).write_text(json.dumps(noted))


def _peak() -> float:
    """Return the peak of the memory in MB. `ru_maxrss` may be that of the parent process."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
