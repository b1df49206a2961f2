"""Where a service's app is, and what it says of its routes."""

import ast
import json
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tpgen.core import settings
from tpgen.core.errors import Misuse
from tpgen.core.policy import factories
from tpgen.core.service import Service
from tpgen.core.terminal import waiting
from tpgen.source import models

from .mapped import READING

# What the probe says of code that it lets do nothing.
REFUSED = "which tpgen does not let it do"
# Where services say how they are started.
ENTRIES = (
    *("Dockerfile", "Makefile", "Procfile", "compose.yaml", "compose.yml", "docker-compose.yaml"),
    *("docker-compose.yml", "justfile", "pyproject.toml"),
)
PROBE = Path(__file__).parent / "probes" / "probe_app.py"


def ask(service: Service, observed: tuple[str, str] | None = None) -> Mapping[str, Any]:
    """Return what the app says: that of the fixture `app` of the tests, else one in the source.

    Args:
        service: where.
        observed: method and path of the route that gets a request without credentials.

    Returns:
        `documents`, the OpenAPI documents by the path where their app is mounted; `routes`, what
        they leave out; `is_open`, whether the observed route answered.

    Raises:
        Misuse: there is no app, or it can't be made.
    """
    route: Sequence[str] = observed or ()
    conftest = None if settings.read(service.root).app else _conftest(service)
    refused = None
    if conftest:
        try:
            found = _probe(service, "fixture", str(conftest.relative_to(service.root)), route)
            if "routes" in found:
                return found
        except Misuse as error:
            # A fixture may need the database; the app in the source mostly does not.
            if REFUSED not in str(error):
                raise
            refused = error
    try:
        return _probe(service, "module", _app_in_source(service), route)
    except Misuse as error:
        raise refused or error from None


def _probe(service: Service, how: str, what: str, observed: Sequence[str]) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "facts.json"
        with waiting("reading the routes of the app"):
            run = service.run(["-B", str(PROBE), str(out), how, what, *observed], seconds=READING)
        text = out.read_text() if out.exists() else ""
        found: dict[str, Any] = json.loads(text or "{}")
    if "routes" in found or ("error" in found and found["error"] is None):
        return found
    if found.get("missing"):
        raise Misuse(
            f"{service.python} has no {found['missing']}, which lists the routes of the app: "
            "install the development dependencies of the service (`uv sync`), and run this again"
        )
    said = found.get("error") or _last_line(run.stderr) or _last_line(run.stdout)
    if (path := factories(service.root)).name and ".".join(path.with_suffix("").parts) in said:
        model = next(iter(models.names(service)), "MODEL")
        raise Misuse(f"{said}: write it first, by `tpgen factory {model}`")
    if REFUSED in said:
        raise Misuse(
            f"{what} can't be read: {said}; let the code do that when the service starts, not when "
            'it is imported, or name another app in pyproject.toml: [tool.tpgen] app = "shop:app"'
        )
    if how == "fixture":
        raise Misuse(
            f"the app of the tests can't be made with the fixtures of {what}: {said}; make "
            f"`pytest {what}` pass with a test that asks for `app`, and run this again"
        )
    raise Misuse(
        f"{what} can't be made: {said}; if it needs settings, give it those in a fixture `app` of "
        "tests/conftest.py, and run this again"
    )


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E ").strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _conftest(service: Service) -> Path | None:
    """The file of the tests that has the app, or may see it in a plugin."""
    files = [service.root / "conftest.py", *(service.root / "tests").rglob("conftest.py")]
    files = sorted((one for one in files if one.is_file()), key=lambda one: len(one.parts))
    for fixture in ("app", "client"):
        defined = re.compile(rf"\bdef {fixture}\(|name=[\"']{fixture}[\"']")
        for file in files:
            if defined.search(file.read_text(errors="replace")):
                return file
    return files[0] if files else None


