"""`tpgen census`: which required cases a run has proved, and what does not count as proof."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tpgen.census import records

from tests.processes import clean_environment, warmed
from tests.rendering import Service, Suite, replace_once

AGENTS = "tests/integration/api/test_agents.py"
READ = "route GET /v1/agents/{agent_id}"
STRANGER = "test_403_with_the_key_of_another_tenant"
NO_KEY_ON_ANY = "test_401_without_a_key_on_every_route_that_is_not_public"
NO_KEY = "test_401_without_a_key"
CHOSEN = (AGENTS,)


def recorded(suite: Suite, service: Service, *arguments: str) -> str:
    """Run tests of a service with `--census`; give what pytest said."""
    environment = clean_environment() | {"PYTHONPATH": str(service.path / "src")}
    options = ["--postgres=$DATABASE_URL", "-pno:cacheprovider", "--census", *arguments]
    return suite.warm.pytest(*options, cwd=service.path, variables=environment).text


def census(service: Service, *options: str) -> Mapping[str, Any]:
    """Return the census of the last run."""
    done = service.tpgen("census", "--format=json", *options)
    assert done.code in {0, 1}, done.text
    found: Mapping[str, Any] = json.loads(done.text)
    return found


def cell(found: Mapping[str, Any], title: str, case: str) -> Mapping[str, Any]:
    (row,) = [one for one in found["rows"] if one["title"] == title]
    (known,) = [one for one in row["cells"] if one["case"] == case]
    return dict(known)


@pytest.fixture(scope="session")
def whole(rendered: Service, suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A fresh service after a run of its whole suite: shared, so change nothing in it."""
    from tests.hooks import once

    def make(folder: Path) -> None:
        shutil.copytree(rendered.path, folder, symlinks=True, dirs_exist_ok=True)
        said = recorded(suite, Service(folder, rendered.environment))
        assert " passed" in said, said

    return Service(once(tmp_path_factory, "census", make), rendered.environment)


def test_all_of_a_fresh_service_is_proved(whole: Service) -> None:
    done = whole.tpgen("census")
    assert done.code == 0, done.text
    last = done.text.splitlines()[-1]
    assert re.fullmatch(
        r"\d+ required cases of \d+ components: \d+ proved, 3 exempt, 1 elsewhere", last
    )


def test_every_route_of_the_app_has_a_row(whole: Service) -> None:
    rows = {one["title"]: one for one in census(whole)["rows"]}
    routes = {title for title in rows if title.startswith("route ")}
    assert {READ, "route POST /v1/chat/completions", "route GET /openapi.json"} <= routes
    assert rows["route GET /openapi.json"]["note"] == "a library has it"
    assert rows[READ]["file"] == "src/gateway/api/agents.py"
    assert {"AppSuite", "SchemaSuite", "step detect_pii", "vault postgres", "factory Agent"} <= set(
        rows
    )


def test_a_service_whose_routes_are_all_public(whole: Service, tmp_path: Path) -> None:
    """No route is left to send a request to; the case passed all the same."""
    service = whole.copy(tmp_path / "service")
    [place] = (service.path / ".tpgen").glob("run-*.json")
    record = json.loads(place.read_text())
    of_app = [
        test for test in record["tests"] if test["case"] and test["case"]["suite"] == "AppSuite"
    ]
    for test in of_app:
        test["requests"] = []
    place.write_text(json.dumps(record))
    assert cell(census(service), "AppSuite", NO_KEY_ON_ANY)["status"] == "missing"
    for route in record["routes"]:
        route["is_public"] = True
    place.write_text(json.dumps(record))
    assert cell(census(service), "AppSuite", NO_KEY_ON_ANY)["status"] == "proved"


def test_a_case_names_the_tests_that_prove_it(whole: Service) -> None:
    found = census(whole)
    assert cell(found, READ, STRANGER)["tests"] == [f"{AGENTS}::TestReadAgent::{STRANGER}"]
    exempt = cell(found, "route POST /v1/agents", STRANGER)
    assert (exempt["status"], exempt["why"][:17]) == ("exempt", "names no row of a")
    client = cell(found, "client openai", "test_answers_as_recorded")
    assert client["status"] == "elsewhere"


def test_as_text_and_markdown(whole: Service) -> None:
    everything = whole.tpgen("census", "--all").text
    assert f"{READ}  src/gateway/api/agents.py:" in everything
    assert "  proved    403 with the key of another tenant: tests/" in everything
    assert whole.tpgen("census", "--format=markdown").text.startswith("**")


