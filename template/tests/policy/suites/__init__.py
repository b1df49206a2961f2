"""The required cases of each kind of component, once; a test class inherits them.

A subclass says the facts of one component. What it forgot to say fails with the line to add.
"""

from typing import Any, NoReturn

import pytest


class Required:
    """A fact that every subclass must state.

    Args:
        example: the line to add, as a person would write it.
    """

    def __init__(self, example: str) -> None:
        self.example = example

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else missing(owner, self.example)


def missing(owner: type, example: str) -> NoReturn:
    """Fail the case, with the line that the class lacks."""
    pytest.fail(
        f"{owner.__name__} leaves something open; add to it:\n\n    {example}", pytrace=False
    )
