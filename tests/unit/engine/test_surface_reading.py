"""The stubs of real classes, and what is refused."""

import abc
import contextlib
import dataclasses
import datetime
import enum
import functools
import json
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import cached_property, partialmethod
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    Optional,
    ParamSpec,
    Protocol,
    Required,
    Self,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    final,
    overload,
)

import attrs
import pydantic
import pytest
from pytest_tpgen.surface import SurfaceError, compare, load, parse, read, reading

T = TypeVar("T")
P = ParamSpec("P")
HERE = __name__


class _Missing:
    pass


MISSING = _Missing()


class Color(enum.Enum):
    RED = "red"
    BLUE = 2

    @property
    def is_warm(self) -> bool:
        return self is Color.RED


class Options(TypedDict):
    model: str
    timeout: NotRequired[float]


class Hints(TypedDict, total=False):
    model: Required[str]
    timeout: float


def logged(function: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(function)
    def wrapper(*args: P.args, **more: P.kwargs) -> T:
        return function(*args, **more)

    return wrapper


def hidden(function: Any) -> Any:
    def wrapper(*args: Any, **more: Any) -> Any:
        return function(*args, **more)

    return wrapper


class Reply: ...


class _Base(Generic[T]):
    def inherited(self, item: T) -> T:
        return item


class Agent(_Base[T]):
    limit: int = 3
    name = "agent"
    region: ClassVar[str] = "eu"

    def __init__(self, key: str, *, color: Color = Color.RED, wait: Any = MISSING) -> None:
        self.key = key
        self.calls: int = 0
        self._wait = wait

    @overload
    def chat(self, text: str, *, stream: Literal[False] = False) -> Reply: ...
    @overload
    def chat(self, text: str, *, stream: Literal[True]) -> Iterator[str]: ...
    def chat(self, text: str, *, stream: bool = False) -> Any:
        return text, stream

    def old(self, a: Optional[int], b: "Union[typing.List[str], None]" = None) -> "Reply":  # noqa: UP007, UP006, UP045
        return Reply()

    alias = old

    @logged
    async def wait(self, a: int, /, b: timedelta = timedelta(seconds=5), *more: str) -> Reply:
        return Reply()

    async def stream(self, **options: Unpack[Options]) -> AsyncIterator[str]:
        yield ""

    @contextlib.contextmanager
    def session(self) -> Iterator[Self]:
        yield self

    @contextlib.asynccontextmanager
    async def asession(self) -> AsyncIterator[Self]:
        yield self

    @property
    def is_closed(self) -> bool:
        return False

    @is_closed.setter
    def is_closed(self, value: bool) -> None: ...

    @cached_property
    def models(self) -> dict[str, tuple[int, ...]]:
        return {}

    @staticmethod
    def version() -> str:
        return ""

    @classmethod
    def from_env(cls, prefix: str = "A'B") -> Self:
        return cls(prefix)

    def _request(self, method: str, path: str, *, retries: int = 2) -> Reply:
        return Reply()

    get = partialmethod(_request, "GET")

    def call(self, run: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        return run(*args, **more)

    @functools.lru_cache  # noqa: B019
    def cached(self, size: int) -> int:
        return size

    error = LookupError

    class Meta:
        depth: int

        def title(self) -> str:
            return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: TracebackType | None) -> None: ...  # noqa: PYI036

    def __repr__(self) -> str:
        return ""

    def _private(self) -> None: ...


AGENT = """\
class Agent(Generic[T]):
    limit: int = ...
    region: ClassVar[str]
    name: str = ...
    key: str
    calls: int
    def __init__(self, key: str, *, color: Color = Color.RED, wait: Any = MISSING) -> None: ...
    @overload
    def chat(self, text: str, *, stream: Literal[False] = False) -> Reply: ...
    @overload
    def chat(self, text: str, *, stream: Literal[True]) -> Iterator[str]: ...
    def old(self, a: int | None, b: list[str] | None = None) -> Reply: ...
    def alias(self, a: int | None, b: list[str] | None = None) -> Reply: ...
    async def wait(self, a: int, /, b: timedelta = timedelta(seconds=5), *more: str) -> Reply: ...
    def stream(self, *, model: str, timeout: float = ...) -> AsyncIterator[str]: ...
    @contextmanager
    def session(self) -> Iterator[Self]: ...
    @asynccontextmanager
    def asession(self) -> AsyncIterator[Self]: ...
    @property
    def is_closed(self) -> bool: ...
    @is_closed.setter
    def is_closed(self, value: bool) -> None: ...
    @cached_property
    def models(self) -> dict[str, tuple[int, ...]]: ...
    @staticmethod
    def version() -> str: ...
    @classmethod
    def from_env(cls, prefix: str = "A'B") -> Self: ...
    def get(self, path: str, *, retries: int = 2) -> Reply: ...
    def call(self, run: Callable[P, T], *args: P.args, **more: P.kwargs) -> T: ...
    def cached(self, size: int) -> int: ...
    error: type[LookupError] = ...
    class Meta:
        depth: int
        def __init__(self) -> None: ...
        def title(self) -> str: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: TracebackType | None) -> None: ...
    def inherited(self, item: T) -> T: ...
"""


@dataclasses.dataclass
class Data:
    size: int
    names: list[str] = dataclasses.field(default_factory=list)
    seed: dataclasses.InitVar[int] = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    size: int


class Model(pydantic.BaseModel):
    size: int
    names: list[str] = pydantic.Field(default_factory=list)
    title: str | None = None


@attrs.define
class Attrs:
    size: int
    names: list[str] = attrs.field(factory=list)


class Pair(NamedTuple):
    left: int
    right: str = "x"


class _Meta(type):
    def __call__(cls, *args: Any, **more: Any) -> Any:
        return super().__call__(*args, **more)


class WithMeta(metaclass=_Meta):
    def __init__(self, size: int) -> None: ...


class WithNew:
    def __new__(cls, size: int) -> Self:
        return super().__new__(cls)


class Abstract(abc.ABC):
    @abc.abstractmethod
    def run(self) -> int: ...

    @property
    @abc.abstractmethod
    def size(self) -> int: ...


class Shape(Protocol):
    def area(self) -> float: ...


class Long:
    def run(self, first_parameter: dict[str, int], second_parameter: list[str], third: int) -> int:
        return third


class Lazy:
    """A descriptor of one's own."""

    def __init__(self, func: Any) -> None:
        self.func = func

    def __get__(self, instance: object, owner: type) -> Any:
        return self.func(instance)


class WithLazy:
    @Lazy
    def models(self) -> list[str]:
        return []


class Mode(str, enum.Enum):  # noqa: UP042
    FAST = "fast"


class Tier(enum.StrEnum):
    A = "a"


class Choosing:
    def run(self, mode: Literal[Mode.FAST] = Mode.FAST, *, tier: Tier = Tier.A) -> None: ...


def keyed(function: Any) -> Any:
    """Return a wrapper that takes other arguments than the function, all of them named."""

    @functools.wraps(function)
    def wrapper(self: Any, key: Any = None) -> Any:
        return function(self, key, 1)

    return wrapper


def checked(function: Any) -> Any:
    """Return a wrapper that names a parameter of the function, and one of its own."""

    @functools.wraps(function)
    def wrapper(self: Any, key: Any, *args: Any, _conf: int = 1, **more: Any) -> Any:
        return function(self, key, *args, **more)

    return wrapper


def collected(function: Any) -> Any:
    """Return an async generator that wraps a coroutine."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **more: Any) -> Any:
        yield await function(*args, **more)

    return wrapper


class Wrapped:
    @logged
    @functools.lru_cache  # noqa: B019
    def __init__(self, size: int) -> None: ...

    @keyed
    def one(self, key: str, size: int) -> str:
        return key * size

    @checked
    def two(self, key: Any, size: int) -> None: ...

    @collected
    async def three(self, size: int) -> AsyncIterator[str]:
        raise NotImplementedError


@final
class Places:
    both = 1
    both_stated: int | None = None
    constant: Final = 1

    def __init__(self, size: int, name: str) -> None:
        self.size, self.name = size, name
        self.first, self.second = divmod(size, 2)


class Files:
    def __get__(self, instance: object, owner: type) -> Reply:
        return Reply()


class WithFiles:
    files = Files()


@functools.total_ordering
class Sorted:
    def __lt__(self, other: "Sorted") -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


@dataclasses.dataclass(order=True, frozen=True)
class Ordered:
    size: int = 0


class Private(pydantic.BaseModel):
    size: int
    _cache: int = pydantic.PrivateAttr(0)


class _Keys(TypedDict):
    model: str


class Inheriting(_Keys, total=False):
    timeout: float


OTHERS = {
    Choosing: """\
class Choosing:
    def __init__(self) -> None: ...
    def run(self, mode: Literal[Mode.FAST] = Mode.FAST, *, tier: Tier = Tier.A) -> None: ...
""",
    Wrapped: """\
class Wrapped:
    def __init__(self, size: int) -> None: ...
    def one(self, key: str = None) -> str: ...
    def two(self, key: Any, size: int) -> None: ...
    def three(self, size: int) -> AsyncIterator[str]: ...
""",
    Places: """\
@final
class Places:
    both_stated: int | None = ...
    constant: Final = ...
    both: int = ...
    size: int
    name: str
    first = ...
    second = ...
    def __init__(self, size: int, name: str) -> None: ...
""",
    WithFiles: """\
class WithFiles:
    def __init__(self) -> None: ...
    files: Reply = ...
""",
    Sorted: """\
class Sorted:
    def __init__(self) -> None: ...
    def __lt__(self, other: Sorted) -> bool: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __gt__(self, other): ...
    def __le__(self, other): ...
    def __ge__(self, other): ...
""",
    Ordered: """\
class Ordered:
    def __init__(self, size: int = 0) -> None: ...
    @property
    def size(self) -> int: ...
    def __lt__(self, other): ...
    def __le__(self, other): ...
    def __gt__(self, other): ...
    def __ge__(self, other): ...
""",
    Private: """\
class Private(pydantic.BaseModel):
    size: int
    def __init__(self, *, size: int) -> None: ...
""",
    Inheriting: """\
class Inheriting(TypedDict):
    model: str
    timeout: NotRequired[float]
""",
    Color: """\
class Color(Enum):
    RED = "red"
    BLUE = 2
    @property
    def is_warm(self) -> bool: ...
""",
    Data: """\
class Data:
    size: int
    names: list[str]
    def __init__(self, size: int, names: list[str] = ..., seed: int = 0) -> None: ...
""",
    Frozen: """\
class Frozen:
    @property
    def size(self) -> int: ...
    def __init__(self, size: int) -> None: ...
""",
    Model: """\
class Model(pydantic.BaseModel):
    size: int
    names: list[str]
    title: str | None
    def __init__(self, *, size: int, names: list[str] = ..., title: str | None = None) -> None: ...
""",
    Attrs: """\
class Attrs:
    size: int
    names: list[str]
    def __init__(self, size: int, names: list[str] = ...) -> None: ...
""",
    Pair: """\
class Pair(NamedTuple):
    def __init__(self, left: int, right: str = "x") -> None: ...
    @property
    def left(self) -> int: ...
    @property
    def right(self) -> str: ...
""",
    WithMeta: "class WithMeta:\n    def __init__(self, size: int) -> None: ...\n",
    WithNew: "class WithNew:\n    def __init__(self, size: int) -> None: ...\n",
    Abstract: """\
class Abstract:
    def __init__(self) -> None: ...
    @abstractmethod
    def run(self) -> int: ...
    @property
    @abstractmethod
    def size(self) -> int: ...
""",
    Shape: "class Shape(Protocol):\n    def area(self) -> float: ...\n",
    Options: "class Options(TypedDict):\n    model: str\n    timeout: NotRequired[float]\n",
    Hints: "class Hints(TypedDict):\n    model: Required[str]\n    timeout: NotRequired[float]\n",
    Long: """\
class Long:
    def __init__(self) -> None: ...
    def run(
        self,
        first_parameter: dict[str, int],
        second_parameter: list[str],
        third: int,
    ) -> int: ...
""",
    WithLazy: """\
class WithLazy:
    def __init__(self) -> None: ...
    @property
    def models(self) -> list[str]: ...
""",
}


def test_an_agent() -> None:
    assert str(read(Agent)) == AGENT


@pytest.mark.parametrize("cls", OTHERS, ids=lambda cls: cls.__name__)
def test_others(cls: type) -> None:
    assert str(read(cls)) == OTHERS[cls]


@pytest.mark.parametrize("cls", [Agent, *OTHERS], ids=lambda cls: cls.__name__)
def test_a_stub_reads_as_it_was_written(cls: type) -> None:
    assert compare(parse(str(read(cls))), read(cls)) == {}
    assert parse(str(read(cls))) == read(cls)


def test_a_property_that_is_a_context_manager() -> None:
    class Paused:
        @property
        @contextlib.contextmanager
        def paused(self) -> Iterator[int]:
            yield 1

    found = read(Paused)
    lines = found.members["paused"].lines()
    assert lines == ["@property", "def paused(self) -> AbstractContextManager: ..."]
    assert not compare(parse(str(found)), found)


VERSION = metadata.version("pydantic")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (f"acme/{VERSION}", "..."),
        (VERSION, "..."),
        (("acme", VERSION), "..."),
        (f"acme/{VERSION}0", f'"acme/{VERSION}0"'),
        (f"acme/1{VERSION}", f'"acme/1{VERSION}"'),
        ("acme/1", '"acme/1"'),
        (1.4, "1.4"),
    ],
)
def test_a_default_with_the_version_of_the_package_is_not_stated(value: object, text: str) -> None:
    class Stated:
        def __init__(self, agent: Any = value) -> None: ...

    Stated.__module__ = "pydantic.main"
    parameter = read(Stated).members["__init__"].signatures[0].parameters[0]
    assert parameter.default == text


def test_a_package_without_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert reading._versions("no_such_package") == set()


def test_the_version_of_an_editable_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.4.2"\n')
    monkeypatch.chdir(tmp_path)
    assert reading._versions("no_such_package_at_all") == {"1.4.2"}


def test_annotations_as_text_give_the_same_stub() -> None:
    source = f"from __future__ import annotations\n{_source()}"
    names = {"__name__": HERE}
    exec(compile(source, __file__, "exec", dont_inherit=True), names)  # noqa: S102
    assert str(read(typing.cast(type, names["Agent"]))).replace("Enum.", "") == AGENT


def _source() -> str:

    return (
        Path(__file__).read_text(encoding="utf-8").partition("OTHERS = {")[0].partition('"""\n')[2]
    )


