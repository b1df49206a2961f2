"""TPG101: the mock library gets in, by whatever road."""

import ast
import re
from collections.abc import Iterator

from tpgen.check import mocks, skim
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_python, is_test_path
from tpgen.check.qualified import full_name, imported, last_name, text, written
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

LOADERS = {"import_module", "__import__", "find_spec", "importorskip", "resolve_name", "LazyLoader"}
LOADERS |= {"import_string", "locate", "run_module", "load_module"}
RUNS = re.compile(rb"exec\((?<=\bexec\()|eval\((?<=\beval\()")
OF_MODULES = {"sys.modules.get", "sys.modules.pop"}
RUNNERS = {"exec", "eval", "compile"}
LOADS = (
    *(b"import_module", b"__import__", b"find_spec", b"resolve_name", b"importorskip"),
    *(b"LazyLoader", b"import_string", b"getattr(", b"modules[", b"modules.get"),
    *(b"unittest.__dict__", b"vars(", b"run_module", b"locate", b"load_module"),
)
SPELT = re.compile(
    r"\b(?:unittest\.mock|unittest import .*\bmock|(?:import|from) mock|pytest_mock)\b"
)
CONFIGURATION = {
    "pyproject.toml",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    "setup.cfg",
    "tox.ini",
}
PLUGIN = re.compile(r"-p[\s\"',]*(?:pytest_mock|pytest-mock)\b|required_plugins\b.*pytest-mock")
MESSAGE = (
    "{what} brings in mocks: give the code an httpx.MockTransport, or a small class of your own"
)


def applies(path: str) -> bool:
    """All Python, because a helper anywhere hands mocks on, and the configuration of pytest."""
    return (is_python(path) and not is_policy(path)) or path.split("/")[-1] in CONFIGURATION


def check(file: File) -> Iterator[Finding]:
    """Each place that imports a library of mocks, or names of it."""
    if not is_python(file.path):
        yield from _configured(file)
    else:
        for node, what in _found(file):
            yield file.finding(node, MESSAGE.format(what=what))


def _found(file: File) -> Iterator[tuple[ast.AST, str]]:
    data = file.data
    if mocks.WORDS.search(skim.imports(file)):
        part = skim.skimmed(file)
        yield from _imports(part)
        yield from _froms(part)
    # Only in tests: a program may well ask whether the library is there.
    if is_test_path(file.path):
        if any(one in data for one in LOADS) or RUNS.search(data):
            yield from _loaded(skim.skimmed(file))
        if b"pytest_plugins" in data and b"mock" in data:
            yield from _plugins(skim.skimmed(file))
        if b"unittest" in data and b".mock" in data:
            yield from _dotted(skim.skimmed(file))


def _configured(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.lines, 1):
        if not line.lstrip().startswith(("#", ";")) and PLUGIN.search(line):
            yield file.finding(number, MESSAGE.format(what="the plugin pytest_mock"))


def _imports(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.Import):
        for one in node.names:
            if mocks.is_library(one.name) and not mocks.is_own_module(file, one.name):
                yield one, f"import {one.name}"


def _froms(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.ImportFrom):
        module = node.module or ""
        if not node.level and mocks.is_library(module):
            if not mocks.is_own_module(file, module):
                yield node, f"from {module} import"
            continue
        for one in node.names:
            if _is_mock(file, node, one.name):
                yield one, f"{one.name} from {'.' * node.level}{module}"


def _is_mock(file: File, node: ast.ImportFrom, name: str) -> bool:
    module = node.module or ""
    if name in mocks.UNMISTAKABLE:
        return True
    if not node.level and mocks.is_library(f"{module}.{name}"):
        return True
    if name not in mocks.USUAL or not (node.level or _is_of_tests(module)):
        return False
    return not (name == "mock" and _is_module(file, node))


def _is_of_tests(module: str) -> bool:
    return any(
        part in {"test", "tests", "testing", "conftest", "helpers"} for part in module.split(".")
    )


def _is_module(file: File, node: ast.ImportFrom) -> bool:
    """Whether `from . import mock` takes a file of the project's own."""
    parts = file.path.split("/")[: -node.level] if node.level else []
    path = "/".join([*parts, *(node.module or "").split("."), "mock"]).replace("//", "/")
    return any(f"{path}{end}" in file.project.paths for end in (".py", "/__init__.py"))


