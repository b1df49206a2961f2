"""Check constraints as simple conditions: `amount > 0`, `rate BETWEEN 0 AND 1`, `kind IN ('a')`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NUMBER = r"-?\d+(?:\.\d+)?"
TEXT = r"'(?:[^']|'')*'"
# Parentheses, quotes, casts and names of tables do not change the meaning of a simple condition.
IGNORED = r'::\w+(?: varying)?|"?\w+"?\.(?=[A-Za-z_"])|[()"]'
TOKENS = rf"{IGNORED}|({TEXT}|{NUMBER}|\w+|[<>=!~]+|\S)"
REWRITES = {
    # A factory leaves out a column that may be null, unless the model requires a value.
    r"^\w+ IS NULL OR ": "",
    r"(\w+) BETWEEN (\S+) AND (\S+)": r"\1 >= \2 AND \1 <= \3",
}
CHOICE = rf"(\w+) (?:IN|=) ({TEXT}|{NUMBER})(?: , (?:{TEXT}|{NUMBER}))*"
COMPARISON = rf"(\w+) (<=|>=|<|>) ({NUMBER})"


@dataclass(frozen=True)
class Condition:
    """A part of a check that one attribute must meet.

    Attributes:
        operator: a comparison, or `in`.
        operand: a number, or the first choice as a Python literal.
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
    text = " ".join(filter(None, re.findall(TOKENS, check)))
    for pattern, replacement in REWRITES.items():
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    parts = re.split(" AND ", text, flags=re.IGNORECASE)
    found = [_condition(part, columns) for part in parts]
    return None if None in found else [condition for condition in found if condition]


def _condition(text: str, columns: Mapping[str, str]) -> Condition | None:
    if match := re.fullmatch(COMPARISON, text):
        name, operator, operand = match.groups()
    elif match := re.fullmatch(CHOICE, text, re.IGNORECASE):
        name, operator, operand = match[1], "in", match[2]
        if operand.startswith("'"):
            operand = repr(operand[1:-1].replace("''", "'"))
    else:
        return None
    return Condition(columns[name], operator, operand) if name in columns else None
