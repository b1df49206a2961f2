"""What the policy asks of pytest. This part: one Postgres a run, and its databases."""

import os
from collections.abc import AsyncIterator, Callable

import pytest

from . import PLUGINS, POLICY
from .committed import CommittedDatabase
from .database import Databases, Migrate
from .layers import may_need_postgres, needs_postgres
from .postgres import PostgresUnavailable, Server, choose_and_start
from .sandbox import Sandbox

pytest_plugins = PLUGINS

SERVER = pytest.StashKey[Server]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("policy", "the testing policy")
    group.addoption(
        "--postgres",
        default=os.environ.get("TEST_POSTGRES", "auto"),
        metavar="SOURCE",
        help="auto (the default: Docker, else embedded), docker, embedded, or the URL of a server "
        "to make databases on; also by the variable TEST_POSTGRES",
    )
    group.addoption(
        "--trust-postgres",
        action="append",
        default=[],
        metavar="NAME",
        help="allow a server that is not on this machine, by its host name, or the service's own "
        "server, as DATABASE_URL",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Under xdist the controller starts the server, for all of its workers."""
    config = session.config
    if is_xdist_controller(config) and runs_tests(config) and may_need_postgres(config):
        start(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    return _line(config) if is_xdist_controller(config) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    server = node.config.stash.get(SERVER, None)  # type: ignore[attr-defined]
    if server is not None:
        shared = {name: getattr(server, name) for name in ("url", "source", "version", "prefix")}
        node.workerinput["postgres"] = shared  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without xdist the selected tests tell whether a server is needed."""
    config = session.config
    if is_xdist_worker(config) or not runs_tests(config):
        return
    if may_need_postgres(config) and any(needs_postgres(item) for item in session.items):
        start(config)


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    return _line(config)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if server := config.stash.get(SERVER, None):
        try:
            server.stop()
        except PostgresUnavailable as error:
            _say(config)(f"the databases of this run are left for the next one to drop: {error}")


def start(config: pytest.Config) -> Server:
    """The server of this run, started by whoever asks first.

    Raises:
        pytest.UsageError: there is none, or it must not be used.
    """
    if is_xdist_worker(config) and "postgres" in config.workerinput:  # type: ignore[attr-defined]
        return Server(**config.workerinput["postgres"], stop=lambda: None)  # type: ignore[attr-defined]
    if SERVER not in config.stash:
        if not may_need_postgres(config):
            pytest.fail(
                "this test gets a database in a way that can't be seen before it runs: mark it "
                "with @pytest.mark.integration",
                pytrace=False,
            )
        try:
            config.stash[SERVER] = choose_and_start(
                config.getoption("--postgres"),
                POLICY["postgres"]["image"],
                config.getoption("--trust-postgres"),
                _say(config),
            )
        except PostgresUnavailable as error:
            raise pytest.UsageError(f"no Postgres: {error}") from None
    return config.stash[SERVER]


def runs_tests(config: pytest.Config) -> bool:
    """Whether this is more than a question to pytest."""
    option = config.option
    return not (option.collectonly or option.showfixtures or option.show_fixtures_per_test)


def is_xdist_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def is_xdist_controller(config: pytest.Config) -> bool:
    return not is_xdist_worker(config) and config.getoption("dist", "no") != "no"


def _say(config: pytest.Config) -> Callable[[str], None]:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    return terminal.write_line if terminal else print


def _line(config: pytest.Config) -> str | None:
    server = config.stash.get(SERVER, None)
    return f"postgres: {server}" if server else None


@pytest.fixture(scope="session")
def databases(pg_container: Server, migrate: Migrate, request: pytest.FixtureRequest) -> Databases:
    """The databases of this worker on the server of the run."""
    worker = getattr(request.config, "workerinput", {"workerid": "main"})["workerid"]
    return Databases(pg_container, worker, migrate)


@pytest.fixture(scope="session")
async def sandbox(databases: Databases) -> AsyncIterator[Sandbox]:
    """What `db` is made of: rollback isolation on one connection."""
    sandbox = Sandbox(databases)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture(scope="session")
async def committed(databases: Databases) -> AsyncIterator[CommittedDatabase]:
    """What `committed_db` is made of: real commits, all deleted after the test."""
    committed = CommittedDatabase(databases)
    await committed.start()
    yield committed
    await committed.stop()
