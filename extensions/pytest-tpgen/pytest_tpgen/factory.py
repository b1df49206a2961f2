"""factory-boy for async sessions: `agent = await AgentFactory.create(session=db)`.

factory-boy's own engine runs inside `AsyncSession.run_sync`, so all of its features work:
SubFactory, RelatedFactory, traits, sequences, LazyAttribute, post-generation.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import Any, Generic, Never, TypeVar, cast

import factory
import pytest
from factory.alchemy import SQLAlchemyModelFactory
from factory.random import reseed_random
from sqlalchemy import inspect as inspect_model
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from . import policy

T = TypeVar("T")

# How a SubFactory gets the session: factory-boy makes its instances without arguments of ours.
_session: ContextVar[Session] = ContextVar("session")


class AsyncSQLAlchemyFactory(SQLAlchemyModelFactory, Generic[T]):
    """Base of the factories. Rows are flushed, never committed: the test owns the transaction."""

    class Meta:
        abstract = True

    @classmethod
    def create(
        cls, *wrong: Never, session: AsyncSession | None = None, **attributes: Any
    ) -> Coroutine[Any, Any, T]:
        """Make one row, and the rows that it needs.

        In a hook of a factory, such as a post-generation, `AgentFactory(…)` makes one at once.

        Args:
            session: the test's session, such as `db`.
            attributes: what the row must have; the rest is the factory's.

        Raises:
            TypeError: no session was given; at once, even where the `await` was forgotten too.
        """
        if session is None and not wrong and _session.get(None) is not None:
            return cast("Coroutine[Any, Any, T]", cls._make(attributes))
        return cls._first(cls.create_batch(1, *wrong, session=session, **attributes))

    @classmethod
    def create_batch(  # type: ignore[override]
        cls, size: int, *wrong: Never, session: AsyncSession | None = None, **attributes: Any
    ) -> Coroutine[Any, Any, list[T]]:
        """Make a number of rows; see `create`."""
        if session is None and not wrong and _session.get(None) is not None:
            made = [cls._make(attributes) for _ in range(size)]
            return cast("Coroutine[Any, Any, list[T]]", made)
        if wrong or not isinstance(session, AsyncSession):
            raise TypeError(cls._how())
        return cls._in_turn(session, size, attributes)

    @staticmethod
    async def _first(batch: Coroutine[Any, Any, list[T]]) -> T:
        return (await batch)[0]

    @classmethod
    async def _in_turn(
        cls, session: AsyncSession, size: int, attributes: dict[str, Any]
    ) -> list[T]:
        """One at a time on a session, also where the test gathers them."""
        if _session.get(None) is session.sync_session:
            return await session.run_sync(cls._in_session, size, attributes)
        async with session.info.setdefault("factories", asyncio.Lock()):
            return await session.run_sync(cls._in_session, size, attributes)

    @classmethod
    def _in_session(cls, session: Session, size: int, attributes: dict[str, Any]) -> list[T]:
        token = _session.set(session)
        try:
            made = [cls._make(attributes) for _ in range(size)]
            # Also what a post-generation hook changed: the app sees rows, not objects.
            session.flush()
            return made
        finally:
            _session.reset(token)

    @classmethod
    def _make(cls, attributes: dict[str, Any]) -> T:
        made: T = cls._generate(factory.CREATE_STRATEGY, dict(attributes))  # type: ignore[no-untyped-call]
        return made

    @classmethod
    def _create(cls, model_class: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        session = _session.get(None)
        if session is None:
            raise TypeError(cls._how())
        for name, value in kwargs.items():
            if inspect.isawaitable(value):
                kwargs[name] = await_only(value)
        options: Any = cls._meta
        make = cls._get_or_create if options.sqlalchemy_get_or_create else cls._save
        return make(model_class, session, args, kwargs)

    @classmethod
    def _save(
        cls, model_class: Callable[..., T], session: Session, args: Any, kwargs: dict[str, Any]
    ) -> T:
        made = model_class(*args, **kwargs)
        session.add(made)
        session.flush()
        return made

    @classmethod
    def _after_postgeneration(
        cls, instance: T, create: bool, results: dict[str, Any] | None = None
    ) -> None:
        for result in (results or {}).values():
            if create and inspect.isawaitable(result):
                await_only(result)

    @classmethod
    def _how(cls) -> str:
        name = cls.__name__
        return (
            f"a factory needs the test's session: await {name}.create(session=db); "
            f"in the body of another factory: SubFactory({name})"
        )


def factories() -> dict[type[Any], type[AsyncSQLAlchemyFactory[Any]]]:
    """Return the factories that are imported, by the model whose rows they make."""
    made = [each for each in _below(AsyncSQLAlchemyFactory) if not each._meta.abstract]
    return {each._meta.model: each for each in reversed(made)}


def models() -> list[type[Any]]:
    """Return every model of the registries that the imported factories make rows of, by name."""
    mapped = (mapper for model in factories() for mapper in inspect_model(model).registry.mappers)
    return sorted({mapper.class_ for mapper in mapped}, key=lambda model: model.__name__)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Make the factories give the same values in each test, as a snapshot may show them."""
    if policy.covering(item.path) is None:
        return
    reseed_random(0)
    for each in _below(AsyncSQLAlchemyFactory):
        each.reset_sequence(force=True)


def _below(cls: type[Any]) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)
