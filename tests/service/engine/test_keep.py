"""`--keep-db`: the rows of the first test that fails can be looked at after the run."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import Outcome
from tests.rendering import Service
from tests.servers import given, need_docker, temporary, tool

TESTS = """
import pytest
from gateway.database import Session
from gateway.models import Tenant
from sqlalchemy import func, select, text
from tests.factories import TenantFactory

@pytest.fixture(params=["db", "committed_db"])
def session(request):
    return request.getfixturevalue(request.param)

async def test_passes(session):
    await TenantFactory.create(session=session)

async def test_fails(session):
    async with Session.begin() as other:
        other.add(Tenant(name="committed", slug="committed"))
    await TenantFactory.create(session=session, name="of the test")
    await session.commit()
    assert False

async def test_breaks(session):
    async with Session.begin() as other:
        other.add(Tenant(name="committed", slug="committed"))
    await session.execute(text("select 1 / 0"))

async def test_fails_before_the_commit(db):
    await TenantFactory.create(session=db, name="of the test")
    assert False

async def test_is_next(session):
    assert await session.scalar(select(func.count()).select_from(Tenant)) == 0
"""
BOTH = "committed\nof the test"


@pytest.fixture
def tmp(service: Service) -> Iterator[Path]:
    """A TMPDIR, so that no other run on the machine is the next one."""
    service.write({"tests/integration/test_kept.py": TESTS})
    with temporary() as folder:
        yield folder
        # The next run, which removes what is left.
        service.pytest("tests/integration/test_kept.py", "-k", "passes", TMPDIR=str(folder))


def run(service: Service, tmp: Path, test: str, *arguments: str) -> Outcome:
    """Run some of the tests, and the one that comes next."""
    return service.pytest(
        *arguments, "tests/integration/test_kept.py", "-k", f"{test} or next", TMPDIR=str(tmp)
    )


def names(service: Service, outcome: Outcome) -> str:
    """Return the tenants in the one database that the report names."""
    [url] = re.findall(r"psql '(postgresql://\S+)'$", outcome.text, re.MULTILINE)
    return _names(service, url)


def _names(service: Service, url: str) -> str:
    query = "select name from tenants order by name"
    psql = str(tool(service, "psql"))
    done = subprocess.run([psql, url, "-XAtqc", query], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        ("test_fails[db]", BOTH),
        ("test_fails[committed_db]", BOTH),
        ("test_breaks[db]", "committed"),
        ("test_breaks[committed_db]", "committed"),
        ("test_fails_before_the_commit", "of the test"),
    ],
)
def test_the_rows_stay(service: Service, tmp: Path, test: str, rows: str) -> None:
    """Those that were committed and, under `db`, those of the test's own transaction."""
    name, _, parameter = test.rstrip("]").partition("[")
    chosen = (
        f"({name} and {parameter or 'test'} and not {'committed' if parameter == 'db' else 'x9'})"
    )
    outcome = run(service, tmp, chosen, "--keep-db")
    assert outcome.count("passed") == 2, outcome.text
    assert outcome.count("failed") == 1
    assert names(service, outcome) == rows


def test_the_next_run_removes_it_unless_it_keeps_too(service: Service, tmp: Path) -> None:
    first = run(service, tmp, "before", "--keep-db")
    run(service, tmp, "passes", "--keep-db")
    assert names(service, first) == "of the test"
    run(service, tmp, "passes")
    assert names(service, first) == ""
    assert list(tmp.glob("tpgen-*/runs/*")) == []


def test_each_worker_keeps_one(service: Service, tmp: Path) -> None:
    outcome = run(service, tmp, "before", "--keep-db", "-n2")
    assert names(service, outcome) == "of the test"


def test_on_a_server_of_a_person(service: Service, tmp: Path) -> None:
    """The report names no password, and the next run drops the database."""
    with given(service) as server:
        url = server.url.replace("postgres@", "postgres:s3cret@")
        outcome = run(service, tmp, "before", "--keep-db", f"--postgres={url}")
        assert "s3cret" not in outcome.text
        assert names(service, outcome) == "of the test"
        run(service, tmp, "passes", f"--postgres={url}")
        assert names(service, outcome) == ""


def test_in_a_container(service: Service, tmp: Path) -> None:
    need_docker()
    outcome = run(service, tmp, "before", "--keep-db", "--postgres=docker")
    assert names(service, outcome) == "of the test"
    run(service, tmp, "passes", "--postgres=docker")
    assert names(service, outcome) == ""


def test_without_the_option_nothing_is_kept(service: Service, tmp: Path) -> None:
    outcome = run(service, tmp, "before")
    assert "psql" not in outcome.text
