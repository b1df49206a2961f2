"""`committed_db`: real commits, and the template's rows and schema for the next test."""

import pytest

from tests.service import Service
from tests.test_isolation import run


@pytest.mark.parametrize(("order", "processes"), [("1", "0"), ("2", "2")])
def test_nothing_is_left_in_any_order(service: Service, order: str, processes: str) -> None:
    """Each test of the suite commits, locks or changes something, and looks for the others'."""
    outcome = run(service, "committed", "-n", processes, order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") > 35
