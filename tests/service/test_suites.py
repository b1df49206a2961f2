"""The suites: what a subclass forgot is told, and components unlike the starter's are served."""

import re

import pytest

from tests.processes import Outcome
from tests.rendering import Service, Suite

# A hook of a suite, by the line that a subclass must have; the error shows it.
STEP = {
    "message": 'message = "write to jane@example.com"',
    "detections": 'detections = [Detection("email", 9, 25)]',
    "redacted": 'redacted = "write to [email]"',
    "make_step": "def make_step(self, on_detection): return MyStep(…, on_detection)",
}
STEP_REQUEST = {
    "message": 'message = "write to jane@example.com"',
    "detections": 'detections = [{"kind": "email", "start": 9, "end": 25}]',
}
ROUTE = {
    "method": 'method = "POST"',
    "path": 'path = "/v1/agents"',
    "malformed": 'malformed = [without("json.text"), with_value("json.n", "x")]',
}
IDEMPOTENT_ROUTE = {**ROUTE, "other": 'other = {"json": {"model": "another"}}'}
VAULT = {"vault": "def vault(self): return MyVault(…)"}
CLIENT = {
    "answer": 'answer = {"choices": [{"message": {"content": "hello"}}]}',
    "result": 'result = "hello"',
    "error": "error = UpstreamError",
    "make_client": "def make_client(self, http): return MyClient(http=http)",
    "call": "async def call(self, client): return await client.fetch()",
}
HOOKS = {
    "step.StepSuite": STEP,
    "step.StepRequestSuite": STEP_REQUEST,
    "route.RouteSuite": ROUTE,
    "route.IdempotentRouteSuite": IDEMPOTENT_ROUTE,
    "vault.VaultSuite": VAULT,
    "client.ClientSuite": CLIENT,
}
MISSING = [(suite, hook) for suite, hooks in HOOKS.items() for hook in hooks]

# What the lines stand for, so that the one that is left out is all that is missing.
MEANT = {
    "def make_step(self, on_detection): return MyStep(…, on_detection)": """\
def make_step(self, on_detection):
        return DetectPII(RegexDetector(), on_detection)""",
    "def vault(self): return MyVault(…)": """\
@pytest.fixture
    def vault(self):
        return PostgresVault(bytes(32))""",
    "def make_client(self, http): return MyClient(http=http)": """\
def make_client(self, http):
        return OpenAIClient(http, "https://upstream.example", backoff=0)""",
    "async def call(self, client): return await client.fetch()": """\
async def call(self, client):
        return await client.chat("m", [])""",
}
FILE = "tests/integration/test_it.py"
IMPORTS = """\
import pytest
from pytest_tpgen.requests import with_value, without
from gateway.openai import OpenAIClient, UpstreamError
from gateway.pipeline import Detection
from gateway.pipeline.steps.detect_pii import DetectPII, RegexDetector
from gateway.vault import PostgresVault
"""


def subclass(suite: str, lines: list[str]) -> str:
    """A test file with one class of a suite."""
    module, _, name = suite.partition(".")
    body = "\n    ".join(MEANT.get(line, line) for line in lines) or "pass"
    return f"{IMPORTS}from tests.policy.suites.{module} import {name}\n\nclass TestIt({name}):\n    {body}\n"


def run(
    service: Service, text: str, *arguments: str, at: str = "integration/test_it.py"
) -> Outcome:
    service.write({f"tests/{at}": text})
    return service.pytest(f"tests/{at}", "-rA", *arguments)


@pytest.mark.parametrize(("name", "hook"), MISSING)
def test_what_a_subclass_forgot_fails_with_the_line_to_add(
    name: str, hook: str, service: Service, suite: Suite
) -> None:
    hooks = HOOKS[name]
    complete = [line for fact, line in hooks.items() if fact != hook]
    service.write({FILE: subclass(name, complete)})
    red, text = suite.red(service, FILE)
    assert red
    assert re.search(rf"{FILE}:\d+: TestIt has a placeholder; write there, for example:", text), (
        text
    )
    assert hooks[hook] in text
    assert "skipped" not in text


@pytest.mark.parametrize("name", HOOKS)
def test_an_empty_subclass_has_no_green_case(name: str, service: Service, suite: Suite) -> None:
    service.write({FILE: subclass(name, [])})
    red, text = suite.red(service, FILE)
    assert red
    assert not re.search("passed|skipped", text), text


