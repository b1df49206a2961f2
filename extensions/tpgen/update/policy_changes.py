"""List what changes in the policy between two versions, in the policy's own words."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.check.requirements import Component
from tpgen.check.test_classes import TestClasses
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind, KindTest
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code

from .template import Rendered, Template

RULES = "extensions/tpgen/rules"
HOOKS = ".pre-commit-config.yaml"
# Reported in other words, or not a requirement.
NOT_VALUES = {"engine", "kinds", "words"}


@dataclass(frozen=True)
class Change:
    """A change of the policy.

    Attributes:
        topic: "value", "kind", "case", "rule" or "hook".
        name: such as `coverage.new_code`, `job`, `RouteSuite.test_429`, `TPG205`, `gitleaks`.
        state: "new", "changed" or "gone".
        words: what it means, in a sentence.
        required_from: the date until which a new case only warns.
        components: those of the service that it is about.
        before: the old value.
        after: the new value.
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
    """Return the changes between two versions of the policy.

    Args:
        project: the service, for the components that a change is about.
        template: where the rules of both versions are.
        old: the service as it was rendered.
        new: the service as it is rendered now.

    Raises:
        UserError: this tpgen can't read the new policy.
    """
    before, after = old.folder, new.folder
    try:
        policy.kinds(after)
    except UserError as error:
        reason = str(error).removesuffix(f"; {policy.RESTORE}")
        raise UserError(
            f"this tpgen is too old for the new policy, so nothing was changed ({reason} there): "
            "install it again: `uv tool install 'tpgen[all] @ git+ADDRESS'`, with the address of the "
            "template"
        ) from None
    versions = old.answers.version, new.answers.version
    return [
        *_values(policy.read(before), policy.read(after)),
        *_kinds(project, before, after),
        *_cases(project, before, after),
        *_sentences("rule", *(_rules(template, version) for version in versions)),
        *_sentences("hook", _hooks(before), _hooks(after)),
    ]


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
        elif "words" in old and (words := said_of(new, name, now)) != said_of(old, name, now):
            words = f"{words} The value stays."
            yield Change("value", name, "changed", words, before=was, after=now)


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
    """Return the sentence of [words] about a value; by default its name and the value.

    Args:
        document: the policy.
        name: of the value, as `flat` yields it.
        value: of that name.
    """
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


def _kinds(project: Project, old: Path, new: Path) -> Iterator[Change]:
    before, after = policy.kinds(old, old_form=True), policy.kinds(new)
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        kind = now or was
        assert kind
        differences = "".join(_differences(was, now)) if was and now else ""
        if not (was and now) or differences:
            state = "changed" if was and now else "new" if now else "gone"
            hit = tuple(component.title for component in requirements.of_kind(project, kind))
            words = f"{kind.help[:1].upper()}{kind.help[1:]}{differences}."
            yield Change("kind", name, state, words, None, hit)


def _differences(was: Kind, now: Kind) -> Iterator[str]:
    """Yield what a kind requires in another way; its name in words is not a requirement."""
    for part in fields(Kind):
        value = getattr(now, part.name)
        if part.name != "help" and value != getattr(was, part.name):
            items = value if isinstance(value, tuple) else (value,)
            texts = (item.path if isinstance(item, KindTest) else str(item) for item in items)
            yield f"; {part.name}: {', '.join(texts)}"


@dataclass(frozen=True)
class Requirement:
    """A case, the kinds whose components must pass it, and the suites that have it."""

    case: Case
    kinds: Sequence[Kind]
    suites: Collection[str]

    @property
    def words(self) -> str:
        """Return the requirement, such as "A route of the API: answers are not cached."."""
        owners = " or ".join(kind.help for kind in self.kinds) or self.case.suite
        return f"{owners[:1].upper()}{owners[1:]}: {self.case.words}."


