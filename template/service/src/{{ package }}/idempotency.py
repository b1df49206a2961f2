"""Run a request once, even if it is repeated with the same Idempotency-Key in any process."""

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

LEASE = timedelta(minutes=10)  # longer than any request runs: an older claim is of a dead process
WAIT = 30.0  # seconds that a repeated request waits for the answer of the first
POLL = 0.1  # seconds between two queries for the answer

IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern="^[ -~]+$")]


@dataclass(frozen=True)
class Answer:
    """A response that can be stored and sent again."""

    status: int
    body: dict[str, Any]


async def once(
    tenant_id: UUID, key: str | None, body: object, work: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Return the answer of `work`, or the stored answer of an earlier or simultaneous request.

    The answer is stored, whatever its status. If `work` raises, the key can be used again.

    Args:
        tenant_id: the tenant that sent the key.
        key: the Idempotency-Key; with None, `work` always runs and nothing is stored.
        body: the request, as JSON.
        work: returns the answer; it runs outside of any transaction.

    Raises:
        HTTPException: 409 if an earlier request had the same key and another body, or is still
            running after `WAIT` seconds (with a Retry-After).
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
    """The claim of a request on a key, as a committed row. Another claim would change its id."""

    tenant_id: UUID
    key: str
    fingerprint: str
    id: UUID = field(default_factory=uuid4)

    async def take(self) -> Answer | None:
        """Claim the key. Return None on success, or the answer of the request that has the key.

        Raises:
            HTTPException: see `once`.
        """
        deadline = monotonic() + WAIT
        while (holder := await self._holder()).id != self.id:
            if holder.fingerprint != self.fingerprint:
                raise HTTPException(409, "this Idempotency-Key was used with another body")
            if holder.response is not None:
                return Answer(**holder.response)
            if monotonic() > deadline:
                raise HTTPException(409, "the first request is running", {"Retry-After": "5"})
            await asyncio.sleep(POLL)
        return None

    async def keep(self, answer: Answer) -> None:
        """Store `answer` for repeated requests with this key."""
        async with Session.begin() as session:
            mine = update(Completion).where(Completion.id == self.id)
            await session.execute(mine.values(response=asdict(answer)))

    async def release(self) -> None:
        """Release the key, so that the next request runs."""
        async with Session.begin() as session:
            await session.execute(delete(Completion).where(Completion.id == self.id))

    async def _holder(self) -> Completion:
        """Return the row of the key: this claim's row if the key was free or its claim expired.

        The insert locks an existing row, so the select finds it.
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
