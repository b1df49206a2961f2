"""List what changes in the policy between two versions, in the policy's own words."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.check.requirements import Component
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind
from tpgen.source import cases
from tpgen.source.code import Code

Topic = Literal["value", "kind", "case"]
# Reported in other words, or not a requirement.
NOT_VALUES = {"engine", "kinds", "words"}


@dataclass(frozen=True)
class Change:
    """A change of the policy."""

    topic: Topic
    name: str  # such as `coverage.new_code`, `job`, `RouteSuite.test_429`
    state: str  # "new", "changed" or "gone"
    words: str  # what it means, in a sentence
    required_from: date | None = None  # until then a new case only warns
    components: tuple[str, ...] = ()  # those of the service that it is about
    before: Any = None  # the number of a value, or the date of a case
    after: Any = None


@dataclass(frozen=True)
class Requirement:
    """A value, a kind or a case in one version of the policy."""

    words: str  # a sentence
    value: Any  # the number of a value, the kind, or the date from which a case is required
    kinds: tuple[Kind, ...] = ()  # those whose components it is about
    suites: frozenset[str] = frozenset()  # those that have the case


def between(project: Project, old: Path, new: Path) -> list[Change]:
    """Return the changes from one rendered version of a service to another."""
    try:
        kinds = policy.kinds(new)
    except UserError as error:
        reason = str(error).removesuffix(f"; {policy.RESTORE}")
        raise UserError(
            f"this tpgen is too old for the new policy, so nothing was changed ({reason} there): "
            "install it again: `uv tool install 'tpgen[all] @ git+ADDRESS'`, with the address of the "
            "template"
        ) from None
    after = _requirements(new, kinds)
    try:
        before = _requirements(old, policy.kinds(old))
    except UserError:  # Releases before 0.3 have another form of kinds, which is not compared.
        before = _requirements(old, kinds)
    known_suites = {name.partition(".")[0] for topic, name in before if topic == "case"}
    components = cache(lambda kind: list(requirements.of_kind(project, kind)))
    changes = []
    for topic, name in dict.fromkeys([*after, *before]):
        was, now = before.get((topic, name)), after.get((topic, name))
        requirement = now or was
        if requirement is None or (was and now and was.value == now.value):
            continue
        is_new = topic == "kind" or name.partition(".")[0] not in known_suites
        change = Change(
            topic,
            name,
            state="gone" if now is None else "changed" if was else "new",
            words=requirement.words + (_until_now(topic, was, now) if was and now else ""),
            required_from=now.value if now and topic == "case" else None,
            components=tuple(_hit(components, project, requirement, is_new=is_new)),
            before=was.value if was and topic != "kind" else None,
            after=now.value if now and topic != "kind" else None,
        )
        changes.append(change)
    return changes


def _requirements(folder: Path, kinds: Mapping[str, Kind]) -> dict[tuple[Topic, str], Requirement]:
    """Return the requirements of a policy by topic and name."""
    document = policy.read(folder)
    found: dict[tuple[Topic, str], Requirement] = {}
    for name, value in flat(document):
        found["value", name] = Requirement(said_of(document, name, value), value)
    for kind in kinds.values():
        words = f"{kind.help[:1].upper()}{kind.help[1:]}."
        found["kind", kind.name] = Requirement(words, replace(kind, help=""), (kind,))
    code = Code([folder / "tests"])
    subclasses = cases.subclasses(code)
    for case in cases.read(code):
        suites = frozenset(subclasses[case.suite])
        owners = tuple(kind for kind in kinds.values() if requirements.suites(kind) & suites)
        title = " or ".join(kind.help for kind in owners) or case.suite
        words = f"{title[:1].upper()}{title[1:]}: {case.words}."
        name = f"{case.suite}.{case.name}"
        found["case", name] = Requirement(words, case.required_from, owners, suites)
    return found


def _until_now(topic: Topic, was: Requirement, now: Requirement) -> str:
    if topic == "value":
        return f" Until now: {_value(was.value)}."
    if topic == "kind":
        old, new = vars(was.value), vars(now.value)
        return f" Other {', '.join(key for key in new if new[key] != old[key])}."
    until = f"from {was.value} on" if was.value else "at once"
    return f" Until now {until}.{'' if now.value else ' Required at once.'}"


def _hit(
    components: Callable[[Kind], list[Component]],
    project: Project,
    requirement: Requirement,
    *,
    is_new: bool,
) -> Iterator[str]:
    """Yield the components of a kind, or those whose tests have a case or must have its new suite.

    A suite of one class for a whole kind is about no component.
    """
    suites = requirement.suites
    for kind in requirement.kinds:
        shared = {name for test in kind.tests if test.is_shared for name in test.suite_names}
        for component in components(kind) if not shared & suites else ():
            if is_new or any(component.has(project, suites, file) for file in component.required):
                yield component.title


def flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a policy by name, such as `coverage.new_code`."""
    for key, value in table.items():
        if not above and key in NOT_VALUES:
            continue
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def said_of(document: Mapping[str, Any], name: str, value: Any) -> str:
    """Return the sentence of [words] in a policy about a value; by default its name and the value."""
    known = document.get("words", {})
    for pattern, sentence in known.items() if isinstance(known, dict) else ():
        found = re.fullmatch(re.escape(pattern).replace(r"\*", "(.+)"), name)
        if found:
            placeholder = found[1] if found.groups() else ""
            return str(sentence).replace("{name}", placeholder).replace("{}", _value(value))
    return f"{name.replace('_', ' ').replace('.', ': ', 1)} is {_value(value)}."


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)
