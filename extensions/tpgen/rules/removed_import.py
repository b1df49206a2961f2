"""TPG503: a name that the policy no longer has, or a fixture that a conftest lacks, after an update."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tpgen.check.file import File
from tpgen.check.moved import Moved, installed
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.renaming import OldName, Renaming, imported, imports
from tpgen.check.rule import FileRule
from tpgen.check.wiring import CONFTEST, Wiring
from tpgen.core.finding import Finding
from tpgen.source.code import Code

BY_HAND = "rename it by hand: only `from MODULE import NAME` is rewritten, without comments in it"


def check(file: File, moved: Moved | None = None) -> Iterator[Finding]:
    """Yield old names by the table of this tool, missing fixtures, and other removed imports."""
    root = file.project.root
    if not (root / "tests/policy/__init__.py").is_file():
        return
    # Up to 0.2 the engine was part of the policy, under the old names.
    moved = (moved or installed()) if "engine" in file.project.policy else Moved()
    may_hold = b"policy" in file.data or any(name.encode() in file.data for name in moved.fixtures)
    old_names = list(Renaming(file, moved).old_names()) if may_hold else []
    yield from _after_update(file, moved, old_names)
    if b"policy" not in file.data or is_policy(file.path):
        return
    known = [old_name.where for old_name in old_names]
    for statement in (statement for statement in imports(file) if statement not in known):
        for name in imported(file.path, statement):
            if name.startswith("tests.policy.") and not _exists(root, name):
                yield file.finding(
                    statement,
                    f"the policy has no {name}: `git log -p tests/policy` shows what replaced it",
                )


def _after_update(file: File, moved: Moved, old_names: list[OldName]) -> Iterator[Finding]:
    """Yield the old names and missing fixtures."""
    for old_name in old_names:
        by_hand = f"; {BY_HAND}" if old_name.edits is None else ""
        edits = tuple(old_name.edits or ())
        yield file.finding(old_name.where, old_name.message + by_hand, edits=edits)
    # Without this fixture it was not written for the suites.
    if moved.conftest and file.path == CONFTEST and b"pg_container" in file.data:
        wiring = Wiring(file.project, moved.conftest_of(file.project))
        if fixtures := wiring.missing(file):
            edits = wiring.edits(file, fixtures)
            by_hand = "; write it by hand: docs/engine.md of the template lists the fixtures"
            message = f"the conftest lacks {', '.join(fixtures)}, which the suites or its fixtures request"
            yield file.finding(1, message if edits else message + by_hand, edits=edits)


@lru_cache(maxsize=1024)
def _exists(root: Path, name: str) -> bool:
    """Return whether a module of the policy, or a name in one, can be imported."""
    parent, _, last = name.rpartition(".")
    code = Code([root / "tests"])
    module = code.find_module(parent)
    if module is None or not module.is_readable or code.find_module(name):
        return module is not None
    return not {last, "*", "__getattr__"}.isdisjoint([*module.definitions, *module.imports])


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
    # The policy folder may hold suites of the service.
    applies=lambda path: is_python(path) and is_test_path(path),
    reads_project=True,
    check=check,
    bad={**SERVICE, "tests/factories.py": "from tests.policy.factory import AsyncFactory\n"},
    good={**SERVICE, "tests/factories.py": "from pytest_tpgen.factory import AsyncFactory\n"},
)
