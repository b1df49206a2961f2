"""What updates renamed: the table `tests/policy/moved.toml`, which the template owns.

[names]       old name = new name, of modules and of what they define; where a list has two new
              names, the second one is for the bodies of functions
[fixtures]    old name = new name
[wiring]      `conftest`: the fixtures that `tests/conftest.py` needs, with their imports
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tpgen.errors import Misuse

TABLE = Path("tests/policy/moved.toml")


@dataclass(frozen=True)
class Moved:
    """The table of a service.

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


@lru_cache(maxsize=8)
def read(root: Path) -> Moved:
    """Return the table of a service; an empty one if its policy has none.

    Raises:
        Misuse: the table can't be read.
    """
    try:
        content = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Moved()
    except (OSError, ValueError) as error:
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
    return Misuse(f"{TABLE} {reason}; restore it with `git checkout HEAD -- tests/policy`")
