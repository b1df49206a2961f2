"""Check constraints as simple conditions: `amount > 0`, `rate BETWEEN 0 AND 1`, `kind IN ('a')`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
NAME = r'(?:"?\w+"?\.)?"?([A-Za-z_]\w*)"?(?:::\w+)?'
NUMBER = r"\(?(-?\d+(?:\.\d+)?)\)?(?:::\w+)?"
TEXT = r"'((?:[^']|'')*)'(?:::[\w ]+)?"
OPERATOR = r"(<=|>=|<|>|=)"
LENGTH = rf"(?:char_length|character_length|length)\s*\(\s*(?:TRIM\()?{NAME}\)?\s*\)"
LIST = r"(?:IN\s*\(|=\s*ANY\s*\(\s*\(?\s*ARRAY\s*\[)(.*?)\]?\)*(?:::[\w\[\]]+\)*)?"


@dataclass(frozen=True)
class Condition:
    """What one part of a check asks of an attribute.

    Attributes:
        name: the attribute.
        operator: a comparison; `in`; `length` and a comparison; or that of a form: `~`, `~*`,
            `like`, `ilike`, `upper` or `lower`.
        operand: what it is compared with: numbers or texts as Python has them, or an attribute.
    """

    name: str
    operator: str
    operand: str


def conditions(check: str, columns: Mapping[str, str]) -> list[Condition] | None:
    """Read a check.

    Args:
        check: the text of the constraint.
        columns: the attributes of the model, by the names of their columns.

    Returns:
        What it asks, all of it; None where that is more than simple conditions.
    """
    # Spaces within a text count.
    text = re.sub(r"('(?:[^']|'')*')|\s+", lambda m: m[1] or " ", check).strip()
    # A column that may be null is asked only where it is not.
    text = re.sub(rf"^\(?{NAME} IS NULL\)? OR ", "", text, flags=re.IGNORECASE)
    text = re.sub(
        rf"({LENGTH}|{NAME}) BETWEEN (\S+) AND ([^\s)]+)",
        lambda m: f"{m[1]} >= {m[4]} AND {m[1]} <= {m[5]}",
        text,
        flags=re.IGNORECASE,
    )
    found = [
        _condition(part, columns) for part in re.split(r" AND ", _bare(text), flags=re.IGNORECASE)
    ]
    return None if None in found else [each for each in found if each]


def mentioned(check: str, columns: Mapping[str, str]) -> list[str]:
    """The attributes that a check speaks of."""
    words = re.findall(r"\w+", re.sub(TEXT, "", check))
    return [columns[word] for word in words if word in columns]


def _condition(text: str, columns: Mapping[str, str]) -> Condition | None:
    for pattern, make in PATTERNS.items():
        if match := re.fullmatch(pattern, _bare(text), flags=re.IGNORECASE):
            condition = make(match)
            return _with_attributes(condition, columns)
    return None


def _with_attributes(condition: Condition, columns: Mapping[str, str]) -> Condition | None:
    if condition.operator in {"upper", "lower"}:
        same = condition.name == condition.operand and condition.name in columns
        return Condition(columns[condition.name], condition.operator, "") if same else None
    operand = columns.get(condition.operand, condition.operand)
    unknown = condition.operand.isidentifier() and condition.operand not in columns
    if condition.name not in columns or unknown:
        return None
    return Condition(columns[condition.name], condition.operator, operand)


def _bare(text: str) -> str:
    """The text without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _balanced(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _choices(match: re.Match[str]) -> Condition:
    items = re.findall(rf"{TEXT}|{NUMBER}", match[2])
    return Condition(match[1], "in", ", ".join(number or _python(text) for text, number in items))


def _form(match: re.Match[str]) -> Condition:
    operator = {"~~": "like", "~~*": "ilike"}.get(match[2], match[2].lower())
    return Condition(match[1], operator, _python(match[3]))


def _python(text: str) -> str:
    """A literal of SQL, without its quotes, as one of Python."""
    return quoted(text.replace("''", "'"))


def quoted(text: str) -> str:
    """The text as a literal of Python, in double quotes where they do."""
    return repr(text) if '"' in text or "\\" in text or "\n" in text else f'"{text}"'


PATTERNS: Mapping[str, Callable[[re.Match[str]], Condition]] = {
    rf"{NAME} ?{OPERATOR} ?{NUMBER}": lambda m: Condition(m[1], m[2], m[3]),
    rf"{NUMBER} ?{OPERATOR} ?{NAME}": lambda m: Condition(m[3], FLIPPED[m[2]], m[1]),
    rf"{NAME} ?{OPERATOR} ?{NAME}": lambda m: Condition(m[1], m[2], m[3]),
    rf"{LENGTH} ?{OPERATOR} ?{NUMBER}": lambda m: Condition(m[1], f"length {m[2]}", m[3]),
    rf"{NAME} ?(?:<>|!=) ?''": lambda m: Condition(m[1], "length >", "0"),
    rf"{NAME} ?= ?{TEXT}": lambda m: Condition(m[1], "in", _python(m[2])),
    rf"{NAME} {LIST}": _choices,
    rf"{NAME} ?(~\*?|LIKE|ILIKE|~~\*?) ?{TEXT}": _form,
    rf"{NAME} ?= ?(upper|lower)\s*\(\s*{NAME}\s*\)": lambda m: Condition(m[1], m[2].lower(), m[3]),
    rf"(upper|lower)\s*\(\s*{NAME}\s*\) ?= ?{NAME}": lambda m: Condition(m[2], m[1].lower(), m[3]),
}
