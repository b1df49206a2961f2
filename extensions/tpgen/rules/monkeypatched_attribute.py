"""TPG104: monkeypatch replaces an attribute."""

import ast
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.places import is_test_python
from tpgen.check.qualified import dotted, full_name, literal
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

METHODS = {"setattr", "delattr"}
# State of the process, as its environment is: a test can't pass it as an argument.
PROCESS = {f"sys.{name}" for name in ("argv", "stdin", "stdout", "stderr", "path")} | {"os.environ"}


def check(file: File) -> Iterator[Finding]:
    for call in file.nodes(ast.Call):
        method = call.func
        if not isinstance(method, ast.Attribute) or method.attr not in METHODS or not call.args:
            continue
        target = literal(call.args[0])
        if target is None and len(call.args) > 1:
            target = f"{full_name(file, call.args[0])}.{literal(call.args[1])}"
        if target not in PROCESS and dotted(method.value) != "builtins":
            yield file.finding(
                method,
                f"{ast.unparse(method)}() replaces code of the program while it runs: pass what "
                "differs as an argument (setenv, delenv and chdir are fine)",
            )


RULE = FileRule(
    code="TPG104",
    name="monkeypatched-attribute",
    section="Lets you assert on requests, simulate 500s, timeouts, partial streaming — without "
    "patching",
    why="It is a mock by another name: the test proves what the replacement does, not what "
    "production runs.",
    fix="Pass the code what differs as an argument. `monkeypatch.setenv`, `delenv`, `chdir`, "
    "`syspath_prepend` and `setitem` are fine, and so is `setattr` of `sys.argv`, `sys.path`, the "
    "standard streams and `os.environ`: they are the environment of the program.",
    applies=is_test_python,
    triggers=(b".setattr", b".delattr"),
    check=check,
    bad={
        "tests/unit/test_client.py": "def test_asks(monkeypatch, client):\n"
        "    monkeypatch.setattr(client, 'http', None)\n"
    },
    good={
        "tests/unit/test_settings.py": "def test_port(monkeypatch, settings):\n"
        "    monkeypatch.setenv('PORT', '8080')\n    assert settings().port == 8080\n"
    },
)
