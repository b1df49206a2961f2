# mypy: ignore-errors
"""Types in the surface of a class: where they are from, aliases, and what stands for another."""

import asyncio
import dataclasses
import decimal as decimal_module
import email.message
from collections.abc import Mapping
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, Union, overload

import httpx
import pydantic
import pytest
from pytest_tpgen.surface import compare, parse, read
from typing_extensions import TypeAliasType, deprecated

if TYPE_CHECKING:
    Rows: TypeAlias = "list[decimal.Decimal]"
    import decimal
    import decimal as numbers_of_money
    from datetime import date as Day

    import no_such_package.models
    import no_such_package.models as other
    from no_such_package.api import Reply

    from . import no_such_module
    from .no_such_module import Own
    from .test_surface_reading import Reply as OwnReply

T = TypeVar("T")
U = TypeVar("U")
Json = Union[dict[str, "Json"], list["Json"], str, None]  # noqa: UP007
Odd = Union[list["Even"], int]  # noqa: UP007
Even = Union[list["Odd"], str]  # noqa: UP007
Headers = TypeAliasType("Headers", Mapping[str, str])
Tree = TypeAliasType("Tree", "list[Tree] | int")
Pairs = TypeAliasType("Pairs", list[tuple[T, T]], type_params=(T,))
Nest = TypeAliasType("Nest", Union[list["Nest[int]"], T], type_params=(T,))  # noqa: UP007
Text: TypeAlias = "Mapping[str, int]"
Loop: TypeAlias = "list[Loop | int]"


class Foreign:
    def mail(self, message: email.message.Message) -> httpx.Response: ...
    def queue(self) -> asyncio.Queue[httpx.URL]: ...
    def future(self) -> "asyncio.Future[int]": ...
    def reply(self) -> "Reply[int] | None": ...
    def other(self, a: "other.Model", b: "no_such_package.models.Page") -> "Own": ...
    def own(self) -> "OwnReply | no_such_module.Deep": ...
    def quoted(self, a: "'httpx.URL'", b: "Rows") -> "'Tree'": ...
    def day(self) -> "Day | numbers_of_money.Decimal": ...


class Aliases:
    def send(self, data: Json) -> "Json": ...
    def mutual(self, data: Odd) -> None: ...
    def headers(self, headers: Headers) -> "Headers | None": ...
    def nest(self, nest: Nest[int]) -> None: ...
    def tree(self, tree: Tree) -> Pairs[int]: ...
    def text(self, text: Text, loop: "Loop") -> "Text | None": ...


class Calls:
    @overload
    def get(self, key: str, *, raw: Literal[True], tries: int = ..., **more: Any) -> bytes: ...
    @overload
    def get(self, key: str, *, raw: Literal[False] = ..., tries: int = 9) -> str: ...
    def get(self, key: str, *, raw: bool = False, tries: int = 3, **more: Any) -> str | bytes: ...

    def __enter__(self: T) -> T: ...  # noqa: PYI019
    def both(self: T, other: "T") -> "list[T]": ...  # noqa: PYI019
    @classmethod
    def made(cls: type[T], size: int) -> T: ...  # noqa: PYI019
    @staticmethod
    def same(value: T) -> T: ...


class Made:
    @overload
    def __init__(self, key: str, tries: int = ...) -> None: ...
    @overload
    def __init__(self, *, url: str, tries: int = ...) -> None: ...
    def __init__(self, key: str = "", *, url: str = "", tries: int = 3) -> None: ...


class Length:
    def __init__(self, func: object) -> None:
        self.func = func

    def __get__(self, instance: object, owner: object) -> "str": ...


class Measured:
    @Length
    def size(self) -> int: ...


class Failure(Exception):
    def __init_subclass__(cls) -> None: ...


class Renamed:
    def __init__(self, url: str) -> None:
        self.url = url


Renamed.__module__ = "tests"


class Prices:
    def set(self, price: Any = decimal_module.Decimal(1)) -> None: ...


class _Raw(Generic[T]):
    item: T

    def raw(self, other: "list[T]") -> T: ...


class Numbers(_Raw[int]):
    def count(self) -> int: ...


class Middle(_Raw[T], Generic[T, U]): ...


class Strings(Middle["Rows", U]): ...


@dataclasses.dataclass
class _Sized(Generic[T]):
    size: T


@dataclasses.dataclass
class Boxes(_Sized[httpx.URL]):
    count: int


class Partly(pydantic.BaseModel):
    legs: int = pydantic.Field(frozen=True)
    name: str


