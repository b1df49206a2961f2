"""Every combination of answers: what is left out leaves no trace, and what is there is clean."""

import itertools
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.rendering import Service, install, render

PARTS = ("pipeline", "vault", "frontend")
COMBINATIONS = [
    dict(zip(PARTS, answers, strict=True)) for answers in itertools.product([True, False], repeat=3)
]
# What only a service with that part has a reason to say.
WORDS = {
    "pipeline": ("pipeline", "detect"),
    "vault": ("vault", "cryptography"),
    "frontend": ("playwright", "index.html"),
}
# As long as the checks let them be, so that no line becomes too long, nor one too few.
LONG = {
    "name": "A Service With a Title as Long as a Title May Be & So On",
    "package": "a_package_with_as_long_a_name1",
    "api_prefix": "/api/as/long/as/one-can-be/v1",
    "key_prefix": "abcdefghij",
}
SHORT = {"name": "X", "package": "x", "api_prefix": "/x", "key_prefix": "xx"}


def label(answers: dict[str, bool]) -> str:
    return "+".join(part for part, there in answers.items() if there) or "neither"


@pytest.fixture(scope="session", params=COMBINATIONS, ids=label)
def answers(request: pytest.FixtureRequest) -> dict[str, bool]:
    combination: dict[str, bool] = request.param
    return combination


@pytest.fixture(scope="session")
def folder(answers: dict[str, bool], copie_session: Copie) -> Path:
    """A service of such answers, which no test changes."""
    return render(copie_session, **answers, **SHORT, description="A service.")


@pytest.fixture(scope="session")
def tools(copie_session: Copie) -> Service:
    """An environment with what any combination needs, for the linters to look into."""
    return install(render(copie_session, package="everything", frontend=True))


def assert_clean(folder: Path, tools: Service) -> None:
    service = Service(folder, tools.environment)
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = service.run(*command)
        assert done.code == 0, done.text


def test_is_linted_formatted_and_typed(folder: Path, tools: Service, tmp_path: Path) -> None:
    # The linters leave caches.
    assert_clean(shutil.copytree(folder, tmp_path / "service"), tools)


@pytest.mark.parametrize("there", [True, False], ids=["all", "neither"])
def test_long_names_are_clean_too(there: bool, copie: Copie, tools: Service) -> None:
    assert_clean(render(copie, **dict.fromkeys(PARTS, there), **LONG), tools)


def test_what_is_left_out_leaves_no_trace(answers: dict[str, bool], folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if ".copier" not in path.name]
    assert [path for path in paths if path.is_dir() and not any(path.iterdir())] == []
    # The engine's wheel is the same for all services.
    files = [path for path in paths if path.is_file() and path.suffix != ".whl"]
    text = "\n".join(f"{path}\n{path.read_text()}" for path in files).lower()
    text = text.replace(str(folder).lower(), "")
    left = [word for part in PARTS if not answers[part] for word in WORDS[part] if word in text]
    assert left == []


def test_no_dependency_is_unused(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    code = "\n".join(path.read_text() for path in (folder / "src").rglob("*.py"))
    named = [re.split(r"[\[><=]", line)[0] for line in project["project"]["dependencies"]]
    # Named to SQLAlchemy by its URL.
    unused = [
        name
        for name in named
        if not re.search(rf"(from|import|\+) ?{name.replace('-', '_')}", code)
    ]
    assert unused == []
