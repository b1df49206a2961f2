"""The databases of a run: sessionmakers get their bind back, and clones are like the template."""

import pytest
from pytest_tpgen.databases import bound
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from tests.rendering import Service
from tests.servers import given

MIGRATION = """
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for sql in ({statements}):
        op.execute(sql)
"""
SETTINGS = """
do $$ begin
    execute format('alter database %I set timezone to ''Asia/Tokyo''', current_database());
    execute format('alter database %I set search_path to public, pg_catalog', current_database());
    execute format('alter database %I set app.tenant to ''a=b, c''', current_database());
    execute format('alter role current_user in database %I set work_mem to ''7MB''',
                   current_database());
end $$
"""
READS_SETTINGS = """
import pytest
from sqlalchemy import text

@pytest.fixture(params=["db", "committed_db"])
def session(request):
    return request.getfixturevalue(request.param)

async def test_settings(session):
    for setting, value in {
        "timezone": "Asia/Tokyo",
        "search_path": "public, pg_catalog",
        "app.tenant": "a=b, c",
        "work_mem": "7MB",
    }.items():
        assert await session.scalar(text(f"show {setting}")) == value
"""


def engines() -> list[AsyncEngine]:
    """Return two engines that connect to nothing."""
    return [create_async_engine(f"postgresql+asyncpg:///{name}") for name in ("one", "two")]


@pytest.mark.parametrize("error", [None, AssertionError])
def test_sessionmakers_get_back_what_they_had(error: type[Exception] | None) -> None:
    """Several at once, with and without a bind, also if the test fails (F16)."""
    one, two = engines()
    makers: list[async_sessionmaker[AsyncSession]] = [
        async_sessionmaker(one),
        async_sessionmaker(),
        async_sessionmaker(binds={object: one}, expire_on_commit=False),
    ]
    before = [dict(maker.kw) for maker in makers]
    try:
        with bound(two, *makers):
            assert [maker().get_bind() for maker in makers] == [two.sync_engine] * 3
            if error:
                raise error
    except AssertionError:
        pass
    assert [maker.kw for maker in makers] == before
    with bound(two, *makers):
        assert makers[0].kw["bind"] is two


def test_a_clone_has_the_settings_of_the_template(service: Service) -> None:
    """CREATE DATABASE copies no `ALTER DATABASE … SET` (F39)."""
    service.write(
        {
            "src/gateway/migrations/versions/0002.py": MIGRATION.format(
                statements=f'"""{SETTINGS}""",'
            ),
            "tests/integration/test_settings.py": READS_SETTINGS,
        }
    )
    outcome = service.pytest("tests/integration/test_settings.py")
    assert outcome.code == 0, outcome.text


def test_a_role_that_a_migration_creates_again(service: Service) -> None:
    """A role is of the server: the second run on one that stays says what to do (F42)."""
    service.write(
        {
            "src/gateway/migrations/versions/0002.py": MIGRATION.format(
                statements='"create role app_reader",'
            )
        }
    )
    test = "tests/integration/test_schema.py"
    with given(service) as server:
        assert service.pytest(f"--postgres={server.url}", test).code == 0
        outcome = service.pytest(f"--postgres={server.url}", test)
        assert outcome.code == 1
        assert 'the server already has (role "app_reader" already exists)' in outcome.text
        assert "Create it only if it is missing" in outcome.text
