"""The answers of a service to its template: `.copier-answers.yml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tpgen.check.project import ANSWERS
from tpgen.core.errors import UserError

RESTORE = f"restore it from git: `git log -- {ANSWERS}` lists its versions"
MISSING = {
    "_src_path": f"the address of the template: write the one of `copier copy`, or {RESTORE}",
    # Copier leaves it out if the template was not a git repository.
    "_commit": "the version of the template. A service that was copied from a folder without git "
    "can't be updated: write the tag or the commit that it matches, and commit that",
}


@dataclass(frozen=True)
class Answers:
    """The answers file of a service."""

    source: str  # the address of the template, as it was given to `copier copy`
    version: str  # of the template: a tag, or the output of `git describe` for the commit
    given: Mapping[str, Any]


def read(root: Path) -> Answers:
    """Return the answers of a service, or of a rendered template."""
    try:
        content = yaml.safe_load((root / ANSWERS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{ANSWERS} is missing; it names the template; {RESTORE}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{ANSWERS} can't be read: {said}; {RESTORE}") from None
    known = content if isinstance(content, dict) else {}
    for key, meaning in MISSING.items():
        if not isinstance(known.get(key), str | int | float):
            raise UserError(f"{ANSWERS} has no `{key}`, {meaning}")
    given = {key: value for key, value in known.items() if not str(key).startswith("_")}
    return Answers(str(known["_src_path"]), str(known["_commit"]), given)


def changed(given: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Override answers by `--data KEY=VALUE`; VALUE is YAML, unless the answer is a text."""
    found = dict(given)
    for word in words:
        key, _, value = (part.strip() for part in word.partition("="))
        try:
            is_text = not value or isinstance(given.get(key), str)
            found[key] = value if is_text else yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--data {word!r}: the value is not YAML: quote it") from None
        if not key or "=" not in word:
            raise UserError(f"--data {word!r} is not an answer: write --data KEY=VALUE")
    return found
