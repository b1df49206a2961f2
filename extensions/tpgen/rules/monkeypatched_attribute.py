"""TPG104: monkeypatch swaps an attribute."""

import ast
from collections.abc import Iterator

from tpgen.check import skim
from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import full_name, imported, text, written
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

SWAPPING = {"setattr", "delattr"}
# State of the process, as its environment is: there is no other way to hand it in.
PROCESS = {f"sys.{name}" for name in ("argv", "stdin", "stdout", "stderr", "path")}
MESSAGE = (
    "{what} swaps code of the program while it runs: hand in what differs as an argument "
    "(setenv, delenv and chdir are fine)"
)


def check(file: File) -> Iterator[Finding]:
    """Each `setattr` and `delattr` of an object, whatever it is called."""
    file = skim.skimmed(file)
    allowed = {call.func for call in file.nodes(ast.Call) if _is_of_process(file, call)}
    for node in file.nodes(ast.Attribute):
        if node.attr in SWAPPING and node not in allowed and not _is_of_module(file, node):
            yield file.finding(node, MESSAGE.format(what=f"{written(node) or node.attr}()"))
    for call in file.nodes(ast.Call):
        if what := _roundabout(file, call):
            yield file.finding(call, MESSAGE.format(what=what))


def _is_of_process(file: File, call: ast.Call) -> bool:
    if not call.args:
        return False
    first = text(file, call.args[0])
    if first is None and len(call.args) > 1:
        first = f"{full_name(file, call.args[0])}.{text(file, call.args[1])}"
    return first in PROCESS


def _is_of_module(file: File, node: ast.Attribute) -> bool:
    """Whether it is a function of a module, such as `builtins.setattr`."""
    first = written(node).split(".")[0]
    full = imported(file).get(first, "")
    return bool(full) and "pytest" not in full and "patch" not in full.lower()


def _roundabout(file: File, call: ast.Call) -> str:
    """`getattr(monkeypatch, "setattr")`, or an entry of `sys.modules` that is not the module."""
    if written(call.func) == "getattr" and len(call.args) > 1:
        is_it = "patch" in written(call.args[0]).lower() and text(file, call.args[1]) in SWAPPING
        return "getattr(…)" if is_it else ""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "setitem" and len(call.args) > 2:
        swapped = full_name(file, call.args[0]) == "sys.modules"
        absent = isinstance(call.args[2], ast.Constant) and call.args[2].value is None
        return "setitem(sys.modules, …)" if swapped and not absent else ""
    return ""


RULE = FileRule(
    code="TPG104",
    name="monkeypatched-attribute",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="It is a mock by another name: the test proves what the swapped code does, not what "
    "production runs.",
    fix="Hand the code what differs as an argument. `monkeypatch.setenv`, `delenv`, `chdir`, "
    "`syspath_prepend`, `setitem(os.environ, …)` and what `sys.argv`, `sys.path` and the standard "
    "streams are set to are fine: they are the surroundings of a program.",
    applies=is_test_python,
    triggers=(b"setattr", b"delattr", b"setitem"),
    check=check,
    bad={
        "tests/unit/test_client.py": """\
def test_asks(monkeypatch, client):
    monkeypatch.setattr(client, "http", None)
    assert client.ask()
"""
    },
    good={
        "tests/unit/test_settings.py": """\
def test_reads_the_environment(monkeypatch, settings):
    monkeypatch.setenv("PORT", "8080")
    assert settings().port == 8080
"""
    },
)
