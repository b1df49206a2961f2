"""What changes in the policy between two versions, in the policy's own words."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.check.requirements import Component
from tpgen.check.test_classes import TestClasses
from tpgen.core import policy
from tpgen.core.errors import Misuse
from tpgen.core.policy import Kind, KindTest
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code

from .template import Rendered, Template

RULES = "extensions/tpgen/rules"
HOOKS = ".pre-commit-config.yaml"
# Told in words of their own, or no part of what the policy requirements.
NO_VALUES = {"engine", "kinds", "words"}


@dataclass(frozen=True)
class Change:
    """One thing that the policy says otherwise.

    Attributes:
        topic: a "value", a "kind", a "case", a "rule" or a "hook".
        name: of it: `coverage.new_code`, `job`, `RouteSuite.test_429`, `TPG205`, `gitleaks`.
        state: "new", "changed" or "gone".
        words: what it means, in a sentence.
        required_from: the day until which a new case only warns.
        components: those of the service that it is about, as `tpgen` takes them.
        before: the value that it had.
        after: the value that it has.
    """

    topic: str
    name: str
    state: str
    words: str
    required_from: date | None = None
    components: tuple[str, ...] = ()
    before: Any = None
    after: Any = None


def between(project: Project, template: Template, old: Rendered, new: Rendered) -> list[Change]:
    """What two versions of the policy say differently.

    Args:
        project: the service, to tell which of its components are hit.
        template: where the rules of both versions are.
        old: the service as it was rendered.
        new: as it is rendered now.

    Raises:
        Misuse: the new policy can't be read, or holds what this tpgen does not know.
    """
    was, now = old.folder, new.folder
    try:
        policy.kinds(now)
    except Misuse as error:
        raise _unusable(error, new) from None
    return [
        *_values(policy.read(was), policy.read(now)),
        *_kinds(project, was, now),
        *_cases(project, was, now),
        *_listed(
            "rule",
            _rules(template, old.answers.version),
            _rules(template, new.answers.version),
        ),
        *_listed("hook", _hooks(was), _hooks(now)),
    ]


def _unusable(error: Misuse, new: Rendered) -> Misuse:
    """Why a new policy can't be used, and who must do something."""
    reason = str(error).removesuffix(f"; {policy.RESTORE}")
    try:
        policy.read(new.folder)
    except Misuse:
        return Misuse(
            f"{reason}, at {new.answers.version} of the template: nothing was changed, and whoever "
            "keeps the template must mend it"
        )
    return Misuse(
        f"this tpgen is too old for the new policy, so nothing was changed ({reason} there): "
        "install it again: `uv tool install 'tpgen[all] @ git+ADDRESS'`, with the address of the template"
    )


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = dict(flat(old)), dict(flat(new))
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        if name not in after:
            yield Change("value", name, "gone", said_of(old, name, was), before=was)
        elif name not in before:
            yield Change("value", name, "new", said_of(new, name, now), after=now)
        elif was != now:
            words = f"{said_of(new, name, now)} Until now: {_value(was)}."
            yield Change("value", name, "changed", words, before=was, after=now)
        elif "words" in old and (said := said_of(new, name, now)) != said_of(old, name, now):
            yield Change(
                "value", name, "changed", f"{said} The value stays.", before=was, after=now
            )


def flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a policy, each with its name: `coverage.new_code`."""
    for key, value in table.items():
        if not above and key in NO_VALUES:
            continue
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def said_of(document: Mapping[str, Any], name: str, value: Any) -> str:
    """The sentence of [words] about a value; without one, its name and the value.

    Args:
        document: the policy.
        name: of the value, as `flat` gives it.
        value: of it.
    """
    known = document.get("words", {})
    for pattern, sentence in known.items() if isinstance(known, dict) else ():
        found = re.fullmatch(re.escape(pattern).replace(r"\*", "(.+)"), name)
        if found:
            stands = found[1] if found.groups() else ""
            return str(sentence).replace("{name}", stands).replace("{}", _value(value))
    return f"{name.replace('_', ' ').replace('.', ': ', 1)} is {_value(value)}."


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _kinds(project: Project, old: Path, new: Path) -> Iterator[Change]:
    before, after = policy.kinds(old, old_form=True), policy.kinds(new)
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        kind = now or was
        differences = "".join(_differences(was, now)) if was and now else ""
        if kind is None or (was and now and not differences):
            continue
        state = "changed" if was and now else "new" if now else "gone"
        hit = tuple(one.title for one in requirements.of_kind(project, kind))
        words = f"{kind.help[:1].upper()}{kind.help[1:]}{differences}."
        yield Change("kind", name, state, words, None, hit)


def _differences(was: Kind, now: Kind) -> Iterator[str]:
    """Yield what a kind requires in another way; how it is called is no requirement."""
    for part in fields(Kind):
        before, after = getattr(was, part.name), getattr(now, part.name)
        if part.name == "tests" and not any(test.suites for test in was.tests):
            # Releases before 0.3 named no suites.
            after = tuple(replace(test, suites=()) for test in after)
        if before != after and part.name != "help":
            yield f"; {part.name}: {_listing(getattr(now, part.name))}"


def _listing(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(one.path if isinstance(one, KindTest) else str(one) for one in value)


class Demand(NamedTuple):
    """A case, the kinds whose components must pass it, and the suites that have it."""

    case: Case
    kinds: Sequence[Kind]
    suites: Collection[str]

    @property
    def words(self) -> str:
        """What it says: "A route of the API: answers are not cached."."""
        owners = " or ".join(kind.help for kind in self.kinds) or self.case.suite
        return f"{owners[:1].upper()}{owners[1:]}: {self.case.words}."


def _cases(project: Project, old: Path, new: Path) -> Iterator[Change]:
    before, after = _demands(old, old_form=True), _demands(new)
    tests = TestClasses(project)
    suites, kinds = {demand.case.suite for demand in before.values()}, policy.kinds(new)
    components = cache(lambda name: list(requirements.of_kind(project, kinds[name])))
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        if now is None and was is not None:
            yield Change("case", name, "gone", was.words)
        elif now and (was is None or was.case.required_from != now.case.required_from):
            hit = tuple(_hit(components, tests, now, is_new=now.case.suite not in suites))
            days = (was.case.required_from if was else None, now.case.required_from)
            words = f"{now.words} {_until_now(*days)}" if was else now.words
            state = "changed" if was else "new"
            yield Change("case", name, state, words, days[1], hit, *map(_as_text, days))


def _demands(folder: Path, *, old_form: bool = False) -> dict[str, Demand]:
    """The cases of a policy, by name."""
    code = Code([folder / "tests"])
    heirs = cases.subclasses(code)
    kinds = policy.kinds(folder, old_form=old_form).values()
    asked = [(kind, requirements.suites(kind)) for kind in kinds]
    return {
        f"{one.suite}.{one.name}": Demand(
            one,
            [kind for kind, suites in asked if suites & heirs[one.suite]],
            heirs[one.suite],
        )
        for one in cases.read(code)
    }


def _until_now(was: date | None, now: date | None) -> str:
    """What a moved day means."""
    if now is None:
        return f"Required at once, and no more from {was} on."
    return f"Until now from {was} on." if was else "It was required already."


def _as_text(day: date | None) -> str | None:
    return str(day) if day else None


def _hit(
    components: Callable[[str], list[Component]],
    tests: TestClasses,
    demand: Demand,
    *,
    is_new: bool,
) -> Iterator[str]:
    """The components whose tests have a case; all of its kind where the suite itself is new.

    A suite of one class for a whole kind is about no component.
    """
    for kind in demand.kinds:
        shared = {name for test in kind.tests if test.is_shared for name in test.suite_names}
        for one in components(kind.name) if not shared & set(demand.suites) else ():
            if is_new or any(one.has(tests, demand.suites, home) for home in one.required):
                yield one.title


def _rules(template: Template, version: str) -> dict[str, str]:
    stated = "\n".join(template.lines(version, '    (code|name)=".+",', RULES))
    found = re.findall(r'code="(.+)",\n    name="(.+)",', stated)
    return {code: f"tpgen check looks for {name} ({code})." for code, name in found}


def _hooks(folder: Path) -> dict[str, str]:
    import yaml

    try:
        content = yaml.safe_load((folder / HOOKS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    found = {}
    for repo in _tables(content, "repos"):
        for hook in _tables(repo, "hooks"):
            name = str(hook.get("alias") or hook.get("id"))
            when = "by hand and in CI" if hook.get("stages") == ["manual"] else "before a commit"
            found[name] = f"The hook {name} runs {when}."
    return found


def _tables(content: Any, key: str) -> list[dict[str, Any]]:
    """The tables of a list; none where it is no list, or holds something else."""
    found = content.get(key) if isinstance(content, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _listed(topic: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """What came, changed and went of two lists: name to sentence."""
    for name in sorted(new.keys() - old.keys()):
        yield Change(topic, name, "new", new[name])
    for name in sorted(new.keys() & old.keys()):
        if new[name] != old[name]:
            yield Change(topic, name, "changed", f"{new[name]} Until now: {old[name]}")
    for name in sorted(old.keys() - new.keys()):
        yield Change(topic, name, "gone", old[name])
