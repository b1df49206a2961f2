"""Rollback isolation for `db`: the code under test may commit, and nothing is left behind.

One connection holds one outer transaction. Every transaction on the engine, whoever begins it,
is a savepoint in there: it commits by being forgotten, and rolls back to its savepoint. So the
app's requests see the test's rows, and one round trip after the test undoes everything.

What one connection cannot show truly is told: two transactions of which one has written can't
be open together here, since the second would see what the first has not committed.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import asyncpg
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import StaticPool

from .database import Databases
from .tasks import no_stray_tasks
from .told import tell

SWITCH = "Use the `committed_db` fixture instead of `db` for this test: it commits for real."

_READS = re.compile(r"\s*(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b", re.IGNORECASE)
_CHANGES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|FOR\s+(NO\s+KEY\s+|KEY\s+)?SHARE"
    r"|pg_(try_)?advisory_\w*lock\w*|set_config)\b",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+(WORK\s+|TRANSACTION\s+)?TO\b))\b",
    re.IGNORECASE,
)


class NeedsCommittedDatabase(Exception):
    """The code under test did what one shared connection would show wrongly."""


@dataclass(eq=False)
class Transaction:
    """A transaction of SQLAlchemy's; `tests_own` where it is of the test's own session."""

    tests_own: bool
    savepoint: str = ""
    wrote: bool = False
    is_open: bool = True


class Sandbox:
    """An engine on one connection, whose transactions are savepoints of an outer one.

    Args:
        databases: where to get a database that nothing else uses.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def start(self) -> None:
        """Clone a database, connect, and begin the outer transaction."""
        self._forget()
        self.engine = create_async_engine(
            await self._databases.clone("sandbox"),
            poolclass=StaticPool,
            # The driver begins nothing; the events below do, and a commit sends nothing.
            isolation_level="AUTOCOMMIT",
        )
        self._tests_own = self.engine.execution_options(sandbox_tests_own=True)
        listeners: dict[str, Callable[..., None]] = {
            "connect": self._on_connect,
            "begin": self._on_begin,
            "before_cursor_execute": self._on_execute,
            "handle_error": self._on_error,
            "commit": self._on_commit,
            "rollback": self._on_rollback,
            "set_connection_execution_options": self._on_options,
        }
        for name, listener in listeners.items():
            event.listen(self.engine.sync_engine, name, listener)
        await self._connect()

    async def stop(self) -> None:
        """Close the connection."""
        await self.engine.dispose()

    @asynccontextmanager
    async def session(
        self, *makers: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Bind the app's sessionmakers to the sandbox for one test, and give a session of it."""
        for maker in makers:
            maker.configure(bind=self.engine)
        session = makers[0](bind=self._tests_own)
        try:
            async with no_stray_tasks():
                yield session
        finally:
            self._closing = True
            await session.close()
            for maker in makers:
                maker.configure(bind=None)
            await self.reset()

    async def reset(self) -> None:
        """Undo everything since the last reset, in one round trip."""
        self._forget()
        ended_by_hand = not self._raw.is_closed() and not self._raw.is_in_transaction()
        try:
            await self._raw.execute("ROLLBACK; SELECT pg_advisory_unlock_all(); BEGIN")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            # The test broke the connection; what it did went with it. The next gets a new one.
            self._raw.terminate()
            await self.engine.dispose()
            await self._connect()
        if ended_by_hand:
            await self.stop()
            await self.start()
            pytest.fail(f"The driver was told to end the transaction. {SWITCH}", pytrace=False)

    def _forget(self) -> None:
        self._current: dict[Connection, Transaction] = {}
        self._savepoints: list[Transaction] = []
        self._count = 0
        self._closing = False

    async def _connect(self) -> None:
        async with self.engine.connect():
            pass

    def _on_connect(self, dbapi_connection: Any, _: object) -> None:
        """Every connection is in an outer transaction from its first moment."""
        dbapi_connection.run_async(lambda raw: raw.execute("BEGIN"))
        self._raw: asyncpg.Connection = dbapi_connection.driver_connection

    def _on_options(self, _: Connection, options: dict[str, Any]) -> None:
        if "isolation_level" in options:
            self._refuse(f"An isolation level, {options['isolation_level']}, was asked for.")

    def _on_begin(self, connection: Connection) -> None:
        tests_own = connection.get_execution_options().get("sandbox_tests_own", False)
        self._current[connection] = Transaction(tests_own)

    def _on_execute(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        if _ENDS.match(statement):
            self._refuse(f"The code under test sent {statement.strip()!r} itself.")
        mine = self._current[connection]
        others = [t for t in self._savepoints if t is not mine and not t.tests_own]
        if any(other.is_open and other.wrote for other in others):
            self._refuse(
                "Two transactions are open at once, and the other one has written what this one "
                "must not see yet."
            )
        writes = not _READS.match(statement) or bool(_CHANGES.search(statement))
        if not mine.savepoint or (writes and not mine.wrote):
            self._save(connection, mine)
        mine.wrote = mine.wrote or writes

    def _save(self, connection: Connection, mine: Transaction) -> None:
        """Set the savepoint; anew before the first write, above what others did meanwhile."""
        if self._savepoints and self._savepoints[-1] is mine:
            return
        if mine in self._savepoints:
            self._savepoints.remove(mine)
        # Counted from 1 in every test, so that the prepared statements are used again.
        self._count += 1
        mine.savepoint = f"sandbox_{self._count}"
        self._savepoints.append(mine)
        _send(connection, f"SAVEPOINT {mine.savepoint}")

    def _on_error(self, context: ExceptionContext) -> None:
        """Postgres wants a rollback after an error, also after one of a read."""
        if context.connection in self._current:
            self._current[context.connection].wrote = True

    def _on_commit(self, connection: Connection) -> None:
        self._current.pop(connection).is_open = False

    def _on_rollback(self, connection: Connection) -> None:
        mine = self._current.pop(connection)
        mine.is_open = False
        if self._closing or not mine.wrote or connection.invalidated:
            return
        place = self._savepoints.index(mine)
        later = self._savepoints[place + 1 :]
        _send(connection, f"ROLLBACK TO SAVEPOINT {mine.savepoint}")
        del self._savepoints[place:]
        for transaction in later:
            transaction.savepoint = ""
        if any(transaction.wrote for transaction in later):
            self._refuse("A rollback would take the rows that a later transaction had committed.")

    def _refuse(self, what: str) -> NoReturn:
        raise NeedsCommittedDatabase(tell(f"{what} {SWITCH}"))


def _send(connection: Connection, sql: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(sql)
    cursor.close()