def _cases(project: Project, old: Path, new: Path) -> Iterator[Change]:
    before, after = _requirements(old, old_form=True), _requirements(new)
    tests = TestClasses(project)
    suites = {requirement.case.suite for requirement in before.values()}
    components = cache(lambda kind: list(requirements.of_kind(project, kind)))
    for name in dict.fromkeys([*after, *before]):
        was, now = before.get(name), after.get(name)
        if now is None and was is not None:
            yield Change("case", name, "gone", was.words)
        elif now and (was is None or was.case.required_from != now.case.required_from):
            hit = tuple(_hit(components, tests, now, is_new=now.case.suite not in suites))
            dates = (was.case.required_from if was else None, now.case.required_from)
            words = f"{now.words} {_until_now(*dates)}" if was else now.words
            state = "changed" if was else "new"
            texts = (str(day) if day else None for day in dates)
            yield Change("case", name, state, words, dates[1], hit, *texts)


def _requirements(folder: Path, *, old_form: bool = False) -> dict[str, Requirement]:
    """Return the cases of a policy, by name."""
    code = Code([folder / "tests"])
    subclasses = cases.subclasses(code)
    kinds = policy.kinds(folder, old_form=old_form).values()
    known = [(kind, requirements.suites(kind)) for kind in kinds]
    return {
        f"{case.suite}.{case.name}": Requirement(
            case,
            [kind for kind, suites in known if suites & subclasses[case.suite]],
            subclasses[case.suite],
        )
        for case in cases.read(code)
    }


def _until_now(was: date | None, now: date | None) -> str:
    """Return what a moved date means."""
    if now is None:
        return f"Required at once, and no more from {was} on."
    return f"Until now from {was} on." if was else "It was required already."


def _hit(
    components: Callable[[Kind], list[Component]],
    tests: TestClasses,
    requirement: Requirement,
    *,
    is_new: bool,
) -> Iterator[str]:
    """Yield the components whose tests have a case, or all of its kind if the suite is new.

    A suite of one class for a whole kind is about no component.
    """
    for kind in requirement.kinds:
        shared = {name for test in kind.tests if test.is_shared for name in test.suite_names}
        for component in components(kind) if not shared & set(requirement.suites) else ():
            files = component.required
            if is_new or any(component.has(tests, requirement.suites, file) for file in files):
                yield component.title


def _rules(template: Template, version: str) -> dict[str, str]:
    """Return a sentence for each rule of `tpgen check` in a version, by code."""
    pattern = '^    (code|name)=".+",$'
    options = ("-h", "--text", "--extended-regexp", pattern, template.commit(version), "--", RULES)
    lines = (template.git.try_run("grep", *options) or b"").decode(errors="replace")
    found = re.findall(r'code="(.+)",\n    name="(.+)",', lines)
    return {code: f"tpgen check looks for {name} ({code})." for code, name in found}


def _hooks(folder: Path) -> dict[str, str]:
    """Return a sentence for each pre-commit hook, by name."""
    try:
        content = yaml.safe_load((folder / HOOKS).read_text(encoding="utf-8"))
        hooks = [hook for repo in content["repos"] for hook in repo["hooks"]]
        return {str(hook.get("alias") or hook["id"]): _hook(hook) for hook in hooks}
    except (OSError, yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # The file of a template may have any form.


def _hook(hook: Mapping[str, Any]) -> str:
    when = "by hand and in CI" if hook.get("stages") == ["manual"] else "before a commit"
    return f"The hook {hook.get('alias') or hook['id']} runs {when}."


def _sentences(topic: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes between two lists of sentences, by name."""
    for name in sorted(new.keys() - old.keys()):
        yield Change(topic, name, "new", new[name])
    for name in sorted(new.keys() & old.keys()):
        if new[name] != old[name]:
            yield Change(topic, name, "changed", f"{new[name]} Until now: {old[name]}")
    for name in sorted(old.keys() - new.keys()):
        yield Change(topic, name, "gone", old[name])
