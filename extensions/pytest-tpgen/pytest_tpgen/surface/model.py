"""The surface of a class as data, and its text: that of a class in a stub file (`.pyi`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["positional-only", "positional", "variadic", "keyword-only", "keywords"]
MemberKind = Literal[
    "constructor",
    "method",
    "class method",
    "static method",
    "property",
    "cached property",
    "attribute",
    "class",
]
CALLABLE = ("constructor", "method", "class method", "static method")
LINE_LENGTH = 100
INDENT = "    "


class SurfaceError(ValueError):
    """The surface of a class can't be read: one sentence."""


@dataclass(frozen=True)
class Parameter:
    """A parameter; `annotation` and `default` are texts, None if there is none."""

    name: str
    kind: Kind = "positional"
    annotation: str | None = None
    default: str | None = None

    @property
    def is_variadic(self) -> bool:
        return self.kind in ("variadic", "keywords")

    @property
    def is_required(self) -> bool:
        return self.default is None and not self.is_variadic

    def __str__(self) -> str:
        stars = {"variadic": "*", "keywords": "**"}.get(self.kind, "")
        text = f"{stars}{self.name}"
        if self.annotation is not None:
            text += f": {self.annotation}"
        if self.default is not None:
            text += f" = {self.default}" if self.annotation is not None else f"={self.default}"
        return text


@dataclass(frozen=True)
class Signature:
    """The parameters of a callable, without `self` and `cls`, and what it returns."""

    parameters: tuple[Parameter, ...] = ()
    returns: str | None = None
    is_async: bool = False

    def arguments(self, first: str = "") -> list[str]:
        """Return the parameters as text, with `/` and `*` where they belong."""
        texts = [first] if first else []
        last = max(
            (i for i, p in enumerate(self.parameters) if p.kind == "positional-only"), default=-1
        )
        has_star = False
        for index, parameter in enumerate(self.parameters):
            if parameter.kind == "keyword-only" and not has_star:
                texts.append("*")
            has_star = has_star or parameter.kind in ("variadic", "keyword-only")
            texts.append(str(parameter))
            if index == last:
                texts.append("/")
        return texts


@dataclass(frozen=True)
class Member:
    """A public member of a class.

    Attributes:
        signatures: of a callable: one, or one for each overload.
        type: of a property or an attribute; None if it is not stated.
        setter: the type that a property can be set to; None if it can't be set.
        value: of a member of an enumeration.
        has_default: the class has a value of the attribute, not only its instances.
        decorators: those that change how it is used, such as `contextmanager`.
        nested: the surface of a nested class.
    """

    name: str
    kind: MemberKind
    signatures: tuple[Signature, ...] = ()
    type: str | None = None
    setter: str | None = None
    has_setter: bool = False
    value: str | None = None
    has_default: bool = False
    decorators: tuple[str, ...] = ()
    nested: "Surface | None" = None

    @property
    def is_settable(self) -> bool:
        is_constant = (self.type or "").startswith(("ClassVar", "Final")) or self.value is not None
        return self.has_setter or (self.kind == "attribute" and not is_constant)

    @property
    def is_on_class(self) -> bool:
        return self.has_default or (self.type or "").startswith("ClassVar")

    def lines(self) -> list[str]:
        """Return its lines in a stub, without indentation."""
        if self.nested:
            return self.nested.lines()
        if self.kind == "attribute":
            kind = "" if self.type is None else f": {self.type}"
            value = self.value or ("..." if self.type is None or self.has_default else None)
            return [f"{self.name}{kind}" + (f" = {value}" if value else "")]
        if self.kind in ("property", "cached property"):
            return list(self._property())
        return [line for signature in self.signatures for line in self._function(signature)]

    def _property(self) -> Iterator[str]:
        yield f"@{self.kind.replace('cached ', 'cached_')}"
        yield from (f"@{decorator}" for decorator in self.decorators)
        returns = f" -> {self.type}" if self.type is not None else ""
        yield f"def {self.name}(self){returns}: ..."
        if self.has_setter:
            kind = f": {self.setter}" if self.setter is not None else ""
            yield f"@{self.name}.setter"
            yield f"def {self.name}(self, value{kind}) -> None: ..."

    def _function(self, signature: Signature) -> Iterator[str]:
        if len(self.signatures) > 1:
            yield "@overload"
        if self.kind in ("class method", "static method"):
            yield f"@{self.kind.replace(' ', '')}"
        yield from (f"@{decorator}" for decorator in self.decorators)
        first = {"class method": "cls", "static method": ""}.get(self.kind, "self")
        start = f"{'async ' * signature.is_async}def {self.name}("
        returns = f" -> {signature.returns}" if signature.returns is not None else ""
        end = f"){returns}: ..."
        arguments = signature.arguments(first)
        line = f"{start}{', '.join(arguments)}{end}"
        if len(INDENT + line) <= LINE_LENGTH:
            yield line
            return
        yield start
        yield from (f"{INDENT}{argument}," for argument in arguments)
        yield end


@dataclass(frozen=True)
class Surface:
    """The public surface of a class: its public bases and members, and whether it is final."""

    name: str
    bases: tuple[str, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    is_final: bool = False

    @property
    def header(self) -> list[str]:
        line = f"class {self.name}({', '.join(self.bases)}):".replace("():", ":")
        return ["@final", line] if self.is_final else [line]

    def lines(self) -> list[str]:
        body = [f"{INDENT}{line}" for each in self.members.values() for line in each.lines()]
        return [*self.header, *(body or [f"{INDENT}..."])]

    def __str__(self) -> str:
        return "\n".join(self.lines()) + "\n"
