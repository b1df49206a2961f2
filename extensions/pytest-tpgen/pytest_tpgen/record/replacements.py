"""Note where tests replace something instead of using it, and where they sleep."""

import ast
import asyncio
import importlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from . import shown

LIBRARIES = ("unittest.mock", "mock", "pytest_mock", "asynctest", "flexmock", "mockito", "doublex")
_SPEAKS_OF_MOCKS = re.compile(rb"mock|asynctest|doublex")
# The fixtures of plugins that replace a dependency.
FIXTURES = {
    *("mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"),
    *("mock", "decoy", "flexmock", "respx_mock", "httpx_mock", "requests_mock", "aioresponses"),
    *("responses", "mock_server", "mocked_responses", "betamax_session", "httpretty"),
}
# What `asyncio.sleep` lets the loop call.
_WAKES: Any = asyncio.futures._set_result_unless_cancelled  # type: ignore[attr-defined]


class Replacements:
    """The mocks, patches and sleeps since the last `take`, each with its place in the tests.

    Args:
        root: the folder of the project.
        is_test: whether a file is one of the tests, or a conftest.
    """

    def __init__(self, root: Path, is_test: Callable[[str], bool]) -> None:
        self._root = root
        self._is_test = is_test
        self._found: list[dict[str, Any]] = []
        # Replacements that still apply, by the id of what made them, such as a module's MonkeyPatch.
        self._active: dict[int, list[dict[str, Any]]] = {}
        self._imports: dict[tuple[str, int, str], None] = {}
        self._restore: list[tuple[Any, str, Any]] = []
        # Plugins replace something for each test.
        self._is_product = cache(self._is_product_module)
        self._mocks_are_watched = False

    @property
    def imports(self) -> list[dict[str, Any]]:
        """The imports of mock libraries by tests."""
        return [
            {"kind": "mock import", "what": what, "file": file, "line": line}
            for file, line, what in self._imports
        ]

    def watch(self) -> None:
        """Begin to note."""
        self._wrap(pytest.MonkeyPatch, "setattr", self._before_setattr)
        self._wrap(pytest.MonkeyPatch, "delattr", self._before_setattr)
        self._wrap(pytest.MonkeyPatch, "setitem", self._before_setitem)
        self._wrap(pytest.MonkeyPatch, "undo", self._forget)
        self._wrap(asyncio.BaseEventLoop, "call_later", self._before_call_later)
        self._wrap(time, "sleep", self._before_sleep)

    def watch_mocks(self) -> None:
        """Watch `unittest.mock`, once it is imported."""
        mock: Any = sys.modules.get("unittest.mock")
        if mock is None or self._mocks_are_watched:
            return
        self._mocks_are_watched = True
        self._wrap(mock.NonCallableMock, "__init__", self._before_mock)
        self._wrap(mock._patch, "__enter__", self._before_patch)
        self._wrap(mock._patch, "__exit__", self._forget)
        self._wrap(mock._patch_dict, "_patch_dict", self._before_patch)

    def stop(self) -> None:
        """Note no more."""
        for owner, name, original in reversed(self._restore):
            setattr(owner, name, original)
        self._restore.clear()

    def take(self) -> list[dict[str, Any]]:
        """Return what was noted since the last call."""
        active = [one for found in self._active.values() for one in found]
        if not self._found and not active:
            return []
        taken, self._found = [*active, *self._found], []
        # One line may run a thousand times.
        return list({tuple(one.values()): one for one in taken}.values())

    def of_fixtures(self, item: pytest.Item) -> list[dict[str, Any]]:
        """Return the fixtures of a test that replace a dependency."""
        names = sorted(FIXTURES.intersection(getattr(item, "fixturenames", ())))
        if not names:
            return []
        file, line, _ = item.reportinfo()
        return [self._place("mock fixture", name, str(file), (line or 0) + 1) for name in names]

    def _wrap(self, owner: Any, name: str, before: Callable[..., None]) -> None:
        original = getattr(owner, name)

        def wrapper(*arguments: Any, **named: Any) -> Any:
            before(*arguments, **named)
            return original(*arguments, **named)

        setattr(owner, name, wrapper)
        self._restore.append((owner, name, original))

    def _place(self, kind: str, what: str, file: str, line: int) -> dict[str, Any]:
        place = {"file": shown(Path(file), self._root), "line": line}
        return {"kind": kind, "what": what, **place}

    def _note(self, kind: str, what: str, frame: FrameType | None) -> None:
        if frame is not None:
            place = self._place(kind, what, frame.f_code.co_filename, frame.f_lineno)
            self._found.append(place)

    def _in_tests(self) -> FrameType | None:
        """The innermost frame that lies in the tests."""
        return next((one for one in _frames() if self._is_test(one.f_code.co_filename)), None)

    def read_imports(self, file: str) -> None:
        """Note the imports of mock libraries in a file of the tests, those in functions too."""
        data = Path(file).read_bytes()
        if not _SPEAKS_OF_MOCKS.search(data):
            return
        with suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse(data)):
                for what in _mock_libraries(node):
                    place = self._place("mock import", what, file, getattr(node, "lineno", 0))
                    self._imports[place["file"], place["line"], what] = None
                    if what == "unittest.mock":
                        # Now, or what the first test that imports it starts would not be seen.
                        importlib.import_module(what)

    def _before_mock(self, mock: Any, *arguments: Any, **named: Any) -> None:
        self._note("mock", type(mock).__mro__[1].__name__, self._in_tests())

    def _before_patch(self, patch: Any, *arguments: Any) -> None:
        what = str(getattr(patch, "attribute", None) or "dict")
        self._keep(patch, "patch", what)

    def _before_setattr(
        self, monkeypatch: Any, target: Any, name: Any = "", *_: Any, **__: Any
    ) -> None:
        is_dotted = isinstance(target, str)
        what = target if is_dotted else f"{_name(target)}.{name}"
        module = str(target).rpartition(".")[0] if is_dotted else _module(target)
        if self._is_product(module):
            self._keep(monkeypatch, "replaced attribute", str(what))

    def _before_setitem(self, monkeypatch: Any, mapping: Any, name: Any, *_: Any) -> None:
        # The namespace of a module.
        module = mapping.get("__name__") if isinstance(mapping, dict) else None
        if isinstance(module, str) and self._is_product(module):
            self._keep(monkeypatch, "replaced attribute", f"{module}.{name}")

    def _keep(self, owner: object, kind: str, what: str) -> None:
        """Note something that stays until its owner undoes it."""
        before = len(self._found)
        self._note(kind, what, self._in_tests())
        self._active.setdefault(id(owner), []).extend(self._found[before:])

    def _forget(self, owner: object, *_: Any) -> None:
        self._active.pop(id(owner), None)

    def _is_product_module(self, module: str) -> bool:
        """Whether a module, or the one that holds a class of this name, is the project's own."""
        while module and module not in sys.modules:
            module = module.rpartition(".")[0]
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        path = Path(file)
        return (
            path.is_relative_to(self._root)
            and "site-packages" not in path.parts
            and not self._is_test(file)
        )

    def _before_call_later(
        self, loop: Any, delay: float, callback: Any, *arguments: Any, **named: Any
    ) -> None:
        if callback is _WAKES and delay > 0:
            self._note_sleep(f"asyncio.sleep({delay:g})")

    def _before_sleep(self, seconds: float) -> None:
        self._note_sleep(f"time.sleep({seconds:g})")

    def _note_sleep(self, what: str) -> None:
        """Note a sleep that a test calls itself; the code under test may wait as it likes."""
        modules = {"asyncio.tasks", "asyncio.base_events", __name__}
        outer = (one for one in _frames() if one.f_globals.get("__name__") not in modules)
        caller = next(outer, None)
        if caller and self._is_test(caller.f_code.co_filename):
            self._note("sleep", what, caller)


def _mock_libraries(node: ast.AST) -> Iterator[str]:
    """Yield the mock libraries that a statement imports."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [one.name for one in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
        if node.module == "unittest":
            names = [f"unittest.{one.name}" for one in node.names]
    yield from (name for name in names if name in LIBRARIES)


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module(target: object) -> str:
    if isinstance(target, ModuleType):
        return target.__name__
    return str(getattr(target, "__module__", None) or type(target).__module__)


def _name(target: object) -> str:
    return str(
        getattr(target, "__qualname__", None) or getattr(target, "__name__", type(target).__name__)
    )
