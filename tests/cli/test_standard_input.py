"""`tpgen check -` checks what an editor has not saved yet."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checking import repository, tpgen, write

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
EXCLUDED = '[[tool.tpgen.exclude]]\npath = "tests/**"\nreason = "not ours"\n'


def check(folder: Path, name: str, text: str, *options: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tpgen", "check", "-", "--stdin-filename", name, *options]
    said = subprocess.run(
        command, cwd=folder, input=text, text=True, capture_output=True, check=False
    )
    return said.returncode, said.stdout, said.stderr


def test_the_text_is_checked_and_not_the_file(tmp_path: Path) -> None:
    repository(tmp_path, {"tests/test_job.py": "def test_a(it):\n    assert it\n"})
    code, out, err = check(tmp_path, "tests/test_job.py", SLEEPS, "--select=TPG205")
    assert (code, err) == (1, "")
    assert out.startswith("tests/test_job.py:5:5: TPG205 ")
    assert out.endswith("1 error, 0 warnings, 0 notes; 1 file checked\n")
    assert check(tmp_path, "tests/test_new.py", SLEEPS)[0] == 1
    assert check(tmp_path / "tests", "test_new.py", SLEEPS)[1].startswith("test_new.py:5:5: ")


def test_a_clean_text_hides_what_the_file_has(tmp_path: Path) -> None:
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    said = check(tmp_path, "tests/test_job.py", "def test_a(it):\n    assert it\n")
    assert said == (0, "no findings; 1 file checked\n", "")


def test_settings_and_baseline_hold(tmp_path: Path) -> None:
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    tpgen(tmp_path, "check", "--write-baseline")
    assert check(tmp_path, "tests/test_job.py", SLEEPS)[0] == 0
    assert check(tmp_path, "tests/test_job.py", SLEEPS * 2)[0] == 1
    write(tmp_path, {"pyproject.toml": EXCLUDED})
    (tmp_path / "tpgen-baseline.json").unlink()
    said = check(tmp_path, "tests/test_job.py", SLEEPS * 2)
    assert said[:2] == (0, "no findings; 0 files checked; left out: tests/** (not ours): 1\n")


def test_in_a_service_of_several(tmp_path: Path) -> None:
    service = {"a/tests/policy/policy.toml": "", "a/.copier-answers.yml": "_commit: v1\n"}
    repository(tmp_path, {**service, "a/pyproject.toml": EXCLUDED})
    assert check(tmp_path, "a/tests/test_job.py", SLEEPS)[0] == 0
    assert check(tmp_path, "b/tests/test_job.py", SLEEPS)[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["-"],
        ["--stdin-filename", "tests/test_a.py"],
        ["-", "tests", "--stdin-filename", "tests/test_a.py"],
        ["-", "--fix", "--stdin-filename", "tests/test_a.py"],
        ["-", "--stdin-filename", "../test_a.py"],
    ],
)
def test_what_is_refused(arguments: list[str], tmp_path: Path) -> None:
    repository(tmp_path / "here", {"tests/test_a.py": SLEEPS})
    command = [sys.executable, "-m", "tpgen", "check", *arguments]
    said = subprocess.run(
        command, cwd=tmp_path / "here", input="", text=True, capture_output=True, check=False
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("tpgen: ")
