"""TPG502: each configuration of a rendered service, and what makes it disagree."""

import re
from pathlib import Path

import pytest
from tpgen.check import project
from tpgen.rules.disagreeing_config import GOOD as GOOD_TREE

from tests.checking import check, findings, git, repository
from tests.rendering import Service

CODE = "TPG502"
EDITS = {
    "lower target": ("codecov.yml", r"target: 85%", "target: 60%", "target of a patch"),
    "larger drop": ("codecov.yml", r"threshold: 2%", "threshold: 20%", "drop"),
    "informational": (
        "codecov.yml",
        r"( +)target: 85%",
        r"\1target: 85%\n\1informational: true",
        "blocks nothing",
    ),
    "no ban": ("pyproject.toml", r'"unittest.mock".msg.*\n', "", "does not ban unittest.mock"),
    "not selected": ("pyproject.toml", r'"TID", ', "", "does not select TID251"),
    "ignored": (
        "pyproject.toml",
        r'"tests/\*\*" = \["RUF012"\]',
        '"tests/**" = ["RUF012", "TID251"]',
        "ignores TID251",
    ),
    "no plugin": ("pyproject.toml", r'required_plugins = \["pytest-tpgen"\]\n', "", "pytest-tpgen"),
    "no gitleaks": (".pre-commit-config.yaml", r"- id: gitleaks", "- id: other", "hook gitleaks"),
    "no check": (".pre-commit-config.yaml", r"- id: tpgen-check", "- id: other", "tpgen-check"),
    "no tests": (".pre-commit-config.yaml", r"uv run --locked pytest -m", "echo -m", "fast tests"),
    "forks": (
        ".github/workflows/tests.yml",
        r"pull_request:",
        "pull_request_target:",
        "fork",
    ),
    "no YAML": ("codecov.yml", r"coverage:", "coverage: [", "can't be read"),
}


def faults(service: Service) -> list[str]:
    return [f"{one.path}:{one.line} {one.message}" for one in check(found(service), CODE)]


def found(service: Service) -> project.Project:
    return project.find(service.path, [])


def test_a_fresh_copy_agrees(service: Service) -> None:
    repository(service.path)
    assert faults(service) == []


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_disagrees(service: Service, edit: str) -> None:
    path, old, new, said = EDITS[edit]
    text = (service.path / path).read_text()
    assert re.search(old, text), f"{path} has no {old}"
    (service.path / path).write_text(re.sub(old, new, text))
    assert [one for one in faults(service) if one.startswith(path) and said in one], faults(service)


@pytest.mark.parametrize("path", ["codecov.yml", ".pre-commit-config.yaml"])
def test_a_file_that_is_gone_is_a_finding(service: Service, path: str) -> None:
    (service.path / path).unlink()
    assert [one for one in faults(service) if f"{path} is gone" in one]


def test_the_command_that_is_said_brings_back_what_is_gone(service: Service) -> None:
    """`copier update` would not: it leaves alone what somebody removed."""
    repository(service.path)
    before = (service.path / "codecov.yml").read_bytes()
    git(service.path, "rm", "--quiet", "codecov.yml")
    git(service.path, "commit", "--quiet", "-m", "gone")
    (fault,) = faults(service)
    command = re.search(r"`git (.*)`", fault)
    assert command
    git(service.path, *command[1].split())
    assert (service.path / "codecov.yml").read_bytes() == before
    assert faults(service) == []


def test_the_command_that_is_said_shows_what_was_edited(service: Service) -> None:
    repository(service.path)
    service.replace("codecov.yml", "threshold: 2%", "threshold: 20%")
    (fault,) = faults(service)
    command = re.search(r"`git (.*)`", fault)
    assert command
    assert "+        threshold: 20%" in git(service.path, *command[1].split())


def test_no_command_is_said_where_nothing_was_edited(service: Service) -> None:
    """The file disagrees since the template last wrote it: a diff would be empty."""
    service.replace("codecov.yml", "threshold: 2%", "threshold: 20%")
    project = repository(service.path)
    (fault,) = [one.message for one in check(project, CODE)]
    assert fault == "the coverage may drop by other than 2%"


def test_the_number_is_the_policys(service: Service) -> None:
    """A policy that asks for more makes the rest disagree."""
    service.replace("tests/policy/policy.toml", "new_code = 85", "new_code = 90")
    assert [one.partition(" ")[0].partition(":")[0] for one in faults(service)] == ["codecov.yml"]


def test_what_renovate_leaves_of_a_refused_update_is_found(tmp_path: Path) -> None:
    """Merged, it would be the last that Renovate offers this service."""
    text = "_commit: v1.0.0\n#copier updated\n"
    found = findings(tmp_path, {**GOOD_TREE, ".copier-answers.yml": text}, select=CODE)
    assert found == [f".copier-answers.yml:2:1 {CODE}"]
