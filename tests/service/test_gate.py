"""`tpgen gate`: forty changes to a rendered service, each judged right."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie
from tpgen.gate import judge, outcome
from tpgen.gate.judge import Given

from tests.conftest import ROOT
from tests.gate_changes import BAD, GOOD, Seeded
from tests.hooks import Repository, once
from tests.processes import Outcome, clean_environment
from tests.rendering import Service, Suite, render

PAGE = ROOT / "docs/what-the-gate-catches.md"
CENSUS, COVERAGE = "base-census.json", "base-coverage.json"
CHAT = [
    "tests/integration/api/test_chat.py",
    "tests/integration/api/__snapshots__/test_chat.ambr",
    "tests/integration/test_idempotency.py",
]
ASKS = """\
from typing import Any

import httpx

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


async def test_answers(client: httpx.AsyncClient, auth: dict[str, str]) -> None:
    response = await client.post("/v1/chat/completions", headers=auth, json=BODY)
    assert response.status_code == 200, response.text


async def test_fails(client: httpx.AsyncClient, auth: dict[str, str], upstream: Any) -> None:
    upstream.answers = [httpx.Response(400)]
    response = await client.post("/v1/chat/completions", headers=auth, json=BODY)
    assert response.status_code == 502, response.text
"""
EXEMPT = """
[[tool.tpgen.exempt]]
case = "TestChat.test_403_with_the_key_of_another_tenant"
reason = "names no row of a tenant: it works in the tenant of the key"
"""
COVERED = ("--cov", "--cov-context=test", "--cov-report=term")
# As pytest-split does: each run deselects what the other one runs.
SHARDS = """

def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    import os

    if shard := os.environ.get("SHARD"):
        chosen = {each for number, each in enumerate(items) if number % 2 == int(shard)}
        config.hook.pytest_deselected(items=[each for each in items if each not in chosen])
        items[:] = [each for each in items if each in chosen]
"""


def run(suite: Suite, service: Service, *options: str, **variables: str) -> str:
    """Run the tests of a service with our engine; give what pytest said."""
    environment = clean_environment() | {"PYTHONPATH": str(service.path / "src")} | variables
    words = ["--postgres=$DATABASE_URL", "-pno:cacheprovider", *options]
    return suite.warm.pytest(*words, cwd=service.path, variables=environment).text


@pytest.fixture(scope="session")
def base(
    rendered: Service, suite: Suite, copie_session: Copie, tmp_path_factory: pytest.TempPathFactory
) -> Service:
    """A service without a pipeline, a vault and most tests of its chat, and the facts about it."""

    def make(folder: Path) -> None:
        project = render(copie_session, pipeline=False, vault=False)
        shutil.copytree(project, folder, symlinks=True, dirs_exist_ok=True)
        service = Service(folder, rendered.environment)
        # Half of the tests take half of the time: the changes are about the rest.
        for path in CHAT:
            (folder / path).unlink()
        service.write({CHAT[0]: ASKS})
        service.replace("pyproject.toml", EXEMPT, "")
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


def gate(service: Service, *options: str) -> Outcome:
    known = [f"--base-census={CENSUS}", f"--base-coverage={COVERAGE}"]
    return service.tpgen("gate", "--base=main", *known, *options)


@pytest.fixture
def service(base: Service, tmp_path: Path) -> Service:
    return base.copy(tmp_path / "service")


@pytest.mark.parametrize("seeded", [*GOOD, *BAD], ids=lambda seeded: seeded.title)
def test_judges(
    seeded: Seeded, service: Service, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(service.environment))
    change(service, seeded)
    said = run(suite, service, *seeded.run) if seeded.run else ""
    if ".coverage" in seeded.later:
        run(suite, service, "--cov", "--cov-report=term", "tests/unit")
    append(service, seeded.later)
    known = Given()
    if seeded.is_base_known:
        places = service.path / COVERAGE, service.path / CENSUS
        known = Given(base_coverage=places[0], base_census=places[1])
    found = judge.judge(service.path, "main", known)
    errors = {each.code for each in found.findings if each.level == "error"}
    assert errors == set(seeded.expected.split()), outcome.as_json(found) + said[-3000:]
    assert found.blocks == bool(seeded.expected)


@pytest.fixture(scope="session")
def refused(base: Service, suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A change without a test, after its run: shared, so change nothing in it."""

    def make(folder: Path) -> None:
        shutil.copytree(base.path, folder, symlinks=True, dirs_exist_ok=True)
        service = Service(folder, base.environment)
        change(service, next(each for each in BAD if each.expected == "TPG601 TPG604 TPG605"))
        said = run(suite, service, "--census", *COVERED)
        assert " passed" in said, said

    return Service(once(tmp_path_factory, "refused", make), base.environment)


