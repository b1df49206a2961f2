"""TPG103: a test swaps part of the code that it runs."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from tpgen.check import mocks, tests
from tpgen.check.file import File
from tpgen.check.finding import Finding
from tpgen.check.names import full_name, imported, last_name, text, written
from tpgen.check.places import is_test_python
from tpgen.check.rule import FileRule

WAYS = {"object", "dict", "multiple", "context_manager"}
# A word before `.patch(` that tells a mock from a request by PATCH.
MOCKING = re.compile(r"(?:^|[._])(?:mock(?:er)?|self|cls)$")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# State of the process, which has no other way in; a switch of a library is no code of ours.
PROCESS = {"sys", "os", "logging", "warnings", "locale", "gc", "threading"}
IMPORTED = re.compile(rb"^[ \t]*(?:import|from)[ \t][^\n(]*(?:\([^)]*\))?", re.MULTILINE)
ASSIGNED = re.compile(rb"^[ \t]*([A-Za-z_]\w*)(?:\.\w+)+ = ", re.MULTILINE)
SWAPPED = (b"patch", b"setattr(", b"__dict__[", b"vars(", b"modules[")
SETTING = ast.Constant | ast.UnaryOp | ast.List | ast.Dict | ast.Tuple | ast.Set


def check(file: File) -> Iterator[Finding]:
    """Each patch, by the library or by hand."""
    if not _may_swap(file.data):
        return
    if b"patch" in file.data:
        for node in _patches(file):
            yield file.finding(node, _message("patch"))
    for where, what in _by_hand(file):
        yield file.finding(where, _message(what))


def _may_swap(data: bytes) -> bool:
    """Whether a file has to be parsed: what can be told from its words is told so."""
    if re.search(rb"\bpatch\b", data) or any(sign in data for sign in SWAPPED[1:]):
        return True
    assigned = set(ASSIGNED.findall(data))
    return bool(assigned) and not assigned.isdisjoint(
        word for line in IMPORTED.findall(data) for word in re.findall(rb"\w+", line)
    )


def _message(what: str) -> str:
    return f"{what} swaps code of the program while it runs: hand in what differs as an argument"


def _patches(file: File) -> Iterator[ast.AST]:
    uses: list[ast.expr] = [call.func for call in file.nodes(ast.Call)]
    for node in [*tests.functions(file), *file.nodes(ast.ClassDef)]:
        uses += [one for one in node.decorator_list if not isinstance(one, ast.Call)]
    calls = {call.func: call for call in file.nodes(ast.Call)}
    for used in uses:
        if _is_patch(file, used, calls.get(used)):
            yield used


def _is_patch(file: File, used: ast.expr, call: ast.Call | None) -> bool:
    if last_name(used) in WAYS:
        inner = getattr(used, "value", used)
        return last_name(inner) == "patch" and not isinstance(inner, ast.Call)
    if last_name(used) != "patch" and not _is_alias(file, used):
        return False
    if mocks.is_of_library(file, used):
        return True
    named = call is not None and bool(call.args) and _names_code(text(file, call.args[0]))
    if isinstance(used, ast.Attribute):
        before = written(used.value)
        return before.split(".")[-1] in mocks.FIXTURES or (named and bool(MOCKING.search(before)))
    return named


def _is_alias(file: File, used: ast.expr) -> bool:
    return isinstance(used, ast.Name) and full_name(file, used).endswith(".patch")


def _names_code(given: str | None) -> bool:
    return given is not None and DOTTED.fullmatch(given) is not None


def _by_hand(file: File) -> Iterator[tuple[ast.AST, str]]:
    for node in file.nodes(ast.Assign):
        if isinstance(node.value, SETTING):
            continue
        for target in node.targets:
            if what := _swapped(file, target):
                yield target, what
    for call in file.nodes(ast.Call):
        if written(call.func) == "setattr" and len(call.args) == 3 and _is_code(file, call.args[0]):
            yield call, "setattr()"


def _swapped(file: File, target: ast.expr) -> str:
    """What an assignment swaps: an attribute of a module, its entry, or a module."""
    if isinstance(target, ast.Attribute) and _is_code(file, target.value):
        return f"this assignment to {written(target)}"
    if isinstance(target, ast.Subscript):
        holder = target.value
        if full_name(file, holder) == "sys.modules" and text(file, target.slice):
            return "this assignment to sys.modules"
        if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
            return "this assignment to a __dict__" if _is_code(file, holder.value) else ""
        if isinstance(holder, ast.Call) and written(holder.func) == "vars" and holder.args:
            return "this assignment to vars()" if _is_code(file, holder.args[0]) else ""
    return ""


def _is_code(file: File, node: ast.expr) -> bool:
    """Whether an expression is a module that the file imports."""
    name = written(node)
    first = name.split(".")[0]
    if first not in imported(file) or first in _bound_around(file, node):
        return False
    full = full_name(file, node)
    return full.split(".")[0] not in PROCESS and _is_module(file, full)


def _bound_around(file: File, node: ast.AST) -> set[str]:
    """The names that the functions around a node give to something else than an import."""
    found: set[str] = set()
    while node in file.parents:
        node = file.parents[node]
        if isinstance(node, tests.FUNCTIONS):
            found |= _bound(node)
    return found


@lru_cache(maxsize=64)
def _bound(function: tests.Function) -> set[str]:
    given = {one.arg for one in tests.parameters(function)}
    inner = [one for one in ast.walk(function) if isinstance(one, ast.Name)]
    return given | {one.id for one in inner if isinstance(one.ctx, ast.Store)}


def _is_module(file: File, full: str) -> bool:
    whole = {one.name for node in file.nodes(ast.Import) for one in node.names}
    return full in whole or _lies_in_project(file, full)


def _lies_in_project(file: File, full: str) -> bool:
    level = len(full) - len(full.lstrip("."))
    parts = file.path.split("/")[:-level] if level else []
    path = "/".join([*parts, *full.lstrip(".").split(".")])
    found = {f"{start}{path}{end}" for start in ("", "src/") for end in (".py", "/__init__.py")}
    return not found.isdisjoint(file.project.paths)


RULE = FileRule(
    code="TPG103",
    name="mock-patch",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="A patch holds only for the name that it names: a renamed import, and the test runs against "
    "something else than production does.",
    fix="Hand the code what differs: a transport, a clock, a setting. PATCH requests are no patches.",
    applies=is_test_python,
    triggers=(*SWAPPED, b" = "),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
def test_asks(mocker, client):
    mocker.patch.object(client, "http")
    assert client.ask()
""",
        "tests/unit/test_clock.py": """\
import time


def test_waits(worker):
    time.time = lambda: 12.0
    assert worker.waits()
""",
    },
    good={
        "tests/unit/test_agents.py": """\
async def test_renames(client, auth):
    reply = await client.patch("/v1/agents/1", json={"label": "new"}, headers=auth)
    assert reply.json()["label"] == "new"
"""
    },
)
