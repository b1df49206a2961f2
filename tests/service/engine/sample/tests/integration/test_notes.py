"""The routes, by the suites of the policy; and both databases."""

import asyncio

import httpx
import notes
import pytest
from pytest_tpgen.requests import with_value, without
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import NoteFactory
from tests.policy.suites.route import RouteSuite
from tests.policy.suites.schema import SchemaSuite


class TestCreate(RouteSuite):
    method = "POST"
    path = "/v1/notes"
    valid = {"json": {"text": "a note"}}
    malformed = [without("json.text"), with_value("json.stars", "many")]
    status = 201


class TestRead(RouteSuite):
    method = "GET"
    malformed = [{"url": "/v1/notes/not-a-number"}]

    @pytest.fixture
    async def url(self, session: AsyncSession, tenant: notes.Tenant) -> str:
        note = await NoteFactory.create(session=session, tenant=tenant)
        await session.commit()
        return f"/v1/notes/{note.id}"


class TestSchema(SchemaSuite): ...


async def test_db_rolls_back(db: AsyncSession) -> None:
    await NoteFactory.create_batch(2, session=db)
    await db.commit()
    assert await db.scalar(select(func.count()).select_from(notes.Note)) == 2


async def test_db_was_rolled_back(db: AsyncSession) -> None:
    assert await db.scalar(select(func.count()).select_from(notes.Note)) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("run", [1, 2])
async def test_committed(
    run: int, committed_db: AsyncSession, client: httpx.AsyncClient, auth: dict[str, str]
) -> None:
    requests = [client.post("/v1/notes", json={"text": "x"}, headers=auth) for _ in range(3)]
    assert {response.status_code for response in await asyncio.gather(*requests)} == {201}
    assert await committed_db.scalar(text("select count(*) from notes")) == 3
