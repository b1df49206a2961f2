"""A factory object over a raw INSERT of the same row, in the same transaction, in turn.

Raw is what a test would write without a factory: a Core statement through its session. The same as
SQL given to asyncpg is shown beside it, without a target: most of that ratio is SQLAlchemy's flush.
"""

import json
from collections.abc import Mapping, Sequence

from .measure import Row, in_rounds, ratio
from .service import Service

OBJECTS = 500
TARGET = 1.8
FILE = "tests/integration/test_factory.py"
ANSWER = "factory.json"

TEST = f"""
import json
import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from PACKAGE.models import Tenant
from tests.factories import TenantFactory

async def test_factory(db):
    raw = (await (await db.connection()).get_raw_connection()).driver_connection
    sql = "INSERT INTO tenants (id, name, slug) VALUES ($1, $2, $3)"

    async def factory(n):
        await TenantFactory.create(session=db)

    async def core(n):
        await db.execute(insert(Tenant).values(id=uuid4(), name="raw", slug=f"core-{{n}}"))

    async def asyncpg(n):
        await raw.execute(sql, uuid4(), "raw", f"asyncpg-{{n}}")

    took = {{"factory": 0.0, "core": 0.0, "asyncpg": 0.0}}
    for n in range({OBJECTS} + 20):
        for make in (factory, core, asyncpg):
            began = time.perf_counter()
            await make(n)
            # The first ones prepare their statements.
            took[make.__name__] += (time.perf_counter() - began) * (n >= 20)
    each = {{name: seconds / {OBJECTS} for name, seconds in took.items()}}
    Path("{ANSWER}").write_text(json.dumps(each))
"""


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    test = TEST.replace("PACKAGE", service.package)
    measured = service.copy("factory", {FILE: test})
    times = in_rounds(lambda: _seconds(measured), repeats)
    return [
        ratio("a factory object / INSERT by SQLAlchemy Core", times, "factory", "core", TARGET),
        ratio("a factory object / INSERT by asyncpg alone", times, "factory", "asyncpg"),
    ]


def _seconds(service: Service) -> Mapping[str, float]:
    service.pytest("--postgres=embedded", FILE)
    seconds: dict[str, float] = json.loads((service.path / ANSWER).read_text())
    return seconds
