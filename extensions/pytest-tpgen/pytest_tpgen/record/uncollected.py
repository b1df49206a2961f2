"""Find the tests that are written, and that pytest does not collect."""

import inspect
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_tpgen.suites import Suite

from . import shown

_HOLDS_TESTS = re.compile(r"^\s*(?:async )?def test_|^class Test", re.MULTILINE)


class Uncollected:
    """The tests of a run that nobody runs, with the reason where it is known.

    Args:
        root: the folder of the project.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def found(self) -> list[dict[str, Any]]:
        """Each with `file`, `line`, `name` and `reason`."""
        return list(self._found.values())

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(
        self, collector: Any, name: str, obj: object
    ) -> Generator[None, Any, Any]:
        made = yield
        if not made and (reason := _reason(collector, name, obj)):
            code = getattr(obj, "__code__", None)
            self._add(collector.path, getattr(code, "co_firstlineno", 0), name, reason)
        return made

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        report = yield
        if isinstance(collector, pytest.Class) and not report.result:
            self._add_class(collector)
        if isinstance(collector, pytest.File) and report.outcome != "passed":
            said = str(report.longrepr[2] if report.skipped else report.longreprtext)
            lines = [line for line in said.strip().splitlines() if line.strip()]
            reason = lines[-1].removeprefix("E ").strip() if lines else report.outcome
            self._add(collector.path, 0, "", reason)
        return report

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        reason = _deselected()
        for item in items:
            name = item.nodeid.partition("::")[2]
            self._add(item.path, (item.reportinfo()[1] or 0) + 1, name, reason)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collect_file(self, file_path: Path, parent: Any) -> Generator[None, Any, Any]:
        made = yield
        if not made and file_path.suffix == ".py" and file_path.name != "conftest.py":
            text = file_path.read_text(encoding="utf-8", errors="replace")
            if "test" in file_path.name and _HOLDS_TESTS.search(text):
                reason = f"no pattern of python_files ({_patterns(parent.config)}) has this name"
                self._add(file_path, 0, "", reason)
        return made

    def _add_class(self, collector: pytest.Class) -> None:
        if reason := _reason(collector.parent, collector.name, collector.obj):
            self._add(collector.path, 0, collector.name, reason)

    def _add(self, path: Path, line: int, name: str, reason: str) -> None:
        file = shown(path, self._root)
        found = {"file": file, "line": line, "name": name, "reason": reason}
        self._found.setdefault((file, name), found)


def _deselected() -> str:
    """Return the reason with the module that deselects: a plugin such as pytest-split, a conftest.

    pytest and the engine do it for options and layers, which the record states.
    """
    frame = inspect.currentframe()
    while frame and frame.f_code.co_name != "pytest_collection_modifyitems":
        frame = frame.f_back
    module = str(frame.f_globals["__name__"]) if frame else ""
    is_usual = module.partition(".")[0] in ("", "_pytest", "pytest_tpgen")
    return "deselected" if is_usual else f"deselected by {module}"


def _patterns(config: pytest.Config) -> str:
    return " ".join(config.getini("python_files"))


def _reason(collector: Any, name: str, obj: object) -> str:
    """Return why something that looks like tests is not collected; empty if it does not."""
    if isinstance(obj, type):
        if obj.__module__ != getattr(getattr(collector, "obj", None), "__name__", None):
            return ""
        tests = [one for one in dir(obj) if one.startswith("test")]
        if not tests or not (name.startswith("Test") or issubclass(obj, Suite)):
            return ""
        if not getattr(obj, "__test__", True):
            return "`__test__` is False"
        if any({"__init__", "__new__"} & vars(base).keys() for base in obj.__mro__[:-1]):
            return "the class has a constructor"
        if not collector.classnamefilter(name):
            patterns = " ".join(collector.config.getini("python_classes"))
            return f"no pattern of python_classes ({patterns}) has this name"
        return ""
    if callable(obj) and name.startswith("test") and not getattr(obj, "__test__", True):
        return "`__test__` is False"
    return ""
