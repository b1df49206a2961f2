"""What CI receives is valid, asks for nothing it does not need, and says the policy's numbers."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader
from pytest_copie.plugin import Copie

from tests.conftest import ROOT
from tests.hooks import once
from tests.rendering import render
from tests.template.test_matrix import COMBINATIONS, label

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def folders(copie_session: Copie, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A rendered service for every combination of parts; the workers share them."""

    def make(folder: Path) -> None:
        for answers in COMBINATIONS:
            shutil.copytree(render(copie_session, **answers), folder / label(answers))

    folder = once(tmp_path_factory, "combinations", make)
    return {label(answers): folder / label(answers) for answers in COMBINATIONS}


def workflows(folder: Path) -> list[Path]:
    """The workflows of a service."""
    found = sorted((folder / ".github/workflows").iterdir())
    assert [path.name for path in found] == ["comment.yml", "nightly.yml", "tests.yml"]
    return found


def run(*command: object) -> "subprocess.CompletedProcess[str]":
    """Run a tool of our environment."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def content(path: Path) -> Any:
    """What a YAML file says."""
    return yaml.load(path.read_text(), yaml.BaseLoader)


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [("vendor.github-workflows", ".github/workflows/*.yml"), ("vendor.codecov", "codecov.yml")],
)
def test_agrees_with_its_schema(schema: str, pattern: str, folders: dict[str, Path]) -> None:
    """The schemas are those that check-jsonschema brings."""
    files = [path for folder in folders.values() for path in folder.glob(pattern)]
    assert len(files) >= len(folders)
    done = run(BIN / "check-jsonschema", "--builtin-schema", schema, *files)
    assert done.returncode == 0, done.stdout


def test_the_schema_refuses_what_is_wrong(folders: dict[str, Path], tmp_path: Path) -> None:
    """So the test above can fail."""
    text = (folders["neither"] / "codecov.yml").read_text()
    (tmp_path / "codecov.yml").write_text(text.replace("status:", "status: [1]\n  statuses:"))
    schema = "vendor.codecov"
    done = run(BIN / "check-jsonschema", "--builtin-schema", schema, tmp_path / "codecov.yml")
    assert done.returncode == 1, done.stdout


def zizmor(*folders: Path) -> list[dict[str, Any]]:
    """What zizmor finds in the workflows there, at its most pedantic."""
    places = [folder / ".github" for folder in folders]
    options = ("--offline", "--quiet", "--persona=pedantic", "--format=json", "--no-exit-codes")
    done = run(BIN / "zizmor", *options, *places)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_zizmor_finds_nothing(folders: dict[str, Path]) -> None:
    assert [(one["ident"], one["desc"]) for one in zizmor(*folders.values())] == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  pull_request:", "  pull_request_target:", "dangerous-triggers"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        (r"\n +persist-credentials: false", "", "artipacked"),
        (r"@[0-9a-f]{40} # v[0-9.]+", "@v1", "unpinned-uses"),
    ],
)
def test_zizmor_finds_a_workflow_that_was_loosened(
    old: str, new: str, fault: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    """So the test above can fail."""
    text = (folders["neither"] / ".github/workflows/tests.yml").read_text()
    loosened = tmp_path / ".github/workflows/tests.yml"
    loosened.parent.mkdir(parents=True)
    loosened.write_text(re.sub(old, new, text, count=1))
    assert fault in {one["ident"] for one in zizmor(tmp_path)}


@pytest.fixture(scope="session")
def language_service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with GitHub's own language service for workflows, from npm."""
    folder = tmp_path_factory.mktemp("workflow_lint") / "installed"
    shutil.copytree(ROOT / "tests/workflow_lint", folder)
    # A registry that knows no audits lets npm ask for two minutes.
    options = ("--silent", "--ignore-scripts", "--no-audit", "--no-fund")
    done = run(BIN / "npm", "ci", *options, "--prefix", folder)
    assert done.returncode == 0, done.stderr
    return folder


def linted(language_service: Path, *files: Path) -> list[str]:
    """What GitHub's language service says of these workflows."""
    done = run(BIN / "node", language_service / "lint.mjs", *files)
    assert done.returncode == 0, done.stderr
    messages: list[str] = json.loads(done.stdout)
    return messages


def test_github_understands_the_workflows(language_service: Path, folders: dict[str, Path]) -> None:
    assert linted(language_service, *(p for f in folders.values() for p in workflows(f))) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("github.sha", "githab.sha", "Unrecognized named-value: 'githab'"),
        ("github.sha ", "github.shaa ", "Context access might be invalid: shaa"),
    ],
)
def test_github_does_not_understand_a_misspelt_variable(
    old: str,
    new: str,
    message: str,
    language_service: Path,
    folders: dict[str, Path],
    tmp_path: Path,
) -> None:
    """So the test above can fail."""
    text = (folders["neither"] / ".github/workflows/tests.yml").read_text()
    assert old in text
    (tmp_path / "tests.yml").write_text(text.replace(old, new, 1))
    assert linted(language_service, tmp_path / "tests.yml") == [message]


@pytest.mark.parametrize("parts", [label(answers) for answers in COMBINATIONS])
def test_no_secret_reaches_a_fork(parts: str, folders: dict[str, Path]) -> None:
    """On a pull request one step has a secret, the upload; all others are the environment's."""
    comment, nightly, tests = workflows(folders[parts])
    assert "secrets." not in comment.read_text()
    triggers = content(tests)["on"]
    assert set(triggers) == {"pull_request", "merge_group", "push"}
    assert re.findall(r"secrets\.\w+", tests.read_text()) == ["secrets.CODECOV_TOKEN"]
    steps = [step for job in content(tests)["jobs"].values() for step in job["steps"]]
    (upload,) = (step for step in steps if "secrets." in str(step))
    assert upload["uses"].startswith("codecov/codecov-action@")
    assert set(content(nightly)["on"]) == {"schedule", "workflow_dispatch"}
    assert {job["environment"] for job in content(nightly)["jobs"].values()} == {"staging"}


