"""factory-boy for async sessions: `agent = await AgentFactory.create(session=db)`.

factory-boy's own engine runs inside `AsyncSession.run_sync`, so all of its features work:
SubFactory, RelatedFactory, traits, sequences, LazyAttribute, post-generation.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import cached_property
from typing import Any, Generic, Never, TypeVar, cast

import factory
import faker.generator
import pytest
from factory.alchemy import SQLAlchemyModelFactory, SQLAlchemyOptions
from factory.enums import get_builder_phase
from factory.errors import InvalidDeclarationError
from factory.random import randgen, reseed_random
from sqlalchemy import inspect as inspect_model
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.util import await_only

from . import policy
from .foreign_keys import SESSION, Declarations, Reference, given_by_class, references

T = TypeVar("T")


class Options(SQLAlchemyOptions):
    """What `Meta` states, with errors that say how to name an attribute."""

    factory: Any

    def contribute_to_class(self, factory: Any, *args: Any, **kwargs: Any) -> None:
        """Read the declarations of a factory class."""
        try:
            super().contribute_to_class(factory, *args, **kwargs)  # type: ignore[no-untyped-call]
        except InvalidDeclarationError as error:
            for name in vars(factory):
                self._refuse_deep_name(name, error)
            raise
        for name, value in vars(factory).items():
            if self._is_unusable(name, value):
                raise TypeError(self._how_to_name(name))
        self.pre_declarations = Declarations(self, self.pre_declarations.as_dict())

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The rows that the factory makes for foreign keys; relationships are configured late."""
        return references(self)

    @cached_property
    def given_by_class(self) -> dict[str, dict[str, str]]:
        """The foreign keys that the factory itself gives, for rows that it inherits."""
        return given_by_class(self)

    def refuse_deep_names(self, attributes: dict[str, Any], error: Exception) -> None:
        """Raise a better error if an attribute of the model has a double underscore."""
        for name in attributes:
            self._refuse_deep_name(name, error)

    def _refuse_deep_name(self, name: str, error: Exception) -> None:
        if "__" in name.strip("_") and hasattr(self.model, name):
            raise TypeError(self._how_to_name(name)) from error

    def _is_unusable(self, name: str, value: object) -> bool:
        """Return whether a declaration hides a method, or can't be given to `create`."""
        if name == "session":
            return True
        if name.startswith("_"):
            # factory-boy ignores a plain value under such a name.
            is_plain = get_builder_phase(value) is None
            return is_plain and hasattr(self.model, name) and not name.startswith("__")
        methods = (vars(parent).get(name) for parent in self.factory.__mro__[1:])
        hides = any(isinstance(each, classmethod | staticmethod) for each in methods)
        return hides and not isinstance(value, classmethod | staticmethod)

    def _how_to_name(self, name: str) -> str:
        other = name.strip("_").replace("__", "_")
        if other == name:
            # Not `session_`: factory-boy would read `session___name` as another attribute.
            other = "session_row" if name == "session" else f"{name}_value"
        return (
            f"{self.factory.__name__}: a factory can't declare an attribute called `{name}`. "
            f'Declare `{other}` instead, with `rename = {{"{other}": "{name}"}}` in its Meta'
        )


