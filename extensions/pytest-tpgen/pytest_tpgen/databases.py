"""Create the databases of a run: one migrated template, and clones of it for each worker."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from .postgres import Server
from .schema import Schema

_bound: set[async_sessionmaker[AsyncSession]] = set()


class Databases:
    """Create databases on the server of this run; the server's `stop` removes them.

    Args:
        server: the running Postgres.
        worker: the xdist worker's name, or `main`.
        schema: what an empty database gets.
    """

    def __init__(self, server: Server, worker: str, schema: Schema) -> None:
        self.server = server
        self.worker = worker
        self.schema = schema

    def url(self, name: str) -> str:
        """Return the SQLAlchemy URL of a database of this run."""
        parts = urlsplit(self.server.url)
        path = parts._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()
        # urlunsplit drops the empty host of a socket URL.
        return re.sub(r"^postgresql\+asyncpg:/(?=[^/])", "postgresql+asyncpg:///", path)

    async def clone(self, purpose: str) -> str:
        """Make a fresh copy of the migrated template.

        Args:
            purpose: part of its name; a database of that name is replaced.

        Returns:
            its URL, for SQLAlchemy with asyncpg.
        """
        name = f"{self.server.prefix}{self.schema.key}_{self.worker}_{purpose}"
        admin = await asyncpg.connect(self.server.url)
        try:
            template = await self._template(admin)
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await _create(admin, name, template)
        finally:
            await admin.close()
        return self.url(name)

    async def _template(self, admin: asyncpg.Connection) -> str:
        """Return the migrated database; the first worker to ask creates it."""
        name = f"{self.server.prefix}{self.schema.key}_template"
        await admin.execute("SELECT pg_advisory_lock(hashtext($1))", name)
        try:
            if not await _exists(admin, name):
                unfinished = f"{name}_new"
                await admin.execute(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)')
                await _create(admin, unfinished, "template0")
                await self._migrate(unfinished)
                await admin.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
        finally:
            await admin.execute("SELECT pg_advisory_unlock(hashtext($1))", name)
        return name

    async def _migrate(self, name: str) -> None:
        try:
            # In a thread: Alembic's environment runs an event loop of its own.
            await asyncio.to_thread(self.schema.migrate, self.url(name))
        except Exception as error:  # whatever a migration may raise
            raise pytest.fail.Exception(
                f"the migrations do not run on an empty database: {error!r}\n"
                "`python -m pytest_tpgen.postgres alembic upgrade head` shows the whole traceback",
                pytrace=False,
            ) from error


async def _exists(admin: asyncpg.Connection, name: str) -> bool:
    found: bool = await admin.fetchval(
        "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name
    )
    return found


async def _create(admin: asyncpg.Connection, name: str, template: str) -> None:
    # With durability off, copying files beats writing the copy to the log. Postgres 15 needs this.
    copy_files = admin.get_server_version().major >= 15
    strategy = "STRATEGY file_copy" if copy_files else ""
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')


@contextmanager
def bound(engine: AsyncEngine, *makers: async_sessionmaker[AsyncSession]) -> Iterator[None]:
    """Bind the app's sessionmakers to an engine for one test, then restore what they had."""
    if not _bound.isdisjoint(makers):
        pytest.fail(
            "one test requests both `db` and `committed_db`: request one of them", pytrace=False
        )
    _bound.update(makers)
    before = [maker.kw.get("bind") for maker in makers]
    for maker in makers:
        maker.configure(bind=engine)
    try:
        yield
    finally:
        for maker, bind in zip(makers, before, strict=True):
            maker.configure(bind=bind)
        _bound.difference_update(makers)