def test_each_commit_of_main_is_judged(folders: dict[str, Path]) -> None:
    """Runs of one group cancel each other, also those that wait."""
    concurrency = content(workflows(folders["neither"])[2])["concurrency"]
    assert concurrency == {
        "group": "tests-${{ github.event.pull_request.number || github.sha }}",
        "cancel-in-progress": "true",
    }


def test_the_nightly_run_of_a_service_without_an_upstream(folders: dict[str, Path]) -> None:
    job = content(workflows(folders["neither"])[1])["jobs"]["contract"]
    (step,) = (step for step in job["steps"] if "tests/contract" in step.get("run", ""))
    pattern = re.fullmatch(r"\$\{\{ hashFiles\('(.+)'\) != '' \}\}", step["if"])
    assert pattern
    assert [*folders["neither"].glob(pattern[1])]


@pytest.mark.parametrize("parts", [label(answers) for answers in COMBINATIONS])
def test_every_job_may_only_read_and_has_an_end(parts: str, folders: dict[str, Path]) -> None:
    for path in workflows(folders[parts]):
        workflow = content(path)
        assert workflow["permissions"] == {}
        more = {"actions": "read", "pull-requests": "write"} if path.name == "comment.yml" else {}
        for job in workflow["jobs"].values():
            assert job["permissions"] == {"contents": "read", **more}
            assert 0 < int(job["timeout-minutes"]) <= 20


def test_e2e_runs_where_there_is_a_page(folders: dict[str, Path]) -> None:
    for parts, folder in folders.items():
        jobs = content(workflows(folder)[1])["jobs"]
        assert set(jobs) == ({"contract", "e2e"} if "frontend" in parts else {"contract"})


def test_the_numbers_are_those_of_the_policy(folders: dict[str, Path]) -> None:
    """They stand in one file of ours, and reach the service's policy and codecov.yml."""
    ours = yaml.safe_load((ROOT / "questions/policy.yml").read_text())["policy"]["default"]
    folder = folders["neither"]
    policy = tomllib.loads((folder / "tests/policy/policy.toml").read_text())
    assert policy["coverage"] == {"new_code": ours["new_code"], "drop": ours["drop"]}
    flaky = {name: ours[f"flaky_{name}"] for name in ("days", "reruns", "tests")}
    assert policy["flaky"] == flaky
    status = content(folder / "codecov.yml")["coverage"]["status"]
    said = (status["patch"]["default"]["target"], status["project"]["default"]["threshold"])
    assert said == (f"{ours['new_code']}%", f"{ours['drop']}%") == ("85%", "2%")
    assert status["project"]["default"]["target"] == "auto"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gh:org/tpl", "https://github.com/org/tpl.git"),
        ("gl:org/tpl.git", "https://gitlab.com/org/tpl.git"),
        ("git+https://git.example/tpl", "https://git.example/tpl"),
        ("git@git.example:org/tpl.git", "git@git.example:org/tpl.git"),
        ("/srv/tpl", "/srv/tpl"),
        ("../tpl", "local"),
    ],
)
def test_tpgen_comes_from_the_template(written: str, meant: str) -> None:
    """Copier's ways to write an address are not git's; a relative path is nobody else's."""
    assert tpgens_repository({"_src_path": written, "_commit": "v1.2.3"}) == meant


def test_tpgen_is_a_local_command_where_the_template_has_no_version() -> None:
    assert tpgens_repository({"_src_path": "/srv/tpl"}) == "local"


def test_what_ci_runs_is_there(folders: dict[str, Path]) -> None:
    """Each `make` and each hook that a workflow names; make and prek would fail only there."""
    folder = folders["neither"]
    makefile = (folder / "Makefile").read_text()
    config = content(folder / ".pre-commit-config.yaml")
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    known = {hook["id"] for hook in hooks} | {hook.get("alias") for hook in hooks}
    texts = [path.read_text() for path in workflows(folder)]
    text = "".join(texts)
    targets = re.findall(r"run: make (\w+)", text)
    assert targets == ["check", "secrets", "lint"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    named = re.findall(r"--hook-stage manual (\S+)", makefile + text)
    (skipped,) = re.findall(r"SKIP: (\S+)", text)
    own = {"tpgen-check-all", "tpgen-census", "tpgen-gate-run", "tpgen-gate-show"}
    assert set(named) == own | {"gitleaks-all"}
    assert {*named, *skipped.split(",")} <= known
    for name in named:  # prek runs each hook with this id or alias
        assert sum(name in (hook["id"], hook.get("alias")) for hook in hooks) == 1, name


def tpgens_repository(answers: Mapping[str, str]) -> str:
    """The `repo:` of the hook tpgen-check, where Copier recorded these answers."""
    environment = Environment(
        loader=FileSystemLoader(ROOT),
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
    )
    text = environment.get_template("template/service/.pre-commit-config.yaml.jinja")
    conf = {"vcs_ref_hash": 40 * "0" if "_commit" in answers else None}
    known = {"_copier_answers": answers, "_copier_conf": conf, "policy": {"ruff": "1"}}
    rendered = text.render(known)
    repos = yaml.safe_load(rendered)["repos"]
    (found,) = (r for r in repos if any(hook["id"] == "tpgen-check" for hook in r["hooks"]))
    assert found.get("rev") == (None if found["repo"] == "local" else answers["_commit"])
    return str(found["repo"])
