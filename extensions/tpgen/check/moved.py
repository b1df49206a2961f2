"""What updates renamed: the table `moved.toml` of the tool.

[names]       old name = new name, of modules and of what they define; where a list has two new
              names, the second one is for the bodies of functions
[fixtures]    old name = new name
[wiring]      `conftest`: the fixtures that `tests/conftest.py` needs, with their imports;
              `{{ package }}` and `{{ api_prefix }}` stand for those of the service
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tpgen.core.errors import Misuse

from .project import ANSWERS, Project

# Relative to the template's repository.
TABLE = "extensions/tpgen/moved.toml"
API_PREFIX = "/v1"


@dataclass(frozen=True)
class Moved:
    """The table of one version of the template.

    Attributes:
        names: old dotted name to the new one, and to the one for the bodies of functions.
        fixtures: old name of a fixture to the new one.
        conftest: Python text of the fixtures that the conftest needs.
    """

    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    fixtures: Mapping[str, str] = field(default_factory=dict)
    conftest: str = ""

    def new(self, dotted: str, *, in_function: bool = False) -> str | None:
        """Return the new name of something, or None if it has not moved."""
        old, rest = dotted, ""
        while old:
            if old in self.names:
                return self.names[old][in_function] + rest
            old, _, last = old.rpartition(".")
            rest = f".{last}{rest}"
        return None

    def of(self, project: Project) -> "Moved":
        """Return the table with the package and the API prefix of a service filled in."""
        given = _answers(project)
        packages = [folder.name for folder in project.service.packages]
        facts = {
            "package": packages[0] if packages else given.get("package", "app"),
            "api_prefix": given.get("api_prefix", API_PREFIX),
        }
        text = self.conftest
        for name, value in facts.items():
            text = text.replace(f"{{{{ {name} }}}}", str(value))
        return replace(self, conftest=text)


def _answers(project: Project) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.safe_load((project.root / ANSWERS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=1)
def installed() -> Moved:
    """Return the table of this tool."""
    return parse((Path(__file__).parents[1] / Path(TABLE).name).read_text(encoding="utf-8"))


def parse(text: str) -> Moved:
    """Return a table.

    Raises:
        Misuse: it can't be read.
    """
    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise _broken(f"can't be read: {error}") from None
    names, fixtures = _table(content, "names"), _table(content, "fixtures")
    conftest = _table(content, "wiring").get("conftest", "")
    if not all(isinstance(text, str) for text in [conftest, *fixtures.values()]):
        raise _broken("must hold texts in [fixtures] and [wiring]")
    return Moved({old: _pair(old, new) for old, new in names.items()}, fixtures, conftest)


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise _broken(f"has `{name}`, which must be a table")
    return found


def _pair(old: str, new: object) -> tuple[str, str]:
    both = [new, new] if isinstance(new, str) else new
    if not isinstance(both, list) or len(both) != 2 or not all(isinstance(n, str) for n in both):
        raise _broken(f"[names] {old} must be a name, or a list of two")
    return both[0], both[1]


def _broken(reason: str) -> Misuse:
    return Misuse(f"{TABLE} of the template {reason}; correct it there, and release that")
