"""`db`: the code under test may commit, nothing is left, and misuse fails with the fixture to use."""

import re
from pathlib import Path

import pytest

from tests.processes import Outcome
from tests.rendering import Service

SAMPLES = Path(__file__).parents[1] / "samples" / "isolation"
FOLDER = "tests/integration/samples"


def run(service: Service, suite: str, *arguments: str, order: str = "1") -> Outcome:
    """Run a suite of `samples/isolation` in a service, its tests in an order of their own."""
    sample = {name: (SAMPLES / f"{name}.py.txt").read_text() for name in ("migration", "conftest")}
    service.write(
        {
            "src/gateway/migrations/versions/0002_sample.py": sample["migration"],
            f"{FOLDER}/conftest.py": sample["conftest"],
            f"{FOLDER}/test_{suite}.py": (SAMPLES / f"{suite}.py.txt").read_text(),
        }
    )
    return service.pytest("-q", FOLDER, *arguments, ORDER=order, COLUMNS="600")


@pytest.mark.parametrize(("order", "processes"), [("1", "0"), ("2", "0"), ("3", "2")])
def test_nothing_is_left_in_any_order(service: Service, order: str, processes: str) -> None:
    """Each test of the suite commits, breaks or leaves something, and looks for the others'."""
    outcome = run(service, "right", "-n", processes, order=order)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") > 40


def test_what_one_connection_cannot_show_fails(service: Service) -> None:
    """Every misuse fails with the fixture to use, also where its error is swallowed.

    What comes to light only after the test is an error of its teardown.
    """
    outcome = run(service, "misuse", "-rA")
    said = dict(re.findall(r"^(?:PASSED|FAILED|ERROR) (\S+)(.*)$", outcome.text, re.MULTILINE))
    assert len(said) > 55
    assert [name for name, reason in said.items() if "committed_db" not in reason] == []


def test_the_isolation_is_one_round_trip_a_test(service: Service) -> None:
    """Counted on the wire; each transaction of the test costs no more than a real one."""
    service.write({f"{FOLDER}/test_count.py": (SAMPLES / "count.py.txt").read_text()})
    outcome = service.pytest(FOLDER)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") == 4
