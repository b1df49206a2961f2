"""Check constraints as simple conditions: `amount > 0`, `rate BETWEEN 0 AND 1`, `kind IN ('a')`."""

import re
from collections.abc import Mapping
from typing import NamedTuple

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


class Condition(NamedTuple):
    """A part of a check that an attribute must meet: a comparison with a number, or `in`.

    The operand of `in` is the first choice, as a Python literal.
    """

    name: str
    operator: str
    operand: str


def conditions(check: str, columns: Mapping[str, str]) -> list[Condition] | None:
    """Return the conditions of a check, or None if it is more than simple conditions.

    `columns` are the attributes of the model, by the names of their columns.
    """
    text = " ".join(filter(None, re.findall(TOKENS, check)))
    for pattern, replacement in REWRITES.items():
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    found = []
    for part in re.split(" AND ", text, flags=re.IGNORECASE):
        if match := re.fullmatch(COMPARISON, part):
            name, operator, operand = match.groups()
        elif match := re.fullmatch(CHOICE, part, re.IGNORECASE):
            name, operator, operand = match[1], "in", match[2]
            if operand.startswith("'"):
                operand = repr(operand[1:-1].replace("''", "'"))
        if not match or name not in columns:
            return None
        found.append(Condition(columns[name], operator, operand))
    return found
