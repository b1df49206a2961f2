"""TPG304: a test that needs more than its code, and lacks the mark that says so."""

import ast
import re
from codecs import BOM_UTF8
from collections.abc import Iterator

from tpgen.check import tests
from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.qualified import full_name, literal
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding
from tpgen.source.trees import callee, last_name

LAYERS = {"unit", "integration", "contract", "e2e"}
DATABASES = {"pg_container", "committed_db", "pg_session"}
CLIENT = re.compile(r"(?:httpx|requests)\.(?:get|post|put|patch|delete|request|stream)")
# They answer the requests of a test in place of the server.
INTERCEPTORS = {"httpretty", "pook", "requests_mock", "respx", "responses", "vcr"}
TRIGGERS = (*sorted(DATABASES), "PostgresContainer", "playwright", "http://", "https://")
# An address with the name of a host, other than those reserved for tests.
PUBLIC = re.compile(
    r"https?://(?!(?:[\w.-]+\.)?(?:localhost|test|invalid|example(?:\.com|\.org|\.net)?)(?:[:/?]|$))"
    r"[\w.-]+\.[A-Za-z]+(?:[:/?]|$)"
)


def check(file: File) -> Iterator[Finding]:
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
    modules = [node.module or "" for node in file.nodes(ast.ImportFrom)]
    modules += [alias.name for node in file.nodes(ast.Import) for alias in node.names]
    libraries = {module.split(".")[0] for module in modules}
    if "page" in fixtures and "playwright" in libraries:
        yield "e2e", "drives a browser"
    requests = [call for call in calls if CLIENT.fullmatch(full_name(file, call.func))]
    addresses = [literal(argument) or "" for call in requests for argument in call.args]
    if libraries.isdisjoint(INTERCEPTORS) and any(map(PUBLIC.match, addresses)):
        yield "contract", "sends a request to a live server"


def _edits(file: File, test: tests.Test, mark: str) -> tuple[Edit, ...]:
    """Return the decorator above the test, and the import that it needs; none if it is unclear."""
    lines = file.data.splitlines(keepends=True)
    line = lines[test.first_line - 1]
    code = line.lstrip(b" \t")
    imports = [node for node in file.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imports = [node for node in imports if getattr(node, "module", "") != "__future__"]
    # Before an import in the middle of a line there is a docstring or `from __future__ import …`.
    is_below = bool(imports) and imports[0].col_offset == 0 and imports[0].lineno < test.first_line
    is_clear = is_below and not file.data.startswith(BOM_UTF8)
    if not is_clear or not code.startswith((b"@", b"def ", b"async ")):
        return ()
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    added = {test.first_line: line.removesuffix(code) + f"@pytest.mark.{mark}".encode() + end}
    if "import pytest" not in map(ast.unparse, imports):
        added[imports[0].lineno] = b"import pytest" + end
    places = {number: len(b"".join(lines[: number - 1])) for number in sorted(added)}
    return tuple(Edit(place, place, added[number]) for number, place in places.items())


TEST = """\
import pytest

{mark}
async def test_writes(committed_db):
    assert await committed_db.get("row")
"""
RULE = FileRule(
    code="TPG304",
    name="missing-marker",
    section="@pytest.mark.integration # requires real Postgres",
    why='`pytest -m "not integration"` must run without a database: a test that lacks its mark '
    "fails there, or sends requests that nobody expects.",
    fix="Move the test to the folder of its layer, which gives the mark, or mark it. `--fix` marks it.",
    # The folders of the layers give the mark.
    applies=lambda path: (
        is_test_file(path) and not is_policy(path) and LAYERS.isdisjoint(path.split("/"))
    ),
    triggers=tuple(trigger.encode() for trigger in TRIGGERS),
    reads_project=True,
    check=check,
    bad={"tests/test_audit.py": TEST.format(mark="")},
    good={"tests/test_audit.py": TEST.format(mark="\n@pytest.mark.integration")},
)
