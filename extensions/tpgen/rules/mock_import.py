"""TPG101: the import of a mock library."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.mocks import LIBRARIES, is_library
from tpgen.check.places import is_policy, is_python
from tpgen.check.renaming import Import, imports
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# Names of `unittest.mock` that nothing else has: a helper that passes them on is found, too.
CLASSES = {
    *("AsyncMock", "MagicMock", "NonCallableMagicMock", "NonCallableMock", "PropertyMock"),
    *("ThreadingMock", "create_autospec", "mock_open"),
}
# The names that a test takes `from mock`; other names come from a module `mock` of the project.
NAMES = CLASSES | {"*", "ANY", "DEFAULT", "Mock", "call", "mock", "patch", "seal", "sentinel"}


def check(file: File) -> Iterator[Finding]:
    for node in imports(file):
        if name := _mock_of(node):
            yield file.finding(
                node,
                f"{name} is a mock library, or a part of one: give the code an "
                "httpx.MockTransport, or a small class of your own",
            )


def _mock_of(statement: Import) -> str:
    """Return the first part of a mock library that a statement imports; "" if it imports none."""
    module = ""
    if isinstance(statement, ast.ImportFrom):
        module = f"{'.' * statement.level}{statement.module or ''}."
    for name in (alias.name for alias in statement.names):
        is_part = name in NAMES if module == "mock." else is_library(module + name)
        if is_part or (module and name in CLASSES):
            return module + name
    return ""


RULE = FileRule(
    code="TPG101",
    name="mock-import",
    section="Never import unittest.mock. Use httpx.MockTransport",
    why="Mocked tests passed, and production broke. Unlike ruff's TID251, this rule can't be "
    "silenced by a `# noqa`, and knows more libraries. The run sees hidden imports: "
    "`pytest --census` records every mock that is made and every patch that starts.",
    fix="Give the client `httpx.MockTransport(handler)`, or write a small class that does what the "
    "real one does.",
    # A helper anywhere can pass mocks on.
    applies=lambda path: is_python(path) and not is_policy(path),
    triggers=(b"Mock", b"autospec", *(library.encode() for library in LIBRARIES)),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
from unittest import mock  # noqa: TID251


@mock.patch("gateway.client.http")
def test_asks(http, client):
    assert client.ask() == http.post.return_value
""",
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
