"""What a `.gitleaks.toml` leaves out, told without running gitleaks."""

import re
import secrets
import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

ALLOWLIST = {"id", "description", "condition", "commits", "paths", "regextarget", "regexes",
             "stopwords", "targetrules"}  # fmt: skip
RULE = {"id", "description", "path", "regex", "secretgroup", "entropy", "keywords", "tags",
        "allowlist", "allowlists", "skipreport", "required"}  # fmt: skip
TOP = {"title", "description", "extend", "rules", "allowlist", "allowlists", "minversion"}
EXTEND = {"path", "url", "usedefault", "disabledrules"}
# Too many test keys look like what this one rule finds.
MAY_BE_OFF = {"generic-api-key"}
PROBES = ("tests/unit/test_client.py", "tests/conftest.py", "tests/fixtures/agents.json",
          "tests/integration/api/__snapshots__/test_agents.ambr")  # fmt: skip


# A path from its first to its last character, with nothing that stands for many.
ONE_FILE = re.compile(r"\^(?:[\w/ -]|\\\.)+\$")


@dataclass(frozen=True)
class Fault:
    """What is wrong, and a piece of text that stands where it is."""

    message: str
    near: str


def faults(text: str, prefixes: Sequence[str]) -> Iterator[Fault]:
    """Where a configuration of gitleaks lets keys through.

    Args:
        text: of the file.
        prefixes: of the project's own keys.
    """
    try:
        config = _lowered(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        yield Fault(f"gitleaks can't read this file: {error}", "")
        return
    yield from _misspelt(config)
    yield from _extended(config.get("extend", {}))
    live = [_probe(prefix) for prefix in prefixes]
    for allowed in _allowlists(config):
        yield from _covered(allowed, live)


def _lowered(value: Any) -> Any:
    """The same with keys in lower case, as gitleaks reads them."""
    if isinstance(value, dict):
        return {key.lower(): _lowered(inner) for key, inner in value.items()}
    return [_lowered(one) for one in value] if isinstance(value, list) else value


def _misspelt(config: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _unknown(config, TOP, "")
    yield from _unknown(config.get("extend", {}), EXTEND, " in [extend]")
    for rule in _tables(config.get("rules")):
        yield from _unknown(rule, RULE, " in [[rules]]")
    for allowed in _allowlists(config):
        yield from _unknown(allowed, ALLOWLIST, " in an allowlist")


def _unknown(table: Any, known: set[str], where: str) -> Iterator[Fault]:
    for key in set(table) - known if isinstance(table, dict) else ():
        near = get_close_matches(key, sorted(known), 1)
        hint = f"; is it `{near[0]}`?" if near else ""
        yield Fault(f"gitleaks skips the unknown name `{key}`{where} silently{hint}", key)


def _extended(extend: Any) -> Iterator[Fault]:
    given = extend if isinstance(extend, dict) else {}
    if given.get("usedefault") is not True and not given.get("path"):
        yield Fault(
            "without `useDefault = true` in [extend] gitleaks knows none of its own rules",
            "useDefault",
        )
    off = given.get("disabledrules", [])
    for name in set(map(str, off)) - MAY_BE_OFF if isinstance(off, list) else ():
        yield Fault(f"the rule {name} of gitleaks is switched off: take it out", name)


def _allowlists(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for holder in (config, *_tables(config.get("rules"))):
        yield from _tables(holder.get("allowlist"))
        yield from _tables(holder.get("allowlists"))


def _tables(value: Any) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict)]


def _covered(allowed: Mapping[str, Any], live: Sequence[str]) -> Iterator[Fault]:
    for pattern in _texts(allowed.get("paths")):
        if any(_matches(pattern, path) for path in PROBES):
            yield Fault(f"the allowlist lets every key in tests/ through: {pattern}", pattern)
    for pattern in _texts(allowed.get("regexes")):
        if any(_matches(pattern, key) for key in live):
            yield Fault(f"the allowlist lets live keys through: {pattern}", pattern)
    for word in _texts(allowed.get("stopwords")):
        if any(word.lower() in key.lower()[: key.rindex("_") + 1] for key in live):
            yield Fault(f"the stopword lets live keys through: {word}", word)
    if _is_one_revoked_key(allowed):
        return
    for commit in _texts(allowed.get("commits")):
        yield Fault(f"the allowlist lets a whole commit through: {commit[:12]}", commit)


def _is_one_revoked_key(allowed: Mapping[str, Any]) -> bool:
    """Whether only named files of named commits are allowed: how a revoked key is accepted."""
    commits, paths = _texts(allowed.get("commits")), _texts(allowed.get("paths"))
    is_both = str(allowed.get("condition", "")).upper() == "AND"
    whole = all(re.fullmatch("[0-9a-fA-F]{40}", one) for one in commits)
    return is_both and bool(commits and paths) and whole and all(map(ONE_FILE.fullmatch, paths))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _matches(pattern: str, text: str) -> bool:
    """As gitleaks matches, whose patterns are Go's; what Python can't read matches nothing."""
    try:
        return re.search(pattern, text) is not None
    except (re.error, RecursionError, OverflowError):
        return False


def _probe(prefix: str) -> str:
    letters = string.ascii_letters + string.digits
    return f"{prefix}_live_" + "".join(secrets.choice(letters) for _ in range(32))
