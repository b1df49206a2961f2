"""Start the Postgres of a run when the first test needs it, and stop it at the end."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from . import keep, policy
from .layers import may_need_postgres, needs_postgres
from .plugin import POLICIES, SERVER
from .postgres import PostgresUnavailable, Server, choose_and_start
from .postgres.differences import explain
from .postgres.image import Image


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Under xdist the controller starts the server, for all of its workers."""
    config = session.config
    if is_xdist_controller(config) and runs_tests(config) and may_need_postgres(config):
        start(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    return _line(config) if is_xdist_controller(config) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    server = node.config.stash.get(SERVER, None)
    if server is not None:
        names = ("url", "source", "version", "prefix", "differences")
        shared = {name: getattr(server, name) for name in names}
        node.workerinput["postgres"] = shared


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without xdist the selected tests show whether a server is needed."""
    config = session.config
    if is_xdist_worker(config) or not runs_tests(config):
        return
    if may_need_postgres(config) and any(needs_postgres(item) for item in session.items):
        start(config)


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    return _line(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[object]) -> None:
    """Name the source that has what a failed test or migration misses on this server."""
    found = policy.covering(item.path)
    server = item.config.stash.get(SERVER, None)
    if call.excinfo is None or found is None or server is None:
        return
    error = call.excinfo.value
    sentence = explain(error, server, Image(found.image))
    if sentence is None or sentence in "".join([str(error), *getattr(error, "__notes__", [])]):
        return
    if isinstance(error, pytest.fail.Exception):
        error.msg = f"{sentence}\n{error.msg}"
    else:
        error.add_note(sentence)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(SERVER, None)
    if server and not is_xdist_worker(config):
        if keep.lines():
            server.keep()
            return
        try:
            server.stop()
        except PostgresUnavailable as error:
            _say(config)(f"the next run drops the databases of this one: {error}")


def start(config: pytest.Config) -> Server:
    """Return the server of this run; the first caller starts it.

    Raises:
        pytest.UsageError: there is no server, or it must not be used.
    """
    if SERVER not in config.stash and (shared := _shared(config)):
        config.stash[SERVER] = Server(**shared, stop=lambda: None)
    if SERVER not in config.stash:
        if not may_need_postgres(config):
            pytest.fail(
                "this test requests a database in a way that can't be seen before it runs: mark "
                "it with @pytest.mark.integration",
                pytrace=False,
            )
        try:
            config.stash[SERVER] = choose_and_start(
                config.getoption("--postgres", os.environ.get("TEST_POSTGRES", "auto")),
                config.stash[POLICIES][0].image,
                config.getoption("--trust-postgres", []),
                _say(config),
                config.stash[POLICIES][0].root,
            )
        except PostgresUnavailable as error:
            raise pytest.UsageError(f"no Postgres: {error}") from None
    return config.stash[SERVER]


def _shared(config: pytest.Config) -> dict[str, str]:
    """Return the controller's server, if this is a worker of it."""
    shared: dict[str, str] = getattr(config, "workerinput", {}).get("postgres", {})
    return shared


def runs_tests(config: pytest.Config) -> bool:
    """Return False for `--collect-only` and `--fixtures`."""
    option = config.option
    return not (option.collectonly or option.showfixtures or option.show_fixtures_per_test)


def is_xdist_worker(config: pytest.Config) -> bool:
    """Return whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def is_xdist_controller(config: pytest.Config) -> bool:
    """Return whether this process starts xdist's workers."""
    return not is_xdist_worker(config) and config.getoption("dist", "no") != "no"


def _say(config: pytest.Config) -> Callable[[str], None]:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    return terminal.write_line if terminal else print


def _line(config: pytest.Config) -> str | None:
    server = config.stash.get(SERVER, None)
    return f"postgres: {server}" if server else None
