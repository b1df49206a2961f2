"""The examples of an SDK, for every kind of answer: clean, pinned, and found where they say."""

import tomllib
from pathlib import Path

import pytest
import yaml
from pytest_copie.plugin import Copie

from tests.conftest import ROOT
from tests.rendering import Service, render
from tests.template.test_answers import refusal
from tests.template.test_matrix import LONG, SHORT
from tests.template.test_sdk import OF_A_SERVICE, SHARED
from tests.template.test_workflows import BIN, content, run, zizmor

GIT = "https://git.example.com/acme/sdk.git"
COMBINATIONS = {
    "proposed": {},
    "wheel": {**LONG, "sdk_source": "wheel", "sdk_version": "10.20.30rc1"},
    "git": {**SHORT, "engine_source": "index", "sdk_source": GIT},
}


@pytest.fixture(scope="session")
def folders(copie_session: Copie) -> dict[str, Path]:
    """Examples for each combination of answers, which no test changes."""
    return {
        name: render(copie_session, project="examples", **answers)
        for name, answers in COMBINATIONS.items()
    }


@pytest.mark.parametrize("name", ["proposed", "wheel"])
def test_are_linted_formatted_and_typed(
    name: str, folders: dict[str, Path], sdk: Service, tmp_path: Path, copie_session: Copie
) -> None:
    answers = {key: COMBINATIONS[name][key] for key in LONG if key in COMBINATIONS[name]}
    source = render(copie_session, project="sdk", **answers) / "src"
    own = Service(folders[name], sdk.environment).copy(tmp_path / "examples")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = own.run(*command, MYPYPATH=str(source))
        assert done.code == 0, done.text


def test_have_nothing_of_a_service(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert not (folder / "src").exists()
        for path in (path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if not name.startswith(SHARED):
                assert OF_A_SERVICE.findall(path.read_text().lower()) == [], name


@pytest.mark.parametrize(
    ("name", "pin", "source"),
    [
        ("proposed", "gateway-sdk==0.1.0", None),
        (
            "wheel",
            "a-package-with-as-long-a-name1==10.20.30rc1",
            {"path": "vendor/a_package_with_as_long_a_name1-10.20.30rc1-py3-none-any.whl"},
        ),
        ("git", "x==0.1.0", {"git": GIT, "tag": "v0.1.0"}),
    ],
)
def test_the_sdk_is_pinned(
    name: str, pin: str, source: dict[str, str] | None, folders: dict[str, Path]
) -> None:
    project = tomllib.loads((folders[name] / "pyproject.toml").read_text())
    assert project["project"]["dependencies"] == [pin]
    sources = project["tool"]["uv"].get("sources", {})
    assert sources.get(pin.partition("==")[0]) == source
    assert ("pytest-tpgen" in sources) == (name != "git")


WRONG = {
    "sdk_source=pypi": 'sdk_source: "pypi" must be index, wheel, or an address',
    "package=sdk_": 'package: "sdk_" must not end with _',
}


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_gets_one_line_and_writes_nothing(answer: str, tmp_path: Path) -> None:
    assert WRONG[answer] in refusal(
        tmp_path / "copy", "--data", "project=examples", "--data", answer
    )


def test_the_workflows_agree_with_their_schema(folders: dict[str, Path]) -> None:
    files = [path for folder in folders.values() for path in folder.glob(".github/workflows/*")]
    assert {path.name for path in files} == {"tests.yml", "comment.yml"}
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    assert done.returncode == 0, done.stdout
    assert zizmor(*folders.values()) == []
    jobs = content(folders["proposed"] / ".github/workflows/tests.yml")["jobs"]
    assert set(jobs) == {"checks", "tests"}


def test_the_questions_have_a_default_a_help_line_and_a_check() -> None:
    for question in yaml.safe_load((ROOT / "questions/examples.yml").read_text()).values():
        assert question["help"].endswith((")", "?"))
        assert {"default", "when", "validator"} <= set(question)
