"""The required cases of a policy, read from its suites; nothing is imported.

The code that the functions take is that of the folder `tests` of a service.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from .code import Code, Definition
from .trees import called


@dataclass(frozen=True)
class Case:
    """A test of a suite; its failure is a warning until the day `required_from`."""

    suite: str
    name: str
    path: str
    line: int
    required_from: date | None = None

    @property
    def words(self) -> str:
        """Return its name in words: "403 with the key of another tenant"."""
        return words(self.name)

    @property
    def is_future(self) -> bool:
        return self.required_from is not None and date.today() < self.required_from


def words(name: str) -> str:
    """Return the name of a case in words."""
    return name.removeprefix("test_").replace("_", " ")


def suites(code: Code) -> Iterator[Definition]:
    """Yield the suites of a policy; modules that can't be read are left to `tpgen check`."""
    for module in code.matching("policy/suites/**/*.py"):
        for node in module.definitions.values() if module.is_readable else ():
            if isinstance(node, ast.ClassDef):
                yield Definition(module, node)


def read(code: Code) -> list[Case]:
    """Return the cases that each suite defines itself, without inherited ones."""
    found = []
    for suite in suites(code):
        path = suite.module.path.relative_to(suite.module.folder).as_posix()
        for node in getattr(suite.node, "body", []):
            name = getattr(node, "name", "")
            if name.startswith("test"):
                day = _day(node) or _day(suite.node)
                found.append(Case(suite.name, name, path, node.lineno, day))
    return found


def subclasses(code: Code) -> dict[str, set[str]]:
    """Return, for each suite, the suites that have its cases: itself and its subclasses."""
    found: dict[str, set[str]] = defaultdict(set)
    for suite in suites(code):
        for base in code.lineage(suite):
            found[base.name].add(suite.name)
    return found


def day_of(cases: Collection[Case]) -> date | None:
    """Return the day from which one of some cases is required; None if one is already."""
    days = [case.required_from for case in cases if case.is_future]
    return min(filter(None, days)) if days and len(days) == len(cases) else None


def until(day: date) -> str:
    """Return a day, and how far it is: "2027-01-15 (in 49 days)"."""
    left = (day - date.today()).days
    return f"{day} (in {left} day{'s' * (left != 1)})" if left > 0 else f"{day}"


def _day(node: ast.stmt) -> date | None:
    """Return the day of `@pytest.mark.required_from("2027-01-15")`."""
    for call in getattr(node, "decorator_list", []):
        if isinstance(call, ast.Call) and called(call) == "required_from" and call.args:
            try:
                return date.fromisoformat(str(getattr(call.args[0], "value", "")))
            except ValueError:
                return None
    return None
