"""The schema suite: it compares as the service's env.py says, and walks the migrations."""

import re
import subprocess

import pytest

from tests.rendering import Service

ENV = "src/gateway/migrations/env.py"
AGREE = "test_models_and_migrations_agree"
WALK = "test_each_migration_goes_up_down_and_up_again"
ROWS = "test_rows_survive_the_newest_migration_down_and_up"
HEADS = "test_migrations_have_one_head"

INVOICE = '''

class Invoice(Base):
    """A table in a schema of its own."""

    __tablename__ = "invoices"
    __table_args__ = ({"schema": "billing"},)

    number: Mapped[int]
'''
INVOICE_UP = """
    op.execute("create schema billing")
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        schema="billing",
    )
"""
OTHER = """

OTHER = sa.MetaData()
sa.Table("jobs", OTHER, sa.Column("id", sa.Integer, primary_key=True))


class Both(list[sa.MetaData]):
    # Alembic names constraints by the convention of its metadata; a list has none.

    naming_convention = Base.metadata.naming_convention
"""
JOBS_UP = """
    op.create_table("jobs", sa.Column("id", sa.Integer, primary_key=True))
"""

# What env.py says beside its metadata, what is added to the models, and a migration.
ENVIRONMENTS = {
    "include_schemas": (
        "include_schemas=True",
        INVOICE,
        INVOICE_UP,
        'op.execute("drop schema billing cascade")',
    ),
    "version_table": ('version_table="versions"', "", "pass", "pass"),
    "include_name": (
        'include_name=lambda name, kind, _: (kind, name) != ("table", "jobs")',
        "",
        JOBS_UP,
        'op.drop_table("jobs")',
    ),
    "several": ("", OTHER, JOBS_UP, 'op.drop_table("jobs")'),
}


def migration(up: str, down: str, revision: str = "0002", after: str = "0001") -> dict[str, str]:
    """Return the file of a migration."""
    text = f'''"""change {revision}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{after}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {up.strip()}


def downgrade() -> None:
    {down.strip()}
'''
    return {f"src/gateway/migrations/versions/{revision}_change.py": text}


def failed(service: Service, case: str) -> tuple[set[str], str]:
    """Run a case; return the tests that failed, or warn only until their date, and the output."""
    done = service.pytest("-n0", "tests/integration/test_schema.py", "-k", case, "-rfEsx")
    waiting = re.findall(r"^XFAIL \S+::(\w+)", done.text, re.MULTILINE)
    return done.failed | set(waiting), done.text


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_env_py_says_counts(name: str, service: Service) -> None:
    """What `alembic check` takes for equal is equal, and what differs is found."""
    option, models, up, down = ENVIRONMENTS[name]
    service.write(migration(up, down))
    file = service.path / "src/gateway/models.py"
    file.write_text(
        file.read_text().replace("\nclass ", "\nimport sqlalchemy as sa\n\n\nclass ", 1) + models
    )
    if name == "several":
        service.replace(ENV, "import Base\n", "import OTHER, Base, Both\n")
        service.replace(
            ENV, "target_metadata=Base.metadata", "target_metadata=Both([Base.metadata, OTHER])"
        )
    else:
        service.replace(
            ENV, "compare_server_default=True", f"compare_server_default=True, {option}"
        )
    assert failed(service, AGREE)[0] == set(), failed(service, AGREE)[1]
    assert failed(service, WALK)[0] == set()
    service.replace("src/gateway/models.py", "    slug: ", "    color: Mapped[str]\n    slug: ")
    red, said = failed(service, AGREE)
    assert red == {AGREE}
    assert "add_column" in said and "color" in said
    assert 'make migration NAME="what changes"' in said


def test_a_length_that_only_the_database_has_is_found(service: Service) -> None:
    """Alembic takes VARCHAR(64) for what the model states as String."""
    column = 'sa.Column("key", sa.String, nullable=False)'
    shorter = column.replace("sa.String", "sa.String(64)")
    service.replace("src/gateway/migrations/versions/0001_initial.py", column, shorter)
    red, said = failed(service, AGREE)
    assert red == {AGREE}
    assert "completions.key takes 64 characters in the database and any number in the model" in said
    assert 'op.alter_column("completions", "key", type_=sa.String())' in said
    service.replace(
        ENV, "compare_server_default=True", "compare_server_default=True, compare_type=False"
    )
    assert failed(service, AGREE)[0] == set()


def test_two_heads_are_found(service: Service) -> None:
    service.write(migration("pass", "pass", "0002"))
    service.write(migration("pass", "pass", "0003"))
    red, said = failed(service, HEADS)
    assert red == {HEADS}
    assert "alembic merge heads" in said


ADD = 'op.add_column("agents", sa.Column("color", sa.String, server_default="red"))'
REMOVE = 'op.drop_column("agents", "color")'
NOT_NULL = 'op.add_column("agents", sa.Column("color", sa.String, nullable=False))'


