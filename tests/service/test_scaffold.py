"""`tpgen KIND NAME`, on components that were not written with a skeleton in view."""

import ast
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import indent
from threading import Thread

import pytest
from tpgen.core.policy import kinds
from tpgen.core.service import Service as Found
from tpgen.source import components

from tests.rendering import Service, Suite

SAMPLES = Path(__file__).parents[1] / "samples/components"
STEPS = "tests/unit/pipeline/steps"
REQUESTS = "tests/integration/pipeline"
PACKAGE = "src/gateway"
PLACEHOLDERS = re.compile(r"\b(placeholder|fill_in)\(")
PLACEHOLDER = "has a placeholder; write there"


@dataclass(frozen=True)
class Sample:
    """A component, what a person fills into its test, and ways to break it.

    Attributes:
        command: what is typed.
        test: the unit test file that it gives.
        filled: what replaces each placeholder, by the name that it is assigned to.
        file: the component's file, in the package.
        mutations: an edit of it, and the cases that must fail.
        imported: a line that a person adds at the top.
    """

    command: str
    test: str
    filled: Mapping[str, str]
    file: str
    mutations: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)
    imported: str = ""


WRITE = 'message = "write 123456 to /etc/passwd"'
SAMPLE_STEPS = [
    Sample(
        "step detect_secrets",
        f"{STEPS}/test_detect_secrets.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("secret", 6, 12)]
redacted = "write [secret] to /etc/passwd\"""",
            "answer": 'answer = "1"',
        },
        "pipeline/steps/detect_secrets.py",
        {
            ("        return found\n", "        return []\n"): {"test_detects"},
            ("ctx.react(found, self.on_detection)", "pass"): {"test_redacts"},
        },
    ),
    Sample(
        "step mask_numbers",
        f"{STEPS}/test_mask_numbers.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("number", 6, 12)]
redacted = "write [number] to /etc/passwd\"""",
        },
        "pipeline/steps/mask_numbers.py",
        {
            (r"\d+", r"\w+"): {"test_detects", "test_redacts"},
            ("ctx.react(found, self.on_detection)", "pass"): {"test_redacts"},
        },
    ),
    Sample(
        "step toxicity",
        f"{STEPS}/test_toxicity.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("word", 0, 5)]
redacted = "[word] 123456 to /etc/passwd\"""",
        },
        "pipeline/engines.py",
        {
            ("return found", "return found * 2"): {"test_detects"},
            ("self.on_detection = on_detection", 'self.on_detection = "flag"'): {"test_redacts"},
        },
    ),
    Sample(
        "step FindURLs",
        f"{STEPS}/test_find_urls.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("url", 16, 27)]
redacted = "write 123456 to [url]\"""",
        },
        "pipeline/steps/misc.py",
        {
            ("[*self.finder.find(ctx.user_message)]", "[]"): {"test_detects", "test_redacts"},
        },
    ),
    Sample(
        "step file-paths",
        f"{STEPS}/test_file_paths.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("path", 16, 27)]
redacted = "write 123456 to [path]\"""",
        },
        "pipeline/steps/misc.py",
        {('"/etc/"', '"/opt/"'): {"test_detects", "test_redacts"}},
    ),
    Sample(
        "step links",
        f"{STEPS}/test_links.py",
        {
            "detections": f"""{WRITE}
detections = [p.Detection("link", 16, 27)]
redacted = "write 123456 to [link]\"""",
        },
        "pipeline/steps/links.py",
        {("[*self.finder.find(ctx.user_message)]", "[]"): {"test_detects", "test_redacts"}},
    ),
    Sample(
        "step shouting",
        f"{STEPS}/test_shouting.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("word", 0, 5)]
redacted = "[word] 123456 to /etc/passwd\"""",
        },
        "pipeline/steps/shouting.py",
        {
            ("found = self.left.find(ctx.user_message)", "found: list[Detection] = []"): {
                "test_detects",
                "test_redacts",
            },
            ("= mode.value", '= "flag"'): {"test_redacts"},
        },
    ),
    Sample(
        "step profanity",
        f"{STEPS}/test_profanity.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("word", 0, 5)]
redacted = "[word] 123456 to /etc/passwd\"""",
        },
        "pipeline/steps/_base.py",
        {("self.on_detection = on_detection", 'self.on_detection = "flag"'): {"test_redacts"}},
    ),
    Sample(
        "step pins",
        f"{STEPS}/test_pins.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("pin", 6, 12)]
redacted = "write [pin] to /etc/passwd\"""",
            "step": "step = Pins(settings=Settings(on_detection))",
        },
        "pipeline/steps/pins.py",
        {("self.settings.then)", '"flag")'): {"test_redacts"}},
        "from gateway.pipeline.steps.pins import Settings",
    ),
]
SAMPLE_VAULTS = [
    Sample(
        "vault memory",
        "tests/integration/vault/test_memory.py",
        {},
        "vault_memory.py",
        {
            ("return versions[version or", "return versions[None or"): {
                "test_an_old_version_stays_readable"
            },
            ('await record("secret.deleted", tenant_id)', "pass"): {
                "test_a_deleted_secret_is_unreadable_and_audited"
            },
        },
    ),
    Sample(
        "vault sealed",
        "tests/integration/vault/test_sealed.py",
        {},
        "vault_sealed.py",
        {
            ("self.cipher.encrypt(nonce, value.encode(), self.prefix)", "value.encode()"): {
                "test_round_trip",
                "test_round_trip_of_any_text",
                "test_raw_rows_never_hold_the_plaintext",
                "test_equal_plaintexts_leave_no_equal_cells",
                "test_an_old_version_stays_readable",
                "test_a_deleted_secret_is_unreadable_and_audited",
            },
        },
    ),
    Sample(
        "vault ring",
        "tests/integration/vault/test_ring.py",
        {},
        "vault_ring.py",
        {
            ("AESGCM(key)", "AESGCM(key[1:])"): {
                "test_round_trip",
                "test_round_trip_of_any_text",
                "test_raw_rows_never_hold_the_plaintext",
                "test_equal_plaintexts_leave_no_equal_cells",
                "test_an_old_version_stays_readable",
                "test_a_version_belongs_to_its_tenant_and_name",
                "test_a_deletion_leaves_no_ciphertext",
                "test_a_deleted_secret_is_unreadable_and_audited",
            },
        },
    ),
]
SAMPLE_CLIENTS = [
    Sample(
        "client stripe",
        "tests/unit/test_stripe.py",
        {"answer": 'answer = {"available": "12"}\nresult = 12'},
        "clients/stripe.py",
        {
            ("        response.raise_for_status()\n", ""): {"test_tells_of"},
            ('["available"])', '["available"]) + 1'): {"test_returns_what_the_upstream_answers"},
        },
    ),
    Sample(
        "client weather",
        "tests/unit/test_weather.py",
        {"answer": 'answer = {"forecast": "rain"}\nresult = "rain"'},
        "weather.py",
        {("httpx.HTTPError, ", ""): {"test_tells_of"}},
    ),
    Sample(
        "client geo",
        "tests/unit/test_geo.py",
        {"answer": 'answer = {"at": 12}\nresult = 12'},
        "clients/geo.py",
        {("            response.raise_for_status()\n", ""): {"test_tells_of"}},
    ),
    Sample(
        "client mail",
        "tests/unit/test_mail.py",
        {"answer": 'answer = {"id": 7}\nresult = "7"'},
        "clients/mail.py",
        {('str(response.json()["id"])', '"7"'): {"test_tells_of"}},
    ),
    Sample(
        "client stars",
        "tests/unit/test_stars.py",
        {
            "answer": 'answer = {"stars": ["Vega"]}\nresult = ["Vega"]',
            "client": "client = Stars()\nclient.http = http",
        },
        "clients/stars.py",
        {("        response.raise_for_status()\n", ""): {"test_tells_of"}},
    ),
]
ALL = SAMPLE_STEPS + SAMPLE_VAULTS + SAMPLE_CLIENTS


