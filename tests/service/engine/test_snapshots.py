"""Snapshots: one that was not reached stays, and one is recorded from two equal runs."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.service.engine.trees import Tree, service

TESTS = """
    import pytest

    class TestA:
        def test_one(self, snapshot): assert "one" == snapshot

        @pytest.mark.parametrize("n", [1, 2])
        def test_two(self, snapshot, n): assert f"two {n}" == snapshot

    def test_three(snapshot):
        assert "three" == snapshot(name="by name")
        assert "3" == snapshot
    """
OTHER = """
    def test_other(snapshot): assert "other" == snapshot
    """
OPTIONS = ("-p", "syrupy", "--import-mode=importlib")
# What syrupy says of unused snapshots.
COUNTED = r"snapshots? unused|unused snapshots? deleted|Unused snapshot detection"
KEPT = "tests/unit/__snapshots__"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of a worker of xdist, and of CI, where syrupy updates no snapshot."""
    for name in ("PYTEST_XDIST_WORKER", "CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A service whose snapshots are recorded: shared, so copy it."""
    files = {
        "tests/unit/test_here.py": TESTS,
        "tests/unit/test_other.py": OTHER,
        "tests/unit/nested/test_other.py": OTHER,
        "tests/contract/test_live.py": OTHER,
    }
    tree = service(tmp_path_factory.mktemp("recorded"), **files)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_XDIST_WORKER", raising=False)
        outcome = tree.pytest(*OPTIONS, "--snapshot-update", "tests/unit", "tests/contract")
    assert outcome.code == 0, outcome.text
    return tree


@pytest.fixture
def tree(recorded: Tree, tmp_path: Path) -> Tree:
    """A service whose snapshots are recorded."""
    shutil.copytree(recorded.path, tmp_path, dirs_exist_ok=True)
    return Tree(tmp_path)


def snapshots(tree: Tree) -> dict[str, set[str]]:
    """Return the names of the snapshots of each file."""
    return {
        str(file.relative_to(tree.path)): set(
            re.findall("^# name: (.*)", file.read_text(), re.MULTILINE)
        )
        for file in tree.path.rglob("*.ambr")
    }


FAILING = ("test_here.py", 'assert "three" == snapshot(name', "assert False\n        assert (")
BROKEN = ("test_here.py", "import pytest", "import pytest, nowhere")
SKIPPED = ("test_here.py", "import pytest", 'import pytest; pytest.skip("", allow_module_level=1)')
SKIPPED_IN_TEST = (
    "test_here.py",
    "self, snapshot): assert",
    "self, snapshot): pytest.skip('x') ; assert",
)
FIXTURE = ("test_here.py", "self, snapshot):", "self, missing, snapshot):")
EXIT = ("test_here.py", 'assert "one"', 'pytest.exit("", 0) ; assert "one"')


UNREACHED = [
    (FAILING, []),
    (FAILING, ["-x"]),
    (FIXTURE, []),
    (BROKEN, []),
    (BROKEN, ["--continue-on-collection-errors", "tests/unit"]),
    (SKIPPED, []),
    (SKIPPED_IN_TEST, []),
    (EXIT, []),
    (None, ["--co"]),
    (None, ["--co", "-q", "tests/unit/test_here.py::TestA"]),
    (None, ["--setup-plan"]),
    (None, ["--setup-only"]),
    (None, ["-k", "three"]),
    (None, ["-k", "not unit"]),
    (None, ["-k", "test_here.py and not TestA"]),
    (None, ["-m", "integration"]),
    (None, ["tests/unit/test_here.py"]),
    (None, ["tests/unit/nested"]),
    (None, ["tests/unit/test_here.py::TestA::test_two[1]"]),
    (None, ["tests/contract"]),
    (None, ["--deselect", "tests/unit/test_here.py::TestA::test_one"]),
    (None, ["--ignore", "tests/unit/test_here.py"]),
    (None, []),
]


@pytest.mark.parametrize(("change", "arguments"), UNREACHED)
def test_a_snapshot_that_was_not_reached_stays(
    tree: Tree, change: tuple[str, str, str] | None, arguments: list[str]
) -> None:
    """It is neither deleted nor counted as unused."""
    before = snapshots(tree)
    assert sum(map(len, before.values())) == 8
    if change:
        name, old, new = change
        file = tree.path / "tests/unit" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    outcome = tree.pytest(*OPTIONS, *arguments, "--snapshot-update")
    assert snapshots(tree) == before
    assert not re.search(COUNTED, outcome.text), outcome.text
    is_red = change in (FAILING, FIXTURE, BROKEN)
    assert (outcome.code or 0) in ({1, 2} if is_red else {0, 5}), outcome.text


@pytest.mark.parametrize("arguments", [["--co"], ["--setup-plan"], ["-k", "other"]])
def test_an_incomplete_run_does_not_report_what_is_unused(tree: Tree, arguments: list[str]) -> None:
    without_test_one(tree)
    outcome = tree.pytest(*OPTIONS, *arguments)
    assert (outcome.code, bool(re.search(COUNTED, outcome.text))) == (0, False), outcome.text


@pytest.mark.parametrize("arguments", [[], ["tests"], ["tests/unit/test_here.py"]])
def test_a_whole_run_reports_and_deletes_what_is_unused(tree: Tree, arguments: list[str]) -> None:
    without_test_one(tree)
    arguments = [*OPTIONS, *arguments]
    outcome = tree.pytest(*arguments)
    assert (outcome.code, "1 snapshot unused" in outcome.text) == (1, True), outcome.text
    outcome = tree.pytest(*arguments, "--snapshot-update")
    assert (outcome.code, "1 unused snapshot deleted" in outcome.text) == (0, True), outcome.text
    assert "TestA.test_one" not in snapshots(tree)[f"{KEPT}/test_here.ambr"]
    assert sum(map(len, snapshots(tree).values())) == 7


def without_test_one(tree: Tree) -> None:
    """Remove a test, and leave its snapshot."""
    file = tree.path / "tests/unit/test_here.py"
    file.write_text(file.read_text().replace("def test_one(self, snapshot)", "def gone(self)"))


def test_with_workers_a_failure_hides_no_snapshot(tree: Tree) -> None:
    file = tree.path / "tests/unit/test_here.py"
    file.write_text(file.read_text().replace(*FAILING[1:]))
    outcome = tree.pytest(*OPTIONS, "-n2")
    assert (outcome.code, bool(re.search(COUNTED, outcome.text))) == (1, False), outcome.text


@pytest.mark.parametrize("arguments", [[], ["-k", "three"]])
def test_with_workers_the_verdict_is_the_same(tree: Tree, arguments: list[str]) -> None:
    without_test_one(tree)
    outcome = tree.pytest(*OPTIONS, "-n2", *arguments)
    is_whole = not arguments
    assert (outcome.code, "1 snapshot unused" in outcome.text) == (is_whole, is_whole), outcome.text


@pytest.mark.parametrize("update", [[], ["--snapshot-update"]], ids=["plain", "update"])
def test_after_ctrl_c_every_snapshot_stays(tree: Tree, update: list[str]) -> None:
    before = snapshots(tree)
    file = tree.path / "tests/unit/test_here.py"
    waiting = "open('started', 'w').close(); import time; time.sleep(60); assert"
    file.write_text(file.read_text().replace('assert "three"', f'{waiting} "three"'))
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--import-mode=importlib", *update],
        cwd=tree.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (tree.path / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate()
    assert (process.returncode, bool(re.search(COUNTED, text))) == (2, False), text
    assert snapshots(tree) == before


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("time.time_ns()", r"\d{19}"),
        ("secrets.token_hex(16)", r"[0-9a-f]{32}"),
        ("list({str(n) for n in range(20)})", r"'\d+'"),
        ("os.getpid()", r"\d+"),
    ],
)
def test_an_answer_that_differs_in_a_second_run_is_refused(
    tree: Tree, value: str, shown: str
) -> None:
    """The message says what differs; other snapshots of the run are written."""
    test = f"""
        import os, secrets, time
        def test_same(snapshot): assert "same" == snapshot
        def test_differs(snapshot): assert {{"value": {value}, "other": 1}} == snapshot
        """
    tree.write({"tests/unit/test_new.py": test})
    outcome = tree.pytest(*OPTIONS, "tests/unit/test_new.py", "--snapshot-update")
    assert outcome.code == 1, outcome.text
    assert "test_new.py::test_differs: two runs gave different answers" in outcome.text
    assert re.search(rf"^    [-+].*{shown}", outcome.text, re.MULTILINE), outcome.text
    assert "other" not in outcome.text
    assert snapshots(tree)[f"{KEPT}/test_new.ambr"] == {"test_same"}


