"""The cache of `tpgen check`: it changes how long a check takes, and nothing that it finds."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tpgen.check import engine, project, registry
from tpgen.check.cache import PATH, Cache, packed
from tpgen.check.project import Project
from tpgen.check.rule import CODE_OF_READING, FileRule, tree
from tpgen.core.finding import Finding

from tests.checking import git, repository, tpgen, write

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
CLEAN = "def test_a(it):\n    assert it\n"
TREE = {f"tests/test_{number}.py": CLEAN for number in range(engine.MANY)}
FIRST = "tests/test_0.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that was checked, with one finding."""
    repository(tmp_path, {**TREE, FIRST: SLEEPS})
    assert tpgen(tmp_path, "check").code == 1
    return tmp_path


def poison(root: Path) -> None:
    """Let the cache say that a file has no findings, so that one sees whether it is used."""
    content = json.loads((root / PATH).read_text())
    content["entries"][FIRST][1] = []
    (root / PATH).write_text(json.dumps(content))


def test_what_is_known_is_not_checked_again(root: Path) -> None:
    """But if `--no-cache` says so, or only a few files are checked."""
    poison(root)
    assert tpgen(root, "check").code == 0
    assert tpgen(root, "check", "--no-cache").code == 1
    assert tpgen(root, "check", FIRST).code == 1
    assert git(root, "status", "--short", "--untracked-files=all").count("??") == 0


def test_the_same_is_found_with_it(root: Path) -> None:
    assert tpgen(root, "check") == tpgen(root, "check", "--no-cache")


def test_a_finding_comes_back_whole(root: Path) -> None:
    given = Finding(FIRST, 1, 2, "it\udcff", "TPG205", "warning", "low")
    here = project.find(root, [])
    cache = Cache(here, [])
    cache.save({FIRST: packed("now", [given])}, here.files)
    assert Cache(here, []).get(FIRST, "now") == [given]
    assert Cache(here, []).get(FIRST, "later") is None


CHANGES: dict[str, Callable[[Path], None]] = {
    "the content": lambda root: write(root, {FIRST: SLEEPS + "# changed\n"}),
    "the settings": lambda root: write(root, {"pyproject.toml": "# changed\n"}),
    "the policy": lambda root: write(root, {"tests/policy/policy.toml": "# changed\n"}),
    "a commit of the cache": lambda root: (git(root, "add", "--force", str(PATH)), None)[1],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_checked(what: str, root: Path) -> None:
    """A cache that somebody committed is not used: it could hide what is there."""
    poison(root)
    CHANGES[what](root)
    assert "TPG205" in tpgen(root, "check", "--select=TPG2").out + tpgen(root, "check").out


BROKEN = ["", "{", "[]", '{"key": 1}', "\0\xff", "[" * 100_000]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_cache_is_empty(text: str, root: Path) -> None:
    (root / PATH).write_text(text, encoding="latin-1")
    assert tpgen(root, "check").code == 1


@pytest.mark.parametrize("entry", [None, 3, [], ["x"], {"a": 1}])
def test_a_broken_entry_is_checked_again(entry: object, root: Path) -> None:
    content = json.loads((root / PATH).read_text())
    content["entries"][FIRST] = entry
    (root / PATH).write_text(json.dumps(content))
    assert tpgen(root, "check").code == 1


def test_what_can_not_be_written_is_not_cached(tmp_path: Path) -> None:
    repository(tmp_path, {**TREE, FIRST: SLEEPS})
    (tmp_path / ".tpgen").write_text("a file\n")
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert (said.code, said.err) == (1, "")


def test_nothing_is_written_outside_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    repository(tmp_path / "here", {**TREE, FIRST: SLEEPS})
    (tmp_path / "here/.tpgen").symlink_to(tmp_path / "outside")
    assert tpgen(tmp_path / "here", "check").code == 1
    assert [*(tmp_path / "outside").iterdir()] == []


def test_two_checks_at_once(root: Path) -> None:
    """Both are right, and the cache is one of both."""
    command = [sys.executable, "-m", "tpgen", "check", "--select=TPG205"]
    checks = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outs = {check.communicate(timeout=60)[0] for check in checks}
    assert len(outs) == 1
    assert FIRST in outs.pop()
    assert os.listdir((root / PATH).parent) == ["check.json"]
    assert FIRST in json.loads((root / PATH).read_text())["entries"]


class Closed(Project):
    """A project that shows nothing but its policy and its settings."""

    def __getattribute__(self, name: str) -> object:
        if name in {"files", "paths", "git", "service", "changed", "file", "read", "tracked"}:
            raise AssertionError(f"a rule that is cached asks for {name}")
        return super().__getattribute__(name)


CACHED = [
    rule
    for rule in registry.all_rules().values()
    if isinstance(rule, FileRule) and not rule.reads_project
]


@pytest.mark.parametrize("rule", CACHED, ids=lambda rule: str(rule.code))
def test_a_rule_that_is_cached_reads_nothing_else(rule: FileRule, tmp_path: Path) -> None:
    """On the trees of all rules; what it finds there would be kept after the other file changed."""
    # A rule that breaks is a finding of TPG001, which is left out if TPG001 does not run.
    rules = [rule, registry.all_rules()[CODE_OF_READING]]
    for number, other in enumerate(registry.all_rules().values()):
        for name in ("bad", "good"):
            root = tmp_path / f"{number}{name}"
            files = tree(getattr(other, name))
            write(root, files)
            found = engine.run(Closed(root, frozenset(files)), rules, known=False).findings
            assert [one.message for one in found if "broke here" in one.message] == []
