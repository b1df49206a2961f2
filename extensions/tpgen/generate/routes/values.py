"""Valid values of a schema, changes that make them malformed, and the Python source of both."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tpgen.core.errors import UserError

from .schemas import FORMATS, NEVER, Node

Place = tuple[str | int, ...]

# A longer text or list would cost memory and time, and show nothing more.
LONGEST = 10_000
# How far beyond a bound the nearest malformed number is.
BOUNDS = {"minimum": -1, "maximum": 1, "exclusiveMinimum": 0, "exclusiveMaximum": 0}
# A repetition of this length or longer is written as one: `201 * "x"`.
REPEATED = 12


@dataclass(frozen=True)
class Change:
    """One change of a value: at a place, by keys and indexes, put another value or remove it."""

    place: Place
    value: Any = None
    is_removal: bool = False

    @property
    def source(self) -> str:
        """Return a call such as `without("json.text")` or `with_value("params.limit", 0)`."""
        names = source(".".join(map(str, self.place)))
        changed = f"with_value({names}, {source(self.value)})"
        return f"without({names})" if self.is_removal else changed

    def below(self, *steps: str | int) -> "Change":
        """Return the same change of a value that holds the changed one at a place."""
        return replace(self, place=(*steps, *self.place))

    def apply(self, value: Any) -> Any:
        """Return the changed value; the given one stays as it is."""
        if not self.place:
            return self.value
        step, *rest = self.place
        copy: Any = value.copy() if value else {}
        if self.is_removal and not rest:
            del copy[step]
        else:
            inner = copy.get(step) if isinstance(copy, dict) else copy[step]
            copy[step] = replace(self, place=tuple(rest)).apply(inner)
        return copy


def valid(node: Node) -> Any:
    """Return a readable value of a schema, which the app may refuse only for a rare rule."""
    if found := _first(node):
        return found[0]
    raise UserError(
        f"found no value that the schema of {node.name} accepts: give it an example in the "
        "source, as `Field(examples=[…])`, and run this again"
    )


def other(node: Node, value: Any) -> dict[str, Any] | None:
    """Return a valid object that differs in one property, not the id of a row; None if unknown."""
    for name, child in node.branch_of(value).properties.items():
        old = value.get(name)
        new = [other(child, old)] if isinstance(old, dict) else _candidates(child)
        for changed in new:
            found = {**value, name: changed}
            if changed not in (None, old) and not names_a_row(name) and node.accepts(found):
                return found
    return None


def references(node: Node, value: Any) -> Iterator[Place]:
    """Yield the places in a valid value that must name a row; of a list, only in its first item."""
    node = node.branch_of(value)
    if isinstance(value, list) and value:
        yield from ((0, *place) for place in references(node.items, value[0]))
    elif isinstance(value, dict):
        for name, child in node.properties.items():
            if name in value:
                chosen = child.branch_of(value[name])
                is_uuid = chosen.rules.get("format", "").startswith("uuid")
                if names_a_row(name) and (chosen.kind == "integer" or is_uuid):
                    yield (name,)
                yield from ((name, *place) for place in references(chosen, value[name]))


def names_a_row(name: str) -> bool:
    """Return whether the name of a property says that its value is the id of something."""
    return bool(re.search(r"(^|[_-])id$|[a-z]Id$", name))


def violations(node: Node, value: Any) -> Iterator[Change]:
    """Yield changes that make a valid value malformed: each removes or breaks one part of it."""
    yield from (change for change in _changes(node, value) if not node.accepts(change.apply(value)))


def _changes(node: Node, value: Any) -> Iterator[Change]:
    node = node.branch_of(value)
    yield from (Change((), wrong) for wrong in _wrong_values(node, value))
    if isinstance(value, list) and value:
        yield from (change.below(0) for change in violations(node.items, value[0]))
    elif isinstance(value, dict):
        yield from (Change((name,), is_removal=True) for name in node.rules.get("required", ()))
        for name, child in node.properties.items():
            for inner in [value[name]] if name in value else _first(child):
                for change in violations(child, inner):
                    is_whole = name not in value
                    yield Change((name,), change.apply(inner)) if is_whole else change.below(name)
        if node.rules.get("additionalProperties") is False:
            yield Change(("unknown",), 1)


def _wrong_values(node: Node, value: Any) -> Iterator[Any]:
    """Yield values instead of a whole one: of another type or format, and beyond the bounds."""
    rules = node.rules
    if members := rules.get("enum") or ([rules["const"]] if "const" in rules else []):
        are_numbers = all(isinstance(member, int | float) for member in members)
        yield max(members) + 1 if are_numbers else f"no-{_word(node)}"
        return
    if node.kind == "string" and rules.get("format") in FORMATS:
        yield f"no-{rules['format']}"
    elif node.kind not in ("", "null"):
        yield 7 if node.kind == "string" else "wrong"
    yield from (rules[bound] + beyond for bound, beyond in BOUNDS.items() if bound in rules)
    if isinstance(value, str | list):
        least = rules.get("minLength") or rules.get("minItems") or 0
        most = rules.get("maxLength") or rules.get("maxItems") or LONGEST
        if least:
            yield value[: least - 1]
        # A set accepts equal items.
        if most < LONGEST and "uniqueItems" not in rules:
            yield (most + 1) * value[:1]
        if "pattern" in rules:
            yield max(least, 1) * "!"


def _first(node: Node) -> list[Any]:
    """Return the first value that a schema accepts, else the likeliest one, if there is one."""
    candidates = list(_candidates(node))
    return [*filter(node.accepts, candidates), *candidates][:1]


def _candidates(node: Node) -> Iterator[Any]:
    """Yield values that the schema may accept, the most readable first."""
    rules = node.rules
    if rules == NEVER:
        return
    yield from rules.get("examples", ())
    yield from (rules[word] for word in ("example", "const") if word in rules)
    yield from rules.get("enum", ())
    for branch in node.branches:
        yield from _candidates(branch)
    if not node.branches:
        yield from _made(node)
    if rules.get("default") is not None:
        yield rules["default"]


def _made(node: Node) -> Iterator[Any]:
    rules = node.rules
    match node.kind:
        case "object":
            children = node.properties
            required = [name for name in rules.get("required", ()) if name in children]
            values = {name: _first(children[name]) for name in required}
            if all(values.values()):
                yield {name: value for name, [value] in values.items()}
        case "array":
            least = rules.get("minItems", 0)
            item = _first(node.items)
            yield from (count * item for count in (max(least, 1), least + 1, least))
        case "integer" | "number":
            low = rules.get("minimum", rules.get("exclusiveMinimum", 0))
            high = rules.get("maximum", rules.get("exclusiveMaximum", low + 2))
            around = (low, low + 1, high, high - 1, (low + high) / 2)
            yield from (1, 2, *around, rules.get("multipleOf", 0))
        case "boolean":
            yield from (False, True)
        case "null":
            yield None
        case _:
            yield from FORMATS.get(rules.get("format", ""), ())[:2]
            word = _word(node)
            plain = word.replace("-", "")
            least = rules.get("minLength", 0)
            for text in (word, f"{word}-2", word.replace("-", "_"), plain, plain.upper(), "1", "2"):
                yield text[: rules.get("maxLength")].ljust(least, text[-1])


def _word(node: Node) -> str:
    """Return the name of a node in lowercase words with dashes: `page-token` for `pageToken`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", node.name).lower()
    return re.sub(r"[^a-z0-9]+", "-", parted).strip("-") or "text"


def source(value: Any) -> str:
    """Return a value as Python source with double quotes, and repetitions as `201 * "x"`."""
    if isinstance(value, str | list) and len(value) >= REPEATED and value == len(value) * value[:1]:
        return f"{len(value)} * {source(value[:1])}"
    if isinstance(value, dict):
        pairs = (f"{source(key)}: {source(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
