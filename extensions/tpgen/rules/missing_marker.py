"""TPG304: a test that needs more than its code, and doesn't say so by a mark."""

import ast
import re
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name, last_name, text
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding

LAYERS = {"unit", "integration", "contract", "e2e"}
OURS = {"pg_container", "committed_db", "pg_session"}
MAKERS = {"create_engine", "create_async_engine"}
CLIENTS = {
    f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "request", "stream")
}
CLIENTS |= {name.replace("httpx", "requests") for name in CLIENTS}
SIGNS = (
    *(b"pg_container", b"committed_db", b"pg_session", b"PostgresContainer", b"playwright"),
    *(b"create_engine(", b"create_async_engine(", b"httpx.", b"requests.", b"from httpx"),
    *(b"from requests", b"db", b"page"),
)
PARAMETER = re.compile(rb"[\s(,\"'](db|page)(?=[\s,:)\"'])")
REACHING = re.compile(
    rb"\b(?:httpx|requests)\.(?:get|post|put|patch|delete|request|stream)\("
    rb"|from (?:httpx|requests) import|import (?:httpx|requests) as"
)
LIVE = re.compile(
    r"https?://(?!localhost\b|127\.|\[|test\b|testserver\b|0\b|[\w.-]*\.?(?:example|invalid|test|localhost)\b"
    r"|(?:[\w-]+\.)*example\.(?:com|org|net)\b)[\w-]+(?:\.[\w-]+)+",
    re.IGNORECASE,
)


def applies(path: str) -> bool:
    """The tests outside the folders of the layers, which give the mark."""
    inside = path.split("/")[:-1]
    return is_test_file(path) and not is_policy(path) and LAYERS.isdisjoint(inside)


def check(file: File) -> Iterator[Finding]:
    """Each test that lacks a mark."""
    if not _may_need(file):
        return
    for test in tests.of(file):
        for mark, reason in _needed(file, test):
            if mark not in _marks(file, test):
                yield file.finding(
                    test.function,
                    f"{test.function.name} {reason} and is not marked {mark}: mark it, or move it to "
                    f"tests/{mark}",
                    edits=_edits(file, test, mark),
                )


def _may_need(file: File) -> bool:
    """Whether a file has to be parsed: what can be told from its words is told so."""
    if any(one.encode() in file.data for one in OURS) or REACHING.search(file.data):
        return True
    asked = {found[1] for found in PARAMETER.finditer(file.data)}
    if (b"db" in asked and _has_postgres(file)) or (b"page" in asked and _has_playwright(file)):
        return True
    return _may_make_postgres(file)


def _may_make_postgres(file: File) -> bool:
    return b"PostgresContainer" in file.data or (
        b"postgres" in file.data and b"_engine(" in file.data
    )


def _has_postgres(file: File) -> bool:
    return any(b"ostgres" in one.data for one in tests.conftests(file))


def _needed(file: File, test: tests.Test) -> Iterator[tuple[str, str]]:
    asked = tests.asked_for(file, test)
    # The plugin of a service marks what asks for a database by itself.
    if not file.project.is_service and (reason := _postgres(file, test, asked)):
        yield "integration", reason
    if "page" in asked and _has_playwright(file):
        yield "e2e", "drives a browser"
    if REACHING.search(file.data) and any(_goes_out(file, one) for one in ast.walk(test.function)):
        yield "contract", "asks a live upstream"


def _has_playwright(file: File) -> bool:
    """Whether `page` is Playwright's: by the words of a file, or because its plugin is installed."""
    if any(b"playwright" in one.data for one in [file, *tests.conftests(file)]):
        return True
    settings = file.project.file("pyproject.toml")
    named = settings is not None and b"pytest-playwright" in settings.data
    return named and not tests.defines_fixture(file, "page")


def _postgres(file: File, test: tests.Test, asked: set[str]) -> str:
    wanted = asked & OURS
    if "db" in asked and _has_postgres(file):
        wanted |= {"db"}
    if wanted:
        return f"asks for {min(wanted)}"
    if not _may_make_postgres(file):
        return ""
    fixtures = tests.fixtures(file)
    nodes = [test.function, *(fixtures[name] for name in asked if name in fixtures)]
    if any(_makes_postgres(file, one) for node in nodes for one in ast.walk(node)):
        return "makes a Postgres of its own"
    return ""


def _makes_postgres(file: File, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name == "PostgresContainer":
        return True
    return (
        name in MAKERS
        and bool(node.args)
        and (text(file, node.args[0]) or "").startswith("postgres")
    )


def _goes_out(file: File, node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or full_name(file, node.func) not in CLIENTS:
        return False
    return any(LIVE.match(text(file, one) or "") for one in node.args)


def _marks(file: File, test: tests.Test) -> set[str]:
    holders = [test.function, *test.classes]
    given: list[ast.AST] = [one for holder in holders for one in holder.decorator_list]
    bodies = [file.tree.body, *(holder.body for holder in test.classes)]
    for statement in (one for body in bodies for one in body):
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and statement.value:
            targets = getattr(statement, "targets", None) or [statement.target]  # type: ignore[union-attr]
            if any(last_name(target) == "pytestmark" for target in targets):
                given.append(statement.value)
    named = [full_name(file, inner) for one in given for inner in ast.walk(one)]
    return {name.removeprefix("pytest.mark.") for name in named if name.startswith("pytest.mark.")}


def _edits(file: File, test: tests.Test, mark: str) -> tuple[Edit, ...]:
    """The decorator above the test, and the import that it needs; none where that isn't plain."""
    if file.is_cut or file.data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ()
    lines = file.data.split(b"\n")
    above = lines[test.first_line - 1]
    begins = above.lstrip()
    if not begins.startswith((b"@", b"def ", b"async ")) or b"\f" in above:
        return ()
    end = b"\r\n" if above.endswith(b"\r") else b"\n"
    indent = above[: len(above) - len(begins)]
    at = _offset(lines, test.first_line)
    decorator = Edit(at, at, indent + f"@pytest.mark.{mark}".encode() + end)
    if _imports_pytest(file):
        return (decorator,)
    first = _first_statement(file)
    if first is None or first.col_offset:
        return ()
    start = _offset(lines, min([first.lineno, *(one.lineno for one in _decorators(first))]))
    is_import = isinstance(first, ast.Import | ast.ImportFrom)
    return Edit(start, start, b"import pytest" + end * (1 if is_import else 3)), decorator


def _first_statement(file: File) -> ast.stmt | None:
    """The first statement after the docstring and what comes from `__future__`."""
    for node in file.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and getattr(node, "module", "") != "__future__":
            return node
    return None


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def _offset(lines: list[bytes], line: int) -> int:
    return sum(len(one) + 1 for one in lines[: line - 1])


def _imports_pytest(file: File) -> bool:
    return any(
        isinstance(node, ast.Import)
        and any(one.name == "pytest" and not one.asname for one in node.names)
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
    triggers=SIGNS,
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
