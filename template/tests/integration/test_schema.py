"""The models, their migrations and their factories."""

from tests.policy.suites.schema import SchemaSuite


class TestSchema(SchemaSuite):
    """Inherits all cases."""

    # Required cases of SchemaSuite (tests/policy/suites/schema.py):
    #   test_models_and_migrations_agree, test_every_model_has_a_factory
