"""Changes of a class's surface, each with its verdict and its words."""

from collections.abc import Coroutine, Iterator, Sequence
from textwrap import dedent, indent
from typing import Any, Generic, NewType, TypedDict, TypeVar

import griffe
import pytest
from pytest_tpgen.surface import Change, SurfaceError, compare, parse
from pytest_tpgen.surface.parsing import IMPORTS
from pytest_tpgen.surface.subtypes import Types

BREAKING, RECORD, EQUAL = "breaking", "record it", "equal"


class Reply: ...


class ChatReply(Reply): ...


T = TypeVar("T")
U = TypeVar("U")


class Page(Generic[T]): ...


class Pages(Page[list[U]], Generic[U, T]): ...


class IntPage(Page[int]): ...


class LastPage(IntPage): ...


class Numbers(list[int]): ...


class Items(list): ...  # type: ignore[type-arg]


class Token(str): ...


class Fields(TypedDict):
    name: str


class MoreFields(Fields):
    age: int


class OtherFields(TypedDict, total=False):
    name: str


OWN: dict[str, Any] = {"Reply": Reply, "ChatReply": ChatReply, "Agent": type("Agent", (), {})}
OWN |= {"Self": OWN["Agent"], "OldReply": Reply, "UserId": NewType("UserId", str)}
OWN |= {
    each.__name__: each
    for each in (
        *(Page, Pages, IntPage, LastPage, Numbers, Items, Token, Fields, MoreFields, OtherFields),
        *(Sequence, Coroutine),  # A package imports these.
    )
}
TYPES = Types(OWN.get, __name__.partition(".")[0])