class Hiding:
    @hidden
    def run(self, size: int) -> int:
        return size


class HidingInit:
    @hidden
    def __init__(self, size: int) -> None: ...


def tenanted(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(self: Any, *args: Any, tenant: str, **more: Any) -> Any:
        return function(self, *args, **more)

    return wrapper


class Mixing:
    @tenanted
    def run(self, size: int) -> int:
        return size


class Passing:
    """Takes anything, and says so itself."""

    def run(self, *args: Any, **more: Any) -> None: ...


def test_refuses_a_decorator_that_hides_a_signature() -> None:
    for cls, name in ((Hiding, "run"), (HidingInit, "__init__"), (Mixing, "run")):
        with pytest.raises(SurfaceError) as refused:
            read(cls)
        assert str(refused.value) == (
            f"{cls.__name__}.{name}: its decorator hides the signature: put `@functools.wraps` on "
            "the function that the decorator returns, and let it take `*args, **kwargs`"
        )
    assert "def run(self, *args: Any, **more: Any) -> None: ..." in str(read(Passing))


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("json", "names no class"),
        ("json:Missing", "json has no Missing: if the class was removed or renamed"),
        ("no_such_module:A", "no_such_module can't be imported: ModuleNotFoundError"),
        ("json:loads", "json:loads is a function, not a class"),
    ],
)
def test_refuses_what_is_no_class(of: str, words: str) -> None:
    with pytest.raises(SurfaceError, match=words):
        load(of)


class Descriptor:
    """Such as stripe's: callable, with neither a module nor a name of a function."""

    def __get__(self, instance: object, owner: type) -> "Descriptor":
        return self

    def __call__(self, key: str) -> str:
        return key


class Odd:
    made = Descriptor()

    def at(self, when: datetime.datetime = datetime.datetime.now()) -> json: ...  # type: ignore[valid-type]  # noqa: B008


def test_odd_members() -> None:
    stub = str(read(Odd))
    # A call may make another value at each import; a module is no type.
    assert "when: datetime = datetime.datetime.now()" in stub
    assert "-> json: ..." in stub
    assert "made: Descriptor" in stub
    parse(stub)


@pytest.mark.parametrize("of", ["builtins:dict", "decimal:Decimal", "datetime:datetime"])
def test_refuses_a_class_in_c(of: str) -> None:
    with pytest.raises(SurfaceError, match="it is not written in Python"):
        read(load(of))


def test_a_class_of_the_standard_library_by_another_name() -> None:
    assert load("json:JSONDecoder").__module__ == "json.decoder"
    assert "def decode(" in str(read(load("json:JSONDecoder")))
