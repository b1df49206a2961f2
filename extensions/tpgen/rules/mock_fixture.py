"""TPG102: a test asks a fixture to patch for it."""

import ast
from collections.abc import Iterator

from tpgen.check import mocks, skim, tests
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import last_name, text
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# `responses` and `aioresponses` are too common as names of a project's own fixtures.
PATCHING = {"httpx_mock", "respx_mock", "requests_mock"}
FIXTURES = mocks.FIXTURES | PATCHING
ASKING = {"getfixturevalue", "usefixtures"}


def check(file: File) -> Iterator[Finding]:
    """Each parameter and each call that asks for such a fixture, unless it is the project's own."""
    for where, name in _asked(skim.skimmed(file)):
        if not tests.defines_fixture(file, name):
            yield file.finding(
                where,
                f"{name} patches what the test runs: give the code an httpx.MockTransport, or a "
                "small class of your own",
            )


def _asked(file: File) -> Iterator[tuple[ast.AST, str]]:
    for function in tests.functions(file):
        for one in tests.parameters(function):
            if one.arg in FIXTURES:
                yield one, one.arg
    for call in file.nodes(ast.Call):
        if last_name(call.func) in ASKING:
            for given in call.args:
                if (name := text(file, given)) in FIXTURES:
                    yield given, name or ""


RULE = FileRule(
    code="TPG102",
    name="mock-fixture",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="`mocker` is unittest.mock by another road, which no linter of imports sees. `httpx_mock`, "
    "`respx_mock` and `requests_mock` patch the library below the code, so that a client that "
    "is wired wrongly passes.",
    fix="Give the client `httpx.MockTransport(handler)`, or write a small class that does what the "
    "real one does.",
    applies=is_test_python,
    triggers=(b"mocker", b"getfixturevalue", *(name.encode() for name in sorted(PATCHING))),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
def test_asks(mocker, client):
    client.http = mocker.stub()
    assert client.ask()
"""
    },
    good={
        "tests/unit/test_client.py": """\
import httpx


def test_asks(make_client):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="hello"))
    assert make_client(httpx.Client(transport=transport)).ask() == "hello"
"""
    },
)
