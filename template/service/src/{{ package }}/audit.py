"""The audit log."""

from typing import Any
from uuid import UUID

from .database import Session
from .models import AuditEvent


async def record(kind: str, tenant_id: UUID, agent_id: UUID | None = None, **detail: Any) -> None:
    """Write one event in a separate transaction, so that it stays even if the request fails.

    Commit the request's own writes first. Never put the text of a user into `detail`.

    Args:
        kind: the type of the event, such as `agent.created`.
        tenant_id: the tenant of the event.
        agent_id: the agent that caused the event, if any.
        detail: further data, as JSON.
    """
    async with Session.begin() as session:
        session.add(AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail))
