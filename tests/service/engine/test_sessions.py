"""`db` and `committed_db`: nothing is left for the next test, and misuse says what to use."""

import re

import pytest

from tests.processes import Outcome
from tests.rendering import Service
from tests.service.test_isolation import run

_WIDER = "must have the scope of one test"
_WRITTEN = "was written to outside of `session(…)`"
MESSAGES = {
    "test_hint_notify": "sent NOTIFY under `db`",
    "test_hint_notify_of_a_trigger": "NOTIFY is never delivered",
    "test_hint_connection": "connect to `committed.url`",
    "test_streams_in_parallel": "A result was streamed",
    "test_listen": "waits for what is sent only at a commit",
    "test_both": "one test requests both `db` and `committed_db`",
    "TestWider.test_wider": _WIDER,
    "TestWider.test_wider_again": _WIDER,
    "TestWritten.test_written": _WRITTEN,
    "TestWritten.test_written_and_committed": _WRITTEN,
}


@pytest.mark.parametrize("order", ["1", "2"])
def test_a_change_of_schema_leaves_no_stale_statement(service: Service, order: str) -> None:
    """Also if it is undone, or is hidden in a function or a driver's call (F14)."""
    outcome = run(service, "schema_change", order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") == 90


@pytest.mark.parametrize("order", ["1", "2"])
def test_settings_and_roles_end_as_those_of_a_session(service: Service, order: str) -> None:
    """`db` and `committed_db` give the same answers (F36)."""
    outcome = run(service, "settings", order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") == 26


@pytest.mark.parametrize(("order", "processes"), [("1", "0"), ("2", "0"), ("3", "2")])
def test_ordinary_tests_pass(service: Service, order: str, processes: str) -> None:
    """Background tasks, streams, WebSockets (M20), a 500 (F18), SKIP LOCKED, many-to-many."""
    outcome = run(service, "ordinary", "-n", processes, order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") > 30


@pytest.mark.parametrize("order", ["1", "2", "3"])
def test_another_event_loop_is_reported(service: Service, order: str) -> None:
    """Each test on another loop fails with the way out, and the others pass after it (F15)."""
    outcome = run(service, "loops", "-rA", "-W", "default", order=order)
    reported = reports(outcome)
    assert len(reported) == 14
    for name, text in reported.items():
        assert "loop" in name
        assert "another event loop" in text, name
        assert "with the fixture `client`" in text, name
    assert outcome.count("passed") == 40


@pytest.mark.parametrize("order", ["1", "2", "3"])
def test_what_db_cannot_show_is_reported(service: Service, order: str) -> None:
    """NOTIFY and other connections (R19), and fixtures of wider scope (F17)."""
    outcome = run(service, "elsewhere", "-rA", "-W", "default", order=order)
    reported = reports(outcome)
    assert reported.keys() == MESSAGES.keys()
    assert [name for name in MESSAGES if MESSAGES[name] not in reported[name]] == []
    assert outcome.count("passed") == 20


def reports(outcome: Outcome) -> dict[str, str]:
    """Return what pytest shows of each test that failed or broke, by its name."""
    shown = outcome.text.partition("short test summary info")[0]
    parts = re.split(
        r"^_+ (?:ERROR at (?:setup|teardown) of )?(\S+) _+$", shown, flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))