def test_one_placeholder_stands_for_all_that_its_lines_state(
    service: Service, suite: Suite
) -> None:
    text = "a = 1\n        b: int = 2\n        c == 3"
    suites = """\
from typing import Any

from pytest_tpgen.suites import Suite, placeholder


class FactSuite(Suite):
    a: Any = placeholder("a = 0")
    b: Any = placeholder("b = 0")
    c: Any = 3

    def test_a(self) -> None:
        assert self.a

    def test_b(self) -> None:
        assert self.b

    def test_c(self) -> None:
        assert self.c == 3
"""
    test = f"""\
from pytest_tpgen.suites import placeholder

from tests.policy.suites.facts import FactSuite


class TestFacts(FactSuite):
    a = placeholder(
        \"\"\"
        {text}
        \"\"\"
    )
"""
    service.write({"tests/policy/suites/facts.py": suites, FILE: test})
    red, said = suite.red(service, FILE)
    assert red == {"TestFacts::test_a", "TestFacts::test_b"}, said
    assert "2 failed, 1 passed" in said
    assert said.count(f"{FILE}:6: TestFacts has a placeholder") == 2, said


def test_a_placeholder_in_a_function_fails_where_it_is_reached(
    service: Service, suite: Suite
) -> None:
    test = (
        "from pytest_tpgen.suites import fill_in\n\n\n"
        "def answer() -> int:\n    value: int = fill_in('42')\n    return value\n"
        "\n\ndef test_it() -> None:\n    assert answer()\n"
    )
    service.write({FILE: test})
    red, said = suite.red(service, FILE, "--tb=auto")
    assert red == {"test_it"}
    assert "this line has a placeholder; write there, for example:" in said
    assert f"{FILE}:5: Failed" in said


def test_what_is_not_built_says_so(service: Service, suite: Suite) -> None:
    """And a module that is there, but imports one that is not, says that instead."""
    call = 'to_build("gateway.{}:Thing", "src/gateway/{}.py")'
    lines = [f"def test_{n}() -> None: {call.format(n, n)}" for n in ("gone", "audit", "broken")]
    service.write(
        {
            FILE: "from pytest_tpgen.suites import to_build\n" + "\n".join(lines),
            "src/gateway/broken.py": "import nowhere_to_be_found\n",
        }
    )
    red, said = suite.red(service, FILE)
    assert red == {"test_gone", "test_audit", "test_broken"}
    assert "there is no Thing yet: build it in src/gateway/gone.py" in said
    assert "there is no Thing yet: build it in src/gateway/audit.py" in said
    assert "No module named 'nowhere_to_be_found'" in said


def test_a_suite_that_is_imported_is_no_test(service: Service) -> None:
    modules = {suite.partition(".")[0] for suite in HOOKS} | {"schema"}
    stars = "".join(f"from tests.policy.suites.{module} import *\n" for module in modules)
    done = run(service, f"{stars}\n\ndef test_mine() -> None: ...\n")
    assert done.code == 0, done.text
    assert done.count("passed") == 1, done.text


SECRETS = '''\
"""A second step."""

import re

import pytest
from gateway.app import create_app
from gateway.pipeline import Context, Detection, Pipeline
from gateway.pipeline.steps.detect_pii import DetectPII, RegexDetector
from gateway.api.dependencies import get_pipeline
from tests.policy.suites.step import StepRequestSuite, StepSuite


def passwords(text):
    return [Detection("password", *match.span()) for match in re.finditer("hunter2", text)]


def unreachable(text):
    raise ConnectionError


class DetectSecrets:
    name = "detect_secrets"

    def __init__(self, on_detection="redact", backend=passwords):
        self.on_detection = on_detection
        self.backend = backend

    async def run(self, ctx):
        found = self.backend(ctx.user_message)
        ctx.react(found, self.on_detection)
        return found


class TestDetectSecrets(StepSuite):
    message = "it is hunter2"
    detections = [Detection("password", 6, 13)]
    redacted = "it is [password]"

    def make_step(self, on_detection):
        return DetectSecrets(on_detection)

    def make_failing_step(self):
        return DetectSecrets(backend=unreachable)


class TestInTheApp(StepRequestSuite):
    message = "it is hunter2 of jane@example.com"
    detections = [
        {"kind": "email", "start": 17, "end": 33},
        {"kind": "password", "start": 6, "end": 13},
    ]

    @pytest.fixture(autouse=True)
    def both(self, app):
        pipeline = Pipeline([DetectPII(RegexDetector()), DetectSecrets()])
        app.dependency_overrides[get_pipeline] = lambda: pipeline
        yield
        app.dependency_overrides.clear()
'''


def test_a_second_step_and_two_classes_in_one_file(service: Service) -> None:
    done = run(service, SECRETS)
    assert done.code == 0, done.text
    assert (done.count("passed"), done.count("xfailed")) == (8, 0), done.text


