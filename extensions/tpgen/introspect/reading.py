"""Read the app and the models of a service, in a process of its own interpreter."""

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tpgen.core import settings
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.core.terminal import waiting
from tpgen.source.code import Code, Module
from tpgen.source.trees import Function, called

PROBES = Path(__file__).parent / "probes"
# What the probe says of code that it refuses to run.
REFUSED = "which tpgen does not allow"
MAKER = "create_app"
SETTING = 'in pyproject.toml: [tool.tpgen] app = "{}"'


def read_app(service: Service, observed: tuple[str, str] | None = None) -> Mapping[str, Any]:
    """Return the routes of the fixture `app` of the tests, or else of the app in the source.

    They are `documents`, the OpenAPI documents by the path where their app is mounted; `routes`,
    what these leave out; `is_open`, whether the observed route answered without credentials.

    Raises:
        UserError: there is no app, or it can't be made.
    """
    named = settings.read(service.root).app
    conftest = None if named else _conftest(service)
    refused = None
    if conftest:
        try:
            fixture = str(conftest.relative_to(service.root))
            if found := _read(service, "fixture", fixture, *observed or ()):
                return found
        except UserError as error:
            # A fixture may need the database; the app in the source usually does not.
            if REFUSED not in str(error):
                raise
            refused = error
    try:
        app = named or _app_in_source(service)
        return _read(service, "module", app, *observed or ())
    except UserError as error:
        raise refused or error from None


def read_models(service: Service, name: str, modules: list[str], path: str) -> list[dict[str, Any]]:
    """Return the columns and references of a model and of the models that it needs.

    The first module defines it; the path is that of the factories, for errors.

    Raises:
        UserError: the models can't be imported, or two of them have one name.
    """
    with waiting("reading the models"):
        found = _run(service, "probe_models.py", name, *modules)
    if isinstance(found, dict):
        raise UserError(
            f"the models of {service.root} can't be read: {found['error']}; see the traceback with "
            f"`{service.python} -c 'import {', '.join(modules)}'`"
        )
    models: list[dict[str, Any]] = found
    [(twice, count)] = Counter(model["name"] for model in models).most_common(1)
    if count > 1:
        homes = sorted(model["module"] for model in models if model["name"] == twice)
        raise UserError(
            f"{name} needs two models called {twice}, of {' and '.join(homes)}, and a "
            f"factory has the name of its model: write the factories of both in {path} first"
        )
    return models


def read_surface(service: Service, question: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the engine answers about the public surface of a class.

    Args:
        question: as `python -m pytest_tpgen.surface` takes it.

    Raises:
        UserError: the class can't be read, or the engine is not installed.
    """
    module = "pytest_tpgen.surface"
    with waiting("reading the class"):
        ended = service.run(
            ["-B", "-m", module, json.dumps(question)], seconds=service.reading_seconds
        )
    try:
        found: Mapping[str, Any] = json.loads(ended.stdout.strip().rpartition("\n")[2])
    except ValueError:
        silent = f"`python -m {module}` ends with {ended.returncode} and says nothing"
        found = {"error": _reason(ended.stderr.splitlines()) or silent}
    error = found.get("error")
    if error and re.search(r"No module named '?(pytest_tpgen|pytest)\b", error):
        error = (
            f"{service.python} can't read the class ({error}): add `pytest-tpgen[sdk]` of this "
            "release to its environment"
        )
    if error:
        raise UserError(error)
    return found


def _read(service: Service, how: str, what: str, *observed: str) -> Mapping[str, Any]:
    """Return what the probe says of an app; nothing if there is no such fixture."""
    with waiting("reading the routes of the app"):
        found: dict[str, Any] = _run(service, "probe_app.py", how, what, *observed)
    if error := found.get("error"):
        raise UserError(_why(service, how, what, error))
    return found if "routes" in found else {}


def _why(service: Service, how: str, what: str, said: str) -> str:
    """Return the error about an app that can't be made."""
    if found := re.search(r"No module named '(pytest|pytest_tpgen)\b", said):
        return (
            f"{service.python} has no {found[1]}, which lists the routes of the app: install "
            "the development dependencies of the service (`uv sync`), and run this again"
        )
    if REFUSED in said:
        return (
            f"{what} can't be read: {said}; let the code do that when the service starts, not when "
            f"it is imported, or name another app {SETTING.format('shop:app')}"
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


def _conftest(service: Service) -> Path | None:
    """Return the conftest that defines the app or a client; else the first, or None."""
    files = [service.root / "conftest.py", *(service.root / "tests").rglob("conftest.py")]
    files = sorted((file for file in files if file.is_file()), key=lambda file: len(file.parts))
    defined = re.compile(r"\bdef (app|client)\(|name=[\"'](app|client)[\"']")
    defining = (file for file in files if defined.search(file.read_text(errors="replace")))
    return next(defining, files[0] if files else None)


def _app_in_source(service: Service) -> str:
    """Return the only app, as `module:name`; it may be a function `create_app`."""
    folders = (service.root, service.root / "src")
    modules = [Module(file, folder) for folder in folders for file in folder.glob("*.py")]
    modules += Code(service.packages).modules
    made, makers = {}, []
    for module in (module for module in modules if module.is_readable):
        for name, node in module.definitions.items():
            value = getattr(node, "value", None)
            if isinstance(value, ast.Call) and called(value) in {"FastAPI", "Starlette", MAKER}:
                made[f"{module.name}:{name}"] = called(value)
            elif isinstance(node, Function) and name == MAKER:
                makers.append(f"{module.name}:{name}")
    # A function that a module calls for its `app` does not make another app.
    apps = [*made, *([] if MAKER in made.values() else makers)]
    if not apps:
        raise UserError(
            f"found no app in {service.root}: neither a fixture `app` in tests/conftest.py, nor an "
            f"`app = FastAPI()` or a function `{MAKER}` in its packages; write that fixture, or "
            f"name the app {SETTING.format('package.module:name')}"
        )
    if len(apps) > 1:
        raise UserError(
            f"the service has several apps: {', '.join(sorted(apps))}; name the one that "
            f"the tests are for {SETTING.format(min(apps))}"
        )
    return apps[0]


def _run(service: Service, probe: str, *arguments: str) -> Any:
    """Return what a probe prints on its last line, or `{"error": …}` if it failed."""
    ended = service.run(["-B", str(PROBES / probe), *arguments], seconds=service.reading_seconds)
    *output, last = ["", *ended.stdout.splitlines()]
    try:
        answer = json.loads(last)
    except ValueError:
        answer = None
        output.append(last)
    reason = _reason(ended.stderr.splitlines()) or _reason(output)
    return answer or {"error": reason or f"Python ended with {ended.returncode}"}


def _reason(lines: list[str]) -> str:
    """Return the error that pytest printed, or else the last line."""
    lines = [line for line in lines if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return " ".join(errors)[:300] or "".join(lines[-1:]).strip()