def fill(service: Service, sample: Sample) -> None:
    """Replace each placeholder by lines, as a person does."""
    path = service.path / sample.test
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign | ast.AnnAssign) and PLACEHOLDERS.search(ast.unparse(node)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            said = indent(sample.filled[ast.unparse(target)], " " * node.col_offset)
            # The number of lines stays, so that the other places do.
            height = (node.end_lineno or 0) - node.lineno + 1
            lines[node.lineno - 1 : node.end_lineno] = [said, *[""] * (height - 1)]
    docstring, *rest = lines
    path.write_text("\n".join([docstring, sample.imported, *rest]) + "\n")
    service.run("ruff", "check", "--fix", "--select=F401,I001", sample.test)
    service.run("ruff", "format", sample.test)


@pytest.fixture(scope="module")
def scaffolded(rendered: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service with all samples, and the tests that the commands write for them."""
    service = rendered.copy(tmp_path_factory.mktemp("scaffolded") / "service")
    for sample in SAMPLES.rglob("*.txt"):
        target = service.path / PACKAGE / sample.relative_to(SAMPLES).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample, target)
    for one in ALL:
        done = service.tpgen(*one.command.split())
        assert done.code == 0, done.text
    return service


@pytest.fixture(scope="module")
def filled(scaffolded: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The same, after a person said what no tool can know."""
    service = scaffolded.copy(tmp_path_factory.mktemp("filled") / "service")
    for one in ALL:
        fill(service, one)
    return service


UNIT = [one.test for one in ALL]


def test_as_written_only_what_has_a_placeholder_fails(scaffolded: Service) -> None:
    """And it says so; each other case passes."""
    done = scaffolded.pytest("-q", *UNIT)
    assert done.failed == {
        "test_detects",
        "test_redacts",
        "test_returns_what_the_upstream_answers",
        "test_tells_of",
    }, done.text
    placeholders = 2 * len(SAMPLE_STEPS) + 5 * len(SAMPLE_CLIENTS)
    failures = done.text.partition("new required cases that still fail")[0]
    assert failures.count(PLACEHOLDER) == done.count("failed") == placeholders, done.text


def test_filled_all_pass(filled: Service) -> None:
    done = filled.pytest("-q", *UNIT)
    assert (done.code, done.count("failed")) == (0, 0), done.text
    cases = 2 * len(SAMPLE_STEPS) + 9 * len(SAMPLE_VAULTS) + 5 * len(SAMPLE_CLIENTS)
    # No fake backend is known of those without it: a person writes these cases.
    failing = {one.test for one in SAMPLE_STEPS if "def make_failing_step" in _test(filled, one)}
    line = r"^will fail from .*: (\S+)::\w+::test_fails_closed$"
    waiting = re.findall(line, done.text, re.MULTILINE)
    assert sorted(waiting) == sorted({one.test for one in SAMPLE_STEPS} - failing), done.text
    assert done.count("passed") == cases + len(failing)


def _test(service: Service, sample: Sample) -> str:
    """Return the test of a sample."""
    return (service.path / sample.test).read_text()


@pytest.mark.parametrize("service_name", ["scaffolded", "filled"])
def test_what_is_written_is_linted_formatted_and_typed(
    service_name: str, request: pytest.FixtureRequest
) -> None:
    service: Service = request.getfixturevalue(service_name)
    for command in (["ruff", "check", "tests"], ["ruff", "format", "--check"], ["mypy"]):
        done = service.run(*command)
        assert done.code == 0, done.text


MUTATIONS = [
    pytest.param(one, edit, red, id=f"{one.command}-{number}")
    for one in ALL
    for number, (edit, red) in enumerate(one.mutations.items())
]


@pytest.mark.parametrize(("sample", "edit", "red"), MUTATIONS)
def test_each_case_is_able_to_fail(
    sample: Sample,
    edit: tuple[str, str],
    red: set[str],
    filled: Service,
    suite: Suite,
    tmp_path: Path,
) -> None:
    broken = filled.copy(tmp_path / "service")
    broken.replace(f"{PACKAGE}/{sample.file}", *edit)
    failed, text = suite.red(broken, sample.test)
    names = {name.partition("::")[2].partition("[")[0] for name in failed}
    # It also sees a backend that is not asked any more, and only warns yet.
    assert names - {"test_fails_closed"} == red, text


# A class that no one can see through, and what its test says in the place of a guess.
UNSEEN = {
    "def __init__(self, *parts: Any) -> None: ...": "Odd(*…)",
    "def __init__(self, by_name: dict[str, Left]) -> None: ...": "Odd(by_name=…)",
    "def __init__(self, keys: dict[str, bytes]) -> None: ...": "Odd(keys=…)",
    "def __init__(self, ask: Callable[[str], Awaitable[Found]]) -> None: ...": "Odd(ask=…)",
    "def __init__(self, left: T) -> None: ...": "Odd(left=…)",
    "def __init__(self, one: OnDetection, other: OnDetection) -> None: ...": "Odd(one=…, other=…)",
    "def __init__(self, on_detection: Literal['mask']) -> None: ...": "Odd(on_detection=…)",
    "def __init__(self, json: Json, mark: Literal['Detection']) -> None: ...": (
        "Odd(json={}, mark=…)"
    ),
    "def __init__(self, pair: tuple[int, str]) -> None: ...": "Odd(pair=…)",
    "def __init__(self, lefts: tuple[Left, ...]) -> None: ...": "Odd(lefts=…)",
    "def __init__(self, lefts: list[Left]) -> None: ...": "Odd(lefts=…)",
}
ODD = """
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar

from gateway.pipeline import Context, Detection, OnDetection

Found = list[Detection]
Json = dict[str, "Json"]
T = TypeVar("T")


class Left(Protocol):
    def find(self, text: str) -> AsyncIterator[Detection]: ...


class Odd:
    {}

    async def run(self, ctx: Context) -> Found:
        return []
"""
UNIT_OF_ODD = f"{STEPS}/test_odd.py"


def unit_of_odd(service: Service) -> str:
    """The test of the step, with `…` for each argument that a person fills in."""
    text = (service.path / UNIT_OF_ODD).read_text()
    return re.sub(r"""fill_in\((['"]).*?…  # .*?\1\)""", "…", text)


@pytest.mark.parametrize("constructor", UNSEEN)
def test_what_can_not_be_seen_is_left_open(constructor: str, service: Service) -> None:
    service.write({f"{PACKAGE}/pipeline/steps/odd.py": ODD.format(constructor)})
    done = service.tpgen("step", "odd")
    assert done.code == 0, done.text
    wanted = f"step = {UNSEEN[constructor]}  # … in the mode `on_detection`"
    assert wanted in unit_of_odd(service)


def test_a_base_of_another_package_may_ask_for_anything(service: Service) -> None:
    odd = ODD.replace("class Odd", "import httpx\n\n\nclass Odd(httpx.Auth)").format("")
    service.write({f"{PACKAGE}/pipeline/steps/odd.py": odd})
    service.tpgen("step", "odd")
    assert "step = Odd(**…)" in unit_of_odd(service)


CLIENT = """
from elsewhere import AsyncClient


class Odd:
    def __init__(self, http: AsyncClient) -> None: ...

    async def start(self) -> None: ...
"""


def test_a_client_of_another_package_is_not_that_of_httpx(service: Service) -> None:
    service.write({f"{PACKAGE}/clients/odd.py": CLIENT})
    service.tpgen("client", "odd")
    text = (service.path / "tests/unit/test_odd.py").read_text()
    assert "Odd seems to take no httpx client" in text
    assert "await client.…" in text


def test_names_are_those_of_components(scaffolded: Service) -> None:
    """No base that others inherit, and no module that is called private."""
    service = Found(scaffolded.path)
    steps = components.names(service, kinds(scaffolded.path)["step"])
    assert {"profanity", "links", "file_paths"} <= set(steps)
    assert not {"base", "_base", "base_step"} & set(steps)


def test_a_new_component_belongs_where_all_others_are(service: Service) -> None:
    kind = kinds(service.path)["client"]
    assert components.find(Found(service.path), kind, "new").module == "gateway.new"
    for folder in ("clients", "remote"):
        (service.path / PACKAGE / folder).mkdir()
        shutil.move(next(service.path.rglob("openai.py")), service.path / PACKAGE / folder)
        found = components.find(Found(service.path), kind, "new")
        assert found.module == f"gateway.{folder}.new"


class _Answers(BaseHTTPRequestHandler):
    """An upstream that is really asked."""

    def do_GET(self) -> None:
        body = b'{"at": 12, "id": 7}'
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


@contextmanager
def upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_contract_of_a_client_that_takes_a_transport_or_is_not_async(
    filled: Service,
) -> None:
    contracts = [f"tests/contract/test_{name}.py" for name in ("geo", "mail")]
    with upstream() as url:
        settings = {"GEO_URL": url, "GEO_API_KEY": "key", "MAIL_URL": url}
        recorded = filled.pytest("-q", "--record", *contracts, **settings)
        compared = filled.pytest("-q", *contracts, **settings)
    assert (recorded.code, recorded.count("passed")) == (0, 2), recorded.text
    assert (compared.code, compared.count("passed")) == (0, 2), compared.text
    assert '"id": 7' in (filled.path / "tests/contract/recordings/mail.json").read_text()


def test_a_contract_that_nobody_was_asked_for(service: Service) -> None:
    text = """
from tests.policy.suites.client import ContractSuite


class TestIt(ContractSuite):
    recording = "it.json"

    def make_client(self, http):
        return None

    async def call(self, client):
        return None
"""
    service.write({"tests/contract/test_it.py": text})
    done = service.pytest("-q", "tests/contract/test_it.py")
    assert "pass one of them to the client in TestIt.make_client" in done.text