class AsyncSQLAlchemyFactory(SQLAlchemyModelFactory, Generic[T]):
    """Base of the factories. Rows are flushed, never committed: the test owns the transaction."""

    _options_class = Options

    class Meta:
        abstract = True

    @classmethod
    def create(
        cls, /, *wrong: Never, session: AsyncSession | None = None, **attributes: Any
    ) -> Coroutine[Any, Any, T]:
        """Make one row, and the rows that it needs.

        In a hook of a factory, such as a post-generation, `AgentFactory(…)` makes one at once.

        Args:
            session: the test's session, such as `db`.
            attributes: what the row must have; the rest is the factory's.

        Raises:
            TypeError: no session was given; at once, even where the `await` was forgotten too.
        """
        if session is None and not wrong and SESSION.get(None) is not None:
            return cast("Coroutine[Any, Any, T]", cls._make(attributes))
        return cls._first(cls.create_batch(1, *wrong, session=session, **attributes))

    @classmethod
    def create_batch(  # type: ignore[override]
        cls, size: int, /, *wrong: Never, session: AsyncSession | None = None, **attributes: Any
    ) -> Coroutine[Any, Any, list[T]]:
        """Make a number of rows; see `create`."""
        if session is None and not wrong and SESSION.get(None) is not None:
            made = [cls._make(attributes) for _ in range(size)]
            return cast("Coroutine[Any, Any, list[T]]", made)
        if wrong or not isinstance(session, AsyncSession):
            raise TypeError(cls._how(session))
        return cls._in_turn(session, size, attributes)

    @classmethod
    def build_batch(  # type: ignore[override]
        cls, size: int, /, **attributes: Any
    ) -> list[T]:
        """Make objects without a database."""
        return [cls.build(**attributes) for _ in range(size)]

    @staticmethod
    async def _first(batch: Coroutine[Any, Any, list[T]]) -> T:
        return (await batch)[0]

    @classmethod
    async def _in_turn(
        cls, session: AsyncSession, size: int, attributes: dict[str, Any]
    ) -> list[T]:
        """One at a time on a session, also where the test gathers them."""
        if SESSION.get(None) is session.sync_session:
            return await session.run_sync(cls._in_session, size, attributes)
        async with session.info.setdefault("factories", asyncio.Lock()):
            return await session.run_sync(cls._in_session, size, attributes)

    @classmethod
    def _in_session(cls, session: Session, size: int, attributes: dict[str, Any]) -> list[T]:
        token = SESSION.set(session)
        try:
            made = [cls._make(attributes) for _ in range(size)]
            # Also what a post-generation hook changed: the app sees rows, not objects.
            session.flush()
            if session.info.pop(_HOOKS, False):
                _load_expired(session)
            return made
        finally:
            SESSION.reset(token)

    @classmethod
    def _make(cls, attributes: dict[str, Any]) -> T:
        try:
            made: T = cls._generate(factory.CREATE_STRATEGY, dict(attributes))  # type: ignore[no-untyped-call]
        except InvalidDeclarationError as error:
            options: Any = cls._meta
            options.refuse_deep_names(attributes, error)
            raise
        return made

    @classmethod
    def _adjust_kwargs(cls, /, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    @classmethod
    def _build(  # type: ignore[override]
        cls, model_class: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> T:
        return model_class(*args, **kwargs)

    @classmethod
    def _create(  # type: ignore[override]
        cls, model_class: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> T:
        session = SESSION.get(None)
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
        if instance_state(made).expired_attributes:
            _load(session, made)
        return made

    @classmethod
    def _after_postgeneration(
        cls, instance: T, create: bool, results: dict[str, Any] | None = None
    ) -> None:
        if not create or not results:
            return
        for result in results.values():
            if inspect.isawaitable(result):
                await_only(result)
        SESSION.get().info[_HOOKS] = True

    @classmethod
    def _how(cls, session: object = None) -> str:
        name = cls.__name__
        how = (
            f"a factory needs the test's session: await {name}.create(session=db); "
            f"in the body of another factory: SubFactory({name})"
        )
        options: Any = cls._meta
        if session is not None and hasattr(options.model, "session"):
            return f"{how}. To set the attribute `session`: {options._how_to_name('session')}"
        return how


# Set on a session if a hook ran, which may have changed rows.
_HOOKS = "pytest_tpgen.factory.hooks"


def _load_expired(session: Session) -> None:
    """Load what a flush or a commit expired: async code can't load it on access.

    Postgres computes some values of an UPDATE, such as those of `onupdate=func.now()`.
    """
    for row in list(session):
        if instance_state(row).expired_attributes:
            _load(session, row)


def _load(session: Session, row: Any) -> None:
    state = instance_state(row)
    mapper, expired = state.mapper, state.expired_attributes
    rows = [each.key for each in mapper.relationships if each.direction.name == "MANYTOONE"]
    if names := expired.intersection([*mapper.column_attrs.keys(), *rows]):
        session.refresh(row, names)


def factories() -> dict[type[Any], type[AsyncSQLAlchemyFactory[Any]]]:
    """Return the factories that are imported, by the model whose rows they make."""
    made = [each for each in _below(AsyncSQLAlchemyFactory) if not each._meta.abstract]
    return {each._meta.model: each for each in reversed(made)}


def models() -> list[type[Any]]:
    """Return every model of the registries that the imported factories make rows of, by name."""
    mapped = (mapper for model in factories() for mapper in inspect_model(model).registry.mappers)
    return sorted({mapper.class_ for mapper in mapped}, key=lambda model: model.__name__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Make the factories give the same values in each test, as a snapshot may show them."""
    _pending.clear()
    if policy.covering(item.path) is None:
        return (yield)
    reseed_random(0)
    for each in _below(AsyncSQLAlchemyFactory):
        each._meta.reset_sequence(force=True)
    if not item.config.getoption("randomly_reset_seed", False):
        return (yield)
    # pytest-randomly seeds before the fixtures and again before the test.
    _pending.append(_random_state())
    yield
    if not _pending:
        _pending.append(_random_state())


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    """Take back the seed of pytest-randomly before the first fixture of a test."""
    _continue_random()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call() -> None:
    """Take back the seed of pytest-randomly before the body of a test."""
    _continue_random()


# The state of the random values to go on with; empty without pytest-randomly.
_pending: list[tuple[Any, Any]] = []


def _random_state() -> tuple[Any, Any]:
    return randgen.getstate(), faker.generator.random.getstate()


def _continue_random() -> None:
    if _pending:
        ours, fakers = _pending.pop()
        randgen.setstate(ours)
        faker.generator.random.setstate(fakers)


def _below(cls: type[Any]) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _below(child)
