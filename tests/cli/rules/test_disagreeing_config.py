"""TPG502: each configuration of a rendered service, and what makes it disagree."""

import re
from pathlib import Path

import pytest
from tpgen.check import project
from tpgen.check.rule import tree
from tpgen.rules import disagreeing_config

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
    "no plugin": ("pyproject.toml", r'required_plugins = \["pytest-tpgen"\]\n', "", "pytest-tpgen"),
    "no gitleaks": (".pre-commit-config.yaml", r"- id: gitleaks", "- id: other", "hook gitleaks"),
    "no check": (".pre-commit-config.yaml", r"- id: tpgen-check", "- id: other", "tpgen-check"),
    "no tests": (".pre-commit-config.yaml", r"uv run --locked pytest -m", "echo -m", "fast tests"),
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
def test_the_command_that_is_said_brings_back_what_is_gone(service: Service, path: str) -> None:
    """`copier update` would not: it leaves alone what somebody removed."""
    repository(service.path)
    before = (service.path / path).read_bytes()
    git(service.path, "rm", "--quiet", path)
    git(service.path, "commit", "--quiet", "-m", "gone")
    (fault,) = faults(service)
    assert f"{path} is gone" in fault
    command = re.search(r"`git (.*)`", fault)
    assert command
    git(service.path, *command[1].split())
    assert (service.path / path).read_bytes() == before
    assert faults(service) == []


def test_the_number_is_the_policys(service: Service) -> None:
    """A policy that asks for more makes the rest disagree."""
    service.replace("tests/policy/policy.toml", "new_code = 85", "new_code = 90")
    assert [one.partition(" ")[0].partition(":")[0] for one in faults(service)] == ["codecov.yml"]


def test_what_renovate_leaves_of_a_refused_update_is_found(tmp_path: Path) -> None:
    """Merged, it would be the last that Renovate offers this service."""
    text = "_commit: v1.0.0\n#copier updated\n"
    found = findings(
        tmp_path, {**tree(disagreeing_config.RULE.good), ".copier-answers.yml": text}, select=CODE
    )
    assert found == [f".copier-answers.yml:2:1 {CODE}"]
