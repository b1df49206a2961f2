"""The app as a whole."""

from tests.policy.suites.app import AppSuite


class TestApp(AppSuite):
    """Every route demands credentials, or is listed as public."""
