"""Provide `committed_db`: a database of the worker with real commits, reset after each test.

Use it for what one transaction can't show: requests in parallel, SKIP LOCKED, LISTEN and NOTIFY,
deferred constraints, two open transactions of which one writes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from .databases import Databases, bound
from .postgres import BROKEN
from .tasks import no_stray_tasks

# Brings a pooled connection back to what it was when it was new, but for prepared statements.
_AS_NEW = """
CLOSE ALL; UNLISTEN *; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DISCARD SEQUENCES;
SELECT pg_advisory_unlock_all()
"""

# Kept beside the service's tables, in a schema that goes with the database. `replica`: no trigger
# and no foreign key stands in the way of emptying an append-only table or a cycle of tables.
_PREPARE = """
CREATE SCHEMA tpgen;
CREATE TABLE tpgen.ddl (command text);
CREATE FUNCTION tpgen.note_ddl() RETURNS event_trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$  -- a test may take another role
BEGIN INSERT INTO tpgen.ddl VALUES (tg_tag); END $$;

CREATE FUNCTION tpgen.prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tables text := '';
    seeds text := '';
    has_rows boolean;
    t record;
BEGIN
    FOR t IN
        SELECT c.oid, c.oid::regclass::text AS name, 'seed_' || c.oid AS seed,
               (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                AND attgenerated = '') AS columns
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%'
        AND n.nspname NOT IN ('information_schema', 'tpgen')
    LOOP
        tables := tables || format('DELETE FROM ONLY %s; ', t.name);
        EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', t.name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('CREATE TABLE tpgen.%I AS SELECT %s FROM ONLY %s', t.seed, t.columns, t.name);
            seeds := seeds || format(
                'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM tpgen.%I; ',
                t.name, t.columns, t.seed);
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


class CommittedDatabase:
    """An engine with a pool on a separate database, which is reset to the template's rows.

    Args:
        databases: where to get the database.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._test = 0

    async def start(self) -> None:
        """Clone the database, and install the function that empties it."""
        self.url = await self._databases.clone("committed")
        self.engine = create_async_engine(self.url)
        event.listen(self.engine.sync_engine, "checkout", self._on_checkout)
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
        with bound(self.engine, *makers):
            try:
                async with no_stray_tasks(), makers[0]() as session:
                    yield session
            finally:
                await self.reset()

    async def reset(self) -> None:
        """Restore the template's rows, or clone the database again if its schema changed."""
        self._test += 1
        if not self._may_empty or not await self._empty():
            await self.stop()
            await self.start()

    async def _empty(self) -> bool:
        """Delete the rows, and return whether that was enough; an error means that it was not."""
        try:
            if await self._cleaner.fetchval(_END_OTHERS):
                await self.engine.dispose()
            enough: bool = await self._cleaner.fetchval("SELECT tpgen.empty()")
        except BROKEN:
            return False
        return enough

    def _on_checkout(self, dbapi_connection: Any, record: Any, _: object) -> None:
        """Reset the settings of a connection that another test used."""
        if record.info.setdefault("test", self._test) != self._test:
            try:
                dbapi_connection.run_async(lambda raw: raw.execute(_AS_NEW))
            except BROKEN as error:  # the other test ended it: the pool makes a new one
                raise DisconnectionError(str(error)) from error
            record.info["test"] = self._test
