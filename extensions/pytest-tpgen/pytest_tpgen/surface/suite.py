"""The test of the public surface of a class."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pytest_tpgen.suites import Suite, placeholder

from .comparing import CLASS, Change, compare
from .model import Surface, SurfaceError
from .parsing import parse
from .reading import load, read
from .scopes import package_of, types_of
from .verdict import verdict
from .versions import released


class SurfaceSuite(Suite):
    """Each public member of a class has the signature that the test states.

    State `of`, the class as customers import it, and `stub`, its public members as in a `.pyi`
    file. `tpgen sdk package.module:Class` writes both.
    """

    of: Any = placeholder('of = "acme_sdk:Agent"')
    stub: Any = placeholder(
        'stub = """\nclass Agent:\n    def chat(self, message: str) -> Reply: ...\n"""'
    )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Create a case for each member that the stub states or the class has."""
        if "member" in metafunc.fixturenames:
            metafunc.parametrize("member", _members(type(self)))

    def test_signature(self, member: str) -> None:
        """The public members of the class are those of `stub`, with the same signatures."""
        check(self.of, self.stub, member)


def check(of: str, stub: str, member: str) -> None:
    """Fail the test if a member differs from the stub, with what that means for customers.

    Args:
        of: the class, as `package.module:Class`.
        stub: the class as in a `.pyi` file.
        member: its name, or "class" for the line of the class.
    """
    __tracebackhide__ = True
    try:
        cls = load(of)
        now, before = _read(cls, of), _parsed(stub)
    except SurfaceError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    changes = _changes(cls, of, stub).get(member)
    if changes:
        pytest.fail(verdict(of, member, before, now, changes, _version(cls)), pytrace=False)


@cache
def _read(cls: type, of: str) -> Surface:
    return read(cls, re.split("[:.]", of)[-1])


@cache
def _parsed(stub: str) -> Surface:
    return parse(dedent(stub))


@cache
def _changes(cls: type, of: str, stub: str) -> dict[str, list[Change]]:
    return compare(_parsed(stub), _read(cls, of), types_of(cls))


def _members(cls: type[SurfaceSuite]) -> list[str]:
    """Return the class line and all members; the class line alone if these can't be read."""
    found: dict[str, None] = {CLASS: None}
    of, stub = (inspect.getattr_static(cls, name) for name in ("of", "stub"))
    try:
        if isinstance(stub, str):
            found |= dict.fromkeys(_parsed(stub).members)
        if isinstance(of, str):
            found |= dict.fromkeys(_read(load(of), of).members)
    except SurfaceError:
        pass  # The test says so.
    return list(found)


def _version(cls: type) -> str:
    """Return the last release of the package of a class; empty if it is not known."""
    package = package_of(cls)
    names = metadata.packages_distributions().get(package, [])
    here = Path.cwd()
    file = Path(getattr(import_module(package), "__file__", None) or "")
    if file.is_relative_to(here) and "site-packages" not in file.parts:
        return released(here)
    return metadata.version(names[0]) if names else ""
