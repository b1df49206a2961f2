"""The baseline: the findings of the day when a project adopts the policy; only new ones fail."""

import json
from pathlib import Path

import pytest
from tpgen.check import registry
from tpgen.check.rule import tree

from tests.checking import git, repository, tpgen, write

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
IN_A_CLASS = """\
import time


class TestJob:
    def test_waits(self, job):
        if job:
            time.sleep(1)
            time.sleep(2)
        assert job
"""
PATH = "tests/test_job.py"
COVERED = "no findings; 2 files checked; in the baseline: "


def adopted(root: Path, text: str = SLEEPS) -> Path:
    """A project with a baseline of what is in its one test file."""
    repository(root, {PATH: text})
    said = tpgen(root, "check", "--write-baseline")
    assert (said.code, said.err) == (0, ""), said
    git(root, "add", "-A")
    return root


def entries(root: Path) -> list[list[object]]:
    content = json.loads((root / "tpgen-baseline.json").read_text())
    assert content["version"] == 1
    return [[*entry.values()] for entry in content["findings"]]


def test_what_is_known_does_not_fail(tmp_path: Path) -> None:
    adopted(tmp_path, IN_A_CLASS)
    assert entries(tmp_path) == [[PATH, "TPG205", "TestJob.test_waits", 2]]
    said = tpgen(tmp_path, "check")
    assert (said.code, said.out) == (0, f"{COVERED}2 findings\n")


def test_lines_may_move(tmp_path: Path) -> None:
    adopted(tmp_path)
    write(tmp_path, {PATH: "# moved\n\n\n" + SLEEPS})
    assert tpgen(tmp_path, "check").out == f"{COVERED}1 finding\n"


NEW = {
    "one more in the same test": SLEEPS.replace("    assert", "    time.sleep(2)\n    assert"),
    "the same in another test": SLEEPS
    + "\n\ndef test_more(job):\n    time.sleep(1)\n    assert job\n",
    "another rule in the same test": SLEEPS.replace("    assert", "    import mock\n    assert"),
}


@pytest.mark.parametrize("what", NEW)
def test_what_is_new_fails(what: str, tmp_path: Path) -> None:
    adopted(tmp_path)
    write(tmp_path, {PATH: NEW[what]})
    said = tpgen(tmp_path, "check")
    assert said.code == 1
    assert said.out.splitlines()[-1].startswith("1 error, ")


def test_a_symbol_is_not_its_module(tmp_path: Path) -> None:
    inside = "def test_a(it):\n    import mock\n\n    assert it\n"
    adopted(tmp_path, inside)
    assert tpgen(tmp_path, "check").code == 0
    write(tmp_path, {PATH: "import mock\n\n\n" + inside})
    said = tpgen(tmp_path, "check", "--select=TPG101")
    assert said.out.startswith(f"{PATH}:1:")
    assert said.out.splitlines()[-1].startswith("1 error, ")


def test_a_new_file_is_never_covered(tmp_path: Path) -> None:
    """Neither a copy, nor the same file under another name."""
    adopted(tmp_path)
    (tmp_path / PATH).rename(tmp_path / "tests/test_other.py")
    said = tpgen(tmp_path, "check")
    assert said.code == 1
    assert "tests/test_other.py:5:5: TPG205 " in said.out


def test_an_entry_without_a_finding_is_reported(tmp_path: Path) -> None:
    """With the command that removes it; a change that fixes a finding does not fail."""
    adopted(tmp_path, IN_A_CLASS)
    write(tmp_path, {PATH: IN_A_CLASS.replace("            time.sleep(2)\n", "")})
    said = tpgen(tmp_path, "check")
    assert said.code == 0
    assert said.out.startswith(
        "tpgen-baseline.json:1:1: TPG003 warning: 1 of the findings of TPG205 in "
        f"{PATH}: TestJob.test_waits no longer exist: `tpgen check --write-baseline`"
    )
    assert "TPG003" not in tpgen(tmp_path, "check", "--select=TPG1").out
    (tmp_path / PATH).unlink()
    assert "2 of the findings of TPG205" in tpgen(tmp_path, "check").out
    assert tpgen(tmp_path, "check", "--write-baseline").code == 0
    assert entries(tmp_path) == []


