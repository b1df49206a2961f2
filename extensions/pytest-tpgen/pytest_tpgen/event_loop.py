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

_OTHERS = ("asyncio", "anyio", "trio")


# `trylast`: before pytest-asyncio looks at the markers of what was collected.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Mark each coroutine test of a layer as one of the session's event loop."""
    made = yield
    if policy.covering(collector.path):
        for node in made if isinstance(made, list) else [made]:
            if isinstance(node, pytest.Function) and inspect.iscoroutinefunction(node.obj):
                if not any(node.get_closest_marker(name) for name in _OTHERS):
                    node.add_marker(pytest.mark.asyncio(loop_scope="session"))
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> None:
    """Let pytest-asyncio run the coroutine fixtures that are defined in a layer."""
    function = fixturedef.func
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    is_stated = hasattr(function, "_force_asyncio_fixture")  # by `@pytest_asyncio.fixture`
    if is_async and not is_stated and _is_in_layer(fixturedef, request.config):
        # It marks the function itself; the definition that it returns isn't needed.
        pytest_asyncio.fixture(function, loop_scope="session")  # type: ignore[call-overload]


def _is_in_layer(fixturedef: pytest.FixtureDef[Any], config: pytest.Config) -> bool:
    place = fixturedef.baseid.partition("::")[0]
    return bool(place) and policy.covering(Path(config.rootpath, place, "")) is not None
