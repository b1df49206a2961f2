"""The table `moved.toml`: what updates renamed, and the fixtures that a conftest needs.

[names]       old name = new name, of modules and of what they define; of two new names the second
              one is for the bodies of functions
[fixtures]    old name = new name
[wiring]      `conftest`: the fixtures that `tests/conftest.py` needs, with their imports;
              `{{ package }}` and `{{ api_prefix }}` stand for those of the service
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tpgen.core.errors import UserError

from .project import ANSWERS, Project

# Relative to the template's repository.
TABLE = "extensions/tpgen/moved.toml"


@dataclass(frozen=True)
class Moved:
    """The table of one version of the template; each new name also as for bodies of functions."""

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

    def conftest_of(self, project: Project) -> str:
        """Return the fixtures with the package and the API prefix of a service."""
        import yaml

        answers = project.file(ANSWERS)
        known = (answers and yaml.safe_load(answers.text)) or {}
        packages = [folder.name for folder in project.service.packages]
        package = packages[0] if packages else known.get("package", "app")
        text = self.conftest.replace("{{ package }}", package)
        return text.replace("{{ api_prefix }}", known.get("api_prefix", "/v1"))


@lru_cache(maxsize=1)
def installed() -> Moved:
    """Return the table of this tool."""
    return parse((Path(__file__).parents[1] / Path(TABLE).name).read_text(encoding="utf-8"))


def parse(text: str) -> Moved:
    try:
        content = tomllib.loads(text)
        names = {}
        for old, new in content.get("names", {}).items():
            first, second = [new, new] if isinstance(new, str) else new
            names[old] = first, second
        fixtures = {old: str(new) for old, new in content.get("fixtures", {}).items()}
        return Moved(names, fixtures, content.get("wiring", {}).get("conftest", ""))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{TABLE} of the template can't be read: {error}; correct it in the template, and "
            "release that"
        ) from None
