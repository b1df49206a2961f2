"""The suites of a service, read from their syntax trees: what a test class must state."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tpgen.core.policy import KindTest

from . import cases
from .code import Code, Definition, Function
from .trees import is_fixture, last_name, names

# What the engine has for facts that only a person knows.
PLACEHOLDERS = {"placeholder", "fill_in"}


@dataclass(frozen=True)
class Suite:
    """What is known of the suite that a rendered class inherits from.

    Attributes:
        required: each fact that a subclass must state, and the members that may stand instead.
        accepted: the suites that prove the component, their subclasses included; empty if the
            test file needs none.
        code: the tests of the service, where a class may have bases of its own.
    """

    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    code: Code = field(default_factory=lambda: Code([]), compare=False)


def read(root: Path, module: ast.Module, test: KindTest) -> Suite:
    """Return what the suites require of the test class of a rendered module.

    Args:
        root: the service.
        module: a rendered test file.
        test: the entry of the kind that gives it.
    """
    code = Code([root / "tests"])
    owner = test_class(module)
    if owner is None:
        return Suite(code=code)
    imported = {
        alias.name: node.module
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    bases = [base.id for base in owner.bases if isinstance(base, ast.Name) and base.id in imported]
    found = [code.find(f"{imported[base]}.{base}") for base in bases]
    inherited = list(members(code, filter(None, found)))
    asked = {name for name, node in inherited if not name.startswith("test") and asks(node)}
    required = {name: _instead(name, inherited) for name in asked}
    subclasses = cases.heirs(code) if test.suites else {}
    accepted = {one for name in test.suite_names for one in {name, *subclasses.get(name, ())}}
    return Suite(required, frozenset(accepted), code)


def test_class(module: ast.Module) -> ast.ClassDef | None:
    """Return the first test class of a module, or None."""
    classes = (node for node in module.body if isinstance(node, ast.ClassDef))
    return next((one for one in classes if one.name.startswith("Test")), None)


def kept(owner: ast.ClassDef) -> list[str] | None:
    """Return the cases of `only=[…]`, which releases before 0.3 had; None if it can't be read."""
    only = next((one.value for one in owner.keywords if one.arg == "only"), None)
    if not isinstance(only, ast.List | ast.Tuple | ast.Set):
        return None
    return [str(getattr(one, "value", "")) for one in only.elts]


def members(code: Code, suites: Iterable[Definition]) -> Iterator[tuple[str, ast.stmt]]:
    """The members of suites and of their bases; the one that counts comes first."""
    seen: set[str] = set()
    for suite in suites:
        for one in code.lineage(suite):
            for node in getattr(one.node, "body", []):
                for name in set(names(node)) - seen:
                    seen.add(name)
                    yield name, node


def asks(node: ast.stmt) -> bool:
    """Return whether a member is a placeholder."""
    called = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return any(last_name(one) in PLACEHOLDERS for one in called)


def _instead(fact: str, members: Iterable[tuple[str, ast.stmt]]) -> frozenset[str]:
    """Return the fixtures that return a fact by default; a class may define one of them instead."""
    return frozenset(
        name
        for name, node in members
        if isinstance(node, Function) and not name.startswith("test") and name != "send"
        if any(isinstance(one, ast.Attribute) and one.attr == fact for one in ast.walk(node))
        if is_fixture(node)
    )
