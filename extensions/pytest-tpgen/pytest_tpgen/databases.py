"""Create the databases of a run: one migrated template, and clones of it for each worker."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState, Session

from .postgres import Server
from .schema import Schema, in_thread

# `ALTER DATABASE … SET`, which CREATE DATABASE does not copy.
_SETTINGS = """
SELECT coalesce(quote_ident(rolname), '') AS role, split_part(entry, '=', 1) AS name,
       substr(entry, strpos(entry, '=') + 1) AS value
FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS entry
LEFT JOIN pg_roles r ON r.oid = setrole
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = $1)
"""
_CREATES_ROLE = re.compile(r"\bCREATE\s+(ROLE|USER|GROUP)\b", re.IGNORECASE)
_DUPLICATE = "42710"


class _Holder(NamedTuple):
    """The fixture or test that bound a sessionmaker."""

    name: str
    file: str
    line: int
    test: str

    def __str__(self) -> str:
        path, here = Path(self.file), Path.cwd()
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        return f"`{self.name}` ({shown}:{self.line})"


_bound: dict[async_sessionmaker[AsyncSession], _Holder] = {}


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

    async def clone(self, purpose: str, empty: bool = False) -> str:
        """Make a fresh copy of the migrated template.

        Args:
            purpose: part of its name; a database of that name is replaced.
            empty: whether to make a database without tables instead.

        Returns:
            its URL, for SQLAlchemy with asyncpg.
        """
        name = self._name(purpose)
        admin = await asyncpg.connect(self.server.url)
        try:
            template = "template0" if empty else await self._template(admin)
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await _create(admin, name, template)
            await _copy_settings(admin, name, template)
        finally:
            await admin.close()
        return self.url(name)

    async def accept_connections(self, purpose: str, accept: bool) -> None:
        """Let others connect to a clone, or nobody; connections that are open stay.

        Args:
            purpose: of the clone.
            accept: whether to accept new connections.
        """
        await self._administer(
            f'ALTER DATABASE "{self._name(purpose)}" ALLOW_CONNECTIONS {str(accept).lower()}'
        )

    async def keep(self, purpose: str) -> str:
        """Rename a clone, so that it stays when another one of its purpose is made.

        Args:
            purpose: of the clone, to which nothing is connected.

        Returns:
            its URL, for psql.
        """
        kept = self._name("kept")
        await self.accept_connections(purpose, True)
        await self._administer(f'ALTER DATABASE "{self._name(purpose)}" RENAME TO "{kept}"')
        url = make_url(self.url(kept)).set(drivername="postgresql")
        if self.server.source.startswith("given"):
            # A report may be public. `set` takes None for "as it is".
            url = url._replace(password=None)
        return url.render_as_string(hide_password=False)

    def _name(self, purpose: str) -> str:
        return f"{self.server.prefix}{self.schema.key}_{self.worker}_{purpose}"

    async def _administer(self, sql: str) -> None:
        admin = await asyncpg.connect(self.server.url)
        try:
            await admin.execute(sql)
        finally:
            await admin.close()

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
            await in_thread(self.url(name), self.schema.migrate, self.url(name))
        except Exception as error:  # whatever a migration may raise
            if role := existing_role(error):
                pytest.fail(
                    f"a migration creates a role that the server already has ({role}). Roles are "
                    "of the whole server: one that an earlier run, another service or a person "
                    "created is still there. Create it only if it is missing (`IF NOT EXISTS "
                    "(SELECT FROM pg_roles WHERE rolname = …)` in a DO block), or use "
                    "`--postgres docker` or `embedded`, which give each run a server of its own",
                    pytrace=False,
                )
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


async def _copy_settings(admin: asyncpg.Connection, name: str, template: str) -> None:
    """Give a database the settings that its template has by `ALTER DATABASE … SET`."""
    for role, setting, value in await admin.fetch(_SETTINGS, template):
        of = f'ROLE {role} IN DATABASE "{name}"' if role else f'DATABASE "{name}"'
        async with admin.transaction():
            # As it is stored: a list such as that of `search_path` can't be written as one text.
            await admin.execute("SELECT set_config($1, $2, true)", setting, value)
            await admin.execute(f"ALTER {of} SET {_quoted(setting)} FROM CURRENT")


def _quoted(setting: str) -> str:
    return ".".join(f'"{part}"' for part in setting.split("."))


def existing_role(error: BaseException | None) -> str:
    """Return Postgres's message if a migration failed because it creates a role that exists."""
    while error is not None:
        original = getattr(error, "orig", None)
        statement = str(getattr(error, "statement", ""))
        if getattr(original, "sqlstate", "") == _DUPLICATE and _CREATES_ROLE.search(statement):
            return str(original).rpartition(": ")[2]
        error = error.__cause__ or error.__context__
    return ""


@contextmanager
def bound(engine: AsyncEngine, *makers: async_sessionmaker[AsyncSession]) -> Iterator[None]:
    """Bind the app's sessionmakers to an engine for one test, then restore what they had."""
    mine = _caller()
    for maker in makers:
        if holder := _bound.get(maker):
            pytest.fail(_conflict(holder, mine), pytrace=False)
    _bound.update(dict.fromkeys(makers, mine))
    before = [dict(maker.kw) for maker in makers]
    for maker in makers:
        # `binds` would send some models elsewhere.
        maker.kw.pop("binds", None)
        maker.configure(bind=engine)
    try:
        yield
    finally:
        for maker, options in zip(makers, before, strict=True):
            maker.kw.clear()
            maker.kw.update(options)
            _bound.pop(maker, None)


def _conflict(holder: _Holder, mine: _Holder) -> str:
    if {holder.name, mine.name} == {"db", "committed_db"} and holder.test == mine.test:
        return "one test requests both `db` and `committed_db`: request one of them"
    return (
        f"{mine} can't have the database: {holder} has used it since {holder.test}. A fixture "
        "that uses `sandbox` or `committed` must have the scope of one test, and a test may "
        "request one such fixture. Rows that every test needs belong in a migration"
    )


def _caller() -> _Holder:
    """Return the fixture or test that is calling, by the first frame outside of the engine."""
    frame: Any = sys._getframe()
    while frame.f_globals.get("__name__", "").partition(".")[0] in ("contextlib", __package__):
        frame = frame.f_back
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    return _Holder(frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno, test)


def refreshing(maker: async_sessionmaker[AsyncSession], **options: Any) -> AsyncSession:
    """Return a session each SELECT of which refreshes its objects: the app may change the rows."""
    former = maker.kw.get("sync_session_class", maker.class_.sync_session_class)
    return maker(sync_session_class=_refreshing(former), **options)


@cache
def _refreshing(former: type[Session]) -> type[Session]:
    # A class, because to listen to each session takes longer than the isolation of a test.
    found = type(former.__name__, (former,), {})
    event.listen(found, "do_orm_execute", _populate_existing)
    return found


def _populate_existing(state: ORMExecuteState) -> None:
    # Without autoflush it would overwrite what the test has not flushed yet.
    if state.is_select and not state.is_column_load and state.session.autoflush:
        state.update_execution_options(populate_existing=True)
