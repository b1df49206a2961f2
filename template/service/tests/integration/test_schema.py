"""The models, their migrations and their factories."""

from tests.policy.suites.schema import SchemaSuite


class TestSchema(SchemaSuite):
    """Inherits all cases."""

    # Required cases of SchemaSuite (tests/policy/suites/schema.py):
    #   test_models_and_migrations_agree, test_migrations_have_one_head,
    #   test_each_migration_goes_up_down_and_up_again,
    #   test_rows_survive_the_newest_migration_down_and_up, test_every_model_has_a_factory
