"""A policy that this engine can't serve stops pytest with exit 2 and the command to run."""

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.service.engine.trees import POLICY, Outcome, Tree, service

# A conftest may import what only another version of the engine has.
CONFTEST = "from pytest_tpgen.not_in_this_version import anything\n"
TEST = "def test_one(): ...\n"
OTHER = POLICY.replace(">=0.3.0.dev0", ">=7,<8")

STARTS = {
    "in the service": ("service", ()),
    "in its tests": ("service/tests/unit", ()),
    "above": ("", ()),
    "above, with the path": ("", ("service/tests/unit/test_one.py",)),
    "elsewhere": ("elsewhere", ("../service/tests",)),
    "in parallel": ("service", ("-n2",)),
    "above, in parallel": ("", ("-n2",)),
    "root above": ("service", ("--rootdir=..",)),
    "only collected": ("service", ("--collect-only",)),
}


def tree(folder: Path, policy: str, lock: str = "uv.lock") -> Tree:
    """Return a service whose policy is the text, in a folder that has more."""
    files = {
        "tests/policy/policy.toml": policy,
        "tests/conftest.py": CONFTEST,
        "tests/unit/test_one.py": TEST,
        lock: "",
    }
    service(folder / "service", **files)
    return Tree(folder).write({"elsewhere/README": "", "other/test_other.py": TEST})


def assert_stops(outcome: Outcome, *words: str) -> None:
    """Check the exit code and the message: one line, and no traceback."""
    assert outcome.code == 2, outcome.text
    for word in words:
        assert word in outcome.text, outcome.text
    assert "Traceback" not in outcome.text
    assert "INTERNALERROR" not in outcome.text


@pytest.mark.parametrize("start", STARTS)
def test_another_version_stops_the_run(start: str, tmp_path: Path) -> None:
    below, options = STARTS[start]
    outcome = tree(tmp_path, OTHER).pytest(*options, below=below)
    assert_stops(
        outcome,
        "policy.toml works with pytest-tpgen <8,>=7",
        f"and {version('pytest-tpgen')} is installed",
        "run `uv sync`, or `tpgen update` if the pinned version is another one",
    )


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("uv.lock", "uv sync"),
        ("poetry.lock", "poetry sync"),
        ("pdm.lock", "pdm sync"),
        ("requirements.txt", "pip install -e . --group dev"),
    ],
)
def test_the_command_is_that_of_the_service(lock: str, command: str, tmp_path: Path) -> None:
    outcome = tree(tmp_path, OTHER, lock).pytest(below="service")
    assert_stops(outcome, f"run `{command}`")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("[engine\n", "policy.toml can't be read: Expected ']'"),
        (POLICY.replace("[engine]", "[motor]"), "policy.toml: [engine] has no `requires`"),
        (POLICY.replace(">=0.3.0.dev0", "a lot"), "[engine] requires must be a version such as"),
        (POLICY.replace("[slow]\nseconds = 1.0", ""), "[slow] has no `seconds`"),
        (POLICY.replace("seconds = 1.0", 'seconds = "one"'), "[slow] seconds must be a number"),
        (POLICY.replace('image = "postgres:15"', ""), "[postgres] has no `image`"),
        (POLICY.replace("[layers", "[floors"), "has no [layers]"),
        (POLICY.replace("io = false", 'io = "no"'), "[layers.unit] io must be true or false"),
    ],
)
def test_a_broken_policy_stops_the_run(policy: str, words: str, tmp_path: Path) -> None:
    for below in ("service", ""):
        assert_stops(tree(tmp_path / (below or "above"), policy).pytest(below=below), words)


def test_a_broken_pyproject_stops_the_run(tmp_path: Path) -> None:
    """Of a service beside the file that pytest itself reads."""
    files = {"pyproject.toml": "[tool.tpgen\n", "tests/unit/test_one.py": TEST}
    service(tmp_path / "service", **files)
    above = Tree(tmp_path).write({"pytest.ini": "[pytest]\n"})
    assert_stops(above.pytest("-c", "pytest.ini"), "pyproject.toml can't be read: Expected ']'")


def test_a_policy_in_a_folder_that_pytest_skips_is_not_looked_at(tmp_path: Path) -> None:
    files = {"tests/policy/policy.toml": OTHER, "tests/unit/test_one.py": TEST}
    service(tmp_path / "template", **files)
    above = Tree(tmp_path).write(
        {"pytest.ini": "[pytest]\nnorecursedirs = template\n", "tests/test_other.py": TEST}
    )
    for options in ((), ("-n2",)):
        outcome = above.pytest(*options)
        assert (outcome.code, outcome.tests) == (0, {"test_one": "passed"}), outcome.text
