"""The types of the wiring: fixtures of `tests/conftest.py` that tell the suites about a service."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, TypeAlias

import httpx
import pytest

from . import policy

# The audit events so far, oldest first. Each has at least `kind` and `tenant_id`; a pipeline's
# events have `detections` too.
AuditEvents: TypeAlias = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]

# Create and commit a tenant, and return its id.
NewTenant: TypeAlias = Callable[[], Awaitable[Any]]

# Run a pipeline step on a message: the detections, and the message afterwards.
RunStep: TypeAlias = Callable[[Any, str], Awaitable[tuple[Sequence[Any], str]]]

# Send the messages of a user to the app in one request, with the credentials `auth`.
SendMessages: TypeAlias = Callable[..., Awaitable[httpx.Response]]

# What a test needs to know that requests a fixture which the conftest lacks.
FIXTURES = {
    "pg_container": "the Postgres of the run: `return start(pytestconfig)`",
    "schema": "the tables and how a database gets them: `return Schema(Base.metadata, upgrade)`",
    "db": "a session that is rolled back: `async with sandbox.session(Session) as db: yield db`",
    "committed_db": "the same with `committed.session(Session)`",
    "session": "import it from pytest_tpgen.fixtures",
    "sandbox": "import it from pytest_tpgen.fixtures",
    "committed": "import it from pytest_tpgen.fixtures",
    "databases": "import it from pytest_tpgen.fixtures",
    "app": "the ASGI app",
    "client": "an httpx.AsyncClient of the app, on the session of the test",
    "client_returning_500": "the same with ASGITransport(app, raise_app_exceptions=False)",
    "auth": "the headers of a caller",
    "stranger_auth": "the headers of a caller of another tenant",
    "revoked_auth": "the headers of a caller whose credentials were revoked",
    "upstream": "an Upstream behind the app; without one, `return Upstream()`",
    "audit_events": "a coroutine function that returns the audit events so far; without an audit log, []",
    "new_tenant": "a coroutine function that creates a tenant and returns its id",
    "run_step": "a coroutine function: step, message → detections, message afterwards",
    "send_messages": "a coroutine function that posts a user's messages in one request",
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """Say what a missing fixture of the wiring must be; pytest lists only those there are."""
    report: pytest.TestReport = yield
    error = call.excinfo.value if call.excinfo else None
    name = error.argname if isinstance(error, pytest.FixtureLookupError) else None
    if name in FIXTURES and policy.covering(item.path):
        report.longrepr = (
            f"the conftest of {item.path.parent} has no fixture `{name}`, which the suite needs: "
            f"{FIXTURES[name]}; docs/wiring.md of tpgen shows each"
        )
    return report
