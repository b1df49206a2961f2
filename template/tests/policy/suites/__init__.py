"""The required cases of each kind of component, once; a test class inherits them.

A subclass says the facts of one component. What it leaves blank fails with the lines to write.
"""

import inspect
import re
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, NoReturn

import pytest


class Suite:
    """Base of the suites.

    `class TestRest(StepSuite, only=["test_redacts"])` inherits these cases and no other: for a
    file that has the others in words of its own.
    """

    def __init_subclass__(cls, only: Collection[str] | None = None) -> None:
        super().__init_subclass__()
        inherited = {name for name in dir(cls) if name.startswith("test")} - set(vars(cls))
        for case in inherited - set(inherited if only is None else only):
            setattr(cls, case, None)


class Blank:
    """Facts that no one has stated: a test that asks for one fails, with the lines to write.

    It stands for the member that it is given to, and for each that its lines state.
    """

    def __init__(self, lines: str, place: str) -> None:
        self.lines = lines
        self.place = place

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner = owner
        for fact in re.findall(r"^(\w+)[^=\n]* = ", dedent(self.lines), re.MULTILINE):
            if fact not in vars(owner):
                setattr(owner, fact, self)

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        return fill_in(self.lines, self.place if owner is self.owner else _place_of(owner))


def blank(lines: str) -> Any:
    """Stand for what a person must say: in a test class, or in the body of a function.

    Args:
        lines: an example of what to write in its place.
    """
    frame = inspect.currentframe()
    assert frame and frame.f_back
    file = frame.f_back.f_code.co_filename
    place = _place(file, frame.f_back.f_lineno)
    owner = type(frame.f_back.f_locals.get("self"))
    if issubclass(owner, Suite) and inspect.getfile(owner) != file:
        place = _place_of(owner)
    # Only functions have optimized locals: one was called that needs the fact. Else this is the
    # body of a class, or of a module, where it is but stated.
    if frame.f_back.f_code.co_flags & inspect.CO_OPTIMIZED:
        fill_in(lines, place)
    return Blank(lines, place)


def fill_in(lines: str, place: str) -> NoReturn:
    """Fail the test, with the lines to write and the place where to write them."""
    example = indent(dedent(lines).strip(), "    ")
    pytest.fail(f"{place} leaves a blank; write there, say:\n\n{example}", pytrace=False)


def to_build(component: str, source: str) -> Any:
    """The component, or a failed test where nobody has built it yet.

    Args:
        component: `package.module:Name`.
        source: the file where it belongs.
    """
    module, _, name = component.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        # A module that is there, and imports one that is not, is another matter.
        if not module.startswith(error.name or ""):
            raise
    except AttributeError:
        pass
    pytest.fail(f"there is no {name} yet: build it in {source}", pytrace=False)


def _place_of(owner: type) -> str:
    return f"{_place(inspect.getfile(owner), inspect.getsourcelines(owner)[1])}: {owner.__name__}"


def _place(file: str, line: int) -> str:
    path = Path(file)
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
