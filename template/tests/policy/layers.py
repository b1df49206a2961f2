"""The directory of a test is its layer; what a layer may do, and when it runs, is the policy's."""

import re
import sys
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from . import POLICY
from .told import heard, tell

LAYERS = POLICY["layers"]
MARKERS = {
    "integration": "needs a real Postgres; given by the directory, or by asking for a database",
    "contract": "runs against a live upstream, nightly; given by the directory",
    "e2e": "runs against the whole deployed service; given by the directory",
    "slow": f"takes longer than {POLICY['slow']['seconds']} s; left out before a commit",
}

# What Python tells an audit hook before it happens, by whatever road it was called.
_NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}

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
    words = set(re.findall(r"\w+", config.getoption("markexpr", "")))
    return {layer for layer in LAYERS if layer in words} | set(_layers_of_paths(config))


def _layers_of_paths(config: pytest.Config) -> Iterable[str]:
    folder = config.invocation_params.dir
    return (layer_of(folder / arg.split("::")[0], config) for arg in config.args)


def needs_postgres(item: pytest.Item) -> bool:
    """Whether the test asks for a database fixture, directly or through another fixture."""
    return "pg_container" in getattr(item, "fixturenames", ())


def may_need_postgres(config: pytest.Config) -> bool:
    """Whether any selected test could ask for a database, as far as the command line tells."""
    closed = {name for name in LAYERS if not LAYERS[name]["io"]}
    if set(_layers_of_paths(config)) <= closed:
        return False
    return not re.search(r"\bnot\s+integration\b", config.getoption("markexpr", ""))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if not LAYERS.get(item.stash[LAYER], {"io": True})["io"] and needs_postgres(item):
        pytest.fail(
            f"tests/{item.stash[LAYER]} is for tests without I/O, and this one asks for a "
            "database: move it to tests/integration",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the network from the tests of a layer without I/O."""
    layer = item.stash[LAYER]
    if layer in LAYERS and not LAYERS[layer]["io"]:
        _closed.append(layer)
    try:
        return (yield)
    finally:
        _closed.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that was told something, also where its code swallowed the error."""
    heard()
    yield
    if reason := heard():
        pytest.fail(reason, pytrace=False)


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if _closed and event in _NETWORK:
        where = arguments[1] if event in {"socket.connect", "socket.bind"} else arguments[0]
        reason = tell(
            f"tests/{_closed[0]} is for tests without I/O, and this one reached for the network "
            f"({event} {where}): use httpx.MockTransport, or move it to tests/integration"
        )
        pytest.fail(reason, pytrace=False)


sys.addaudithook(_refuse_network)