# Two forms of the member, the verdict, and a part of what is said.
ROWS = [
    # Parameters: added, removed, renamed
    ("def f(self, a): ...", "def f(self, a, b): ...", BREAKING, "`b` was added and is required"),
    ("def f(self, a): ...", "def f(self, a, *, b): ...", BREAKING, "`b` was added and is required"),
    ("def f(self, a): ...", "def f(self, a, b=1): ...", RECORD, "`b` was added and is optional"),
    ("def f(self, a): ...", "def f(self, a, *, b=1): ...", RECORD, "`b` was added and is optional"),
    ("def f(self, a): ...", "def f(self, b=1, a=2): ...", BREAKING, "`b` was added before `a`"),
    ("def f(self, a): ...", "def f(self, a, *args): ...", RECORD, "`*args` was added"),
    ("def f(self, a): ...", "def f(self, a, **more): ...", RECORD, "`**more` was added"),
    ("def f(self, a, b=1): ...", "def f(self, a): ...", BREAKING, "`b` was removed"),
    ("def f(self, a, *, b=1): ...", "def f(self, a): ...", BREAKING, "`b` was removed"),
    ("def f(self, a: str): ...", "def f(self, b: str): ...", BREAKING, "`a` was renamed to `b`"),
    (
        "def f(self, *, a: str = ''): ...",
        "def f(self, *, b: str = ''): ...",
        BREAKING,
        "`a` was renamed to `b`",
    ),
    ("def f(self, a, /): ...", "def f(self, b, /): ...", RECORD, "`a` was renamed to `b`"),
    ("def f(self, *args): ...", "def f(self): ...", BREAKING, "`*args` was removed"),
    ("def f(self, **more): ...", "def f(self): ...", BREAKING, "`**more` was removed"),
    ("def f(self, *args): ...", "def f(self, *items): ...", RECORD, "`*args` is named `*items`"),
    ("def f(self, *, a=1): ...", "def f(self, **more): ...", BREAKING, "`**more` takes its arg"),
    ("def f(self, a, /): ...", "def f(self, *args): ...", RECORD, "`*args` takes its argument"),
    ("def f(self, a, *args): ...", "def f(self, a, b=1, *args): ...", BREAKING, "went to `*`"),
    ("def f(self, *args, b=1): ...", "def f(self, b=1, *args): ...", BREAKING, "went to `*`"),
    # Parameters: order and kind
    ("def f(self, a, b): ...", "def f(self, b, a): ...", BREAKING, "changed places"),
    ("def f(self, *, a, b): ...", "def f(self, *, b, a): ...", EQUAL, ""),
    ("def f(self, a): ...", "def f(self, *, a): ...", BREAKING, "passed by position any more"),
    ("def f(self, a): ...", "def f(self, a, /): ...", BREAKING, "passed by name any more"),
    ("def f(self, *, a): ...", "def f(self, a): ...", RECORD, "passed by position too"),
    ("def f(self, a, /): ...", "def f(self, a): ...", RECORD, "passed by name too"),
    ("def f(self, a, /, **more): ...", "def f(self, a, **more): ...", BREAKING, "went to `**`"),
    ("def f(self, *, a): ...", "def f(self, a, /): ...", BREAKING, "passed by name any more"),
    ("def f(self, a, *, b=1): ...", "def f(self, b=1, a=2): ...", BREAKING, "`b` stands before"),
    (
        "def f(self) -> Self: ...",
        "def f(self) -> Agent: ...",
        BREAKING,
        "widened from Self to Agent",
    ),
    ("def f(self) -> Agent: ...", "def f(self) -> Self: ...", RECORD, "narrowed"),
    # Defaults
    ("def f(self, a=1): ...", "def f(self, a=2): ...", BREAKING, "from 1 to 2"),
    ("def f(self, a=1): ...", "def f(self, a): ...", BREAKING, "`a` is required now"),
    ("def f(self, a): ...", "def f(self, a=1): ...", RECORD, "`a` is optional now"),
    ("def f(self, a='x'): ...", 'def f(self, a="x"): ...', EQUAL, ""),
    ("def f(self, a=...): ...", "def f(self, a=1): ...", RECORD, "from ... to 1"),
    ("def f(self, a=30): ...", "def f(self, a=30.0): ...", EQUAL, ""),
    ("def f(self, a=1): ...", "def f(self, a=True): ...", BREAKING, "from 1 to True"),
    ("def f(self, a=M.A): ...", "def f(self, a=M.B): ...", BREAKING, "from M.A to M.B"),
    # Types of parameters
    ("def f(self, a: int | str): ...", "def f(self, a: int): ...", BREAKING, "was narrowed"),
    ("def f(self, a: int): ...", "def f(self, a: int | None): ...", RECORD, "was widened"),
    ("def f(self, a: int): ...", "def f(self, a: str): ...", BREAKING, "changed from int to str"),
    ("def f(self, a: int): ...", "def f(self, a: float): ...", RECORD, "was widened"),
    ("def f(self, a: float): ...", "def f(self, a: int): ...", BREAKING, "was narrowed"),
    ("def f(self, a: Any): ...", "def f(self, a: int): ...", BREAKING, "was narrowed"),
    ("def f(self, a: int): ...", "def f(self, a: object): ...", RECORD, "was widened"),
    ("def f(self, a): ...", "def f(self, a: int): ...", RECORD, "is stated now"),
    ("def f(self, a: int): ...", "def f(self, a): ...", RECORD, "is not stated any more"),
    (
        "def f(self, a: list[int]): ...",
        "def f(self, a: Iterable[int]): ...",
        RECORD,
        "from list[int] to Iterable[int]",
    ),
    (
        "def f(self, a: Sequence[int]): ...",
        "def f(self, a: list[int]): ...",
        BREAKING,
        "was narrowed from Sequence[int] to list[int]",
    ),
    ("def f(self, a: list[int]): ...", "def f(self, a: list[bool]): ...", BREAKING, "changed"),
    (
        "def f(self, a: Sequence[bool]): ...",
        "def f(self, a: Sequence[int]): ...",
        RECORD,
        "widened",
    ),
    (
        "def f(self, a: dict[str, int]): ...",
        "def f(self, a: Mapping[str, object]): ...",
        RECORD,
        "widened",
    ),
    ("def f(self, a: Reply): ...", "def f(self, a: ChatReply): ...", BREAKING, "was narrowed"),
    ("def f(self, a: ChatReply): ...", "def f(self, a: Reply): ...", RECORD, "was widened"),
    (
        "def f(self, a: Literal['x', 'y']): ...",
        "def f(self, a: Literal['x']): ...",
        BREAKING,
        "was narrowed",
    ),
    ("def f(self, a: Literal['x']): ...", "def f(self, a: str): ...", RECORD, "was widened"),
    (
        "def f(self, a: Callable[[int], None]): ...",
        "def f(self, a: Callable[[bool], None]): ...",
        RECORD,
        "was widened",
    ),
    (
        "def f(self, a: Callable[[bool], None]): ...",
        "def f(self, a: Callable[[int], None]): ...",
        BREAKING,
        "was narrowed",
    ),
    ("def f(self, *args: int): ...", "def f(self, *args: str): ...", BREAKING, "`*args` changed"),
    ("def f(self, a: Optional[int]): ...", "def f(self, a: None | int): ...", EQUAL, ""),
    ("def f(self, a: 'List[Reply]'): ...", "def f(self, a: list[tests.api.Reply]): ...", EQUAL, ""),
    (
        "def f(self) -> requests.Response: ...",
        "def f(self) -> httpx.Response: ...",
        BREAKING,
        "changed from requests.Response to httpx.Response",
    ),
    ("def f(self) -> Reply: ...", "def f(self) -> httpx.Reply: ...", BREAKING, "changed"),
    ("def f(self, a: httpx.URL): ...", "def f(self, a: httpx.URL | str): ...", RECORD, "widened"),
    ("def f(self) -> httpx.a.Response: ...", "def f(self) -> httpx.Response: ...", EQUAL, ""),
    # Special methods: only Python calls them
    ("def __getitem__(self, a): ...", "def __getitem__(self, b): ...", RECORD, "renamed"),
    ("def __add__(self, a: float): ...", "def __add__(self, b: int): ...", BREAKING, "narrowed"),
    ("def __call__(self, a): ...", "def __call__(self, b): ...", BREAKING, "renamed"),
    ("def __exit__(self, *args): ...", "def __exit__(self, kind, value, trace): ...", EQUAL, ""),
    ("def __exit__(self, *a) -> None: ...", "def __exit__(self, *a) -> bool: ...", BREAKING, ""),
    (
        "",
        "@classmethod\ndef __init_subclass__(cls, *, name: str = ...) -> None: ...",
        RECORD,
        "added",
    ),
    (
        "",
        "@classmethod\ndef __init_subclass__(cls, *, name: str) -> None: ...",
        BREAKING,
        "each subclass must state its arguments",
    ),
    (
        "def f(self, **labels: str): ...",
        "def f(self, *, size: str = '', **labels: str): ...",
        BREAKING,
        "`size` takes an argument that went to `**` before",
    ),
    (
        "@contextmanager\ndef f(self) -> Generator[int, None, None]: ...",
        "@contextmanager\ndef f(self) -> Iterator[int]: ...",
        EQUAL,
        "",
    ),
    (
        "@asynccontextmanager\ndef f(self) -> AsyncIterator[int]: ...",
        "@asynccontextmanager\ndef f(self) -> AsyncGenerator[str]: ...",
        BREAKING,
        "changed",
    ),
    ("def f(self, **a: P.kwargs): ...", "def f(self, *, b=1, **a: P.kwargs): ...", BREAKING, "`b`"),
    ("def f(self, **a: Any): ...", "def f(self, *, b=1, **a: Any): ...", RECORD, "`b` was added"),
    ("def f(self, a: Path): ...", "def f(self, a: PathLike[str]): ...", RECORD, "widened"),
    ("def f(self, a: list[OldReply]): ...", "def f(self, a: list[Reply]): ...", EQUAL, ""),
    # What is returned
    ("def f(self) -> list[OldReply]: ...", "def f(self) -> list[Reply]: ...", EQUAL, ""),
    ("def f(self) -> OldReply | None: ...", "def f(self) -> ChatReply: ...", RECORD, "narrowed"),
    ("def f(self) -> Reply: ...", "def f(self) -> OldReply | None: ...", BREAKING, "widened"),
    ("def f(self) -> str: ...", "def f(self) -> UserId: ...", RECORD, "was narrowed"),
    ("def f(self) -> UserId: ...", "def f(self) -> str: ...", BREAKING, "was widened"),
    ("def f(self) -> IO[bytes]: ...", "def f(self) -> BinaryIO: ...", RECORD, "was narrowed"),
    ("def f(self) -> IO[str]: ...", "def f(self) -> BinaryIO: ...", BREAKING, "changed"),
    ("def f(self) -> int: ...", "def f(self) -> str: ...", BREAKING, "changed from int to str"),
    ("def f(self) -> int: ...", "def f(self) -> int | None: ...", BREAKING, "was widened"),
    ("def f(self) -> int | None: ...", "def f(self) -> int: ...", RECORD, "was narrowed"),
    ("def f(self) -> Reply: ...", "def f(self) -> ChatReply: ...", RECORD, "was narrowed"),
    ("def f(self) -> ChatReply: ...", "def f(self) -> Reply: ...", BREAKING, "was widened"),
    ("def f(self) -> None: ...", "def f(self) -> Reply: ...", BREAKING, "changed"),
    ("def f(self) -> int: ...", "def f(self): ...", BREAKING, "is not stated any more"),
    ("def f(self): ...", "def f(self) -> int: ...", RECORD, "is stated now"),
    ("def f(self) -> Reply: ...", "def f(self) -> Any: ...", BREAKING, "was widened"),
    ("def f(self) -> Iterable[int]: ...", "def f(self) -> list[int]: ...", RECORD, "narrowed"),
    ("def f(self) -> list[int]: ...", "def f(self) -> Iterator[int]: ...", BREAKING, "changed"),
    (
        "def f(self) -> Iterator[str]: ...",
        "def f(self) -> Generator[str, None, None]: ...",
        RECORD,
        "",
    ),
    ("def f(self) -> tuple[int, int]: ...", "def f(self) -> tuple[int, ...]: ...", BREAKING, ""),
    # Generic types
    ("def f(self) -> dict: ...", "def f(self) -> dict[Any, Any]: ...", EQUAL, ""),
    ("def f(self) -> list[type]: ...", "def f(self) -> list[type[Any]]: ...", EQUAL, ""),
    ("def f(self, a: tuple): ...", "def f(self, a: tuple[Any, ...]): ...", EQUAL, ""),
    ("def f(self, a: tuple): ...", "def f(self, a: tuple[Any]): ...", BREAKING, "narrowed"),
    ("def f(self, a: Callable): ...", "def f(self, a: Callable[..., Any]): ...", EQUAL, ""),
    ("def f(self, a: Page): ...", "def f(self, a: Page[Any]): ...", EQUAL, ""),
    ("def f(self, a: list): ...", "def f(self, a: Sequence[object]): ...", RECORD, "widened"),
    ("def f(self, a: list): ...", "def f(self, a: list[int]): ...", BREAKING, "narrowed"),
    ("def f(self, a: list[int]): ...", "def f(self, a: list): ...", RECORD, "widened"),
    (
        "def f(self, a: Callable[..., int]): ...",
        "def f(self, a: Callable[[int], int]): ...",
        BREAKING,
        "was narrowed",
    ),
    (
        "def f(self, a: Callable[[int], int]): ...",
        "def f(self, a: Callable[..., int]): ...",
        RECORD,
        "was widened",
    ),
    ("def f(self, a: Callable): ...", "def f(self, a: Callable[[], int]): ...", BREAKING, ""),
    ("def f(self) -> Page[int]: ...", "def f(self) -> Page[int, str]: ...", BREAKING, "changed"),
    ("def f(self) -> Page[int]: ...", "def f(self) -> IntPage: ...", RECORD, "narrowed"),
    ("def f(self) -> Page[int]: ...", "def f(self) -> LastPage: ...", RECORD, "narrowed"),
    ("def f(self) -> Page[str]: ...", "def f(self) -> LastPage: ...", BREAKING, "changed"),
    ("def f(self) -> Page: ...", "def f(self) -> LastPage: ...", RECORD, "narrowed"),
    ("def f(self) -> Page[list[int]]: ...", "def f(self) -> Pages[int, str]: ...", RECORD, ""),
    ("def f(self) -> Page[int]: ...", "def f(self) -> Pages[int, str]: ...", BREAKING, ""),
    ("def f(self) -> Sequence[int]: ...", "def f(self) -> Numbers: ...", RECORD, "narrowed"),
    ("def f(self) -> Sequence[str]: ...", "def f(self) -> Numbers: ...", BREAKING, "changed"),
    ("def f(self) -> Sequence[str]: ...", "def f(self) -> Items: ...", RECORD, "narrowed"),
    ("def f(self) -> Sequence[str]: ...", "def f(self) -> Token: ...", RECORD, "narrowed"),
    ("def f(self) -> Sequence[int]: ...", "def f(self) -> Token: ...", BREAKING, "changed"),
    ("def f(self) -> Iterable[int]: ...", "def f(self) -> Sequence[int]: ...", RECORD, ""),
    # TypedDicts
    ("def f(self) -> dict: ...", "def f(self) -> Fields: ...", BREAKING, "changed"),
    ("def f(self, a: Fields): ...", "def f(self, a: dict[str, Any]): ...", BREAKING, "changed"),
    ("def f(self, a: Fields): ...", "def f(self, a: Mapping[str, object]): ...", RECORD, ""),
    ("def f(self, a: Fields): ...", "def f(self, a: Mapping[str, int]): ...", BREAKING, ""),
    ("def f(self, a: Fields): ...", "def f(self, a: Mapping): ...", RECORD, "widened"),
    ("def f(self, a: Fields): ...", "def f(self, a: Iterable[str]): ...", RECORD, "widened"),
    ("def f(self) -> Fields: ...", "def f(self) -> MoreFields: ...", RECORD, "narrowed"),
    ("def f(self) -> MoreFields: ...", "def f(self) -> Fields: ...", BREAKING, "widened"),
    ("def f(self) -> Fields: ...", "def f(self) -> OtherFields: ...", BREAKING, "changed"),
    # Special types
    ("def f(self) -> int: ...", "def f(self) -> NoReturn: ...", RECORD, "narrowed"),
    ("def f(self) -> Never: ...", "def f(self) -> None: ...", BREAKING, "widened"),
    ("def f(self) -> Never: ...", "def f(self) -> NoReturn: ...", EQUAL, ""),
    ("def f(self, a) -> bool: ...", "def f(self, a) -> TypeGuard[int]: ...", RECORD, "narrowed"),
    ("def f(self, a) -> TypeIs[int]: ...", "def f(self, a) -> bool: ...", BREAKING, "widened"),
    ("def f(self, a) -> TypeIs[int]: ...", "def f(self, a) -> TypeIs[bool]: ...", BREAKING, ""),
    ("def f(self, a: float): ...", "def f(self, a: int | float): ...", EQUAL, ""),
    ("def f(self) -> float | None: ...", "def f(self) -> int | float | None: ...", EQUAL, ""),
    ("def f(self) -> int: ...", "def f(self) -> int | float: ...", BREAKING, "widened"),
    # Async
    ("async def f(self) -> int: ...", "def f(self) -> int: ...", BREAKING, "not any more"),
    ("def f(self) -> int: ...", "async def f(self) -> int: ...", BREAKING, "must await it"),
    (
        "async def f(self) -> int: ...",
        "def f(self) -> Coroutine[Any, Any, int]: ...",
        RECORD,
        "await it as before",
    ),
    ("def f(self) -> Awaitable[int]: ...", "async def f(self) -> int: ...", RECORD, "`async def`"),
    ("def f(self) -> Awaitable[int]: ...", "async def f(self) -> str: ...", BREAKING, "async"),
    (
        "def f(self) -> AsyncIterator[str]: ...",
        "async def f(self) -> AsyncIterator[str]: ...",
        BREAKING,
        "became async",
    ),
    # Kinds of members
    ("def f(self): ...", "", BREAKING, "the method was removed"),
    ("", "def f(self): ...", RECORD, "the method was added"),
    ("", "@abstractmethod\ndef f(self): ...", BREAKING, "must implement it"),
    ("def f(self): ...", "@abstractmethod\ndef f(self): ...", BREAKING, "it became abstract"),
    ("@staticmethod\ndef f(a): ...", "def f(self, a): ...", BREAKING, "on the class"),
    ("@classmethod\ndef f(cls, a): ...", "def f(self, a): ...", BREAKING, "on the class"),
    ("@staticmethod\ndef f(a): ...", "@classmethod\ndef f(cls, a): ...", RECORD, "as before"),
    ("def f(self, a): ...", "@staticmethod\ndef f(a): ...", RECORD, "as before"),
    ("@property\ndef f(self) -> int: ...", "def f(self) -> int: ...", BREAKING, "became a method"),
    (
        "def f(self) -> int: ...",
        "@property\ndef f(self) -> int: ...",
        BREAKING,
        "became a property",
    ),
    ("@property\ndef f(self) -> int: ...", "@property\ndef f(self) -> str: ...", BREAKING, "type"),
    ("@property\ndef f(self) -> int: ...", "f: int", RECORD, "can be set now"),
    ("f: int", "@property\ndef f(self) -> int: ...", BREAKING, "can't be set"),
    ("@property\ndef f(self) -> int: ...", "@cached_property\ndef f(self) -> int: ...", RECORD, ""),
    (
        "@property\ndef f(self) -> int: ...\n@f.setter\ndef f(self, value: int) -> None: ...",
        "@property\ndef f(self) -> int: ...",
        BREAKING,
        "can't be set any more",
    ),
    (
        "@property\ndef f(self) -> int: ...\n@f.setter\ndef f(self, value: int) -> None: ...",
        "@property\ndef f(self) -> int: ...\n@f.setter\ndef f(self, value: bool) -> None: ...",
        BREAKING,
        "the value to set was narrowed",
    ),
    (
        "@cached_property\ndef f(self) -> int: ...",
        "@property\ndef f(self) -> int: ...",
        BREAKING,
        "",
    ),
    ("@cached_property\ndef f(self) -> int: ...", "f: int", RECORD, "became an attribute"),
    ("f: int", "@cached_property\ndef f(self) -> int: ...", RECORD, "became a cached property"),
    ("f: int", "f: str", BREAKING, "its type changed"),
    ("f: int | None", "f: int", BREAKING, "was narrowed"),
    ("f: int", "f: int | None", BREAKING, "was widened"),
    ("f: ClassVar[int]", "f: ClassVar[bool]", RECORD, "was narrowed"),
    ("f = ...", "f: int", RECORD, "is stated now"),
    ("f: int", "f = ...", RECORD, "not stated any more"),
    ("f: Final", "f: Final[int]", RECORD, "is stated now"),
    ("f: Final", "f = ...", RECORD, "it can be set now"),
    # Attributes of the class, and of its instances only
    ("f: int = ...", "f: int", BREAKING, "the class has no value"),
    ("f: ClassVar[int]", "f: int", BREAKING, "the class has no value"),
    ("f: int = ...", "@cached_property\ndef f(self) -> int: ...", BREAKING, "the class has no"),
    ("f: int", "f: int = ...", EQUAL, ""),
    ("f: ClassVar[int]", "f: int = ...", RECORD, "it can be set now"),
    ("f: int = ...", "f: ClassVar[int]", BREAKING, "it can't be set any more"),
    ("F = 'red'", "F = 'rot'", BREAKING, "its value changed"),
    (
        "@contextmanager\ndef f(self) -> Iterator[int]: ...",
        "def f(self) -> Iterator[int]: ...",
        BREAKING,
        "not a contextmanager",
    ),
    # Abstract methods
    (
        "@abstractmethod\ndef f(self, a: int) -> float: ...",
        "@abstractmethod\ndef f(self, a: int, b: int = 0) -> float: ...",
        BREAKING,
        "each class that implements it must be changed",
    ),
    (
        "@abstractmethod\ndef f(self, a: int) -> float: ...",
        "@abstractmethod\ndef f(self, a: float) -> float: ...",
        BREAKING,
        "each class that implements it must be changed",
    ),
    (
        "@abstractmethod\ndef f(self, a: int, /) -> float: ...",
        "@abstractmethod\ndef f(self, b: int, /) -> float: ...",
        RECORD,
        "was renamed",
    ),
    ("@abstractmethod\ndef f(self): ...", "def f(self): ...", RECORD, "not abstract any more"),
    # Constructors and nested classes
    (
        "def __init__(self, key: str) -> None: ...",
        "def __init__(self, key: str, org: str) -> None: ...",
        BREAKING,
        "`org` was added",
    ),
    ("class F:\n    def g(self): ...", "class F:\n    ...", BREAKING, "g: the method was removed"),
    # Overloads
    (
        "@overload\ndef f(self, a: int) -> int: ...\n@overload\ndef f(self, a: str) -> str: ...",
        "@overload\ndef f(self, a: str) -> str: ...\n@overload\ndef f(self, a: int) -> int: ...",
        EQUAL,
        "",
    ),
    (
        "@overload\ndef f(self, a: int) -> int: ...\n@overload\ndef f(self, a: str) -> str: ...",
        "def f(self, a: int) -> int: ...",
        BREAKING,
        "the overload (a: str) has no compatible overload any more",
    ),
    (
        "def f(self, a: int) -> int: ...",
        "@overload\ndef f(self, a: int) -> int: ...\n@overload\ndef f(self, a: str) -> str: ...",
        RECORD,
        "1 overload was added",
    ),
    (
        "def f(self, a: bool) -> int | str: ...",
        """@overload
def f(self, a: Literal[True]) -> int: ...
@overload
def f(self, a: Literal[False]) -> str: ...""",
        BREAKING,
        "(a: bool) has no compatible overload",
    ),
]