NOTES = '''\
"""Routes of other kinds: put, delete, no content, plain text, path ids and parameters."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import PlainTextResponse
from gateway.audit import record
from gateway.auth import CurrentAgent
from pydantic import BaseModel
from tests.policy.suites.route import IdempotentRouteSuite, RouteSuite


owners = set()


async def owner(caller: CurrentAgent) -> None:
    if caller.tenant_id not in owners:
        raise HTTPException(403)


router = APIRouter(prefix="/notes", dependencies=[Depends(owner)])


class Note(BaseModel):
    text: str


@router.put("/{number}")
async def put(number: int, note: Note, caller: CurrentAgent) -> Note:
    await record("note.put", caller.tenant_id)
    return note


@router.delete("/{number}", status_code=204)
async def delete(number: int) -> None: ...


@router.get("/{number}", response_class=PlainTextResponse)
async def read(number: int, width: Annotated[int, Query(ge=1)] = 80) -> str:
    return "a note"


@pytest.fixture(autouse=True, scope="module")
def routes(app):
    app.include_router(router)


class Numbered:
    """What the classes share."""

    @pytest.fixture(autouse=True)
    def owned(self, agent) -> None:
        owners.add(agent.tenant_id)

    @pytest.fixture
    def url(self) -> str:
        return "/notes/7"


class TestPut(Numbered, RouteSuite):
    method = "PUT"
    valid = {"json": {"text": "new"}}
    malformed = [{"json": {}}, {"url": "/notes/seven"}]

    async def test_a_case_of_its_own(self, client, url, auth) -> None:
        assert (await client.put(url, headers=auth, **self.valid)).json() == {"text": "new"}


class TestDelete(Numbered, RouteSuite):
    method = "DELETE"
    status = 204
    malformed = [{"url": "/notes/seven"}]


class TestRead(Numbered, RouteSuite):
    method = "GET"
    valid = {"params": {"width": 40}, "headers": {"Accept": "text/plain"}}
    malformed = [{"params": {"width": 0}}, {"params": {"width": 0}, "headers": {"Accept": "*/*"}}]
'''


def test_routes_of_other_kinds(service: Service) -> None:
    first = run(service, NOTES, "--snapshot-update")
    assert first.code == 0, first.text
    again = run(service, NOTES)
    assert again.code == 0, again.text
    assert again.count("passed") == 30, again.text


def test_a_route_without_a_snapshot_fails(service: Service) -> None:
    """Nobody has looked at the shape yet."""
    done = run(service, NOTES)
    assert done.failed == {"test_happy_path"}, done.text


SOCKETS = '''\
"""WebSockets that serve somebody without credentials, and some that don't."""

import pytest
from fastapi import FastAPI, WebSocket, WebSocketException
from tests.policy.suites.app import AppSuite


@pytest.fixture(scope="session")
def app():
    app = FastAPI()

    @app.get("/healthz")
    async def healthz() -> None: ...

    @app.websocket("/open/{room}")
    async def opened(socket: WebSocket, room: str) -> None:
        await socket.accept()
        await socket.receive_text()

    @app.websocket("/closed")
    async def closed(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(1008)

    @app.websocket("/refused")
    async def refused(socket: WebSocket) -> None:
        raise WebSocketException(1008)

    return app


@pytest.fixture
async def client(app, session):
    import httpx

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as one:
        yield one


class TestSockets(AppSuite): ...
'''


def test_a_web_socket_without_credentials(service: Service) -> None:
    done = run(service, SOCKETS)
    assert done.failed == {"test_401_without_a_key_on_every_route_that_is_not_public"}, done.text
    found = set(re.findall(r"WEBSOCKET (\S+) took a connection without credentials", done.text))
    assert found == {"/open/{room}"}
    service.replace(
        "pyproject.toml",
        "[tool.tpgen.public]\n",
        '[tool.tpgen.public]\n"WEBSOCKET /open/{room}" = "a public room"\n',
    )
    assert run(service, SOCKETS).code == 0


def test_a_class_cannot_say_which_suite_it_is(service: Service) -> None:
    """A route that takes an Idempotency-Key has the idempotent suite, whatever its class states."""
    chat = "tests/integration/api/test_chat.py"
    text = (service.path / chat).read_text().replace("IdempotentRouteSuite", "RouteSuite")
    service.write({chat: text.replace("    other = ", "    is_idempotent = True\n    other = ")})
    done = service.pytest(chat, "-k", "fits_the_route")
    assert done.failed == {"test_the_suite_fits_the_route"}, done.text


