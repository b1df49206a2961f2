"""The required cases of a policy, read from its suites; nothing is imported."""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .code import Code, Definition
from .trees import last_name

SUITES = "policy/suites/**/*.py"
MARK = "required_from"


@dataclass(frozen=True)
class Case:
    """A test of a suite, which every component of its kind must pass.

    Attributes:
        suite: the class that states it.
        name: of the test.
        path: of its file, relative to the service.
        line: of its definition.
        required_from: the day until which it only warns; None where it always fails.
    """

    suite: str
    name: str
    path: str
    line: int
    required_from: date | None = None

    @property
    def words(self) -> str:
        """Its name, as a person says it: "403 with the key of another tenant"."""
        return words(self.name)

    @property
    def is_to_come(self) -> bool:
        """Whether its day is still ahead."""
        return self.required_from is not None and date.today() < self.required_from


def words(name: str) -> str:
    """The name of a case, as a person says it."""
    return name.removeprefix("test_").replace("_", " ")


def suites(code: Code) -> Iterator[Definition]:
    """The suites of a policy; what can't be read is passed over: `tpgen check` names it.

    Args:
        code: the folder `tests` of a service.
    """
    for module in code.matching(SUITES):
        for node in module.definitions.values() if module.is_readable else ():
            if isinstance(node, ast.ClassDef):
                yield Definition(module, node)


def read(code: Code) -> list[Case]:
    """The cases that each suite states itself, not those that it inherits.

    Args:
        code: the folder `tests` of a service.
    """
    return [case for suite in suites(code) for case in _cases(suite)]


def has_days(tests: Path) -> bool:
    """Whether any case may have a day; nothing is parsed for it.

    Args:
        tests: the folder `tests` of a service.
    """
    return any(MARK.encode() in path.read_bytes() for path in tests.glob(SUITES))


def heirs(code: Code) -> dict[str, set[str]]:
    """The suites that have the cases of a suite, for each: itself, and those that inherit from it.

    Args:
        code: the folder `tests` of a service.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for one in suites(code):
        for base in code.lineage(one):
            found[base.name].add(one.name)
    return found


def day_of(cases: Collection[Case]) -> date | None:
    """The day from which on one of some cases must pass; None where that is already so."""
    days = [case.required_from for case in cases if case.is_to_come]
    return min(filter(None, days)) if days and len(days) == len(cases) else None


def until(day: date) -> str:
    """A day, and how far it is: "2027-01-15 (in 49 days)"."""
    left = (day - date.today()).days
    return f"{day} (in {left} day{'s' * (left != 1)})" if left > 0 else f"{day}"


def _cases(suite: Definition) -> Iterator[Case]:
    path = suite.module.path.relative_to(suite.module.folder).as_posix()
    own = _day(suite.node)
    for node in getattr(suite.node, "body", []):
        name = getattr(node, "name", "")
        if name.startswith("test"):
            yield Case(suite.name, name, path, node.lineno, _day(node) or own)


def _day(node: ast.stmt) -> date | None:
    """The day of `@pytest.mark.required_from("2027-01-15")`."""
    for call in getattr(node, "decorator_list", []):
        if isinstance(call, ast.Call) and last_name(call.func) == MARK and call.args:
            try:
                return date.fromisoformat(str(getattr(call.args[0], "value", "")))
            except ValueError:
                return None
    return None
