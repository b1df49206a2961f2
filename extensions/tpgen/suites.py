"""The suites of a service, read from their syntax trees: their cases, and what each one asks."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import cases
from .classes.code import Code, Definition, Function
from .classes.trees import is_none, names


@dataclass(frozen=True)
class Suite:
    """What is known of the suite that a rendered class inherits from.

    Attributes:
        cases: the names of its tests.
        required: each fact that a subclass must state, and the members that may stand instead.
        others: the suites of the service by name, and the cases of each: a class that has these
            cases from another suite, such as one that is derived from this, lacks them not.
        code: the tests of the service, where a class may have bases of its own.
    """

    cases: frozenset[str] = frozenset()
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    code: Code | None = field(default=None, compare=False)


def read(root: Path, module: ast.Module) -> Suite:
    """What the suites ask for that the test class of a rendered module inherits from.

    Args:
        root: the service.
        module: a rendered test file.
    """
    owner = test_class(module)
    code = Code([root / "tests"])
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
    stated = _cases(inherited)
    asked = {name for name, node in inherited if name not in stated and asks(node)}
    required = {name: _instead(name, inherited) for name in asked}
    others = {one.name: _cases(members(code, [one])) for one in cases.suites(code)}
    return Suite(stated, required, others, code)


def _cases(members: Iterable[tuple[str, ast.stmt]]) -> frozenset[str]:
    return frozenset(name for name, _ in members if name.startswith("test"))


def test_class(module: ast.Module) -> ast.ClassDef | None:
    """The first class of tests that a module has."""
    classes = (node for node in module.body if isinstance(node, ast.ClassDef))
    return next((one for one in classes if one.name.startswith("Test")), None)


def is_complete(mine: bytes, rendered: ast.Module, suite: Suite) -> bool:
    """Whether a person's file states all that a rendered one asks, as far as a glance can tell.

    Where it can't, `merge` tells; but to import LibCST takes longer than all else.

    Args:
        mine: the person's file.
        rendered: a test file.
        suite: what its class inherits.
    """
    tests = [node for node in rendered.body if getattr(node, "name", "").lower().startswith("test")]
    try:
        theirs = {getattr(node, "name", ""): node for node in ast.parse(mine).body}
    except (SyntaxError, ValueError):
        return False
    wanted = test_class(rendered)
    own = theirs.get(wanted.name) if wanted else None
    if len(tests) != 1 or wanted is None or not isinstance(own, ast.ClassDef):
        return False
    if own.keywords or _bases(own) != _bases(wanted):
        return False
    stated = {name for node in own.body if not asks(node) for name in names(node)}
    return all({fact, *instead} & stated for fact, instead in suite.required.items())


def _bases(owner: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in owner.bases]


def switched_off(module: ast.Module) -> list[str]:
    """The cases that classes switch off by `test_redacts = None`, such as `TestX.test_redacts`."""
    return [
        f"{owner.name}.{target.id}"
        for owner in module.body
        if isinstance(owner, ast.ClassDef)
        for line in owner.body
        if isinstance(line, ast.Assign | ast.AnnAssign) and is_none(line.value)
        for target in (line.targets if isinstance(line, ast.Assign) else [line.target])
        if isinstance(target, ast.Name) and target.id.startswith("test")
    ]


def kept(owner: ast.ClassDef) -> list[str] | None:
    """The cases that a class takes by `only=[…]`; None where it takes all, or can't be read."""
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
    """Whether a member is a blank."""
    called = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return any(isinstance(one, ast.Name) and one.id == "blank" for one in called)


def _instead(fact: str, members: Iterable[tuple[str, ast.stmt]]) -> frozenset[str]:
    """The fixtures that give a fact by default: who states one of those needs no fact."""
    return frozenset(
        name
        for name, node in members
        if isinstance(node, Function) and not name.startswith("test") and name != "send"
        if any(isinstance(one, ast.Attribute) and one.attr == fact for one in ast.walk(node))
        if any("fixture" in ast.unparse(one) for one in node.decorator_list)
    )
