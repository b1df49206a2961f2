"""Each required case of a rendered service is able to fail: the starter is broken on purpose.

The tests that can see the change run against each broken service; exactly those named must turn
red. Mutations that no test sees two of are made in one service: a sixth of the runs is enough. If
those turn other tests red than are named for them together, each half of them is tried, and so on.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from tests.blind_mutations import BLIND
from tests.hooks import once
from tests.mutations import MUTATIONS, SEEN_ELSEWHERE, Mutation, broken
from tests.rendering import LEFT_OUT, Service, Suite

ALL = [*MUTATIONS, *BLIND]
# More in one service have effects on each other too often.
MOST = 8


def mutate(service: Service, mutation: Mutation) -> None:
    for edit in mutation.edits:
        service.replace(*edit)


def together(mutations: Iterable[Mutation], service: Service) -> dict[str, list[Mutation]]:
    """Groups of mutations that can be made at once, by the name of each member."""
    groups: list[Group] = []
    for mutation in mutations:
        if not any(group.takes(mutation) for group in groups):
            groups.append(group := Group(service))
            group.takes(mutation)
    return {member.name: group.members for group in groups for member in group.members}


@dataclass
class Group:
    """Mutations of which no test sees two, and which change different lines."""

    service: Service
    members: list[Mutation] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def takes(self, mutation: Mutation) -> bool:
        """Add a mutation if it fits."""
        if len(self.members) == MOST or any(
            mutation.seen_by & member.seen_by for member in self.members
        ):
            return False
        texts = dict(self.texts)
        for name, old, new in mutation.edits:
            text = texts.setdefault(name, (self.service.path / name).read_text())
            if text.count(old) != 1:
                return False
            texts[name] = text.replace(old, new)
        self.members.append(mutation)
        self.texts = texts
        return True


@pytest.fixture(scope="session")
def as_one(
    request: pytest.FixtureRequest,
    rendered: Service,
    suite: Suite,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Mutation], bool]:
    """Whether a mutation and those made with it turn red what is named for them."""
    names = {item.name for item in request.session.items}
    chosen = [mutation for mutation in ALL if f"test_turns_red[{mutation.name}]" in names]
    groups = together(chosen, rendered)

    def try_all(members: Sequence[Mutation], folder: Path) -> None:
        service = rendered.copy(folder)
        for mutation in members:
            mutate(service, mutation)
        tests = {test for mutation in members for test in mutation.tests}
        red, _ = suite.red(service, *sorted(tests))
        may = {name for mutation in members for name in mutation.may_turn_red}
        if red - may == {name for mutation in members for name in mutation.turns_red}:
            (folder / "right").touch()

    def is_right(members: Sequence[Mutation]) -> bool:
        name = sha256(repr([mutation.name for mutation in members]).encode()).hexdigest()
        made = once(tmp_path_factory, f"mutated-{name}", partial(try_all, members))
        return (made / "right").exists()

    def made(mutation: Mutation) -> bool:
        # A mutation of what is not there is in no group.
        while len(members := groups.get(mutation.name, [])) > 1:
            if is_right(members):
                return True
            middle = len(members) // 2
            for half in (members[:middle], members[middle:]):
                groups.update({member.name: half for member in half})
        return False

    return made


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)
def test_turns_red(
    mutation: Mutation,
    rendered: Service,
    suite: Suite,
    tmp_path: Path,
    as_one: Callable[[Mutation], bool],
) -> None:
    if not as_one(mutation):
        service = rendered.copy(tmp_path / "service")
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
