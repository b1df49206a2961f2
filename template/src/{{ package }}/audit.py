"""The audit log."""

from typing import Any
from uuid import UUID

from .database import Session
from .models import AuditEvent


async def record(kind: str, tenant_id: UUID, agent_id: UUID | None = None, **detail: Any) -> None:
    """Write one event, in a transaction of its own: it stays, whatever becomes of the request.

    Commit the request's own writes first. Never put into `detail` what a user wrote.

    Args:
        kind: what happened, such as `agent.created`.
        tenant_id: whom it concerns.
        agent_id: who did it, where that was an agent.
        detail: more about it, as JSON.
    """
    async with Session.begin() as session:
        session.add(AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail))
