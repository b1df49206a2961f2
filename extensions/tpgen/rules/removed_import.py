"""TPG503: a name that the policy no longer has; a fixture that a conftest lacks since an update."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from tpgen.check.file import File
from tpgen.check.moved import Moved, installed
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.renaming import Place, Renaming, absolute
from tpgen.check.rewriting import edits_of, renamed
from tpgen.check.rule import FileRule
from tpgen.check.wiring import Addition, Wiring, is_conftest, starts_postgres
from tpgen.core.finding import Finding
from tpgen.source.code import Code, Definition
from tpgen.source.modules import Module
from tpgen.source.suites import kept, members
from tpgen.source.trees import names

POLICY = ("tests", "policy")
# An import that begins a line, whole; and what may be one somewhere else.
IMPORT = re.compile(rb"^[ \t]*((?:from|import)\b[^\n(]*(?:\([^)]*\)|[^\n]*))", re.MULTILINE)
HIDDEN = re.compile(rb"(?:[;:]|\\\n)[ \t]*(?:from|import)\b|import[^\n]*\\\n")
RELATIVE = re.compile(rb"from\s*\.")
ONLY = re.compile(rb"\bonly\s*=")
TAKEN = "this file has the new name for something else"
ONLY_PARAMETER = re.compile(rb"\bonly\s*:")


def check(file: File, moved: Moved | None = None) -> Iterator[Finding]:
    """Yield old names, missing fixtures of the conftest, other imports of what is gone, `only`.

    Args:
        file: to look at.
        moved: what updates renamed; by default the table of this tool.
    """
    root = file.project.root
    if not (root / "tests/policy/__init__.py").is_file():
        return
    # Up to 0.2 the engine was part of the policy, under the old names.
    moved = (moved or installed()) if "engine" in file.project.policy else Moved()
    places = list(Renaming(file, moved).places()) if _may_hold(file, moved) else []
    known = {place.node for place in places}
    additions = _additions(file, moved, places)
    edits = edits_of(file, places, additions)
    for place in places:
        if place.edits is not None:
            yield file.finding(place.node, place.message, edits=edits)
        else:
            yield file.finding(place.node, f"{place.message}; rename it by hand: {TAKEN}")
    for addition in additions:
        fixtures = ", ".join(addition.fixtures)
        message = f"the conftest lacks {fixtures}, which the suites or its own fixtures request"
        yield file.finding(1, message, edits=edits)
    if not is_policy(file.path) and b"policy" in file.data and not _is_plainly_there(file):
        for node in file.nodes(ast.Import, ast.ImportFrom):
            for message in _gone(root, file.path, node) if node not in known else ():
                yield file.finding(node, message)
    yield from _only(file)


def _may_hold(file: File, moved: Moved) -> bool:
    """Whether the text may hold an old name: most files need no tree."""
    if any(name.encode() in file.data for name in moved.fixtures):
        return True
    lasts = {name.rpartition(".")[2].encode() for name in moved.names}
    return (b"policy" in file.data or is_policy(file.path)) and any(
        name in file.data for name in lasts
    )


def _additions(file: File, moved: Moved, places: Sequence[Place]) -> list[Addition]:
    """What the conftest lacks, once its names are new."""
    if not (moved.conftest and is_conftest(file.path) and starts_postgres(file)):
        return []
    later = File(file.path, renamed(file, places), file.project)
    return list(Wiring(later, moved.of(file.project)).missing())


def _only(file: File) -> Iterator[Finding]:
    """Each `only=[…]` of a class, which the suites take no more."""
    suites = file.project.file("tests/policy/suites/__init__.py")
    if b"policy" not in file.data or not ONLY.search(file.data):
        return
    if suites is None or ONLY_PARAMETER.search(suites.data):
        return
    for owner in file.nodes(ast.ClassDef):
        if any(one.arg == "only" for one in owner.keywords):
            left = ", ".join(_left_out(file, owner)) or "a case that does not apply"
            yield file.finding(
                owner,
                f"{owner.name}: `only` is gone, so that no required case can vanish: remove it, "
                f"and write the facts that {left} needs, or exempt it in pyproject.toml with a "
                f'reason: [[tool.tpgen.exempt]] case = "{owner.name}.test_…", reason = "…"',
            )


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
    elif isinstance(node, ast.ImportFrom) and _is_policy(parts := absolute(path, node).split(".")):
        if _exists(root, parts):
            yield from _names(root, node, parts)
        else:
            yield _module_is_gone(root, parts, *(one.name for one in node.names))


def _is_policy(parts: Sequence[str]) -> bool:
    return tuple(parts[:2]) == POLICY


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
            yield f"{'.'.join(parts)} has no {alias.name}: {_advice(root, alias.name)}"


def _module_is_gone(root: Path, parts: Sequence[str], *imported: str) -> str:
    return f"the policy has no {'.'.join(parts)}: {_advice(root, *imported)}"


def _left_out(file: File, owner: ast.ClassDef) -> list[str]:
    """The cases that a class has left out by `only`."""
    code = _code(file.project.root)
    module = code.module(file.project.root / file.path, file.project.root)
    known = {name for name, _ in members(code, [Definition(module, owner)])}
    own = {name for line in owner.body for name in names(line)}
    cases = {name for name in known - own if name.startswith("test")}
    return sorted(cases - set(kept(owner) or ()))


def _advice(root: Path, *names: str) -> str:
    """Where names are now."""
    found = {name: place for name in names if (place := _places(root).get(name))}
    if found:
        return "; ".join(f"{name} is in {place} now" for name, place in found.items())
    return "if it was removed, `git log -p tests/policy` shows what took its place"


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


def _applies(path: str) -> bool:
    """Whether a file is Python of tests; a suite of the service's own lies in the policy folder."""
    return is_python(path) and is_test_path(path)


SERVICE = {
    "tests/policy/policy.toml": '[engine]\nrequires = ">=0.3"\n',
    "tests/policy/__init__.py": "",
}

RULE = FileRule(
    code="TPG503",
    name="removed-import",
    section="all: the policy is one, for every service",
    why="An update may rename or remove a part of the policy, and does not change your files: a "
    "file of yours that imports the old name breaks every test that needs it, and so does a "
    "conftest that lacks a fixture which the suites request.",
    fix="Run `tpgen check --fix`, which renames what moved and adds the fixtures. If nothing "
    "replaces a name, keep a copy of the old code in tests/, outside the policy.",
    applies=_applies,
    check=check,
    bad={**SERVICE, "tests/factories.py": "from tests.policy.factory import AsyncFactory\n"},
    good={**SERVICE, "tests/factories.py": "from pytest_tpgen.factory import AsyncFactory\n"},
)
