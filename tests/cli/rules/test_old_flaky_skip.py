"""TPG202: the age of a skip, in real repositories."""

import subprocess
from pathlib import Path

import pytest
from tpgen.check import project

from tests.checking import check, findings, git, repository

SKIP = '@pytest.mark.skip(reason="flaky, see #12")\n'
TEST = "def test_a():\n    assert work() == 1\n"
OLD = {"tests/test_a.py": f"import pytest\n\n\n{SKIP}{TEST}"}
INDENTED = "".join(f"    {line}\n" for line in (SKIP + TEST).splitlines())
LONGER = '@pytest.mark.skip(\n    reason=(\n        "flaky, see #12"\n    ),\n)\n'
CHANGES = {
    "as it was": OLD,
    "in a class": {"tests/test_a.py": f"import pytest\n\n\nclass TestA:\n{INDENTED}"},
    "several lines": {"tests/test_a.py": f"import pytest\n\n\n{LONGER}{TEST}"},
    "other words": {"tests/test_a.py": OLD["tests/test_a.py"].replace("flaky,", "is unstable,")},
    "another file": {"tests/test_a.py": "", "tests/b/test_b.py": OLD["tests/test_a.py"]},
}


@pytest.mark.parametrize("tree", CHANGES.values(), ids=CHANGES)
def test_a_skip_keeps_its_age(tmp_path: Path, tree: dict[str, str]) -> None:
    """Moving, indenting, formatting and wording it anew make it no younger."""
    found = findings(tmp_path, tree, select="TPG202", before=OLD, days_ago=15)
    assert [one.split()[1] for one in found] == ["TPG202"]


def test_a_skip_has_two_weeks(tmp_path: Path) -> None:
    """At 13 days it may still stand."""
    assert findings(tmp_path, OLD, select="TPG202", before=OLD, days_ago=13) == []


def test_a_new_skip_of_an_old_test_is_new(tmp_path: Path) -> None:
    """Also where another test was skipped with the same words."""
    before = {"tests/test_a.py": OLD["tests/test_a.py"], "tests/test_b.py": TEST}
    tree = {"tests/test_b.py": f"import pytest\n\n\n{SKIP}{TEST}"}
    found = findings(tmp_path, tree, select="TPG202", before=before, days_ago=20)
    assert found == ["tests/test_a.py:4:2 TPG202"]


def test_a_renamed_file_keeps_the_age(tmp_path: Path) -> None:
    """By `git mv`, with the change committed today."""
    repository(tmp_path, before=OLD, days_ago=30)
    git(tmp_path, "mv", "tests/test_a.py", "tests/test_new.py")
    git(tmp_path, "commit", "-qm", "renamed")
    assert [one.path for one in check(project.find(tmp_path, []), "TPG202")] == [
        "tests/test_new.py"
    ]


def test_a_shallow_clone_gets_a_note(tmp_path: Path) -> None:
    """What can't be told is said, and fails nothing."""
    repository(tmp_path / "full", before=OLD, days_ago=30)
    git(tmp_path / "full", "commit", "-qm", "touched", "--allow-empty")
    (tmp_path / "full/tests/test_a.py").write_text(OLD["tests/test_a.py"].replace("#12", "#13"))
    git(tmp_path / "full", "commit", "-qam", "worded")
    address = (tmp_path / "full").as_uri()
    command = ["git", "clone", "-q", "--depth=1", address, str(tmp_path / "shallow")]
    subprocess.run(command, check=True)
    found = check(project.find(tmp_path / "shallow", []), "TPG202")
    assert [one.level for one in found] == ["note"]
    assert "fetch-depth: 0" in found[0].message
