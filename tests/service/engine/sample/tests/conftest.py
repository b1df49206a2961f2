"""The wiring of the sample service."""

from collections.abc import AsyncIterator

import httpx
import notes
import pytest
from fastapi import FastAPI
from pytest_tpgen.committed import CommittedDatabase
from pytest_tpgen.fixtures import committed, databases, sandbox, session
from pytest_tpgen.postgres import Server
from pytest_tpgen.sandbox import Sandbox
from pytest_tpgen.schema import Schema, create_all
from pytest_tpgen.servers import start
from pytest_tpgen.upstream import Upstream
from pytest_tpgen.wiring import AuditEvents
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import TenantFactory

__all__ = ["committed", "databases", "sandbox", "session"]


@pytest.fixture(scope="session")
def pg_container(pytestconfig: pytest.Config) -> Server:
    return start(pytestconfig)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return create_all(notes.Base.metadata)


@pytest.fixture
async def db(sandbox: Sandbox) -> AsyncIterator[AsyncSession]:
    async with sandbox.session(notes.Session) as session:
        yield session


@pytest.fixture
async def committed_db(committed: CommittedDatabase) -> AsyncIterator[AsyncSession]:
    async with committed.session(notes.Session) as session:
        yield session


@pytest.fixture(scope="session")
def app() -> FastAPI:
    return notes.create_app()


@pytest.fixture(scope="session")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def client(http: httpx.AsyncClient, session: AsyncSession) -> httpx.AsyncClient:
    return http


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(httpx.Response(200, json={"answer": 42}), httpx.ConnectError("gone"))


@pytest.fixture
async def tenant(session: AsyncSession) -> notes.Tenant:
    tenant = await TenantFactory.create(session=session)
    await session.commit()
    return tenant


@pytest.fixture
def auth(tenant: notes.Tenant) -> dict[str, str]:
    return {"x-key": tenant.key}


@pytest.fixture
async def stranger_auth(session: AsyncSession) -> dict[str, str]:
    stranger = await TenantFactory.create(session=session)
    await session.commit()
    return {"x-key": stranger.key}


@pytest.fixture
async def revoked_auth(session: AsyncSession) -> dict[str, str]:
    tenant = await TenantFactory.create(session=session)
    await session.delete(tenant)
    await session.commit()
    return {"x-key": tenant.key}


@pytest.fixture
def audit_events() -> AuditEvents:
    async def read() -> list[dict[str, object]]:
        return []

    return read
