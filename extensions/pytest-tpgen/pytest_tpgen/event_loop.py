"""Run the coroutines of policy tests on one event loop, whatever pytest-asyncio's settings are.

`db` and the app share one connection, which belongs to one event loop. The settings of
pytest-asyncio hold for all tests of a run, so changing them would change other tests too.
"""

import inspect
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from . import policy

_OTHERS = ("anyio", "trio")


# `trylast`: before pytest-asyncio looks at the markers of what was collected.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Mark each coroutine test of a layer as one of the session's event loop."""
    made = yield
    if policy.covering(collector.path):
        for node in made if isinstance(made, list) else [made]:
            if _is_coroutine(node) and not any(map(node.get_closest_marker, _OTHERS)):
                _put_on_session_loop(node)
    return made


def _put_on_session_loop(test: pytest.Function) -> None:
    """Set the loop of a test, unless its own marker states one."""
    stated = test.get_closest_marker("asyncio")
    if stated is None or not stated.kwargs:
        test.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _is_coroutine(node: object) -> bool:
    if not isinstance(node, pytest.Function):
        return False
    hypothesis = getattr(node.obj, "hypothesis", None)
    return inspect.iscoroutinefunction(getattr(hypothesis, "inner_test", node.obj))


# A wrapper before pytest-asyncio's own, which looks for its mark on the function.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Let pytest-asyncio run a service's coroutine fixtures for the tests of its layers."""
    function = getattr(fixturedef.func, "__func__", fixturedef.func)
    if not _is_plain_coroutine(function) or not _is_ours(fixturedef, request):
        return (yield)
    before = dict(vars(function))
    # It marks the function itself; the definition that it returns isn't needed.
    pytest_asyncio.fixture(function, loop_scope="session")
    try:
        return (yield)
    finally:
        # Another test may run the same fixture by another plugin.
        vars(function).clear()
        vars(function).update(before)


def _is_plain_coroutine(function: Any) -> bool:
    """Return whether a fixture is a coroutine that `@pytest_asyncio.fixture` did not mark."""
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return is_async and not hasattr(function, "_force_asyncio_fixture")


def _is_ours(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> bool:
    """Return whether a service's tests define a fixture, and a test of a layer requests it."""
    test = request._pyfuncitem
    found = policy.covering(test.path)
    if found is None or any(map(test.get_closest_marker, _OTHERS)):
        return False
    # The node that defines the fixture; empty for a plugin, and for a conftest at the root.
    node = fixturedef.baseid.partition("::")[0]
    file = inspect.unwrap(fixturedef.func).__code__.co_filename
    place = Path(request.config.rootpath, node) if node else Path(file)
    return place.is_relative_to(found.tests)
