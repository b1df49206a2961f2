"""What `[tool.tpgen]` of `pyproject.toml` says."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tpgen.errors import Misuse

WHERE = "pyproject.toml"
KEYS = ("exclude", "exemptions")


@dataclass(frozen=True)
class Settings:
    """The settings of a project.

    Attributes:
        text: of the whole file.
        table: `[tool.tpgen]`.
    """

    text: str
    table: Mapping[str, Any]

    @property
    def exclude(self) -> list[str]:
        """Patterns of the files that are not the project's own.

        Raises:
            Misuse: they are no list of texts.
        """
        given = self.table.get("exclude", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise Misuse(f'{WHERE}: `exclude` of [tool.tpgen] is a list: exclude = ["vendored/**"]')
        return given

    @property
    def exemptions(self) -> list[tuple[Any, int]]:
        """The tables of the exemptions, as they stand there, each with its line."""
        tables = self.table.get("exemptions", [])
        headers = re.finditer(
            r"^[ \t]*\[\[\s*tool\s*\.\s*tpgen\s*\.\s*exemptions\s*\]\]", self.text, re.MULTILINE
        )
        lines = [self.text.count("\n", 0, found.start()) + 1 for found in headers]
        if not isinstance(tables, list) or len(lines) < len(tables):
            lines = [1] * len(tables)
        return [(table, line) for table, line in zip(tables, lines, strict=False)]


def read(root: Path) -> Settings:
    """The settings of a project; empty ones where it has none.

    Raises:
        Misuse: `pyproject.toml` can't be read, or `[tool.tpgen]` holds what nobody knows.
    """
    try:
        text = (root / WHERE).read_text(encoding="utf-8")
        tool = tomllib.loads(text).get("tool", {})
    except FileNotFoundError:
        return Settings("", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misuse(f"{WHERE} can't be read: {error}; correct it first") from None
    table = tool.get("tpgen", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise Misuse(f"{WHERE}: [tool.tpgen] is no table: write its keys below that header")
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            hint = f"is it `{near[0]}`?" if near else f"there are {' and '.join(KEYS)}"
            raise Misuse(f"{WHERE}: [tool.tpgen] has the unknown key `{key}`; {hint}")
    return Settings(text, table)
