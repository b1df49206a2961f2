"""Tests of functions: one that starts a process belongs into another layer."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

STARTS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.Popen",
}
_is_closed = False


def _refuse(event: str, arguments: object) -> None:
    if _is_closed and event in STARTS:
        pytest.fail(
            f"a test of tests/unit starts a process ({event}): move it to tests/cli, "
            "tests/template or tests/service"
        )


sys.addaudithook(_refuse)


@contextmanager
def _closed() -> Generator[None]:
    global _is_closed
    _is_closed = True
    try:
        yield
    finally:
        _is_closed = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    """Refuse processes of fixtures, those of a session too."""
    with _closed():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Refuse processes of the test."""
    with _closed():
        return (yield)
