"""The directory of a test is its layer; what a layer may do, and when it runs, is the policy's."""

import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from . import POLICY
from .marks import allows, asks_for
from .told import heard, tell

LAYERS = POLICY["layers"]
MARKERS = {
    "integration": "needs a real Postgres; given by the directory, or by asking for a database",
    "contract": "runs against a live upstream, nightly; given by the directory",
    "e2e": "runs against the whole deployed service; given by the directory",
    "slow": f"takes longer than {POLICY['slow']['seconds']} s; left out before a commit",
}

# What Python tells an audit hook before it happens, by whatever road it was called.
_ADDRESSED = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
_LOOKED_UP = {"getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo"}
_NETWORK = _ADDRESSED | {f"socket.{name}" for name in _LOOKED_UP}

DATABASE_FIXTURES = {"pg_container", "db", "committed_db"}

LAYER = pytest.StashKey[str]()
_closed: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its layer, then leave out what runs only when it is named."""
    for item in items:
        layer = layer_of(item.path, config)
        item.stash[LAYER] = layer
        if layer in MARKERS:
            item.add_marker(layer)
        if needs_postgres(item):
            item.add_marker("integration")
    left_out = {name for name in LAYERS if not LAYERS[name]["by_default"]} - named(config)
    if gone := [item for item in items if item.stash[LAYER] in left_out]:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item.stash[LAYER] not in left_out]


def layer_of(path: Path, config: pytest.Config) -> str:
    """The layer that a path lies in, or an empty string."""
    tests = config.rootpath / "tests"
    parts = path.relative_to(tests).parts if path.is_relative_to(tests) else ()
    return parts[0] if parts and parts[0] in LAYERS else ""


def named(config: pytest.Config) -> set[str]:
    """The layers that the `-m` expression or a path on the command line names."""
    expression = config.getoption("markexpr", "")
    by_mark = {layer for layer in LAYERS if asks_for(expression, layer)}
    return by_mark | set(_layers_of_paths(config))


def _layers_of_paths(config: pytest.Config) -> Iterable[str]:
    folder = config.invocation_params.dir
    for arg in config.args:
        # A symlink in the path is not to be followed: pytest doesn't either.
        yield layer_of(Path(os.path.abspath(folder / arg.split("::")[0])), config)


def needs_postgres(item: pytest.Item) -> bool:
    """Whether the test asks for a database fixture, directly or through another fixture."""
    return "pg_container" in getattr(item, "fixturenames", ())


def may_need_postgres(config: pytest.Config) -> bool:
    """Whether any selected test could ask for a database, as far as the command line tells."""
    closed = {name for name in LAYERS if not LAYERS[name]["io"]}
    if set(_layers_of_paths(config)) <= closed:
        return False
    return allows(config.getoption("markexpr", ""), "integration")


# `trylast`: as near to the test as can be, so that other plugins' own work stays out of it.
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


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> None:
    """A database that a fixture gets by `getfixturevalue` is seen only here."""
    if _closed and fixturedef.argname in DATABASE_FIXTURES:
        # Set up and torn down, else a test that may have the fixture would not get it either.
        fixturedef.cached_result = (None, None, None)
        fixturedef.finish(request)  # type: ignore[arg-type]
        _refuse_database()


@contextmanager
def _kept_to_its_layer(item: pytest.Item) -> Iterator[None]:
    """Keep the network from a layer without I/O, and fail a test that was told something.

    It fails also where its code swallowed the error, or failed or skipped for another reason.
    """
    heard()
    layer = item.stash[LAYER]
    if not LAYERS.get(layer, {"io": True})["io"]:
        _closed.append(layer)
    try:
        yield
    except KeyboardInterrupt:
        heard()
        raise
    finally:
        _closed.clear()
        if reason := heard():
            pytest.fail(reason, pytrace=False)


def _refuse_database() -> NoReturn:
    pytest.fail(
        f"tests/{_closed[0]} is for tests without I/O, and this one asks for a database: move it "
        "to tests/integration",
        pytrace=False,
    )


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if _closed and event in _NETWORK:
        where = arguments[1] if event in _ADDRESSED else arguments[0]
        reason = tell(
            f"tests/{_closed[0]} is for tests without I/O, and this one reached for the network "
            f"({event} {where}): use httpx.MockTransport, or move it to tests/integration"
        )
        pytest.fail(reason, pytrace=False)


sys.addaudithook(_refuse_network)
