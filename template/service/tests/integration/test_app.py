"""The app as a whole."""

from tests.policy.suites.app import AppSuite
from tests.policy.suites.route import PublicRouteSuite


class TestApp(AppSuite):
    """Every route requires credentials or is listed as public."""

    # Required cases of AppSuite (tests/policy/suites/app.py):
    #   test_401_without_a_key_on_every_route_that_is_not_public, test_each_public_route_exists


class TestHealthz(PublicRouteSuite):
    # Required cases of PublicRouteSuite (tests/policy/suites/route.py):
    #   test_the_suite_fits_the_route, test_happy_path,
    #   test_an_error_quotes_neither_the_upstream_nor_a_key, test_422_on_a_malformed_request
    method = "GET"
    path = "/healthz"
    malformed = []
