"""Print the routes of a service's app as JSON, and whether one of them requires credentials.

The service's own interpreter runs this. It needs the standard library, pytest, pytest_tpgen and
the service's own dependencies:

    python probe_app.py fixture FILE [METHOD PATH]         the app is a fixture of the tests
    python probe_app.py module MODULE:NAME [METHOD PATH]   the app, or a function that makes it
"""

import asyncio
import functools
import importlib
import importlib.util
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

# Beside this file, where the interpreter of the service finds it.
read_only: Any = importlib.import_module("read_only")

ENGINE = "pytest_tpgen"
FIXTURES = ("app", "application", "client")
# What a test's database consists of: an app is made without it.
DATABASE = ("pg_container", "databases", "sandbox", "committed", "session", "db", "committed_db")
# Values for the parameters of a path; a route with a UUID refuses the first.
EXAMPLES = ("1", "00000000-0000-4000-8000-000000000000")


def _by_import(name: str, *wanted: str) -> dict[str, Any]:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    app = _app_in(found) or _app_in(found())
    if app is None:
        raise TypeError("it has no OpenAPI document")
    return _facts(app, *wanted)


def _by_fixture(conftest: str, *wanted: str) -> dict[str, Any]:
    """Run one test that requests the app, with only the fixtures that it needs.

    Return no routes if there is no such fixture: then `error` is None.
    """
    found: dict[str, Any] = {}

    def ask(request: pytest.FixtureRequest) -> None:
        found["error"] = None
        for name in FIXTURES:
            try:
                app = _app_in(request.getfixturevalue(name))
            except pytest.FixtureLookupError as error:
                if error.argname != name:
                    raise
            else:
                if app is not None:
                    found.update(_facts(app, *wanted))
                    return

    class OnlyOurs(pytest.Module):
        def collect(self) -> Iterator[pytest.Function]:
            yield pytest.Function.from_parent(self, name="ask", callobj=ask)

    class Plugin:
        def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> pytest.Module:
            module: pytest.Module = OnlyOurs.from_parent(parent, path=module_path)
            return module

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(
            self, session: pytest.Session, items: list[pytest.Item]
        ) -> Iterator[None]:
            yield
            items[:] = [item for item in items if isinstance(item.parent, OnlyOurs)]
            for item in items:
                # No autouse fixtures; `ask` requests the others itself.
                item.fixturenames[:] = ["request"]  # type: ignore[attr-defined]
                item.own_markers.clear()  # a conftest may skip every test
                definitions = session._fixturemanager.getfixturedefs
                wired = definitions("databases", item) or ()
                if any(fixture.func.__module__.startswith(ENGINE) for fixture in wired):
                    for name in DATABASE:
                        for fixture in definitions(name, item) or ():
                            vars(fixture).update(func=lambda: None, argnames=())

        def pytest_exception_interact(self, call: "pytest.CallInfo[Any]") -> None:
            if call.excinfo:
                found["error"] = read_only.said(call.excinfo.value)

    # Undo what the service's settings may add for its own tests.
    cache = f"cache_dir={tempfile.gettempdir()}/tpgen-no-cache"
    options = ["-q", "-o", cache, "-m", "", "-k", "", "--junit-xml", os.devnull]
    undo = {"xdist": "-n0", "pytest_cov": "--no-cov"}
    options += [undo[name] for name in undo if importlib.util.find_spec(name)]
    pytest.main([conftest, *options], plugins=[Plugin()])
    return found


def _app_in(thing: Any) -> Any:
    """Return an app, or the app inside a client or a middleware, or None."""
    inside = importlib.import_module(f"{ENGINE}.routes").inside
    app = inside(getattr(thing, "_transport", thing))
    # Its type, because a mock has every attribute.
    return app if callable(getattr(type(app), "openapi", None)) else None


