"""Compare a `.gitleaks.toml` with the forms that cannot hide a live key.

To find out which keys a configuration hides, gitleaks would have to run on every possible key.
Instead, a few forms are known to be safe, and anything else is a fault.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from .project import ANSWERS, Project

KEY_PREFIX = re.compile(r"^key_prefix:\s*[\"']?([a-z][a-z0-9]*)", re.MULTILINE)
DEFAULT_PREFIX = "tp"
TOP = {"title", "description", "minVersion", "extend", "rules", "allowlists"}
# The second disables a rule that reports many test keys; all others are about one provider each.
EXTENDS = ({"useDefault": True}, {"useDefault": True, "disabledRules": ["generic-api-key"]})
# gitleaks has no rule with such an id: these can only add to what it finds.
OWN_RULE = "own-"
TEST_KEYS = re.compile(r"\^[a-z][a-z0-9]*_test_\[A-Za-z0-9_-\][*+]\$")
COMMIT = re.compile(r"[0-9a-f]{40}")
# A path from its first to its last character, without a wildcard.
ONE_FILE = re.compile(r"\^(?:[\w/ -]|\\\.)+\$")
# The allowlists that only allow test keys, or named files of named commits.
SAFE = (
    {"regexes": TEST_KEYS},
    {"condition": re.compile("AND"), "commits": COMMIT, "paths": ONE_FILE},
)


def key_prefix(project: Project) -> str:
    """Return the prefix of a service's keys: the answer to the template's question."""
    answers = project.file(ANSWERS)
    found = KEY_PREFIX.search(answers.text) if answers else None
    return found[1] if found else DEFAULT_PREFIX


def live_key_rule(prefix: str) -> dict[str, Any]:
    """Return the template's rule for the live keys of a service, without its description."""
    return {
        "id": f"{prefix}-live-key",
        "regex": rf"(?:^|[^A-Za-z0-9])({prefix}_live_[A-Za-z0-9_-]{{16,}})",
        "secretGroup": 1,
        "entropy": 3,
        "keywords": [f"{prefix}_live_"],
    }


def faults(text: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield what is in none of the safe forms: a message, and a piece of the text of its line."""
    try:
        config = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        yield f"gitleaks can't read this file: {error}", ""
        return
    for name in sorted(config.keys() - TOP):
        message = f"`{name}` is not a top-level setting of gitleaks, or an outdated one: "
        yield f"{message}remove it or correct its name", name
    if config.get("extend") not in EXTENDS:
        message = (
            "[extend] must be `useDefault = true` alone: without it gitleaks has no rules, and "
            "another file or a disabled rule may hide live keys"
        )
        yield message, "[extend]"
    for rule in _tables(config.get("rules")):
        name = str(rule.get("id", ""))
        if not (name.startswith(OWN_RULE) or rule == live_key_rule(prefix)):
            message = (
                f"the rule {name} may replace one of gitleaks, or find less than the template's: "
                f"start the id of a new rule with `{OWN_RULE}`, and leave {prefix}-live-key as "
                "the template has it"
            )
            yield message, name
    for allowed in _tables(config.get("allowlists")):
        if not any(_fits(allowed, form) for form in SAFE):
            lists = [value for value in allowed.values() if isinstance(value, list)]
            message = (
                "this allowlist may hide live keys: allow a pattern such as "
                f"'^{prefix}_test_[A-Za-z0-9_-]*$', or one file in one commit"
            )
            yield message, str(next((text for values in lists for text in values), ""))


def _fits(allowed: Mapping[str, Any], form: Mapping[str, re.Pattern[str]]) -> bool:
    """Return whether an allowlist has the keys of a form, and only texts that match them."""
    lists = {key: value if isinstance(value, list) else [value] for key, value in allowed.items()}
    return lists.keys() == form.keys() and all(
        texts and all(isinstance(text, str) and form[key].fullmatch(text) for text in texts)
        for key, texts in lists.items()
    )


def _tables(value: Any) -> list[dict[str, Any]]:
    """Return the tables of a list without their descriptions; gitleaks takes one for a list too."""
    tables = value if isinstance(value, list) else [value]
    return [
        {key: setting for key, setting in table.items() if key != "description"}
        for table in tables
        if isinstance(table, dict)
    ]