def _app_in_source(service: Service) -> str:
    """The name of the app, as `module:name`; it may be a function that makes it.

    Raises:
        Misuse: there is none, or there are several.
    """
    if name := settings.read(service.root).app:
        return name
    modules = list(_modules(service))
    found = [app for file, module in modules for app in _apps(file, module)]
    makers = [name for is_function, name in found if is_function]
    names = [name for is_function, name in found if not is_function]
    for maker in makers:
        # `app = create_app()`: the function is not another app.
        called = maker.partition(":")[2]
        calls = [name for file, module in modules for name in _calls(file, module, [called])]
        names += calls or [maker]
    names = list(dict.fromkeys(names))
    if not names:
        raise Misuse(
            f"found no app in {service.root}: neither a fixture `app` in tests/conftest.py nor "
            "an `app = FastAPI()` in its packages; write that fixture, and run this again"
        )
    if len(names) > 1:
        names = [name for name in names if _is_used(service, name)] or names
    if len(names) > 1:
        raise Misuse(
            f"the service has several apps: {', '.join(sorted(names))}; name the one that "
            f'the tests are for in pyproject.toml: [tool.tpgen] app = "{min(names)}"'
        )
    return names[0]


def _calls(file: Path, module: str, makers: Collection[str]) -> Iterator[str]:
    """Yield the apps of a module that one of some functions makes, as `app = create_app()`."""
    text = file.read_text(errors="replace")
    if not any(maker in text for maker in makers):
        return
    with suppress(SyntaxError):
        for statement in ast.parse(text).body:
            yield from (f"{module}:{name}" for name in _made(statement, makers))


def _is_used(service: Service, name: str) -> bool:
    """Return whether an entry point names an app, or the tests import it."""
    module, _, attribute = name.partition(":")
    package, _, last = module.rpartition(".")
    entries = [service.root / entry for entry in ENTRIES]
    tests = [service.root / "conftest.py", *(service.root / "tests").rglob("*.py")]
    imported = re.compile(
        rf"from {re.escape(module)} import [^\n]*\b{attribute}\b|import {re.escape(module)}\b"
        + (rf"|from {re.escape(package)} import [^\n]*\b{last}\b" if package else "")
    )
    started = re.compile(rf"\b({re.escape(name)}|{re.escape(module).replace('.', '/')}\.py)\b")
    for file in [*entries, *tests]:
        text = file.read_text(errors="replace") if file.is_file() else ""
        lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        if (imported if file.suffix == ".py" else started).search(lines):
            return True
    return False


def _modules(service: Service) -> Iterator[tuple[Path, str]]:
    for folder in (service.root, service.root / "src"):
        yield from ((file, file.stem) for file in folder.glob("*.py"))
    for package in service.packages:
        for file in package.rglob("*.py"):
            parts = file.relative_to(package.parent).with_suffix("").parts
            yield file, ".".join(parts).removesuffix(".__init__")


def _apps(file: Path, module: str) -> Iterator[tuple[bool, str]]:
    """The apps of a module, and whether each is a function to call."""
    text = file.read_text(errors="replace")
    if "FastAPI" not in text and "Starlette" not in text:
        return
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return
    bases = {"FastAPI", "Starlette"}
    for statement in statements:
        if isinstance(statement, ast.ClassDef) and {_end(base) for base in statement.bases} & bases:
            bases.add(statement.name)
        for name in _made(statement, bases):
            yield False, f"{module}:{name}"
        if isinstance(statement, ast.FunctionDef) and _makes(statement, bases):
            yield True, f"{module}:{statement.name}"


def _made(statement: ast.AST, classes: Collection[str]) -> list[str]:
    """The names that a statement gives to a new app."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return []
    if not isinstance(statement.value, ast.Call) or _end(statement.value.func) not in classes:
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _makes(function: ast.FunctionDef, classes: set[str]) -> bool:
    arguments = function.args
    required = len(arguments.posonlyargs + arguments.args) - len(arguments.defaults)
    if required or None in arguments.kw_defaults:
        return False
    if function.returns and _end(function.returns) in classes:
        return True
    nodes = list(ast.walk(function))
    made = {name for node in nodes for name in _made(node, classes)}
    for node in nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            is_new = isinstance(node.value, ast.Call) and _end(node.value.func) in classes
            if is_new or _end(node.value) in made:
                return True
    return False


def _end(node: ast.expr) -> str:
    """The last part of a dotted name."""
    if isinstance(node, ast.Constant):
        return str(node.value).rpartition(".")[2]
    return ast.unparse(node).rpartition(".")[2]
