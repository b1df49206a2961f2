"""Count the assertions that a test executes; where it may have others, the count is unknown."""

import dis
from collections.abc import Iterator, Mapping
from functools import cache, wraps
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any
from unittest import TestCase

import pytest
from _pytest.assertion import rewrite

# What pytest keeps of a rewritten module does not say whether the hook was on.
_TAIL = "-census" + rewrite.PYC_TAIL
_OF_UNITTEST = {name for name in vars(TestCase) if name.startswith("assert")}


class Assertions:
    """The number of assertions that were executed since `begin`."""

    def __init__(self) -> None:
        self.count = 0
        self._restore: list[tuple[type, str, Any]] = []

    def watch(self, config: pytest.Config) -> None:
        """Let pytest tell of each assertion that holds, and of each `pytest.raises` that does."""
        config._inicache["enable_assertion_pass_hook"] = True
        rewrite.PYC_TAIL = _TAIL
        for name in ("RaisesExc", "RaisesGroup", "RaisesContext"):
            if context := getattr(pytest, name, None):
                self._count_exits(context)
        self._count_exits(pytest.WarningsRecorder)
        for name in _OF_UNITTEST:
            self._count_calls(name)

    def _count_exits(self, context: Any) -> None:
        original = context.__exit__

        def __exit__(this: Any, *details: Any) -> Any:
            # Where nothing was raised, it fails the test.
            suppressed = original(this, *details)
            self.count += 1
            return suppressed

        context.__exit__ = __exit__
        self._restore.append((context, "__exit__", original))

    def _count_calls(self, name: str) -> None:
        original = getattr(TestCase, name)

        @wraps(original)
        def counted(*arguments: Any, **options: Any) -> Any:
            found = original(*arguments, **options)
            self.count += 1
            return found

        setattr(TestCase, name, counted)
        self._restore.append((TestCase, name, original))

    def stop(self) -> None:
        """Count no more."""
        rewrite.PYC_TAIL = _TAIL.removeprefix("-census")
        for context, name, original in self._restore:
            setattr(context, name, original)
        self._restore.clear()

    def pytest_assertion_pass(self) -> None:
        self.count += 1

    def of(self, item: pytest.Item) -> int | None:
        """Return how many a test has executed; None where it may have others than were seen."""
        function = getattr(item, "function", None)
        if item.config.getoption("assertmode", "rewrite") == "plain":
            return None
        if self.count or function is None:
            return self.count or None
        return None if _may_assert(function) else 0


def _may_assert(function: Any) -> bool:
    """Whether a test calls something that may assert, in a way that no hook tells of."""
    function = getattr(function, "__wrapped__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return True
    if any(map(_asserts_by_name, _names(code))):
        return True
    scope: Mapping[str, Any] = getattr(function, "__globals__", {})
    used = (scope.get(name) for name in _names(code))
    return any(_is_of_helper(value) for value in used)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _asserts_by_name(name: str) -> bool:
    is_helper = name.startswith(("assert", "expect", "check_")) or name in {"fail", "verify"}
    return is_helper and name not in _OF_UNITTEST


def _is_of_helper(value: object) -> bool:
    """Whether a value is, or holds, code with asserts that pytest did not rewrite."""
    if isinstance(value, ModuleType):
        held = [*vars(value).values()]
        return any(_is_plain(one) for one in held if isinstance(one, FunctionType | type))
    return isinstance(value, FunctionType | type) and _is_plain(value)


def _is_plain(value: FunctionType | type) -> bool:
    functions = [value] if isinstance(value, FunctionType) else [*vars(value).values()]
    return any(
        _has_plain_assert(one.__code__) for one in functions if isinstance(one, FunctionType)
    )


@cache
def _has_plain_assert(code: CodeType) -> bool:
    """Whether code has an assert as Python compiles it; pytest's own has none."""
    if "site-packages" in Path(code.co_filename).parts:
        return False
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    loads = {one.opname for one in dis.get_instructions(code)}
    # A rewritten one has the names of pytest's helpers too.
    plain = "LOAD_ASSERTION_ERROR" in loads and "@pytest_ar" not in code.co_names
    return plain or any(map(_has_plain_assert, inner))
