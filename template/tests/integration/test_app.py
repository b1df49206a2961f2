"""The app as a whole."""

from tests.policy.suites.app import AppSuite
from tests.policy.suites.route import PublicRouteSuite


class TestApp(AppSuite):
    """Every route demands credentials, or is listed as public."""


class TestHealthz(PublicRouteSuite):
    method = "GET"
    path = "/healthz"
    malformed = []