def test_of_some_files_only_their_entries_are_judged(tmp_path: Path) -> None:
    adopted(tmp_path)
    write(tmp_path, {"tests/test_b.py": "def test_b(it):\n    assert it\n"})
    assert tpgen(tmp_path, "check", "tests/test_b.py").out == "no findings; 1 file checked\n"
    write(tmp_path, {PATH: "def test_waits(job):\n    assert job\n"})
    assert "TPG003" in tpgen(tmp_path, "check", PATH).out


def test_other_findings_than_in_python(tmp_path: Path) -> None:
    """A syntax error and a dump have no symbol around them."""
    dump = tree(registry.find("database-dump").bad)
    repository(tmp_path, {PATH: "import time\ntime.sleep(1)\ndef (\n", **dump})
    assert tpgen(tmp_path, "check").code == 1
    tpgen(tmp_path, "check", "--write-baseline")
    assert {(path, symbol) for path, _code, symbol, _count in entries(tmp_path)} == {
        (path, "") for path in (PATH, *dump)
    }
    assert tpgen(tmp_path, "check").code == 0


def test_what_is_exempt_is_not_recorded(tmp_path: Path) -> None:
    adopted(tmp_path)
    exempt = f'rule = "TPG205"\npath = "{PATH}"\nreason = "x"\nissue = "#1"\nuntil = 2999-01-01\n'
    until = tpgen(tmp_path, "exemptions").out
    assert until == "tpgen-baseline.json: 1 findings\n"
    write(tmp_path, {"pyproject.toml": f"[[tool.tpgen.exemptions]]\n{exempt}"})
    assert tpgen(tmp_path, "check", "--write-baseline").code == 2


def test_the_file_is_one_line_for_each_entry(tmp_path: Path) -> None:
    """Sorted, so that git merges it and a review reads it; `tpgen undo` removes it."""
    repository(tmp_path, {"tests/test_b.py": SLEEPS, "tests/test_a.py": SLEEPS})
    assert tpgen(tmp_path, "check", "--write-baseline").out == (
        "wrote tpgen-baseline.json: 2 findings; commit it\n"
    )
    assert (tmp_path / "tpgen-baseline.json").read_text().splitlines()[3:-2] == [
        '    {"path": "tests/test_a.py", "rule": "TPG205", "symbol": "test_waits", "count": 1},',
        '    {"path": "tests/test_b.py", "rule": "TPG205", "symbol": "test_waits", "count": 1}',
    ]
    assert tpgen(tmp_path, "undo").code == 0
    assert not (tmp_path / "tpgen-baseline.json").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}', "<<<<<<<"],
)
def test_a_broken_baseline(text: str, tmp_path: Path) -> None:
    """Nothing is checked as if there were none; the message says how to write another."""
    adopted(tmp_path)
    write(tmp_path, {"tpgen-baseline.json": text})
    said = tpgen(tmp_path, "check")
    assert (said.code, said.out) == (2, "")
    assert "tpgen-baseline.json can't be read" in said.err
    assert "`tpgen check --write-baseline` writes it" in said.err
    assert tpgen(tmp_path, "check", "--write-baseline").code == 0


@pytest.mark.parametrize("more", [["tests"], ["--select=TPG1"], ["--ignore=TPG1"], ["--fix"]])
def test_it_records_the_whole(more: list[str], tmp_path: Path) -> None:
    """Of a part, it would drop what is known of the rest."""
    adopted(tmp_path)
    said = tpgen(tmp_path, "check", "--write-baseline", *more)
    assert (said.code, "leave out paths" in said.err) == (2, True)
