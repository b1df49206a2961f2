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
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from . import policy
from .plugin import POLICIES
from .policy import Policy

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

EXAMPLE = """\
[[tool.tpgen.exempt]]
case = "TestCreateAgent.test_two_at_once_give_one_audit_event"
reason = "why it does not apply\""""


class Suite:
    """Base of the suites. A class outside the policy folder must keep each case that it inherits.

    Raises:
        pytest.fail.Exception: a test class redefines a required case, or sets it to None.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if _is_in_policy(cls):
            return
        for name in vars(cls):
            suite = suite_of(cls, name) if name.startswith("test") else None
            if suite is not None:
                pytest.fail(
                    f"{_place(cls)}: {cls.__name__}.{name} replaces a required case of "
                    f"{suite.__name__}: rename it, so that both run; if the case does not apply, "
                    f"exempt it in pyproject.toml with a reason:\n\n{EXAMPLE}",
                    pytrace=False,
                )

    def fill_in(self, lines: str) -> Any:
        """Fail the test: its class must redefine the member that calls this.

        Args:
            lines: an example of what to write in the class.
        """
        _fail(lines, f"{_place(type(self))}: {type(self).__name__}")


def suite_of(cls: type | None, case: str) -> type | None:
    """Return the suite of the policy folder that defines a case, or None if no suite does."""
    lineage = cls.__mro__ if cls else ()
    return next((base for base in lineage if case in vars(base) and _is_in_policy(base)), None)


def _is_in_policy(cls: type) -> bool:
    """Return whether a class is defined in a policy folder, and so is a suite."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not issubclass(cls, Suite):
        return False
    found = policy.of(Path(file))
    return found is not None and Path(file).is_relative_to(found.tests / policy.FILE.parent)


class Placeholder:
    """Facts that nobody has stated yet: a test that reads one fails, with the lines to write.

    It stands for the attribute that it is assigned to, and for each other one that its lines state.
    """

    def __init__(self, lines: str) -> None:
        self.lines = lines

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
    """Return a component, or fail the test if nobody has built it yet.

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the exempt cases, with the reason of the exemption.

    Raises:
        pytest.UsageError: an exemption lacks something, or names a case that does not exist.
    """
    for found in config.stash[POLICIES]:
        exempt = _exempt(found)
        for item in items:
            if policy.covering(item.path) != found:
                continue
            reason = exempt.get(_case(item))
            if reason and suite_of(getattr(item, "cls", None), getattr(item, "originalname", "")):
                item.add_marker(pytest.mark.skip(reason=f"exempt: {reason}"))
                item.user_properties.append(("exempt", reason))
        _refuse_unknown(exempt, items)


def _case(item: pytest.Item) -> str:
    return f"{getattr(item.parent, 'name', '')}.{getattr(item, 'originalname', '')}"


def _exempt(found: Policy) -> Mapping[str, str]:
    """Return the exempt cases of a service, each with its reason."""
    exempt: dict[str, str] = {}
    for table in found.settings.get("exempt", []):
        known = isinstance(table, dict) and all(isinstance(text, str) for text in table.values())
        if not known or set(table) != {"case", "reason"} or not table["reason"].strip():
            raise pytest.UsageError(
                f"{found.root / 'pyproject.toml'}: an exemption needs `case` and `reason`, and "
                f"nothing else:\n\n{EXAMPLE}"
            )
        exempt[table["case"]] = table["reason"]
    return exempt


def _refuse_unknown(exempt: Mapping[str, str], items: list[pytest.Item]) -> None:
    """Refuse an exemption of a class that was collected and has no such required case."""
    classes = {item.parent.name: item.cls for item in items if getattr(item, "cls", None)}  # type: ignore[union-attr, attr-defined]
    for case in exempt:
        owner, _, name = case.partition(".")
        if owner in classes and suite_of(classes[owner], name) is None:
            raise pytest.UsageError(
                f"pyproject.toml exempts {case}, and {owner} inherits no such case: remove the "
                "exemption, or correct its name"
            )


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