class Plugin:
    def __init_subclass__(cls, *, name: str, **more: Any) -> None: ...


@deprecated("use Plugin")
class Old:
    def __init__(self, size: int) -> None: ...


class Passing:
    def __init_subclass__(cls, **more: Any) -> None: ...


STUBS = {
    Foreign: """\
        class Foreign:
            def __init__(self) -> None: ...
            def mail(self, message: email.Message) -> httpx.Response: ...
            def queue(self) -> asyncio.Queue[httpx.URL]: ...
            def future(self) -> asyncio.Future[int]: ...
            def reply(self) -> no_such_package.Reply[int] | None: ...
            def other(self, a: no_such_package.Model, b: no_such_package.Page) -> Own: ...
            def own(self) -> Reply | Deep: ...
            def quoted(self, a: httpx.URL, b: list[Decimal]) -> list[Tree] | int: ...
            def day(self) -> date | Decimal: ...
        """,
    Aliases: """\
        class Aliases:
            def __init__(self) -> None: ...
            def send(
                self,
                data: dict[str, Json] | list[Json] | str | None,
            ) -> dict[str, Json] | list[Json] | str | None: ...
            def mutual(self, data: list[list[Odd] | str] | int) -> None: ...
            def headers(self, headers: Mapping[str, str]) -> Mapping[str, str] | None: ...
            def nest(self, nest: list[Nest[int]] | int) -> None: ...
            def tree(self, tree: list[Tree] | int) -> list[tuple[int, int]]: ...
            def text(self, text: Mapping[str, int], loop: list[Loop | int]) -> Mapping[str, int] | None: ...
        """,
    Calls: """\
        class Calls:
            def __init__(self) -> None: ...
            @overload
            def get(self, key: str, *, raw: Literal[True], tries: int = 3, **more: Any) -> bytes: ...
            @overload
            def get(self, key: str, *, raw: Literal[False] = False, tries: int = 9) -> str: ...
            def __enter__(self) -> Self: ...
            def both(self, other: Self) -> list[Self]: ...
            @classmethod
            def made(cls, size: int) -> Self: ...
            @staticmethod
            def same(value: T) -> T: ...
        """,
    Made: """\
        class Made:
            @overload
            def __init__(self, key: str, tries: int = 3) -> None: ...
            @overload
            def __init__(self, *, url: str, tries: int = 3) -> None: ...
        """,
    Measured: """\
        class Measured:
            def __init__(self) -> None: ...
            size: str = ...
        """,
    Partly: """\
        class Partly(pydantic.BaseModel):
            @property
            def legs(self) -> int: ...
            name: str
            def __init__(self, *, legs: int, name: str) -> None: ...
        """,
    Numbers: """\
        class Numbers:
            item: int
            def __init__(self) -> None: ...
            def count(self) -> int: ...
            def raw(self, other: list[int]) -> int: ...
        """,
    Strings: """\
        class Strings(Middle[list[Decimal], U]):
            item: list[Decimal]
            def __init__(self) -> None: ...
            def raw(self, other: list[list[Decimal]]) -> list[Decimal]: ...
        """,
    Middle: """\
        class Middle(Generic[T, U]):
            item: T
            def __init__(self) -> None: ...
            def raw(self, other: list[T]) -> T: ...
        """,
    Boxes: """\
        class Boxes:
            size: httpx.URL
            count: int
            def __init__(self, size: httpx.URL, count: int) -> None: ...
        """,
    Failure: """\
        class Failure(Exception):
            def __init__(self, *args: object) -> None: ...
        """,
    Renamed: """\
        class Renamed:
            url: str
            def __init__(self, url: str) -> None: ...
        """,
    Prices: """\
        class Prices:
            def __init__(self) -> None: ...
            def set(self, price: Any = Decimal(1)) -> None: ...
        """,
    Plugin: """\
        class Plugin:
            def __init__(self) -> None: ...
            @classmethod
            def __init_subclass__(cls, *, name: str, **more: Any) -> None: ...
        """,
    Old: """\
        class Old:
            def __init__(self, size: int) -> None: ...
        """,
    Passing: """\
        class Passing:
            def __init__(self) -> None: ...
        """,
}


@pytest.mark.parametrize("cls", STUBS, ids=lambda cls: cls.__name__)
def test_is_read(cls: type) -> None:
    assert str(read(cls)) == dedent(STUBS[cls])


@pytest.mark.parametrize("cls", STUBS, ids=lambda cls: cls.__name__)
def test_a_stub_reads_as_it_was_written(cls: type) -> None:
    assert compare(parse(str(read(cls))), read(cls)) == {}
