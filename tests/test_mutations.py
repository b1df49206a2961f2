"""Each required case of a rendered service is able to fail: the starter is broken on purpose.

The tests that can see the change run against each broken service; exactly those named must turn
red.
"""

import re
import tomllib

import pytest

from tests.blind_mutations import BLIND
from tests.mutations import MUTATIONS, SEEN_ELSEWHERE, Mutation, broken
from tests.service import Service
from tests.warm import LEFT_OUT, Suite

ALL = [*MUTATIONS, *BLIND]


def mutate(service: Service, mutation: Mutation) -> None:
    for edit in mutation.edits:
        service.replace(*edit)


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)
def test_turns_red(mutation: Mutation, service: Service, suite: Suite) -> None:
    mutate(service, mutation)
    red, text = suite.red(service, *mutation.tests)
    assert red - mutation.may_turn_red == mutation.turns_red, text


def test_nothing_is_red_before(service: Service, suite: Suite) -> None:
    red, text = suite.red(service)
    assert red == set(), text
    assert re.search(r"\d{2,} passed", text)


def test_a_service_that_cannot_be_imported_is_no_mutation(service: Service, suite: Suite) -> None:
    """A test that could not run has not turned red."""
    mutate(service, broken("no Python", "src/gateway/audit.py", "async def", "async"))
    red, text = suite.red(service)
    assert "SyntaxError" in text
    assert not any("test_" in name for name in red)


def test_a_mutation_of_what_is_not_there_fails(service: Service) -> None:
    with pytest.raises(AssertionError, match="has 0 times: no such text"):
        mutate(service, broken("nothing", "src/gateway/audit.py", "no such text", ""))


def test_every_test_of_the_service_is_turned_red_by_some_mutation(service: Service) -> None:
    """Without its parameters, but for a malformed request, of which each must be needed.

    Exempt cases don't run.
    """

    def shown(name: str) -> str:
        return name if "malformed" in name else name.partition("[")[0]

    listed = service.pytest("--collect-only", "-q", LEFT_OUT).text
    tests = {line.partition("::")[2] for line in listed.splitlines() if "::" in line}
    red = {name for mutation in ALL for name in mutation.turns_red}
    project = tomllib.loads((service.path / "pyproject.toml").read_text())
    exempt = {table["case"].replace(".", "::") for table in project["tool"]["tpgen"]["exempt"]}
    red |= SEEN_ELSEWHERE
    assert {shown(name) for name in tests} - {shown(name) for name in red} == exempt
