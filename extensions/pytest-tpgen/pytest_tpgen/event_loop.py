"""Run the coroutines of policy tests on one event loop, in each mode of pytest-asyncio.

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

# The functions that were marked for the running test, with their attributes before.
_UNMARKED = pytest.StashKey[list[tuple[Any, dict[str, Any]]]]()


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let pytest-asyncio run a service's coroutine fixtures, during a test of a layer.

    It looks for its mark on their functions, and warns of those without. Another test may run the
    same fixtures by another plugin, so they keep the mark for this test only.
    """
    before: list[tuple[Any, dict[str, Any]]] = []
    item.stash[_UNMARKED] = before
    if not _is_configured(item.config):
        info = getattr(item, "_fixtureinfo", None)
        for definitions in info.name2fixturedefs.values() if info else ():
            for definition in definitions:
                _mark(definition, item)
    try:
        return (yield)
    finally:
        for function, attributes in before:
            vars(function).clear()
            vars(function).update(attributes)


# A wrapper before pytest-asyncio's own.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Do the same for a fixture that the test gets by `getfixturevalue`."""
    if not _is_configured(request.config):
        _mark(fixturedef, request._pyfuncitem)
    return (yield)


def _is_configured(config: pytest.Config) -> bool:
    """Return whether pytest-asyncio's settings already put all fixtures on the session's loop."""
    mode = config.getoption("asyncio_mode", None) or config.getini("asyncio_mode")
    scope = config.getini("asyncio_default_fixture_loop_scope")
    return (str(mode), str(scope)) == ("auto", "session")


def _mark(fixturedef: pytest.FixtureDef[Any], test: pytest.Item) -> None:
    """Do what `@pytest_asyncio.fixture(loop_scope="session")` does to the function."""
    function = getattr(fixturedef.func, "__func__", fixturedef.func)
    if _is_plain_coroutine(function) and _is_ours(fixturedef, test) and _UNMARKED in test.stash:
        test.stash[_UNMARKED].append((function, dict(vars(function))))
        # It marks the function itself; the definition that it returns isn't needed.
        pytest_asyncio.fixture(function, loop_scope="session")


def _is_plain_coroutine(function: Any) -> bool:
    """Return whether a fixture is a coroutine that `@pytest_asyncio.fixture` did not mark."""
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return is_async and not hasattr(function, "_force_asyncio_fixture")


def _is_ours(fixturedef: pytest.FixtureDef[Any], test: pytest.Item) -> bool:
    """Return whether a service's tests define a fixture, and a test of a layer requests it."""
    found = policy.covering(test.path)
    if found is None or any(map(test.get_closest_marker, _OTHERS)):
        return False
    # The node that defines the fixture; empty for a plugin, and for a conftest at the root. It has
    # a path of its own: its name is not relative to a root that lies elsewhere.
    node = fixturedef.baseid.partition("::")[0]
    file = inspect.unwrap(fixturedef.func).__code__.co_filename
    places = (parent.path for parent in test.listchain() if node and parent.nodeid == node)
    return next(places, Path(file)).is_relative_to(found.tests)
