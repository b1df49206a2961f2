"""What the mock library is called in a file."""

import ast
import re

from .file import File
from .qualified import full_name, imported, text

MODULES = (
    *("unittest.mock", "mock", "pytest_mock", "asynctest", "asyncmock", "flexmock", "mockito"),
    *("aioresponses", "doublex", "mocket", "pytest_httpx", "requests_mock", "respx"),
)
FIXTURES = {f"{scope}mocker" for scope in ("", "class_", "module_", "package_", "session_")}
# Names that are the library's wherever they are imported from.
UNMISTAKABLE = {
    "AsyncMock",
    "MagicMock",
    "NonCallableMagicMock",
    "NonCallableMock",
    "PropertyMock",
    "ThreadingMock",
    "create_autospec",
    "mock_open",
}
# Names that are, where they come from the project's own helpers.
USUAL = {"Mock", "mock", "patch"}
# A file without any of these words needs no tree for the rules about mocks.
WORDS = re.compile(
    rb"\b(?:mock|patch|\w*_?mocker|unittest\.mock|pytest_mock|asynctest|asyncmock|flexmock|mockito"
    rb"|aioresponses|doublex|mocket|pytest_httpx|requests_mock|respx"
    rb"|Mock|create_autospec|mock_open|(?:Magic|Async|Property|Threading|NonCallable)\w*Mock)\b"
)


def is_library(name: str) -> bool:
    """Whether a full name is a library of mocks, or something in it."""
    return any(name == one or name.startswith(f"{one}.") for one in MODULES)


def names_library(file: File, node: ast.AST | None) -> bool:
    """Whether a text names a library of mocks, as in `import_module("unittest.mock")`."""
    named = text(file, node)
    return named is not None and is_library(named.replace(":", "."))


def is_own_module(file: File, name: str) -> bool:
    """Whether `import mock` takes a file of the project's own that is called so."""
    folder = file.path.rpartition("/")[0]
    places = [f"{folder}/{name}" if folder else name, name]
    own = file.project.paths
    return any(f"{place}.py" in own or f"{place}/__init__.py" in own for place in places)


def is_of_library(file: File, node: ast.AST) -> bool:
    """Whether an expression names the library or something in it."""
    name = full_name(file, node)
    return (is_library(name) and name.split(".")[0] != "mock") or _is_mock(file, name)


def _is_mock(file: File, name: str) -> bool:
    return name.split(".")[0] == "mock" and "mock" in imported(file).values()
