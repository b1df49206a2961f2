"""The suites of a service, read from their syntax trees: what a test class must define."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tpgen.core.policy import KindTest

from . import cases
from .code import Code, Definition, Function
from .trees import base_names, called, classes, is_fixture, names

# Functions of the engine that stand for a value that a person must write.
PLACEHOLDERS = {"placeholder", "fill_in"}


@dataclass(frozen=True)
class Suite:
    """The suite that a rendered class inherits from.

    Attributes:
        required: the members that a subclass must define, each with those that may replace it.
        accepted: the suites that prove the component, and their subclasses.
    """

    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    code: Code = field(default_factory=lambda: Code([]), compare=False)


def read(root: Path, module: ast.Module, test: KindTest) -> Suite:
    """Return what the suites of a service require of the test class of a rendered module."""
    code = Code([root / "tests"])
    owner = test_class(module)
    if owner is None:
        return Suite(code=code)
    imported = {
        alias.name: f"{node.module}.{alias.name}"
        for node in module.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = [code.find(imported.get(base, "")) for base in base_names(owner)]
    inherited = list(members(code, filter(None, found)))
    required = {
        name: _instead(name, inherited)
        for name, node in inherited
        if not name.startswith("test") and asks(node)
    }
    subclasses = cases.subclasses(code) if test.suites else {}
    accepted = {suite for name in test.suite_names for suite in {name, *subclasses.get(name, ())}}
    return Suite(required, frozenset(accepted), code)


def test_class(module: ast.Module) -> ast.ClassDef | None:
    """Return the first test class of a module, or None."""
    return next((owner for owner in classes(module) if owner.name.startswith("Test")), None)


def members(code: Code, suites: Iterable[Definition]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the members of suites and their bases, by name; an overridden one is left out."""
    seen: set[str] = set()
    for suite in suites:
        for base in code.lineage(suite):
            for node in getattr(base.node, "body", []):
                for name in set(names(node)) - seen:
                    seen.add(name)
                    yield name, node


def asks(node: ast.stmt) -> bool:
    """Return whether a member is a placeholder."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
    return any(called(call) in PLACEHOLDERS for call in calls)


def _instead(required: str, members: Iterable[tuple[str, ast.stmt]]) -> frozenset[str]:
    """Return the fixtures that return a member by default; a class may define one instead."""
    return frozenset(
        name
        for name, node in members
        if isinstance(node, Function) and not name.startswith("test") and name != "send"
        if any(isinstance(part, ast.Attribute) and part.attr == required for part in ast.walk(node))
        if is_fixture(node)
    )
