"""500 database tests: this suite's fixtures against those of the policy page, as written there.

Each test makes a row by a factory, and reads it. The factories, the tables and the migrations are
the same on both sides. What the page leaves open is filled in as it comes by default, and four
changes make its fixtures work at all:

1. `db` yields the session, not the transaction: `create(session=db)` needs one.
2. `pg_session`, which the page uses and does not show, is an engine and a session a test, since
   pytest-asyncio gives every test an event loop of its own, and a connection belongs to a loop.
3. The schema: the service's migrations, once, when the container is up.
4. The container's class comes from where testcontainers moved it to.
"""

from collections.abc import Sequence

from .measure import Row, in_turn, not_measured, ratio
from .service import Service
from .sources import no_docker

TESTS = 500
TARGET = 0.4
FILE = "tests/integration/test_policy.py"

DATABASE_TESTS = """
import pytest
from sqlalchemy import select

from PACKAGE.models import Agent
from tests.factories import AgentFactory

@pytest.mark.parametrize("n", range(TESTS))
async def test_insert_and_select(db, n):
    agent = await AgentFactory.create(session=db)
    label = await db.scalar(select(Agent.label).where(Agent.id == agent.id))
    assert label == agent.label
"""

AS_WRITTEN = """
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from testcontainers.community.postgres import PostgresContainer

from PACKAGE import database

@pytest.fixture(scope="session")
def pg_container() -> Iterator[PostgresContainer]:
    with PostgresContainer("postgres:15") as pg:
        database.upgrade(pg.get_connection_url(driver="asyncpg"))
        yield pg

@pytest.fixture
async def pg_session(pg_container):
    engine = create_async_engine(pg_container.get_connection_url(driver="asyncpg"))
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()

@pytest.fixture
async def db(pg_session) -> AsyncIterator[AsyncSession]:
    async with pg_session.begin() as tx:
        yield pg_session
        await tx.rollback()
"""

# Read by pytest in place of the service's own settings; `auto` because the page marks no fixture.
# Without our plugin, which would start a server of its own.
DEFAULTS = """
[pytest]
asyncio_mode = auto
pythonpath = .
addopts = --import-mode=importlib -p no:tpgen
"""


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    rows = {"docker": "a tuned container", "embedded": "the embedded server"}
    what = {side: f"our fixtures on {source} / the page's" for side, source in rows.items()}
    if no_docker(service):
        return [not_measured(one, TARGET) for one in what.values()]
    tests = DATABASE_TESTS.replace("PACKAGE", service.package).replace("TESTS", str(TESTS))
    ours = service.copy("policy-ours", {FILE: tests})
    written = {
        FILE: tests,
        "tests/conftest.py": AS_WRITTEN.replace("PACKAGE", service.package),
        "pytest.ini": DEFAULTS,
    }
    page = service.copy("policy-page", written)
    times = in_turn(
        {
            "page": lambda: page.pytest(FILE).seconds,
            "docker": lambda: ours.pytest("--postgres=docker", FILE).seconds,
            "embedded": lambda: ours.pytest("--postgres=embedded", FILE).seconds,
        },
        repeats,
    )
    return [ratio(what[side], times, side, "page", TARGET) for side in rows]
