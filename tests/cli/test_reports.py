"""Findings as the command prints them, with and without a terminal."""

import os
import sys
from pathlib import Path

import pexpect
import pytest

from tests.checking import repository, tpgen

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
        ({"FORCE_COLOR": "", "NO_COLOR": ""}, False),
    ],
)
def test_when_no_terminal_reads_it(
    variables: dict[str, str], coloured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"TERM": "xterm", "GITHUB_ACTIONS": ""} | variables).items():
        monkeypatch.setenv(name, value)
    repository(tmp_path, {"tests/test_a.py": SLEEPS})
    assert ("\033[" in tpgen(tmp_path, "check", "--select=TPG205").out) == coloured


@pytest.mark.parametrize(("variables", "coloured"), [("", True), ("NO_COLOR=1 ", False)])
def test_on_a_terminal(variables: str, coloured: bool, tmp_path: Path) -> None:
    """A real one."""
    repository(tmp_path, {"tests/test_a.py": SLEEPS})
    env = {key: value for key, value in os.environ.items() if key not in ("CI", "GITHUB_ACTIONS")}
    ours = f"{sys.executable} -m tpgen check --select TPG205"
    command = f"env -u NO_COLOR -u FORCE_COLOR TERM=xterm {variables}{ours}"
    out = pexpect.run(command, cwd=str(tmp_path), env=env, encoding="utf-8")
    assert "TPG205" in str(out)
    assert ("\033[" in str(out)) == coloured


def test_in_a_workflow_of_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The format is GitHub's by itself, and the text is added to what other steps wrote."""
    repository(tmp_path, {"tests/test_a.py": SLEEPS})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    (tmp_path / "summary").write_text("before\n")
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert (said.code, said.out[:8], said.err) == (1, "::error ", "")
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith("before\n<pre>\ntests/test_a.py:5:5: TPG205 ")
    assert summary.endswith("</pre>\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert (said.code, "the summary can't be written" in said.err) == (1, True)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert tpgen(tmp_path, "check", "--select=TPG205", "--format=text").out[:6] == "tests/"


def test_a_report_is_no_finding(tmp_path: Path) -> None:
    """A file of ours that lies in the project holds no key and no dump of an example."""
    repository(tmp_path, {"tests/test_a.py": "def test_a(it):\n    assert it\n"})
    for form in ("text", "json", "sarif", "github"):
        (tmp_path / f"report.{form}").write_text(tpgen(tmp_path, "check", "--format", form).out)
    said = tpgen(tmp_path, "check", "--format=text")
    assert (said.code, said.out) == (0, "no findings; 5 files checked\n")
