"""Fixtures that a service's `tests/conftest.py` imports: none of them is global.

from pytest_tpgen.fixtures import committed, databases, sandbox, session
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from .committed import CommittedDatabase
from .databases import Databases
from .postgres import Server
from .sandbox import Sandbox
from .schema import Schema

__all__ = ["committed", "databases", "sandbox", "session"]


@pytest.fixture(scope="session")
def databases(pg_container: Server, schema: Schema, request: pytest.FixtureRequest) -> Databases:
    """The databases of this worker on the server of the run."""
    worker = getattr(request.config, "workerinput", {"workerid": "main"})["workerid"]
    return Databases(pg_container, worker, schema)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(databases: Databases) -> AsyncIterator[Sandbox]:
    """The rollback isolation that `db` uses: one connection, whose work is undone."""
    sandbox = Sandbox(databases)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def committed(databases: Databases) -> AsyncIterator[CommittedDatabase]:
    """The database that `committed_db` uses: real commits, all deleted after the test."""
    committed = CommittedDatabase(databases)
    await committed.start()
    yield committed
    await committed.stop()


@pytest.fixture
def session(request: pytest.FixtureRequest, pg_container: Server) -> AsyncSession:
    """The session of this test: `committed_db` if the test requests it, else `db`."""
    name = "committed_db" if "committed_db" in request.fixturenames else "db"
    chosen: AsyncSession = request.getfixturevalue(name)
    return chosen
