"""Find the app of a service, and read its routes in a process of the service's own."""

import ast
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tpgen.core import settings
from tpgen.core.errors import UserError
from tpgen.core.policy import factories
from tpgen.core.service import Service
from tpgen.core.terminal import waiting
from tpgen.source import models
from tpgen.source.trees import base_names, last_name, names, tree_of

# What the probe says of code that it refuses to run.
REFUSED = "which tpgen does not allow"
PROBE = Path(__file__).parent / "probes" / "probe_app.py"
CLASSES = frozenset({"FastAPI", "Starlette"})
LONGEST_REASON = 300


def ask(service: Service, observed: tuple[str, str] | None = None) -> Mapping[str, Any]:
    """Return the routes of the fixture `app` of the tests, or else of the app in the source.

    Args:
        service: the service.
        observed: method and path of the route that gets a request without credentials.

    Returns:
        `documents`, the OpenAPI documents by the path where their app is mounted; `routes`, what
        they leave out; `is_open`, whether the observed route answered.

    Raises:
        UserError: there is no app, or it can't be made.
    """
    route: Sequence[str] = observed or ()
    conftest = None if settings.read(service.root).app else _conftest(service)
    refused = None
    if conftest:
        try:
            found = _probe(service, "fixture", str(conftest.relative_to(service.root)), route)
            if "routes" in found:
                return found
        except UserError as error:
            # A fixture may need the database; the app in the source usually does not.
            if REFUSED not in str(error):
                raise
            refused = error
    try:
        return _probe(service, "module", _app_in_source(service), route)
    except UserError as error:
        raise refused or error from None


def _probe(service: Service, how: str, what: str, observed: Sequence[str]) -> Mapping[str, Any]:
    """Run the probe, and return what it wrote; nothing about routes if there is no such fixture."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "routes.json"
        with waiting("reading the routes of the app"):
            run = service.run(
                ["-B", str(PROBE), str(out), how, what, *observed], seconds=service.reading_seconds
            )
        found: dict[str, Any] = json.loads((out.exists() and out.read_text()) or "{}")
    if "routes" in found or ("error" in found and found["error"] is None):
        return found
    if found.get("missing"):
        raise UserError(
            f"{service.python} has no {found['missing']}, which lists the routes of the app: "
            "install the development dependencies of the service (`uv sync`), and run this again"
        )
    said = found.get("error") or _reason(run.stderr) or _reason(run.stdout)
    raise UserError(_why(service, how, what, said))


def _why(service: Service, how: str, what: str, said: str) -> str:
    """Return the error about an app that can't be made."""
    if (path := factories(service.root)).name and ".".join(path.with_suffix("").parts) in said:
        model = next(iter(models.names(service)), "MODEL")
        return f"{said}: write it first: `tpgen factory {model}`"
    if REFUSED in said:
        return (
            f"{what} can't be read: {said}; let the code do that when the service starts, not when "
            'it is imported, or name another app in pyproject.toml: [tool.tpgen] app = "shop:app"'
        )
    if how == "fixture":
        return (
            f"the app of the tests can't be made with the fixtures of {what}: {said}; correct "
            "them until a test that requests `app` passes, and run this again"
        )
    return (
        f"{what} can't be made: {said}; if it needs settings, set them in a fixture `app` of "
        "tests/conftest.py, and run this again"
    )


def _reason(text: str) -> str:
    """Return the error that pytest printed, or else the last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return " ".join(errors)[:LONGEST_REASON] or "".join(lines[-1:]).strip()


def _conftest(service: Service) -> Path | None:
    """Return the conftest that defines the app or a client; else the first, or None."""
    files = [service.root / "conftest.py", *(service.root / "tests").rglob("conftest.py")]
    files = sorted((file for file in files if file.is_file()), key=lambda file: len(file.parts))
    for fixture in ("app", "client"):
        defined = re.compile(rf"\bdef {fixture}\(|name=[\"']{fixture}[\"']")
        for file in files:
            if defined.search(file.read_text(errors="replace")):
                return file
    return files[0] if files else None


def _app_in_source(service: Service) -> str:
    """Return the only app, as `module:name`; it may be a function that makes it.

    Raises:
        UserError: there is none, or there are several.
    """
    if name := settings.read(service.root).app:
        return name
    trees = {module: tree_of(file) for file, module in _modules(service)}
    functions = {(module, name) for module, tree in trees.items() for name in _makers(tree)}
    apps: list[str] = []
    called = set()
    for module, tree in trees.items():
        makers = CLASSES | _subclasses(tree) | {name for _, name in functions}
        for node in tree.body:
            if (maker := _called(node)) in makers:
                called.add(maker)
                apps += [f"{module}:{name}" for name in names(node)]
    # A function that another module calls for its `app` does not make another app.
    apps += [f"{module}:{name}" for module, name in functions if name not in called]
    if not apps:
        raise UserError(
            f"found no app in {service.root}: neither a fixture `app` in tests/conftest.py nor "
            "an `app = FastAPI()` in its packages; write that fixture, and run this again"
        )
    if len(apps) > 1:
        raise UserError(
            f"the service has several apps: {', '.join(sorted(apps))}; name the one that "
            f'the tests are for in pyproject.toml: [tool.tpgen] app = "{min(apps)}"'
        )
    return apps[0]


def _modules(service: Service) -> Iterator[tuple[Path, str]]:
    for folder in (service.root, service.root / "src"):
        yield from ((file, file.stem) for file in folder.glob("*.py"))
    for package in service.packages:
        for file in package.rglob("*.py"):
            parts = file.relative_to(package.parent).with_suffix("").parts
            yield file, ".".join(parts).removesuffix(".__init__")


def _subclasses(tree: ast.Module) -> set[str]:
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {node.name for node in classes if CLASSES & set(base_names(node))}


def _called(node: ast.stmt) -> str:
    """Return the name of what is called in an assignment, or an empty text."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return last_name(value.func) if isinstance(value, ast.Call) else ""


def _makers(tree: ast.Module) -> Iterator[str]:
    """Yield the functions that return an app, and need no argument for that."""
    classes = CLASSES | _subclasses(tree)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        needed = len(node.args.posonlyargs + node.args.args) - len(node.args.defaults)
        if needed or None in node.args.kw_defaults:
            continue
        nodes = list(ast.walk(node))
        calls = any(
            isinstance(each, ast.Call) and last_name(each.func) in classes for each in nodes
        )
        returns = any(isinstance(each, ast.Return) and each.value for each in nodes)
        if last_name(node.returns) in classes or (calls and returns):
            yield node.name