def _stub(member: str) -> str:
    return f"class Agent:\n{indent(dedent(member) or '...', '    ')}\n"


def _changes(old: str, new: str) -> list[Change]:
    found = compare(parse(_stub(old)), parse(_stub(new)), TYPES)
    return [change for changes in found.values() for change in changes]


@pytest.mark.parametrize(("old", "new", "verdict", "words"), ROWS)
def test_verdict(old: str, new: str, verdict: str, words: str) -> None:
    found = _changes(old, new)
    is_breaking = any(change.is_breaking for change in found)
    assert verdict == (BREAKING if is_breaking else RECORD if found else EQUAL), found
    assert words in "; ".join(change.words for change in found)


def _single() -> Iterator[tuple[str, str]]:
    for old, new, verdict, _ in ROWS:
        if verdict == BREAKING and old and new and "overload" not in f"{old}{new}":
            yield old, new


@pytest.mark.parametrize(("old", "new"), _single())
def test_one_change_is_said_once(old: str, new: str) -> None:
    assert len([change for change in _changes(old, new) if change.is_breaking]) == 1


# Griffe calls these breaking, and no call that was right before fails.
HARMLESS = {
    ("def f(self, a, /): ...", "def f(self, b, /): ..."),  # the name of a positional-only parameter
    ("def f(self, *args): ...", "def f(self, *items): ..."),
    (
        "@abstractmethod\ndef f(self, a: int, /) -> float: ...",
        "@abstractmethod\ndef f(self, b: int, /) -> float: ...",
    ),
    ("def f(self, a=...): ...", "def f(self, a=1): ..."),
    ("def f(self, a=30): ...", "def f(self, a=30.0): ..."),
    # It knows no special methods.
    ("def __getitem__(self, a): ...", "def __getitem__(self, b): ..."),
    ("def __exit__(self, *args): ...", "def __exit__(self, kind, value, trace): ..."),
    # It counts `self`, and does not compare overloads.
    ("@staticmethod\ndef f(a): ...", "@classmethod\ndef f(cls, a): ..."),
    ("def f(self, a): ...", "@staticmethod\ndef f(a): ..."),
}