# What makes a case look as if it were tested; what the census says of the 403, and why.
ATTEMPTS: Mapping[str, tuple[str, str, str, str]] = {
    "a comment": (
        "class TestReadAgent(RouteSuite):",
        "# TestReadAgent(RouteSuite)\nclass Unused(RouteSuite):",
        "missing",
        "no passing test sent one request both with `auth`",
    ),
    "a name alone": (
        "class TestReadAgent(RouteSuite):",
        f"def {STRANGER}() -> None:\n    assert True\n\n\nclass Unused(RouteSuite):",
        "missing",
        "no passing test",
    ),
    "a skip": (
        "class TestReadAgent(RouteSuite):",
        '@pytest.mark.skip(reason="not today")\nclass TestReadAgent(RouteSuite):',
        "missing",
        "no passing test",
    ),
    "an expected failure": (
        "class TestReadAgent(RouteSuite):",
        '@pytest.mark.xfail(reason="some day")\nclass TestReadAgent(RouteSuite):',
        "failed",
        "",
    ),
    "an answer that is made up": (
        "class TestReadAgent(RouteSuite):",
        (
            "class TestReadAgent(RouteSuite):\n"
            "    @pytest.fixture\n"
            "    def send(self, url: str, auth: dict[str, str]) -> Any:\n"
            "        async def send(headers: Any) -> httpx.Response:\n"
            "            return httpx.Response(200 if headers == auth else 403)\n\n"
            "        send.url, send.valid = url, {}\n"
            "        return send\n"
        ),
        "missing",
        "no passing test sent one request both with `auth`",
    ),
    "a caller who is a stranger by name": (
        "class TestReadAgent(RouteSuite):",
        (
            "class TestReadAgent(RouteSuite):\n"
            "    @pytest.fixture\n"
            "    def stranger_auth(self) -> dict[str, str]:\n"
            '        return {"Authorization": "Bearer nobody"}\n'
        ),
        "failed",
        "",
    ),
    "another id": (
        "class TestReadAgent(RouteSuite):",
        (
            "async def test_strangers(\n"
            "    client: httpx.AsyncClient, agent: Any, auth: Any, stranger_auth: Any\n"
            ") -> None:\n"
            "    mine = f'/v1/agents/{agent.id}'\n"
            "    other = '/v1/agents/00000000-0000-4000-8000-000000000000'\n"
            "    assert (await client.get(mine, headers=auth)).status_code == 200\n"
            "    assert (await client.get(other, headers=stranger_auth)).status_code == 404\n\n\n"
            "class Unused(RouteSuite):"
        ),
        "missing",
        "no passing test sent one request both with `auth`",
    ),
    "an app of its own": (
        "class TestReadAgent(RouteSuite):",
        (
            "class TestReadAgent(RouteSuite):\n"
            "    @pytest.fixture\n"
            "    async def client(self, stranger_auth: dict[str, str]) -> Any:\n"
            "        fake = FastAPI()\n"
            "        @fake.get('/v1/agents/{agent_id}')\n"
            "        async def read(request: Request) -> Any:\n"
            "            is_strange = request.headers['authorization'] in stranger_auth.values()\n"
            "            return JSONResponse({}, 403 if is_strange else 200)\n\n"
            "        transport = httpx.ASGITransport(fake)\n"
            "        async with httpx.AsyncClient(transport=transport, base_url='http://test') as one:\n"
            "            yield one\n"
        ),
        "missing",
        "no passing test sent one request both with `auth`",
    ),
    "a part of the service that is replaced": (
        "class TestReadAgent(RouteSuite):",
        (
            "class TestReadAgent(RouteSuite):\n"
            "    @pytest.fixture(autouse=True)\n"
            "    def replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:\n"
            "        monkeypatch.setattr('gateway.auth.hash_key', gateway.auth.hash_key)\n"
        ),
        "missing",
        "no passing test sent one request both with `auth`",
    ),
    "a test that does it, without a suite": (
        "class TestReadAgent(RouteSuite):",
        (
            "async def test_strangers(\n"
            "    client: httpx.AsyncClient, agent: Any, auth: Any, stranger_auth: Any\n"
            ") -> None:\n"
            "    mine = f'/v1/agents/{agent.id}'\n"
            "    assert (await client.get(mine, headers=auth)).status_code == 200\n"
            "    assert (await client.get(mine, headers=stranger_auth)).status_code == 403\n\n\n"
            "class Unused(RouteSuite):"
        ),
        "proved",
        "",
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_counts_as_proof(attempt: str, service: Service, suite: Suite) -> None:
    old, new, status, why = ATTEMPTS[attempt]
    replace_once(service.path, AGENTS, old, new)
    text = (service.path / AGENTS).read_text()
    imports = (
        "from typing import Any\n\nimport gateway.auth\nimport httpx\n"
        "from fastapi import FastAPI, Request\nfrom fastapi.responses import JSONResponse\n"
    )
    (service.path / AGENTS).write_text(
        text.replace("import pytest\n", f"{imports}import pytest\n", 1)
    )
    said = recorded(suite, service, *CHOSEN)
    found = cell(census(service), READ, STRANGER)
    assert found["status"] == status, (found, said)
    assert why in found["why"]


SEND = """
class TestReadAgent(RouteSuite):
    @pytest.fixture
    def send(self) -> Any:
        async def send(headers: Any) -> httpx.Response:
            return httpx.Response(401)

        return send
"""


def test_a_key_that_nobody_sent_is_not_refused(service: Service, suite: Suite) -> None:
    replace_once(service.path, AGENTS, "\nclass TestReadAgent(RouteSuite):\n", SEND)
    text = (service.path / AGENTS).read_text()
    imports = "from typing import Any\n\nimport httpx\nimport pytest\n"
    (service.path / AGENTS).write_text(text.replace("import pytest\n", imports, 1))
    recorded(suite, service, *CHOSEN)
    found = census(service)
    for case in ("test_401_with_an_unknown_key", "test_401_with_a_malformed_key"):
        assert cell(found, READ, case)["status"] == "missing"


CARRIER = """
import httpx


class Carrier:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def fetch(self) -> str:
        return str((await self.http.get("https://upstream.example/")).json())
"""
OF_CARRIER = """
from typing import Any

import httpx
from gateway.carrier import Carrier

from tests.policy.suites.client import ClientSuite


class TestCarrier(ClientSuite):
    answer, result, error = "x", "x", ValueError

    def make_client(self, http: httpx.AsyncClient) -> Carrier:
        return Carrier(http)

    async def call(self, client: Carrier) -> str:
        return await client.fetch()
"""


def test_a_client_whose_name_does_not_say_so_is_a_component(service: Service, suite: Suite) -> None:
    """The run knows it from what the test made; and no test used the app."""
    service.write({"src/gateway/carrier.py": CARRIER, "tests/unit/test_carrier.py": OF_CARRIER})
    recorded(suite, service, "tests/unit/test_carrier.py")
    found = census(service)
    assert cell(found, "client carrier", "test_returns_what_the_upstream_answers")["tests"]
    assert cell(found, "client carrier", "test_tells_of")["status"] == "failed"
    assert found["run"]["has_no_app"]
    assert "the routes are unknown: no test of the run used the" in service.tpgen("census").text


def test_a_run_without_the_app(service: Service, suite: Suite) -> None:
    recorded(suite, service, STEP)
    assert census(service)["run"]["has_no_app"]
    assert "the routes are unknown: no test of the run used the" in service.tpgen("census").text


def test_a_case_whose_fixture_fails_is_not_missing(service: Service, suite: Suite) -> None:
    url = 'return f"{PATH}/{agent.id}"'
    replace_once(service.path, AGENTS, url, "raise ValueError")
    recorded(suite, service, *CHOSEN)
    done = service.tpgen("census")
    assert done.code == 1
    said = "failed before it was known which component it is about"
    assert f"{said}: {AGENTS}::TestReadAgent::test_" in done.text


STEP = "tests/unit/pipeline/steps/test_detect_pii.py"
RUN_STEP = """
    @pytest.fixture
    def run_step(self) -> Any:
        async def run(step: Any, message: str) -> Any:
            return self.detections, self.redacted

        return run
"""
FAKE_STEP = """
    def make_step(self, on_detection: Any) -> Any:
        detections, redacted, message = self.detections, self.redacted, self.message

        class Fake:
            async def run(self, context: Any) -> Any:
                context.user_message = redacted if on_detection == "redact" else message
                return detections

        return Fake()
"""


@pytest.mark.parametrize("own", [RUN_STEP, FAKE_STEP], ids=["wiring", "fake"])
def test_a_step_that_was_not_run_is_not_proved(own: str, service: Service, suite: Suite) -> None:
    text = (service.path / STEP).read_text()
    kept, made = text.split("    def make_step", 1)
    _, _, after = made.partition("\n\n")
    given = made.partition("\n\n")[0]
    kept_make = f"    def make_step{given}\n" if own == RUN_STEP else ""
    changed = f"import pytest\nfrom typing import Any\n{kept}{kept_make}{own}\n{after}"
    (service.path / STEP).write_text(changed)
    said = recorded(suite, service, STEP)
    found = cell(census(service), "step detect_pii", "test_redacts")
    assert found["status"] == "missing", said
    assert " passed" in said


def test_an_overridden_caller_proves_nothing(service: Service, suite: Suite) -> None:
    """The 401 comes from the test, not from the service."""
    test = """
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException
from gateway.auth import current_agent


async def test_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    def refuse() -> Any:
        raise HTTPException(401)

    app.dependency_overrides[current_agent] = refuse
    response = await client.get("/v1/agents/00000000-0000-4000-8000-000000000000")
    app.dependency_overrides.clear()
    assert response.status_code == 401
"""
    (service.path / AGENTS).unlink()
    service.write({"tests/integration/api/test_other.py": test})
    recorded(suite, service, "tests/integration/api/test_other.py")
    found = cell(census(service), READ, NO_KEY)
    assert found["status"] == "missing"
    assert found["why"] == (
        "no passing test got a 401 for a request without credentials "
        "(with current_agent overridden, no refusal counts)"
    )


def test_a_failed_case(service: Service, suite: Suite) -> None:
    replace_once(
        service.path, "src/gateway/api/agents.py", "HTTPException(403,", "HTTPException(404,"
    )
    recorded(suite, service, *CHOSEN)
    found = cell(census(service), READ, STRANGER)
    assert (found["status"], found["tests"]) == (
        "failed",
        [f"{AGENTS}::TestReadAgent::{STRANGER}"],
    )
    said = service.tpgen("census")
    assert said.code == 1
    assert f"{READ}  src/gateway/api/agents.py:" in said.text
    assert "  failed    403 with the key of another tenant: tests/" in said.text
    assert "the run was not the whole suite (paths were given)" in said.text


def test_a_route_without_a_test(service: Service, suite: Suite) -> None:
    """It is in the table because the app has it; the command that writes its tests is named."""
    route = (
        '\n\n@router.delete("/{agent_id}")\nasync def delete_agent(agent_id: UUID) -> None: ...\n'
    )
    with (service.path / "src/gateway/api/agents.py").open("a") as file:
        file.write(route)
    recorded(suite, service, "tests/integration/test_app.py")
    said = service.tpgen("census").text
    assert "  missing   happy path: no passing test of the suite" in said
    assert "  `tpgen route DELETE /v1/agents/{agent_id}` writes what is missing" in said


def test_exemptions_of_a_case(service: Service, suite: Suite) -> None:
    """One whose last day is over exempts from nothing."""
    old = 'case = "TestCreateAgent.test_403_with_the_key_of_another_tenant"\n'
    for until, status in (("2000-01-01", "failed"), ("2999-12-31", "exempt")):
        pyproject = (service.path / "pyproject.toml").read_text()
        lines = f'{old}issue = "https://example.com/1"\nuntil = {until}\n'
        kept = re.sub(rf"{re.escape(old)}(issue.*\nuntil.*\n)?", lines, pyproject)
        (service.path / "pyproject.toml").write_text(kept)
        said = recorded(suite, service, *CHOSEN)
        found = cell(census(service), "route POST /v1/agents", STRANGER)
        assert found["status"] == status, said
    assert (found["issue"], found["until"]) == ("https://example.com/1", "2999-12-31")
    listed = service.tpgen("exemptions").text
    assert "does not apply, until 2999-12-31" in listed
    assert "(https://example.com/1)" in listed


def test_shards_are_merged(service: Service, suite: Suite) -> None:
    for part in ("tests/unit", "tests/integration"):
        recorded(suite, service, part)
    records = sorted(map(str, (service.path / ".tpgen").glob("run-*.json")))
    assert len(records) == 2
    alone = service.tpgen("census")
    assert alone.code == 1
    assert service.tpgen("census", "--merge", *records).code == 0
    with (service.path / "src/gateway/auth.py").open("a") as file:
        file.write("# changed\n")
    recorded(suite, service, "tests/unit")
    # Names of one second are in any order.
    (newest,) = {*map(str, (service.path / ".tpgen").glob("run-*.json"))} - {*records}
    done = service.tpgen("census", "--merge", records[0], newest)
    assert done.code == 2
    assert "are of different contents: src/gateway/auth.py differs in" in done.text


def test_a_changed_file_makes_a_record_stale(service: Service, whole: Service) -> None:
    shutil.copytree(whole.path / ".tpgen", service.path / ".tpgen")
    before = service.tpgen("census")
    os.utime(service.path / "src/gateway/auth.py")
    assert service.tpgen("census").text == before.text
    with (service.path / "src/gateway/auth.py").open("a") as file:
        file.write("# changed\n")
    done = service.tpgen("census")
    assert done.code == 1
    first = done.text.splitlines()[0]
    assert first == "changed since the run: src/gateway/auth.py; run `pytest --census` again"
    shutil.copy(whole.path / "src/gateway/auth.py", service.path / "src/gateway/auth.py")
    service.write({"src/gateway/new.py": "NEW = 1\n"})
    assert "changed since the run: src/gateway/new.py" in service.tpgen("census").text


@pytest.mark.parametrize(
    ("content", "reason"),
    {
        "{": "can't be read",
        "[]": "is not a run record: data must be object",
        '{"format": 2}': "has format 2, and this tpgen reads 1",
    }.items(),
)
def test_what_is_no_record(service: Service, content: str, reason: str) -> None:
    assert "there is no run record" in service.tpgen("census").text
    service.write({".tpgen/run-20260101T000000-aaaaaa.json": content})
    done = service.tpgen("census")
    assert done.code == 2
    assert reason in done.text


def test_outside_of_a_service(tmp_path: Path, rendered: Service) -> None:
    done = Service(tmp_path, rendered.environment).tpgen("census")
    assert done.code == 2
    assert "is not in a service" in done.text


def test_in_a_workflow_of_github(whole: Service, tmp_path: Path) -> None:
    """The page of the job gets the text."""
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    run = warmed(Path(sys.executable)).run
    env = clean_environment() | {"GITHUB_STEP_SUMMARY": str(page)}
    assert run("tpgen", "census", cwd=whole.path, variables=env).code == 0
    before, start, *lines = page.read_text().splitlines()
    assert (before, start, lines[-1]) == ("before", "<pre>", "</pre>")
    assert "required cases of" in lines[-2]


FLAKY = """
from hashlib import sha256
from pathlib import Path

import httpx


async def test_flaky(client: httpx.AsyncClient, tmp_path_factory: object) -> None:
    marker = Path("ran-once")
    await client.get("/v1/agents" if marker.exists() else "/healthz")
    was_there = marker.exists()
    marker.touch()
    assert was_there
"""


def test_reruns_and_coverage(service: Service, suite: Suite) -> None:
    """The facts are those of the last attempt; the coverage data is that of this run."""
    service.write({"tests/integration/test_flaky.py": FLAKY})
    options = ("--reruns=2", "--cov=gateway", "--cov-report=")
    said = recorded(suite, service, *options, "tests/integration/test_flaky.py")
    content = records.newest(service.path).content
    (test,) = content["tests"]
    assert (test["outcome"], test["attempts"]) == ("passed", 2), said
    assert [one["route"] for one in test["requests"]] == ["/v1/agents"]
    data = (service.path / ".coverage").read_bytes()
    digest = sha256(data).hexdigest()
    assert content["coverage"] == {"file": ".coverage", "sha256": digest, "percent": None}


def test_a_service_without_routes_needs_no_app(service: Service, suite: Suite) -> None:
    """As a worker that only has a pipeline; what stays is required of the rest."""
    for folder in ("src/gateway/api", "tests/integration"):
        shutil.rmtree(service.path / folder)
    (service.path / "src/gateway/app.py").unlink()
    service.write({"tests/conftest.py": CONFTEST_OF_A_WORKER})
    said = recorded(suite, service, "tests/unit/pipeline/steps")
    found = census(service)
    assert " passed" in said, said
    assert not found["run"]["has_no_app"]
    titles = {row["title"] for row in found["rows"]}
    assert "step detect_pii" in titles
    assert "AppSuite" not in titles


CONFTEST_OF_A_WORKER = """
import pytest
from gateway.pipeline import Context


@pytest.fixture
def run_step():
    async def run(step, message):
        context = Context(user_message=message)
        found = await step.run(context)
        return found, context.user_message

    return run
"""
