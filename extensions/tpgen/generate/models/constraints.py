"""Check constraints as simple conditions: `amount > 0`, `rate BETWEEN 0 AND 1`, `kind IN ('a')`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
NAME = r'(?:"?\w+"?\.)?"?([A-Za-z_]\w*)"?(?:::\w+)?'
NUMBER = r"\(?(-?\d+(?:\.\d+)?)\)?(?:::\w+)?"
TEXT = r"'((?:[^']|'')*)'(?:::[\w ]+)?"
OPERATOR = r"(<=|>=|<|>|=)"
LENGTH = rf"(?:char_length|character_length|length)\s*\(\s*(?:b?TRIM\()?{NAME}\)?\s*\)"


@dataclass(frozen=True)
class Condition:
    """A part of a check that one attribute must meet.

    Attributes:
        name: the attribute.
        operator: a comparison; `in`; or `length` and a comparison.
        operand: numbers or texts as Python literals, or another attribute.
    """

    name: str
    operator: str
    operand: str


def conditions(check: str, columns: Mapping[str, str]) -> list[Condition] | None:
    """Return the conditions of a check, or None if it is more than simple conditions.

    Args:
        check: the text of the constraint.
        columns: the attributes of the model, by the names of their columns.
    """
    # Spaces within a text count.
    text = re.sub(r"('(?:[^']|'')*')|\s+", lambda m: m[1] or " ", check).strip()
    # A factory leaves out a column that may be null, unless the model requires a value.
    text = re.sub(rf"^\(?{NAME} IS NULL\)? OR ", "", text, flags=re.IGNORECASE)
    text = re.sub(
        rf"({LENGTH}|{NAME}) BETWEEN (\S+) AND ([^\s)]+)",
        lambda m: f"{m[1]} >= {m[4]} AND {m[1]} <= {m[5]}",
        text,
        flags=re.IGNORECASE,
    )
    parts = re.split(r" AND ", _bare(text), flags=re.IGNORECASE)
    found = [_condition(part, columns) for part in parts]
    return None if None in found else [condition for condition in found if condition]


def mentioned(check: str, columns: Mapping[str, str]) -> list[str]:
    """Return the attributes whose columns a check names."""
    words = re.findall(r"\w+", re.sub(TEXT, "", check))
    return [columns[word] for word in words if word in columns]


def quoted(text: str) -> str:
    """Return the text as a Python literal, in double quotes if they need no escape."""
    return repr(text) if '"' in text or "\\" in text or "\n" in text else f'"{text}"'


def _condition(text: str, columns: Mapping[str, str]) -> Condition | None:
    for pattern, make in PATTERNS.items():
        if match := re.fullmatch(pattern, _bare(text), flags=re.IGNORECASE):
            name, operator, operand = make(match)
            is_unknown = operand.isidentifier() and operand not in columns
            if name not in columns or is_unknown:
                return None
            return Condition(columns[name], operator, columns.get(operand, operand))
    return None


def _bare(text: str) -> str:
    """Return the text without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _is_balanced(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _choices(items: str) -> str:
    found = re.findall(rf"{TEXT}|{NUMBER}", items)
    return ", ".join(number or quoted(text.replace("''", "'")) for text, number in found)


PATTERNS: Mapping[str, Callable[[re.Match[str]], tuple[str, str, str]]] = {
    rf"{NAME} ?{OPERATOR} ?{NUMBER}": lambda m: (m[1], m[2], m[3]),
    rf"{NUMBER} ?{OPERATOR} ?{NAME}": lambda m: (m[3], FLIPPED[m[2]], m[1]),
    rf"{NAME} ?{OPERATOR} ?{NAME}": lambda m: (m[1], m[2], m[3]),
    rf"{LENGTH} ?{OPERATOR} ?{NUMBER}": lambda m: (m[1], f"length {m[2]}", m[3]),
    rf"{NAME} ?(?:<>|!=) ?''": lambda m: (m[1], "length >", "0"),
    rf"{NAME} ?= ?({TEXT})": lambda m: (m[1], "in", _choices(m[2])),
    rf"{NAME} IN ?\((.*)\)": lambda m: (m[1], "in", _choices(m[2])),
}
