"""`@pytest.mark.required_from`: a new case warns until its day, then fails."""

import re
from datetime import date, timedelta

import pytest

from tests.rendering import Service

SUITE = """
import pytest
from pytest_tpgen.suites import Suite, placeholder

class ShapeSuite(Suite):
    corners = placeholder("corners = 3")

    @pytest.mark.required_from("{day}")
    def test_new(self):
        assert self.corners == 4

    @pytest.mark.required_from("{day}")
    def test_is_fine(self):
        assert True

    def test_old(self):
        assert True

@pytest.mark.required_from("{day}")
class RoundSuite(Suite):
    def test_round(self):
        assert False, "not round"

TESTS
class TestTriangle(ShapeSuite):
    corners = 3

class TestPlaceholder(ShapeSuite):
    pass

class TestRound(RoundSuite):
    def test_of_mine(self):
        assert True
"""
OLD = "test_old(self):\n        assert not self.corners"
HEAD = "from tests.policy.suites.shapes import RoundSuite, ShapeSuite\n\n"
FILE = "tests/unit/test_shapes.py"


def shapes(service: Service, days: int, *arguments: str) -> str:
    """Run some classes whose new cases have a day from now."""
    put(service, day_in(days))
    return service.pytest(FILE, *arguments).text


def day_in(days: int) -> str:
    """A day from now on; asked for in the test, since a run may go over midnight."""
    return str(date.today() + timedelta(days=days))


def put(service: Service, day: str) -> None:
    suite, _, tests = SUITE.replace("{day}", day).partition("TESTS\n")
    service.write({"tests/policy/suites/shapes.py": suite, FILE: HEAD + tests})


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["one process", "xdist"])
def test_before_its_day_a_failure_is_told_and_fails_nothing(
    service: Service, arguments: list[str]
) -> None:
    said = shapes(service, 30, *arguments)
    assert "5 passed, 3 xfailed" in said, said
    told = said.partition("new required cases that still fail")[2]
    for name in ("TestTriangle::test_new", "TestPlaceholder::test_new", "TestRound::test_round"):
        assert re.search(rf"will fail from \S+ on \(in \d+ days\): {FILE}::{name}\n", told), told
    assert "    AssertionError: not round" in told


def test_a_test_of_a_persons_own_fails_as_ever(service: Service) -> None:
    """The mark of a suite is about what the suite states."""
    put(service, day_in(30))
    service.replace(FILE, "assert True", "assert 1 == 2")
    said = service.pytest(FILE)
    assert said.failed == {"test_of_mine"}, said.text
    assert "4 passed" in said.text


def test_a_new_suite_does_not_excuse_the_cases_that_it_inherits(service: Service) -> None:
    put(service, day_in(30))
    service.replace("tests/policy/suites/shapes.py", "RoundSuite(Suite)", "RoundSuite(ShapeSuite)")
    service.replace("tests/policy/suites/shapes.py", "test_old(self):\n        assert True", OLD)
    said = service.pytest(FILE)
    assert said.failed == {"test_old"}, said.text
    assert said.count("failed") == 3, said.text


@pytest.mark.parametrize("days", [0, -100])
def test_from_its_day_on_it_fails(service: Service, days: int) -> None:
    said = shapes(service, days)
    assert "3 failed, 5 passed" in said, said
    assert "new required cases" not in said


def test_a_day_that_is_none_is_refused(service: Service) -> None:
    """Else a case would never fail, and nobody would know."""
    put(service, "next week")
    said = service.pytest(FILE)
    assert said.code == 2
    assert "required_from('next week') holds no date; write it like" in said.text
