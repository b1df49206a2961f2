"""Each required case of a rendered service is able to fail: the starter is broken on purpose.

The whole suite runs against each broken service; exactly the tests named must turn red.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forking import LEFT_OUT
from tests.mutations import MUTATIONS, Mutation, broken
from tests.service import Service, clean_environment

FORKING = Path(__file__).with_name("forking.py")


@dataclass(frozen=True)
class Suite:
    """Runs the whole suite of a service, on a Postgres that all runs share."""

    process: "subprocess.Popen[str]"

    def red(self, service: Service) -> tuple[set[str], str]:
        """The tests that failed, as `Class::test[parameters]`, and what pytest said."""
        assert self.process.stdin and self.process.stdout
        print(service.path, file=self.process.stdin, flush=True)
        said = json.loads(self.process.stdout.readline())
        return {name.partition("::")[2] or name for name in said["failed"]}, said["text"]


@pytest.fixture(scope="session")
def suite(rendered: Service) -> Iterator[Suite]:
    python = rendered.environment / "bin/python"
    env = clean_environment()
    with subprocess.Popen(
        [python, "-m", "tests.policy.postgres", python, FORKING],
        cwd=rendered.path,
        env={**env, "TEST_POSTGRES": "embedded", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Suite(process)


def mutate(service: Service, mutation: Mutation) -> None:
    for edit in mutation.edits:
        service.replace(*edit)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_turns_red(mutation: Mutation, service: Service, suite: Suite) -> None:
    mutate(service, mutation)
    red, text = suite.red(service)
    assert red == mutation.turns_red, text


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
    """Without its parameters, but for a malformed request, of which each must be needed."""

    def shown(name: str) -> str:
        return name if "malformed" in name else name.partition("[")[0]

    listed = service.pytest("--collect-only", "-q", LEFT_OUT).text
    tests = {line.partition("::")[2] for line in listed.splitlines() if "::" in line}
    red = {name for mutation in MUTATIONS for name in mutation.turns_red}
    assert {shown(name) for name in tests} - {shown(name) for name in red} == set()
