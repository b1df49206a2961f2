"""The base class of the policy's suites, and the placeholders of their facts.

A suite holds the required cases of a kind of component. A test class inherits from it and states
the facts of one component. It can't drop a case: a case that does not apply is an exemption in
`pyproject.toml`, with a reason, which the test report shows:

    [[tool.tpgen.exempt]]
    case = "TestCreateAgent.test_403_with_the_key_of_another_tenant"
    reason = "creates a row of the caller's own tenant; names none of another"
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from . import policy
from .policy import EXAMPLE, Exemption, Policy, PolicyError

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class Suite:
    """Base of the suites. A test class must keep each case that it inherits."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse the option `only` of earlier releases, and a lost policy.

        Raises:
            TypeError: `only` was given: no required case can vanish.
            PolicyError: a suite's folder has no `policy.toml`, so nothing would judge its cases.
        """
        if "only" in options:
            raise TypeError(
                f"{cls.__name__}: a suite takes no `only`: remove it. If a case does not apply, "
                f"exempt it in pyproject.toml with a reason:\n\n{EXAMPLE}"
            )
        super().__init_subclass__(**options)
        file = Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")
        if file.match("policy/suites/*.py") and policy.of(file) is None:
            lost = file.parents[1] / policy.FILE.name
            raise PolicyError(f"there is no {lost}: restore it with `git checkout HEAD -- {lost}`")

    def fill_in(self, lines: str) -> Any:
        """Fail the test: its class must redefine the member that calls this.

        Args:
            lines: an example of what to write in the class.
        """
        _fail(lines, f"{_place(type(self))}: {type(self).__name__}")


def suite_of(cls: type | None, case: str) -> type | None:
    """Return the suite of the policy folder that defines a case, or None if no suite does."""
    lineage = cls.__mro__ if cls and case.startswith("test") else ()
    return next((base for base in lineage if case in vars(base) and is_in_policy(base)), None)


def is_in_policy(cls: type) -> bool:
    """Return whether a class is defined in a policy folder, and so is a suite."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not issubclass(cls, Suite):
        return False
    found = policy.of(Path(file))
    return found is not None and Path(file).is_relative_to(found.tests / policy.FILE.parent)


class Placeholder:
    """Facts that are still missing: a test that reads one fails, with the lines to write.

    It stands for the attribute that it is assigned to, and for each other one that its lines state.
    """

    def __init__(self, lines: str) -> None:
        self.lines = lines

    def __repr__(self) -> str:
        # It is the id of a malformed request, and pytest refuses two equal ids.
        return f"placeholder({self.lines!r})"

    def __set_name__(self, owner: type, name: str) -> None:
        for fact in re.findall(r"^(\w+)[^=\n]* = ", dedent(self.lines), re.MULTILINE):
            if fact not in vars(owner):
                setattr(owner, fact, self)

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else _fail(self.lines, f"{_place(owner)}: {owner.__name__}")


def placeholder(lines: str) -> Any:
    """Return a placeholder for facts of a test class that only a person knows.

    Args:
        lines: an example of what to write instead.
    """
    return Placeholder(lines)


def fill_in(lines: str) -> Any:
    """Fail the test that runs this part of a function: only a person knows what belongs there.

    Args:
        lines: an example of what to write instead.
    """
    __tracebackhide__ = True
    pytest.fail(_advice(lines, "this line"))


def _fail(lines: str, place: str) -> NoReturn:
    pytest.fail(_advice(lines, place), pytrace=False)


def _advice(lines: str, place: str) -> str:
    example = indent(dedent(lines).strip(), "    ")
    return f"{place} has a placeholder; write there, for example:\n\n{example}"


def to_build(component: str, source: str) -> Any:
    """Return a component, or fail the test if it does not exist yet.

    Args:
        component: `package.module:Name`.
        source: the file where it belongs.
    """
    module, _, name = component.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        # A module that exists and imports one that doesn't is another matter.
        if not module.startswith(error.name or ""):
            raise
    except AttributeError:
        pass
    pytest.fail(f"there is no {name} yet: build it in {source}", pytrace=False)


def _place(owner: type) -> str:
    """Return the file and line of a class, relative to the working directory if it lies there."""
    try:
        path, line = Path(inspect.getfile(owner)), inspect.getsourcelines(owner)[1]
    except (OSError, TypeError):  # while its module is imported, its source may not be cached
        return owner.__module__
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Check that a test class of a layer keeps its required cases, and that its exemptions exist.

    Raises:
        pytest.Collector.CollectError: it doesn't. Unlike a usage error, it passes xdist.
    """
    found = policy.covering(collector.path)
    if not found or not isinstance(obj, type) or not issubclass(obj, Suite):
        return
    if collector.classnamefilter(name) and not is_in_policy(obj):  # type: ignore[attr-defined]
        wrong = [*_replaced(obj), *_unknown(name, obj, found)]
        if wrong:
            raise collector.CollectError("\n".join(wrong))


def _replaced(cls: type) -> Iterator[str]:
    """Yield a message for each required case that a class does not run as its suite has it."""
    if not getattr(cls, "__test__", True):
        yield (
            f"{_place(cls)}: {cls.__name__}.__test__ is False, so none of its required cases runs: "
            "if it is a base of other classes, let its name not begin with Test"
        )
    for case, suite in cases(cls):
        owner = next(base for base in cls.__mro__ if case in vars(base))
        if not is_in_policy(owner):
            yield (
                f"{_place(owner)}: {owner.__name__}.{case} replaces a required case of "
                f"{suite.__name__}: rename it, so that both run; if the case does not apply, "
                f"exempt it in pyproject.toml with a reason:\n\n{EXAMPLE}"
            )


def _unknown(name: str, cls: type, found: Policy) -> Iterator[str]:
    """Yield a message for each exemption of a class that names no required case."""
    for exempt in found.exempt:
        owner, _, case = exempt.partition(".")
        if owner == name and suite_of(cls, case) is None:
            yield (
                f"{found.root / 'pyproject.toml'} exempts {exempt}, and {name} inherits no such "
                "case: remove the exemption, or correct its name"
            )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the exempt cases, with the reason of the exemption."""
    for item in items:
        if exempt := exemption(item):
            item.add_marker(pytest.mark.skip(reason=f"exempt: {exempt}"))
            item.user_properties.append(("exempt", str(exempt)))


def exemption(item: pytest.Item) -> Exemption | None:
    """Return the exemption of a test, if it is a required case that has one."""
    found = policy.covering(item.path)
    exempt = found.exempt.get(_case(item)) if found else None
    return exempt if exempt and case_of(item) else None


def case_of(item: pytest.Item) -> tuple[str, str] | None:
    """Return the suite and the name of the required case that a test is, or None."""
    name = getattr(item, "originalname", "")
    suite = suite_of(getattr(item, "cls", None), name)
    return (suite.__name__, name) if suite else None


def _case(item: pytest.Item) -> str:
    return f"{getattr(item.parent, 'name', '')}.{getattr(item, 'originalname', '')}"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    exempt = {
        report.nodeid: dict(report.user_properties)["exempt"]
        for report in terminalreporter.stats.get("skipped", ())
        if "exempt" in dict(getattr(report, "user_properties", ()))
    }
    if exempt:
        terminalreporter.section("exempt required cases")
        for nodeid, reason in exempt.items():
            terminalreporter.line(f"{nodeid}: {reason}")


def cases(cls: type) -> Iterator[tuple[str, type]]:
    """Yield the required cases that a class inherits, each with the suite that defines it."""
    for name in dir(cls):
        suite = suite_of(cls, name) if name.startswith("test") else None
        if suite is not None:
            yield name, suite
