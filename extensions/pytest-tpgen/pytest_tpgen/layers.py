"""Apply the layer of a test, which is its directory (policy: "Layers")."""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from . import deferred, policy
from .mark_expressions import allows, asks_for
from .plugin import POLICIES

MARKERS = {
    "integration": "needs a real Postgres; set by the directory, or by requesting a database",
    "contract": "runs against a live upstream, nightly; set by the directory",
    "e2e": "runs against the whole deployed service; set by the directory",
    "slow": "takes longer than the policy's limit; left out before a commit",
}

# What Python reports to an audit hook before it happens.
_ADDRESSED = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
_LOOKED_UP = {"getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo"}
_NETWORK = _ADDRESSED | {f"socket.{name}" for name in _LOOKED_UP}

DATABASE_FIXTURES = {"pg_container", "db", "committed_db"}

# The layer without I/O whose test runs now; empty at any other time.
_closed: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its layer, then leave out the layers that run only when they are named."""
    named = _named(config)
    left_out = []
    for item in items:
        found = policy.covering(item.path)
        if found is None:
            continue
        layer = found.layer(item.path)
        if layer in MARKERS:
            item.add_marker(layer)
        if needs_postgres(item):
            item.add_marker("integration")
        if not found.layers[layer].get("by_default", True) and layer not in named:
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def needs_postgres(item: pytest.Item) -> bool:
    """Return whether the test requests a database fixture, directly or through another one."""
    return "pg_container" in getattr(item, "fixturenames", ())


def may_need_postgres(config: pytest.Config) -> bool:
    """Return whether a selected test could request a database, as far as the options show."""
    if all(layer and not may_use_io for layer, may_use_io in _layers_of_paths(config)):
        return False
    return allows(config.getoption("markexpr", ""), "integration")


def _named(config: pytest.Config) -> set[str]:
    """Return the layers that the `-m` expression or a path on the command line names."""
    expression = config.getoption("markexpr", "")
    layers = {name for found in config.stash[POLICIES] for name in found.layers}
    by_mark = {layer for layer in layers if asks_for(expression, layer)}
    return by_mark | {layer for layer, _ in _layers_of_paths(config)}


def _layers_of_paths(config: pytest.Config) -> Iterator[tuple[str, bool]]:
    """Yield, for each path on the command line, its layer and whether that may use I/O."""
    for arg in config.args:
        # A symlink isn't followed: pytest doesn't follow it either.
        path = Path(os.path.abspath(config.invocation_params.dir / arg.split("::")[0]))
        found = policy.of(path)
        layer = found.layer(path) if found else ""
        yield layer, not (found and layer) or found.layers[layer].get("io", True)


# `trylast`: as near to the test as possible, so that the work of other plugins stays outside.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    with _kept_to_its_layer(item):
        if _closed and needs_postgres(item):
            _refuse_database()
        yield


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with _kept_to_its_layer(item):
        yield


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    with _kept_to_its_layer(item):
        yield


# A wrapper before pytest-asyncio's own, which would hide the message.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Refuse a database that a fixture gets by `getfixturevalue`: that is seen only here."""
    if _closed and fixturedef.argname in DATABASE_FIXTURES:
        # Set up and torn down, or a test that may have the fixture wouldn't get it either.
        fixturedef.cached_result = (None, None, None)
        fixturedef.finish(request)  # type: ignore[arg-type]
        _refuse_database()
    return (yield)


@contextmanager
def _kept_to_its_layer(item: pytest.Item) -> Iterator[None]:
    """Close the network to a layer without I/O, and raise a deferred failure at the end.

    The failure counts also where the code under test swallowed it, or the test failed or was
    skipped for another reason.
    """
    found = policy.covering(item.path)
    if found is None:
        yield
        return
    deferred.take()
    layer = found.layer(item.path)
    if not found.layers[layer].get("io", True):
        _closed.append(layer)
    try:
        yield
    except KeyboardInterrupt:
        deferred.take()
        raise
    finally:
        _closed.clear()
        if reason := deferred.take():
            pytest.fail(reason, pytrace=False)


def _refuse_database() -> NoReturn:
    pytest.fail(
        f"tests/{_closed[0]} is for tests without I/O, and this one requests a database: move it "
        "to tests/integration",
        pytrace=False,
    )


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if _closed and event in _NETWORK:
        where = arguments[1] if event in _ADDRESSED else arguments[0]
        reason = deferred.defer(
            f"tests/{_closed[0]} is for tests without I/O, and this one used the network "
            f"({event} {where}): use httpx.MockTransport, or move it to tests/integration"
        )
        pytest.fail(reason, pytrace=False)


sys.addaudithook(_refuse_network)
