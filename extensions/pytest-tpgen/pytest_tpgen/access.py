"""Who may call which route: the public routes, the status of a refusal, and what a refusal tells.

[tool.tpgen.public]                      # the routes that need no credentials, and why
"GET /healthz" = "liveness probe"

[tool.tpgen.refusal]                     # what a caller of another tenant gets; default 403
status = 404
reason = "an id of another tenant must not be told from one that does not exist"
"""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from . import policy
from .cells import every_cell, every_row
from .policy import PolicyError
from .routes import UNTESTED, find, lists_rows, takes_idempotency_key, walk
from .websockets import ConnectionClosed, ConnectionRefused, connect
from .wiring import AuditEvents

# Shorter texts, such as "caller" or "active", also occur in messages by chance.
SHORTEST = 8
# Values for the parameters of a path; a route that wants a UUID refuses the first.
EXAMPLES = ("1", "00000000-0000-4000-8000-000000000000")
REFUSALS = (401, 403, 404)
WEBSOCKET = "WEBSOCKET"


def public_routes(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the routes that `[tool.tpgen.public]` lists, such as `GET /healthz`, with reasons.

    Raises:
        PolicyError: an entry is not METHOD PATH, or has no reason.
    """
    listed = _settings(request).get("public", {})
    for name, reason in listed.items():
        if not re.fullmatch(r"[A-Z]+ /\S*", name) or not str(reason).strip():
            raise PolicyError(
                f'pyproject.toml: [tool.tpgen.public] {name!r} must be "METHOD /path" = "reason"'
            )
    return {str(name): str(reason) for name, reason in listed.items()}


def refusal_status(request: pytest.FixtureRequest) -> int:
    """Return the status that a caller of another tenant gets.

    Raises:
        PolicyError: `[tool.tpgen.refusal]` has no status of 401, 403 or 404, or no reason.
    """
    table = _settings(request).get("refusal", {"status": 403, "reason": "the policy"})
    if table.get("status") not in REFUSALS or not str(table.get("reason", "")).strip():
        raise PolicyError(
            "pyproject.toml: [tool.tpgen.refusal] needs `status` (401, 403 or 404) and `reason`"
        )
    return int(table["status"])


def misrefused(request: pytest.FixtureRequest, response: httpx.Response) -> str:
    """Return what is wrong with the answer to a caller of another tenant, or an empty string."""
    wanted, got = refusal_status(request), response.status_code
    if got == wanted:
        return ""
    said = f"a caller of another tenant must get {wanted}, and got {got}: {response.text}"
    if got not in REFUSALS:
        return said
    return (
        f"{said}\nIf {got} is meant, add to pyproject.toml:\n\n    [tool.tpgen.refusal]\n"
        f'    status = {got}\n    reason = "why it is not {wanted}"'
    )


def _settings(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    found = policy.of(request.path)
    return found.settings if found else {}


def misfit(
    request: pytest.FixtureRequest,
    app: Any,
    method: str,
    url: str,
    *,
    is_public: bool,
    is_idempotent: bool,
    is_list: bool,
) -> str:
    """Return why a suite does not fit a route, or an empty string.

    Args:
        request: of the test.
        app: the service.
        method: of the route.
        url: of a request that it answers.
        is_public: whether the suite is for a route without credentials.
        is_idempotent: whether the suite is for a route that takes an `Idempotency-Key`.
        is_list: whether the suite is for a route that lists rows of the caller's tenant.
    """
    route = find(app, method, httpx.URL(url).path)
    if route is None:
        return f"the app has no route {method} {url}: correct `method` and `path`"
    method = method.upper()
    name = f"{method} {route.path}"
    if is_public and name not in public_routes(request):
        return (
            f"{name} is not listed as public: inherit from RouteSuite, or add to pyproject.toml:"
            f'\n\n    [tool.tpgen.public]\n    "{name}" = "why it needs no credentials"'
        )
    if not is_public and name in public_routes(request):
        return f"{name} is listed in [tool.tpgen.public]: inherit from PublicRouteSuite"
    if takes_idempotency_key(route) and not is_idempotent:
        return f"{name} takes an Idempotency-Key: inherit from IdempotentRouteSuite"
    if not (is_public or is_list) and method == "GET" and lists_rows(route):
        return (
            f"{name} lists rows, by its OpenAPI document: inherit from ListRouteSuite. If the rows "
            "belong to no tenant, exempt test_lists_nothing_of_another_tenant and "
            "test_later_pages_list_nothing_of_another_tenant of that suite. If the answer is not a "
            "list, exempt this case"
        )
    return ""


async def unguarded(
    request: pytest.FixtureRequest, app: Any, client: httpx.AsyncClient
) -> list[str]:
    """Return the routes that answer a request without credentials, and are not listed as public.

    Each route of the app gets a request without credentials and must answer 401. A WebSocket, which
    is listed as `WEBSOCKET /path`, must refuse the connection, or close it before any message.
    """
    listed = public_routes(request)
    found = []
    for name, method, path in _requests(app):
        if method in UNTESTED or name in listed:
            continue
        if answer := await _answer(app, client, method, path):
            found.append(f"{name} {answer} without credentials")
    return found


def _requests(app: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each method of each route, as it is listed: `GET /healthz`, `GET` and `/healthz`."""
    for route in walk(app):
        for method in sorted({WEBSOCKET} if route.websocket else route.methods):
            yield f"{method} {route.path}", method, route.path


async def _answer(app: Any, client: httpx.AsyncClient, method: str, template: str) -> str:
    """Return what somebody without credentials gets; empty if that is a refusal."""
    paths = [re.sub(r"\{[^}]*\}", value, template) for value in EXAMPLES]
    if method == WEBSOCKET:
        return "took a connection" if await _accepts(app, paths[-1]) else ""
    statuses = [(await client.request(method, path)).status_code for path in paths]
    return "" if 401 in statuses else f"answered {statuses[-1]}"


async def _accepts(app: Any, path: str) -> bool:
    """Return whether a WebSocket serves somebody without credentials."""
    try:
        async with connect(app, path, timeout=1) as socket:
            await socket.receive_text()
    except (TimeoutError, AssertionError):  # it waits for a message, or sent a binary one
        return True
    except (ConnectionRefused, ConnectionClosed):
        return False
    return True


def unknown_public_routes(request: pytest.FixtureRequest, app: Any) -> list[str]:
    """Return the entries of `[tool.tpgen.public]` that match no route of the app."""
    names = {name for name, *_ in _requests(app)}
    return sorted(public_routes(request).keys() - names)


@asynccontextmanager
async def unchanged(session: AsyncSession, audit_events: AuditEvents) -> AsyncIterator[None]:
    """Fail the test if the block changes the database, other than by audit events."""
    before, audited = await every_row(session), len(await audit_events())
    yield
    after, audited = await every_row(session), len(await audit_events()) - audited
    gone, added = before - after, after - before
    assert not gone, f"rows were changed or deleted: {sorted(gone)}"
    assert added.total() <= audited, f"rows were added: {sorted(added)}"


async def leaked(
    session: AsyncSession, response: httpx.Response, sent: Sequence[object]
) -> list[str]:
    """Return the texts of the database that a response quotes, and the request did not hold.

    Args:
        session: of the database.
        response: such as a refusal.
        sent: what the request held: its URL, its arguments.
    """
    said, known = _text(response), json.dumps([str(part) for part in sent], ensure_ascii=False)
    texts = {cell.decode(errors="replace") for cell in await every_cell(session)}
    long = (text for text in texts if len(text) >= SHORTEST)
    return sorted(text for text in long if text in said and text not in known)


def quoted(response: httpx.Response, secrets: Sequence[str]) -> list[str]:
    """Return which of some texts a response holds; short ones don't count."""
    said = _text(response)
    return [secret for secret in secrets if len(secret) >= SHORTEST and secret in said]


def _text(response: httpx.Response) -> str:
    """Return headers and body, also without the escapes of JSON."""
    said = "\n".join([*response.headers.values(), response.text])
    try:
        return f"{said}\n{json.dumps(response.json(), ensure_ascii=False)}"
    except ValueError:
        return said
