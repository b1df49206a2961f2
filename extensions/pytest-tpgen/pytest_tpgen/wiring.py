"""The types of the wiring: fixtures of `tests/conftest.py` that tell the suites about a service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import httpx

# The audit events so far, oldest first. Each has at least `kind` and `tenant_id`; a pipeline's
# events have `detections` too.
AuditEvents: TypeAlias = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]

# Create and commit a tenant, and return its id.
NewTenant: TypeAlias = Callable[[], Awaitable[Any]]

# Run a pipeline step on a message: the detections, and the message afterwards.
RunStep: TypeAlias = Callable[[Any, str], Awaitable[tuple[Sequence[Any], str]]]

# Send a user's message to the app, as the caller with the credentials `auth`.
SendMessage: TypeAlias = Callable[[str], Awaitable[httpx.Response]]
