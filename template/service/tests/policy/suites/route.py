"""Required cases of an API route (policy: "For API routes", "Snapshot tests")."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pytest_tpgen.access import leaked, misfit, misrefused, quoted, unchanged
from pytest_tpgen.masking import shape
from pytest_tpgen.requests import Change, Sender, request_id
from pytest_tpgen.routes import takes_input
from pytest_tpgen.suites import Placeholder, Suite, placeholder
from pytest_tpgen.upstream import Upstream
from pytest_tpgen.wiring import AuditEvents
from sqlalchemy.ext.asyncio import AsyncSession
from syrupy.assertion import SnapshotAssertion

Headers = dict[str, str]
QUOTE = "a confidential message of the upstream"


class PublicRouteSuite(Suite):
    """Happy path and validation of a public route, which `[tool.tpgen.public]` lists with a reason.

    State `method` and `path`, or the fixture `url` if the path contains an id; `valid`, the httpx
    arguments of a valid request without credentials, or the fixture `valid_request` if it contains
    an id of a row; `malformed`, requests that must return 422: changes of the valid request, by
    `without` or `with_value`, or whole requests; empty if the route takes no input. State `status`
    if success is not 200.
    """

    method: Any = placeholder('method = "POST"')
    path: Any = placeholder('path = "/v1/agents"  # or a fixture `url`, if it contains an id')
    valid: Mapping[str, Any] = {}
    malformed: Any = placeholder('malformed = [without("json.text"), with_value("json.n", "x")]')
    status = 200

    @pytest.fixture
    def url(self) -> str:
        """Return the path with its ids."""
        url: str = self.path
        return url

    @pytest.fixture
    def valid_request(self) -> Mapping[str, Any]:
        """Return a valid request, without credentials."""
        return self.valid

    @pytest.fixture
    def key(self) -> Headers:
        """Return the headers with credentials that a request needs."""
        return {}

    @pytest.fixture
    def send(self, client: httpx.AsyncClient, url: str, valid_request: Mapping[str, Any]) -> Sender:
        """Return a function that sends the valid request, or another one, with some headers."""
        return Sender(client, self.method, url, valid_request)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Create a case for each malformed request, or one case if there is none."""
        if "malformed_request" in metafunc.fixturenames:
            malformed = type(self).malformed
            none = isinstance(malformed, Placeholder) or not malformed
            metafunc.parametrize("malformed_request", [None] if none else malformed, ids=request_id)

    @pytest.fixture
    def refused_request(self, request: pytest.FixtureRequest, malformed_request: Any) -> Any:
        """Return the malformed request of a case; set up only the fixtures that it needs."""
        refused = malformed_request or self.malformed or {}
        if isinstance(refused, Placeholder):
            refused.__get__(self, type(self))
        if isinstance(refused, Change):
            refused = refused.of(request.getfixturevalue("valid_request"))
        return refused if "url" in refused else {**refused, "url": request.getfixturevalue("url")}

    async def test_the_suite_fits_the_route(
        self, request: pytest.FixtureRequest, app: Any, url: str
    ) -> None:
        """A public route is listed; a list or a route with an Idempotency-Key has its own suite."""
        reason = misfit(
            request,
            app,
            self.method,
            url,
            is_public=not isinstance(self, RouteSuite),
            is_idempotent=isinstance(self, IdempotentRouteSuite),
            is_list=isinstance(self, ListRouteSuite),
        )
        assert not reason, reason

    async def test_happy_path(
        self, send: Sender, key: Headers, snapshot: SnapshotAssertion
    ) -> None:
        """The response has the status `status` and the shape of the snapshot in `__snapshots__`."""
        response = await send(key)
        assert response.status_code == self.status, response.text
        assert shape(response) == snapshot

    async def test_an_error_quotes_neither_the_upstream_nor_a_key(
        self, send: Sender, key: Headers, upstream: Upstream
    ) -> None:
        upstream.answers = [httpx.Response(400, text=QUOTE)]
        response = await send(key)
        sent = [request.headers.get("authorization", "") for request in upstream.requests]
        keys = [text.rpartition(" ")[2] for text in (*sent, *key.values())]
        assert response.is_success or quoted(response, [QUOTE, *keys]) == []

    async def test_422_on_a_malformed_request(
        self, client: httpx.AsyncClient, key: Headers, app: Any, refused_request: Any
    ) -> None:
        """A route whose OpenAPI document describes input states at least one malformed request."""
        if not self.malformed:
            takes = takes_input(app, self.method, refused_request["url"], credentials=key)
            assert not takes, "the route takes input: state `malformed`"
            return
        response = await Sender(client, self.method, "", refused_request)(key)
        assert response.status_code == 422, response.text


