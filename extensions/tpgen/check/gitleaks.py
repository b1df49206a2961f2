"""Compare a `.gitleaks.toml` with the forms that cannot hide a live key.

What a configuration hides can only be told by running gitleaks on every key there may be. So a few
forms are known to be safe, and anything else is a fault.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TOP = {"title", "description", "minVersion", "extend", "rules", "allowlists"}
# It reports many test keys; every other rule of gitleaks is about one provider.
MAY_BE_DISABLED = {"generic-api-key"}
# gitleaks has no rule of its own with such an id: these can only add to what it finds.
OWN_RULE = "own-"
TEST_KEYS = re.compile(r"\^[a-z][a-z0-9]*_test_\[A-Za-z0-9_-\][*+]\$")
COMMIT = re.compile(r"[0-9a-f]{40}")
# A path from its first to its last character, without a wildcard.
ONE_FILE = re.compile(r"\^(?:[\w/ -]|\\\.)+\$")


@dataclass(frozen=True)
class Fault:
    """What may hide a key, and a piece of the text of the line where it is."""

    message: str
    near: str = ""


def faults(text: str, prefix: str) -> Iterator[Fault]:
    """Yield what in a configuration of gitleaks is in none of the safe forms.

    Args:
        text: of the file.
        prefix: of the service's keys.
    """
    try:
        config = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield Fault(f"gitleaks can't read this file: {error}")
        return
    for name in config.keys() - TOP:
        yield Fault(f"gitleaks has no setting `{name}` at the top, or an outdated one", name)
    yield from _extend(config.get("extend"))
    for rule in _tables(config.get("rules")):
        yield from _rule(rule, prefix)
    for allowed in _tables(config.get("allowlists")):
        if not (_is_for_test_keys(allowed) or _is_for_a_revoked_key(allowed)):
            yield Fault(
                "this allowlist may hide live keys: allow a pattern such as "
                f"'^{prefix}_test_[A-Za-z0-9_-]*$', or one file in one commit",
                _first_text(allowed),
            )


def live_key_rule(prefix: str) -> dict[str, Any]:
    """Return the template's rule for the live keys of a service, without its description."""
    return {
        "id": f"{prefix}-live-key",
        "regex": rf"(?:^|[^A-Za-z0-9])({prefix}_live_[A-Za-z0-9_-]{{16,}})",
        "secretGroup": 1,
        "entropy": 3,
        "keywords": [f"{prefix}_live_"],
    }


def _extend(extend: Any) -> Iterator[Fault]:
    given = extend if isinstance(extend, dict) else {}
    if given.get("useDefault") is not True:
        yield Fault("without `useDefault = true` in [extend] gitleaks has no rules", "useDefault")
    for name in given.keys() - {"useDefault", "disabledRules"}:
        yield Fault(f"[extend] may not set `{name}`: another file may hide live keys", name)
    for name in given.get("disabledRules", []):
        if name not in MAY_BE_DISABLED:
            yield Fault(f"the rule {name} of gitleaks is disabled: enable it", str(name))


def _rule(rule: Mapping[str, Any], prefix: str) -> Iterator[Fault]:
    name = str(rule.get("id", ""))
    if name.startswith(OWN_RULE) or _settings(rule) == live_key_rule(prefix):
        return
    yield Fault(
        f"the rule {name} may replace one of gitleaks, or find less than the template's: start "
        f"the id of a new rule with `{OWN_RULE}`, and leave {prefix}-live-key as it was",
        name,
    )


def _is_for_test_keys(allowed: Mapping[str, Any]) -> bool:
    """Tell whether only keys that are marked as test keys are allowed."""
    regexes = allowed.get("regexes")
    return _settings(allowed).keys() == {"regexes"} and _all_match(TEST_KEYS, regexes)


def _is_for_a_revoked_key(allowed: Mapping[str, Any]) -> bool:
    """Tell whether only named files of named commits are allowed."""
    return (
        _settings(allowed).keys() == {"condition", "commits", "paths"}
        and allowed["condition"] == "AND"
        and _all_match(COMMIT, allowed["commits"])
        and _all_match(ONE_FILE, allowed["paths"])
    )


def _all_match(pattern: re.Pattern[str], values: Any) -> bool:
    if not isinstance(values, list) or not values:
        return False
    return all(isinstance(value, str) and pattern.fullmatch(value) for value in values)


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "description"}


def _tables(value: Any) -> list[Mapping[str, Any]]:
    """Return the tables of a list of tables; what is not a table stands as one without settings."""
    tables = value if isinstance(value, list) else [value] if value is not None else []
    return [table if isinstance(table, dict) else {} for table in tables]


def _first_text(table: Mapping[str, Any]) -> str:
    lists = [value for value in table.values() if isinstance(value, list)]
    return next((value for values in lists for value in values if isinstance(value, str)), "")