def _facts(app: Any, *wanted: str) -> dict[str, Any]:
    # The settings of the tests may turn warnings into errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with pytest.MonkeyPatch.context() as patch:
                # Describe the routes that have `include_in_schema=False` too.
                always = property(lambda _: True, lambda _, value: None)
                fastapi = sys.modules.get("fastapi.routing")
                for name in ("APIRoute", "_EffectiveRouteContext"):
                    if cls := getattr(fastapi, name, None):
                        patch.setattr(cls, "include_in_schema", always, raising=False)
                found = _described(app)
        except Exception:  # noqa: BLE001  # a model may raise anything
            # FastAPI can't describe a model of a hidden route, perhaps the reason why it is hidden.
            found = _described(app)
        return found | {"is_open": bool(wanted) and asyncio.run(_is_open(app, *wanted))}


def _described(app: Any) -> dict[str, Any]:
    """Return the routes of an app, and the OpenAPI document of each app that is mounted in it."""
    engine = importlib.import_module(f"{ENGINE}.routes")
    documents: dict[str, Any] = {}
    routes: list[dict[str, Any]] = []
    for route in engine.walk(app):
        if route.mounted not in documents:
            for endpoint in (getattr(each, "endpoint", None) for each in route.app.routes):
                if endpoint is not None and not hasattr(endpoint, "__name__"):
                    # FastAPI reads the name up to 0.128.
                    with suppress(AttributeError):
                        endpoint.__name__ = type(endpoint).__name__
            route.app.openapi_schema = None
            documents[route.mounted] = route.app.openapi() if hasattr(route.app, "openapi") else {}
        endpoint = route.endpoint
        while isinstance(endpoint, functools.partial):
            endpoint = endpoint.func
        name = getattr(endpoint, "__name__", "")
        # The names by which an answer may hold rows.
        rows = [route.path.rstrip("/").rpartition("/")[2], *engine.ROWS]
        routes += [
            {
                "method": method,
                "path": route.path,
                "mounted": route.mounted,
                "module": getattr(endpoint, "__module__", ""),
                "name": name if name.isidentifier() else "",
                "rows": rows if method == "GET" and engine.lists_rows(route) else [],
                "idempotent": engine.takes_idempotency_key(route),
            }
            for method in sorted(route.methods)
        ]
    return {"documents": documents, "routes": routes}


class Reached(Exception):
    """A request reached the handler of its route."""


async def _is_open(app: Any, method: str, template: str) -> bool:
    """Return whether a request without credentials reaches the handler of a route.

    The handler does not run, and the request needs no valid body: only the dependencies run.
    """
    import httpx

    # The tests may override the dependency that requires credentials.
    getattr(app, "dependency_overrides", {}).clear()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://test")
    with pytest.MonkeyPatch.context() as patch:
        reached = _replace_handlers(patch)
        for value in EXAMPLES:
            response = await client.request(method, re.sub(r"\{[^}]*\}", value, template))
            if not reached and response.status_code in (401, 403):
                return False
    return bool(reached)


def _replace_handlers(patch: pytest.MonkeyPatch) -> list[str]:
    """Stop each request where its handler would run; return the list of these requests' paths."""
    reached: list[str] = []
    starlette: Any = importlib.import_module("starlette.routing")
    handle: Any = starlette.Route.handle

    async def handle_alone(route: Any, scope: Any, receive: Any, send: Any) -> None:
        # A route of Starlette has no dependencies: only middleware runs.
        if not hasattr(route, "dependant"):
            reached.append(scope["path"])
            raise Reached
        await handle(route, scope, receive, send)

    async def solve_alone(*, request: Any, dependant: Any, **options: Any) -> Any:
        own = ("path_params", "query_params", "header_params", "cookie_params", "body_params")
        alone = replace(dependant, **{name: [] for name in own})
        solved = await solve(request=request, dependant=alone, **options)
        if not solved.errors:
            reached.append(request.url.path)
            raise Reached
        return solved

    patch.setattr(starlette.Route, "handle", handle_alone)
    if fastapi := sys.modules.get("fastapi.routing"):
        solve: Any = vars(fastapi)["solve_dependencies"]
        patch.setattr(fastapi, "solve_dependencies", solve_alone)
    return reached


if __name__ == "__main__":
    by = {"fixture": _by_fixture, "module": _by_import}[sys.argv[1]]
    read_only.run(Path.cwd(), lambda: by(*sys.argv[2:]))
