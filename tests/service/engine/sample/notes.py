"""A small service: notes of tenants, in an async SQLAlchemy database."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Session = async_sessionmaker(expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables of the service."""


class Tenant(Base):
    """A customer, with the key of its requests."""

    __tablename__ = "tenants"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)


class Note(Base):
    """A note of a tenant."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    text: Mapped[str]


class NewNote(BaseModel):
    """What a caller sends."""

    text: str
    stars: int = 0


router = APIRouter(prefix="/notes")


async def session() -> AsyncIterator[AsyncSession]:
    """Give a session that commits at the end of the request."""
    async with Session.begin() as session:
        yield session


Database = Annotated[AsyncSession, Depends(session)]


async def caller(request: Request, db: Database) -> Tenant:
    """Return the tenant whose key the request has."""
    key = request.headers.get("x-key", "")
    tenant = await db.scalar(select(Tenant).where(Tenant.key == key))
    if tenant is None:
        raise HTTPException(401)
    return tenant


Caller = Annotated[Tenant, Depends(caller)]


@router.post("", status_code=201)
async def create(
    note: NewNote,
    tenant: Caller,
    db: Database,
    source: Annotated[str, Header()] = "",
) -> dict[str, object]:
    """Store a note."""
    row = Note(tenant_id=tenant.id, text=note.text)
    db.add(row)
    await db.flush()
    return {"id": row.id, "text": row.text}


@router.get("/{note_id}")
async def read(note_id: int, tenant: Caller, db: Database) -> dict[str, object]:
    """Return a note of the caller's."""
    note = await db.get(Note, note_id)
    if note is None:
        raise HTTPException(404)
    if note.tenant_id != tenant.id:
        raise HTTPException(403)
    return {"id": note.id, "text": note.text}


def create_app() -> FastAPI:
    """Return the app, whose routes are in a sub-app."""
    inner = FastAPI()
    inner.include_router(router)
    app = FastAPI()
    app.mount("/v1", inner)
    return app
