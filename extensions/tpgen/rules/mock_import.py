"""TPG101: the import of a mock library."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.mocks import LIBRARIES, is_library
from tpgen.check.places import is_policy, is_python
from tpgen.check.qualified import full_name, imported
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# Names of `unittest.mock` that nothing else has: a helper that passes them on is found, too.
CLASSES = {
    *("AsyncMock", "MagicMock", "NonCallableMagicMock", "NonCallableMock", "PropertyMock"),
    *("ThreadingMock", "create_autospec", "mock_open"),
}
# The names that a test takes `from mock`; other names come from a module `mock` of the project.
NAMES = CLASSES | {"*", "ANY", "DEFAULT", "Mock", "call", "mock", "patch", "seal", "sentinel"}


def applies(path: str) -> bool:
    """Return whether a file is Python outside the policy: a helper anywhere can pass mocks on."""
    return is_python(path) and not is_policy(path)


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each import of a mock library, or of names of it."""
    found = [*_imports(file), *_from_imports(file)]
    for node, what in found or _attributes(file):
        yield file.finding(
            node,
            f"{what} a mock library: give the code an httpx.MockTransport, or a small "
            "class of your own",
        )


def _imports(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.Import):
        for alias in node.names:
            if is_library(alias.name):
                yield alias, f"import {alias.name} imports"


def _from_imports(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        names = [alias.name for alias in node.names]
        if found := [name for name in names if name in CLASSES or _is_of_library(module, name)]:
            yield node, f"from {module} import {found[0]} imports"


def _attributes(file: File) -> Iterator[tuple[ast.AST, str]]:
    """Yield the uses of `unittest.mock` after `import unittest`, if another file imported it."""
    if imported(file).get("unittest") != "unittest":
        return
    for node in file.nodes(ast.Attribute):
        if full_name(file, node) == "unittest.mock":
            yield node, "unittest.mock is"


def _is_of_library(module: str, name: str) -> bool:
    if module == "mock":
        return name in NAMES
    return is_library(module) or is_library(f"{module}.{name}")


RULE = FileRule(
    code="TPG101",
    name="mock-import",
    section="Never import unittest.mock. Use httpx.MockTransport",
    why="Mocked tests passed, and production broke. Unlike ruff's TID251, this rule can't be "
    "silenced by a `# noqa`, and knows more libraries. The run sees hidden imports: "
    "`pytest --census` records every mock that is made.",
    fix="Give the client `httpx.MockTransport(handler)`, or write a small class that does what the "
    "real one does.",
    applies=applies,
    triggers=(b"Mock", b"autospec", *(library.encode() for library in LIBRARIES)),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
from unittest import mock  # noqa: TID251


def test_asks(client):
    client.http = mock.Mock()
    client.ask()
    assert client.http.called
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
