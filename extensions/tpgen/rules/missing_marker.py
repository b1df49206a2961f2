"""TPG304: a test that needs more than its code, and lacks the mark that says so."""

import ast
from collections.abc import Iterator
from urllib.parse import urlsplit

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name, literal
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding
from tpgen.source.trees import last_name

LAYERS = {"unit", "integration", "contract", "e2e"}
DATABASES = {"pg_container", "committed_db", "pg_session"}
CLIENTS = {
    f"{library}.{method}"
    for library in ("httpx", "requests")
    for method in ("get", "post", "put", "patch", "delete", "request", "stream")
}
TRIGGERS = (
    *(b"pg_container", b"committed_db", b"pg_session", b"PostgresContainer"),
    *(b"playwright", b"http://", b"https://"),
)
# Reserved names, which lead to no live server.
LOCAL = ("localhost", "test", "example", "invalid", "example.com", "example.org", "example.net")


def applies(path: str) -> bool:
    """Return whether a file has tests outside the folders of the layers, which give the mark."""
    inside = path.split("/")[:-1]
    return is_test_file(path) and not is_policy(path) and LAYERS.isdisjoint(inside)


def check(file: File) -> Iterator[Finding]:
    """Yield a finding for each mark that a test lacks."""
    for test in tests.of(file):
        for mark, reason in _needed(file, test):
            if mark not in _marks(file, test):
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
    if "page" in fixtures and _imports_playwright(file):
        yield "e2e", "drives a browser"
    if any(_is_live(file, call) for call in calls):
        yield "contract", "sends a request to a live server"


def _imports_playwright(file: File) -> bool:
    modules = [node.module or "" for node in file.nodes(ast.ImportFrom)]
    modules += [alias.name for node in file.nodes(ast.Import) for alias in node.names]
    return any(module.split(".")[0] == "playwright" for module in modules)


def _is_live(file: File, call: ast.Call) -> bool:
    if full_name(file, call.func) not in CLIENTS:
        return False
    return any(_is_public(literal(argument) or "") for argument in call.args)


def _is_public(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    is_name = "." in host and not host.replace(".", "").isdigit()
    return is_name and not host.endswith(tuple(f".{name}" for name in LOCAL)) and host not in LOCAL


def _marks(file: File, test: tests.Test) -> set[str]:
    """Return the marks of a test: by decorators, and by `pytestmark` of its classes and module."""
    given: list[ast.AST] = [*test.decorators]
    for body in [file.tree.body, *(holder.body for holder in test.classes)]:
        given += [node for node in body if ast.unparse(node).startswith("pytestmark")]
    named = {full_name(file, inner) for node in given for inner in ast.walk(node)}
    return {name.removeprefix("pytest.mark.") for name in named}


def _edits(file: File, test: tests.Test, mark: str) -> tuple[Edit, ...]:
    """Return the decorator above the test, and the import that it needs; none if it is unclear."""
    lines = file.data.split(b"\n")
    above = lines[test.first_line - 1]
    begins = above.lstrip(b" \t")
    if file.is_cut or not begins.startswith((b"@", b"def ", b"async ")):
        return ()
    end = b"\r\n" if above.endswith(b"\r") else b"\n"
    indent = above[: len(above) - len(begins)]
    at = _offset(lines, test.first_line)
    decorator = Edit(at, at, indent + f"@pytest.mark.{mark}".encode() + end)
    if _imports_pytest(file):
        return (decorator,)
    first = _first_statement(file)
    start = _offset(lines, min([first.lineno, *(node.lineno for node in _decorators(first))]))
    is_import = isinstance(first, ast.Import | ast.ImportFrom)
    return Edit(start, start, b"import pytest" + end * (1 if is_import else 3)), decorator


def _first_statement(file: File) -> ast.stmt:
    """Return the first statement after the docstring and the imports from `__future__`."""
    for node in file.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and getattr(node, "module", "") != "__future__":
            return node
    return file.tree.body[0]


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def _offset(lines: list[bytes], line: int) -> int:
    return sum(len(text) + 1 for text in lines[: line - 1])


def _imports_pytest(file: File) -> bool:
    return any(
        isinstance(node, ast.Import)
        and any(alias.name == "pytest" and not alias.asname for alias in node.names)
        for node in file.tree.body
    )


RULE = FileRule(
    code="TPG304",
    name="missing-marker",
    section="@pytest.mark.integration # requires real Postgres",
    why='`pytest -m "not integration"` is to run without a database: a test that lacks its mark '
    "fails there, or reaches out where nobody expects it.",
    fix="Move the test to the folder of its layer, which gives the mark, or mark it. `--fix` marks it.",
    applies=applies,
    triggers=TRIGGERS,
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
""",
        "tests/integration/test_usage.py": """\
async def test_counts(committed_db):
    assert await committed_db.get("row")
""",
    },
)
