"""Required cases of the models (policy: "One factory per model")."""

from typing import Any

import pytest
from pytest_tpgen.databases import Databases
from pytest_tpgen.factory import factories, models
from pytest_tpgen.migrations import differences, failing_steps, heads, lost_rows
from pytest_tpgen.schema import Schema
from pytest_tpgen.suites import Suite
from sqlalchemy.ext.asyncio import AsyncSession


def _name(model: Any) -> str:
    return str(getattr(model, "__name__", "no model"))


class SchemaSuite(Suite):
    """The models agree with the migrations, and each model has a factory that creates a row.

    Without migrations, the cases about migrations pass.
    """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Create a case for each model, or one case that fails if there is no model."""
        if "model" in metafunc.fixturenames:
            none: list[Any] = [None]
            metafunc.parametrize("model", models() or none, ids=_name)

    async def test_models_and_migrations_agree(self, databases: Databases, schema: Schema) -> None:
        url = await databases.clone("migrated")
        assert await differences(schema, url) == [], (
            '`make migration NAME="what changes"` writes the missing migration'
        )

    @pytest.mark.required_from("2027-02-01")
    def test_migrations_have_one_head(self, schema: Schema) -> None:
        found = heads(schema)
        assert len(found) <= 1, (
            f"{' and '.join(found)} are both the newest: `alembic merge heads` joins them, or set "
            "`down_revision` of one to the other"
        )

    @pytest.mark.slow  # takes longer with each migration
    @pytest.mark.required_from("2027-02-01")
    async def test_each_migration_goes_up_down_and_up_again(
        self, databases: Databases, schema: Schema
    ) -> None:
        failures = await failing_steps(schema, await databases.clone("empty", empty=True))
        assert not failures, "\n".join(failures)

    @pytest.mark.slow  # takes longer with each migration
    @pytest.mark.required_from("2027-02-01")
    async def test_rows_survive_the_newest_migration_down_and_up(
        self, databases: Databases, schema: Schema
    ) -> None:
        lost = await lost_rows(schema, await databases.clone("rows"))
        assert not lost, "\n".join(lost)

    async def test_every_model_has_a_factory(
        self, model: type[Any] | None, db: AsyncSession
    ) -> None:
        assert model, "no model was found: import tests/factories.py in tests/conftest.py"
        factory = factories().get(model)
        assert factory, f"add to tests/factories.py: class {model.__name__}Factory(…)"
        made = await factory.create(session=db)
        await db.commit()
        await db.refresh(made)
