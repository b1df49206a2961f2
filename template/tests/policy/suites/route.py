"""Required cases of an API route (policy: "For API routes", "Snapshot tests")."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pytest_tpgen.masking import shape
from pytest_tpgen.requests import Change, request_id
from pytest_tpgen.routes import takes_input
from pytest_tpgen.suites import Placeholder, Suite, placeholder
from pytest_tpgen.wiring import AuditEvents
from sqlalchemy.ext.asyncio import AsyncSession
from syrupy.assertion import SnapshotAssertion


class PublicRouteSuite(Suite):
    """Happy path and validation, of a route that needs no credentials.

    State `method` and `path`, or the fixture `url` if the path holds an id; `valid`, what a
    request holds beside its credentials, or the fixture `valid_request` if it names a row;
    `malformed`, requests that must return 422: `without` something, `with_value` of something
    else, or whole ones; empty if the route takes no input. Requests are arguments of httpx.
    State `status` if success is not 200.
    """

    method: Any = placeholder('method = "POST"')
    path: Any = placeholder('path = "/v1/agents"  # or a fixture `url`, if it holds an id')
    valid: Mapping[str, Any] = {}
    malformed: Any = placeholder('malformed = [without("json.text"), with_value("json.n", "x")]')
    status = 200

    @pytest.fixture
    def url(self) -> str:
        """The path with its ids filled in."""
        url: str = self.path
        return url

    @pytest.fixture
    def valid_request(self) -> Mapping[str, Any]:
        """What a valid request holds."""
        return self.valid

    @pytest.fixture
    def key(self) -> dict[str, str]:
        """The headers that a request needs."""
        return {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a case of each malformed request, or one that needs none."""
        if "malformed_request" in metafunc.fixturenames:
            malformed = type(self).malformed
            none = isinstance(malformed, Placeholder) or not malformed
            requests = [None] if none else malformed
            metafunc.parametrize("malformed_request", requests, ids=request_id)

    async def send(
        self, client: httpx.AsyncClient, url: str, headers: Mapping[str, str], /, **request: Any
    ) -> httpx.Response:
        """Send a request, whose own URL and headers take precedence over those given."""
        both = {**headers, **request.pop("headers", {})}
        return await client.request(self.method, request.pop("url", url), headers=both, **request)

    async def test_happy_path(
        self,
        client: httpx.AsyncClient,
        url: str,
        key: dict[str, str],
        valid_request: Mapping[str, Any],
        snapshot: SnapshotAssertion,
    ) -> None:
        """200 with the expected shape: the one in `__snapshots__`."""
        response = await self.send(client, url, key, **valid_request)
        assert response.status_code == self.status, response.text
        assert shape(response) == snapshot

    async def test_422_on_a_malformed_request(
        self,
        request: pytest.FixtureRequest,
        client: httpx.AsyncClient,
        key: dict[str, str],
        app: Any,
        malformed_request: Any,
    ) -> None:
        malformed = malformed_request or self.malformed
        if not malformed:
            url = request.getfixturevalue("url")
            assert not takes_input(app, self.method, url), f"{url} takes input: state `malformed`"
            return
        # Only what the request needs is set up.
        if isinstance(malformed, Change):
            malformed = malformed.of(request.getfixturevalue("valid_request"))
        url = malformed["url"] if "url" in malformed else request.getfixturevalue("url")
        response = await self.send(client, url, key, **malformed)
        assert response.status_code == 422, response.text


class RouteSuite(PublicRouteSuite):
    """Happy path, authentication and validation; `PublicRouteSuite` says what to state."""

    @pytest.fixture
    def key(self, auth: dict[str, str]) -> dict[str, str]:
        """The headers of a request by the caller."""
        return auth

    async def test_401_without_a_key(
        self,
        client: httpx.AsyncClient,
        url: str,
        auth: dict[str, str],
        valid_request: Mapping[str, Any],
    ) -> None:
        """There is a caller with a key, and the request has none."""
        response = await self.send(client, url, {}, **valid_request)
        assert response.status_code == 401, response.text

    async def test_401_with_an_unknown_key(
        self,
        client: httpx.AsyncClient,
        url: str,
        auth: dict[str, str],
        valid_request: Mapping[str, Any],
    ) -> None:
        unknown = {name: f"{value}0" for name, value in auth.items()}
        response = await self.send(client, url, unknown, **valid_request)
        assert response.status_code == 401, response.text

    @pytest.mark.required_from("2027-02-01")
    async def test_401_with_a_revoked_key(
        self,
        client: httpx.AsyncClient,
        url: str,
        auth: dict[str, str],
        revoked_auth: dict[str, str],
        valid_request: Mapping[str, Any],
    ) -> None:
        """Another caller's key still works: a service that takes any key is found out."""
        response = await self.send(client, url, revoked_auth, **valid_request)
        assert response.status_code == 401, response.text

    async def test_403_with_the_key_of_another_tenant(
        self,
        client: httpx.AsyncClient,
        url: str,
        auth: dict[str, str],
        stranger_auth: dict[str, str],
        valid_request: Mapping[str, Any],
    ) -> None:
        """A stranger is refused what the caller may do with the same request."""
        refused = await self.send(client, url, stranger_auth, **valid_request)
        assert refused.status_code == 403, refused.text
        allowed = await self.send(client, url, auth, **valid_request)
        assert allowed.status_code == self.status, allowed.text


class IdempotentRouteSuite(RouteSuite):
    """A route that takes an `Idempotency-Key`.

    State `other` too: a valid request that differs from `valid`; or the fixture `other_request`.
    """

    other: Any = placeholder('other = {"json": {"model": "another"}}')

    @pytest.fixture
    def other_request(self) -> Mapping[str, Any]:
        """Another valid request."""
        other: Mapping[str, Any] = self.other
        return other

    @pytest.fixture
    def once(self, auth: dict[str, str]) -> dict[str, str]:
        """The headers of a request that takes effect once."""
        return {**auth, "Idempotency-Key": "once"}

    async def test_two_identical_requests_give_one_audit_event(
        self,
        client: httpx.AsyncClient,
        url: str,
        once: dict[str, str],
        valid_request: Mapping[str, Any],
        audit_events: AuditEvents,
    ) -> None:
        before = len(await audit_events())
        first = await self.send(client, url, once, **valid_request)
        again = await self.send(client, url, once, **valid_request)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert len(await audit_events()) == before + 1

    async def test_two_at_once_give_one_audit_event(
        self,
        committed_db: AsyncSession,
        client: httpx.AsyncClient,
        url: str,
        once: dict[str, str],
        valid_request: Mapping[str, Any],
        audit_events: AuditEvents,
    ) -> None:
        before = len(await audit_events())
        first, again = await asyncio.gather(
            self.send(client, url, once, **valid_request),
            self.send(client, url, once, **valid_request),
        )
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert len(await audit_events()) == before + 1

    async def test_409_on_another_request_with_the_same_key(
        self,
        client: httpx.AsyncClient,
        url: str,
        once: dict[str, str],
        valid_request: Mapping[str, Any],
        other_request: Mapping[str, Any],
    ) -> None:
        await self.send(client, url, once, **valid_request)
        response = await self.send(client, url, once, **other_request)
        assert response.status_code == 409, response.text
