"""TPG503: a name that the policy no longer has, or a fixture that a conftest lacks, after an update."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tpgen.check.file import File
from tpgen.check.moved import Moved, installed
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.renaming import Import, OldName, Renaming, edits_to, imported, imports, renamed
from tpgen.check.rule import FileRule
from tpgen.check.wiring import Wiring, is_conftest, wired_conftest
from tpgen.core.finding import Finding
from tpgen.source.code import Code
from tpgen.source.modules import Module

HISTORY = "`git log -p tests/policy`"
BY_HAND = "rename it by hand: only `from MODULE import NAME` is rewritten, without comments in it"


def check(file: File, moved: Moved | None = None) -> Iterator[Finding]:
    """Yield old names, fixtures that the conftest lacks, other removed imports, and `only`.

    Args:
        file: to check.
        moved: what updates renamed (default: the table of this tool).
    """
    root = file.project.root
    if not (root / "tests/policy/__init__.py").is_file():
        return
    # Up to 0.2 the engine was part of the policy, under the old names.
    moved = (moved or installed()) if "engine" in file.project.policy else Moved()
    old_names = list(Renaming(file, moved).old_names()) if _may_hold(file, moved) else []
    yield from _after_update(file, moved, old_names)
    if b"policy" in file.data and not is_policy(file.path):
        known = [old_name.where for old_name in old_names]
        for node in imports(file):
            if node not in known:
                yield from (file.finding(node, message) for message in _removed(file, node))
        if "engine" in file.project.policy:
            yield from _only(file)


def _may_hold(file: File, moved: Moved) -> bool:
    return b"policy" in file.data or any(name.encode() in file.data for name in moved.fixtures)


def _after_update(file: File, moved: Moved, old_names: list[OldName]) -> Iterator[Finding]:
    """Yield the old names and missing fixtures; all fixes of a file are made together."""
    data = renamed(file, old_names)
    fixtures: list[str] = []
    is_wired = is_conftest(file.path) and file.path == wired_conftest(file.project)
    if moved.conftest and is_wired:
        conftest = File(file.path, data, file.project)
        wiring = Wiring(file.project, moved.conftest_of(file.project))
        if fixtures := wiring.missing(conftest):
            data = wiring.add(conftest, fixtures).encode()
    edits = edits_to(file, data)
    for old_name in old_names:
        if old_name.edits is None:
            yield file.finding(old_name.where, f"{old_name.message}; {BY_HAND}")
        else:
            yield file.finding(old_name.where, old_name.message, edits=edits)
    if fixtures:
        message = (
            f"the conftest lacks {', '.join(fixtures)}, which the suites or its fixtures request"
        )
        yield file.finding(1, message, edits=edits)


def _removed(file: File, node: Import) -> Iterator[str]:
    """Yield a sentence for each name that a statement imports and the policy does not have."""
    root = file.project.root
    for name in imported(file.path, node):
        if name.startswith("tests.policy.") and not _exists(root, name):
            homes = _modules_with(root, name.rpartition(".")[2])
            advice = f"it is in {homes[0]} now" if homes else f"{HISTORY} shows what replaced it"
            yield f"the policy has no {name}: {advice}"


@lru_cache(maxsize=1024)
def _exists(root: Path, name: str) -> bool:
    """Return whether a module of the policy, or a name in one, can be imported."""
    module, _, last = name.rpartition(".")
    path = _file(root, module)
    if _file(root, name):
        return True
    if path is None:
        return False
    home = Module(path, root)
    if not home.is_readable:
        return True
    return not {last, "*", "__getattr__"}.isdisjoint({*home.definitions, *home.imports})


def _file(root: Path, module: str) -> Path | None:
    place = root.joinpath(*module.split("."))
    paths = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in paths if path.is_file()), None)


def _modules_with(root: Path, name: str) -> list[str]:
    """Return the modules of the policy that define a name."""
    modules = Code([root / "tests"]).matching("policy/**/*.py")
    return [module.name for module in modules if module.is_readable and name in module.definitions]


def _only(file: File) -> Iterator[Finding]:
    """Yield each `only=[…]` of a test class, which releases before 0.3 had."""
    for owner in file.nodes(ast.ClassDef):
        if any(keyword.arg == "only" for keyword in owner.keywords):
            message = (
                f"{owner.name}: suites take no `only`: remove it, and exempt each case that does "
                f'not apply in pyproject.toml: [[tool.tpgen.exempt]] case = "{owner.name}.test_…", '
                'reason = "…"'
            )
            yield file.finding(owner, message)


def _applies(path: str) -> bool:
    """Return whether a file is Python of tests; the policy folder may hold suites of the service."""
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
    reads_project=True,
    check=check,
    bad={**SERVICE, "tests/factories.py": "from tests.policy.factory import AsyncFactory\n"},
    good={**SERVICE, "tests/factories.py": "from pytest_tpgen.factory import AsyncFactory\n"},
)
