"""Several services in one repository: each is checked by its own policy, wherever one stands."""

import json
from pathlib import Path

import pytest

from tests.checking import Said, git, repository, tpgen

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
TEST = "tests/test_job.py"
PAGE = """\
from playwright.sync_api import Page


def test_opens(page: Page):
    page.goto("/")
    assert page.title()
"""
EXEMPT = '[[tool.tpgen.exclude]]\npath = "tests/test_job.py"\nreason = "not ours"\n'


def service(name: str, seconds: float = 1.0) -> dict[str, str]:
    """What makes a folder a service."""
    return {
        f"{name}/.copier-answers.yml": "_commit: v1.0.0\n",
        f"{name}/pyproject.toml": "",
        f"{name}/tests/policy/policy.toml": f"[slow]\nseconds = {seconds}\n",
    }


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with the services a and b, and a test that sleeps in each and beside them."""
    repository(
        tmp_path,
        {f"{place}{TEST}": SLEEPS for place in ("a/", "b/", "")},
        before=service("a") | service("b"),
    )
    return tmp_path


def found(said: Said) -> list[str]:
    """Place and code of each finding."""
    lines = [line for line in said.out.splitlines() if ": TPG" in line]
    return sorted(line.split(":")[0] + " " + line.split()[1] for line in lines)


def test_at_the_top_all_are_checked(top: Path) -> None:
    said = tpgen(top, "check")
    assert (said.code, said.err) == (1, "")
    assert found(said) == [f"{place}{TEST} TPG205" for place in ("a/", "b/", "")]


def test_files_that_a_hook_hands_over_go_to_their_service(top: Path) -> None:
    """pre-commit runs at the top, with the paths from there."""
    said = tpgen(top, "check", f"a/{TEST}", "a/tests/policy/policy.toml")
    assert (said.code, found(said)) == (1, [f"a/{TEST} TPG205"])


def test_each_has_its_own_settings_and_policy(top: Path) -> None:
    (top / "a/pyproject.toml").write_text(EXEMPT)
    (top / "b/tests/policy/policy.toml").write_text("[slow]\nseconds = 30.0\n")
    said = tpgen(top, "check", "--select", "TPG205,TPG501", "a", "b")
    assert found(said) == ["b/tests/policy/policy.toml TPG501", f"b/{TEST} TPG205"]


def test_in_a_service_the_others_are_left_alone(top: Path) -> None:
    """prek runs there, where it has a config of its own."""
    assert found(tpgen(top / "a", "check")) == [f"{TEST} TPG205"]
    assert found(tpgen(top / "a/tests", "check")) == ["test_job.py TPG205"]


def test_programs_get_paths_from_the_top(top: Path) -> None:
    said = json.loads(tpgen(top, "check", "--format", "json").out)
    assert [one["path"] for one in said["findings"]] == [f"a/{TEST}", f"b/{TEST}", TEST]


def test_a_mended_file_is_taken_back_in_its_service(top: Path) -> None:
    """And the command that does so is told."""
    opens = PAGE.encode()
    (top / "a/tests/test_page.py").write_bytes(opens)
    git(top, "add", "-A")
    said = tpgen(top, "check", "--select", "TPG304", "--fix")
    assert said.code == 0
    assert f"`tpgen undo` in {top / 'a'} reverts it" in said.err
    assert (top / "a/tests/test_page.py").read_bytes() != opens
    assert tpgen(top / "a", "undo").code == 0
    assert (top / "a/tests/test_page.py").read_bytes() == opens


def test_an_exemption_of_the_top_is_judged_by_the_files_of_the_top(top: Path) -> None:
    """A service has exemptions of its own; one of the top that covers nothing is reported."""
    until = "2000-01-01"
    table = f'rule = "TPG205"\npath = "a/**"\nreason = "x"\nissue = "#1"\nuntil = {until}\n'
    (top / "pyproject.toml").write_text(f"[[tool.tpgen.exemptions]]\n{table}")
    said = tpgen(top, "check", "--select", "TPG205")
    assert "the exemption of a/** from TPG205 covers nothing" in said.out


def test_each_has_a_baseline_of_its_own(top: Path) -> None:
    said = tpgen(top, "check", "--write-baseline")
    assert said.code == 0
    assert "wrote a/tpgen-baseline.json: 1 finding; commit it\n" in said.out
    assert tpgen(top, "check", "--select", "TPG205").code == 0
    assert tpgen(top / "a", "check", "--select", "TPG205").code == 0
