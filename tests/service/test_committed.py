"""`committed_db`: real commits, and the template's rows and schema for the next test."""

import pytest

from tests.rendering import Service
from tests.servers import given, never_hangs_up
from tests.service.test_isolation import run


@pytest.mark.parametrize(("order", "processes"), [("1", "0"), ("2", "2")])
def test_nothing_is_left_in_any_order(service: Service, order: str, processes: str) -> None:
    """Each test of the suite commits, locks or changes something, and looks for the others'."""
    outcome = run(service, "committed", "-n", processes, order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") > 35


@pytest.mark.parametrize(
    ("suite", "test"),
    [("committed", "every_connection_is_killed"), ("right", "killed_between_tests")],
)
def test_a_killed_connection_whose_end_has_not_arrived(
    service: Service, suite: str, test: str
) -> None:
    """asyncpg has an error of its own for that moment, which a busy machine makes long."""
    with given(service) as server, never_hangs_up(server) as url:
        outcome = run(service, suite, f"--postgres={url}", "-k", test)
    assert outcome.code == 0, outcome.text
