"""Isolate tests that use `db` by rollback: the code under test may commit, and nothing remains.

One connection holds one outer transaction. Each transaction on the engine, of the test or of the
app, is a savepoint in it. A commit sends nothing, and a rollback returns to the savepoint. So the
app's requests see the test's rows, and one round trip after the test undoes everything.

What one connection can't show correctly is refused: two open transactions of which one has
written, because the second would see what the first has not committed. The test's own session is
the exception: what it flushed counts as committed, so that requests see it.

No other connection to the database is possible: it would see nothing, and what it wrote would
stay. Neither shown nor refused: what is sent over the driver's own connection (only where it ends
the transaction), a function that writes and that a test or an extension made, NOTIFY (it never
arrives; a failing test says so), an advisory lock of the session (its next holder is the same
connection), and `now()`, which stands still. `committed_db` shows all of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import await_only

from . import keep
from .databases import Databases, bound, refreshing
from .deferred import nothing_is_committed
from .postgres import BROKEN
from .savepoints import SWITCH, Savepoints
from .statements import NOTICE, WRITING_FUNCTIONS
from .tasks import no_stray_tasks, require_loop

_BEGIN = "BEGIN; SAVEPOINT sandbox"
# Fails where somebody ended the outer transaction: its savepoint went with it.
_RESET = f"ROLLBACK TO SAVEPOINT sandbox; ROLLBACK; SELECT pg_advisory_unlock_all(); {_BEGIN}"

_NOTE_DDL = f"""
CREATE SCHEMA tpgen;
CREATE FUNCTION tpgen.note_ddl() RETURNS event_trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE NOTICE '{NOTICE}'; END $$;
CREATE EVENT TRIGGER tpgen_ddl ON ddl_command_end EXECUTE FUNCTION tpgen.note_ddl();
"""
_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"

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
        self._loop = asyncio.get_running_loop()
        self.engine = create_async_engine(
            await self._databases.clone("sandbox"),
            poolclass=StaticPool,
            # The driver begins nothing; the savepoints do, and a commit sends nothing.
            isolation_level="AUTOCOMMIT",
        )
        self._tests_own = self.engine.execution_options(sandbox_tests_own=True)
        self._savepoints = Savepoints(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "do_connect", self._before_connect)
        event.listen(self.engine.sync_engine, "connect", self._on_connect)
        await self._connect()
        functions = await self._raw.fetch(WRITING_FUNCTIONS)
        deferred = await self._raw.fetchval(_DEFERRED)
        self._savepoints.schema_has([row["proname"] for row in functions], deferred)

    async def stop(self) -> None:
        """Close the connection."""
        await self.engine.dispose()
        self._raw = None

    @asynccontextmanager
    async def session(
        self, *makers: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Bind the app's sessionmakers to the sandbox for one test, and give a session of it."""
        require_loop(self._loop)
        with bound(self.engine, *makers):
            self._savepoints.active = True
            nothing_is_committed()
            try:
                # Rows of the test stay readable after its commits: async code can't reload them.
                session = refreshing(makers[0], bind=self._tests_own, expire_on_commit=False)
                async with no_stray_tasks():
                    yield session
                self._savepoints.closing = True
                await session.close()
            finally:
                await self.reset()

    async def reset(self) -> None:
        """Undo everything since the last reset, in one round trip."""
        if keep.wanted():
            await self._keep()
            return
        schema_changed = self._savepoints.schema_changed
        self._savepoints.forget()
        try:
            await self._raw.execute(_RESET)
            if schema_changed:
                self._savepoints.invalidate(self._dbapi_connection)
                self._savepoints.schema_changed = False
                await self._raw.reload_schema_state()
        except (asyncpg.InvalidSavepointSpecificationError, asyncpg.NoActiveSQLTransactionError):
            await self.stop()
            await self.start()
            pytest.fail(f"The driver was told to end the transaction. {SWITCH}", pytrace=False)
        except BROKEN:
            # The test broke the connection; what it did went with it. The next gets a new one.
            self._raw.terminate()
            await self.engine.dispose()
            await self._connect()

    async def _keep(self) -> None:
        """Commit what the failed test wrote, keep the database, and go on with a new one."""
        try:
            for name in self._savepoints.failed():
                await self._raw.execute(f"ROLLBACK TO SAVEPOINT {name}")
            await self._raw.execute("COMMIT")
        except BROKEN as error:
            keep.could_not(str(error))
        else:
            await self.stop()
            keep.keep(await self._databases.keep("sandbox"))
        await self.stop()
        await self.start()

    async def _connect(self) -> None:
        async with self.engine.connect():
            pass

    def _before_connect(self, *_: object) -> None:
        """Open the database for a connection that replaces a broken one."""
        require_loop(self._loop)
        if self._raw:
            await_only(self._databases.accept_connections("sandbox", True))

    def _on_connect(self, dbapi_connection: Any, _: object) -> None:
        """Every connection is in an outer transaction from its first moment."""
        dbapi_connection.run_async(self._enter)
        if self._raw:
            # A pool that replaces its connection may leave the former one open.
            self._raw.terminate()
        self._dbapi_connection = dbapi_connection
        self._raw = dbapi_connection.driver_connection
        self._savepoints.connection_is_new()

    async def _enter(self, raw: asyncpg.Connection) -> None:
        """Begin the outer transaction, and close the database to other connections."""
        if not self._raw and await raw.fetchval(_IS_SUPERUSER):
            await raw.execute(_NOTE_DDL)
        raw.add_log_listener(self._on_notice)
        await raw.execute(_BEGIN)
        await self._databases.accept_connections("sandbox", False)

    def _on_notice(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.message == NOTICE:
            self._savepoints.invalidate(self._dbapi_connection)
