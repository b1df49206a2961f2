"""What numbers of people have in common: where they end, and whether they are somebody's."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

BEFORE, AFTER = r"(?<![\w.+/-])", r"(?![\w/=+-]|\.\d)"


@dataclass(frozen=True)
class Person:
    """Something of a person: where it begins, and what it is."""

    offset: int
    what: str


def is_made_up(number: str) -> bool:
    """Whether anybody sees that a number is nobody's: a row, or the same again and again."""
    digits = re.sub(r"\D", "", number)
    if len(set(digits)) <= 3 or re.search(r"(\d)\1{4}", digits):
        return True
    return any(row in digits for row in ("123456", "234567", "345678", "987654", "876543"))


def is_valid(module: str, number: str) -> bool:
    """Whether a module of python-stdnum takes a number; any will do where there is none."""
    if not module:
        return True
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return check(number)
