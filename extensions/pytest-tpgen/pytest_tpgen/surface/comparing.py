"""What a change of a class means for the code that uses it.

A change is breaking if code that was right before can fail, or do something else: at run time, or
in a type checker. Other changes are to be recorded.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from .model import CALLABLE, Member, Parameter, Signature, Surface
from .parsing import parse
from .subtypes import Types

POSITIONAL = ("positional-only", "positional")
UNKNOWN = (None, "Any", "object")
# The name of the class line, beside the names of members.
CLASS = "class"


@dataclass(frozen=True)
class Change:
    """A change of a member, in words."""

    words: str
    is_breaking: bool

    def __str__(self) -> str:
        return f"{'breaking' if self.is_breaking else 'record it'}: {self.words}"


def compare(old: Surface, new: Surface, types: Types | None = None) -> dict[str, list[Change]]:
    """Return the changes of each member, and of the class line (`class`), without unchanged ones.

    Args:
        types: the relations of the types, if the package has classes of its own.
    """
    types = types or Types()
    old = _with_variables_of(new, old)
    found = {CLASS: list(_bases(old, new, types))}
    for name in dict.fromkeys([*old.members, *new.members]):
        found[name] = compare_members(old.members.get(name), new.members.get(name), types, new)
    return {name: changes for name, changes in found.items() if changes}


def _with_variables_of(new: Surface, old: Surface) -> Surface:
    """Return a generic class with the names that its type variables have now, by position."""
    before, after = _variables(old), _variables(new)
    if before == after or len(before) != len(after):
        return old
    names = dict(zip(before, after, strict=True))
    pattern = rf"\b({'|'.join(names)})\b"
    return parse(re.sub(pattern, lambda found: names[found[1]], str(old)))


def _variables(owner: Surface) -> list[str]:
    bases = [base for base in owner.bases if base.startswith(("Generic[", "Protocol["))]
    return re.findall(r"\w+", bases[0].partition("[")[2]) if bases else []


def compare_members(
    old: Member | None, new: Member | None, types: Types, owner: Surface | None = None
) -> list[Change]:
    """Return the changes of a member of a class; None is a member that is not there."""
    if old is None and new is None:
        return []
    if new is None:
        return [_breaking(f"the {_kind(old)} was removed")]
    if old is None:
        return [_added(new, owner or Surface(""))]
    if old.lines() == new.lines():
        return []
    found = list(_member(old, new, types))
    is_protocol = owner is not None and "Protocol" in _names(owner)
    if (is_protocol or "abstractmethod" in old.decorators) and not _is_breaking(found):
        # A class that implements the old form must be right for the new one, too.
        before, after = (replace(each, decorators=(), has_default=False) for each in (old, new))
        if _is_breaking(list(_member(after, before, types))):
            found.append(_breaking("each class that implements it must be changed"))
    return found


def _added(new: Member, owner: Surface) -> Change:
    """Return the change that a new member is: breaking where others implement or take apart."""
    what = f"the {_kind(new)} was added"
    bases = _names(owner)
    if "abstractmethod" in new.decorators or "Protocol" in bases:
        return _breaking(f"{what}, and each subclass must implement it")
    if new.name == "__init_subclass__" and any(
        each.is_required for each in new.signatures[0].parameters
    ):
        return _breaking(f"{what}, and each subclass must state its arguments")
    init = owner.members.get("__init__")
    fields = {each.name for each in init.signatures[0].parameters} if init else set()
    if "NamedTuple" in bases and new.name in fields:
        return _breaking(f"{what}, and code that unpacks the tuple gets one value more")
    if "TypedDict" in bases and not (new.type or "").startswith("NotRequired["):
        return _breaking(f"{what}, and code that makes such a dictionary must state it")
    return _record(what)


def _breaking(words: str) -> Change:
    return Change(words, True)


def _record(words: str) -> Change:
    return Change(words, False)


def _kind(member: Member | None) -> str:
    return {"class": "nested class"}.get(member.kind, member.kind) if member else ""


def _names(owner: Surface) -> dict[str, str]:
    """Return the bases of a class by their names without arguments."""
    return {base.partition("[")[0]: base for base in owner.bases}


def _bases(old: Surface, new: Surface, types: Types) -> Iterator[Change]:
    before, after = _names(old), _names(new)
    if new.is_final and not old.is_final:
        yield _breaking("it became final: it can't have subclasses any more")
    elif old.is_final and not new.is_final:
        yield _record("it is not final any more")
    for name, base in before.items():
        if name in after:
            if not types.equal(base, after[name]):
                yield _breaking(f"the base {base} became {after[name]}")
        elif types.is_subclass("Self", name):
            yield _record(f"the base {base} is inherited through another one")
        else:
            yield _breaking(f"the base {base} was removed")
    for name, base in after.items():
        if name not in before:
            yield _record(f"the base {base} was added")


def _member(old: Member, new: Member, types: Types) -> Iterator[Change]:
    if old.nested and new.nested:
        for name, changes in compare(old.nested, new.nested, types).items():
            yield from (Change(f"{name}: {each.words}", each.is_breaking) for each in changes)
        return
    if (old.kind in CALLABLE) != (new.kind in CALLABLE) or "class" in (old.kind, new.kind):
        yield _breaking(f"a {_kind(old)} became a {_kind(new)}".replace("a attr", "an attr"))
        return
    added, gone = (
        [d for d in a.decorators if d not in b.decorators] for a, b in ((new, old), (old, new))
    )
    if "abstractmethod" in added:
        yield _breaking("it became abstract: each subclass must implement it")
    if "abstractmethod" in gone:
        yield _record("it is not abstract any more")
    for decorator in added:
        if decorator != "abstractmethod":
            yield _breaking(f"it became a {decorator}: callers must use `with`")
    for decorator in gone:
        if decorator != "abstractmethod":
            yield _breaking(f"it is not a {decorator} any more")
    yield from _callable(old, new, types) if old.kind in CALLABLE else _value(old, new, types)


def _value(old: Member, new: Member, types: Types) -> Iterator[Change]:
    """Yield the changes of a property or an attribute."""
    was_settable, is_settable = (
        each.is_settable or each.kind == "cached property" for each in (old, new)
    )
    if was_settable and not is_settable:
        yield _breaking("it can't be set any more")
    elif old.is_on_class and not new.is_on_class and (new.type or new.kind != "attribute"):
        yield _breaking("it is an attribute of instances only: the class has no value of it now")
    elif is_settable and not was_settable:
        yield _record("it can be set now")
    elif old.kind != new.kind:
        yield _record(f"the {old.kind} became a {new.kind}".replace("a attr", "an attr"))
    required = [not (each.type or "").startswith("NotRequired[") for each in (old, new)]
    if required[0] != required[1]:
        yield _breaking("it is required now" if required[1] else "it may be missing now")
    if old.value is not None and new.value is not None and old.value != new.value:
        yield _breaking(f"its value changed from {old.value} to {new.value}")
    if not types.equal(old.type, new.type):
        yield from _value_type(old, new, types)
    elif old.has_setter and new.has_setter and not types.equal(old.setter, new.setter):
        yield from _parameter_type("the value to set", old.setter, new.setter, types)


def _value_type(old: Member, new: Member, types: Types) -> Iterator[Change]:
    before, after = (None if each.type == "Final" else each.type for each in (old, new))
    if after is None and new.kind == "attribute":
        # Type checkers infer it: `self.url = url.strip()` has the type that `self.url = url` had.
        if before:
            yield _record(f"its type is not stated any more: it was {before}")
        return
    reading = _return_type("its type", before, after, types)
    is_stated = old.type is not None and new.type is not None
    if not reading.is_breaking and is_stated and old.is_settable and new.is_settable:
        before = old.setter if old.has_setter else old.type
        after = new.setter if new.has_setter else new.type
        if before and after and not types.accepts(after, before):
            reading = _breaking(
                f"its type was narrowed from {old.type} to {new.type}, and it can be set"
            )
    yield reading


def _return_type(what: str, old: str | None, new: str | None, types: Types) -> Change:
    if old is None:
        return _record(f"{what} is stated now: {new}")
    if new is None:
        return _breaking(f"{what} is not stated any more: it was {old}")
    if types.accepts(old, new):
        return _record(f"{what} was narrowed from {old} to {new}")
    change = "widened" if types.accepts(new, old) else "changed"
    return _breaking(f"{what} {'was ' * (change == 'widened')}{change} from {old} to {new}")


def _parameter_type(what: str, old: str | None, new: str | None, types: Types) -> Iterator[Change]:
    if types.equal(old, new):
        return
    if old is None:
        yield _record(f"the type of {what} is stated now: {new}")
    elif new is None:
        yield _record(f"the type of {what} is not stated any more: it was {old}")
    elif types.accepts(new, old):
        yield _record(f"the type of {what} was widened from {old} to {new}")
    else:
        change = "was narrowed" if types.accepts(old, new) else "changed"
        yield _breaking(f"the type of {what} {change} from {old} to {new}")


def _callable(old: Member, new: Member, types: Types) -> Iterator[Change]:
    if new.kind == "method" and old.kind != "method":
        yield _breaking(f"a {old.kind} became a method: it can't be called on the class any more")
    elif old.kind == "method" and new.kind != "method":
        yield _record(f"a method became a {new.kind}: it is called as before")
    elif old.kind != new.kind:
        yield _record(f"a {old.kind} became a {new.kind}: it is called as before")
    before, after = (
        [_as_called(old.name, _as_managed(each, s)) for s in each.signatures] for each in (old, new)
    )
    if len(before) == len(after) == 1:
        yield from _signature(before[0], after[0], types)
        return
    yield from _overloads(before, after, types)


def _as_managed(member: Member, signature: Signature) -> Signature:
    """Return the form of a context manager in which a generator is an iterator."""
    if not {"contextmanager", "asynccontextmanager"} & {*member.decorators}:
        return signature
    returns = re.sub(
        r"^(Async)?Generator\[(.+?)(, None)*\]$", r"\1Iterator[\2]", signature.returns or ""
    )
    return replace(signature, returns=returns or None)


def _as_called(name: str, signature: Signature) -> Signature:
    """Return what a call passes: Python calls a special method, such as `+`, by position only."""
    if not name.startswith("__") or name in ("__init__", "__call__", "__init_subclass__"):
        return signature
    if name in ("__exit__", "__aexit__"):
        return replace(signature, parameters=())  # always the same three
    parameters = (
        replace(each, kind="positional-only") if each.kind == "positional" else each
        for each in signature.parameters
    )
    return replace(signature, parameters=tuple(parameters))


def _overloads(old: list[Signature], new: list[Signature], types: Types) -> Iterator[Change]:
    """Yield the changes of overloads: each old one needs a new one that takes the same calls."""
    used, broken = set(), False
    for signature in old:
        results = [list(_signature(signature, each, types)) for each in new]
        fitting = [i for i, found in enumerate(results) if not _is_breaking(found)]
        exact = [i for i in fitting if not results[i]]
        if exact or fitting:
            best = (exact or fitting)[0]
            used.add(best)
            yield from results[best] if not exact else ()
            continue
        closest = min(results, key=len)
        text = ", ".join(signature.arguments())
        what = f"the overload ({text})" if len(old) > 1 else f"({text})"
        words = "; ".join(change.words for change in closest if change.is_breaking)
        yield _breaking(f"{what} has no compatible overload any more: {words}")
        broken = True
    if len(new) > len(used) and not broken:
        more = len(new) - len(used)
        yield _record(f"{more} overload{'s were' if more > 1 else ' was'} added")


def _is_breaking(changes: list[Change]) -> bool:
    return any(change.is_breaking for change in changes)


def _signature(old: Signature, new: Signature, types: Types) -> Iterator[Change]:
    yield from _parameters(old.parameters, new.parameters, types)
    if old.is_async != new.is_async:
        before, after = (
            f"Coroutine[Any, Any, {each.returns or 'Any'}]" if each.is_async else each.returns
            for each in (old, new)
        )
        if before and after and types.accepts(before, after):
            how = "is `async def` now" if new.is_async else f"returns {after} without `async def`"
            yield _record(f"it {how}: callers await it as before")
        elif old.is_async:
            yield _breaking("it was async and is not any more: callers await it")
        else:
            yield _breaking("it became async: callers must await it")
    elif not types.equal(old.returns, new.returns):
        yield _return_type("the return type", old.returns, new.returns, types)


def _parameters(
    old: tuple[Parameter, ...], new: tuple[Parameter, ...], types: Types
) -> Iterator[Change]:
    pairs = _pairs(old, new)
    partners = {after.name: before for before, after in pairs if before and after}
    kinds = [each.kind for each in old]
    # What goes to `**options: Any` is not known; `**labels: str` are values of the caller.
    typed = [each for each in old if each.kind == "keywords" and each.annotation not in UNKNOWN]
    for before, after in pairs:
        if before and after:
            yield from _pair(before, after, types)
            has_name = before.kind == "positional-only" and after.kind == "positional"
            if has_name and "keywords" in kinds:
                yield _breaking(f"`{after.name}` takes an argument that went to `**` before")
        elif before:
            yield _removed(before, new)
    common = _positional(new, partners)
    yield from _order(old, new, partners, common)
    for each in new:
        if each.name in partners:
            continue
        if each.is_required:
            yield _breaking(f"`{each.name}` was added and is required")
        elif each.is_variadic:
            stars = "**" if each.kind == "keywords" else "*"
            yield _record(f"`{stars}{each.name}` was added")
        elif each.kind in POSITIONAL and (later := _after(each, new, common)):
            yield _breaking(
                f"`{each.name}` was added before `{later.name}`: positional arguments shift"
            )
        elif each.kind in POSITIONAL and "variadic" in kinds:
            yield _breaking(f"`{each.name}` takes an argument that went to `*` before")
        elif each.kind != "positional-only" and typed:
            yield _breaking(f"`{each.name}` takes an argument that went to `**` before")
        else:
            yield _record(f"`{each.name}` was added and is optional")


def _pairs(
    old: tuple[Parameter, ...], new: tuple[Parameter, ...]
) -> list[tuple[Parameter | None, Parameter | None]]:
    """Return each old parameter with the new one that takes its arguments."""
    found: dict[str, Parameter] = {}
    for kind in ("variadic", "keywords"):
        before, after = ([each for each in side if each.kind == kind] for side in (old, new))
        if before and after:
            found[before[0].name] = after[0]
    by_name = {each.name: each for each in new if not each.is_variadic}
    positional = [each for each in new if each.kind in POSITIONAL]
    for index, each in enumerate(old):
        if each.is_variadic:
            continue
        if each.kind != "positional-only" and each.name in by_name:
            found[each.name] = by_name[each.name]
        elif each.kind == "positional-only" and index < len(positional):
            # Its name does not matter, unless it only changed its place.
            found[each.name] = by_name.get(each.name, positional[index])
    # A parameter of the same place, or of the same type, was renamed.
    names = {each.name for each in old}
    free = [
        each
        for each in new
        if each not in found.values() and not each.is_variadic and each.name not in names
    ]
    lost = [each for each in old if each.name not in found and not each.is_variadic]
    for each in lost:
        place = [other for other in free if _is_renamed(each, other, old, new)]
        if place:
            found[each.name] = place[0]
            free.remove(place[0])
    return [(each, found.get(each.name)) for each in old]


def _is_renamed(
    before: Parameter, after: Parameter, old: tuple[Parameter, ...], new: tuple[Parameter, ...]
) -> bool:
    """Return whether a parameter that is gone is another one that is new."""
    if before.kind in POSITIONAL:
        is_same = before.annotation == after.annotation or len(old) == len(new)
        return after.kind in POSITIONAL and old.index(before) == new.index(after) and is_same
    alike = (before.annotation, before.default) == (after.annotation, after.default)
    return after.kind == "keyword-only" and alike and len(old) == len(new)


def _pair(before: Parameter, after: Parameter, types: Types) -> Iterator[Change]:
    name = f"`{after.name}`"
    if before.is_variadic:
        stars = "**" if before.kind == "keywords" else "*"
        if before.name != after.name:
            yield _record(f"`{stars}{before.name}` is named `{stars}{after.name}` now")
        what = f"`{stars}{after.name}`"
        yield from _parameter_type(what, before.annotation, after.annotation, types)
        return
    if before.name != after.name:
        words = f"`{before.name}` was renamed to {name}"
        if before.kind == "positional-only":
            yield _record(f"{words}; it is passed by position only")
        else:
            yield _breaking(words)
    if before.kind != after.kind:
        yield _kind_change(name, before, after)
    if before.default is None and after.default is not None:
        yield _record(f"{name} is optional now")
    elif before.default is not None and after.default is None:
        yield _breaking(f"{name} is required now")
    elif before.default != after.default and _number(before.default) != _number(after.default):
        change = f"the default of {name} changed from {before.default} to {after.default}"
        is_unknown = "..." in (before.default, after.default)
        yield _record(change) if is_unknown else _breaking(change)
    yield from _parameter_type(name, before.annotation, after.annotation, types)


def _number(default: str | None) -> Decimal | str | None:
    """Return a default as a number, so that 30 equals 30.0; its text if it is something else."""
    with suppress(ArithmeticError):
        return Decimal(default or "")
    return default


def _kind_change(name: str, before: Parameter, after: Parameter) -> Change:
    if after.kind == "positional-only":
        return _breaking(f"{name} can't be passed by name any more")
    if after.kind == "keyword-only":
        return _breaking(f"{name} can't be passed by position any more")
    how = "name" if before.kind == "positional-only" else "position"
    return _record(f"{name} can be passed by {how} too")


def _removed(before: Parameter, new: tuple[Parameter, ...]) -> Change:
    kinds = {each.kind: each.name for each in new}
    name = f"*{before.name}" if before.kind == "variadic" else before.name
    name = f"**{before.name}" if before.kind == "keywords" else name
    words = f"`{name}` was removed"
    if before.kind == "positional-only" and "variadic" in kinds:
        return _record(f"{words}: `*{kinds['variadic']}` takes its argument")
    if not before.is_variadic and "keywords" in kinds:
        words += f": `**{kinds['keywords']}` takes its argument, and no type or default is known"
    return _breaking(words)


def _order(
    old: tuple[Parameter, ...],
    new: tuple[Parameter, ...],
    partners: dict[str, Parameter],
    common: list[Parameter],
) -> Iterator[Change]:
    """Yield a change if arguments that are passed by position reach another parameter."""
    places = [old.index(partners[each.name]) for each in common]
    pairs = zip(common, places, sorted(places), strict=True)
    moved = [f"`{each.name}`" for each, place, right in pairs if place != right]
    if moved:
        yield _breaking(f"{' and '.join(moved)} changed places")
    # A keyword-only parameter that comes before one that is passed by position.
    for each in new:
        before = partners.get(each.name)
        if before is None or before.kind != "keyword-only" or each.kind not in POSITIONAL:
            continue
        if later := _after(each, new, common):
            yield _breaking(
                f"`{each.name}` stands before `{later.name}`: positional arguments shift"
            )
        elif any(other.kind == "variadic" for other in old):
            yield _breaking(f"`{each.name}` takes an argument that went to `*` before")


def _positional(new: tuple[Parameter, ...], partners: dict[str, Parameter]) -> list[Parameter]:
    """Return the parameters that both have, and that are passed by position in both."""
    return [
        each
        for each in new
        if each.name in partners and each.kind in POSITIONAL
        if partners[each.name].kind in POSITIONAL
    ]


def _after(
    each: Parameter, new: tuple[Parameter, ...], common: list[Parameter]
) -> Parameter | None:
    return next((other for other in common if new.index(other) > new.index(each)), None)