@pytest.mark.parametrize(
    ("up", "down", "cases", "says"),
    [
        (ADD, REMOVE, set(), ""),
        (ADD, "pass", {WALK, ROWS}, "its upgrade after a downgrade fails"),
        (ADD, 'op.drop_column("agents", "colour")', {WALK, ROWS}, "downgrade fails"),
        (ADD, "raise NotImplementedError", {WALK}, 'raise NotImplementedError("why")'),
        (ADD, 'raise NotImplementedError("loses colors")', set(), "loses colors"),
        (ADD, f'{REMOVE}; op.execute("delete from completions")', {ROWS}, "rows of public.completions"),
        (ADD, f'{REMOVE}; op.execute("update agents set label = 1")', {ROWS}, "rows of public.agents"),
    ],
)  # fmt: skip
def test_a_migration_goes_up_and_down(
    up: str, down: str, cases: set[str], says: str, service: Service
) -> None:
    service.write(migration(up, down))
    red, said = failed(service, f"{WALK} or {ROWS}")
    assert red == cases, said
    assert says in said


def test_a_column_that_existing_rows_lack_is_found(service: Service) -> None:
    """On empty tables the migration works, as in a walk without rows."""
    service.write(migration(NOT_NULL, REMOVE))
    service.replace(
        "src/gateway/models.py",
        "    key_hash: ",
        '    color: Mapped[str] = mapped_column(default="red")\n    key_hash: ',
    )
    red, said = failed(service, f"{AGREE} or {WALK} or {ROWS}")
    assert red == {ROWS}, said
    assert "migration 0002 (change 0002): its upgrade with rows fails" in said
    assert "contains null values" in said


def test_a_broken_migration_in_the_middle_is_named(service: Service) -> None:
    service.write(migration(ADD, 'op.drop_column("agents", "colour")'))
    service.write(migration("pass", "pass", "0003", after="0002"))
    red, said = failed(service, f"{WALK} or {ROWS}")
    assert red == {WALK}
    assert "migration 0002 (change 0002): its downgrade fails" in said


def test_a_schema_without_migrations_passes(service: Service) -> None:
    service.replace(
        "tests/conftest.py",
        "Schema(Base.metadata, database.upgrade, database.alembic_config)",
        "create_all(Base.metadata)",
    )
    service.replace("tests/conftest.py", "schema import Schema", "schema import Schema, create_all")
    done = service.pytest("-n0", "tests/integration/test_schema.py")
    assert (done.code, done.count("passed")) == (0, 9), done.text


def test_loggers_are_as_before(service: Service) -> None:
    """`fileConfig` of an env.py disables loggers and removes the handlers of `caplog`."""
    service.replace(ENV, "asyncio.run(main())", "")
    file = service.path / ENV
    file.write_text(
        file.read_text() + 'fileConfig("alembic.ini", disable_existing_loggers=True)\n'
        "asyncio.run(main())\n"
    )
    test = '''
import logging

from tests.policy.suites.schema import SchemaSuite

LOGGER = logging.getLogger("gateway.mine")


class TestFirst(SchemaSuite):
    """Runs env.py."""


def test_logs(caplog):
    LOGGER.warning("heard")
    assert caplog.messages == ["heard"]
'''
    service.write({"tests/integration/test_logs.py": test})
    done = service.pytest("-n0", "tests/integration/test_logs.py", "-k", f"{AGREE} or logs")
    assert done.code == 0, done.text


SLOW_INDEX = """
    with op.get_context().autocommit_block():
        op.execute("select pg_sleep(1)")
        op.create_index(
            "by_kind", "audit_events", ["kind"], postgresql_concurrently=True
        )
"""


def test_migrations_at_once_take_turns(service: Service) -> None:
    """Also where a migration ends the transaction, and none may wait inside a statement."""
    service.write(migration(SLOW_INDEX, "pass"))
    upgrade = " & ".join(["alembic upgrade head || echo FAILED"] * 3)
    command = ["python", "-m", "pytest_tpgen.postgres", "sh", "-c", f"{upgrade} & wait"]
    done = service.run(*command, TEST_POSTGRES="embedded")
    assert done.code == 0 and "FAILED" not in done.text, done.text
    assert done.text.count("0001 -> 0002") == 1, done.text


def test_make_writes_the_missing_migration(service: Service) -> None:
    """As the failing test says: on a Postgres of its own, from the newest migration."""
    service.replace(
        "src/gateway/models.py", "    slug: ", "    color: Mapped[str | None]\n    slug: "
    )
    (service.path / "bin").mkdir()
    uv = service.path / "bin/uv"
    uv.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    uv.chmod(0o755)
    path = f"{uv.parent}:{service.environment / 'bin'}:/usr/bin:/bin"
    make = ["env", f"PATH={path}", "make", "migration"]
    done = service.run(*make, TEST_POSTGRES="embedded", NAME="of the machine")
    assert done.code != 0 and 'make migration NAME="add labels"' in done.text
    done = service.run(*make, "NAME=add a color", TEST_POSTGRES="embedded")
    assert done.code == 0, done.text
    [written] = (service.path / "src/gateway/migrations/versions").glob("*_add_a_color.py")
    assert 'op.add_column("tenants"' in written.read_text()
    assert failed(service, f"{AGREE} or {WALK} or {ROWS} or {HEADS}")[0] == set()
    ruff = ["ruff", "check", str(written)]
    assert subprocess.run(ruff, cwd=service.path, check=False).returncode == 0


def test_a_suite_that_sees_no_factory_fails(service: Service) -> None:
    """No model is known then: nothing was checked."""
    conftest = service.path / "tests/conftest.py"
    conftest.write_text(re.sub(r"(?m)^from tests.factories import .*$", "", conftest.read_text()))
    tests, text = failed(service, "test_every_model_has_a_factory")
    assert tests == {"test_every_model_has_a_factory"}
    assert "no model was found: import tests/factories.py in tests/conftest.py" in text