@pytest.mark.parametrize("method", ["GET", "get"])
def test_a_route_that_lists_rows_has_the_suite_of_lists(method: str, service: Service) -> None:
    agents = "tests/integration/api/test_agents.py"
    text = (service.path / agents).read_text().replace("ListRouteSuite", "RouteSuite")
    service.write({agents: text.replace('method = "GET"', f'method = "{method}"')})
    done = service.pytest(agents, "-k", "fits_the_route")
    assert done.count("failed") == 1, done.text
    advice = "GET /v1/agents lists rows, by its OpenAPI document: inherit from ListRouteSuite"
    assert advice in done.text


def test_another_status_for_a_stranger_is_a_setting_that_the_failure_shows(
    service: Service,
) -> None:
    service.replace("src/gateway/api/agents.py", "HTTPException(403,", "HTTPException(404,")
    agents = ("tests/integration/api/test_agents.py", "-k", "403_with")
    done = service.pytest(*agents)
    assert done.failed == {"test_403_with_the_key_of_another_tenant"}, done.text
    assert "a caller of another tenant must get 403, and got 404" in done.text
    setting = '[tool.tpgen.refusal]\nstatus = 404\nreason = "why it is not 403"\n'
    shown = "\n".join(re.findall(r"^E +(\[tool.*|status.*|reason.*)$", done.text, re.MULTILINE))
    assert shown.startswith(setting.strip()), done.text
    service.write({"pyproject.toml": f"{(service.path / 'pyproject.toml').read_text()}\n{setting}"})
    assert service.pytest(*agents).code == 0


MEMORY = '''\
"""A second vault provider, which keeps nothing in Postgres; and others that keep too much."""

import base64
import zlib
from uuid import uuid4

import pytest
from gateway.audit import record
from gateway.database import Session
from gateway.models import AuditEvent
from gateway.vault import SecretNotFound
from tests.policy.suites.vault import VaultSuite


class MemoryVault:
    def __init__(self, leak=None):
        self.leak = leak
        self.kept = {}

    async def set(self, tenant_id, name, value):
        version = uuid4()
        self.kept.setdefault((tenant_id, name), {})[version] = value
        if self.leak:
            await record("secret.set", tenant_id, hint=self.leak(value))
        return version

    async def get(self, tenant_id, name, version=None):
        versions = self.kept.get((tenant_id, name), {})
        if not versions or version not in (None, *versions):
            raise SecretNotFound(name)
        return versions[version or list(versions)[-1]]

    async def delete(self, tenant_id, name):
        del self.kept[tenant_id, name]
        await record("secret.deleted", tenant_id)


class TestMemoryVault(VaultSuite):
    @pytest.fixture
    def vault(self):
        return MemoryVault(LEAK)
'''
LEAKS = {
    "lambda text: text": {"raw", "equal", "left"},
    "lambda text: text.encode().hex()": {"raw", "equal", "left"},
    "lambda text: base64.b64encode(text.encode()).decode()": {"raw", "equal", "left"},
    "lambda text: base64.b64encode(b'xy' + text.encode()).decode()": {"raw", "equal", "left"},
    "lambda text: text[::-1]": {"equal", "left"},
    "lambda text: zlib.compress(text.encode()).hex()": {"equal", "left"},
    # With a random part no test can tell it from a cipher: the docstring says so. All that one
    # can see is that a deletion leaves it.
    "lambda text: uuid4().hex + text[::-1]": {"left"},
    "None": set(),
}
CASES = {
    "raw": "test_raw_rows_never_hold_the_plaintext",
    "equal": "test_equal_plaintexts_leave_no_equal_cells",
    "left": "test_a_deletion_leaves_no_ciphertext",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_second_vault_and_what_it_leaks(leak: str, service: Service) -> None:
    done = run(service, MEMORY.replace("LEAK", leak))
    assert done.failed == {CASES[case] for case in LEAKS[leak]}, done.text
    assert done.count("passed") == 9 - len(LEAKS[leak])


def test_a_folder_may_have_a_file_of_the_same_name_as_another_layer(service: Service) -> None:
    unit = run(service, "def test_mine() -> None: ...\n", at="unit/steps/test_it.py")
    assert unit.code == 0, unit.text
    service.write({"tests/integration/steps/test_it.py": SECRETS})
    done = service.pytest("tests/unit/steps", "tests/integration/steps")
    assert done.code == 0, done.text
    assert done.count("passed") == 1 + 8, done.text


def test_the_error_is_short_and_shows_no_machinery(service: Service) -> None:
    done = run(service, subclass("route.RouteSuite", ['method = "GET"']), "-k", "happy_path")
    assert not re.search(r"__get__|missing\(", done.text), done.text
