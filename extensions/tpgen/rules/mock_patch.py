"""TPG103: a test swaps part of the code that it runs."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from tpgen.check import asserting, mocks, skim, tests
from tpgen.check.file import File
from tpgen.check.places import is_test_path, is_test_python
from tpgen.check.qualified import full_name, imported, last_name, text, written
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.source.trees import Function

WAYS = {"object", "dict", "multiple", "context_manager"}
NAMES = {"patch", *WAYS}
# A word before `.patch(` that tells a mock from a request by PATCH.
MOCKING = re.compile(r"(?:^|[._])(?:mock(?:er)?|self|cls)$")
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# State of the process, which has no other way in; a switch of a library is no code of ours.
PROCESS = {"sys", "os", "logging", "warnings", "locale", "gc", "threading"}
PATCH = re.compile(
    rb"(?<![\w.\"'/])patch\b|(?:mock|mocker|self|cls)\.patch\b"
    rb"|\bpatch\.(?:object|dict|multiple|context_manager)\b"
)
SWAPPED = (b"patch", b"setattr(", b"__setattr__(", b"__dict__", b"vars(", b"modules")
SETTERS = {"setattr", "builtins.setattr"}
FILLING = {"update", "__setitem__", "setdefault"}
# What a function is made of.
INSIDE = {"__code__", "__defaults__", "__kwdefaults__"}
SETTING = ast.Constant | ast.UnaryOp | ast.List | ast.Dict | ast.Tuple | ast.Set


def check(file: File) -> Iterator[Finding]:
    """Each patch, by the library or by hand."""
    if not _may_swap(file):
        return
    part = skim.skimmed(file)
    if b"patch" in file.data:
        for node in _patches(part):
            yield file.finding(node, _message("patch"))
    for where, what in _by_hand(part):
        yield file.finding(where, _message(what))


def _may_swap(file: File) -> bool:
    """Whether a file has to be parsed: what can be told from its words is told so."""
    data = file.data
    if any(sign in data for sign in SWAPPED[1:]) or skim.assignments(file):
        return True
    if b"patch" not in data:
        return False
    # Without the library, a patch is one of a fixture or of a usual name.
    return PATCH.search(data) is not None or mocks.WORDS.search(skim.imports(file)) is not None


def _message(what: str) -> str:
    return f"{what} swaps code of the program while it runs: hand in what differs as an argument"


def _patches(file: File) -> Iterator[ast.AST]:
    uses: list[ast.expr] = [call.func for call in file.nodes(ast.Call)]
    for node in [*tests.functions(file), *file.nodes(ast.ClassDef)]:
        uses += [one for one in node.decorator_list if not isinstance(one, ast.Call)]
    calls = {call.func: call for call in file.nodes(ast.Call)}
    aliases = {name for name, full in imported(file).items() if full.endswith(".patch")}
    for used in uses:
        if last_name(used) in NAMES | aliases and _is_patch(file, used, calls.get(used)):
            yield used


def _is_patch(file: File, used: ast.expr, call: ast.Call | None) -> bool:
    if last_name(used) in WAYS:
        inner = getattr(used, "value", used)
        return last_name(inner) == "patch" and not isinstance(inner, ast.Call)
    if last_name(used) != "patch" and not isinstance(used, ast.Name):
        return False
    if mocks.is_of_library(file, used):
        return True
    named = call is not None and bool(call.args) and _names_code(text(file, call.args[0]))
    if isinstance(used, ast.Attribute):
        before = written(used.value)
        return before.split(".")[-1] in mocks.FIXTURES or (named and bool(MOCKING.search(before)))
    return named


def _names_code(given: str | None) -> bool:
    return given is not None and DOTTED.fullmatch(given) is not None


def _by_hand(file: File) -> Iterator[tuple[ast.AST, str]]:
    for target, value in _given(file):
        if not isinstance(value, SETTING) and (what := _swapped(file, target)):
            yield target, what
    for call in file.nodes(ast.Call):
        name = last_name(call.func)
        is_setter = name == "__setattr__" or written(call.func) in SETTERS
        if is_setter and len(call.args) == 3 and _is_code(file, call.args[0]):
            yield call, f"{name}()"
        elif name in FILLING and (what := _filled(file, getattr(call.func, "value", call.func))):
            yield call, what


def _given(file: File) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What is set, and what to; None where that can't be told."""
    for node in file.nodes(ast.Assign):
        for target in node.targets:
            yield from _paired(target, node.value)
    yield from ((one.target, one.value) for one in file.nodes(ast.AnnAssign) if one.value)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, value
        return
    given: list[ast.expr | None] = [None] * len(target.elts)
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(given):
        given = [*value.elts]
    yield from zip(target.elts, given, strict=True)


def _swapped(file: File, target: ast.expr) -> str:
    """What an assignment swaps: an attribute of a module or of a class, its entry, or a module."""
    if isinstance(target, ast.Attribute):
        is_inside = target.attr in INSIDE and written(target.value) in imported(file)
        if is_inside or _is_code(file, target.value):
            return f"this assignment to {written(target)}"
    if isinstance(target, ast.Subscript):
        holder = target.value
        if full_name(file, holder) != "sys.modules" or text(file, target.slice):
            return _filled(file, holder)
    return ""


def _filled(file: File, holder: ast.expr) -> str:
    """What is swapped where an entry of something is set."""
    if full_name(file, holder) == "sys.modules":
        return "this assignment to sys.modules"
    if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
        return "this assignment to a __dict__" if _is_code(file, holder.value) else ""
    if isinstance(holder, ast.Call) and written(holder.func) == "vars" and holder.args:
        return "this assignment to vars()" if _is_code(file, holder.args[0]) else ""
    return ""


def _is_code(file: File, node: ast.expr) -> bool:
    """Whether an expression is a module that the file imports, or a class of the program."""
    name = written(node)
    first = name.split(".")[0]
    if first not in imported(file):
        return False
    full = full_name(file, node)
    if full.split(".")[0] in PROCESS:
        return False
    is_code = _is_module(file, full) or (name == first and _is_class(file, full))
    return is_code and first not in _bound_around(file, node)


def _bound_around(file: File, node: ast.AST) -> set[str]:
    """The names that the functions around a node give to something else than an import."""
    found: set[str] = set()
    while node in file.parents:
        node = file.parents[node]
        if isinstance(node, tests.FUNCTIONS):
            found |= _bound(node)
    return found


@lru_cache(maxsize=64)
def _bound(function: Function) -> set[str]:
    given = {one.arg for one in tests.parameters(function)}
    inner = [one for one in ast.walk(function) if isinstance(one, ast.Name)]
    return given | {one.id for one in inner if isinstance(one.ctx, ast.Store)}


def _is_module(file: File, full: str) -> bool:
    whole = {one.name for node in file.nodes(ast.Import) for one in node.names}
    return full in whole or _lies_in_project(file, full)


def _is_class(file: File, full: str) -> bool:
    """Whether a name is a class of the project, by its first letter, and not of its tests."""
    module, _, name = full.rpartition(".")
    found = asserting.own_module(file, module) if name[:1].isupper() and module else None
    return found is not None and not is_test_path(found.path)


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
