"""`tpgen gate`: forty changes to a rendered service, each judged right."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.conftest import ROOT
from tests.gate_changes import BAD, GOOD, Seeded
from tests.hooks import Repository, once
from tests.processes import Outcome, clean_environment
from tests.rendering import Service, Suite, render

PAGE = ROOT / "docs/what-the-gate-catches.md"
CENSUS, COVERAGE = "base-census.json", "base-coverage.json"


def run(suite: Suite, service: Service, *options: str) -> str:
    """Run the tests of a service with our engine; give what pytest said."""
    environment = clean_environment() | {"PYTHONPATH": str(service.path / "src")}
    words = ["--postgres=$DATABASE_URL", "-pno:cacheprovider", *options]
    return suite.warm.pytest(*words, cwd=service.path, variables=environment).text


@pytest.fixture(scope="session")
def base(
    rendered: Service, suite: Suite, copie_session: Copie, tmp_path_factory: pytest.TempPathFactory
) -> Service:
    """A service without a pipeline and a vault in a repository, and the facts about it."""

    def make(folder: Path) -> None:
        project = render(copie_session, pipeline=False, vault=False)
        shutil.copytree(project, folder, symlinks=True, dirs_exist_ok=True)
        service = Service(folder, rendered.environment)
        repository = Repository(folder)
        repository.git("init", "--quiet", "--initial-branch=main")
        repository.git("add", "--all")
        repository.git("commit", "--quiet", "--message=the service")
        said = run(suite, service, "--census", "--cov", "--cov-report=json:.base.json")
        assert " passed" in said, said
        (folder / COVERAGE).write_text((folder / ".base.json").read_text())
        (folder / CENSUS).write_text(service.tpgen("census", "--format=json").text)
        shutil.rmtree(folder / ".tpgen")
        (folder / ".git/info/exclude").write_text("base-*.json\n.base.json\n")

    return Service(once(tmp_path_factory, "gate", make), rendered.environment)


def change(service: Service, seeded: Seeded) -> None:
    """Make a change; a new file beginning with @ is another one, moved."""
    for path, text in seeded.written.items():
        content = (service.path / text[1:]).read_text() if text.startswith("@") else text
        service.write({path: content})
    for path in seeded.removed:
        (service.path / path).unlink()
    for path, places in seeded.replaced.items():
        for old, new in places.items():
            service.replace(path, old, new)
    append(service, seeded.appended)


def append(service: Service, texts: "dict[str, str] | object") -> None:
    assert isinstance(texts, dict)
    for path, text in texts.items():
        place = service.path / path
        place.write_bytes((place.read_bytes() if place.exists() else b"") + text.encode())


def gate(service: Service, *options: str, is_base_known: bool = True) -> Outcome:
    known = [f"--base-census={CENSUS}", f"--base-coverage={COVERAGE}"] if is_base_known else []
    return service.tpgen("gate", "--base=main", *known, *options)


@pytest.fixture
def service(base: Service, tmp_path: Path) -> Service:
    return base.copy(tmp_path / "service")


@pytest.mark.parametrize("seeded", [*GOOD, *BAD], ids=lambda seeded: seeded.title)
def test_judges(seeded: Seeded, service: Service, suite: Suite) -> None:
    change(service, seeded)
    said = run(suite, service, *seeded.run) if seeded.run else ""
    if ".coverage" in seeded.later:
        run(suite, service, "--cov", "--cov-report=term", "tests/unit")
    append(service, seeded.later)
    done = gate(service, "--format=json", is_base_known=seeded.is_base_known)
    found = json.loads(done.text)
    errors = {each["code"] for each in found["findings"] if each["level"] == "error"}
    assert (done.code, errors) == (int(bool(seeded.expected)), set(seeded.expected.split())), (
        done.text + said[-3000:]
    )


def test_the_page_lists_each_change() -> None:
    listed = re.findall(r"^\| (?!a change|---)(.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    judged = [(each.title, each.expected.replace(" ", ", ") or "passes") for each in (*GOOD, *BAD)]
    assert listed == judged
    assert len(GOOD) >= 20
    assert len(BAD) >= 20
