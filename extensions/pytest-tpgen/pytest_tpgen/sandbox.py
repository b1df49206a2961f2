"""Isolate tests that use `db` by rollback: the code under test may commit, and nothing remains.

One connection holds one outer transaction. Each transaction on the engine, of the test or of the
app, is a savepoint in it. A commit sends nothing, and a rollback returns to the savepoint. So the
app's requests see the test's rows, and one round trip after the test undoes everything.

What one connection can't show correctly is refused: two open transactions of which one has
written, because the second would see what the first has not committed. The test's own session is
the exception: what it flushed counts as committed, so that requests see it.

Not noticed: statements over the driver's own connection (unless they end the transaction), a
function that writes and that a test or an extension created, NOTIFY (it never arrives), an
advisory lock of the session (all holders are the same connection), and `now()`, which does not
advance. `committed_db` shows all of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import StaticPool

from .databases import Databases, bound
from .postgres import BROKEN
from .savepoints import SWITCH, Savepoints
from .statements import WRITING_FUNCTIONS
from .tasks import no_stray_tasks

_BEGIN = "BEGIN; SAVEPOINT sandbox"
# Fails where somebody ended the outer transaction: its savepoint went with it.
_RESET = f"ROLLBACK TO SAVEPOINT sandbox; ROLLBACK; SELECT pg_advisory_unlock_all(); {_BEGIN}"

_DEFERRED = """
SELECT coalesce(string_agg(format('%I.%I', nspname, conname), ', '), '')
FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace WHERE condeferred
"""


class Sandbox:
    """An engine on one connection, whose transactions are savepoints of an outer one.

    Args:
        databases: where to get a database that nothing else uses.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._raw: Any = None

    async def start(self) -> None:
        """Clone a database, connect, and begin the outer transaction."""
        self.engine = create_async_engine(
            await self._databases.clone("sandbox"),
            poolclass=StaticPool,
            # The driver begins nothing; the savepoints do, and a commit sends nothing.
            isolation_level="AUTOCOMMIT",
        )
        self._tests_own = self.engine.execution_options(sandbox_tests_own=True)
        self._savepoints = Savepoints(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "connect", self._on_connect)
        await self._connect()
        functions = await self._raw.fetch(WRITING_FUNCTIONS)
        deferred = await self._raw.fetchval(_DEFERRED)
        self._savepoints.schema_has([row["proname"] for row in functions], deferred)

    async def stop(self) -> None:
        """Close the connection."""
        await self.engine.dispose()

    @asynccontextmanager
    async def session(
        self, *makers: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Bind the app's sessionmakers to the sandbox for one test, and give a session of it."""
        with bound(self.engine, *makers):
            try:
                session = makers[0](bind=self._tests_own)
                async with no_stray_tasks():
                    yield session
                self._savepoints.closing = True
                await session.close()
            finally:
                await self.reset()

    async def reset(self) -> None:
        """Undo everything since the last reset, in one round trip."""
        self._savepoints.forget()
        try:
            await self._raw.execute(_RESET)
        except (asyncpg.InvalidSavepointSpecificationError, asyncpg.NoActiveSQLTransactionError):
            await self.stop()
            await self.start()
            pytest.fail(f"The driver was told to end the transaction. {SWITCH}", pytrace=False)
        except BROKEN:
            # The test broke the connection; what it did went with it. The next gets a new one.
            self._raw.terminate()
            await self.engine.dispose()
            await self._connect()

    async def _connect(self) -> None:
        async with self.engine.connect():
            pass

    def _on_connect(self, dbapi_connection: Any, _: object) -> None:
        """Begin the outer transaction of a new connection."""
        dbapi_connection.run_async(lambda raw: raw.execute(_BEGIN))
        if self._raw:
            # A pool that replaces its connection may leave the former one open.
            self._raw.terminate()
        self._raw = dbapi_connection.driver_connection
        self._savepoints.connection_is_new()
