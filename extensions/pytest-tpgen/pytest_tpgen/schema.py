"""Describe the tables of a service, and create them in an empty database."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pytest
from sqlalchemy import Engine, MetaData, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from alembic.config import Config

# Brings the empty database at a SQLAlchemy URL to the newest schema.
Migrate: TypeAlias = Callable[[str], None]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Schema:
    """The schema of a service: what the fixture `schema` returns.

    Attributes:
        metadata: the tables of the models.
        migrate: brings the empty database at a SQLAlchemy URL (asyncpg) to the newest schema. It
            is called in a thread, so it may run an event loop of its own. Default: `create_all`.
        config: returns Alembic's `Config` for the database at a URL; None without Alembic. The
            schema suite runs the service's `env.py` with it.
        migrated: whether `migrate` runs migrations, which must agree with the models.
    """

    metadata: MetaData
    migrate: Migrate
    config: Callable[[str], Config] | None = None
    migrated: bool = True

    @property
    def key(self) -> str:
        """Six hex digits that differ from those of another service's schema in the same run."""
        name = (
            f"{self.migrate.__module__}.{self.migrate.__qualname__} {sorted(self.metadata.tables)}"
        )
        return sha256(name.encode()).hexdigest()[:6]


def create_all(metadata: MetaData) -> Schema:
    """Return the schema of a service without migrations: `metadata.create_all`."""

    async def create(url: str) -> None:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
        finally:
            await engine.dispose()

    def migrate(url: str) -> None:
        asyncio.run(create(url))

    return Schema(metadata, migrate, migrated=False)


def alembic(metadata: MetaData, ini: Path | str | Callable[[str], Config]) -> Schema:
    """Return the schema of a service whose migrations Alembic runs.

    Its `env.py` must read the URL from `config.get_main_option("sqlalchemy.url")`.

    Args:
        metadata: the tables of the models.
        ini: the path of `alembic.ini`, or a function that returns Alembic's `Config` for a URL.
    """

    def config(url: str) -> Config:
        from alembic.config import Config

        if not isinstance(ini, Path | str):
            return ini(url)
        made = Config(ini)
        made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        return made

    def migrate(url: str) -> None:
        from alembic import command

        command.upgrade(config(url), "heads")

    return Schema(metadata, migrate, config)


async def in_thread(url: str, function: Callable[..., Found], *arguments: Any) -> Found:
    """Run what migrates a database in a thread, since `env.py` may run an event loop of its own.

    SQLAlchemy connects from there to that database alone. Logging is as before afterwards.

    Args:
        url: of the database.
        function: what runs.
        arguments: of the function.

    Raises:
        pytest.fail.Exception: the migrations ask for another database.
    """
    with _logging_restored(), _only(url):
        return await asyncio.to_thread(function, *arguments)


@contextmanager
def _only(url: str) -> Iterator[None]:
    """Stop connections from other threads to other databases, before they are made.

    An `env.py` that takes its URL from the service's settings would migrate, and then undo, the
    developer's own database. SQLAlchemy's connections are seen, a driver's own ones are not.
    """
    name = make_url(url).database

    def refuse(dialect: Any, _: Any, __: Any, parameters: dict[str, Any]) -> None:
        asked = parameters.get("database", parameters.get("dbname"))
        is_ours = threading.current_thread() is threading.main_thread() or asked == name
        if dialect.name == "postgresql" and not is_ours:
            pytest.fail(
                f"the migrations connect to the database {asked!r}, not to {name!r}, which the "
                "tests gave them, so they were stopped before they connected. The usual cause is "
                "an env.py that reads the service's settings: let it take the URL from "
                '`context.config.get_main_option("sqlalchemy.url")`, and from the settings only '
                "where that is None",
                pytrace=False,
            )

    event.listen(Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", refuse)


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Undo what `env.py` sets up for the command line: `fileConfig` replaces the test's handlers."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    loggers = [log for log in root.manager.loggerDict.values() if isinstance(log, logging.Logger)]
    disabled = [log.disabled for log in loggers]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for log, was_disabled in zip(loggers, disabled, strict=True):
            log.disabled = was_disabled
