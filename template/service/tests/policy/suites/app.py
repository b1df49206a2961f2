"""Required cases of the app as a whole (policy: "For API routes", "Auth")."""

from typing import Any

import httpx
import pytest
from pytest_tpgen.access import unguarded, unknown_public_routes
from pytest_tpgen.suites import Suite


class AppSuite(Suite):
    """Every route demands credentials, or `[tool.tpgen.public]` lists it with a reason."""

    async def test_401_without_a_key_on_every_route_that_is_not_public(
        self, request: pytest.FixtureRequest, app: Any, client: httpx.AsyncClient
    ) -> None:
        found = await unguarded(request, app, client)
        advice = "demand credentials, or list the route in [tool.tpgen.public] with a reason:"
        assert not found, "\n".join([advice, *found])

    async def test_each_public_route_exists(self, request: pytest.FixtureRequest, app: Any) -> None:
        assert unknown_public_routes(request, app) == [], (
            "remove these entries from [tool.tpgen.public], or correct them"
        )
