"""An SDK, for every kind of answer: clean, with what it needs and nothing of a service."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_copie.plugin import Copie

from tests.conftest import ROOT
from tests.rendering import Service, render
from tests.template.test_answers import copy, refusal
from tests.template.test_matrix import LONG, SHORT, assert_clean
from tests.template.test_workflows import BIN, content, run, zizmor

EXAMPLES = {"examples_repository": "acme/sdk-examples"}
COMBINATIONS = {
    "proposed": {},
    "examples": {**LONG, **EXAMPLES, "description": 200 * "x"},
    "index": {**SHORT, "engine_source": "index"},
}
# What only a service has a reason to say.
OF_A_SERVICE = re.compile(
    "postgres(?!ql)|sqlalchemy|alembic|fastapi|asyncpg|factories|factory.boy|syrupy|pipeline|vault|"
    "frontend|playwright|greenlet|tenant demo|make serve|migrat"
)
# The rules of gitleaks know passwords of databases, and the policy folder is that of services.
SHARED = (".gitleaks.toml", "vendor/", "tests/policy/README.md", ".github/secrets.sh")


@pytest.fixture(scope="session")
def folders(copie_session: Copie) -> dict[str, Path]:
    """An SDK for each combination of answers, which no test changes."""
    return {
        name: render(copie_session, project="sdk", **answers)
        for name, answers in COMBINATIONS.items()
    }


@pytest.fixture(scope="session")
def service_folder(copie_session: Copie) -> Path:
    """A service, to compare with."""
    return render(copie_session)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_is_linted_formatted_and_typed(
    name: str, folders: dict[str, Path], sdk: Service, tmp_path: Path
) -> None:
    # The linters leave caches.
    assert_clean(Service(folders[name], sdk.environment).copy(tmp_path / "sdk").path, sdk)


def test_has_nothing_of_a_service(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        files = [path for path in folder.rglob("*") if path.is_file()]
        for path in files:
            name = path.relative_to(folder).as_posix()
            if not name.startswith(SHARED):
                found = OF_A_SERVICE.findall(path.read_text().lower())
                assert found == [], (name, found)
        assert [path for path in folder.rglob("*") if path.is_symlink()] == []


def test_shares_files_with_the_service(folders: dict[str, Path], service_folder: Path) -> None:
    """They are links in the template, and files in the SDK."""
    same = [
        ".github/renovate.json",
        ".github/secrets.sh",
        ".github/workflows/comment.yml",
        ".gitignore",
        "codecov.yml",
        "tests/policy/README.md",
        "tests/policy/__init__.py",
    ]
    for name in same:
        assert (folders["proposed"] / name).read_text() == (service_folder / name).read_text(), name


def test_the_policy_has_the_numbers_of_the_services_and_no_postgres(
    folders: dict[str, Path], service_folder: Path
) -> None:
    file = Path("tests/policy/policy.toml")
    ours, theirs = (
        tomllib.loads((folder / file).read_text())
        for folder in (folders["proposed"], service_folder)
    )
    for table in ("slow", "time_limit", "coverage", "flaky", "engine", "personal_data"):
        assert ours[table] == theirs[table]
    assert "postgres" not in ours
    # Each value has its sentence.
    assert set(theirs["words"]) - set(ours["words"]) == {"postgres.image"}


WRONG = {
    "project=sdkk": 'project: "sdkk" must be service, sdk or examples',
    "vault=yes": 'there is no question "vault"; there are project, name, package',
    "base_url=api.acme.io": 'base_url: "api.acme.io" is not the address of a service',
    "base_url=https://api.acme.io/": 'base_url: "https://api.acme.io/" is not the address',
    "examples_repository=acme": 'examples_repository: "acme" must be empty, or OWNER/NAME',
}


def test_no_name_that_the_sdk_imports_is_free(sdk: Service) -> None:
    reserved = (ROOT / "questions/reserved.jinja").read_text()
    (site,) = (sdk.environment / "lib").glob("python*/site-packages")
    found = {path.name for path in site.iterdir() if (path / "__init__.py").exists()}
    names = {name for name in found if name.isidentifier() and name == name.lower()}
    assert "werkzeug" in names
    assert {name for name in names if name[0] != "_" and repr(name) not in reserved} == set()


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_gets_one_line_and_writes_nothing(answer: str, tmp_path: Path) -> None:
    assert WRONG[answer] in refusal(tmp_path / "copy", "--data", "project=sdk", "--data", answer)


def test_a_service_has_no_question_of_an_sdk(tmp_path: Path) -> None:
    done = copy(tmp_path / "service", "--data", "examples_repository=acme/examples")
    assert 'there is no question "examples_repository"' in done.stderr
    assert not (tmp_path / "service").exists()


def test_only_answers_of_an_sdk_are_kept(folders: dict[str, Path]) -> None:
    known = yaml.safe_load((folders["proposed"] / ".copier-answers.yml").read_text())
    assert {key for key in known if not key.startswith("_")} == {
        "api_prefix",
        "base_url",
        "description",
        "engine_source",
        "examples_repository",
        "key_prefix",
        "name",
        "package",
        "project",
    }


def test_the_question_of_an_sdk_has_a_default_a_help_line_and_a_check() -> None:
    for question in yaml.safe_load((ROOT / "questions/sdk.yml").read_text()).values():
        assert question["help"].endswith(")")
        assert {"default", "when", "validator"} <= set(question)


def jobs(folder: Path) -> dict[str, Any]:
    """The jobs of the workflow `tests`."""
    found: dict[str, Any] = content(folder / ".github/workflows/tests.yml")["jobs"]
    return found


def test_the_workflows_agree_with_their_schema(folders: dict[str, Path]) -> None:
    files = [path for folder in folders.values() for path in folder.glob(".github/workflows/*")]
    assert len(files) == 3 * len(folders)
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = run(BIN / "check-jsonschema", *schema, *files)
    assert done.returncode == 0, done.stdout
    assert zizmor(*folders.values()) == []


def test_the_examples_run_with_the_sdk_of_the_pull_request(folders: dict[str, Path]) -> None:
    assert set(jobs(folders["proposed"])) == {"checks", "tests", "last-release"}
    job = jobs(folders["examples"])["examples"]
    assert job["permissions"] == {"contents": "read"}
    checkouts = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [each.get("repository") for each in checkouts] == [None, "acme/sdk-examples"]
    commands = "\n".join(step.get("run", "") for step in job["steps"])
    assert f"--reinstall-package {LONG['package'].replace('_', '-')} ../dist/*.whl" in commands
    # `uv run` alone would install the pinned one again.
    assert "uv run --no-sync pytest" in commands


def test_the_last_release_has_its_tags(folders: dict[str, Path]) -> None:
    job = jobs(folders["proposed"])["last-release"]
    assert job["steps"][0]["with"]["fetch-depth"] == "0"
    assert job["steps"][-1]["run"] == "make last-release"
    makefile = (folders["proposed"] / "Makefile").read_text()
    assert "--hook-stage manual tpgen-last-release" in makefile
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    [hook] = [hook for hook in hooks if hook["id"] == "tpgen-last-release"]
    assert hook["entry"] == "tpgen sdk --last-release"
    config = content(folders["proposed"] / ".pre-commit-config.yaml")
    assert "tpgen-last-release" in str(config)
