"""TPG503: an import, or a required case, of something that the policy has no more."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule
from tpgen.classes.code import Code, Definition
from tpgen.classes.modules import Module
from tpgen.classes.trees import names
from tpgen.suites import kept, members

POLICY = ("tests", "policy")
# An import that begins a line, whole; and what may be one somewhere else.
IMPORT = re.compile(rb"^[ \t]*((?:from|import)\b[^\n(]*(?:\([^)]*\)|[^\n]*))", re.MULTILINE)
HIDDEN = re.compile(rb"(?:[;:]|\\\n)[ \t]*(?:from|import)\b|import[^\n]*\\\n")
RELATIVE = re.compile(rb"from\s*\.")
ONLY = re.compile(rb"\bonly\s*=")


def check(file: File) -> Iterator[Finding]:
    """Each import from `tests.policy` of what is not there; each such case in an `only`."""
    root = file.project.root
    if not (root / "tests/policy/__init__.py").is_file():
        return
    if not _is_plainly_there(file):
        for node in file.nodes(ast.Import, ast.ImportFrom):
            for message in _gone(root, file.path, node):
                yield file.finding(node, message)
    if ONLY.search(file.data):
        for owner in file.nodes(ast.ClassDef):
            if any(one.arg == "only" for one in owner.keywords):
                yield from _cases(file, owner)


def _is_plainly_there(file: File) -> bool:
    """Whether the text alone tells that all that is imported is there: most files need no tree."""
    if HIDDEN.search(file.data):
        return False
    found = (one[1] for one in IMPORT.finditer(file.data) if b"policy" in one[1])
    return all(
        _is_there(file.project.root, file.path if RELATIVE.match(one) else "", one) for one in found
    )


@lru_cache(maxsize=1024)
def _is_there(root: Path, path: str, statement: bytes) -> bool:
    try:
        [node] = ast.parse(statement).body
    except (SyntaxError, ValueError):
        return False
    return not any(_gone(root, path, node))


def _gone(root: Path, path: str, node: ast.stmt) -> Iterator[str]:
    """What a file imports of the policy that is not there, a sentence for each."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            parts = alias.name.split(".")
            if _is_policy(parts) and not _exists(root, parts):
                yield _module_is_gone(root, parts)
    elif isinstance(node, ast.ImportFrom) and _is_policy(parts := _from(path, node)):
        if _exists(root, parts):
            yield from _names(root, node, parts)
        else:
            yield _module_is_gone(root, parts, *(one.name for one in node.names))


def _is_policy(parts: Sequence[str]) -> bool:
    return tuple(parts[:2]) == POLICY


def _from(path: str, node: ast.ImportFrom) -> list[str]:
    """The module that an import is from, also where it is relative."""
    named = node.module.split(".") if node.module else []
    if not node.level:
        return named
    return [*path.split("/")[: -node.level], *named]


def _exists(root: Path, parts: Sequence[str]) -> bool:
    place = root.joinpath(*parts)
    return (place / "__init__.py").is_file() or place.with_suffix(".py").is_file()


def _names(root: Path, node: ast.ImportFrom, parts: Sequence[str]) -> Iterator[str]:
    module = _module(root, tuple(parts))
    if module is None or not module.is_readable or "__getattr__" in module.definitions:
        return
    if "*" in module.imports:
        return
    for alias in node.names:
        is_known = alias.name == "*" or alias.name in module.definitions.keys() | module.imports
        if not is_known and not _exists(root, [*parts, alias.name]):
            yield f"{'.'.join(parts)} has no {alias.name} any more: {_advice(root, alias.name)}"


def _module_is_gone(root: Path, parts: Sequence[str], *imported: str) -> str:
    return f"{'.'.join(parts)} is gone from the policy: {_advice(root, *imported)}"


def _cases(file: File, owner: ast.ClassDef) -> Iterator[Finding]:
    """Each case that a class names in `only`, and that its suites do not have."""
    code = _code(file.project.root)
    module = code.module(file.project.root / file.path, file.project.root)
    known = {name for name, _ in members(code, [Definition(module, owner)])}
    own = {name for line in owner.body for name in names(line)}
    inherited = {name for name in known - own if name.startswith("test")}
    if not inherited:  # a suite that can't be read, or is gone, which is told of its import
        return
    for case in kept(owner) or ():
        if case not in known:
            has = ", ".join(sorted(inherited))
            message = (
                f"{owner.name}: `only` names {case}, which its suite has no more; it has {has}"
            )
            yield file.finding(owner, message)


def _advice(root: Path, *names: str) -> str:
    """Where names are now."""
    found = {name: place for name in names if (place := _places(root).get(name))}
    if found:
        return "; ".join(f"{name} is in {place} now" for name, place in found.items())
    return "`git log -p tests/policy` shows what took its place, or `git diff HEAD` before a commit"


@lru_cache(maxsize=4)
def _code(root: Path) -> Code:
    return Code([root / "tests"])


@lru_cache(maxsize=4)
def _places(root: Path) -> dict[str, str]:
    """The modules of the policy that define a name."""
    return {
        name: module.name
        for module in _code(root).matching("policy/**/*.py")
        if module.is_readable
        for name in module.definitions
        if not name.startswith("_")
    }


@lru_cache(maxsize=64)
def _module(root: Path, parts: tuple[str, ...]) -> Module | None:
    place = root.joinpath(*parts)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return _code(root).module(path, root)
    return None


SERVICE = {
    "tests/policy/policy.toml": "[slow]\nseconds = 1.0\n",
    "tests/policy/__init__.py": "",
    "tests/policy/factory.py": "class AsyncFactory: ...\n",
}

RULE = FileRule(
    code="TPG503",
    name="gone-import",
    section="all: the policy is one, for every service",
    why="An update may rename or remove a part of the policy, and leaves alone what is yours: a "
    "file of yours that imports the old name breaks every test that needs it.",
    fix="Import what the finding names, and take a case by its new name; where nothing took its "
    "place, keep a copy beside the policy, in tests/.",
    applies=is_test_python,
    triggers=(b"policy",),
    check=check,
    bad={**SERVICE, "tests/factories.py": "from tests.policy.factories import AsyncFactory\n"},
    good={**SERVICE, "tests/factories.py": "from tests.policy.factory import AsyncFactory\n"},
)
