"""Required cases of the models (policy: "One factory per model")."""

from typing import Any

import pytest
from pytest_tpgen.factory import factories, models
from pytest_tpgen.schema import Schema, differences
from pytest_tpgen.suites import Suite
from sqlalchemy.ext.asyncio import AsyncSession


class SchemaSuite(Suite):
    """The models agree with the migrations, and each has a factory that makes a row."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a case of each model."""
        if "model" in metafunc.fixturenames:
            metafunc.parametrize("model", models(), ids=lambda model: model.__name__)

    async def test_models_and_migrations_agree(self, db: AsyncSession, schema: Schema) -> None:
        assert await differences(schema, db) == [], (
            "`alembic revision --autogenerate` writes the missing migration"
        )

    async def test_every_model_has_a_factory(self, model: type[Any], db: AsyncSession) -> None:
        factory = factories().get(model)
        assert factory, f"add to tests/factories.py: class {model.__name__}Factory(…)"
        made = await factory.create(session=db)
        await db.commit()
        await db.refresh(made)