def test_a_changed_answer_that_differs_keeps_the_former_snapshot(tree: Tree) -> None:
    file = tree.path / "tests/unit/test_here.py"
    file.write_text(file.read_text().replace('assert "one"', "import time; assert time.time_ns()"))
    before = (tree.path / KEPT / "test_here.ambr").read_text()
    outcome = tree.pytest(*OPTIONS, "--snapshot-update")
    assert outcome.code == 1
    assert (tree.path / KEPT / "test_here.ambr").read_text() == before


def test_an_image_that_differs_is_not_written(tree: Tree) -> None:
    """syrupy writes files of their own at once, without waiting for the end."""
    test = """
        import secrets
        from syrupy.extensions.single_file import SingleFileSnapshotExtension as Image

        def test_same(snapshot):
            assert b"same" == snapshot(extension_class=Image)

        def test_differs(snapshot):
            assert secrets.token_bytes(8) == snapshot(extension_class=Image)
        """
    tree.write({"tests/unit/test_image.py": test})
    outcome = tree.pytest(*OPTIONS, "tests/unit/test_image.py", "--snapshot-update")
    assert outcome.code == 1, outcome.text
    assert [file.name for file in (tree.path / KEPT / "test_image").iterdir()] == ["test_same.raw"]


def test_the_second_run_leaves_reports_alone(tree: Tree) -> None:
    """And it runs the tests that recorded something."""
    test = """
        def test_new(snapshot):
            print(file=open("runs.txt", "a"))
            assert "new" == snapshot
        def test_other():
            print("other", file=open("runs.txt", "a"))
        """
    tree.write({"tests/unit/test_new.py": test})
    tree.pytest(*OPTIONS, "tests/unit/test_new.py", "--snapshot-update", "--junit-xml=report.xml")
    assert (tree.path / "runs.txt").read_text() == "\nother\n\n"
    assert 'tests="2"' in (tree.path / "report.xml").read_text()


def test_a_second_run_that_fails_says_why(tree: Tree) -> None:
    test = """
        import os
        def test_new(snapshot):
            assert not os.path.exists("ran")
            open("ran", "w").close()
            assert "new" == snapshot
        """
    tree.write({"tests/unit/test_new.py": test})
    outcome = tree.pytest(*OPTIONS, "tests/unit/test_new.py", "--snapshot-update")
    assert outcome.code == 1
    assert "a second run recorded no answer" in outcome.text
    assert "test_new - AssertionError" in outcome.text, outcome.text
    assert f"{KEPT}/test_new.ambr" not in snapshots(tree)


def test_dist_without_workers_updates(tree: Tree) -> None:
    tree.write({"pytest.ini": "[pytest]\naddopts = --dist=loadfile --import-mode=importlib\n"})
    assert tree.pytest("-psyrupy", "--snapshot-update").code == 0
    outcome = tree.pytest("-psyrupy", "--snapshot-update", "-n1")
    assert (outcome.code, "add -n0" in outcome.text) == (4, True)