class RouteSuite(PublicRouteSuite):
    """Happy path, authentication and validation. State the same as for `PublicRouteSuite`."""

    @pytest.fixture
    def key(self, auth: Headers) -> Headers:
        """Return the headers with the caller's credentials."""
        return auth

    async def test_401_without_a_key(self, send: Sender, auth: Headers) -> None:
        """A request without a key gets 401, even if the database has a caller with a key."""
        response = await send({})
        assert response.status_code == 401, response.text

    async def test_401_with_an_unknown_key(self, send: Sender, auth: Headers) -> None:
        unknown = {name: f"{value}0" for name, value in auth.items()}
        response = await send(unknown)
        assert response.status_code == 401, response.text
        assert quoted(response, [value.rpartition(" ")[2] for value in unknown.values()]) == []

    async def test_401_with_a_malformed_key(self, send: Sender, auth: Headers) -> None:
        """Tried without and with the scheme, such as `Bearer`, and with a letter beyond ASCII."""
        schemes = {name: value[: value.rfind(" ") + 1] for name, value in auth.items()}
        for headers in (
            dict.fromkeys(auth, b"malformed"),
            {name: f"{scheme}malformed".encode() for name, scheme in schemes.items()},
            {name: f"{scheme}schlüssel".encode("latin-1") for name, scheme in schemes.items()},
        ):
            response = await send(headers)
            assert response.status_code == 401, response.text

    async def test_401_with_a_revoked_key(
        self, send: Sender, auth: Headers, revoked_auth: Headers
    ) -> None:
        """A key that was deleted from the database gets 401."""
        response = await send(revoked_auth)
        assert response.status_code == 401, response.text

    async def test_403_with_the_key_of_another_tenant(
        self,
        request: pytest.FixtureRequest,
        session: AsyncSession,
        send: Sender,
        auth: Headers,
        stranger_auth: Headers,
        audit_events: AuditEvents,
    ) -> None:
        """A stranger's request gets 403, reveals nothing, changes nothing; the caller's works."""
        async with unchanged(session, audit_events):
            refused = await send(stranger_auth)
        assert not (wrong := misrefused(request, refused)), wrong
        assert await leaked(session, refused, [send.url, send.valid]) == []
        allowed = await send(auth)
        assert allowed.status_code == self.status, allowed.text


_ROWS = """\
@pytest.fixture
async def {}(self, session: AsyncSession) -> list[str]:
    rows = await …Factory.create_batch(6, session=session{})
    await session.commit()
    return [str(row.id) for row in rows]
"""


class ListRouteSuite(RouteSuite):
    """A route that lists rows of the caller's tenant, page by page.

    State the fixtures `own_rows` and `foreign_rows`. They create at least six rows of the caller's
    tenant and of another tenant, and return a text per row that the list shows only for this row,
    such as its id. A number also occurs in dates: if the ids are numbers, return titles.
    State `page`, a request for fewer rows than that, and `next_page`.
    """

    page: Any = placeholder('page = {"params": {"limit": 2}}')

    def next_page(self, response: httpx.Response) -> Mapping[str, Any] | None:
        """Return the request for the page after a response; None after the last page."""
        found: Mapping[str, Any] = self.fill_in(
            'def next_page(self, response):\n    return {"params": {…}} if … else None'
        )
        return found

    @pytest.fixture
    def own_rows(self) -> list[str]:
        """Return the texts that the list shows for the rows of the caller's tenant."""
        rows: list[str] = self.fill_in(_ROWS.format("own_rows", ", …=…"))
        return rows

    @pytest.fixture
    def foreign_rows(self) -> list[str]:
        """Return the texts that the list would show for the rows of another tenant."""
        rows: list[str] = self.fill_in(_ROWS.format("foreign_rows", ""))
        return rows

    async def test_lists_nothing_of_another_tenant(
        self, send: Sender, auth: Headers, own_rows: list[str], foreign_rows: list[str]
    ) -> None:
        response = await send(auth)
        assert response.status_code == self.status, response.text
        assert any(row in response.text for row in own_rows)
        assert [row for row in foreign_rows if row in response.text] == []

    async def test_later_pages_list_nothing_of_another_tenant(
        self, send: Sender, auth: Headers, own_rows: list[str], foreign_rows: list[str]
    ) -> None:
        """All pages together list each row of the caller's tenant and no row of another tenant."""
        request: Mapping[str, Any] | None = self.page
        pages: list[str] = []
        while request is not None and len(pages) <= len(own_rows) + len(foreign_rows):
            response = await send(auth, **request)
            assert response.status_code == self.status, response.text
            pages.append(response.text)
            request = self.next_page(response)
        assert len(pages) > 1, "`page` must be smaller than the list"
        listed = "\n".join(pages)
        assert [row for row in foreign_rows if row in listed] == []
        assert [row for row in own_rows if row not in listed] == []


class IdempotentRouteSuite(RouteSuite):
    """A route that takes an `Idempotency-Key`.

    Also state `other`, a valid request that differs from `valid`, or the fixture `other_request`.
    """

    other: Any = placeholder('other = {"json": {"model": "another"}}')

    @pytest.fixture
    def other_request(self) -> Mapping[str, Any]:
        """Return another valid request."""
        other: Mapping[str, Any] = self.other
        return other

    @pytest.fixture
    def once(self, auth: Headers) -> Headers:
        """Return the caller's headers with an Idempotency-Key."""
        return {**auth, "Idempotency-Key": "once"}

    async def test_two_identical_requests_give_one_audit_event(
        self, send: Sender, once: Headers, audit_events: AuditEvents
    ) -> None:
        before = len(await audit_events())
        first, again = await send(once), await send(once)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert len(await audit_events()) == before + 1

    async def test_two_at_once_give_one_audit_event(
        self, committed_db: AsyncSession, send: Sender, once: Headers, audit_events: AuditEvents
    ) -> None:
        before = len(await audit_events())
        first, again = await asyncio.gather(send(once), send(once))
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert len(await audit_events()) == before + 1

    async def test_409_on_another_request_with_the_same_key(
        self, send: Sender, once: Headers, other_request: Mapping[str, Any]
    ) -> None:
        await send(once)
        response = await send(once, **other_request)
        assert response.status_code == 409, response.text
