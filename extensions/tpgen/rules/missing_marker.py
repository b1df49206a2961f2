"""TPG304: a test that needs more than its code, and lacks the mark that says so."""

import ast
from codecs import BOM_UTF8
from collections.abc import Iterator
from urllib.parse import urlsplit

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name, literal
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding
from tpgen.source.trees import callee, last_name

LAYERS = {"unit", "integration", "contract", "e2e"}
DATABASES = {"pg_container", "committed_db", "pg_session"}
CLIENTS = {
    f"{library}.{method}"
    for library in ("httpx", "requests")
    for method in ("get", "post", "put", "patch", "delete", "request", "stream")
}
# They answer the requests of a test in place of the server.
INTERCEPTORS = {"httpretty", "pook", "requests_mock", "respx", "responses", "vcr"}
TRIGGERS = (
    *(b"pg_container", b"committed_db", b"pg_session", b"PostgresContainer"),
    *(b"playwright", b"http://", b"https://"),
)
# Names that lead to no live server.
RESERVED = (
    *(".localhost", ".test", ".example", ".invalid"),
    *(".example.com", ".example.org", ".example.net"),
)


def applies(path: str) -> bool:
    """Return whether a file has tests outside the folders of the layers, which give the mark."""
    inside = path.split("/")[:-1]
    return is_test_file(path) and not is_policy(path) and LAYERS.isdisjoint(inside)


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each mark that a test lacks."""
    for test in tests.of(file):
        marks = {full_name(file, callee(mark)) for mark in tests.marks(file, test)}
        for mark, reason in _needed(file, test):
            if f"pytest.mark.{mark}" not in marks:
                yield file.finding(
                    test.function,
                    f"{test.function.name} {reason} and is not marked {mark}: mark it, or move it to "
                    f"tests/{mark}",
                    edits=_edits(file, test, mark),
                )


def _needed(file: File, test: tests.Test) -> Iterator[tuple[str, str]]:
    fixtures = tests.fixtures_of(test)
    calls = [node for node in ast.walk(test.function) if isinstance(node, ast.Call)]
    # In a service, the engine marks the tests that use a database.
    if not file.project.is_service:
        if databases := fixtures & DATABASES:
            yield "integration", f"asks for {min(databases)}"
        elif any(last_name(call.func) == "PostgresContainer" for call in calls):
            yield "integration", "starts a Postgres"
    if "page" in fixtures and _imports(file, {"playwright"}):
        yield "e2e", "drives a browser"
    if not _imports(file, INTERCEPTORS) and any(_is_live(file, call) for call in calls):
        yield "contract", "sends a request to a live server"


def _imports(file: File, libraries: set[str]) -> bool:
    modules = [node.module or "" for node in file.nodes(ast.ImportFrom)]
    modules += [alias.name for node in file.nodes(ast.Import) for alias in node.names]
    return any(module.split(".")[0] in libraries for module in modules)


def _is_live(file: File, call: ast.Call) -> bool:
    if full_name(file, call.func) not in CLIENTS:
        return False
    return any(_is_public(literal(argument) or "") for argument in call.args)


def _is_public(url: str) -> bool:
    try:
        host = f".{urlsplit(url).hostname or ''}"
    except ValueError:
        return False
    return "." in host[1:] and not host.endswith(RESERVED) and not host[-1].isdigit()


def _edits(file: File, test: tests.Test, mark: str) -> tuple[Edit, ...]:
    """Return the decorator above the test, and the import that it needs; none if it is unclear."""
    lines = file.data.splitlines(keepends=True)
    above = lines[test.first_line - 1]
    begins = above.lstrip(b" \t")
    imports = [node for node in file.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imports = [node for node in imports if getattr(node, "module", "") != "__future__"]
    # Before an import in the middle of a line there is a docstring or `from __future__ import …`.
    is_below = bool(imports) and imports[0].col_offset == 0 and imports[0].lineno < test.first_line
    if file.is_cut or not is_below or not begins.startswith((b"@", b"def ", b"async ")):
        return ()
    end = b"\r\n" if above.endswith(b"\r\n") else b"\n"
    indent = above.removesuffix(begins)
    decorator = _line(lines, test.first_line, indent + f"@pytest.mark.{mark}".encode() + end)
    if "import pytest" in map(ast.unparse, imports):
        return (decorator,)
    return _line(lines, imports[0].lineno, b"import pytest" + end), decorator


def _line(lines: list[bytes], number: int, text: bytes) -> Edit:
    """Return the edit that puts a text before a line."""
    mark = BOM_UTF8 if lines[0].startswith(BOM_UTF8) else b""
    start = len(b"".join(lines[: number - 1]) or mark)
    return Edit(start, start, text)


RULE = FileRule(
    code="TPG304",
    name="missing-marker",
    section="@pytest.mark.integration # requires real Postgres",
    why='`pytest -m "not integration"` must run without a database: a test that lacks its mark '
    "fails there, or sends requests that nobody expects.",
    fix="Move the test to the folder of its layer, which gives the mark, or mark it. `--fix` marks it.",
    applies=applies,
    triggers=TRIGGERS,
    reads_project=True,
    check=check,
    bad={
        "tests/test_audit.py": """\
import pytest


async def test_writes(committed_db):
    assert await committed_db.get("row")
"""
    },
    good={
        "tests/test_audit.py": """\
import pytest


@pytest.mark.integration
async def test_writes(committed_db):
    assert await committed_db.get("row")
"""
    },
)
