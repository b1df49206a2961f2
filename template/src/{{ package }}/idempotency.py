"""Work done once, however often and wherever it is asked for under one Idempotency-Key."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Header, HTTPException
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from .database import Session
from .models import Completion

LEASE = timedelta(minutes=10)  # more than any work takes: then whoever claimed the key is dead
WAIT = 30.0  # seconds that a request waits for another one's answer
POLL = 0.1  # seconds between two looks

IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern="^[ -~]+$")]


@dataclass(frozen=True)
class Answer:
    """What is answered, and answered again."""

    status: int
    body: dict[str, Any]


async def once(
    tenant_id: UUID, key: str | None, body: object, work: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Return the answer of `work`, or the one kept from an earlier or simultaneous request.

    An answer is kept, whatever its status; where `work` raises, the key is free for a retry.

    Args:
        tenant_id: whose key it is.
        key: the Idempotency-Key; None always works, and keeps nothing.
        body: the request, as JSON.
        work: gives the answer; it runs in no transaction.

    Raises:
        HTTPException: 409 where the key came with another body before, or where its first
            request is still running after `WAIT` seconds (with a Retry-After).
    """
    if key is None:
        return await work()
    claim = _Claim(tenant_id, key, sha256(json.dumps(body, sort_keys=True).encode()).hexdigest())
    if kept := await claim.take():
        return kept
    try:
        answer = await work()
    except BaseException:
        await claim.release()
        raise
    await claim.keep(answer)
    return answer


@dataclass(frozen=True)
class _Claim:
    """A committed row which says who works. Its id proves that it was not taken over since."""

    tenant_id: UUID
    key: str
    fingerprint: str
    id: UUID = field(default_factory=uuid4)

    async def take(self) -> Answer | None:
        """Take the key: return None, or the answer where another request gives one first.

        Raises:
            HTTPException: see `once`.
        """
        deadline = monotonic() + WAIT
        while (holder := await self._holder()).id != self.id:
            if holder.fingerprint != self.fingerprint:
                raise HTTPException(409, "this Idempotency-Key came with another body before")
            if holder.response is not None:
                return Answer(**holder.response)
            if monotonic() > deadline:
                raise HTTPException(409, "the first request still runs", {"Retry-After": "5"})
            await asyncio.sleep(POLL)
        return None

    async def keep(self, answer: Answer) -> None:
        """Keep `answer` for everyone who asks for it with this key."""
        async with Session.begin() as session:
            mine = update(Completion).where(Completion.id == self.id)
            await session.execute(mine.values(response=asdict(answer)))

    async def release(self) -> None:
        """Give the key back, so that the next request works."""
        async with Session.begin() as session:
            await session.execute(delete(Completion).where(Completion.id == self.id))

    async def _holder(self) -> Completion:
        """Return the row of the key: this claim's, where the key was free or its holder died.

        A row that is there already is locked by the insert, so the select finds it.
        """
        row = insert(Completion).values(**asdict(self))
        same = Completion.fingerprint == self.fingerprint
        expired = Completion.claimed_at < func.now() - LEASE
        claim = row.on_conflict_do_update(
            index_elements=["tenant_id", "key"],
            set_={"id": self.id, "claimed_at": func.now()},
            where=same & expired & Completion.response.is_(None),
        )
        holder = select(Completion).filter_by(tenant_id=self.tenant_id, key=self.key)
        async with Session.begin() as session:
            await session.execute(claim)
            return (await session.scalars(holder)).one()