@pytest.mark.parametrize(("old", "new", "verdict", "words"), ROWS)
def test_what_griffe_calls_breaking_is_breaking(
    old: str, new: str, verdict: str, words: str
) -> None:
    before, after = (
        griffe.visit("surface", None, IMPORTS + _stub(each))["Agent"]  # type: ignore[arg-type]
        for each in (old, new)
    )
    is_compared = (old, new) not in HARMLESS and "@overload" not in new
    if is_compared and [*griffe.find_breaking_changes(before, after)]:
        assert verdict == BREAKING


BASES = [
    ("class A(Base): ...", "class A: ...", [True]),
    ("class A: ...", "class A(Base): ...", [False]),
    ("class A(Generic[T]): ...", "class A(Generic[T, U]): ...", [True]),
    ("class A(Base): ...", "class A(Base): ...", []),
    (
        "class A(Generic[_T, U]):\n    def f(self, a: list[_T]) -> U: ...",
        "class A(Generic[T, V]):\n    def f(self, a: list[T]) -> V: ...",
        [],
    ),
    (
        "class A(Generic[T, U]):\n    def f(self, a: T) -> U: ...",
        "class A(Generic[U, T]):\n    def f(self, a: T) -> U: ...",
        [True, True],
    ),
    ("class A(Protocol): ...", "class A(Protocol):\n    def f(self): ...", [True]),
    (
        "class A(Protocol[T]):\n    def f(self) -> float: ...",
        "class A(Protocol[T]):\n    def f(self) -> int: ...",
        [False, True],
    ),
    ("class A(Protocol):\n    a: int", "class A(Protocol):\n    a: int = ...", []),
    ("class A: ...", "@final\nclass A: ...", [True]),
    ("@typing.final\nclass A: ...", "class A: ...", [False]),
    ("class A(TypedDict): ...", "class A(TypedDict):\n    a: int", [True]),
    ("class A(TypedDict): ...", "class A(TypedDict):\n    a: NotRequired[int]", [False]),
    ("class A(TypedDict):\n    a: NotRequired[int]", "class A(TypedDict):\n    a: int", [True]),
    (
        "class A(NamedTuple):\n    def __init__(self) -> None: ...",
        """class A(NamedTuple):
    def __init__(self, a: int = 0) -> None: ...
    @property
    def a(self) -> int: ...
    @property
    def b(self) -> int: ...""",
        [False, True, False],
    ),
]


@pytest.mark.parametrize(("old", "new", "breaking"), BASES)
def test_bases(old: str, new: str, breaking: list[bool]) -> None:
    found = compare(parse(old), parse(new))
    assert [each.is_breaking for changes in found.values() for each in changes] == breaking


@pytest.mark.parametrize(
    ("stub", "words"),
    [
        ("class A(:\n    ...", "the stub is not Python: line 1"),
        ("def f(): ...", "the stub must be one class"),
        ("", "the stub must be one class"),
    ],
)
def test_refuses_a_stub(stub: str, words: str) -> None:
    with pytest.raises(SurfaceError, match=words):
        parse(stub)
