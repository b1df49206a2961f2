"""Note where tests replace something instead of using it, and where they sleep."""

import asyncio
import builtins
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

LIBRARIES = ("unittest.mock", "mock", "pytest_mock", "asynctest", "flexmock", "mockito", "doublex")
_IMPORTED = {*LIBRARIES, "unittest"}
# The fixtures of plugins that put something else in the place of a dependency.
FIXTURES = {
    *("mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"),
    *("mock", "decoy", "flexmock", "respx_mock", "httpx_mock", "requests_mock", "aioresponses"),
    *("responses", "mock_server", "mocked_responses", "betamax_session", "httpretty"),
}
_MISSING = object()
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
        self._watch_imports()
        self._wrap(pytest.MonkeyPatch, "setattr", self._before_setattr)
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
        self._wrap(mock._patch_dict, "_patch_dict", self._before_patch)

    def stop(self) -> None:
        """Note no more."""
        for owner, name, original in reversed(self._restore):
            setattr(owner, name, original)
        self._restore.clear()

    def take(self) -> list[dict[str, Any]]:
        """Return what was noted since the last call."""
        if not self._found:
            return []
        taken, self._found = self._found, []
        # One line may run a thousand times.
        return list({tuple(one.values()): one for one in taken}.values())

    def of_fixtures(self, item: pytest.Item) -> list[dict[str, Any]]:
        """Return the fixtures of a test that put something in the place of a dependency."""
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
        path = Path(file)
        inside = path.is_relative_to(self._root)
        shown = path.relative_to(self._root).as_posix() if inside else file
        return {"kind": kind, "what": what, "file": shown, "line": line}

    def _note(self, kind: str, what: str, frame: FrameType | None) -> None:
        if frame is not None:
            place = self._place(kind, what, frame.f_code.co_filename, frame.f_lineno)
            self._found.append(place)

    def _in_tests(self) -> FrameType | None:
        """The innermost frame that lies in the tests."""
        return next((one for one in _frames() if self._is_test(one.f_code.co_filename)), None)

    def _watch_imports(self) -> None:
        original = builtins.__import__
        note = self._note_import

        def __import__(name: str, *arguments: Any, **named: Any) -> ModuleType:
            # The app imports something in each request: as little as possible happens here.
            if name in _IMPORTED:
                note(name, *arguments, **named)
            return original(name, *arguments, **named)

        builtins.__import__ = __import__
        self._restore.append((builtins, "__import__", original))

    def _note_import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> None:
        if level or (name == "unittest" and "mock" not in (fromlist or ())):
            return
        file = (globals or {}).get("__file__")
        if file and self._is_test(file):
            what = "unittest.mock" if name == "unittest" else name
            place = self._place("mock import", what, file, sys._getframe(2).f_lineno)
            self._imports[place["file"], place["line"], what] = None

    def _before_mock(self, mock: Any, *arguments: Any, **named: Any) -> None:
        self._note("mock", type(mock).__mro__[1].__name__, self._in_tests())

    def _before_patch(self, patch: Any, *arguments: Any) -> None:
        what = str(getattr(patch, "attribute", None) or "dict")
        self._note("patch", what, self._in_tests())

    def _before_setattr(
        self, monkeypatch: Any, target: Any, name: Any, value: Any = _MISSING, raising: bool = True
    ) -> None:
        what = target if value is _MISSING else f"{_name(target)}.{name}"
        module = str(target).rpartition(".")[0] if isinstance(target, str) else _module(target)
        if self._is_product(module):
            self._note("replaced attribute", str(what), self._in_tests())

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
