"""The models, their migrations and their factories."""

from tests.policy.suites.schema import SchemaSuite


class TestSchema(SchemaSuite):
    """All that the policy asks of them."""
