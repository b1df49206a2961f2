"""Check the Alembic migrations of a service, through its own `env.py`.

`env.py` says which tables, schemas and types count and where the version is kept, so every check
runs it, on a database of its own: a clone, or an empty one. It runs in a thread, because an async
`env.py` runs an event loop.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from .databases import existing_role
from .factory import factories, models
from .schema import Schema, in_thread

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory

# The rows of each table, by its quoted name; each row by column.
Content: TypeAlias = Mapping[str, list[dict[str, Any]]]

_COLUMNS = """
SELECT format('%I.%I', table_schema, table_name), column_name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('information_schema', 'pg_catalog')
"""


async def differences(schema: Schema, url: str) -> list[str]:
    """Return what is different between the models and a migrated database.

    The same as `alembic check`, by the `env.py` of the service, and the length of a column whose
    model states none. Without Alembic's configuration, the comparison is of the metadata; without
    migrations, there is nothing to compare.

    Args:
        schema: of the service.
        url: of a database that has the schema.
    """
    if not schema.migrated:
        return []
    if schema.config is None:
        return await _metadata_differences(schema.metadata, url)
    return await in_thread(url, _env_differences, schema.config(url))


def heads(schema: Schema) -> list[str]:
    """Return the newest revisions: more than one if two migrations follow the same one."""
    if schema.config is None:
        return []
    return [revision.revision for revision in _newest(_scripts(schema.config("")))]


async def failing_steps(schema: Schema, url: str) -> list[str]:
    """Upgrade an empty database step by step, each step down and up again, and return failures.

    A migration that can't be undone says so: its `downgrade` raises `NotImplementedError("why")`.

    Args:
        schema: of the service.
        url: of a database without tables.
    """
    if schema.config is None:
        return []
    return await in_thread(url, _failing_steps, schema.config(url))


async def lost_rows(schema: Schema, url: str) -> list[str]:
    """Make a row with each factory, undo and repeat the newest migration, and return what is lost.

    What the migration itself created is not compared: undoing it removes that.

    Args:
        schema: of the service.
        url: of a database that has the schema.

    Raises:
        pytest.skip.Exception: the migration states that it can't be undone.
    """
    if schema.config is None:
        return []
    config = schema.config(url)
    async with _engine(url) as engine:
        await _make_rows(engine)
        before = await _content(engine)
        for revision in _newest(scripts := _scripts(config)):
            await in_thread(url, _undo, config, scripts, revision)
            kept = await _columns(engine)
            await in_thread(url, _step, config, scripts, revision, True, " with rows")
            after = await _content(engine)
            if lost := [*_lost(before, after, kept)]:
                return [f"{_name(revision)}: {line}" for line in lost]
    return []


def _failing_steps(config: Config) -> list[str]:
    scripts = _scripts(config)
    silent = []
    for revision in reversed([*scripts.walk_revisions()]):
        _step(config, scripts, revision, True)
        try:
            _step(config, scripts, revision, False)
        except NotImplementedError as error:
            if not str(error):
                silent.append(
                    f"{_name(revision)}: its downgrade raises NotImplementedError: write it, or "
                    'say why it can\'t be undone, as `raise NotImplementedError("why")`'
                )
        else:
            _step(config, scripts, revision, True, " after a downgrade")
    return silent


def _hint(error: Exception) -> str:
    if not existing_role(error):
        return ""
    return (
        "\nRoles are of the whole server, where the tests create several databases: create the "
        "role only if it is missing (`IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = …)` in a "
        "DO block), and let the downgrade keep it"
    )


def _undo(config: Config, scripts: ScriptDirectory, revision: Script) -> None:
    try:
        _step(config, scripts, revision, False)
    except NotImplementedError as error:
        pytest.skip(f"{_name(revision)} can't be undone: {error or 'it says no reason'}")


def _step(
    config: Config, scripts: ScriptDirectory, revision: Script, is_upgrade: bool, when: str = ""
) -> None:
    """Run the upgrade or the downgrade of one migration.

    Raises:
        NotImplementedError: the migration states that it can't be undone.
        pytest.fail.Exception: it fails.
    """
    from alembic.runtime.migration import RevisionStep

    step = RevisionStep(scripts.revision_map, revision, is_upgrade)
    try:
        _run_env(config, scripts, lambda *_: [step], destination_rev=revision.revision)
    except Exception as error:  # whatever a migration may raise
        if isinstance(error, NotImplementedError) and not is_upgrade:
            raise
        direction = "upgrade" if is_upgrade else "downgrade"
        raise pytest.fail.Exception(
            f"{_name(revision)}: its {direction}{when} fails: {error!r}{_hint(error)}",
            pytrace=False,
        ) from error


def _env_differences(config: Config) -> list[str]:
    from alembic.autogenerate import RevisionContext

    # As `alembic check` does it: that command only prints, or raises.
    asked = {"message": None, "sql": False, "head": "heads", "splice": False, "rev_id": None}
    asked |= {"branch_label": None, "version_path": None, "depends_on": None, "autogenerate": True}
    scripts = _scripts(config)
    context = RevisionContext(config, scripts, asked)

    lengths: list[str] = []

    def compare(revision: Any, migration: Any) -> list[Any]:
        context.run_autogenerate(revision, migration)
        lengths.extend(_lengths(migration, migration.opts["target_metadata"]))
        return []

    _run_env(
        config,
        scripts,
        compare,
        template_args=context.template_args,
        revision_context=context,
    )
    [script] = context.generated_revisions
    changes = (found for ops in script.upgrade_ops_list for found in ops.as_diffs())
    return [*map(str, changes), *lengths]


async def _metadata_differences(metadata: MetaData, url: str) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        changes = compare_metadata(context, metadata)
        return [*map(str, changes), *_lengths(context, metadata)]

    async with _engine(url) as engine, engine.connect() as connection:
        return await connection.run_sync(compare)


def _lengths(migration: MigrationContext, metadata: MetaData | Sequence[MetaData]) -> Iterator[str]:
    """Yield the columns with a length in the database alone, which Alembic takes for equal.

    Alembic's own filters apply: `include_object` and `compare_type` of env.py.
    """
    from alembic.autogenerate.api import AutogenContext

    connection, filters = migration.connection, AutogenContext(migration, metadata)
    if connection is None or not migration.opts.get("compare_type", True):
        return
    inspector = inspect(connection)
    all_metadata = [metadata] if isinstance(metadata, MetaData) else metadata
    for table in (table for one in all_metadata for table in one.sorted_tables):
        is_there = table.name in inspector.get_table_names(table.schema)
        if not is_there or not filters.run_object_filters(table, table.name, "table", False, None):
            continue
        found = {
            one["name"]: one["type"] for one in inspector.get_columns(table.name, table.schema)
        }
        for column in table.columns:
            length = getattr(found.get(column.name), "length", None)
            if length and column.type.compile(connection.dialect) == "VARCHAR":
                schema = f', schema="{table.schema}"' if table.schema else ""
                yield (
                    f"{table.fullname}.{column.name} takes {length} characters in the database and "
                    "any number in the model. Alembic does not compare this: write the migration "
                    f'by hand, op.alter_column("{table.name}", "{column.name}", type_=sa.String()'
                    f"{schema})"
                )


def _run_env(
    config: Config, scripts: ScriptDirectory, function: Callable[..., Any], **options: Any
) -> None:
    from alembic.runtime.environment import EnvironmentContext

    with EnvironmentContext(config, scripts, fn=function, **options):
        scripts.run_env()


def _scripts(config: Config) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config)


def _newest(scripts: ScriptDirectory) -> list[Script]:
    return [found for name in scripts.get_heads() if (found := scripts.get_revision(name))]


def _name(revision: Script) -> str:
    return f"migration {revision.revision} ({revision.doc})"


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _make_rows(engine: AsyncEngine) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        for model in models():
            if factory := factories().get(model):
                await factory.create(session=session)
        await session.commit()


async def _columns(engine: AsyncEngine) -> Mapping[str, set[str]]:
    """Return the columns of each table."""
    columns: dict[str, set[str]] = {}
    async with engine.connect() as connection:
        for table, column in await connection.execute(text(_COLUMNS)):
            columns.setdefault(table, set()).add(column)
    return columns


async def _content(engine: AsyncEngine) -> Content:
    tables = await _columns(engine)
    async with engine.connect() as connection:
        return {
            table: [
                json.loads(row)
                for row in await connection.scalars(
                    text(f"SELECT to_jsonb(t)::text FROM {table} t")
                )
            ]
            for table in tables
        }


def _lost(before: Content, after: Content, kept: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield a line for each table whose rows are not as before, in the columns that were kept."""
    for table in kept.keys() & before.keys():
        was, now = (
            Counter(_row(row, kept[table]) for row in content.get(table, []))
            for content in (before, after)
        )
        if lost := was - now:
            row = dict(json.loads(next(iter(lost))))
            yield (
                f"{lost.total()} of {was.total()} rows of {table} are lost or changed by its "
                f"downgrade and upgrade, such as {row}"
            )


def _row(row: Mapping[str, Any], columns: set[str]) -> str:
    return json.dumps([[name, value] for name, value in sorted(row.items()) if name in columns])