def test_a_finding_names_lines_and_the_command_that_helps(refused: Service) -> None:
    done = gate(refused)
    assert done.code == 1
    assert re.search(
        r"^src/gateway/api/agents.py:\d+:1: TPG601 \d+ % of the new code", done.text, re.MULTILINE
    )
    assert (
        "`tpgen route GET /v1/agents/{agent_id}/label` writes the tests that it lacks" in done.text
    )
    assert re.search(r"no passing integration test runs lines \d+", done.text)


@pytest.mark.parametrize("name", ["sarif", "github", "markdown"])
def test_each_format(name: str, refused: Service) -> None:
    done = gate(refused, f"--format={name}")
    assert done.code == 1
    assert "TPG605" in done.text
    if name == "sarif":
        (sarif,) = json.loads(done.text)["runs"]
        rules = sarif["tool"]["driver"]["rules"]
        for result in sarif["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_what_one_job_found_another_job_shows(refused: Service, tmp_path: Path) -> None:
    found, shown = tmp_path / "gate.json", tmp_path / "gate.md"
    assert gate(refused, f"--json={found}").code == 1
    done = refused.tpgen("gate", f"--show={found}", f"--markdown={shown}")
    assert done.code == 0
    assert "unproved case" in shown.read_text()
    found.write_text(found.read_text().replace('"version": 1', '"version": 2'))
    assert refused.tpgen("gate", f"--show={found}").code == 2


def test_shards_are_judged_together(service: Service, suite: Suite) -> None:
    """Two runs, each of which deselects what the other runs; one of them alone is not enough."""
    service.write({"tests/conftest.py": (service.path / "tests/conftest.py").read_text() + SHARDS})
    append(service, {"src/gateway/audit.py": "# The end.\n"})
    places: list[Path] = []
    for shard in ("0", "1"):
        environment = {"COVERAGE_FILE": f".coverage.{shard}", "SHARD": shard}
        run(suite, service, "--census", *COVERED, **environment)
        places += {*(service.path / ".tpgen").glob("run-*.json")} - {*places}
    records = [str(place) for place in places]
    data = [str(service.path / f".coverage.{shard}") for shard in ("0", "1")]
    done = gate(service, "--merge", *records, "--coverage", *data)
    assert done.code == 0, done.text
    done = gate(service, "--merge", records[0], "--coverage", data[0])
    assert "TPG600" in done.text and "name the records of all of them" in done.text
    done = gate(service)
    assert "TPG600" in done.text and "was deselected by" in done.text
    done = gate(service, "--merge", *records, "--coverage", data[0])
    assert "TPG600" in done.text and "not all of them" in done.text


def test_runs_the_tests_only_if_a_fact_is_missing(service: Service) -> None:
    append(service, {"src/gateway/audit.py": "# The end.\n"})
    first = gate(service, "--run")
    assert first.code == 0, first.text
    assert "running pytest" in first.text
    second = gate(service, "--run")
    assert second.code == 0, second.text
    assert "running pytest" not in second.text


def test_the_page_lists_each_change() -> None:
    listed = re.findall(r"^\| (?!a change|---)(.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    judged = [(each.title, each.expected.replace(" ", ", ") or "passes") for each in (*GOOD, *BAD)]
    assert listed == judged
    assert len(GOOD) >= 20
    assert len(BAD) >= 20
