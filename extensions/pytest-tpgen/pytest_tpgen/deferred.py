"""Failures that end a test even where the code under test swallows the exception, and hints."""

from collections.abc import Generator
from typing import Any

import pytest

_reasons: list[str] = []
_hints: dict[str, None] = {}
# Not empty if the running test uses `db`.
_under_sandbox: list[bool] = []

_NO_COMMIT = (
    "under `db` nothing is committed: NOTIFY is never delivered, no other connection sees the "
    "rows, and now() stands still. If the test waits for one of these, use the `committed_db` "
    "fixture instead."
)
_ONE_CONNECTION = (
    "`db` has one connection, and its database accepts no other one, which would see no row of "
    "the test. Use the `committed_db` fixture instead, and connect to `committed.url`."
)
# Postgres's words for a database that was closed to new connections.
_CLOSED = 'sandbox" is not currently accepting connections'


def defer(reason: str) -> str:
    """Keep a reason for the end of the running test, and return it to be raised now too."""
    _reasons.append(reason)
    return reason


def take() -> str:
    """Return the first reason since the last call, or an empty string."""
    first = _reasons[0] if _reasons else ""
    _reasons.clear()
    return first


def hint(text: str) -> None:
    """Show a text in the report of the running test if it fails."""
    _hints[text] = None


def nothing_is_committed() -> None:
    """Note that the running test uses `db`: hints on what that can't show apply."""
    _under_sandbox.append(True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    _hints.clear()
    _under_sandbox.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, Any, pytest.TestReport]:
    """Add the hints to a failure, and what is behind an error that doesn't say it itself."""
    report: pytest.TestReport = yield
    if call.excinfo and report.failed and _under_sandbox:
        error = call.excinfo.value
        known = {
            _NO_COMMIT: isinstance(error, TimeoutError),
            _ONE_CONNECTION: _CLOSED in str(error),
        }
        hints = [*_hints, *(text for text, applies in known.items() if applies)]
        report.sections += [("hint", text) for text in hints]
    return report