def _loaded(file: File) -> Iterator[tuple[ast.AST, str]]:
    for call in file.nodes(ast.Call):
        name = full_name(file, call.func).rpartition(".")[2] or last_name(call.func)
        if (name in LOADERS and _loads(file, call)) or (
            name in RUNNERS and call.args and SPELT.search(text(file, call.args[0]) or "")
        ):
            yield call, f"{name}()"
        elif name == "getattr" and len(call.args) > 1 and _is_unittest(file, call.args[0]):
            if text(file, call.args[1]) == "mock":
                yield call, "getattr()"
        elif name in {"get", "pop"} and full_name(file, call.func) in OF_MODULES:
            yield from ((call, "sys.modules") for one in call.args[:1] if _is_key(file, one))
    yield from _subscripts(file)


def _loads(file: File, call: ast.Call) -> bool:
    given = [*call.args, *(one.value for one in call.keywords)]
    words = [text(file, one) for one in given]
    if words[1:] and (words[0] or "").startswith("."):
        return mocks.is_library(f"{words[1]}{words[0]}")
    if words[:1] == ["unittest"]:
        inner = [one for node in given[1:] for one in ast.walk(node)]
        return any(text(file, one) == "mock" for one in inner)
    return any(mocks.names_library(file, one) for one in given[:1])


def _is_unittest(file: File, node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return last_name(node.func) in LOADERS and text(
            file, node.args[0] if node.args else None
        ) == ("unittest")
    return full_name(file, node) == "unittest"


def _is_key(file: File, node: ast.expr) -> bool:
    return text(file, node) in {"unittest.mock", "pytest_mock"}


def _subscripts(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.Subscript):
        if not isinstance(node.ctx, ast.Load):
            continue
        if _is_key(file, node.slice) and last_name(node.value) == "modules":
            yield node, "sys.modules"
        elif text(file, node.slice) == "mock" and _is_inside(file, node.value):
            yield node, "unittest.__dict__"


def _is_inside(file: File, node: ast.expr) -> bool:
    """Whether it is `unittest.__dict__`, or `vars(unittest)`."""
    if isinstance(node, ast.Call):
        given = node.args[:1]
        return written(node.func) == "vars" and any(_is_unittest(file, one) for one in given)
    return full_name(file, node) == "unittest.__dict__"


def _plugins(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.Assign):
        names = {last_name(target) for target in node.targets}
        if "pytest_plugins" in names and any(
            text(file, one) == "pytest_mock" for one in ast.walk(node.value)
        ):
            yield node, "the plugin pytest_mock"


def _dotted(file: File) -> Iterator[tuple[ast.AST, str]]:
    """`unittest.mock` by attribute, where no import of the file says so."""
    if "unittest" not in imported(file).values():
        return
    if any(one.name == "unittest.mock" for node in file.nodes(ast.Import) for one in node.names):
        return
    for node in file.nodes(ast.Attribute):
        if node.attr == "mock" and _is_unittest(file, node.value):
            yield node, "unittest.mock"


RULE = FileRule(
    code="TPG101",
    name="mock-import",
    section="Never import unittest.mock. Use httpx.MockTransport",
    why="Mocked tests passed, and production broke. A linter sees the plain import; a helper that "
    "hands `patch` on, a name put together from two texts or a `# noqa` gets past it.",
    fix="Give the client `httpx.MockTransport(handler)`, or write a small class that does what the "
    "real one does.",
    applies=applies,
    triggers=(
        b"mock",
        b"Mock",
        b"patch",
        b"import_module",
        b"__import__",
        b"exec(",
        b"resolve_name",
        b"respx",
        b"aioresponses",
        b"doublex",
        b"pytest_httpx",
    ),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
from importlib import import_module

double = import_module("unittest" + ".mock")


def test_asks(client):
    client.http = double.Mock()
    client.ask()
    assert client.http.called
""",
        "tests/unit/test_chat.py": """\
from tests.helpers import MagicMock


def test_asks(client):
    client.http = MagicMock()
    assert client.ask()
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
