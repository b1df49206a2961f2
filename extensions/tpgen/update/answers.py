"""What a service remembers of its template: `.copier-answers.yml`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tpgen.check.project import ANSWERS
from tpgen.core.errors import Misuse

RESTORE = f"bring it back by git: `git log -- {ANSWERS}` lists its versions"


@dataclass(frozen=True)
class Answers:
    """The answers file of a service.

    Attributes:
        source: where the template is, as it was given to `copier copy`.
        version: of the template: a tag, or what `git describe` said of the commit.
        given: the answer to each question.
    """

    source: str
    version: str
    given: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The file, for Copier to read."""
        private = {"_commit": self.version, "_src_path": self.source}
        return yaml.safe_dump({**private, **self.given}, allow_unicode=True)


def read(root: Path) -> Answers:
    """The answers of a service, or of what was rendered.

    Raises:
        Misuse: there are none, or they don't say which template, in which version.
    """
    try:
        content = yaml.safe_load((root / ANSWERS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misuse(
            f"{ANSWERS} is missing; it says which template the service was made from; {RESTORE}"
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise Misuse(f"{ANSWERS} can't be read: {said}; {RESTORE}") from None
    known = content if isinstance(content, dict) else {}
    for key, meaning in (("_src_path", "where the template is"), ("_commit", "its version")):
        if not isinstance(known.get(key), str | int | float):
            raise Misuse(f"{ANSWERS} has no `{key}`, which says {meaning}; {_advice(key)}")
    given = {key: value for key, value in known.items() if not str(key).startswith("_")}
    return Answers(str(known["_src_path"]), str(known["_commit"]), given)


def _advice(key: str) -> str:
    if key == "_commit":
        # Copier leaves it out where the template was no git repository.
        return (
            "a service that was copied from a folder without git can't be updated: write the tag "
            "or the commit that it is like, and commit that"
        )
    return f"write the address that `copier copy` was given, or {RESTORE}"


def changed(given: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """The answers with those of `--data KEY=VALUE` in their place.

    A value is read as YAML, but for a question whose answer is a text: that takes it as it is.

    Raises:
        Misuse: a word has no `=`.
    """
    found = dict(given)
    for word in words:
        key, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not key:
            raise Misuse(f"--data {word!r} is no answer: write --data KEY=VALUE")
        found[key] = value if isinstance(given.get(key), str) else _loaded(value)
    return found


def _loaded(value: str) -> Any:
    try:
        return yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        return value
