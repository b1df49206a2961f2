"""Describe the tables of a service, and create them in an empty database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@dataclass(frozen=True)
class Schema:
    """The schema of a service: what the fixture `schema` returns.

    Attributes:
        metadata: the tables of the models.
        migrate: brings the empty database at a SQLAlchemy URL (asyncpg) to the newest schema. It
            is called in a thread, so it may run an event loop of its own. Default: `create_all`.
        migrated: whether `migrate` runs migrations, which must agree with the models.
    """

    metadata: MetaData
    migrate: Callable[[str], None]
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


async def differences(schema: Schema, session: AsyncSession) -> list[str]:
    """Return what Alembic finds different between the models and a migrated database.

    Args:
        schema: of the service; without migrations there is nothing to compare.
        session: of a database that has the schema.
    """
    if not schema.migrated:
        return []
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return [str(found) for found in compare_metadata(context, schema.metadata)]

    connection = await session.connection()
    return await connection.run_sync(compare)


def alembic(metadata: MetaData, ini: Path | str) -> Schema:
    """Return the schema of a service whose `alembic.ini` says where its migrations are.

    Its `env.py` must read the URL from `config.get_main_option("sqlalchemy.url")`.

    Args:
        metadata: the tables of the models.
        ini: the path of `alembic.ini`.
    """

    def migrate(url: str) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config(ini)
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        command.upgrade(config, "head")

    return Schema(metadata, migrate)
