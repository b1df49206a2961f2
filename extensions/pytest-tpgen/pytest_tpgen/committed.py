"""Provide `committed_db`: a database of the worker with real commits, reset after each test.

Use it for what one transaction can't show: requests in parallel, SKIP LOCKED, LISTEN and NOTIFY,
deferred constraints, two open transactions of which one writes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from . import keep
from .databases import Databases, bound, refreshing
from .deferred import defer
from .postgres import BROKEN
from .savepoints import OUTSIDE
from .statements import NOTICE, changes_schema, forget_prepared, only_reads
from .tasks import no_stray_tasks, require_loop

# Brings a pooled connection back to what it was when it was new, but for prepared statements.
_AS_NEW = """
CLOSE ALL; UNLISTEN *; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DISCARD SEQUENCES;
SELECT pg_advisory_unlock_all()
"""

# Kept beside the service's tables, in a schema that goes with the database. `replica`: no trigger
# and no foreign key stands in the way of emptying an append-only table or a cycle of tables.
_PREPARE = f"""
CREATE SCHEMA tpgen;
CREATE TABLE tpgen.ddl (command text);
CREATE FUNCTION tpgen.note_ddl() RETURNS event_trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$  -- a test may take another role
BEGIN INSERT INTO tpgen.ddl VALUES (tg_tag); RAISE NOTICE '{NOTICE}'; END $$;

CREATE FUNCTION tpgen.prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tables text := '';
    seeds text := '';
    has_rows boolean;
    t record;
BEGIN
    FOR t IN
        SELECT c.oid, c.oid::regclass::text AS name, 'seed_' || c.oid AS seed, a.*
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
            SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
                   -- As text: a table that uses the types would keep a test from dropping them.
                   string_agg(format('%I::text', attname), ', ' ORDER BY attnum) AS texts,
                   string_agg(format('%I::%s', attname, format_type(atttypid, atttypmod)), ', '
                              ORDER BY attnum) AS typed
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
            AND attgenerated = ''
        ) a
        WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%'
        AND n.nspname NOT IN ('information_schema', 'tpgen')
    LOOP
        tables := tables || format('DELETE FROM ONLY %s; ', t.name);
        EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', t.name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('CREATE TABLE tpgen.%I AS SELECT %s FROM ONLY %s', t.seed, t.texts, t.name);
            seeds := seeds || format(
                'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM tpgen.%I; ',
                t.name, t.columns, t.typed, t.seed);
        END IF;
    END LOOP;
    EXECUTE format(
        'CREATE FUNCTION tpgen.empty() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
         IF EXISTS (SELECT FROM tpgen.ddl) THEN RETURN false; END IF;
         SET LOCAL session_replication_role = replica;
         %s %s
         RETURN true; END $f$', tables, seeds);
END $$;

SELECT tpgen.prepare();
CREATE EVENT TRIGGER tpgen_ddl ON ddl_command_end EXECUTE FUNCTION tpgen.note_ddl();
CREATE EVENT TRIGGER tpgen_drop ON sql_drop EXECUTE FUNCTION tpgen.note_ddl();
"""

# A test may leave a transaction open, or a lock held: the DELETE would wait for it for ever.
_END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND (state <> 'idle'
      OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))
"""


class WrittenOutside(Exception):
    """The database was written to outside of a test."""


class CommittedDatabase:
    """An engine with a pool on a separate database, which is reset to the template's rows.

    Args:
        databases: where to get the database.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._test = 0
        self._active = self._schema_changed = False

    async def start(self) -> None:
        """Clone the database, and prepare it for being emptied."""
        self._loop = asyncio.get_running_loop()
        self.url = await self._databases.clone("committed")
        self.engine = create_async_engine(self.url)
        listeners: dict[str, Callable[..., None]] = {
            "do_connect": self._before_connect,
            "connect": self._on_connect,
            "checkout": self._on_checkout,
            "before_cursor_execute": self._on_execute,
            "after_cursor_execute": self._on_executed,
            "rollback": self._on_rollback,
            "rollback_savepoint": self._on_rollback,
        }
        for name, listener in listeners.items():
            event.listen(self.engine.sync_engine, name, listener)
        self._cleaner = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        self._may_empty: bool = await self._cleaner.fetchval(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        if self._may_empty:
            await self._cleaner.execute(_PREPARE)

    async def stop(self) -> None:
        """Close every connection."""
        await self._cleaner.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def session(
        self, *makers: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Bind the app's sessionmakers to the database for one test, and give a session of it."""
        require_loop(self._loop)
        with bound(self.engine, *makers):
            self._active = True
            try:
                # Rows of the test stay readable after its commits: async code can't reload them.
                session = refreshing(makers[0], expire_on_commit=False)
                async with no_stray_tasks(), session:
                    yield session
            finally:
                self._active = False
                await self.reset()

    async def reset(self) -> None:
        """Restore the template's rows, or clone the database again if its schema changed."""
        self._test += 1
        if keep.wanted():
            await self.stop()
            keep.keep(await self._databases.keep("committed"))
            await self.start()
        elif self._schema_changed or not self._may_empty or not await self._empty():
            await self.stop()
            await self.start()
        self._schema_changed = False

    async def _empty(self) -> bool:
        """Delete the rows, and return whether that was enough; an error means that it was not."""
        try:
            if await self._cleaner.fetchval(_END_OTHERS):
                await self.engine.dispose()
                # Ending takes a moment, and the next test would still see the lock.
                while await self._cleaner.fetchval(_END_OTHERS):
                    await asyncio.sleep(0.005)
            enough: bool = await self._cleaner.fetchval("SELECT tpgen.empty()")
        except BROKEN:
            return False
        return enough

    def _before_connect(self, *_: object) -> None:
        require_loop(self._loop)

    def _on_connect(self, dbapi_connection: Any, _: object) -> None:
        def on_notice(_: object, message: asyncpg.PostgresLogMessage) -> None:
            if message.message == NOTICE:
                self._note_change(dbapi_connection)

        dbapi_connection.driver_connection.add_log_listener(on_notice)

    def _on_execute(self, _: Connection, __: object, statement: str, *___: object) -> None:
        require_loop(self._loop)
        if not self._active and not only_reads(statement):
            raise WrittenOutside(defer(OUTSIDE))

    def _on_executed(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        if changes_schema(statement):
            self._note_change(connection.connection.dbapi_connection)

    def _on_rollback(self, connection: Connection, *_: object) -> None:
        if self._schema_changed and not connection.invalidated:
            self._note_change(connection.connection.dbapi_connection)

    def _note_change(self, dbapi_connection: Any) -> None:
        self._schema_changed = True
        forget_prepared(self.engine.sync_engine, dbapi_connection)

    def _on_checkout(self, dbapi_connection: Any, record: Any, _: object) -> None:
        """What another test set on the connection, by whatever road, is not for this one."""
        if asyncio.get_running_loop() is not self._loop:
            return  # `_on_execute` refuses what comes next
        if record.info.setdefault("test", self._test) != self._test:
            try:
                dbapi_connection.run_async(lambda raw: raw.execute(_AS_NEW))
            except BROKEN as error:  # the other test ended it: the pool makes a new one
                raise DisconnectionError(str(error)) from error
            record.info["test"] = self._test
