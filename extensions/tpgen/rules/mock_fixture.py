"""TPG102: a test asks for a fixture that patches."""

import ast
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.mocks import FIXTURES
from tpgen.check.places import is_test_python
from tpgen.check.qualified import literal
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.source.trees import last_name

from . import mock_import

REQUESTS = {"getfixturevalue", "usefixtures"}


def check(file: File) -> Iterator[Finding]:
    """Yield a finding where such a fixture is asked for, unless the project defines it itself."""
    asked: list[tuple[ast.AST, str | None]] = []
    for function in tests.functions(file):
        asked += [(parameter, parameter.arg) for parameter in tests.parameters(function)]
    for call in file.nodes(ast.Call):
        if last_name(call.func) in REQUESTS:
            asked += [(argument, literal(argument)) for argument in call.args]
    for node, name in asked:
        if name in FIXTURES and not tests.defines_fixture(file, name):
            yield file.finding(
                node,
                f"{name} patches what the test runs: give the code an httpx.MockTransport, or a "
                "small class of your own",
            )


RULE = FileRule(
    code="TPG102",
    name="mock-fixture",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="`mocker` is unittest.mock without an import, so no linter of imports sees it. `httpx_mock`, "
    "`respx_mock` and `requests_mock` patch the library below the code, so that a client that "
    "is wired wrongly passes.",
    fix=mock_import.RULE.fix,
    applies=is_test_python,
    triggers=tuple(name.encode() for name in sorted(FIXTURES)),
    reads_project=True,
    check=check,
    bad={"tests/unit/test_client.py": "def test_asks(mocker):\n    mocker.patch('client.http')\n"},
    good=mock_import.RULE.good,
)
