"""Write the routes of a service's app as JSON.

The service's own interpreter runs this. It needs the standard library, pytest, pytest_tpgen and
what the service has:

    python app.py OUT fixture FILE       the app is a fixture of the tests
    python app.py OUT module MODULE:NAME  the app, or a function that makes it
"""

import importlib
import importlib.util
import inspect
import json
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

ENGINE = "pytest_tpgen"
FIXTURES = ("app", "application", "client")


def main(out: str, how: str, what: str) -> None:
    """Write the facts, or why there are none, to the file `out`.

    Args:
        out: the file.
        how: `fixture` or `module`.
        what: the file whose fixtures are to be seen, or the name of the app.
    """
    # A service may have an `app` too.
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != HERE]
    if importlib.util.find_spec(ENGINE) is None:
        Path(out).write_text(json.dumps({"missing": ENGINE}))
        return
    find = {"fixture": _by_fixture, "module": _by_import}[how]
    Path(out).write_text(json.dumps(find(what)))


def _by_import(name: str) -> dict[str, Any]:
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    app = _app_in(found if _app_in(found) else found())
    if app is None:
        raise TypeError("it has no OpenAPI document")
    return _facts(app)


def _said(error: BaseException) -> str:
    """An error in one line: pydantic's last one alone says nothing."""
    lines = "".join(traceback.format_exception_only(error)).split("\n")
    return " ".join(line.strip() for line in lines if line.strip())[:300]


def _by_fixture(conftest: str) -> dict[str, Any]:
    """Run one test that asks for the app, with the fixtures that the file's own tests would have.

    Returns:
        the facts; or `error`, which is None where there is no such fixture; or nothing where
        pytest did not come to the test.
    """
    import pytest

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
                    found.update(_facts(app))
                    return

    class OnlyOurs(pytest.Module):
        def collect(self) -> Iterator[pytest.Function]:
            yield pytest.Function.from_parent(self, name="ask", callobj=ask)

    class Plugin:
        def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> pytest.Module:
            module: pytest.Module = OnlyOurs.from_parent(parent, path=module_path)
            return module

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            items[:] = [item for item in items if isinstance(item.parent, OnlyOurs)]

        def pytest_exception_interact(self, call: "pytest.CallInfo[Any]") -> None:
            if call.excinfo:
                found["error"] = _said(call.excinfo.value)

    pytest.main([conftest, *_options()], plugins=[Plugin()])
    return found


def _options() -> list[str]:
    """Undo what the service's settings may add for its own tests."""
    options = ["-q", "-p", "no:cacheprovider", "-m", "", "-k", ""]
    undo = {"xdist": "-n0", "pytest_cov": "--no-cov"}
    return options + [undo[name] for name in undo if importlib.util.find_spec(name)]


def _app_in(thing: Any) -> Any:
    """The app itself, or that in a client or a middleware, or None."""
    while thing is not None and not callable(getattr(thing, "openapi", None)):
        thing = getattr(thing, "app", None) or getattr(thing, "_transport", None)
    return thing


def _facts(app: Any) -> dict[str, Any]:
    # The tests of a service may make errors of warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"openapi": app.openapi(), "routes": list(_routes(app))}


def _routes(app: Any) -> Iterator[dict[str, Any]]:
    engine = importlib.import_module(f"{ENGINE}.routes")
    for route in engine.walk(app):
        endpoint, tree = route.endpoint, route.dependant
        dependencies = list(dict.fromkeys(_calls(tree))) if tree else []
        takes_key = tree is not None and _takes_key(tree)
        # The names by which an answer may hold rows.
        rows = [route.path.rstrip("/").rpartition("/")[2], *engine.ROWS]
        rows = rows if engine.lists_rows(route) else []
        for method in sorted(route.methods):
            yield {
                "method": method,
                "path": route.path,
                "module": getattr(endpoint, "__module__", ""),
                "name": _name(endpoint),
                "dependencies": [_name(call) for call in dependencies],
                "rows": rows if method == "GET" else [],
                "idempotent": takes_key or any(map(_names_key, [endpoint, *dependencies])),
            }


def _calls(tree: Any) -> Iterator[Any]:
    for dependency in tree.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def _name(call: Any) -> str:
    name: str = getattr(call, "__name__", type(call).__name__)
    return name


KEY = re.compile(r"idempotency[-_ ]?key", re.IGNORECASE)


def _takes_key(tree: Any) -> bool:
    own = any(KEY.fullmatch(header.alias) for header in tree.header_params)
    return own or any(map(_takes_key, tree.dependencies))


def _names_key(call: Any) -> bool:
    try:
        return bool(KEY.search(inspect.getsource(inspect.unwrap(call))))
    except (OSError, TypeError):
        return False


if __name__ == "__main__":
    sys.excepthook = lambda kind, error, trace: print(_said(error), file=sys.stderr)
    main(*sys.argv[1:])
